"""The two small servers: S3 (versitygw) and mail (aiosmtpd)."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from infra.child import Command
from infra.ports import accepts
from infra.s3 import ObjectStoreUnreachable, ensure_bucket, s3_client
from infra.settings import LOOPBACK, Settings
from infra.stack.part import Part
from infra.stack.tools import Tools
from infra.urls import address_of

HEALTH = "/health"
HEALTH_SECONDS = 2.0


def s3_part(settings: Settings, tools: Tools) -> Part:
    """The object store on its loopback port, with the bucket and its versions."""
    home = settings.data_dir / "s3"
    # Old versions must lie outside of the folder that is served, or they would be listed as objects.
    objects, versions = home / "objects", home / "versions"

    def prepare() -> None:
        for folder in (objects, versions):
            folder.mkdir(parents=True, exist_ok=True)

    def command() -> Command:
        return Command(
            name="s3",
            argv=(
                *(str(tools.versitygw), "--port", f"{LOOPBACK}:{settings.s3_port}", "--health", HEALTH),
                *("--region", settings.s3_region, "posix", "--versioning-dir", str(versions), str(objects)),
            ),
            environment={
                "ROOT_ACCESS_KEY": settings.s3_access_key,
                "ROOT_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
            },
            folder=home,
        )

    def settle() -> None:
        ensure_bucket(s3_client(settings), settings.s3_bucket)

    embedded = "s3" in settings.embedded
    return Part(
        name="s3",
        address=settings.s3_endpoint_url,
        prepare=prepare,
        command=command if embedded else None,
        answers=lambda: _health(settings) if embedded else _store_answers(settings),
        settle=settle,
    )


def smtp_part(settings: Settings, tools: Tools) -> Part:
    """The mail server on its loopback port; mails lie in the data folder's `mail`."""

    def command() -> Command:
        return Command(
            name="smtp",
            argv=(tools.python, "-m", "infra.stack.mail", str(settings.smtp_port), str(settings.mail_dir)),
        )

    def answers() -> bool:
        address = urlsplit(settings.smtp_url)
        return accepts(settings.smtp_port) if "smtp" in settings.embedded else bool(address.hostname)

    return Part(
        name="smtp",
        address=address_of(settings.smtp_url).url,
        command=command if "smtp" in settings.embedded else None,
        answers=answers,
    )


def _health(settings: Settings) -> bool:
    if not accepts(settings.s3_port):
        return False
    try:
        return httpx.get(settings.s3_endpoint_url + HEALTH, timeout=HEALTH_SECONDS, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _store_answers(settings: Settings) -> bool:
    try:
        ensure_bucket(s3_client(settings), settings.s3_bucket)
    except ObjectStoreUnreachable:
        return False
    return True
