"""A ledger dies anywhere and another goes on: nothing is lost, doubled or out of order."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest

from infra import kafka, ledgers
from processors.ledger.chain import GENESIS
from processors.ledger.errors import CheckpointNotInLog, LedgerBroken, PositionGap, SlotTaken
from processors.ledger.loop import LedgerOptions
from processors.snapshots import BEGINNING, CheckpointFenced, SnapshotStore
from tests.integration.ledger_bed import Bed, until
from tests.integration.ledger_proofs import (
    FEW_IN_MEMORY,
    SMALL,
    folded_from_the_log,
    hold_proofs,
    send,
    snapshots,
    some_lives,
)

pytestmark = pytest.mark.stack

STEPS = ("decided", "begun", "produced", "offsets sent", "committed", "confirmed", "snapshots queued")


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_next_process_of_the_slot_leaves_nothing_lost_or_doubled(
    orders: Bed, step: str
) -> None:
    commands = some_lives(120)
    send(orders, commands)
    with orders.process(options=SMALL, crash_at=step, crash_after=3) as dying:
        assert dying.wait(60) == -signal.SIGKILL
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
        send(orders, commands[-20:])
        orders.wait_until_answered()
    hold_proofs(orders)


def test_killed_again_and_again_under_load_the_proofs_hold(orders: Bed) -> None:
    commands = some_lives(400, seed=11)
    send(orders, commands[:100])
    for number, step in enumerate(("offsets sent", "committed", "produced", "confirmed")):
        with orders.process(options=SMALL, crash_at=step, crash_after=number) as dying:
            send(orders, commands[100 + number * 75 : 175 + number * 75])
            assert dying.wait(60) == -signal.SIGKILL
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    hold_proofs(orders)
    assert {key: seq for key, (seq, _) in folded_from_the_log(orders).items()}


def test_snapshots_are_what_the_log_folds_to_and_a_successor_folds_nothing_again(orders: Bed) -> None:
    commands = some_lives(200)
    send(orders, commands[:150])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    stored, folded = snapshots(orders), folded_from_the_log(orders)
    assert {key: (entry.seq, entry.state) for key, entry in stored.items()} == folded

    send(orders, commands[150:])
    with orders.running(orders.ledger(FEW_IN_MEMORY)):
        orders.wait_until_answered()
    stored, folded = snapshots(orders), folded_from_the_log(orders)
    assert {key: (entry.seq, entry.state) for key, entry in stored.items()} == folded
    hold_proofs(orders)


def test_without_snapshots_the_whole_log_is_folded(orders: Bed) -> None:
    commands = some_lives(160)
    send(orders, commands[:100])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    with ledgers.connect(orders.settings) as connection:
        connection.execute("DELETE FROM ledger_snapshots WHERE stream = %s", (orders.stream.name,))
        connection.execute("DELETE FROM ledger_checkpoints WHERE stream = %s", (orders.stream.name,))

    send(orders, commands[100:])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    hold_proofs(orders)
    assert {key: (entry.seq, entry.state) for key, entry in snapshots(orders).items()} == folded_from_the_log(orders)


def test_snapshots_of_another_shape_are_folded_again(orders: Bed) -> None:
    commands = some_lives(120)
    send(orders, commands[:60])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    with ledgers.connect(orders.settings) as connection:
        about = (orders.stream.name,)
        connection.execute("UPDATE ledger_checkpoints SET state_shape = 'older' WHERE stream = %s", about)
        connection.execute("UPDATE ledger_snapshots SET state = 'what an older release wrote' WHERE stream = %s", about)

    send(orders, commands[60:])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    hold_proofs(orders)
    assert {key: entry.state for key, entry in snapshots(orders).items()} == {
        key: state for key, (_, state) in folded_from_the_log(orders).items()
    }


@pytest.mark.parametrize(
    "change",
    ["SET hash = decode(repeat('ab', 32), 'hex')", "SET record_offset = record_offset + 100000", "SET position = 1"],
)
def test_a_checkpoint_that_the_log_does_not_hold_stops_the_partition(orders: Bed, change: Any) -> None:
    send(orders, some_lives(60))
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    with ledgers.connect(orders.settings) as connection:
        connection.execute(
            f"UPDATE ledger_checkpoints {change} WHERE stream = %s AND position > 1",
            (orders.stream.name,),
        )
    with orders.running() as running:
        assert isinstance(running.wait_for_error(), CheckpointNotInLog)


def repeat_the_last_fact(bed: Bed, number: int) -> None:
    """Break a partition: its last fact stands there twice."""
    last = [fact for fact in bed.facts() if fact.partition() == number][-1]
    headers: Any = last.headers()
    producer = kafka.producer(bed.settings, "test-forger")
    producer.produce(bed.stream.events_topic, key=last.key(), value=last.value(), headers=headers, partition=number)
    producer.flush(30)


def committed(bed: Bed) -> dict[int, int]:
    return ledgers.committed_offsets(bed.settings, bed.stream, bed.partitions)


def facts_of(bed: Bed) -> Counter[int | None]:
    """How many facts each partition has."""
    return Counter(fact.partition() for fact in bed.facts())


def checkpoint_position(bed: Bed, number: int) -> int:
    with ledgers.connect(bed.settings) as connection:
        (position,) = connection.execute(
            "SELECT position FROM ledger_checkpoints WHERE stream = %s AND partition = %s", (bed.stream.name, number)
        ).fetchall()[0]
    return int(position)


def test_a_fact_that_breaks_the_positions_stops_its_partition_and_no_other(orders: Bed) -> None:
    commands = some_lives(120)
    send(orders, commands[:60])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    repeat_the_last_fact(orders, 1)
    offsets, counts = committed(orders), facts_of(orders)
    loaded: dict[int, LedgerBroken | None] = {}

    with orders.running(orders.ledger(SMALL, on_load=loaded.__setitem__)) as running:
        send(orders, commands[60:])
        ends = orders.intake_ends()
        until(lambda: committed(orders)[0] == ends[0], "the whole partition is answered")
        until(lambda: checkpoint_position(orders, 0) == facts_of(orders)[0], "its snapshots are written")
        assert not running.has_ended

    assert loaded[0] is None
    assert isinstance(loaded[1], PositionGap)
    assert committed(orders)[1] == offsets[1] < ends[1]
    assert facts_of(orders)[1] == counts[1]
    assert {violation.rule for violation in orders.verify().described} == {"position", "hash", "sequence"}


def test_a_process_of_which_every_partition_is_stopped_ends_and_says_why(orders: Bed) -> None:
    send(orders, some_lives(60))
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    for number in range(orders.partitions):
        repeat_the_last_fact(orders, number)

    with orders.running() as running:
        assert isinstance(running.wait_for_error(), PositionGap)


def test_a_stopped_partition_does_not_keep_processes_from_sharing_the_others(make_bed: Callable[..., Bed]) -> None:
    # Of three partitions each of two processes has one that is whole.
    orders = make_bed("orders", partitions=3)
    commands = some_lives(180)
    send(orders, commands[:90])
    with orders.running(orders.ledger(SMALL)):
        orders.wait_until_answered()
    repeat_the_last_fact(orders, 1)

    slots = [orders.ledger(msgspec.structs.replace(SMALL, slot=slot)) for slot in (0, 1)]
    with orders.running(slots[0]) as first, orders.running(slots[1]) as second:
        until(lambda: all(ledger.ready.is_set() for ledger in slots), "both processes have their partitions")
        send(orders, commands[90:])
        ends = orders.intake_ends()
        until(lambda: all(committed(orders)[number] == ends[number] for number in (0, 2)), "the others are answered")
        assert not first.has_ended
        assert not second.has_ended
    assert committed(orders)[1] < ends[1]


def test_a_process_that_was_replaced_while_it_slept_commits_nothing(orders: Bed) -> None:
    commands = some_lives(80)
    asleep, wake = threading.Event(), threading.Event()

    def sleep_once(step: str) -> None:
        if step == "produced" and not asleep.is_set():
            asleep.set()
            wake.wait(120)

    send(orders, commands[:40])
    with orders.running(orders.ledger(SMALL, crash_point=sleep_once)) as zombie:
        until(asleep.is_set, "the first process sleeps in its transaction")
        with orders.running(orders.ledger(SMALL)):
            orders.wait_until_answered()
            wake.set()
            assert isinstance(zombie.wait_for_error(), SlotTaken)
            send(orders, commands[40:])
            orders.wait_until_answered()
    hold_proofs(orders)


@pytest.mark.slow
def test_another_slot_takes_the_partitions_of_a_dead_one(orders: Bed) -> None:
    commands = some_lives(240)
    send(orders, commands[:80])
    first = LedgerOptions(slot=1, batch_commands_max=10, flush_seconds=0.05)
    with orders.process(options=first, crash_at="offsets sent", crash_after=4) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline()
        with orders.running(orders.ledger(msgspec.structs.replace(SMALL, slot=2))) as second:
            assert second.ledger.ready.wait(60)
            send(orders, commands[80:])
            assert dying.wait(60) == -signal.SIGKILL
            orders.wait_until_answered()
    hold_proofs(orders)


def test_an_older_writer_of_snapshots_is_fenced(orders: Bed) -> None:
    stopping = threading.Event()
    older, newer = (SnapshotStore(lambda: ledgers.connect(orders.settings), stopping) for _ in range(2))
    name = orders.stream.name
    stale = older.claim(name, 0, 2, "shape")
    current = newer.claim(name, 0, 2, "shape")
    ahead = msgspec.structs.replace(BEGINNING, position=5, record_offset=7)
    newer.write(current, [], ahead, since=BEGINNING)
    with pytest.raises(CheckpointFenced):
        older.write(stale, [], msgspec.structs.replace(BEGINNING, position=9, record_offset=9), since=BEGINNING)
    with pytest.raises(CheckpointFenced):
        newer.write(current, [], BEGINNING, since=BEGINNING)
    assert newer.claim(name, 0, 2, "shape").checkpoint == ahead
    assert ahead.hash == GENESIS
    older.close()
    newer.close()


def test_the_ledger_waits_for_a_database_that_is_away(orders: Bed) -> None:
    away = threading.Event()
    away.set()
    tried = threading.Event()

    def connect() -> Any:
        tried.set()
        if away.is_set():
            raise psycopg.OperationalError("the database is away")
        return ledgers.connect(orders.settings)

    send(orders, some_lives(40))
    with orders.running(orders.ledger(SMALL, connect=connect)) as waiting:
        until(tried.is_set, "the ledger asked for its snapshots")
        assert not waiting.has_ended
        assert not waiting.ledger.ready.is_set()
        away.clear()
        orders.wait_until_answered()
    hold_proofs(orders)
