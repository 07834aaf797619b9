"""Feeds the inbound processor from Kafka: the raw topic, and every store's own topic by pattern.

A plain consumer and not a Faust agent: Faust subscribes to topics by name, and a new tenant's topic has to be
found without a restart. Offsets are committed after every record of a batch has come to its end; what is
consumed twice after a crash makes the same commands again.
"""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import InboundProcessor
from processors.inbound.raw import RAW_TOPIC
from processors.ports import ConsumedRecord
from processors.record_headers import headers_if_readable
from processors.timers import stopped_within

log = structlog.get_logger(__name__)

#: As POSIX expressions have it; `published.tenant_of` reads the name again, exactly.
STORE_TOPICS = r"stores\.[a-z0-9][a-z0-9-]*\.orders\.v1$"
BATCH_RECORDS_MAX = 100
POLL_SECONDS = 0.2
#: Records that are translated at the same time; each holds a thread and a database connection for milliseconds.
AT_ONCE = 6
#: How often parked reports are looked at.
PARKED_SECONDS = 0.5
OUTAGE_WAIT_FIRST_SECONDS = 0.2
OUTAGE_WAIT_MAX_SECONDS = 5.0


class KafkaConsumer(Protocol):
    """What this module needs of a confluent-kafka consumer that commits nothing by itself."""

    def subscribe(self, topics: list[str]) -> None:
        """Names, and patterns that begin with ^."""
        ...

    def consume(self, num_messages: int, timeout: float) -> list[Message]:
        """Records or errors, at most so many, at most so long."""
        ...

    def commit(self, *, message: Message, asynchronous: Literal[False]) -> object:
        """Commit the offset behind the message."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Unforeseen(Exception):
    """Handling it failed in a way that nobody foresaw: mend that, then send it again with `printledger dlq replay`."""


class InboundConsumer:
    """Runs an inbound processor until it is told to stop."""

    def __init__(
        self,
        open_consumer: Callable[[], KafkaConsumer],
        processor: InboundProcessor,
        dead_letters: DeadLetters,
        *,
        outages: tuple[type[BaseException], ...],
        topic_prefix: str = "",
    ) -> None:
        """`outages` are the errors that mean "something outside is away": the record then waits."""
        self._open_consumer = open_consumer
        self._processor = processor
        self._dead_letters = dead_letters
        self._outages = outages
        self._prefix = topic_prefix

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch in hand is finished first."""
        consumer = await asyncio.to_thread(self._open_consumer)
        try:
            consumer.subscribe([self._prefix + RAW_TOPIC, f"^{re.escape(self._prefix)}{STORE_TOPICS}"])
            parked = asyncio.create_task(self._retry_parked(stop))
            while not stop.is_set() and not parked.done():
                messages = await asyncio.to_thread(consumer.consume, BATCH_RECORDS_MAX, POLL_SECONDS)
                await self._work_off(consumer, messages, stop)
            stop.set()
            await parked
        finally:
            await asyncio.to_thread(consumer.close)

    async def _work_off(self, consumer: KafkaConsumer, messages: Sequence[Message], stop: asyncio.Event) -> None:
        good = [message for message in messages if _is_record(message)]
        room = asyncio.Semaphore(AT_ONCE)

        async def one(message: Message) -> bool:
            async with room:
                return await self._bring_to_its_end(consumed(message, self._prefix), stop)

        ended = await asyncio.gather(*(one(message) for message in good))
        if not all(ended):
            # Stopped while something outside was away: nothing of this batch is committed, it comes again.
            return
        last = {(message.topic(), message.partition()): message for message in good}
        for message in last.values():
            try:
                await asyncio.to_thread(consumer.commit, message=message, asynchronous=False)
            except KafkaException as error:
                # The partition went to another process, or the broker is away: the records come again, and
                # their commands are recognised.
                log.warning("inbound.not_committed", topic=message.topic(), reason=str(error))

    async def _bring_to_its_end(self, record: ConsumedRecord, stop: asyncio.Event) -> bool:
        """Handle the record; False when `stop` came while something outside was away, or nothing could be done."""
        wait_seconds = OUTAGE_WAIT_FIRST_SECONDS
        while True:
            error = await _failure_of(self._processor.handle(record))
            if error is not None and not isinstance(error, self._outages):
                error = await _failure_of(self._bury(record, error))
            if error is None:
                return True
            reason = f"{type(error).__name__}: {error}"[:500]
            log.warning("inbound.waits", topic=record.topic, offset=record.offset, reason=reason)
            if await stopped_within(stop, wait_seconds):
                return False
            wait_seconds = min(wait_seconds * 2, OUTAGE_WAIT_MAX_SECONDS)

    async def _bury(self, record: ConsumedRecord, error: BaseException) -> None:
        """Keep a record whose handling failed in a way that nobody foresaw."""
        trace = "".join(traceback.format_exception(error))
        log.error("inbound.unforeseen", topic=record.topic, offset=record.offset, trace=trace)
        unforeseen = Unforeseen(f"{type(error).__name__}: {Unforeseen.__doc__}")
        await self._dead_letters.bury(record, unforeseen, sealed_already=record.topic == RAW_TOPIC)

    async def _retry_parked(self, stop: asyncio.Event) -> None:
        while not await stopped_within(stop, PARKED_SECONDS):
            error = await _failure_of(self._try_parked())
            if error is not None:
                # They stay parked, and the next look tries them again.
                log.warning("inbound.parked_wait", reason=f"{type(error).__name__}: {error}"[:500])

    async def _try_parked(self) -> None:
        """Try the parked records whose time has come; one that fails as nobody foresaw keeps none behind it waiting."""
        for record, parked_at in await self._processor.parked_due():
            error = await _failure_of(self._processor.handle(record, parked_at=parked_at))
            if isinstance(error, self._outages):
                raise error
            if error is not None:
                await self._bury(record, error)
                await self._processor.release(record)


async def _failure_of(step: Coroutine[Any, Any, None]) -> BaseException | None:
    """What a step raised; None where it succeeded."""
    task = asyncio.create_task(step)
    await asyncio.wait([task])
    return task.exception()


def consumed(message: Message, prefix: str) -> ConsumedRecord:
    """A record as it was consumed, its topic without the prefix of the settings.

    Headers that cannot be read are left out: a store's order needs none, and without them a raw record is unreadable.
    """
    kind_and_time = message.timestamp()
    return ConsumedRecord(
        topic=(message.topic() or "").removeprefix(prefix),
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_bytes_or_none(message.key()),
        value=_bytes_or_none(message.value()),
        headers=tuple((name, value or b"") for name, value in headers_if_readable(message)),
        timestamp_at=max(0, kind_and_time[1]),
    )


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() not in (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART):
        log.warning("inbound.broker", reason=error.str())
    return False


def _bytes_or_none(content: bytes | str | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
