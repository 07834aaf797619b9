"""A small pool of child processes, the only place where foreign bytes are decoded.

Each child limits its own memory, file sizes and open files before it imports a decoder, has no secrets in its
environment, and does one job at a time under a CPU and a wall-clock limit. A child that dies takes only its
job with it: the job is tried once more on a clean child, so that a stranger's crash (the system killing a big
process, say) does not condemn a good picture. Children are started by `python -m`, so the pool can be used from
any thread and needs nothing of the parent's memory.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import msgspec

from events.decoding import from_msgpack
from processors.artwork.frames import HEADER, Reply, Request, pack
from processors.artwork.limits import Limits
from processors.ports import NamedError

START_SECONDS_MAX: Final = 30.0
#: A child is replaced after this many jobs, so that a leak in a decoder cannot grow for ever.
JOBS_PER_CHILD: Final = 500
#: A child that worked for less than this share of a job's time did not lack a processor: it hangs.
HANGING_SHARE: Final = 0.01
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
#: A child that worked for one moment may show a tick of user time and one of system time.
IDLE_TICKS: Final = 2
_CHUNK_BYTES: Final = 1024 * 1024
_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]


class SandboxError(NamedError):
    """A job in a child process did not end with a result."""


class JobRefused(SandboxError):
    """The child looked at the input and refused it; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class ChildKilled(SandboxError):
    """The input killed two children in a row, or used up their CPU time. Treat the input as hostile."""

    def __init__(self, cause: str) -> None:
        """`cause` is `cpu`, `hang`, `signal N` or `exit N`."""
        super().__init__(f"Handling this input ended two child processes in a row (the last by {cause}).")
        self.cause = cause


class SandboxBusy(SandboxError):
    """All child processes stayed busy for the whole waiting time. Try again, or raise the pool's size."""


class SandboxOverloaded(SandboxBusy):
    """A child process worked for the whole time that a job may take and was not done. Try again when it is calmer."""


class SandboxClosed(SandboxError):
    """The pool was closed. Make a new one."""


class ChildNotStarted(SandboxError):
    """A child process did not become ready. The message holds its last words; mend what they name."""


class _Died(Exception):
    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class _Child:
    """One child process and its pipes."""

    def __init__(self, jobs_module: str, limits: Limits) -> None:
        self._limits = limits
        self.jobs_done = 0
        self._last_words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        argv = [sys.executable, "-m", "processors.artwork.sandbox_child", jobs_module, str(limits.memory_bytes)]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            bufsize=0,
            env=_environment(),
            cwd="/",
            start_new_session=True,
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise ChildNotStarted
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def wait_ready(self) -> None:
        """Wait for the child's first word. Raises ChildNotStarted."""
        try:
            reply = self._receive(time.monotonic() + START_SECONDS_MAX)
        except _Died as died:
            words = self.last_words()
            self.kill()
            raise ChildNotStarted(f"A child process ended at its start by {died.cause}: {words}") from None
        if reply.reason:
            self.kill()
            raise ChildNotStarted(reply.message)

    def last_words(self) -> str:
        """The end of what the child wrote to its standard error."""
        self._last_words.seek(0)
        return self._last_words.read(1_000_000)[-2000:].decode("utf-8", "replace").strip()

    def exchange(self, job: str, payload: bytes) -> Reply:
        """Send one job and wait for its answer. Raises _Died; the child must then be thrown away."""
        deadline = time.monotonic() + self._limits.wall_seconds
        ticks_before = self._cpu_ticks()
        try:
            self._send(pack(Request(job, self._limits.cpu_seconds, payload)), deadline)
            reply = self._receive(deadline)
        except _Died as died:
            worked_ticks = self._cpu_ticks() - ticks_before
            hanging_ticks = HANGING_SHARE * self._limits.wall_seconds * TICKS_PER_SECOND
            if died.cause == "time" and worked_ticks <= max(hanging_ticks, IDLE_TICKS):
                raise _Died("hang") from None
            raise
        self.jobs_done += 1
        return reply

    def end(self) -> None:
        """End the child and everything that it started; whoever waits for its answer sees the pipe end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _cpu_ticks(self) -> int:
        """CPU time of the child so far, in ticks of the system; zero where it cannot be read."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])

    def kill(self) -> None:
        """End the child and close its pipes. Only for the thread that holds the child."""
        self.end()
        for pipe in (self.process.stdin, self.process.stdout, self._last_words):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _send(self, frame: bytes, deadline: float) -> None:
        view = memoryview(frame)
        while view:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._in, view[:_CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._death() from None

    def _receive(self, deadline: float) -> Reply:
        (length,) = HEADER.unpack(self._read(HEADER.size, deadline))
        if length > self._limits.output_bytes_max:
            raise _Died("an answer above the size limit")
        try:
            return from_msgpack(self._read(length, deadline), Reply)
        except msgspec.MsgspecError:
            raise _Died("an answer that is not one") from None

    def _read(self, length: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while length:
            self._wait(self._out, select.POLLIN, deadline)
            try:
                part = os.read(self._out, min(length, _CHUNK_BYTES))
            except BlockingIOError:
                continue
            if not part:
                raise self._death()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        poller = select.poll()
        poller.register(descriptor, event)
        if remaining <= 0 or not poller.poll(remaining * 1000):
            raise _Died("time")

    def _death(self) -> _Died:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return _Died("a closed pipe")
        if code == -signal.SIGXCPU:
            return _Died("cpu")
        return _Died(f"signal {-code}" if code < 0 else f"exit {code}")


def _environment() -> dict[str, str]:
    """What a child may see: where Python finds the project, and one thread for numpy's linear algebra."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "PYTHONPATH": str(_PACKAGE_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        # More arenas than threads would cost address space, which is what the memory limit counts.
        "MALLOC_ARENA_MAX": "2",
    }


class SandboxPool:
    """A fixed number of child processes; `run` may be called from any number of threads.

    Children start on first use, or all together by `start`. `jobs_module` names the module whose `JOBS` table
    the children offer.
    """

    def __init__(
        self,
        size: int = 2,
        limits: Limits | None = None,
        *,
        jobs_module: str = "processors.artwork.jobs",
        jobs_per_child: int = JOBS_PER_CHILD,
    ) -> None:
        """Make the pool; no process is started yet."""
        if size < 1:
            raise ValueError("a pool needs at least one child process")
        self.limits = limits or Limits()
        self._size = size
        self._jobs_module = jobs_module
        self._jobs_per_child = jobs_per_child
        self._closed = threading.Event()
        self._slots: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._slots.put(None)
        self._alive: set[_Child] = set()
        self._guard = threading.Lock()
        self._finalizer = weakref.finalize(self, _end_all, self._alive, self._guard)

    def start(self) -> SandboxPool:
        """Start all children side by side and wait until they are ready. Raises ChildNotStarted."""
        slots = [self._slots.get(timeout=self.limits.wall_seconds) for _ in range(self._size)]
        with ThreadPoolExecutor(self._size) as threads:
            futures = [threads.submit(self._new_child) if slot is None else None for slot in slots]
        failure: BaseException | None = None
        for slot, future in zip(slots, futures, strict=True):
            error = future.exception() if future else None
            failure = failure or error
            self._slots.put(slot if future is None else None if error else future.result())
        if failure:
            raise failure
        return self

    def run(self, job: str, payload: bytes, *, own_bytes: int = 0, wait_seconds: float = 300.0) -> bytes:
        """Do one job and return its result's bytes.

        `own_bytes` is how much of the payload is the house's own files, which do not count as what came from outside.
        Raises JobRefused (the input's fault, with a code), ChildKilled (the input killed two children),
        SandboxBusy, SandboxOverloaded (both: try again later), SandboxClosed, ChildNotStarted.
        """
        if self._closed.is_set():
            raise SandboxClosed
        if len(payload) - own_bytes > self.limits.input_bytes_max + _CHUNK_BYTES:
            raise JobRefused("too_large", f"The input is larger than {self.limits.input_bytes_max} bytes.")
        try:
            child = self._slots.get(timeout=wait_seconds)
        except queue.Empty:
            raise SandboxBusy from None
        cause = ""
        try:
            for _ in range(2):
                if child is None:
                    child = self._new_child()
                try:
                    reply = child.exchange(job, payload)
                except _Died as died:
                    cause = died.cause
                    self._discard(child)
                    child = None
                    continue
                if child.jobs_done >= self._jobs_per_child:
                    self._discard(child)
                    child = None
                if reply.reason:
                    raise JobRefused(reply.reason, reply.message)
                return reply.payload
            if cause == "time":
                # A hostile file burns its CPU time or waits for ever; this one made progress on a busy machine.
                raise SandboxOverloaded
            raise ChildKilled(cause)
        finally:
            if child is not None and self._closed.is_set():
                self._discard(child)
                child = None
            self._slots.put(child)

    @property
    def free_slots(self) -> int:
        """How many jobs could start at once, now."""
        return self._slots.qsize()

    def close(self) -> None:
        """End all children. Jobs that still run end with an error."""
        self._closed.set()
        for _ in range(self._size):
            with contextlib.suppress(queue.Empty):
                idle = self._slots.get_nowait()
                if idle is not None:
                    self._discard(idle)
        _end_all(self._alive, self._guard)

    def __enter__(self) -> SandboxPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _new_child(self) -> _Child:
        if self._closed.is_set():
            raise SandboxClosed
        child = _Child(self._jobs_module, self.limits)
        with self._guard:
            self._alive.add(child)
        try:
            child.wait_ready()
        except ChildNotStarted:
            self._discard(child)
            raise
        return child

    def _discard(self, child: _Child) -> None:
        with self._guard:
            self._alive.discard(child)
        child.kill()


def _end_all(alive: set[_Child], guard: threading.Lock) -> None:
    with guard:
        children = list(alive)
    for child in children:
        child.end()
