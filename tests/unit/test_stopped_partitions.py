"""Stopped partitions are noted where `printledger status` finds them; a note that fails stops nothing else."""

from __future__ import annotations

from pathlib import Path

from infra.stopped_partitions import StoppedPartitions, stopped_partitions
from processors.ledger.errors import PositionGap, WrongHash


def test_stopped_partitions_are_listed_by_stream_and_partition(tmp_path: Path) -> None:
    StoppedPartitions(tmp_path, "orders")(10, PositionGap("a gap"))
    StoppedPartitions(tmp_path, "orders")(9, WrongHash("a hash"))
    StoppedPartitions(tmp_path, "batches")(3, WrongHash("a hash"))

    found = [(one.stream, one.partition, one.error) for one in stopped_partitions(tmp_path)]

    assert found == [
        ("batches", 3, "WrongHash: a hash"),
        ("orders", 9, "WrongHash: a hash"),
        ("orders", 10, "PositionGap: a gap"),
    ]


def test_a_folder_that_takes_no_note_does_not_stop_the_other_partitions(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.write_text("a file, where a folder should be")
    orders = StoppedPartitions(data_dir, "orders")

    orders(0, WrongHash("a hash"))
    orders(1, None)

    assert stopped_partitions(data_dir) == []


def test_a_note_that_cannot_be_written_does_not_stop_the_other_partitions(tmp_path: Path) -> None:
    (tmp_path / "stopped-partitions" / "orders-0.json").mkdir(parents=True)

    StoppedPartitions(tmp_path, "orders")(0, WrongHash("a hash"))

    assert list((tmp_path / "stopped-partitions").iterdir()) == [tmp_path / "stopped-partitions" / "orders-0.json"]
