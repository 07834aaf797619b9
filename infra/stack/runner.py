"""Starts the parts side by side, sees that each answers and is set up, notices an end, stops them in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import psycopg
import structlog
from confluent_kafka import KafkaException

from infra.child import Child
from infra.ports import is_free
from infra.settings import Settings
from infra.stack.kafka_part import kafka_part
from infra.stack.part import NotAnswering, Part
from infra.stack.postgres_part import postgres_part
from infra.stack.registry_part import registry_part
from infra.stack.small_parts import s3_part, smtp_part
from infra.stack.tools import Tools
from processors.ports import NamedError

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.04
#: How long a killed system's parts may take to end before a new start gives up.
LEFTOVER_SECONDS = 30.0
#: Those that others write to are stopped last.
STOP_ORDER = ("smtp", "registry", "kafka", "s3", "postgres")
PORTS_OF_PART = {
    "kafka": ("kafka_port", "kafka_controller_port"),
    "registry": ("registry_port",),
    "s3": ("s3_port",),
    "smtp": ("smtp_port",),
}


class PartEnded(NamedError):
    """A part of the stack ended by itself. Its name and the last lines of its log follow."""


class PartNotReady(NamedError):
    """A part of the stack did not answer in time. Its name and the last lines of its log follow."""


class PortTaken(NamedError):
    """A port of the stack is in use. Give another one in the environment, or use `--auto-ports`."""


def default_parts(settings: Settings) -> tuple[Part, ...]:
    """The five parts, embedded or as addresses."""
    tools = Tools(settings.stack_dir)
    tools.check(settings.embedded)
    made = (kafka_part, registry_part, postgres_part, s3_part, smtp_part)
    return tuple(make(settings, tools) for make in made)


class Stack:
    """The running parts. `start` and `stop` belong to the main thread."""

    def __init__(self, settings: Settings, parts: Sequence[Part] | None = None) -> None:
        self._settings = settings
        self.parts = {part.name: part for part in (default_parts(settings) if parts is None else parts)}
        self.children: dict[str, Child] = {}
        #: Seconds from the start until each part answered and was set up.
        self.ready_seconds: dict[str, float] = {}
        self._stopping = False

    def start(self, on_ready: Callable[[str, float], None] = lambda name, seconds: None) -> None:
        """Return when every part answers and is set up; `on_ready` hears each part's name and seconds.

        Raises PortTaken, PartEnded or PartNotReady, with everything stopped again.
        """
        self._stopping = False
        self._refuse_taken_ports()
        started_at = time.monotonic()
        try:
            with ThreadPoolExecutor(len(self.parts), thread_name_prefix="stack") as threads:
                try:
                    self._start_all(threads, started_at, on_ready)
                except BaseException:
                    self._stopping = True
                    raise
        except BaseException:
            self.stop()
            raise

    def _start_all(
        self, threads: ThreadPoolExecutor, started_at: float, on_ready: Callable[[str, float], None]
    ) -> None:
        """Prepare in threads, start processes from this one (see Child), wait for answers in threads again."""
        preparing: dict[Future[None], Part] = {threads.submit(p.prepare): p for p in self.parts.values() if p.command}
        settling: dict[Future[None], Part] = {
            threads.submit(self._wait_and_settle, p, started_at): p for p in self.parts.values() if not p.command
        }
        while preparing or settling:
            done, _ = wait([*preparing, *settling], return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                if (part := preparing.pop(future, None)) is not None:
                    self._spawn(part)
                    settling[threads.submit(self._wait_and_settle, part, started_at)] = part
                else:
                    part = settling.pop(future)
                    self.ready_seconds[part.name] = time.monotonic() - started_at
                    on_ready(part.name, self.ready_seconds[part.name])

    def start_part(self, name: str) -> None:
        """Start one part again after it ended, and wait for it."""
        part = self.parts[name]
        part.prepare()
        self._spawn(part)
        self._wait_and_settle(part, time.monotonic())

    def stop_part(self, name: str) -> None:
        """Stop one part and let the others run."""
        if (child := self.children.pop(name, None)) is not None:
            child.stop(self._settings.stop_seconds_max)

    def ended(self) -> Child | None:
        """A part that ended by itself, if there is one."""
        return next((child for child in self.children.values() if child.exit_code is not None), None)

    def stop(self) -> None:
        """Stop every part, those that others write to last."""
        self._stopping = True
        for name in sorted(self.children, key=_stop_rank):
            self.stop_part(name)

    def _spawn(self, part: Part) -> None:
        if part.command is not None:
            self.children[part.name] = Child(part.command(), self._settings.logs_dir / f"{part.name}.log")

    def _wait_and_settle(self, part: Part, started_at: float) -> None:
        self._wait_for_answer(part, started_at)
        try:
            part.settle()
        except (psycopg.OperationalError, KafkaException) as error:
            raise PartNotReady(f"{self._who(part)} answered, and then not any more: {error}") from error

    def _wait_for_answer(self, part: Part, started_at: float) -> None:
        while True:
            why_not = ""
            try:
                if part.answers():
                    return
            except NotAnswering as error:
                why_not = str(error)
            child = self.children.get(part.name)
            if child is not None and child.exit_code is not None:
                raise PartEnded(child.ending())
            if self._stopping or time.monotonic() - started_at > self._settings.start_seconds_max:
                told = child.ending() if child is not None else why_not
                raise PartNotReady(
                    f"{self._who(part)} did not answer within {self._settings.start_seconds_max:.0f} seconds. {told}"
                )
            time.sleep(POLL_SECONDS)

    def _who(self, part: Part) -> str:
        where = part.address if part.name != "postgres" else "its socket or DATABASE_URL"
        return f"{part.name} ({where})"

    def _refuse_taken_ports(self) -> None:
        """A system that was killed a moment ago is still ending: its ports get some time before they count as taken."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        is_told = False
        while taken := self._taken_ports():
            if time.monotonic() > deadline:
                raise PortTaken(f"{', '.join(taken)}: {PortTaken.__doc__}")
            if not is_told:
                log.warning("waiting_for_ports", taken=taken, seconds_max=LEFTOVER_SECONDS)
                is_told = True
            time.sleep(POLL_SECONDS)

    def _taken_ports(self) -> list[str]:
        return [
            f"{port_name.upper()}={getattr(self._settings, port_name)}"
            for name, part in self.parts.items()
            if part.command is not None
            for port_name in PORTS_OF_PART.get(name, ())
            if not is_free(getattr(self._settings, port_name))
        ]


def _stop_rank(name: str) -> int:
    return STOP_ORDER.index(name) if name in STOP_ORDER else -1
