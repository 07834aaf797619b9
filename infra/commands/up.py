"""`printledger up`, `down`, `status`: the whole system in one data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from infra import lock, logs
from infra.child import last_lines_of
from infra.commands.common import DataDir, Json, print_json
from infra.ports import free_ports
from infra.settings import DEFAULT_PORTS, STACK_ENV, Settings, prepare
from infra.stopped_partitions import stopped_partitions
from infra.system_state import SystemState, read_state
from processors.ports import NamedError

POLL_SECONDS = 0.05
#: Beyond the settings' own limits for starting and stopping, for the process around them.
GRACE_SECONDS = 30.0
NOT_RUNNING = 3


class UpFailed(NamedError):
    """printledger did not start. Its last words follow."""


class DownTooSlow(NamedError):
    """printledger did not end in time. Look at `printledger status`, and end the process by its id if you must."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(
    data: DataDir = None,
    profile: Annotated[str | None, typer.Option(help="demo, production (default) or test.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it runs; `down` ends it.")] = False,
    auto_ports: Annotated[
        bool, typer.Option("--auto-ports", help="In a new folder: take free ports, and keep them.")
    ] = False,
    parts_only: Annotated[bool, typer.Option("--parts-only", help="Only the stack, no application.")] = False,
    until_pid: Annotated[int | None, typer.Option(help="End when this process ends.", hidden=True)] = None,
) -> None:
    """Start the whole system: stack, topics, schemas, tables, bucket and processes. All of it may be there already."""
    overrides: dict[str, Any] = {"profile": profile} if profile else {}
    if detach:
        _detach(data, sys.argv[1:])
        return
    # Imported here: `down` and `status` need none of the stack's clients, and should answer at once.
    from infra.processes import app_processes
    from infra.stack.runner import Stack
    from infra.supervisor import Supervisor

    folder = folder_of(data)
    with lock.held(folder):
        if auto_ports and not (folder / STACK_ENV).exists():
            overrides |= zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True)
        settings = prepare(folder, **overrides)
        logs.configure(settings.log_level)
        processes = () if parts_only else app_processes(settings)
        Supervisor(settings, Stack(settings), processes, tell=typer.echo, until_pid=until_pid).run()


def down(data: DataDir = None) -> None:
    """End the system of a data folder, in order. Nothing to do is no error."""
    folder = folder_of(data)
    if not end(folder):
        typer.echo(f"printledger is not running in {folder}.")


def status(data: DataDir = None, as_json: Json = False) -> None:
    """Say what runs in a data folder. Exit code 3 where nothing does."""
    folder = folder_of(data)
    pid, state = lock.holder(folder), read_state(folder)
    is_running = pid is not None and state is not None and state.pid == pid
    if as_json:
        print_json({"running": is_running, "system": state, "stopped_partitions": stopped_partitions(folder)})
    elif state is None or (not is_running and state.error is None):
        typer.echo(f"printledger is not running in {folder}.")
    else:
        _print_state(state, is_running)
    if not is_running:
        raise typer.Exit(NOT_RUNNING)


def end(folder: Path) -> bool:
    """Ask the system of a folder to end and wait for it; False where none runs. Raises DownTooSlow."""
    pid = lock.holder(folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    seconds = seconds_given("stop_seconds_max") * 2 + GRACE_SECONDS
    deadline = time.monotonic() + seconds
    while lock.holder(folder) is not None:
        if time.monotonic() > deadline:
            raise DownTooSlow(f"Process {pid} still runs after {seconds:.0f} seconds. {DownTooSlow.__doc__}")
        time.sleep(POLL_SECONDS)
    return True


def _detach(data: Path | None, arguments: list[str]) -> None:
    """Start the same command in a session of its own and return when it says that it runs."""
    folder = folder_of(data)
    if (holder := lock.holder(folder)) is not None:
        raise lock.AlreadyRunning(f"{lock.AlreadyRunning.__doc__} (folder {folder}, process {holder})")
    log = folder / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", *(word for word in arguments if word != "--detach")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + seconds_given("start_seconds_max") + GRACE_SECONDS
    while True:
        state = read_state(folder)
        if state is not None and state.pid == started.pid and state.state == "running":
            _print_state(state, is_running=True)
            return
        if started.poll() is not None:
            raise UpFailed(f"{UpFailed.__doc__}\n{last_lines_of(log, count=60)}")
        if time.monotonic() > deadline:
            started.terminate()
            raise UpFailed(f"It took too long. {UpFailed.__doc__}\n{last_lines_of(log, count=60)}")
        time.sleep(POLL_SECONDS)


def _print_state(state: SystemState, is_running: bool) -> None:
    word = state.state if is_running else f"not running (last: {state.state})"
    typer.echo(f"printledger is {word}: profile {state.profile}, data {state.data_dir}, process {state.pid}")
    if state.error:
        typer.echo(state.error)
    for process in state.processes:
        notes = [process.address or "", f"restarts {process.restarts}" if process.restarts else ""]
        notes.append(f"last time it {process.last_exit}" if process.last_exit else "")
        pid = str(process.pid) if process.pid is not None else "-"
        typer.echo(f"  {process.name:<22} {process.state:<10} {pid:>8}  {'  '.join(filter(None, notes))}".rstrip())
    for stopped in stopped_partitions(Path(state.data_dir)):
        typer.echo(f"Partition {stopped.partition} of {stopped.stream} is not answered: {stopped.error}")
    if is_running:
        typer.echo(f"API {state.addresses['api']}   mails in {state.addresses['mail']}")


def folder_of(data: Path | None) -> Path:
    """The data folder, without needing settings that only `up` makes."""
    return Path(data or os.environ.get("DATA_DIR") or ".data").expanduser().resolve()


def seconds_given(name: str) -> float:
    """A time of the settings as the environment gives it, else its default; without what only `up` makes.

    What cannot be read counts as not given: the started process says what is wrong with it.
    """
    try:
        return float(os.environ[name.upper()])
    except (KeyError, ValueError):
        return float(cast(float, Settings.model_fields[name].default))
