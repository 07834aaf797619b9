"""Facts become rows: the same rows whatever the batches, the restarts and the crashes."""

import os
import random
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

from events.declare import Declared
from events.order.facts import OrderCancelled, OrderPlaced
from infra.benchmarks.projection import decided
from projections.errors import (
    AlreadyRunning,
    LedgerUnreadable,
    OffsetLost,
    PositionGap,
    PositionRepeated,
    RowRefused,
    TopicMissing,
)
from projections.model import Topics
from projections.models import chosen
from projections.runner import Projection
from tests import projection_oracle as oracle
from tests.integration.projections.conftest import PARTITIONS, Rig
from tests.order_life import NOW, World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = pytest.mark.stack

KEY = context_of().key


def a_life(external_id: str = "1001") -> list[tuple[str, Declared]]:
    """All facts of an order from the store to the door, with its key."""
    _, facts, _ = live([placed(a_store_order(external_id))], World().answer, external_id)
    return [(context_of(external_id).key, fact) for fact in facts]


def mixed_lives(count: int) -> list[tuple[str, Declared]]:
    """Facts of many orders under way at once."""
    source = decided(count, PARTITIONS)
    return [(envelope.key, fact) for _, envelope, fact in (next(source) for _ in range(count))]


def assert_rows_are_right(rig: Rig) -> None:
    """Compare every read model with what the oracle makes of the written facts."""
    written = rig.ledger.written
    expected_orders = oracle.orders(written)
    assert dict(rig.query("SELECT order_id, status FROM orders")) == {
        key: row["status"] for key, row in expected_orders.items()
    }
    for key, tenant, store, seq, updated_at, lines, parcels in rig.query(
        "SELECT order_id, tenant, store, seq, updated_at, lines, parcels FROM orders"
    ):
        expected = expected_orders[key]
        assert (tenant, store, seq, updated_at) == tuple(
            expected[name] for name in ("tenant", "store", "seq", "updated_at")
        )
        assert [line["sku"] for line in lines] == expected["skus"]
        assert {line["line_id"]: line["version"] for line in lines if line["version"]} == expected["versions"]
        arrived = {parcel["parcel_id"] for parcel in parcels if parcel["status"] == "delivered"}
        assert arrived == expected["parcels_delivered"]
    assert rig.query(
        "SELECT order_id, seq, fact_type, causation_id, recorded_at FROM timeline ORDER BY 1, 2"
    ) == sorted((one.key, one.seq, type(one.fact).__name__, one.causation_id, one.at) for one in written)
    outcomes = rig.query("SELECT command_id, outcome, first_seq, last_seq FROM command_outcomes")
    assert {command: tuple(rest) for command, *rest in outcomes} == oracle.outcomes(written)
    open_rows = rig.query("SELECT order_id, deadline_key, due_at FROM deadlines")
    assert {(key, deadline): due_at for key, deadline, due_at in open_rows} == oracle.deadlines(written)
    effects = rig.query("SELECT effect_key, order_id, attempt FROM effects")
    assert {effect: (key, attempt) for effect, key, attempt in effects} == oracle.effects(written)


@pytest.mark.parametrize("batch_records_max", [2, 97, 5_000])
def test_every_read_model_says_what_an_independent_fold_says_whatever_the_batches(
    rig: Rig, batch_records_max: int
) -> None:
    # given
    rig.ledger.write(mixed_lives(600))
    # when
    rig.project("all", batch_records_max=batch_records_max)
    # then
    assert_rows_are_right(rig)


def test_a_restart_goes_on_where_the_rows_end_and_repeats_nothing(rig: Rig) -> None:
    facts = mixed_lives(900)
    for begin in range(0, 900, 300):
        rig.ledger.write(facts[begin : begin + 300])
        rig.project("all", batch_records_max=50)
    assert_rows_are_right(rig)


def test_read_models_that_stand_at_different_places_are_folded_in_one_process(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(200))
    rig.project("orders")
    rig.ledger.write(a_life("2002"))
    rig.project("all")
    assert_rows_are_right(rig)


def test_facts_of_an_aborted_transaction_leave_no_trace(rig: Rig) -> None:
    rig.ledger.write(a_life()[:5])
    rig.ledger.write_aborted(a_life("2002")[:9])
    rig.ledger.write(a_life("3003"))
    rig.project("all")
    assert_rows_are_right(rig)


def test_a_gap_in_the_positions_stops_the_projection_and_nothing_behind_it_is_folded(rig: Rig) -> None:
    rig.ledger.write(a_life()[:3])
    rig.ledger.write_at(KEY, a_life()[3][1], seq=4, position=5)
    with pytest.raises(PositionGap, match="position 5 follows 3"):
        rig.projection("timeline").run(_never())
    assert rig.query("SELECT count(*) FROM timeline") in ([(0,)], [(3,)])


def test_a_position_that_stands_twice_stops_the_projection(rig: Rig) -> None:
    rig.ledger.write(a_life()[:3])
    rig.project("orders")
    rig.ledger.write_at(KEY, a_life()[3][1], seq=4, position=3)
    with pytest.raises(PositionRepeated, match="position 3 follows 3"):
        rig.projection("orders").run(_never())


def test_a_ledger_record_that_cannot_be_read_stops_the_projection(rig: Rig) -> None:
    rig.ledger.write_at(KEY, a_life()[0][1], seq=1, position=1, value=b"\x00\x00\x00\x00\x01garbage")
    with pytest.raises(LedgerUnreadable, match=r"pod\.orders\.events\.v1"):
        rig.projection("orders").run(_never())
    assert rig.query("SELECT count(*) FROM orders") == [(0,)]


def test_a_fact_with_a_character_that_postgresql_holds_in_no_text_is_folded_and_those_behind_it(rig: Rig) -> None:
    # given: an order as it was taken in before NUL was refused
    line = msgspec.structs.replace(a_line(), sku="MUG\x00", title="Mug\x00")
    order = msgspec.structs.replace(a_store_order(lines=(line,)), external_id="A\x00B", order_number="#\x00")
    _, facts, _ = live([placed(order)], World().answer)
    rig.ledger.write((KEY, fact) for fact in facts)
    rig.ledger.write(a_life("2002"))
    # when
    rig.project("all")
    # then
    shown = "SELECT external_id, order_number, lines->0->>'title' FROM orders WHERE order_id = %s"
    assert rig.query(shown, [KEY]) == [("A\ufffdB", "#\ufffd", "Mug\ufffd")]
    assert rig.query("SELECT status FROM orders") == [("delivered",), ("delivered",)]
    assert len(rig.query("SELECT 1 FROM timeline")) == len(rig.ledger.written)
    # and a rebuild meets the same facts
    rig.rebuild("orders")
    assert rig.query(shown, [KEY]) == [("A\ufffdB", "#\ufffd", "Mug\ufffd")]


def test_what_the_database_never_takes_stops_the_projection_by_name_instead_of_making_it_wait(rig: Rig) -> None:
    # An index's rows are compressed: what is drawn at random does not become shorter by that.
    order = msgspec.structs.replace(a_store_order(), external_id=random.Random(7).randbytes(5_000).hex())
    rig.ledger.write([(KEY, OrderPlaced(order=order, store_updated_at=NOW))])
    with pytest.raises(RowRefused, match="orders: index row"):
        rig.projection("orders").run(_never())
    assert rig.query("SELECT count(*) FROM orders") == [(0,)]


def test_a_fact_of_a_type_that_a_newer_release_writes_is_left_out_by_those_that_do_not_use_it(rig: Rig) -> None:
    # given
    rig.ledger.write(a_life()[:3])
    rig.ledger.write_unknown(KEY, "GiftWrapped")
    rig.ledger.write(a_life()[3:5])
    # when
    rig.project("orders", "timeline", "deadlines")
    # then
    assert rig.query("SELECT seq FROM timeline ORDER BY seq") == [(1,), (2,), (3,), (5,), (6,)]
    assert rig.query("SELECT seq FROM orders") == [(6,)]


def test_a_second_process_for_the_same_read_model_is_refused_by_name(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.store.HOLD_TIMEOUT", "100ms")
    rig.ledger.write(a_life()[:3])
    with rig.projecting("orders"):
        rig.wait_until_folded("orders")
        with pytest.raises(AlreadyRunning, match="orders"):
            rig.projection("orders").run(_never())


def test_a_topic_that_was_cut_below_the_checkpoint_stops_the_projection(rig: Rig) -> None:
    # given: a checkpoint that lies beyond what the topic holds
    rig.ledger.write(a_life()[:3])
    rig.project("orders")
    with rig.connect() as connection:
        connection.execute("UPDATE read_model_checkpoints SET next_offset = 5000 WHERE next_offset > 0")
    # when, then
    with pytest.raises(OffsetLost):
        rig.projection("orders").run(_never())


def test_a_missing_topic_is_named(rig: Rig) -> None:
    models = chosen(["timeline"], Topics(order_events=f"{rig.ledger.topic}.missing"))
    projection = Projection(models, rig.connections.open_database, rig.connections.open_consumer, rig.codec, lambda: 0)
    with pytest.raises(TopicMissing, match="missing"):
        projection.run(_never())


def test_rows_and_offsets_survive_kill_minus_nine_together(rig: Rig) -> None:
    # given: a load, and a projection that is killed again and again while it folds
    rig.ledger.write(mixed_lives(3_000))
    chooser = random.Random(7)
    for _ in range(5):
        _fold_and_kill(rig, _timeline_rows(rig) + chooser.randint(1, 500))
    # when: it may come to the end
    rig.project("all")
    # then
    assert_rows_are_right(rig)


def test_a_projection_that_loses_its_database_waits_and_goes_on_where_the_rows_end(rig: Rig) -> None:
    # given
    facts = mixed_lives(1_200)
    rig.ledger.write(facts[:400])
    with rig.projecting("all", batch_records_max=50) as projection:
        for begin in (400, 800):
            _wait_until_committed(projection, begin - 300)
            # when: the server ends the connection, wherever the transaction stands
            rig.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'printledger projection' AND datname = current_database()"
            )
            rig.ledger.write(facts[begin : begin + 400])
        rig.wait_until_folded("all")
    # then
    assert_rows_are_right(rig)


def test_an_order_that_is_cancelled_before_it_comes_has_a_state_and_no_place_in_the_list(rig: Rig) -> None:
    rig.ledger.write([(KEY, OrderCancelled(reason="before it came"))])
    rig.project("orders")
    assert rig.query("SELECT status, placed_at FROM orders") == [("cancelled", 0)]
    rig.ledger.write([(KEY, OrderPlaced(order=a_store_order(), store_updated_at=NOW))])
    rig.project("orders")
    assert rig.query("SELECT status, placed_at FROM orders") == [("cancelled", NOW)]


def _fold_and_kill(rig: Rig, rows: int) -> None:
    """Let a process fold until the timeline has so many rows, then end it in the middle of what it does."""
    arguments = (rig.settings.database_url, str(rig.settings.data_dir), rig.settings.topic_prefix)
    process = subprocess.Popen([sys.executable, "-m", "tests.projection_process", *arguments])
    try:
        wait_until(lambda: _timeline_rows(rig) >= rows, 60)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def _wait_until_committed(projection: Projection, records: int) -> None:
    wait_until(lambda: projection.records_committed >= records, 60)


def _timeline_rows(rig: Rig) -> int:
    return int(rig.query("SELECT count(*) FROM timeline")[0][0])


def _never() -> threading.Event:
    """A stop that does not come: the projection has to stop by itself."""
    return threading.Event()
