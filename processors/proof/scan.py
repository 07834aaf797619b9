"""Reads a stretch of a partition from its first to its last committed record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from processors.ledger.clients import ReaderFactory
from processors.ledger.errors import TopicMissing
from processors.ports import NamedError

MESSAGES_MAX = 10_000
POLL_SECONDS = 0.2
REQUEST_SECONDS = 15.0
#: A stretch that brings no record for this long is not being read any more.
SILENT_POLLS_MAX = 300


class ReadingStalled(NamedError):
    """Kafka brought no record of the partition for a minute. Look at the brokers, then run it again."""


class TopicReader:
    """Reads partitions of topics, one stretch after the other, over one client."""

    def __init__(self, reader: ReaderFactory) -> None:
        self._consumer: Consumer = reader(True)

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic. Raises `TopicMissing`."""
        found = self._consumer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
        if found.error is not None:
            raise TopicMissing(f"{topic}. {TopicMissing.__doc__}")
        return sorted(found.partitions)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Offset of the first record and the offset behind the last committed one."""
        where = TopicPartition(topic, partition)
        low, high = self._consumer.get_watermark_offsets(where, timeout=REQUEST_SECONDS, cached=False)
        return int(low), int(high)

    def offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        """Offset of the first record written at or after a time (epoch milliseconds); the end where there is none."""
        where = TopicPartition(topic, partition, max(0, time_ms))
        (found,) = self._consumer.offsets_for_times([where], timeout=REQUEST_SECONDS)
        if found.error is not None:
            raise KafkaException(found.error)
        return found.offset if found.offset >= 0 else self.bounds(topic, partition)[1]

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Message]]:
        """The committed records from `start` up to and without `end`, in batches."""
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        reached, silent = start, 0
        while reached < end:
            records = []
            for message in self._consumer.consume(MESSAGES_MAX, POLL_SECONDS):
                error = message.error()
                if error is None:
                    records.append(message)
                    reached = (message.offset() or 0) + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    reached = message.offset() or 0
                else:
                    raise KafkaException(error)
            if reached > end:
                records = [record for record in records if (record.offset() or 0) < end]
            if records:
                yield records
            silent = 0 if records else silent + 1
            if silent > SILENT_POLLS_MAX:
                raise ReadingStalled(f"{topic}[{partition}]@{reached}. {ReadingStalled.__doc__}")

    def close(self) -> None:
        """Close the client."""
        self._consumer.close()
