"""Follow a topic with a plain consumer: hand every batch on, commit when it has come to its end, wait through outages.

For readers of facts that only react to them. What is read twice after a crash is reacted to twice, with the same
derived command ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog
from confluent_kafka import KafkaException, Message

from events.codec import Codec, Undecodable
from events.declare import Declared
from events.envelope import FactEnvelope, HeaderMissing
from processors.timers import stopped_within

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX = 200
POLL_SECONDS = 0.2
WAIT_FIRST_SECONDS = 0.2
WAIT_MAX_SECONDS = 5.0


class FactConsumer(Protocol):
    """What is needed of a read-committed confluent-kafka consumer that commits nothing by itself."""

    def subscribe(self, topics: list[str]) -> None:
        """Take part in reading these topics."""
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


@dataclass(frozen=True, kw_only=True)
class FactFollower:
    """Gives each fact of a ledger's topic to `react`, in its order."""

    open_consumer: Callable[[], FactConsumer]
    topic: str
    codec: Codec
    react: Callable[[Declared, FactEnvelope], Awaitable[None]]
    outages: tuple[type[BaseException], ...]

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop` is set."""
        consumer = await asyncio.to_thread(self.open_consumer)
        try:
            await asyncio.to_thread(consumer.subscribe, [self.topic])
            while not stop.is_set():
                messages = await asyncio.to_thread(consumer.consume, BATCH_RECORDS_MAX, POLL_SECONDS)
                good = [message for message in messages if _is_record(message)]
                for message in good:
                    await self._reacted(message, stop)
                if good and not stop.is_set():
                    await _commit(consumer, good)
        finally:
            await asyncio.to_thread(consumer.close)

    async def _reacted(self, message: Message, stop: asyncio.Event) -> None:
        """Return when the reaction is done, or when `stop` came while something outside was away."""
        read = self._read(message)
        wait_seconds = WAIT_FIRST_SECONDS
        while read is not None and not stop.is_set():
            try:
                await self.react(*read)
                return
            except self.outages as outage:
                log.warning("follower_waits", topic=self.topic, reason=str(outage)[:500])
                await stopped_within(stop, wait_seconds)
                wait_seconds = min(wait_seconds * 2, WAIT_MAX_SECONDS)

    def _read(self, message: Message) -> tuple[Declared, FactEnvelope] | None:
        value, headers = message.value(), message.headers()
        pairs = [(str(pair[0]), pair[1]) for pair in headers or () if isinstance(pair[1], bytes)]
        try:
            return self.codec.decode(value if isinstance(value, bytes) else None), FactEnvelope.from_headers(pairs)
        except (Undecodable, HeaderMissing) as error:
            # A ledger that cannot be read stops the projections, loudly; a reaction may be made up for by a sweep.
            log.error("fact_unreadable", topic=self.topic, offset=message.offset(), reason=str(error))
            return None


async def _commit(consumer: FactConsumer, messages: Sequence[Message]) -> None:
    last = {(message.topic(), message.partition()): message for message in messages}
    for message in last.values():
        try:
            await asyncio.to_thread(consumer.commit, message=message, asynchronous=False)
        except KafkaException as error:
            log.warning("follower_not_committed", topic=message.topic(), reason=str(error))


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None:
        log.warning("follower_broker", reason=error.str())
    return error is None
