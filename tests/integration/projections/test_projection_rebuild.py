"""A rebuild fills new tables beside the shown ones: it ends equal, and nobody ever sees half of it."""

import threading

import pytest
from psycopg.rows import TupleRow

from events.codec import Codec
from projections.errors import AlreadyRunning, NewerReadModel, RebuildNotCatchingUp
from projections.models import read_models
from projections.rebuild import rebuild
from projections.runner import VersionChanged
from projections.service import follow
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_folding import a_life, assert_rows_are_right, mixed_lives
from tests.support import wait_until

pytestmark = pytest.mark.stack

NAMES = ("orders", "timeline", "command_outcomes", "deadlines", "effects")


def dump(rig: Rig, name: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a read model's tables."""
    model = read_models(rig.topics)[name]
    return {table.name: sorted(rig.query(f"TABLE {table.name}"), key=str) for table in model.tables}


@pytest.mark.parametrize("name", NAMES)
def test_a_rebuild_ends_with_the_very_rows_that_following_made(rig: Rig, name: str) -> None:
    # given
    rig.ledger.write(mixed_lives(800))
    rig.project(name, batch_records_max=70)
    followed = dump(rig, name)
    # when
    done = rig.rebuild(name)
    # then
    assert done.records >= 800
    assert dump(rig, name) == followed
    assert rig.positions(name) == dict(rig.ledger.positions)


def test_processes_that_share_a_rebuild_end_with_the_same_rows(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(800))
    rig.project("all")
    before = {name: dump(rig, name) for name in NAMES}
    for name in ("orders", "command_outcomes"):
        rig.rebuild(name, processes=2)
    assert {name: dump(rig, name) for name in NAMES} == before
    assert_rows_are_right(rig)


def test_a_read_model_that_was_lost_is_made_again_from_the_ledger_alone(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(400))
    rig.project("all")
    _run(rig, "TRUNCATE orders, timeline, deadlines")
    for name in ("orders", "timeline", "deadlines"):
        rig.rebuild(name)
    assert_rows_are_right(rig)


def test_a_running_projection_goes_on_with_the_build_that_is_shown_now(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(300))
    with rig.projecting("all"):
        rig.wait_until_folded("all")
        rig.rebuild("orders")
        rig.rebuild("timeline")
        rig.ledger.write(a_life("2002"))
        rig.wait_until_folded("all")
    assert_rows_are_right(rig)


def test_facts_that_come_during_a_rebuild_are_in_what_it_shows(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(2_000))
    with rig.projecting("timeline"):
        rig.wait_until_folded("timeline")
        writer = threading.Thread(target=write_forty_lives, args=[rig])
        writer.start()
        rig.rebuild("timeline")
        writer.join()
        rig.wait_until_folded("timeline")
    rig.project("all")
    assert_rows_are_right(rig)


def test_a_reader_sees_all_rows_at_every_moment_of_a_rebuild(rig: Rig) -> None:
    # given: a reader that counts without a pause, as the API would read
    rig.ledger.write(mixed_lives(1_500))
    rig.project("timeline")
    stop, seen = threading.Event(), list[int]()

    def read() -> None:
        with rig.connect_as_app() as connection:
            connection.execute("SELECT set_config('app.tenant', 'demo', false)")
            while not stop.is_set():
                row = connection.execute("SELECT count(*) FROM timeline").fetchone()
                seen.append(row[0] if row else 0)

    reader = threading.Thread(target=read)
    reader.start()
    # when
    try:
        rig.rebuild("timeline")
        rig.rebuild("timeline")
        enough = len(seen) + 10
        wait_until(lambda: len(seen) > enough or not reader.is_alive())
    finally:
        stop.set()
        reader.join(timeout=10)
    # then
    assert set(seen) == {1_500}


def test_a_long_reader_delays_the_change_and_is_not_disturbed(rig: Rig) -> None:
    rig.ledger.write(a_life())
    rig.project("timeline")
    with rig.connect() as reader:
        reader.autocommit = False
        before = reader.execute("SELECT count(*) FROM timeline").fetchone()
        rebuilding = threading.Thread(target=lambda: rig.rebuild("timeline"))
        rebuilding.start()
        wait_until(lambda: rig.query("SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"), 30)
        assert reader.execute("SELECT count(*) FROM timeline").fetchone() == before
        reader.commit()
        rebuilding.join(timeout=60)
    assert rig.query("SELECT build FROM read_models WHERE name = 'timeline'") == [(2,)]
    assert_right_timeline(rig)


def test_what_was_folded_in_an_attempt_to_show_that_was_given_up_is_folded_again_by_the_next(rig: Rig) -> None:
    def attempt() -> list[TupleRow]:
        """When the attempt began that waits for the reader now."""
        return rig.query(
            "SELECT xact_start FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        )

    # given: a rebuild with nothing to fold waits for a reader, and facts come that the shown build folds
    with rig.projecting("orders"), rig.connect() as reader:
        reader.autocommit = False
        reader.execute("SELECT count(*) FROM orders")
        rebuilding = threading.Thread(target=lambda: rig.rebuild("orders"))
        rebuilding.start()
        wait_until(attempt, 30, "the rebuild waits for the reader")
        rig.ledger.write(a_life())
        rig.wait_until_folded("orders")
        followed = dump(rig, "orders")
        # when: an attempt that folded them is given up, and the next one is made
        given_up = wait_until(attempt, 30, "an attempt has folded what came")
        wait_until(lambda: attempt() not in ([], given_up) or not rebuilding.is_alive(), 60, "another attempt")
        reader.commit()
        rebuilding.join(timeout=60)
    # then
    assert rig.query("SELECT build FROM read_models WHERE name = 'orders'") == [(2,)]
    assert dump(rig, "orders") == followed


def test_a_release_with_a_new_version_of_a_read_model_rebuilds_it_by_itself(rig: Rig) -> None:
    # given: the tables of an older version
    rig.ledger.write(a_life())
    rig.project("deadlines")
    _run(rig, "UPDATE read_models SET version = 0 WHERE name = 'deadlines'")
    with pytest.raises(VersionChanged, match="deadlines"):
        rig.projection("deadlines").run(threading.Event())
    # when
    stop = threading.Event()
    arguments = (["deadlines"], rig.topics, rig.connections, Codec(), lambda: 0, stop)
    thread = threading.Thread(target=follow, args=arguments)
    thread.start()
    wait_until(lambda: rig.query("SELECT version, build FROM read_models WHERE name = 'deadlines'") == [(2, 2)], 60)
    rig.ledger.write(a_life("2002")[:3])
    rig.wait_until_folded("deadlines")
    stop.set()
    thread.join(timeout=30)
    # then
    assert rig.query("SELECT count(DISTINCT order_id) FROM deadlines") == [(1,)]


def test_an_older_release_does_not_write_into_the_tables_of_a_newer_one(rig: Rig) -> None:
    _run(rig, "UPDATE read_models SET version = 99 WHERE name = 'orders'")
    with pytest.raises(NewerReadModel, match="version 99"):
        rig.projection("orders").run(threading.Event())


def test_two_rebuilds_of_one_read_model_do_not_run_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.store.HOLD_TIMEOUT", "100ms")
    with rig.connect() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('printledger read model'), hashtext('orders rebuild'))")
        with pytest.raises(AlreadyRunning, match="orders"):
            rig.rebuild("orders")


def test_a_rebuild_that_takes_too_long_leaves_the_shown_tables_as_they_are(rig: Rig) -> None:
    rig.ledger.write(mixed_lives(300))
    rig.project("orders")
    before = dump(rig, "orders")
    with pytest.raises(RebuildNotCatchingUp):
        rebuild("orders", rig.topics, rig.connections, rig.codec, processes=1, seconds_max=0)
    assert dump(rig, "orders") == before
    rig.rebuild("orders")
    assert dump(rig, "orders") == before


def write_forty_lives(rig: Rig) -> None:
    for number in range(2000, 2040):
        rig.ledger.write(a_life(str(number)))


def assert_right_timeline(rig: Rig) -> None:
    expected = sorted((one.key, one.seq) for one in rig.ledger.written)
    assert rig.query("SELECT order_id, seq FROM timeline ORDER BY 1, 2") == expected


def _run(rig: Rig, statement: str) -> None:
    with rig.connect() as connection:
        connection.execute(statement.encode())
