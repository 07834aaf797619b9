"""`printledger template publish` and `printledger picture hash`: what an operator gives to checks and renders."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from infra import bootstrap
from infra.commands.common import DataDir, running_settings_of
from processors.ports import NamedError
from processors.uploads import UPLOAD_BYTES_MAX

#: A template of sixteen areas with thirty-two layers each has less.
TEMPLATE_BYTES_MAX = 1024 * 1024

template_app = typer.Typer(help="What products are printed by.", no_args_is_help=True)
picture_app = typer.Typer(help="Pictures that the check knows.", no_args_is_help=True)


class FileNotUsable(NamedError):
    """The file is not there, cannot be read, or is too large."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    template_app.command("publish")(publish)
    # With a callback typer takes the name for a subcommand even where only one is there.
    template_app.callback()(_templates)
    app.add_typer(template_app, name="template")
    picture_app.command("hash")(picture_hash)
    picture_app.callback()(_pictures)
    app.add_typer(picture_app, name="picture")


def _templates() -> None:
    """What products are printed by."""


def _pictures() -> None:
    """Pictures that the check knows."""


def publish(
    file: Annotated[Path, typer.Argument(help="The template's JSON.")],
    product: Annotated[str, typer.Option(help="The product that it is for.")],
    art: Annotated[list[Path] | None, typer.Option(help="A file that the template is made of; once each.")] = None,
    data: DataDir = None,
) -> None:
    """Publish a version of a template. Placed orders keep the version that they were bought with."""
    settings = running_settings_of(data)
    document = _content(file, TEMPLATE_BYTES_MAX)
    files = [_content(one, UPLOAD_BYTES_MAX) for one in art or ()]

    async def run() -> str:
        async with bootstrap.operator_desk(settings) as desk:
            template = await desk.catalogue.publish_template(product, document, files)
            return f"{template.template_id} version {template.version}: {', '.join(one.name for one in template.areas)}"

    typer.echo(asyncio.run(run()))


def picture_hash(
    file: Annotated[Path, typer.Argument(help="The picture that somebody owns.")],
    label: Annotated[str, typer.Argument(help="What is told of it when a buyer sends the like.")],
) -> None:
    """Print a line for the list that KNOWN_PICTURES names."""
    from processors.artwork.fingerprint import fingerprint
    from processors.artwork.sandbox import SandboxPool

    content = _content(file, UPLOAD_BYTES_MAX)
    with SandboxPool(1) as pool:
        typer.echo(f"{fingerprint(pool, content)} {' '.join(label.split())}")


def _content(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise FileNotUsable(f"{path}: {error.strerror}. {FileNotUsable.__doc__}") from None
    if len(content) > bytes_max:
        raise FileNotUsable(f"{path} has more than {bytes_max} bytes. {FileNotUsable.__doc__}")
    return content
