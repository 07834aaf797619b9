"""`printledger demo`: the five scenes, on a running system with the demo profile."""

import asyncio
import os
import time
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from infra import bootstrap
from infra.commands.common import DataDir, settings_of
from infra.demo.scenes import play_all
from infra.demo.show import live_view, summary
from infra.demo.theatre import Theatre

REFRESHES_PER_SECOND = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    data: DataDir = None,
    ci: Annotated[bool, typer.Option(help="Print lines instead of a live table (also with CI in the environment).")] = (
        False
    ),
) -> None:
    """Play the demonstration: real orders by every road, to the door. Exit 1 unless each scene ends as it should."""
    settings = settings_of(data)
    console = Console()
    quiet = ci or bool(os.environ.get("CI"))
    theatre = asyncio.run(_play(bootstrap.theatre(settings), console, quiet=quiet))
    summary(console, theatre.tickets, theatre.results)
    if any(result.problem for result in theatre.results):
        raise typer.Exit(1)


async def _play(opening: AbstractAsyncContextManager[Theatre], console: Console, *, quiet: bool) -> Theatre:
    """Play all scenes and show them; a line a change where nobody watches."""
    async with opening as theatre:
        if quiet:
            theatre.on_change(lambda: _tell(console, theatre, told))
            told: dict[str, str] = {}
            await play_all(theatre)
            return theatre
        with Live(console=console, refresh_per_second=REFRESHES_PER_SECOND) as view:
            playing = asyncio.create_task(play_all(theatre))
            while not playing.done():
                view.update(live_view(theatre.tickets, theatre.results, time.monotonic()))
                await asyncio.wait({playing}, timeout=1 / REFRESHES_PER_SECOND)
            view.update(live_view(theatre.tickets, theatre.results, time.monotonic()))
            await playing
        return theatre


def _tell(console: Console, theatre: Theatre, told: dict[str, str]) -> None:
    for ticket in theatre.tickets:
        if told.get(ticket.order_id) != ticket.status:
            told[ticket.order_id] = ticket.status
            seconds = time.monotonic() - ticket.sent_at
            console.print(f"{ticket.order_number:>14}  {seconds:5.1f}s  {ticket.status:<20} {ticket.scene}")
