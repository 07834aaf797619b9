"""`printledger key` and `printledger store`: who may use the API, and which stores are connected."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from events.decoding import from_json
from infra import intake, postgres
from infra.access import PLATFORMS, SCOPES
from infra.commands.common import DataDir, Json, Tenant, content_of, print_json, running_settings_of
from processors.clock import now_ms
from processors.inbound.assemble import store_options
from processors.ports import NamedError, StoreConnection

DAY_MS = 86_400_000
SECRET_BYTES_MAX = 4_096
OPTIONS_BYTES_MAX = 65_536

key_app = typer.Typer(help="API keys of a tenant.", no_args_is_help=True)
store_app = typer.Typer(help="The stores that are connected.", no_args_is_help=True)


class OptionsNotUsable(NamedError):
    """The options are a JSON object with `shopify` and `policy`, each an object. Mend the file, then try again."""


class SecretNotUsable(NamedError):
    """A webhook secret is 1 to 4096 bytes. Give it on standard input (`--secret -`) or in a file."""


class KeyNotKnown(NamedError):
    """The tenant has no living key with this prefix: it is the part between `pl_` and the second underscore."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    key_app.command("create")(create_key)
    key_app.command("revoke")(revoke_key)
    store_app.command("connect")(connect_store)
    app.add_typer(key_app, name="key")
    app.add_typer(store_app, name="store")


def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for; no person's name.")],
    data: DataDir = None,
    tenant: Tenant = None,
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)} (default: all).")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it expires (default: never).")] = None,
    as_json: Json = False,
) -> None:
    """Make an API key and print it: the only time that it is seen."""
    settings = running_settings_of(data)
    expires_at = now_ms() + days * DAY_MS if days else None
    with postgres.pool(settings.database_url, settings, name="keys") as pool:
        keys = intake.api_keys(settings, pool)
        presented = keys.create(tenant or settings.tenants[0], name, scope or SCOPES, expires_at=expires_at)
    if as_json:
        print_json({"key": presented, "expires_at": expires_at})
    else:
        typer.echo(presented)


def revoke_key(
    prefix: Annotated[str, typer.Argument(help="The part of the key between `pl_` and the second underscore.")],
    data: DataDir = None,
    tenant: Tenant = None,
) -> None:
    """End an API key; running processes take note within seconds."""
    settings = running_settings_of(data)
    with postgres.pool(settings.database_url, settings, name="keys") as pool:
        if not intake.api_keys(settings, pool).revoke(tenant or settings.tenants[0], prefix):
            raise KeyNotKnown
    typer.echo(f"{prefix} is revoked.")


def connect_store(
    store: Annotated[str, typer.Argument(help="A name for the store, such as acme-shopify.")],
    platform: Annotated[str, typer.Option(help=f"One of {', '.join(PLATFORMS)}.")],
    data: DataDir = None,
    tenant: Tenant = None,
    secret: Annotated[str | None, typer.Option(help="A file with the webhook secret, or - for standard input.")] = None,
    options: Annotated[
        Path | None, typer.Option(help="A JSON file: how orders are read, and the policy.", exists=True)
    ] = None,
) -> None:
    """Connect a store, or change its connection; a secret or options that are not given stay as they are."""
    settings = running_settings_of(data)
    owner = tenant or settings.tenants[0]
    given = _options(options) if options is not None else None
    # Read once as the processors will, so that a wrong option is told here and not with the first order.
    store_options(StoreConnection(store=store, tenant=owner, platform=platform, secret=None, options=given or {}))
    with postgres.pool(settings.database_url, settings, name="stores") as pool:
        intake.stores(settings, pool).put(owner, store, platform, secret=_secret(secret), options=given)
    typer.echo(f"{store} is connected for {owner}.")
    if platform == "shopify":
        typer.echo(f"Its webhooks go to {settings.public_base_url}/webhooks/shopify/{store}")


def _options(path: Path) -> dict[str, Any]:
    try:
        return from_json(content_of(path, OPTIONS_BYTES_MAX), dict[str, Any])
    except msgspec.MsgspecError as error:
        raise OptionsNotUsable(f"{OptionsNotUsable.__doc__} ({error})") from None


def _secret(where: str | None) -> bytes | None:
    if where is None:
        return None
    # An editor ends a file with a newline; a secret never does.
    bytes_max = SECRET_BYTES_MAX + len(b"\r\n")
    content = sys.stdin.buffer.read(bytes_max + 1) if where == "-" else content_of(Path(where), bytes_max)
    content = content.rstrip(b"\r\n")
    if not 1 <= len(content) <= SECRET_BYTES_MAX:
        raise SecretNotUsable
    return content
