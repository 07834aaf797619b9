"""`printledger verify`: recompute every partition's hash chain, positions and sequences from the records alone.

Nothing that the ledger keeps beside the topic is trusted or read. Records are not decoded unless that is asked for: the
chain covers their bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from confluent_kafka import Message

from events.codec import Codec, Undecodable
from processors.ledger.chain import GENESIS, HASH_HEADER, Chain, without_hash
from processors.ledger.clients import ReaderFactory
from processors.proof.scan import TopicReader

#: Violations that are described; more are counted.
DESCRIBED_MAX = 100
#: Where the ledger writes these headers; a record that has them elsewhere is read more slowly.
_SEQ_INDEX, _POSITION_INDEX = 7, 8


class Violation(msgspec.Struct, frozen=True):
    """One broken rule: position, sequence, hash, headers or content."""

    rule: str
    partition: int
    offset: int
    detail: str


class PartitionVerified(msgspec.Struct, kw_only=True):
    """What was found in one partition; `head_hash` (hex) is to be compared with a seal or an earlier run."""

    partition: int
    facts: int = 0
    keys: int = 0
    head_position: int = 0
    head_hash: str = GENESIS.hex()
    violations: int = 0


class VerifyReport(msgspec.Struct, kw_only=True):
    """What `verify` found on one topic."""

    topic: str
    partitions: list[PartitionVerified]
    facts: int
    seconds: float
    facts_per_second: int
    violations: int
    described: list[Violation]

    @property
    def holds(self) -> bool:
        """Whether no rule is broken."""
        return self.violations == 0


def verify(
    topic: str,
    reader: ReaderFactory,
    *,
    partitions: Sequence[int] | None = None,
    codec: Codec | None = None,
    on_progress: Callable[[int], None] = lambda facts: None,
) -> VerifyReport:
    """Verify a topic of facts. With a codec every record is decoded too, which takes several times as long.

    `on_progress` hears again and again how many more facts were looked at.
    """
    began = time.monotonic()
    records = TopicReader(reader)
    described: list[Violation] = []
    try:
        numbers = list(partitions) if partitions is not None else records.partitions(topic)
        found = [_Partition(topic, number, codec, described).run(records, on_progress) for number in numbers]
    finally:
        records.close()
    return report_of(topic, found, described, time.monotonic() - began)


def report_of(topic: str, found: list[PartitionVerified], described: list[Violation], seconds: float) -> VerifyReport:
    """The report of some partitions."""
    facts = sum(partition.facts for partition in found)
    return VerifyReport(
        topic=topic,
        partitions=found,
        facts=facts,
        seconds=round(seconds, 3),
        facts_per_second=round(facts / seconds) if seconds else 0,
        violations=sum(partition.violations for partition in found),
        described=described[:DESCRIBED_MAX],
    )


class _Partition:
    """Verifies one partition. After a violation it goes on from what the record says, so that each is told once."""

    def __init__(self, topic: str, number: int, codec: Codec | None, described: list[Violation]) -> None:
        self._topic = topic
        self._chain = Chain(topic, number)
        self._codec = codec
        self._described = described
        self._seqs: dict[bytes, int] = {}
        self._position = 0
        self._hash = GENESIS
        self.report = PartitionVerified(partition=number)

    def run(self, records: TopicReader, on_progress: Callable[[int], None]) -> PartitionVerified:
        """Read the partition from its first record to its last committed one."""
        low, high = records.bounds(self._topic, self.report.partition)
        if low > 0:
            self._violated("position", 0, f"the partition begins at offset {low}: its first facts are gone")
        for messages in records.read(self._topic, self.report.partition, low, high):
            for message in messages:
                self._check(message)
            self.report.facts += len(messages)
            on_progress(len(messages))
        self.report.keys = len(self._seqs)
        self.report.head_position = self._position
        self.report.head_hash = self._hash.hex()
        return self.report

    def _check(self, message: Message) -> None:
        key: Any = message.key()
        value: Any = message.value()
        headers: Any = message.headers()
        try:
            name, recorded = headers[-1]
            covered = headers[:-1] if name == HASH_HEADER else without_hash(headers)
            seq, position = _numbers(headers)
            if name != HASH_HEADER:
                recorded = dict(headers)[HASH_HEADER]
            computed = self._chain.link(self._hash, key, value, covered)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            self._violated("headers", message.offset() or 0, f"{type(error).__name__}: {error}")
            return
        if position != self._position + 1:
            self._violated("position", message.offset() or 0, f"position {position} after {self._position}")
        if computed != recorded:
            self._violated(
                "hash", message.offset() or 0, f"position {position}: content or a fact before it was changed"
            )
        expected = self._seqs.get(key, 0) + 1
        if seq != expected:
            self._violated("sequence", message.offset() or 0, f"{key!r} has seq {seq} after {expected - 1}")
        self._position, self._hash, self._seqs[key] = position, recorded, seq
        if self._codec is not None:
            try:
                self._codec.decode(value)
            except Undecodable as error:
                self._violated("content", message.offset() or 0, str(error))

    def _violated(self, rule: str, offset: int, detail: str) -> None:
        self.report.violations += 1
        if len(self._described) < DESCRIBED_MAX:
            self._described.append(Violation(rule, self.report.partition, offset, detail))


def _numbers(headers: list[tuple[str, bytes]]) -> tuple[int, int]:
    seq, position = headers[_SEQ_INDEX], headers[_POSITION_INDEX]
    if seq[0] == "seq" and position[0] == "position":
        return int(seq[1]), int(position[1])
    found = dict(headers)
    return int(found["seq"]), int(found["position"])
