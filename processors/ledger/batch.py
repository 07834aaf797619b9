"""What one transaction commits, while it is put together: records, new states and heads, and what was counted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from processors.ledger.partition import Head, Partition
from processors.ledger.records import Outgoing, Place
from processors.snapshots import Entry


class Counts(msgspec.Struct):
    """What became of commands."""

    commands: int = 0
    facts: int = 0
    refused: int = 0
    ignored: int = 0
    duplicates: int = 0
    dead_letters: int = 0

    def add(self, other: Counts) -> None:
        """Add the other's counts."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Progress:
    """How far a batch has taken one partition: its new head and the states that changed."""

    __slots__ = ("before", "entries", "head", "next_offset", "partition")

    def __init__(self, partition: Partition, before: Progress | None) -> None:
        """`before` is the progress of a batch that is being committed; what it says is taken as certain for now."""
        self.partition = partition
        self.before = before
        self.head: Head = before.head if before else partition.head
        self.entries: dict[str, Entry] = {}
        #: The intake offset behind the batch's last command.
        self.next_offset: int = before.next_offset if before else partition.next_offset

    def entry(self, key: str) -> Entry | None:
        """The newest state of a key, or None where it has to be read first."""
        entry = self.entries.get(key)
        if entry is None and self.before is not None:
            entry = self.before.entries.get(key)
        return entry if entry is not None else self.partition.entry(key)

    def missing(self, keys: Mapping[str, None]) -> list[str]:
        """The keys whose states have to be read before the batch is decided."""
        return [key for key in keys if self.entry(key) is None]


class Batch:
    """What one transaction commits."""

    __slots__ = ("at", "counts", "progress", "records")

    def __init__(self, at: int) -> None:
        """`at` is when the command is decided that is being decided, epoch milliseconds."""
        self.at = at
        self.records: dict[Place, list[Outgoing]] = {}
        self.progress: dict[int, Progress] = {}
        self.counts = Counts()

    def records_for(self, topic: str, partition: int) -> list[Outgoing]:
        """What is produced to a partition, to be added to."""
        found = self.records.get((topic, partition))
        if found is None:
            found = self.records[topic, partition] = []
        return found
