"""What a partition keeps in memory: bounded, confirmed, and never lost before it is written."""

from __future__ import annotations

import os

import msgspec
import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2

from processors.ledger.chain import Chain
from processors.ledger.partition import Partition
from processors.ledger.partitioning import murmur2, partition_of
from processors.snapshots import BEGINNING, Checkpoint, Claim, Entry, EntryCodec, SnapshotsUncertain, mark_of

CODEC = EntryCodec(int)


def a_partition(entries_max: int = 100) -> Partition:
    claim = Claim(stream="orders", partition=0, epoch=1, checkpoint=BEGINNING)
    return Partition(0, Chain("topic", 0), claim, CODEC, entries_max=entries_max)


def at(position: int) -> Checkpoint:
    return Checkpoint(position=position, record_offset=position * 2, hash=bytes(32))


def an_entry(state: int) -> Entry:
    return Entry(state, "demo", b"", state)


def test_a_confirmed_state_is_written_with_the_checkpoint_that_it_belongs_to() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1), "b": an_entry(2)}, at(3))
    job = partition.next_job(10, begin=True)
    assert job is not None
    assert [(row.key, row.seq) for row in job.rows] == [("a", 1), ("b", 2)]
    assert job.checkpoint == at(3)
    assert [CODEC.decode(row.state).state for row in job.rows] == [1, 2]


def test_states_are_encoded_a_slice_at_a_time_and_the_newest_is_taken() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1), "b": an_entry(2), "c": an_entry(3)}, at(3))
    assert partition.next_job(2, begin=True) is None
    partition.confirm({"c": an_entry(9)}, at(4))
    job = partition.next_job(2, begin=False)
    assert job is not None
    assert [(row.key, row.seq) for row in job.rows] == [("a", 1), ("b", 2), ("c", 9)]
    assert job.checkpoint == at(3)


def test_the_next_job_waits_for_the_one_before_and_then_takes_what_changed_since() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1)}, at(1))
    first = partition.next_job(10, begin=True)
    partition.confirm({"b": an_entry(1)}, at(2))
    assert partition.next_job(10, begin=True) is None
    assert first is not None
    first.outcome = "written"
    second = partition.next_job(10, begin=True)
    assert second is not None
    assert [row.key for row in second.rows] == ["b"]
    second.outcome = "written"
    assert partition.next_job(10, begin=True) is None
    assert partition.is_handed_over


def test_what_is_not_written_is_never_forgotten_however_full_the_memory_is() -> None:
    partition = a_partition(entries_max=1)
    partition.confirm({name: an_entry(1) for name in "abc"}, at(3))
    partition.evict()
    assert all(partition.entry(name) for name in "abc")
    job = partition.next_job(10, begin=True)
    partition.evict()
    assert all(partition.entry(name) for name in "abc")
    assert job is not None
    job.outcome = "written"
    partition.next_job(10, begin=True)
    partition.evict()
    assert sum(partition.entry(name) is not None for name in "abc") == 1


def test_a_fenced_partition_writes_nothing_more() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1)}, at(1))
    job = partition.next_job(10, begin=True)
    assert job is not None
    job.outcome = "fenced"
    partition.confirm({"a": an_entry(2)}, at(2))
    assert partition.next_job(10, begin=True) is None
    assert partition.unwritten == 0
    assert partition.is_handed_over


def test_states_whose_writing_failed_are_kept_until_they_are_written() -> None:
    partition = a_partition(entries_max=1)
    partition.confirm({name: an_entry(1) for name in "abc"}, at(3))
    failed = partition.next_job(10, begin=True)
    assert failed is not None
    failed.outcome = "failed"
    partition.confirm({"d": an_entry(1)}, at(4))

    again = partition.next_job(10, begin=True)
    partition.evict()

    assert all(partition.entry(name) for name in "abcd")
    assert again is not None
    assert [row.key for row in again.rows] == list("abcd")
    assert again.checkpoint == at(4)


def test_a_partition_whose_last_states_could_not_be_written_has_not_handed_them_over() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1)}, at(1))
    failed = partition.next_job(10, begin=True)
    assert failed is not None
    failed.outcome = "failed"

    assert partition.next_job(10, begin=False) is None

    assert not partition.is_handed_over
    assert partition.unwritten == 1


def test_a_partition_whose_snapshots_are_lost_has_to_be_loaded_anew() -> None:
    partition = a_partition()
    partition.confirm({"a": an_entry(1)}, at(1))
    first = partition.next_job(10, begin=True)
    assert first is not None
    first.outcome = "written"
    partition.confirm({"a": an_entry(2)}, at(2))
    second = partition.next_job(10, begin=True)
    assert second is not None
    assert second.since == at(1)
    second.outcome = "lost"

    with pytest.raises(SnapshotsUncertain):
        partition.next_job(10, begin=True)


def test_an_entry_comes_back_from_its_snapshot() -> None:
    entry = Entry(7, "demo", mark_of(b"one") + mark_of(b"two"), 5)
    assert CODEC.decode(CODEC.encode(entry)) == entry


def test_the_shape_changes_with_the_type() -> None:
    class Before(msgspec.Struct):
        a: int

    class After(msgspec.Struct):
        a: int
        b: str = ""

    After.__name__ = Before.__name__
    assert EntryCodec(Before).shape != EntryCodec(After).shape
    assert EntryCodec(Before).shape == EntryCodec(Before).shape


@pytest.mark.parametrize("length", range(41))
def test_partitions_are_those_of_other_kafka_clients(length: int) -> None:
    for _ in range(50):
        key = os.urandom(length)
        assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
        assert partition_of(key, 4) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % 4
