"""The records that a batch becomes: their headers are those that every reader of facts expects."""

from __future__ import annotations

from typing import Any

import msgspec

from events.declare import Declared
from events.documents import CommandRejected
from events.envelope import CommandEnvelope, FactEnvelope
from events.order.commands import CancelOrder, ObserveStoreOrder
from events.order.decide_intake import LINES_MAX, QUANTITY_MAX
from events.order.state import Order, Parcel
from events.order.stream import ORDER_STREAM
from processors.ledger.batch import Batch, Progress
from processors.ledger.loop import LedgerOptions
from processors.snapshots import Entry
from tests.order_life import NOW, a_line, a_store_order, placed
from tests.unit.ledger.answering import CODEC, Record, a_partition, decisions_of, records_on

KEY = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"
AT = 1_790_000_000_123


def entry_of(order: Order, seq: int) -> Entry:
    return Entry(seq, "demo" if seq else "", b"", order)


def decided(
    seen: Entry, command: Declared | None = None, *, status_bytes_max: int = 2_000_000, command_id: str = ""
) -> Batch:
    """The batch in which one command, by default the placing of an order, is answered."""
    envelope = CommandEnvelope(
        command_id=command_id or ("later-1" if seen.seq else "place-1"),
        key=KEY,
        tenant="demo",
        command_type=type(command or placed()).__name__,
        sent_at=AT - 5,
        actor="store:demo-rest",
        causation_id="webhook-1",
        correlation_id="correlation-1",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    decisions = decisions_of(ORDER_STREAM, status_bytes_max=status_bytes_max)
    batch = Batch(AT)
    progress = batch.progress[0] = Progress(a_partition({KEY: seen}), None)
    message: Any = Record(KEY, CODEC.encode(command or placed()), envelope.to_headers())
    decisions.decide(batch, [(progress, message, KEY)])
    decisions.statuses(batch)
    return batch


def bytes_of_statuses(batch: Batch) -> list[int]:
    return [len(value or b"") for _, value, *_ in records_on(batch, ORDER_STREAM.status_topic)]


def largest_order() -> ObserveStoreOrder:
    """As many lines and units as an order may have, with the longest names that the roads in take."""
    lines = tuple(
        msgspec.structs.replace(
            a_line(f"{number:0>64}", quantity=QUANTITY_MAX, artwork=None), sku="\N{ROUND PUSHPIN}" * 255
        )
        for number in range(LINES_MAX)
    )
    return placed(a_store_order(lines=lines))


def test_the_headers_of_a_fact_are_those_of_its_envelope_and_the_hash_behind_them() -> None:
    batch = decided(Entry(0, "", b"", ORDER_STREAM.decider.initial_state()))
    facts = batch.records[ORDER_STREAM.events_topic, 0]
    assert facts
    for number, (key, _, names, contents) in enumerate(facts, start=1):
        headers = list(zip(names, contents, strict=True))
        assert key == KEY.encode()
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


def test_the_largest_order_that_is_taken_fits_into_a_status_whatever_becomes_of_it() -> None:
    # given
    limit = LedgerOptions().status_bytes_max
    taken = decided(entry_of(Order(), 0), largest_order(), status_bytes_max=limit)
    placed_order = taken.progress[0].entries[KEY]
    assert isinstance(placed_order.state, Order)
    # when every unit of it is cancelled
    cancelled = decided(placed_order, CancelOrder(reason="tests"), status_bytes_max=limit)
    # when, otherwise, each line went out in a parcel of its own, came back, and went out again
    parcels = {
        f"{KEY}-{line_id}-{number}": Parcel(
            parcel_id=f"{KEY}-{line_id}-{number}",
            partner_id="press-east",
            contents={line_id: tuple(range(1, QUANTITY_MAX + 1))},
            effect_key="k",
            stage="dispatched",
            tracking_number="T" * 64,
            tracking_url="https://track.example/" + "T" * 256,
        )
        for line_id in placed_order.state.lines
        for number in range(2)
    }
    sent = msgspec.structs.replace(placed_order.state, parcels=parcels)
    status = ORDER_STREAM.status_of(sent, KEY, "demo", 1, AT)
    # then
    assert status is not None
    assert (taken.counts.refused, cancelled.counts.refused) == (0, 0)
    sizes = [*bytes_of_statuses(taken), *bytes_of_statuses(cancelled), len(CODEC.encode(status))]
    assert len(sizes) == 3
    assert max(sizes) < limit
    # The two ways of being large together are more than any order can be.
    assert sizes[1] + sizes[2] < limit


def test_a_command_that_would_make_the_status_larger_than_a_record_is_refused_and_the_ledger_goes_on() -> None:
    # given
    before = decided(entry_of(Order(), 0), largest_order()).progress[0].entries[KEY]
    # when
    batch = decided(before, CancelOrder(reason="tests"), status_bytes_max=400_000)
    # then
    (rejected,) = (value for _, value, *_ in records_on(batch, ORDER_STREAM.rejected_topic))
    answer = CODEC.decode(rejected)
    assert isinstance(answer, CommandRejected)
    assert answer.reason == "StatusTooLarge"
    assert batch.counts.refused == 1
    after = batch.progress[0].entries[KEY]
    assert isinstance(after.state, Order)
    assert not after.state.cancelled
    assert max(bytes_of_statuses(batch)) < 400_000


def test_few_lines_with_very_long_texts_cannot_make_a_status_that_no_record_holds() -> None:
    # given: a store whose every picture of an order has another line, none of which is ever forgotten
    entry, refused = entry_of(Order(), 0), []
    for number in range(3):
        long_line = msgspec.structs.replace(a_line(f"line-{number}"), sku="x" * 700_000)
        # when
        picture = ObserveStoreOrder(order=a_store_order(lines=(long_line,)), store_updated_at=NOW + number)
        batch = decided(entry, picture, command_id=f"picture-{number}")
        # then
        entry = batch.progress[0].entries[KEY]
        refused += [CODEC.decode(value) for _, value, *_ in records_on(batch, ORDER_STREAM.rejected_topic)]
        assert max(bytes_of_statuses(batch)) < LedgerOptions().status_bytes_max
    assert [answer.reason for answer in refused if isinstance(answer, CommandRejected)] == ["StatusTooLarge"]


def test_an_order_that_no_status_could_show_is_not_taken() -> None:
    batch = decided(entry_of(Order(), 0), largest_order(), status_bytes_max=100_000)
    assert (batch.counts.refused, batch.counts.facts) == (1, 0)
    assert bytes_of_statuses(batch) == []
