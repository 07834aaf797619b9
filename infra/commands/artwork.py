"""`printledger template publish` and `printledger picture hash`: what an operator gives to checks and renders."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from infra import bootstrap
from infra.commands.common import DataDir, content_of, running_settings_of
from processors.uploads import UPLOAD_BYTES_MAX

#: A template of sixteen areas with thirty-two layers each has less.
TEMPLATE_BYTES_MAX = 1024 * 1024

template_app = typer.Typer(help="What products are printed by.", no_args_is_help=True)
picture_app = typer.Typer(help="Pictures that the check knows.", no_args_is_help=True)


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
    document = content_of(file, TEMPLATE_BYTES_MAX)
    files = [content_of(one, UPLOAD_BYTES_MAX) for one in art or ()]

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

    content = content_of(file, UPLOAD_BYTES_MAX)
    with SandboxPool(1) as pool:
        typer.echo(f"{fingerprint(pool, content)} {' '.join(label.split())}")
