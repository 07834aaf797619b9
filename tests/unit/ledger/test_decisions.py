"""The records that a batch becomes: their headers are those that every reader of facts expects."""

from __future__ import annotations

from typing import Any

from events.codec import Codec
from events.envelope import CommandEnvelope, FactEnvelope
from events.order.stream import ORDER_STREAM
from processors.ledger.chain import Chain
from processors.ledger.deadletters import DeadLetters
from processors.ledger.decisions import Batch, Decisions, Progress
from processors.ledger.partition import Partition
from processors.snapshots import BEGINNING, Claim, Entry, EntryCodec
from tests.order_life import placed

KEY = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"
AT = 1_790_000_000_123
CODEC = Codec()


class Record:
    """A record as the consumer gives it."""

    def __init__(self, value: bytes, headers: Any) -> None:
        self._value, self._headers = value, headers

    def key(self) -> bytes:
        return KEY.encode()

    def value(self) -> bytes:
        return self._value

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return "pod.orders.intake.v1"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 42


def decided(seen: Entry) -> Batch:
    envelope = CommandEnvelope(
        command_id="place-1",
        key=KEY,
        tenant="demo",
        command_type="ObserveStoreOrder",
        sent_at=AT - 5,
        actor="store:demo-rest",
        causation_id="webhook-1",
        correlation_id="correlation-1",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    claim = Claim(stream="orders", partition=0, epoch=1, checkpoint=BEGINNING)
    partition = Partition(
        0, Chain(ORDER_STREAM.events_topic, 0), claim, EntryCodec(ORDER_STREAM.state_type), entries_max=10
    )
    partition.remember({KEY: seen})
    decisions = Decisions(
        ORDER_STREAM, CODEC, DeadLetters("dlq", lambda topic, value: value, "test"), record_bytes_max=1_000_000
    )
    batch = Batch(AT)
    progress = batch.progress[0] = Progress(partition, None)
    message: Any = Record(CODEC.encode(placed()), envelope.to_headers())
    decisions.decide(batch, progress, message, KEY)
    return batch


def test_the_headers_of_a_fact_are_those_of_its_envelope_and_the_hash_behind_them() -> None:
    batch = decided(Entry(0, "", b"", ORDER_STREAM.decider.initial_state()))
    facts = [record for record in batch.records if record[0] == ORDER_STREAM.events_topic]
    assert facts
    for number, (_, partition, key, _, headers) in enumerate(facts, start=1):
        assert (partition, key) == (0, KEY.encode())
        envelope = FactEnvelope.from_headers(headers)
        assert envelope.to_headers() == headers[:-1]
        assert headers[-1] == ("hash", envelope.hash)
        assert len(envelope.hash) == 32
        assert (envelope.seq, envelope.position) == (number, number)
        assert envelope.recorded_at == AT
        assert (envelope.causation_id, envelope.source_offset) == ("place-1", 42)
        assert (envelope.correlation_id, envelope.traceparent[:2]) == ("correlation-1", "00")


def test_a_batch_changes_nothing_until_it_is_confirmed() -> None:
    before = Entry(0, "", b"", ORDER_STREAM.decider.initial_state())
    batch = decided(before)
    progress = batch.progress[0]
    after = progress.entry(KEY)
    assert after is not None
    assert after.seq == batch.counts.facts
    assert progress.partition.entry(KEY) is before
    assert progress.partition.head.position == 0
    assert progress.head.position == batch.counts.facts
