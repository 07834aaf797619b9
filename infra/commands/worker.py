"""`printledger worker`: one process that does one or several kinds of work."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from infra import bootstrap
from infra.commands.common import DataDir, settings_of

EFFECTS = ("artwork", "render", "route", "submit", "cancel", "inspect", "label", "notify", "claim", "refund", "void")
SERVICES = (
    "inbound",
    "timers",
    "reactors",
    "catalogue-sync",
    "reconciler",
    "status-relay",
    "sweeper",
    "batches",
    "alerts",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)


def worker(
    names: Annotated[list[str], typer.Argument(help=f"Of {', '.join((*EFFECTS, *SERVICES))}.", metavar="NAME…")],
    data: DataDir = None,
    slot: Annotated[
        int, typer.Option(min=0, max=999, help="Which of the processes with this work this is; each has its own slot.")
    ] = 0,
) -> None:
    """Work until told to end; what is in hand is finished or found again by the next process."""
    settings = settings_of(data)
    if unknown := [name for name in names if name not in (*EFFECTS, *SERVICES)]:
        raise typer.BadParameter(f"{', '.join(unknown)}: choose of {', '.join((*EFFECTS, *SERVICES))}")
    asyncio.run(bootstrap.run_workers(settings, names, slot))
