"""One child process: started with a log of its own, ended politely and then not, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

LAUNCHER = Path(__file__).parent / "stack" / "launch.py"
LOG_BYTES_MAX = 16 * 1024 * 1024
LAST_LINES = 15
TAIL_BYTES = 16 * 1024


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: a program with arguments, added environment, and the signals that end it."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = {}
    folder: Path | None = None
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    #: Sent by the kernel when the process that started it is gone.
    death_signal: int = signal.SIGTERM


class Child:
    """A running command. Start it from the main thread: the kernel ends it with the thread that started it."""

    def __init__(self, command: Command, log: Path) -> None:
        self.command = command
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".1.log"))
        argv = (
            *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(command.death_signal))),
            *(command.user or "-", *command.argv),
        )
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(os.environ) | dict(command.environment),
                cwd=command.folder,
                # Its own session: an interrupt typed into the terminal reaches us alone, and we end all in order.
                start_new_session=True,
            )

    @property
    def name(self) -> str:
        """The command's name."""
        return self.command.name

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.exit_code is None:
            self._process.send_signal(number)

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it ended within the time."""
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, timeout_seconds: float) -> None:
        """End it politely; after the time kill it with everything that it started in its process group."""
        self.signal(self.command.stop_signal)
        if not self.wait(timeout_seconds):
            self.kill()

    def kill(self) -> None:
        """End it and its process group at once."""
        if self.exit_code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def ending(self) -> str:
        """How it ended, with the last lines of its log, for people."""
        return f"{self.name} {describe_exit(self.exit_code)}. {last_lines_of(self.log)}"


def describe_exit(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "is running"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def last_lines_of(log: Path, count: int = LAST_LINES) -> str:
    """The end of a log, introduced by where it is."""
    if not log.exists():
        return f"It has no log at {log}."
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    if not lines:
        return f"Its log {log} is empty."
    return f"The last lines of {log}:\n" + "\n".join(f"  {line}" for line in lines)
