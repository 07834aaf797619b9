"""Live previews as they are served: the published templates, the real store and database, the operator's settings."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
import uvicorn
from PIL import Image
from typer.testing import CliRunner, Result

from infra import bootstrap, intake, postgres
from infra.access import SCOPES
from infra.cli import build
from infra.commands.preview import KEY_SETTING, FormatNotOffered, KeyMissingHere, PreviewNotDrawn
from infra.files import FileNotWritten
from infra.ports import free_ports
from infra.rollouts import RolloutInvalid, rollouts
from infra.settings import Settings
from processors.artwork import templates_folder
from processors.artwork.template import ArtLayer, Box, ProductPhoto, Template, template_from_json, template_to_json
from processors.workers.art import art_key
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from tests.integration.own_settings import own_settings
from tests.support import wait_until
from tests.unit.artwork.pictures import encoded, noisy

pytestmark = pytest.mark.stack

PICTURE = encoded(noisy(900, 900), "JPEG")
FRAME = encoded(noisy(60, 60, "RGBA", seed=5))
BLANK = encoded(Image.new("RGB", (240, 200), (250, 250, 250)))


def template(version: int) -> Template:
    """A mug; version 2 has a frame of its own and a photograph of the blank."""
    shipped = template_from_json((Path(templates_folder()) / "mug-11oz-white.json").read_bytes())
    made = msgspec.structs.replace(shipped, template_id="cup", version=version)
    if version == 1:
        return made
    area = made.area()
    box = Box(x_um=0, y_um=0, width_um=20_000, height_um=20_000)
    frame = ArtLayer(name="frame", box=box, asset=hashlib.sha256(FRAME).hexdigest())
    photo = ProductPhoto(
        asset=hashlib.sha256(BLANK).hexdigest(), corners=((40, 60), (200, 60), (200, 140), (40, 140)), wrap_degrees=120
    )
    return msgspec.structs.replace(
        made,
        areas=(msgspec.structs.replace(area, layers=(frame, *area.layers)),),
        product=msgspec.structs.replace(made.product, photos={area.name: photo}),
    )


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """A catalogue with two versions of a template, and version 2's files in the store."""
    with own_settings(stack, with_topics=False) as made:
        with psycopg.connect(made.database_url, autocommit=True) as connection:
            create_missing(connection, tuple(read_models(Topics()).values()))
            for version in (1, 2):
                body = template_to_json(template(version)).decode()
                connection.execute("INSERT INTO catalogue_templates VALUES ('cup', %s, 'cup', %s)", (version, body))
        bucket = intake.bucket(made)
        for content in (FRAME, BLANK):
            bucket.put(art_key(hashlib.sha256(content).hexdigest()), content, "image/png", {})
        bucket.put("demo/designs/one", PICTURE, "image/jpeg", {})
        yield made


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[str, str]:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        made = intake.api_keys(settings, pool)
        return {tenant: made.create(tenant, "tests", SCOPES) for tenant in ("demo", "other")}


def asked(settings: Settings, *requests: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
    """Previews by key and fields, from one API."""

    async def ask() -> list[httpx.Response]:
        async with bootstrap.api(settings) as app:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return [
                    await client.post(
                        "/v1/previews",
                        json={"template_id": "cup", "width_px": 200} | fields,
                        headers={"Authorization": f"Bearer {key}", "Accept": "image/png"},
                    )
                    for key, fields in requests
                ]

    return asyncio.run(ask())


def test_a_preview_comes_from_the_published_template_its_files_and_a_stored_design(
    settings: Settings, keys: dict[str, str]
) -> None:
    newest, first, again, foreign = asked(
        settings,
        (keys["demo"], {"text": "Zoë", "design_key": "demo/designs/one"}),
        (keys["demo"], {"text": "Zoë", "design_key": "demo/designs/one", "template_version": 1}),
        (keys["demo"], {"text": "Zoë", "design_key": "demo/designs/one"}),
        (keys["other"], {"text": "Zoë", "design_key": "demo/designs/one"}),
    )
    # Version 2 is shown on the operator's photograph, in its shape; version 1 on the drawn mug.
    assert Image.open(io.BytesIO(newest.content)).size == (200, 167)
    assert Image.open(io.BytesIO(first.content)).size == (200, 200)
    assert newest.headers["printledger-template"] == "cup;version=2;area=wrap"
    assert newest.content == again.content
    assert (foreign.status_code, foreign.json()["reason"]) == (404, "picture_not_known")


def test_a_roll_out_of_the_settings_decides_for_tenants(settings: Settings, keys: dict[str, str]) -> None:
    rollout = {"stable_version": 1, "version": 2, "share_permille": 0, "unit": "tenant"}
    rolling = settings.model_copy(update={"template_rollouts": {"cup": rollout}})
    (response,) = asked(rolling, (keys["demo"], {"text": "Zoë"}))
    assert response.headers["printledger-template"].startswith("cup;version=1;")


def test_a_file_of_the_template_that_is_gone_is_told(settings: Settings, keys: dict[str, str]) -> None:
    broken = msgspec.structs.replace(
        template(1),
        template_id="gone",
        areas=tuple(
            msgspec.structs.replace(
                area, layers=(ArtLayer(name="art", box=area.layers[0].box, asset="0" * 64), *area.layers)
            )
            for area in template(1).areas
        ),
    )
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO catalogue_templates VALUES ('gone', 1, 'gone', %s)", (template_to_json(broken).decode(),)
        )
    (response,) = asked(settings, (keys["demo"], {"template_id": "gone", "text": "Zoë"}))
    assert (response.status_code, response.json()["reason"]) == (422, "template_art_missing")


@pytest.mark.parametrize(
    "told", [{"version": 2}, {"stable_version": 1, "version": 2, "share_permille": 1001}, {"version": "two"}]
)
def test_a_roll_out_that_cannot_be_used_stops_the_start(stack: Settings, told: dict[str, Any]) -> None:
    with pytest.raises(RolloutInvalid, match="TEMPLATE_ROLLOUTS"):
        rollouts(stack.model_copy(update={"template_rollouts": {"cup": told}}))


def test_the_command_says_what_it_needs(stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_SETTING, raising=False)

    def typed(out: str) -> Result:
        arguments = ("preview", "cup", "--text", "Zoë", "--out", str(tmp_path / out), "--data", str(stack.data_dir))
        return CliRunner().invoke(build(arguments), arguments)

    assert isinstance(typed("cup.gif").exception, FormatNotOffered)
    assert isinstance(typed("cup.webp").exception, KeyMissingHere)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The API on a port of its own, in a thread."""
    (port,) = free_ports(1)
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with bootstrap.api(settings) as app:
            servers.append(uvicorn.Server(uvicorn.Config(app, port=port, log_config=None)))
            await servers[0].serve()

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, serve())
        try:
            wait_until(lambda: running.done() or (servers and servers[0].started), 60, "the API")
            yield f"http://127.0.0.1:{port}"
        finally:
            for server in servers:
                server.should_exit = True
            running.result(60)


def test_the_command_writes_the_picture_and_tells_the_findings(
    settings: Settings, stack: Settings, keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_SETTING, keys["demo"])
    upload = tmp_path / "upload.jpg"
    upload.write_bytes(PICTURE)

    def typed(*more: str) -> Result:
        arguments = ("preview", "cup", "--width", "200", "--data", str(stack.data_dir), *more)
        return CliRunner().invoke(build(arguments), arguments)

    with served(settings) as address:
        monkeypatch.setenv("PUBLIC_BASE_URL", address)
        out, bare = tmp_path / "cup.png", tmp_path / "bare.webp"
        told = typed("--text", "Zoë", "--picture", str(upload), "--out", str(out), "--json")
        without = typed("--text", "x" * 50, "--out", str(bare))
        unknown = typed("--text", "Zoë", "--area", "lid", "--out", str(tmp_path / "no.png"))
        nowhere = typed("--text", "Zoë", "--out", str(tmp_path / "missing" / "cup.png"))
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["bytes"] == out.stat().st_size
    with Image.open(out) as picture, Image.open(bare) as other:
        assert (picture.format, picture.size) == ("PNG", (200, 167))
        assert other.format == "WEBP"
    assert "text_too_long;severity=block" in without.output
    assert isinstance(unknown.exception, PreviewNotDrawn)
    assert "wrap" in str(unknown.exception)
    assert isinstance(nowhere.exception, FileNotWritten)
