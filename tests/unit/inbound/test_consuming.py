"""The inbound process around its processor: what it does while something is away, and with the unforeseen."""

from __future__ import annotations

import asyncio
from typing import Any

from processors.inbound.consuming import InboundConsumer
from processors.ports import BrokerUnreachable, ConsumedRecord, RecordTooLarge
from tests.support import wait_until


class OneMessage:
    """A record as confluent-kafka gives it."""

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "test.pod.inbound.raw.v1"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 5

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"

    def headers(self) -> list[tuple[str, bytes | None]]:
        return [("a", b"1"), ("b", None)]

    def timestamp(self) -> tuple[int, int]:
        return 1, 7


class UnreadableHeaders(OneMessage):
    """The name of one of its headers is not UTF-8."""

    def headers(self) -> list[tuple[str, bytes | None]]:
        raise SystemError("returned a result with an exception set")

    def set_headers(self, headers: list[tuple[str, bytes | None]]) -> None:
        """Nobody asks for them again."""


class Broker:
    """Gives one record, then stops the process once nothing of `parked` is left."""

    def __init__(
        self, stop: asyncio.Event, loop: asyncio.AbstractEventLoop, message: OneMessage, parked: list[Any]
    ) -> None:
        self.stop, self.loop, self.message, self.parked = stop, loop, message, parked
        self.given = False
        self.committed: list[int] = []
        self.closed = False
        self.subscribed: list[str] = []

    def subscribe(self, topics: list[str]) -> None:
        self.subscribed = topics

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        if self.given:
            wait_until(lambda: not self.parked, 20)
            self.loop.call_soon_threadsafe(self.stop.set)
            return []
        self.given = True
        return [self.message]

    def commit(self, *, message: Any, asynchronous: bool) -> None:
        self.committed.append(message.offset())

    def close(self) -> None:
        self.closed = True


class Processor:
    """Fails as it is told to, then succeeds; these records are parked."""

    def __init__(self, *failures: Exception, parked: tuple[ConsumedRecord, ...] = ()) -> None:
        self.failures = list(failures)
        self.handled: list[ConsumedRecord] = []
        self.parked = list(parked)

    async def handle(self, record: ConsumedRecord, *, parked_at: int | None = None) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.handled.append(record)
        if parked_at is not None:
            await self.release(record)

    async def parked_due(self) -> list[tuple[ConsumedRecord, int]]:
        return [(record, 1) for record in self.parked]

    async def release(self, record: ConsumedRecord) -> None:
        self.parked.remove(record)


class Letters:
    def __init__(self) -> None:
        self.buried: list[tuple[ConsumedRecord, str, bool]] = []

    async def bury(self, record: ConsumedRecord, error: Exception, *, sealed_already: bool) -> None:
        self.buried.append((record, str(error), sealed_already))


class NothingFits(Letters):
    """Buries nothing; at the second try the process is told to stop."""

    def __init__(self, stop: asyncio.Event) -> None:
        super().__init__()
        self.stop = stop
        self.tries = 0

    async def bury(self, record: ConsumedRecord, error: Exception, *, sealed_already: bool) -> None:
        self.tries += 1
        if self.tries == 2:
            self.stop.set()
        raise RecordTooLarge


def ran(processor: Any, letters: Any = None, message: OneMessage | None = None) -> tuple[Broker, Any]:
    """Let inbound run until it is told to stop; `letters` makes the dead letters, given what tells it so."""
    stop = asyncio.Event()
    letters = letters(stop) if letters else Letters()

    async def run() -> Broker:
        broker = Broker(stop, asyncio.get_running_loop(), message or OneMessage(), processor.parked)
        consumer = InboundConsumer(
            lambda: broker, processor, letters, outages=(BrokerUnreachable,), topic_prefix="test."
        )
        async with asyncio.timeout(20):
            await consumer.run(stop)
        return broker

    return asyncio.run(run()), letters


def test_a_record_is_committed_after_it_was_handled() -> None:
    processor = Processor()
    broker, letters = ran(processor)
    (record,) = processor.handled
    assert (record.topic, record.offset, record.headers) == ("pod.inbound.raw.v1", 5, (("a", b"1"), ("b", b"")))
    assert broker.committed == [5]
    assert broker.closed
    assert letters.buried == []
    assert broker.subscribed[0] == "test.pod.inbound.raw.v1"
    assert broker.subscribed[1].startswith("^test")


def test_a_record_whose_headers_nobody_can_read_is_handled_without_them() -> None:
    processor = Processor()
    broker, _ = ran(processor, message=UnreadableHeaders())
    (record,) = processor.handled
    assert (record.value, record.headers) == (b"v", ())
    assert broker.committed == [5]


def test_while_something_outside_is_away_the_record_waits_and_is_not_lost() -> None:
    processor = Processor(BrokerUnreachable(), BrokerUnreachable())
    broker, letters = ran(processor)
    assert len(processor.handled) == 1
    assert broker.committed == [5]
    assert letters.buried == []


def test_a_failure_that_nobody_foresaw_is_kept_and_the_partition_moves_on() -> None:
    processor = Processor(ZeroDivisionError("inside"))
    broker, letters = ran(processor)
    ((record, reason, sealed_already),) = letters.buried
    assert record.offset == 5
    assert reason.startswith("ZeroDivisionError")
    assert sealed_already
    assert broker.committed == [5]


def test_what_can_neither_be_handled_nor_buried_waits_until_it_is_told_to_stop_and_is_not_lost() -> None:
    # given
    always = Processor(*[ZeroDivisionError("inside")] * 100)
    # when
    broker, letters = ran(always, NothingFits)
    # then
    assert letters.tries == 2
    assert broker.committed == []
    assert broker.closed


class FailsAtOffsetOne(Processor):
    """Cannot handle one of its parked records, whenever it is tried."""

    async def handle(self, record: ConsumedRecord, *, parked_at: int | None = None) -> None:
        if record.offset == 1:
            raise OverflowError("too large")
        await super().handle(record, parked_at=parked_at)


def test_a_parked_record_that_fails_as_nobody_foresaw_is_buried_and_those_behind_it_are_tried() -> None:
    parked = tuple(
        ConsumedRecord(topic="pod.inbound.raw.v1", partition=0, offset=offset, key=b"k", value=b"v")
        for offset in (1, 2)
    )
    processor = FailsAtOffsetOne(parked=parked)
    _, letters = ran(processor)
    assert [(record.offset, reason.partition(":")[0]) for record, reason, _ in letters.buried] == [(1, "OverflowError")]
    assert {record.offset for record in processor.handled} == {2, 5}
