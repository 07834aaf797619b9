"""Writes facts onto a topic as the ledger writes them: headers, seq, position, one transaction at a time."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from events.codec import Codec
from events.declare import Declared
from events.envelope import FactEnvelope
from events.identity import command_id
from infra import kafka

BASE_AT = 1_790_000_000_000
ANSWER_SECONDS_MAX = 60


class WrittenFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact with where it was written; `at` is when it was recorded, epoch milliseconds."""

    fact: Declared
    key: str
    tenant: str
    partition: int
    seq: int
    position: int
    at: int
    actor: str
    causation_id: str


def partition_of(key: str, partitions: int) -> int:
    """A partition that is always the same for a key; which one does not matter to a projection."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % partitions


def make_topic(admin: AdminClient, name: str, partitions: int) -> None:
    """Make a topic and wait until it is there."""
    for outcome in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        outcome.result(timeout=ANSWER_SECONDS_MAX)
    kafka.wait_until_led(admin, {name: partitions})


class LedgerWriter:
    """Plays the ledger on one topic."""

    def __init__(self, producer: Producer, topic: str, partitions: int, tenant: str = "demo") -> None:
        producer.init_transactions(ANSWER_SECONDS_MAX)
        self._producer = producer
        self._codec = Codec()
        self.topic, self.partitions, self.tenant = topic, partitions, tenant
        self._seqs: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self.positions: defaultdict[int, int] = defaultdict(int)
        self.written: list[WrittenFact] = []
        self._clock = itertools.count(BASE_AT)

    def write(self, facts: Iterable[tuple[str, Declared]], *, causation_id: str = "", tenant: str = "") -> None:
        """Write facts with their keys in one transaction; each fact's command is one of its own unless given."""
        self._producer.begin_transaction()
        for key, fact in facts:
            self.send(self._envelope(key, fact, causation_id, tenant), self._codec.encode(fact), fact)
        self._producer.commit_transaction(ANSWER_SECONDS_MAX)

    def write_aborted(self, facts: Iterable[tuple[str, Declared]]) -> None:
        """Write facts that nobody may see, with the positions that the next committed ones get."""
        self._producer.begin_transaction()
        for key, fact in facts:
            envelope = self._bare(key, fact, seq=1, position=self.positions[self.partition(key)] + 1)
            self._produce(envelope, self._codec.encode(fact))
        self._producer.flush(ANSWER_SECONDS_MAX)
        self._producer.abort_transaction(ANSWER_SECONDS_MAX)

    def write_at(self, key: str, fact: Declared, *, seq: int, position: int, value: bytes | None = None) -> None:
        """Write one fact at any position, with any bytes: what a broken ledger would hold."""
        self._producer.begin_transaction()
        self._produce(self._bare(key, fact, seq=seq, position=position), value or self._codec.encode(fact))
        self._producer.commit_transaction(ANSWER_SECONDS_MAX)

    def write_unknown(self, key: str, type_name: str) -> None:
        """Write a fact of a type that this release does not know yet."""
        partition = self.partition(key)
        self.positions[partition] += 1
        envelope = self._envelope_of(key, type_name, next(self._seqs[key]), self.positions[partition], "", "")
        self._producer.begin_transaction()
        self._produce(envelope, b"\x00\x00\x0f\x42\x40newer")
        self._producer.commit_transaction(ANSWER_SECONDS_MAX)

    def partition(self, key: str) -> int:
        """Where a key's facts stand."""
        return partition_of(key, self.partitions)

    def send(self, envelope: FactEnvelope, value: bytes, fact: Declared) -> None:
        """Produce within the open transaction and remember what was written."""
        self._produce(envelope, value)
        self.written.append(
            WrittenFact(
                fact=fact,
                key=envelope.key,
                tenant=envelope.tenant,
                partition=self.partition(envelope.key),
                seq=envelope.seq,
                position=envelope.position,
                at=envelope.recorded_at,
                actor=envelope.actor,
                causation_id=envelope.causation_id,
            )
        )

    def _envelope(self, key: str, fact: Declared, causation_id: str, tenant: str) -> FactEnvelope:
        partition = self.partition(key)
        self.positions[partition] += 1
        seq = next(self._seqs[key])
        return self._envelope_of(key, type(fact).__name__, seq, self.positions[partition], causation_id, tenant)

    def _bare(self, key: str, fact: Declared, *, seq: int, position: int) -> FactEnvelope:
        return self._envelope_of(key, type(fact).__name__, seq, position, "", "")

    def _envelope_of(
        self, key: str, type_name: str, seq: int, position: int, causation_id: str, tenant: str
    ) -> FactEnvelope:
        return FactEnvelope(
            key=key,
            tenant=tenant or self.tenant,
            fact_type=type_name,
            seq=seq,
            position=position,
            recorded_at=next(self._clock),
            actor="test:ledger-writer",
            causation_id=causation_id or command_id(key, seq),
        )

    def _produce(self, envelope: FactEnvelope, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(
                    self.topic,
                    key=envelope.key,
                    value=value,
                    partition=self.partition(envelope.key),
                    headers=[*envelope.to_headers(), ("hash", b"\x00" * 32)],
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return
