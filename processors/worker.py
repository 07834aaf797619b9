"""The one Faust app factory: how every worker consumes its work topic and answers with commands.

A worker does one effect a record and reports a command back to intake. Faust acknowledges a record even when its
handling was cancelled, so acknowledging is done by hand, in the order of the records and after the broker has the
report: a worker that dies at any moment finds its unfinished records again. A worker that was merely held up gets them
again as well, after its partitions came back to it, while it is still at work on them: then it goes on with that work
and begins no second.

Each kind of work is an app and consumer group of its own; several run on one event loop in one process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakValueDictionary

import faust
import msgspec
import structlog
from faust.types.auth import CredentialsT

from events.codec import Codec, Undecodable
from events.declare import Command
from events.envelope import CommandEnvelope, FactEnvelope, HeaderMissing
from events.identity import report_id
from events.order.facts import WORK_TOPIC, WorkRequested
from processors.faust_app import HEARTBEAT_SECONDS, SESSION_SECONDS, WorkerApp
from processors.inbound.dead_letters import DeadLetters
from processors.ports import CommandSender, ConsumedRecord, CrashPoint, NamedError, no_crash

log = structlog.get_logger(__name__)

#: After a crash at most the work of this time is done again, and recognised by its effect keys.
COMMIT_SECONDS = 0.5
#: Records fetched and not yet begun.
BUFFERED_MAX = 64
#: Waits while something outside (database, broker, object store) is away.
WAIT_FIRST_S = 0.2
WAIT_MAX_S = 5.0
#: Whoever ends a worker that has just begun waits so long for it to be started; without a broker it never is.
START_SECONDS_MAX = 10.0

GROUP_PREFIX = "printledger.worker."


class NotThisWork(NamedError):
    """The record on this work topic is a record of another kind. Only the ledger writes to work topics."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A report by somebody else than the worker itself, such as a simulated inspector."""

    command: Command
    actor: str


class Effect(Protocol):
    """One kind of work: does the effect that a request asks for, and says how it went.

    `carry_out` is called again for the same request after a crash, so it must recognise its own effect by
    `fact.effect_key`. It returns the command that reports the outcome, or None where nobody is to be told (a person
    answers). It raises only when something outside cannot be reached, or for a programming error.
    """

    @property
    def name(self) -> str:
        """Name of the work, as in `printledger worker NAME`."""
        ...

    @property
    def request(self) -> type[WorkRequested]:
        """The request that this worker takes; its work topic follows from it."""
        ...

    @property
    def at_once(self) -> int:
        """How many requests are worked on at the same time."""
        ...

    async def carry_out(self, fact: Any, envelope: FactEnvelope) -> Command | Answer | None:
        """Do the effect of one request."""
        ...


@dataclass(frozen=True, kw_only=True)
class WorkerPorts:
    """What every worker works with, whatever its work."""

    codec: Codec
    commands: CommandSender
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    #: Errors that mean "something outside is away": the record waits, and the worker says so.
    outages: tuple[type[BaseException], ...]
    #: Called by name between two steps; tests end the process there.
    crash_point: CrashPoint = no_crash


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """Where a worker reads, and where Faust may keep its files. `slot` numbers the processes that do the same work."""

    bootstrap_servers: str
    data_dir: Path
    #: How the worker proves who it is; None where the cluster asks nobody.
    credentials: CredentialsT | None = None
    topic_prefix: str = ""
    slot: int = 0


def create_worker(effect: Effect, ports: WorkerPorts, config: WorkerConfig) -> faust.App:
    """The Faust app that carries out one kind of work. Start it with `processors.worker.run`."""
    folder = config.data_dir / "faust" / effect.name
    folder.mkdir(parents=True, exist_ok=True)
    group = f"{config.topic_prefix}{GROUP_PREFIX}{effect.name}"
    app = WorkerApp(
        group,
        broker=[f"kafka://{server}" for server in config.bootstrap_servers.split(",")],
        broker_credentials=config.credentials,
        datadir=str(folder),
        consumer_group_instance_id=f"{group}-{config.slot}",
        broker_client_id=f"{group}-{config.slot}",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        stream_buffer_maxsize=BUFFERED_MAX,
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        autodiscover=False,
        value_serializer="raw",
        key_serializer="raw",
    )
    topic_name = WORK_TOPIC[effect.request]
    topic = app.topic(
        config.topic_prefix + topic_name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        internal=False,
        allow_empty=True,
    )
    desk = Desk(effect, ports, topic_name)

    async def work(stream: Any) -> None:
        stream.enable_acks = False
        await desk.work_off(stream.events())

    app.agent(topic, name=f"{effect.name}-worker", concurrency=1)(work)
    return app


@dataclass
class _Begun:
    """A record that is being worked on."""

    event: Any
    task: asyncio.Task[None]


@dataclass
class Desk:
    """One worker's desk: some requests are worked on at once, and put away strictly in the order they came."""

    effect: Effect
    ports: WorkerPorts
    topic: str
    _begun: deque[_Begun] = field(default_factory=deque)
    _room: asyncio.Semaphore = field(init=False)
    #: A request that was late is asked for again under its effect key, and both may wait here: one after the other.
    _at_work: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.effect.at_once)

    async def work_off(self, events: AsyncIterator[Any]) -> None:
        """Take one event after the other until the stream ends; what is unfinished then is not acknowledged."""
        self._begun.clear()
        self._room = asyncio.Semaphore(self.effect.at_once)
        try:
            async for event in events:
                await self._room.acquire()
                task = self._task_of(event.message) or asyncio.create_task(self._settle(event.message))
                self._begun.append(_Begun(event, task))
                task.add_done_callback(self._put_away)
        finally:
            unfinished = [begun.task for begun in self._begun]
            self._begun.clear()
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    def _task_of(self, message: Any) -> asyncio.Task[None] | None:
        """The task that is at work on this very record, delivered anew after a rebalance."""
        where = _where(message)
        return next((begun.task for begun in self._begun if _where(begun.event.message) == where), None)

    def _put_away(self, finished: asyncio.Task[None]) -> None:
        """Acknowledge what is finished, up to the first record that is not."""
        self._room.release()
        while self._begun and self._begun[0].task.done():
            begun = self._begun[0]
            if begun.task.cancelled():
                return
            if (error := begun.task.exception()) is not None:
                # Nobody reported anything: the ledger's deadline asks for this work again, and a person is told.
                log.error("work_failed", work=self.effect.name, exc_info=error, **_where(begun.event.message))
            self._begun.popleft()
            begun.event.ack()

    async def _settle(self, message: Any) -> None:
        """Bring one record to its end: a report that the broker has, or a dead letter."""
        record = _consumed(message, self.topic)
        try:
            fact = self.ports.codec.decode(record.value)
            envelope = FactEnvelope.from_headers(list(record.headers))
            if type(fact) is not self.effect.request:
                raise NotThisWork(f"{type(fact).__name__}: {NotThisWork.__doc__}")
        except (Undecodable, HeaderMissing, NotThisWork) as error:
            reason = error
        else:
            alone = self._at_work.setdefault(fact.effect_key, asyncio.Lock())
            async with alone:
                report = await self._while_outside_is_away(lambda: self.effect.carry_out(fact, envelope), record)
            self.ports.crash_point(f"{self.effect.name}.effect_done")
            if report is not None:
                await self._while_outside_is_away(lambda: self._report(report, fact, envelope), record)
            self.ports.crash_point(f"{self.effect.name}.reported")
            return
        log.warning("work_undecodable", work=self.effect.name, reason=str(reason), **_where(message))
        await self._while_outside_is_away(
            lambda: self.ports.dead_letters.bury(record, reason, sealed_already=False), record
        )

    async def _while_outside_is_away(self, step: Callable[[], Awaitable[Any]], record: ConsumedRecord) -> Any:
        """Try a step until what it needs can be reached, saying why it waits."""
        wait_s = WAIT_FIRST_S
        while True:
            try:
                return await step()
            except self.ports.outages as outage:
                log.warning(
                    "work_waits", work=self.effect.name, offset=record.offset, wait_s=wait_s, reason=str(outage)[:500]
                )
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, WAIT_MAX_S)

    async def _report(self, report: Command | Answer, fact: WorkRequested, envelope: FactEnvelope) -> None:
        answer = report if isinstance(report, Answer) else Answer(command=report, actor=f"worker:{self.effect.name}")
        sent = report_envelope(answer, fact, envelope, self.ports.codec, self.ports.now_ms())
        await self.ports.commands.send(answer.command, sent)


def report_envelope(
    answer: Answer, fact: WorkRequested, envelope: FactEnvelope, codec: Codec, now_ms: int
) -> CommandEnvelope:
    """The envelope of a report: its id is derived from the request and the outcome, so that it can be told twice."""
    return CommandEnvelope(
        command_id=report_id(fact.request_id, codec.encode(answer.command)),
        key=envelope.key,
        tenant=envelope.tenant,
        command_type=type(answer.command).__name__,
        sent_at=now_ms,
        actor=answer.actor,
        causation_id=envelope.event_id,
        correlation_id=envelope.correlation_id or envelope.key,
        traceparent=envelope.traceparent,
    )


async def run(apps: list[faust.App], stop: asyncio.Event) -> None:
    """Run several workers in this process until `stop` is set; then finish in order. Raises what ended one of them."""
    for app in apps:
        app.finalize()
        app.worker_init()
    starting = asyncio.create_task(_start_all(apps))
    stopping = asyncio.create_task(_ended(stop))
    crashes: list[asyncio.Task[None]] = []
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        crashes = [asyncio.create_task(_crashed(app)) for app in apps]
        await asyncio.wait([stopping, *crashes], return_when=asyncio.FIRST_COMPLETED)
        for crash in crashes:
            if crash.done():
                crash.result()
    finally:
        # An app that is stopped while it starts may wait for its own thread for ever.
        await asyncio.wait([starting], timeout=START_SECONDS_MAX)
        for task in (starting, stopping, *crashes):
            task.cancel()
        await asyncio.gather(*(app.stop() for app in apps), return_exceptions=True)


async def _start_all(apps: list[faust.App]) -> None:
    await asyncio.gather(*(app.start() for app in apps))


async def _ended(stop: asyncio.Event) -> None:
    await stop.wait()


async def _crashed(app: faust.App) -> None:
    """Return when the app ended by itself; raise its reason where it has one."""
    await app.wait_until_stopped()
    if app.crash_reason is not None:
        raise app.crash_reason


def _consumed(message: Any, topic: str) -> ConsumedRecord:
    return ConsumedRecord(
        topic=topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers or ()),
        timestamp_at=int(message.timestamp * 1000) if message.timestamp else 0,
    )


def _where(message: Any) -> dict[str, object]:
    return {"topic": message.topic, "partition": message.partition, "offset": message.offset}
