"""A load folds each fact once: what a snapshot holds already is skipped, and what comes a second time is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import pytest

from events.declare import Declared
from events.envelope import CommandEnvelope
from events.order.commands import HoldOrder
from events.order.state import Order
from events.order.stream import ORDER_STREAM
from processors.ledger.batch import Batch, Progress
from processors.ledger.errors import SequenceGap
from processors.ledger.takeover import LastSeqs, Loader
from processors.snapshots import Entry, EntryCodec, SnapshotStore
from tests.order_life import placed
from tests.unit.ledger.answering import CODEC, Record, a_partition, decisions_of, records_on

ORDER = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"
NEW = Entry(0, "", b"", Order())


def answered(progress: Progress, command_id: str, command: Declared) -> list[Record]:
    """The facts that follow a command, as the log holds them. Their positions and hashes run on."""
    envelope = CommandEnvelope(
        command_id=command_id,
        key=ORDER,
        tenant="demo",
        command_type=type(command).__name__,
        sent_at=1_790_000_000_000,
        actor="test:sender",
        correlation_id="c-1",
    )
    batch = Batch(1_790_000_000_000)
    batch.progress[0] = progress
    message: Any = Record(ORDER, CODEC.encode(command), envelope.to_headers())
    decisions_of(ORDER_STREAM).decide(batch, [(progress, message, ORDER)])
    facts: Any = records_on(batch, ORDER_STREAM.events_topic)
    return [
        Record(key.decode(), value, list(zip(names, contents, strict=True))) for key, value, names, contents in facts
    ]


def folded(snapshots: Mapping[str, Entry], *loads: Sequence[Record]) -> Entry | None:
    """The order after one load that read these facts some together; raises what stops it."""
    partition, last_seqs = a_partition(snapshots), LastSeqs()
    for facts in loads:
        some: Any = facts
        a_loader().fold(partition, some, last_seqs)
    return partition.entry(ORDER)


def a_loader() -> Loader:
    """A loader that knows all snapshots: it asks neither database nor broker."""

    def nobody() -> NoReturn:
        raise AssertionError("every snapshot is known")

    stopping = threading.Event()
    codec = EntryCodec(Order)
    store = SnapshotStore(nobody, stopping)
    return Loader(ORDER_STREAM, CODEC, codec, store, lambda _: nobody(), stopping, lambda *_: None, entries_max=10)


def test_a_snapshot_that_is_newer_than_the_checkpoint_stays_as_it_is() -> None:
    progress = Progress(a_partition({ORDER: NEW}), None)
    facts = [*answered(progress, "place-1", placed()), *answered(progress, "hold-1", HoldOrder(detail="by phone"))]
    newest = progress.entries[ORDER]
    assert newest.seq == len(facts) > 1
    assert folded({ORDER: newest}, facts) == folded({ORDER: NEW}, facts) == newest


@pytest.mark.parametrize("snapshot", ["older", "newer"])
def test_a_seq_that_comes_a_second_time_stops_the_load(snapshot: str) -> None:
    # given an order that is placed
    progress = Progress(a_partition({ORDER: NEW}), None)
    first = answered(progress, "place-1", placed())
    newest = progress.entries[ORDER]
    # when a ledger decides as if it were not
    progress.entries[ORDER] = NEW
    second = answered(progress, "place-2", placed())
    # then the log says so to whoever folds it, although positions and hashes run on
    with pytest.raises(SequenceGap, match=f"{ORDER} has seq 1 after {len(first)}"):
        folded({ORDER: NEW if snapshot == "older" else newest}, first, second)


def test_of_very_many_keys_a_load_knows_those_that_it_met_last() -> None:
    last_seqs = LastSeqs(keys_max=2)
    for key in ("a", "b", "a", "c"):
        last_seqs.note(key, 1)
    assert [last_seqs.note(key, 2) for key in ("a", "c", "b")] == [1, 1, None]
