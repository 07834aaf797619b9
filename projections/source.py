"""Reading topics for projections: assigned by hand, committed records only, positions checked, no group offsets."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from events.codec import Codec
from projections.errors import OffsetLost, PositionGap, PositionRepeated, TopicMissing
from projections.record import Record

Partition: TypeAlias = tuple[str, int]
"""Topic and partition number."""

OpenConsumer: TypeAlias = Callable[[], Consumer]
"""Makes a read-committed consumer with `enable.partition.eof` and `auto.offset.reset=error`."""

METADATA_SECONDS_MAX = 10.0
POLL_SECONDS = 0.2


class Checkpoint(msgspec.Struct, frozen=True):
    """Where reading of a partition stands: the next offset, and position and time of the last folded fact."""

    next_offset: int = 0
    position: int = 0
    recorded_at: int = 0


class Batch(msgspec.Struct, frozen=True):
    """Records in their order, and where each of their partitions stands after them."""

    records: list[Record]
    ends: dict[Partition, Checkpoint]


class RecordSource:
    """Reads partitions from given checkpoints on. Close it to free its connections."""

    def __init__(self, open_consumer: OpenConsumer, codec: Codec) -> None:
        self._consumer = open_consumer()
        self._codec = codec
        self._ledger: frozenset[str] = frozenset()
        self._at: dict[Partition, Checkpoint] = {}
        self._ends_seen: dict[Partition, int] = {}

    def close(self) -> None:
        """Leave the topics."""
        self._consumer.close()

    def partitions_of(self, topic: str) -> tuple[Partition, ...]:
        """The partitions of a topic; raises `TopicMissing`, or `KafkaException` where no broker answers."""
        found = self._consumer.list_topics(topic, timeout=METADATA_SECONDS_MAX).topics.get(topic)
        if found is None or found.error is not None or not found.partitions:
            raise TopicMissing(topic)
        return tuple((topic, number) for number in sorted(found.partitions))

    def records_held(self, partitions: Iterable[Partition]) -> int:
        """About how many records these partitions hold (transaction markers are counted too)."""
        held = 0
        for topic, number in partitions:
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, number), timeout=METADATA_SECONDS_MAX
            )
            held += high - low
        return held

    def start(self, checkpoints: Mapping[Partition, Checkpoint], ledger_topics: Iterable[str]) -> None:
        """Read from these checkpoints on; positions are checked on the ledger's topics."""
        self._ledger = frozenset(ledger_topics)
        self._at = dict(checkpoints)
        self._ends_seen = {}
        self._consumer.assign(
            [
                TopicPartition(topic, number, self._first_offset((topic, number), checkpoint.next_offset))
                for (topic, number), checkpoint in checkpoints.items()
            ]
        )

    def read(self, records_max: int, timeout_seconds: float = POLL_SECONDS) -> Batch:
        """Wait for a record, then take what is there already, at most `records_max`; empty after the time-out."""
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return Batch([], {})
        return self._checked([first, *self._consumer.consume(max(1, records_max - 1), 0)])

    def fill(self, records_max: int, timeout_seconds: float) -> Batch:
        """Take up to `records_max` records, waiting for more until the time-out: for rebuilds."""
        return self._checked(self._consumer.consume(records_max, timeout_seconds))

    def at_end(self) -> bool:
        """Whether everything that the partitions hold at this moment has been read."""
        for topic, number in self._at:
            partition = TopicPartition(topic, number)
            _, high = self._consumer.get_watermark_offsets(partition, timeout=METADATA_SECONDS_MAX)
            if self._ends_seen.get((topic, number)) != high:
                return False
        return True

    def _first_offset(self, partition: Partition, next_offset: int) -> int:
        if next_offset == 0:
            return OFFSET_BEGINNING
        if partition[0] in self._ledger:
            return next_offset
        # Refusals are kept for 90 days: what ended before it was read is gone, and that is as it should be.
        low, _ = self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=METADATA_SECONDS_MAX)
        return max(next_offset, low)

    def _checked(self, messages: list[Message]) -> Batch:
        records: list[Record] = []
        newest: dict[Partition, Record] = {}
        positions: dict[Partition, int] = {}
        codec, ledger = self._codec, self._ledger
        for message in messages:
            if message.error() is not None:
                self._note(message)
                continue
            record = Record(message, codec)
            partition = (record.topic, record.partition)
            if record.topic in ledger:
                last = positions.get(partition)
                if last is None:
                    last = self._at[partition].position
                position = record.position
                if position != last + 1:
                    raise _not_the_next(record, last)
                positions[partition] = position
            newest[partition] = record
            records.append(record)
        ends = {
            partition: Checkpoint(record.offset + 1, positions.get(partition, 0), record.recorded_at)
            for partition, record in newest.items()
        }
        self._at.update(ends)
        return Batch(records, ends)

    def _note(self, message: Message) -> None:
        """Take note of a partition's end; raise what cannot be waited for."""
        error, partition = message.error(), (message.topic() or "", message.partition() or 0)
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:
            self._ends_seen[partition] = message.offset() or 0
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise OffsetLost(f"{partition[0]}[{partition[1]}]: {error.str()}")
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicMissing(partition[0])
        elif not error.retriable() and error.code() not in (
            KafkaError._ALL_BROKERS_DOWN,
            KafkaError._TRANSPORT,
            KafkaError._TIMED_OUT,
        ):
            raise KafkaException(error)


def _not_the_next(record: Record, last: int) -> PositionGap | PositionRepeated:
    found = f"{record.where}: position {record.position} follows {last}"
    return PositionRepeated(found) if record.position <= last else PositionGap(found)
