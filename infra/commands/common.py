"""What the commands share: options, settings, JSON output."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from infra import lock, logs
from infra.settings import Settings, load
from processors.ports import NamedError

DataDir = Annotated[
    Path | None, typer.Option("--data", help="The data folder (default: DATA_DIR, or .data).", file_okay=False)
]
Tenant = Annotated[str | None, typer.Option(help="The tenant (default: the first of TENANTS).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NotRunning(NamedError):
    """printledger is not running in this folder. Start it with `printledger up`, or name another with --data."""


class FileNotUsable(NamedError):
    """Name a file that is there, can be read, and is not larger than its use allows."""


class TimeNotUnderstood(NamedError):
    """A time is a date such as 2026-06-01 or a time such as 2026-06-01T14:30; without a zone it is UTC."""


class OrderNotFound(NamedError):
    """The tenant has no order with this id; `printledger orders` lists them."""


def settings_of(data: Path | None) -> Settings:
    """The settings of a data folder; from here on this process logs as they say."""
    settings = load(data)
    logs.configure(settings.log_level)
    return settings


def running_settings_of(data: Path | None) -> Settings:
    """The settings of a folder whose embedded stack runs; raises NotRunning at once instead of waiting for it."""
    settings = settings_of(data)
    if settings.embedded and lock.holder(settings.data_dir) is None:
        raise NotRunning(f"{settings.data_dir}: {NotRunning.__doc__}")
    return settings


def content_of(path: Path, bytes_max: int) -> bytes:
    """All bytes of a file that a person named; raises FileNotUsable, which says what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise FileNotUsable(f"{path}: {error.strerror}. {FileNotUsable.__doc__}") from None
    if len(content) > bytes_max:
        raise FileNotUsable(f"{path} has more than {bytes_max:,} bytes. {FileNotUsable.__doc__}")
    return content


def time_of(words: str, otherwise: int) -> int:
    """Epoch milliseconds of a date or time in words. Raises TimeNotUnderstood."""
    if not words:
        return otherwise
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise TimeNotUnderstood(f"{words}: {TimeNotUnderstood.__doc__}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000)


def second_of(at_ms: int) -> str:
    """Epoch milliseconds as date and time in UTC, to the second, as a person reads them."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def minute_of(at_ms: int) -> str:
    """The same to the minute."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
