"""Takes a partition over: from the last checkpoint to the end of the log, past whatever a predecessor left open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from events.codec import Codec, Undecodable
from events.stream import Stream
from processors.ledger.chain import Chain, without_hash
from processors.ledger.clients import ReaderFactory
from processors.ledger.errors import (
    CheckpointNotInLog,
    FactUnreadable,
    IntakeCut,
    LedgerBroken,
    PositionGap,
    SequenceGap,
    Stopping,
    WrongHash,
)
from processors.ledger.intake import headers_of
from processors.ledger.partition import Partition
from processors.snapshots import Checkpoint, Claim, Entry, EntryCodec, SnapshotStore, mark_of

log = structlog.get_logger(__name__)

MESSAGES_MAX = 1_000
WATERMARK_SECONDS = 10.0
POLL_SECONDS = 0.2
#: Keys of which a load knows how far it has come; of more, those that it met last.
KEYS_MAX = 100_000

OnLoad: TypeAlias = Callable[[int, LedgerBroken | None], None]
"""Hears of each partition that it was loaded, or what stops it."""


class LastSeqs:
    """The seq of the last fact of each key that one load has come by."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._seqs: OrderedDict[str, int] = OrderedDict()

    def note(self, key: str, seq: int) -> int | None:
        """Note a key's next fact; returns the seq of the one before, or None where it is not known."""
        before = self._seqs.pop(key, None)
        self._seqs[key] = seq
        if len(self._seqs) > self._keys_max:
            self._seqs.popitem(last=False)
        return before


class Loader:
    """Loads partitions of one stream."""

    def __init__(
        self,
        stream: Stream,
        codec: Codec,
        entry_codec: EntryCodec,
        store: SnapshotStore,
        reader: ReaderFactory,
        stopping: threading.Event,
        on_load: OnLoad,
        *,
        entries_max: int,
        trusts_a_fresh_id: bool = False,
    ) -> None:
        """`trusts_a_fresh_id` is the planted fault of `LedgerOptions.random_transactional_id`."""
        self._stream = stream
        self._codec = codec
        self._entry_codec = entry_codec
        self._store = store
        self._reader = reader
        self._stopping = stopping
        self._on_load = on_load
        self._entries_max = entries_max
        self._trusts_a_fresh_id = trusts_a_fresh_id

    def load_or_stop(
        self, committed: TopicPartition, partition_count: int, relieve: Callable[[Partition], None]
    ) -> Partition | LedgerBroken:
        """The partition as `load` gives it, or what stops it: facts that break a rule stop nobody else's partition."""
        try:
            partition = self.load(committed, partition_count, relieve)
        except LedgerBroken as error:
            log.error(
                "partition_stopped",
                stream=self._stream.name,
                partition=committed.partition,
                error=f"{type(error).__name__}: {error}",
                then="Its commands wait on intake. Start this process again when this is mended.",
            )
            self._on_load(committed.partition, error)
            return error
        self._on_load(committed.partition, None)
        return partition

    def load(self, committed: TopicPartition, partition_count: int, relieve: Callable[[Partition], None]) -> Partition:
        """The partition with everything that is in the log now; `relieve` writes snapshots when it grows too large.

        `committed` is up to where its intake is answered. Raises a `LedgerBroken`.

        The end is read uncommitted, and folding goes on until the committed records reach it: a predecessor's open
        transaction hides committed records behind it, and reading only up to it would begin in the middle.
        """
        number = committed.partition
        claim = self._store.claim(self._stream.name, number, partition_count, self._entry_codec.shape)
        chain = Chain(self._stream.events_topic, number)
        partition = Partition(number, chain, claim, self._entry_codec, entries_max=self._entries_max)
        partition.next_offset = self._first_unanswered(committed)
        _, end = self._bounds(self._stream.events_topic, number)
        reader = self._reader(True)
        try:
            self._fold_until(end, reader, partition, claim, relieve)
        finally:
            reader.close()
        log.info(
            "partition_loaded",
            stream=self._stream.name,
            partition=number,
            position=partition.confirmed.position,
            folded=partition.confirmed.position - claim.checkpoint.position,
            epoch=claim.epoch,
        )
        return partition

    def _first_unanswered(self, committed: TopicPartition) -> int:
        """Where a partition's intake goes on. What nobody answered in its time may have been deleted since."""
        number, offset = committed.partition, committed.offset
        low, high = self._bounds(self._stream.intake_topic, number)
        if offset > high:
            found = f"{self._stream.intake_topic}[{number}] is answered up to offset {offset}, and ends at {high}"
            raise IntakeCut(f"{found}. {IntakeCut.__doc__}")
        return max(low, offset)

    def _bounds(self, topic: str, number: int) -> tuple[int, int]:
        reader = self._reader(self._trusts_a_fresh_id)
        try:
            low, high = reader.get_watermark_offsets(
                TopicPartition(topic, number), timeout=WATERMARK_SECONDS, cached=False
            )
            return int(low), int(high)
        finally:
            reader.close()

    def _fold_until(
        self, end: int, reader: Consumer, partition: Partition, claim: Claim, relieve: Callable[[Partition], None]
    ) -> None:
        checkpoint = claim.checkpoint
        if checkpoint.record_offset >= end:
            raise _checkpoint_missing(claim, f"the log ends at offset {end}")
        start = checkpoint.record_offset if checkpoint.position else OFFSET_BEGINNING
        reader.assign([TopicPartition(self._stream.events_topic, partition.number, start)])
        reached = max(0, checkpoint.record_offset)
        expects_checkpoint = checkpoint.position > 0
        last_seqs = LastSeqs()
        while reached < end:
            if self._stopping.is_set():
                raise Stopping
            facts = []
            for message in reader.consume(MESSAGES_MAX, POLL_SECONDS):
                error = message.error()
                if error is None:
                    facts.append(message)
                    reached = (message.offset() or 0) + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Markers of transactions and aborted records have offsets too; only this tells of them.
                    reached = message.offset() or 0
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise _checkpoint_missing(claim, f"offset {checkpoint.record_offset} does not exist")
                else:
                    raise KafkaException(error)
            if facts and expects_checkpoint:
                _check(facts.pop(0), claim)
                expects_checkpoint = False
            if facts:
                self.fold(partition, facts, last_seqs)
                relieve(partition)
        if expects_checkpoint:
            raise _checkpoint_missing(claim, "no committed fact is there")

    def fold(self, partition: Partition, facts: Sequence[Message], last_seqs: LastSeqs) -> None:
        """Fold the next facts of the log into the partition. Raises a `LedgerBroken` that names the fact.

        A snapshot may be newer than the checkpoint: what its row holds already is skipped. What this load has skipped
        or folded itself, which `last_seqs` says, cannot come a second time.
        """
        working = self._entries_of(partition, facts)
        last = partition.confirmed
        for message in facts:
            last = self._fold_one(partition, message, last, working, last_seqs)
        partition.confirm(working, last)
        partition.evict()

    def _entries_of(self, partition: Partition, facts: Sequence[Message]) -> dict[str, Entry]:
        keys = dict.fromkeys(key_text(message) for message in facts)
        missing = [key for key in keys if partition.entry(key) is None]
        partition.remember(read_entries(self._stream, self._entry_codec, self._store, missing))
        return {key: entry for key in keys if (entry := partition.entry(key)) is not None}

    def _fold_one(
        self, partition: Partition, message: Message, last: Checkpoint, working: dict[str, Entry], last_seqs: LastSeqs
    ) -> Checkpoint:
        where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        headers = headers_of(message)
        found = dict(headers)
        try:
            position, seq, head = int(found["position"]), int(found["seq"]), found["hash"]
            tenant, command_id = found["tenant"], found["causation_id"]
        except (KeyError, ValueError) as error:
            raise FactUnreadable(f"{where}: header {error}. {FactUnreadable.__doc__}") from error
        if position != last.position + 1:
            raise PositionGap(f"{where}: position {position} after {last.position}. {PositionGap.__doc__}")
        key, value = _bytes_of(message, where)
        if partition.chain.link(last.hash, key, value, without_hash(headers)) != head:
            raise WrongHash(f"{where}: {WrongHash.__doc__}")
        text = key.decode()
        entry = working[text]
        before = last_seqs.note(text, seq)
        if before is not None and seq != before + 1:
            raise SequenceGap(f"{where}: {text} has seq {seq} after {before}. {SequenceGap.__doc__}")
        if seq == entry.seq + 1:
            working[text] = self._evolve(entry, tenant, command_id, value, where)
        elif seq > entry.seq:
            raise SequenceGap(f"{where}: {text} has seq {seq} after {entry.seq}. {SequenceGap.__doc__}")
        return Checkpoint(position=position, record_offset=message.offset() or 0, hash=head)

    def _evolve(self, entry: Entry, tenant: bytes, command_id: bytes, value: bytes, where: str) -> Entry:
        try:
            fact = self._codec.decode(value)
        except Undecodable as error:
            raise FactUnreadable(f"{where}: {error} {FactUnreadable.__doc__}") from error
        mark = mark_of(command_id) if self._stream.remembers_commands else b""
        answered = entry.answered if entry.answered.endswith(mark) else entry.answered + mark
        state = self._stream.decider.evolve(entry.state, fact)
        return Entry(entry.seq + 1, tenant.decode(), answered, state)


def read_entries(stream: Stream, codec: EntryCodec, store: SnapshotStore, keys: Sequence[str]) -> dict[str, Entry]:
    """The snapshots of these keys; a key without one begins with the decider's initial state."""
    if not keys:
        return {}
    rows = store.read(stream.name, keys)
    fresh = Entry(0, "", b"", stream.decider.initial_state())
    return {key: codec.decode(rows[key]) if key in rows else fresh for key in keys}


def key_text(message: Message) -> str:
    """The key of a fact; facts have one."""
    key: Any = message.key()
    return key.decode() if isinstance(key, bytes) else str(key)


def _bytes_of(message: Message, where: str) -> tuple[bytes, bytes]:
    key: Any = message.key()
    value: Any = message.value()
    if not isinstance(key, bytes) or not isinstance(value, bytes):
        raise FactUnreadable(f"{where}: key or value is null. {FactUnreadable.__doc__}")
    return key, value


def _check(message: Message, claim: Claim) -> None:
    """The record at the checkpoint carries the checkpoint's hash: the snapshots are of this log."""
    found = dict(headers_of(message))
    checkpoint = claim.checkpoint
    expected = (checkpoint.record_offset, b"%d" % checkpoint.position, checkpoint.hash)
    if (message.offset(), found.get("position"), found.get("hash")) != expected:
        raise _checkpoint_missing(claim, f"offset {message.offset()} holds another fact")


def _checkpoint_missing(claim: Claim, found: str) -> CheckpointNotInLog:
    where = f"{claim.stream}[{claim.partition}], position {claim.checkpoint.position}"
    return CheckpointNotInLog(f"{where}: {found}. {CheckpointNotInLog.__doc__}")
