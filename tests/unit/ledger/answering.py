"""What it takes to answer commands without a broker: records as a consumer gives them, a partition, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.codec import Codec
from events.order.stream import ORDER_STREAM
from events.stream import Stream
from processors.ledger.batch import Batch
from processors.ledger.chain import Chain
from processors.ledger.deadletters import DeadLetters
from processors.ledger.decisions import TOGETHER, Decisions
from processors.ledger.partition import Partition
from processors.ledger.records import Outgoing
from processors.snapshots import BEGINNING, Claim, Entry, EntryCodec

CODEC = Codec()
DEAD_LETTERS = "dlq"


class Record:
    """A record as the consumer gives it."""

    def __init__(self, key: str, value: bytes, headers: Any, offset: int = 42) -> None:
        self._key, self._value, self._headers, self._offset = key, value, headers, offset

    def key(self) -> bytes:
        return self._key.encode()

    def value(self) -> bytes:
        return self._value

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return ORDER_STREAM.intake_topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset


class UnreadableRecord(Record):
    """A record of which one header's name is not UTF-8, until it is given other headers."""

    is_readable = False

    def headers(self) -> Any:
        if not self.is_readable:
            raise SystemError("<method 'headers' of 'cimpl.Message' objects> returned a result with an exception set")
        return self._headers

    def set_headers(self, headers: Any) -> None:
        self._headers, self.is_readable = headers, True


def a_partition(entries: Mapping[str, Entry]) -> Partition:
    """Partition 0 of the orders, which remembers these entries."""
    claim = Claim(stream="orders", partition=0, epoch=1, checkpoint=BEGINNING)
    codec = EntryCodec(ORDER_STREAM.state_type)
    partition = Partition(0, Chain(ORDER_STREAM.events_topic, 0), claim, codec, entries_max=10)
    partition.remember(entries)
    return partition


def decisions_of(
    stream: Stream,
    *,
    record_bytes_max: int = 1_000_000,
    status_bytes_max: int = 2_000_000,
    together: int = TOGETHER,
) -> Decisions:
    """The decisions of a stream; dead letters go to the topic `dlq`, unsealed."""
    return Decisions(
        stream,
        CODEC,
        DeadLetters(DEAD_LETTERS, lambda topic, value: value, "test", letter_bytes_max=1_000_000),
        record_bytes_max=record_bytes_max,
        status_bytes_max=status_bytes_max,
        together=together,
    )


def records_on(batch: Batch, topic: str | None) -> list[Outgoing]:
    """What the batch puts onto a topic, whatever the partition."""
    return [record for place, records in batch.records.items() if place[0] == topic for record in records]
