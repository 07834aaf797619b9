"""Keeps the system running: the stack's parts, the application's processes, and a file that says how they are.

An application process that ends is started again after a wait that grows. A part of the stack that ends is named
with its log's last lines, and the system stops: its data is whole, and a person should look.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import msgspec
import structlog

from infra.child import Child, describe_exit, last_lines_of
from infra.files import write_whole
from infra.ports import accepts
from infra.processes import AppProcess
from infra.settings import Settings
from infra.stack.runner import PartEnded, Stack
from infra.system_state import STATUS, ProcessState, SystemState
from infra.urls import address_of

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.5
WAIT_SECONDS_MAX = 30.0
#: A process that ran this long had started well: its next wait is the first one again.
STEADY_SECONDS = 30.0
#: A process that has not ended by itself, and looks at nothing, is looked at this often (ports, status).
TICK_SECONDS = 0.25


class Kept:
    """One application process and its restarts."""

    def __init__(self, process: AppProcess, settings: Settings) -> None:
        self.process = process
        self.child: Child | None = None
        self.restarts = 0
        self.last_exit: str | None = None
        self.is_ready = False
        self._settings = settings
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._started_at = 0.0
        self.start_at: float | None = 0.0

    def tick(self, now: float) -> None:
        """Notice an end, start again when it is time, see whether it is ready."""
        if self.child is not None and self.child.exit_code is not None:
            self._note_end(self.child, now)
        if self.child is None and self.start_at is not None and now >= self.start_at:
            self.child = Child(self.process.command(self._settings), self.log)
            self._started_at, self.start_at = now, None
        if self.child is not None and not self.is_ready:
            self.is_ready = self.process.port is None or accepts(self.process.port)

    def _note_end(self, child: Child, now: float) -> None:
        if now - self._started_at >= STEADY_SECONDS:
            self._wait_seconds = FIRST_WAIT_SECONDS
        self.last_exit = describe_exit(child.exit_code)
        self.restarts += 1
        self.child, self.is_ready, self.start_at = None, False, now + self._wait_seconds
        log.warning(
            "process_ended",
            process=self.process.name,
            how=self.last_exit,
            again_in_seconds=self._wait_seconds,
            last_lines=last_lines_of(self.log),
        )
        self._wait_seconds = min(self._wait_seconds * 2, WAIT_SECONDS_MAX)

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self._settings.logs_dir / f"{self.process.name}.log"

    def state(self) -> ProcessState:
        """How it is."""
        word = "waiting" if self.child is None else "running" if self.is_ready else "starting"
        return ProcessState(
            name=self.process.name,
            kind="process",
            state=word,
            pid=self.child.pid if self.child is not None else None,
            address=f"127.0.0.1:{self.process.port}" if self.process.port is not None else None,
            restarts=self.restarts,
            last_exit=self.last_exit,
            log=str(self.log),
        )


class Supervisor:
    """Runs stack and processes until a signal, the end of a watched process, or the end of a part."""

    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        processes: Sequence[AppProcess],
        *,
        tell: Callable[[str], None],
        until_pid: int | None = None,
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._kept = [Kept(process, settings) for process in processes]
        self._tell = tell
        self._until_pid = until_pid
        self._state = "starting"
        self._error: str | None = None
        self._started_at = time.time_ns() // 1_000_000
        self._written: bytes = b""

    def run(self) -> None:
        """Start everything, keep it running, stop it in order. Raises what Stack.start raises, and PartEnded."""
        started_at = time.monotonic()
        with _woken_by_signals() as wake:
            try:
                self._write_status()
                self._stack.start(lambda name, seconds: self._tell(f"{name} is ready ({seconds:.1f} s)"))
                self._watch(wake, started_at)
            except BaseException as error:
                self._error = str(error)
                raise
            finally:
                self._stop()

    def _watch(self, wake: socket.socket, started_at: float) -> None:
        """Start the processes and look after them until it is time to end."""
        with _watched(self._until_pid) as watched:
            while True:
                now = time.monotonic()
                for kept in self._kept:
                    kept.tick(now)
                if self._state == "starting" and all(kept.is_ready for kept in self._kept):
                    self._state = "running"
                    self._tell(f"printledger is running ({time.monotonic() - started_at:.1f} s)")
                if (ended := self._stack.ended()) is not None:
                    raise PartEnded(f"{PartEnded.__doc__} {ended.ending()}")
                self._write_status()
                readable, _, _ = select.select([wake.fileno(), *watched], [], [], TICK_SECONDS)
                if readable:
                    return

    def _stop(self) -> None:
        self._state = "stopping"
        self._write_status()
        children = [kept.child for kept in self._kept if kept.child is not None]
        for child in children:
            child.signal(child.command.stop_signal)
        deadline = time.monotonic() + self._settings.stop_seconds_max
        for child in children:
            child.stop(max(0.1, deadline - time.monotonic()))
        self._stack.stop()
        self._state = "failed" if self._error else "stopped"
        self._write_status()

    def _write_status(self) -> None:
        content = msgspec.json.encode(self.state())
        if content != self._written:
            write_whole(self._settings.data_dir / STATUS, content)
            self._written = content

    def state(self) -> SystemState:
        """How everything is."""
        settings = self._settings
        return SystemState(
            state=self._state,
            pid=os.getpid(),
            profile=settings.profile,
            data_dir=str(settings.data_dir),
            started_at=self._started_at,
            addresses={
                "api": settings.public_base_url,
                "kafka": settings.kafka_bootstrap_servers,
                "registry": address_of(settings.schema_registry_url).url,
                "s3": settings.s3_endpoint_url,
                "smtp": address_of(settings.smtp_url).url,
                "mail": str(settings.mail_dir),
            },
            processes=[self._state_of_part(name) for name in self._stack.parts] + [k.state() for k in self._kept],
            error=self._error,
        )

    def _state_of_part(self, name: str) -> ProcessState:
        child = self._stack.children.get(name)
        ready = self._stack.ready_seconds.get(name)
        if self._stack.parts[name].command is None:
            word = "elsewhere"
        elif child is None:
            word = "stopped"
        elif child.exit_code is not None:
            word = "ended"
        else:
            word = "running" if ready is not None else "starting"
        # A database's address may hold a password, and the embedded one's is a socket.
        address = self._stack.parts[name].address if name != "postgres" else None
        return ProcessState(
            name=name,
            kind="part",
            state=word,
            pid=child.pid if child is not None else None,
            address=address,
            last_exit=describe_exit(child.exit_code) if child is not None and child.exit_code is not None else None,
            ready_seconds=round(ready, 2) if ready is not None else None,
            log=str(self._settings.logs_dir / f"{name}.log"),
        )


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """A socket that becomes readable with SIGTERM and SIGINT, which then end nothing by themselves."""
    ours, wake = socket.socketpair()
    ours.setblocking(False)

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        with contextlib.suppress(BlockingIOError):
            ours.send(b"!")

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with ours, wake:
            yield wake
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _watched(pid: int | None) -> Iterator[list[int]]:
    """A descriptor that becomes readable when the process ends; none without a process."""
    if pid is None:
        yield []
        return
    descriptor = os.pidfd_open(pid)
    try:
        yield [descriptor]
    finally:
        os.close(descriptor)
