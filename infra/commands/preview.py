"""`printledger preview`: a picture of a product with a text and a picture on it, drawn by the running API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import httpx
import typer

from infra.commands.common import DataDir, Json, print_json, running_settings_of
from infra.demo.seed import API_KEY_FILE
from infra.files import write_whole
from infra.settings import Settings
from processors.ports import NamedError

KEY_SETTING = "PRINTLEDGER_API_KEY"
SECONDS_MAX = 60.0
FORMATS = {".webp": "image/webp", ".png": "image/png"}


class PreviewNotDrawn(NamedError):
    """The API did not draw the preview."""


class FormatNotOffered(NamedError):
    """A preview is a WebP or PNG picture: let --out end with .webp or .png."""


class KeyMissingHere(NamedError):
    """An API key is needed. Make one with `printledger key create` and set PRINTLEDGER_API_KEY to it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(
    template: Annotated[str, typer.Argument(help="A published template, such as mug-11oz-white.")],
    out: Annotated[Path, typer.Option(help="Where to write the picture, .webp or .png.", dir_okay=False)],
    data: DataDir = None,
    text: Annotated[str | None, typer.Option(help="What the buyer writes.")] = None,
    picture: Annotated[Path | None, typer.Option(help="What the buyer uploads.", exists=True, dir_okay=False)] = None,
    area: Annotated[str | None, typer.Option(help="The print area (default: the first).")] = None,
    colour: Annotated[str | None, typer.Option(help="One of the blank's colours.")] = None,
    view: Annotated[str, typer.Option(help="mockup or print.")] = "mockup",
    width: Annotated[int, typer.Option(min=64, max=1600, help="In pixels.")] = 600,
    as_json: Json = False,
) -> None:
    """Draw a product with a text and a picture on it, and say what a check would find. Nothing is kept."""
    settings = running_settings_of(data)
    media_type = FORMATS.get(out.suffix.lower())
    if media_type is None:
        raise FormatNotOffered
    fields = {"template_id": template, "text": text, "area": area, "colour": colour, "view": view}
    form = {name: value for name, value in fields.items() if value is not None}
    answer = httpx.post(
        f"{settings.public_base_url}/v1/previews",
        data=form,
        # A field without a file name is a plain one; it also makes this a form with parts where no file is sent.
        files={"width_px": (None, str(width)), **({"picture": picture.read_bytes()} if picture else {})},
        headers={"Authorization": f"Bearer {_key(settings)}", "Accept": media_type},
        timeout=SECONDS_MAX,
        trust_env=False,
    )
    if answer.status_code != httpx.codes.OK:
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        raise PreviewNotDrawn(f"{told.get('detail', PreviewNotDrawn.__doc__)} (HTTP {answer.status_code})")
    write_whole(out, answer.content)
    findings = [one.strip() for one in answer.headers["printledger-findings"].split(",") if one.strip()]
    verdict = answer.headers["printledger-verdict"]
    if as_json:
        print_json({"out": str(out), "verdict": verdict, "findings": findings, "bytes": len(answer.content)})
        return
    typer.echo(f"{out}: {verdict}")
    for one in findings:
        typer.echo(f"  {one}")


def _key(settings: Settings) -> str:
    """The caller's key, or the demo's own."""
    if given := os.environ.get(KEY_SETTING, "").strip():
        return given
    file = settings.data_dir / API_KEY_FILE
    if not file.exists():
        raise KeyMissingHere
    return file.read_text(encoding="utf-8").strip()
