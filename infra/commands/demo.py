"""`printledger demo`: its scenes, on a system of the demo profile that is started if it does not run."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from infra import bootstrap, lock
from infra.commands.common import DataDir, settings_of
from infra.commands.up import end, folder_of
from infra.demo.scenes import play_all
from infra.demo.show import live_view, summary
from infra.demo.theatre import Theatre
from infra.ports import is_free
from infra.settings import DEFAULT_PORTS, STACK_ENV, Settings
from infra.system_state import read_state
from processors.ports import NamedError

REFRESHES_PER_SECOND = 4


class DemoDidNotStart(NamedError):
    """The demo system did not start. What it said stands above."""


class NotADemo(NamedError):
    """What runs in this folder is no demo system. Name another folder with --data, where the demo starts one."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    data: DataDir = None,
    ci: Annotated[
        bool, typer.Option(help="Print lines, not a live table, and end by itself (also with CI in the environment).")
    ] = False,
) -> None:
    """Play the demonstration: real orders by every road, to the door. Exit 1 unless each scene ends as it should."""
    console = Console()
    unattended = ci or bool(os.environ.get("CI"))
    with _running(folder_of(data), console) as started_here:
        settings = settings_of(data)
        pictures = settings.data_dir / "demo-pictures"
        theatre = asyncio.run(_play(bootstrap.theatre(settings), pictures, console, quiet=unattended))
        summary(console, theatre.tickets, theatre.results)
        if any(result.problem for result in theatre.results):
            raise typer.Exit(1)
        if started_here and not unattended:
            _stay(settings, console)


@contextmanager
def _running(folder: Path, console: Console) -> Iterator[bool]:
    """A running system in this folder; one that was started here ends with the block. Yields whether it was.

    Raises NotADemo where the running one has no simulated presses and stores: nobody would play their parts.
    """
    pid = lock.holder(folder)
    if pid is not None:
        state = read_state(folder)
        if state is not None and state.pid == pid and state.profile != "demo":
            raise NotADemo(f"{folder}, profile {state.profile}: {NotADemo.__doc__}")
        yield False
        return
    console.print(f"Starting printledger with the demo profile in {folder} …")
    command = [sys.executable, "-m", "infra.cli", "up", "--detach", "--profile", "demo", "--data", str(folder)]
    if not (folder / STACK_ENV).exists() and not all(is_free(port) for port in _ports_wanted()):
        command.append("--auto-ports")
    if subprocess.run(command, check=False).returncode:
        raise DemoDidNotStart
    try:
        yield True
    finally:
        console.print("Ending printledger …")
        end(folder)


def _ports_wanted() -> list[int]:
    return [int(os.environ.get(name.upper(), default)) for name, default in DEFAULT_PORTS.items()]


def _stay(settings: Settings, console: Console) -> None:
    """Let people look around until they press Ctrl-C."""
    console.print(
        f"API {settings.public_base_url} (its description at /docs), mails in {settings.mail_dir}.\n"
        f"Try: printledger orders --data {settings.data_dir}\n"
        "It runs until Ctrl-C; what happened stays in the folder."
    )
    try:
        while lock.holder(settings.data_dir) is not None:
            time.sleep(1)
    except KeyboardInterrupt:
        return


async def _play(
    opening: AbstractAsyncContextManager[Theatre], pictures: Path, console: Console, *, quiet: bool
) -> Theatre:
    """Play all scenes and show them, and keep their pictures; a line a change where nobody watches."""
    async with opening as theatre:
        if quiet:
            told: dict[str, str] = {}
            theatre.on_change(lambda: _tell(console, theatre, told))
            await play_all(theatre)
        else:
            await _play_live(theatre, console)
        await theatre.keep_pictures(pictures)
        return theatre


async def _play_live(theatre: Theatre, console: Console) -> None:
    with Live(console=console, refresh_per_second=REFRESHES_PER_SECOND) as view:
        playing = asyncio.create_task(play_all(theatre))
        while not playing.done():
            view.update(live_view(theatre.tickets, theatre.results, time.monotonic()))
            await asyncio.wait({playing}, timeout=1 / REFRESHES_PER_SECOND)
        view.update(live_view(theatre.tickets, theatre.results, time.monotonic()))
        await playing


def _tell(console: Console, theatre: Theatre, told: dict[str, str]) -> None:
    for ticket in theatre.tickets:
        if told.get(ticket.order_id) != ticket.status:
            told[ticket.order_id] = ticket.status
            seconds = time.monotonic() - ticket.sent_at
            console.print(f"{ticket.order_number:>14}  {seconds:5.1f}s  {ticket.status:<20} {ticket.scene}")
