"""What the commands share: options, settings, JSON output."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra import logs
from infra.settings import Settings, load

DataDir = Annotated[
    Path | None, typer.Option("--data", help="The data folder (default: DATA_DIR, or .data).", file_okay=False)
]
Tenant = Annotated[str | None, typer.Option(help="The tenant (default: the first of TENANTS).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(data: Path | None) -> Settings:
    """The settings of a data folder; from here on this process logs as they say."""
    settings = load(data)
    logs.configure(settings.log_level)
    return settings


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
