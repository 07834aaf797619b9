"""Makes records of answers: facts with their headers and chain, work, rejections, statuses."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from events.codec import Codec
from events.declare import Declared
from events.envelope import SPEC_VERSION
from events.stream import Stream
from processors.ledger.batch import Batch, Progress
from processors.ledger.chain import HASH_HEADER, names_block
from processors.ledger.intake import Received
from processors.ledger.partition import Head
from processors.ledger.records import ANY_PARTITION
from processors.snapshots import Entry

EVENT_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "tenant")
FACT_HEADERS = (
    *EVENT_HEADERS,
    "seq",
    "position",
    "causation_id",
    "correlation_id",
    "source_offset",
    "traceparent",
    HASH_HEADER,
)
"""The headers of a fact, in the order of `FactEnvelope.to_headers`."""

STATUS_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_subject", "ce_time", "tenant", "seq")
REJECTED_HEADERS = (
    *EVENT_HEADERS,
    "causation_id",
    "correlation_id",
    "source_partition",
    "source_offset",
    "traceparent",
)

FACT_NAMES_BLOCK = names_block(FACT_HEADERS[:-1])


class Rejection(msgspec.Struct, frozen=True):
    """A `CommandRejected` as bytes, and its outcome."""

    outcome: str
    value: bytes


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What follows from one command: facts, the entry after them (`seq_before` counts the ones before), a rejection."""

    progress: Progress
    received: Received
    seq_before: int
    facts: Sequence[Declared]
    after: Entry
    rejection: Rejection | None


class Answers:
    """Adds the answers of one stream's commands to a batch."""

    def __init__(self, stream: Stream, codec: Codec) -> None:
        self._stream = stream
        self._codec = codec
        self._types = {fact: fact.__name__.encode() for fact in stream.facts}

    def add(self, batch: Batch, answers: Sequence[Answer], values: Sequence[bytes]) -> None:
        """Add records and states. `values` are the bytes of all facts of all answers, in their order.

        The headers of a fact are those of `FactEnvelope`, in its order.
        """
        number, time, types, work_topic = 0, b"%d" % batch.at, self._types, self._stream.work_topic
        for answer in answers:
            progress, received, seq = answer.progress, answer.received, answer.seq_before
            if answer.rejection is not None:
                self._reject(batch, received, answer.rejection, time)
            if not answer.facts:
                continue
            key, head = received.key, progress.head
            position, last_hash, link = head.position, head.hash, progress.partition.chain.link_contents
            records = batch.records_for(self._stream.events_topic, received.partition)
            source_offset = b"%d" % received.offset
            for fact in answer.facts:
                seq += 1
                position += 1
                value = values[number]
                number += 1
                contents = (
                    SPEC_VERSION,
                    b"%b.%d" % (key, seq),
                    types[type(fact)],
                    received.actor,
                    key,
                    time,
                    received.tenant,
                    b"%d" % seq,
                    b"%d" % position,
                    received.command_id,
                    received.correlation_id,
                    source_offset,
                    received.traceparent,
                )
                last_hash = link(last_hash, key, value, FACT_NAMES_BLOCK, contents)
                record = (key, value, FACT_HEADERS, (*contents, last_hash))
                records.append(record)
                if (work := work_topic(fact)) is not None:
                    batch.records_for(work, ANY_PARTITION).append(record)
            progress.head = Head(position, last_hash)
            progress.entries[received.context.key] = answer.after

    def add_statuses(self, batch: Batch) -> None:
        """Add one status snapshot for every key that changed. Called once, when all commands are decided."""
        topic, status_of = self._stream.status_topic, self._stream.status_of
        if topic is None:
            return
        time = b"%d" % batch.at
        for number, progress in batch.progress.items():
            found = [
                (key, entry, status)
                for key, entry in progress.entries.items()
                if (status := status_of(entry.state, key, entry.tenant, entry.seq, batch.at)) is not None
            ]
            values = list(map(self._codec.encode, [status for _, _, status in found]))
            statuses = batch.records_for(topic, number)
            for (key, entry, status), value in zip(found, values, strict=True):
                raw_key = key.encode()
                contents = (
                    SPEC_VERSION,
                    b"%b.%d" % (raw_key, entry.seq),
                    type(status).__name__.encode(),
                    raw_key,
                    time,
                    entry.tenant.encode(),
                    b"%d" % entry.seq,
                )
                statuses.append((raw_key, value, STATUS_HEADERS, contents))

    def _reject(self, batch: Batch, received: Received, rejection: Rejection, time: bytes) -> None:
        contents = (
            SPEC_VERSION,
            received.command_id,
            b"CommandRejected",
            received.actor,
            received.key,
            time,
            received.tenant,
            received.command_id,
            received.correlation_id,
            b"%d" % received.partition,
            b"%d" % received.offset,
            received.traceparent,
        )
        rejections = batch.records_for(self._stream.rejected_topic, ANY_PARTITION)
        rejections.append((received.key, rejection.value, REJECTED_HEADERS, contents))
