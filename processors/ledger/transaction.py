"""The ledger's producer: one Kafka transaction a batch, and never a second try of a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from events.stream import Stream
from processors.ledger.batch import Batch
from processors.ledger.clients import ProducerFactory
from processors.ledger.errors import SlotTaken, Stopping
from processors.ports import CrashPoint

log = structlog.get_logger(__name__)

#: All time that one step of a transaction may take; the broker aborts an open transaction after 10 s anyway.
STEP_SECONDS_MAX = 15.0
INIT_SECONDS = 10.0
RETRY_SECONDS, RETRY_SECONDS_MAX = 0.2, 5.0
DISPOSE_SECONDS_MAX = 5.0

_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.FENCED_INSTANCE_ID,
    }
)


class CommitUncertain(Exception):
    """A transaction failed, or nobody knows whether it did: producer and memory are thrown away, the log is asked."""


def is_fenced(error: KafkaError) -> bool:
    """Whether another process has taken this one's place."""
    return error.code() in _FENCED


class Transactions:
    """Commits batches under one transactional id."""

    def __init__(
        self,
        stream: Stream,
        producer: ProducerFactory,
        transactional_id: str,
        stopping: threading.Event,
        crash_point: CrashPoint,
    ) -> None:
        self._stream = stream
        self._make = producer
        self._transactional_id = transactional_id
        self._stopping = stopping
        self._crash_point = crash_point
        self._producer: Producer | None = None

    def begin_anew(self) -> None:
        """Take a new producer and end whatever an earlier one of this id left open. Waits while brokers are away.

        librdkafka has no second half of KIP-890: a delayed end of one transaction could hit the next one of the same
        epoch. A new producer has a new epoch, so nothing that the old one still sends counts.
        """
        old, self._producer = self._producer, None
        wait = RETRY_SECONDS
        while True:
            producer = self._make(self._transactional_id)
            try:
                producer.init_transactions(INIT_SECONDS)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                log.warning("waiting_for_kafka", error=cause.str(), again_seconds=wait)
                _dispose(producer)
                if not (cause.retriable() or cause.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT)):
                    raise
                if self._stopping.wait(wait):
                    raise Stopping from error
                wait = min(2 * wait, RETRY_SECONDS_MAX)
            else:
                break
        self._producer = producer
        if old is not None:
            _dispose(old)

    def commit(self, batch: Batch, group_metadata: Any) -> Mapping[int, int]:
        """Commit a batch with its offsets; returns the offset of each partition's last fact.

        1. begin; 2. produce every record; 3. send the intake offsets with the consumer's group metadata, as they were
        when the batch was decided, so that a process that lost its partitions is refused; 4. commit. Raises
        `CommitUncertain` after any failure, `SlotTaken` where another process has this slot.
        """
        producer = self._producer
        if producer is None:
            raise CommitUncertain("there is no producer yet")
        last_offsets: dict[int, int] = {}
        try:
            producer.begin_transaction()
            self._crash_point("begun")
            _produce(producer, batch, self._stream.events_topic, last_offsets)
            self._crash_point("produced")
            offsets = [
                TopicPartition(self._stream.intake_topic, number, progress.next_offset)
                for number, progress in batch.progress.items()
            ]
            producer.send_offsets_to_transaction(offsets, group_metadata, STEP_SECONDS_MAX)
            self._crash_point("offsets sent")
            producer.commit_transaction(STEP_SECONDS_MAX)
        except KafkaException as error:
            cause = error.args[0]
            if is_fenced(cause):
                raise SlotTaken(f"{self._transactional_id}: {cause.str()}. {SlotTaken.__doc__}") from error
            raise CommitUncertain(cause.str()) from error
        producer.poll(0)
        self._crash_point("committed")
        return last_offsets

    def close(self) -> None:
        """Let go of the producer; a transaction that is open is aborted."""
        if self._producer is not None:
            _dispose(self._producer)
            self._producer = None


def _produce(producer: Producer, batch: Batch, events_topic: str, last_offsets: dict[int, int]) -> None:
    """Hand every record over, one partition after the other: so the broker gets few large requests."""
    produce = producer.produce
    for (topic, partition), records in batch.records.items():
        last = len(records) - 1 if topic == events_topic else -1
        for index, (key, value, names, contents) in enumerate(records):
            delivered = _remember(last_offsets, partition) if index == last else None
            headers: Any = list(zip(names, contents, strict=True))
            try:
                produce(topic, value, key, partition, delivered, headers=headers)
            except BufferError:
                # Everything before it is on its way: make room, then it fits.
                producer.flush(STEP_SECONDS_MAX)
                produce(topic, value, key, partition, delivered, headers=headers)


def _remember(last_offsets: dict[int, int], number: int) -> Callable[[Any, Any], None]:
    def delivered(error: Any, message: Any) -> None:
        if error is None:
            last_offsets[number] = message.offset()

    return delivered


def _dispose(producer: Producer) -> None:
    """End a producer whose records nobody wants. It may hang on brokers that are away, so a thread waits for it."""

    def end() -> None:
        try:
            producer.purge()
            producer.close()
        except KafkaException as error:
            log.info("abandoned_producer_ended", error=str(error))

    thread = threading.Thread(target=end, name="ledger-dispose", daemon=True)
    thread.start()
    thread.join(DISPOSE_SECONDS_MAX)
