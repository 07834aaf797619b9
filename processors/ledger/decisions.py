"""Turns a batch of commands into records: facts, work, refusals, dead letters, statuses, and the states after them.

Nothing here waits and nothing is certain: a batch is thrown away whole when its commit fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog
from confluent_kafka import Message

from events.codec import Codec
from events.decider import Ignored, Refusal
from events.declare import Declared
from events.documents import CommandRejected
from events.envelope import SPEC_VERSION
from events.stream import Stream
from processors.ledger.chain import HASH_HEADER, names_block
from processors.ledger.deadletters import DeadLetters
from processors.ledger.intake import UNUSABLE, DecisionFailed, Intake, Received
from processors.ledger.partition import Head, Partition
from processors.ledger.records import ANY_PARTITION, Outgoing, Place
from processors.snapshots import Entry, mark_of

log = structlog.get_logger(__name__)

#: Room for the headers of a fact beside its value, within the topic's largest record.
HEADERS_BYTES_MAX = 8 * 1_024

REFUSED, IGNORED = "refused", "ignored"
NOTHING_FOLLOWS = "it changes nothing"


class DecisionTooLarge(Refusal):
    """What follows from the command is larger than a record may be: send less at once, or files by address."""


class StatusTooLarge(Refusal):
    """The order has more lines and parcels than one status can show: place what is left as an order of its own."""


class OtherTenant(Refusal):
    """Nothing of this tenant is known under this key: look at tenant and key of the command."""


class Counts(msgspec.Struct):
    """What became of commands."""

    commands: int = 0
    facts: int = 0
    refused: int = 0
    ignored: int = 0
    duplicates: int = 0
    dead_letters: int = 0

    def add(self, other: Counts) -> None:
        """Add the other's counts."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Progress:
    """How far a batch has taken one partition: its new head and the states that changed."""

    __slots__ = ("before", "entries", "head", "next_offset", "partition")

    def __init__(self, partition: Partition, before: Progress | None) -> None:
        """`before` is the progress of a batch that is being committed; what it says is taken as certain for now."""
        self.partition = partition
        self.before = before
        self.head: Head = before.head if before else partition.head
        self.entries: dict[str, Entry] = {}
        #: The intake offset behind the batch's last command.
        self.next_offset: int = before.next_offset if before else partition.next_offset

    def entry(self, key: str) -> Entry | None:
        """The newest state of a key, or None where it has to be read first."""
        entry = self.entries.get(key)
        if entry is None and self.before is not None:
            entry = self.before.entries.get(key)
        return entry if entry is not None else self.partition.entry(key)


class Batch:
    """What one transaction commits."""

    __slots__ = ("at", "counts", "progress", "records")

    def __init__(self, at: int) -> None:
        """`at` is when the command is decided that is being decided, epoch milliseconds."""
        self.at = at
        self.records: dict[Place, list[Outgoing]] = {}
        self.progress: dict[int, Progress] = {}
        self.counts = Counts()

    def records_for(self, topic: str, partition: int) -> list[Outgoing]:
        """What is produced to a partition, to be added to."""
        found = self.records.get((topic, partition))
        if found is None:
            found = self.records[topic, partition] = []
        return found


class Decisions:
    """Decides the commands of one stream."""

    def __init__(
        self,
        stream: Stream,
        codec: Codec,
        dead_letters: DeadLetters,
        *,
        record_bytes_max: int,
        status_bytes_max: int,
        recognise_commands: bool = True,
    ) -> None:
        """`recognise_commands=False` is a planted fault: the proof has to find what a command done twice leaves."""
        self._stream = stream
        self._decider = stream.decider
        self._codec = codec
        self._intake = Intake(stream, codec)
        self._dead_letters = dead_letters
        self._fact_bytes_max = record_bytes_max - HEADERS_BYTES_MAX
        self._status_bytes_max = status_bytes_max - HEADERS_BYTES_MAX
        self._recognises = stream.remembers_commands and recognise_commands
        self._types = {fact: fact.__name__.encode() for fact in stream.facts}

    def decide(self, batch: Batch, progress: Progress, message: Message, key: str) -> None:
        """Answer one command; `key` was checked and its state was read. The answer is added to the batch."""
        batch.counts.commands += 1
        try:
            received = self._intake.read(message, key)
            self._answer(batch, progress, received)
        except UNUSABLE as error:
            self.bury(batch, message, error)

    def bury(self, batch: Batch, message: Message, error: Exception) -> None:
        """Add the dead letter of a record that cannot be used."""
        log.warning(
            "dead_letter",
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            reason=type(error).__name__,
        )
        batch.counts.dead_letters += 1
        letters = batch.records_for(self._dead_letters.topic, ANY_PARTITION)
        letters.append(self._dead_letters.letter(message, error))

    def statuses(self, batch: Batch) -> None:
        """Add one status snapshot for every key that changed. Called once, when all commands are decided."""
        topic = self._stream.status_topic
        if topic is None:
            return
        time = b"%d" % batch.at
        for number, progress in batch.progress.items():
            statuses = batch.records_for(topic, number)
            for key, entry in progress.entries.items():
                status = self._stream.status_of(entry.state, key, entry.tenant, entry.seq, batch.at)
                if status is None:
                    continue
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
                statuses.append((raw_key, self._codec.encode(status), STATUS_HEADERS, contents))

    def _answer(self, batch: Batch, progress: Progress, received: Received) -> None:
        key = received.context.key
        entry = progress.entry(key)
        if entry is None:
            raise LookupError("the state of every key of a batch is read before it is decided")
        mark = mark_of(received.command_id) if self._stream.remembers_commands else b""
        if self._recognises and mark in entry.answered:
            batch.counts.duplicates += 1
            return
        try:
            if entry.seq and entry.tenant != received.context.tenant:
                raise OtherTenant
            facts, state, values = self._decided(entry, received)
        except Refusal as refusal:
            self._refuse(batch, progress, received, entry, mark, refusal)
        except Ignored as ignored:
            self._ignore(batch, progress, received, entry, mark, ignored)
        else:
            self._record(batch, progress, received, entry, mark, facts, state, values)

    def _decided(self, entry: Entry, received: Received) -> tuple[Sequence[Declared], object, list[bytes]]:
        """The facts that follow, the state after them, and their bytes; or `Refusal`, `Ignored`, `DecisionFailed`."""
        try:
            facts, state = self._decider.decide_and_evolve(entry.state, received.command, received.context)
            if not facts:
                raise Ignored(NOTHING_FOLLOWS)
            values = list(map(self._codec.encode, facts))
        except (Refusal, Ignored):
            raise
        except Exception as error:
            # A fault in a rule must not stop everybody's orders: the command is kept, and found among dead letters.
            raise DecisionFailed(f"{type(error).__name__}: {error}. {DecisionFailed.__doc__}") from error
        if max(map(len, values)) > self._fact_bytes_max:
            raise DecisionTooLarge
        if self._stream.status_may_be_large(state):
            self._status_fits(entry, state, received)
        return facts, state, values

    def _status_fits(self, entry: Entry, state: object, received: Received) -> None:
        """Refuse what no status can show any more: a snapshot above the topic's limit would stop the partition."""
        context = received.context
        status = self._stream.status_of(state, context.key, entry.tenant or context.tenant, entry.seq, context.now)
        if status is not None and len(self._codec.encode(status)) > self._status_bytes_max:
            raise StatusTooLarge

    def _refuse(
        self, batch: Batch, progress: Progress, received: Received, entry: Entry, mark: bytes, refusal: Refusal
    ) -> None:
        batch.counts.refused += 1
        self._reject(batch, received, REFUSED, refusal.reason, refusal.detail)
        make = self._stream.refused
        if make is not None and not isinstance(refusal, OtherTenant) and self._decider.exists(entry.state):
            fact = make(type(received.command).__name__, refusal.reason, refusal.detail)
            self._outcome(batch, progress, received, entry, mark, fact)

    def _ignore(
        self, batch: Batch, progress: Progress, received: Received, entry: Entry, mark: bytes, ignored: Ignored
    ) -> None:
        batch.counts.ignored += 1
        self._reject(batch, received, IGNORED, "", ignored.why)
        make = self._stream.ignored
        if make is not None and self._decider.exists(entry.state):
            self._outcome(batch, progress, received, entry, mark, make(type(received.command).__name__, ignored.why))

    def _outcome(
        self, batch: Batch, progress: Progress, received: Received, entry: Entry, mark: bytes, fact: Declared
    ) -> None:
        state = self._decider.evolve(entry.state, fact)
        self._record(batch, progress, received, entry, mark, (fact,), state, [self._codec.encode(fact)])

    def _reject(self, batch: Batch, received: Received, outcome: str, reason: str, detail: str) -> None:
        context = received.context
        rejected = CommandRejected(
            command_id=context.command_id,
            command=type(received.command).__name__,
            key=context.key,
            tenant=context.tenant,
            outcome=outcome,
            reason=reason,
            detail=detail,
            rejected_at=batch.at,
        )
        contents = (
            SPEC_VERSION,
            received.command_id,
            b"CommandRejected",
            received.actor,
            received.key,
            b"%d" % batch.at,
            received.tenant,
            received.command_id,
            received.correlation_id,
            b"%d" % received.partition,
            b"%d" % received.offset,
            received.traceparent,
        )
        rejections = batch.records_for(self._stream.rejected_topic, ANY_PARTITION)
        rejections.append((received.key, self._codec.encode(rejected), REJECTED_HEADERS, contents))

    def _record(
        self,
        batch: Batch,
        progress: Progress,
        received: Received,
        entry: Entry,
        mark: bytes,
        facts: Sequence[Declared],
        state: object,
        values: Sequence[bytes],
    ) -> None:
        """Add the facts, and their copies for workers. The headers are those of `FactEnvelope`, in its order."""
        key, records = received.key, batch.records_for(self._stream.events_topic, received.partition)
        link, work_topic, types = progress.partition.chain.link_contents, self._stream.work_topic, self._types
        time, source_offset = b"%d" % batch.at, b"%d" % received.offset
        seq, position, head = entry.seq, progress.head.position, progress.head.hash
        for fact, value in zip(facts, values, strict=True):
            seq += 1
            position += 1
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
            head = link(head, key, value, FACT_NAMES_BLOCK, contents)
            record = (key, value, FACT_HEADERS, (*contents, head))
            records.append(record)
            if (work := work_topic(fact)) is not None:
                batch.records_for(work, ANY_PARTITION).append(record)
        batch.counts.facts += len(facts)
        progress.head = Head(position, head)
        tenant_name = entry.tenant or received.context.tenant
        progress.entries[received.context.key] = Entry(seq, tenant_name, entry.answered + mark, state)


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


def missing_keys(progress: Progress, keys: Mapping[str, None]) -> list[str]:
    """The keys whose states have to be read before the batch is decided."""
    return [key for key in keys if progress.entry(key) is None]
