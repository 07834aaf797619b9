"""`printledger project`: folds the ledger into read models, or rebuilds one beside the shown one."""

import gc
import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from events.codec import Codec
from infra import kafka
from infra.commands.common import DataDir, Json, print_json, settings_of
from infra.progress import progress
from infra.settings import Settings
from processors.ports import NamedError
from projections.connections import Connections
from projections.errors import ProjectionError
from projections.model import Topics
from projections.models import ALL, chosen
from projections.parallel import GC_THRESHOLD
from projections.rebuild import rebuild
from projections.service import follow


class ProjectionStopped(NamedError):
    """A projection cannot go on."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("project")(project)


def project(
    names: Annotated[list[str], typer.Argument(help=f"Read models, or '{ALL}'.", metavar="NAME…")],
    data: DataDir = None,
    again: Annotated[
        bool, typer.Option("--rebuild", help="Fold the whole ledger anew beside the shown tables, show it, end.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that share a rebuild (default: by its size).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fold facts into read models: rows and offsets in one transaction."""
    try:
        if again:
            rebuild_all(names, data, processes, as_json=as_json)
        else:
            run(names, data)
    except ProjectionError as error:
        raise ProjectionStopped(str(error)) from error


def run(names: list[str], data: Path | None) -> None:
    """Follow the ledger until a signal to end comes."""
    settings = settings_of(data)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    gc.set_threshold(*GC_THRESHOLD)
    gc.freeze()
    follow(names, topics_of(settings), connections_of(settings), Codec(), _now, stop)


def rebuild_all(names: list[str], data: Path | None, processes: int | None, *, as_json: bool) -> None:
    """Rebuild these read models, one after the other."""
    settings = settings_of(data)
    topics = topics_of(settings)
    gc.set_threshold(*GC_THRESHOLD)
    for model in chosen(names, topics):
        with progress(model.name) as told:
            done = rebuild(model.name, topics, connections_of(settings), Codec(), processes=processes, on_progress=told)
        if as_json:
            print_json(done)
        else:
            typer.echo(f"{done.read_model}: build {done.build}, {done.records} records in {done.seconds:.1f} s")


def topics_of(settings: Settings) -> Topics:
    """The topics of this installation."""
    names = Topics()
    prefix = settings.topic_prefix
    return Topics(
        order_events=prefix + names.order_events,
        order_rejected=prefix + names.order_rejected,
        catalogue_events=prefix + names.catalogue_events,
        catalogue_rejected=prefix + names.catalogue_rejected,
        batch_rejected=prefix + names.batch_rejected,
        batch_events=prefix + names.batch_events,
        operations_events=prefix + names.operations_events,
    )


def connections_of(settings: Settings) -> Connections:
    """Database and broker of this installation, as a projection takes them."""
    return Connections(
        database_url=settings.database_url,
        consumer_config=kafka.consumer_config(settings, "printledger-projection"),
    )


def _now() -> int:
    return int(time.time() * 1000)
