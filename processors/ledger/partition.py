"""What one partition folds to: its head, a bounded cache of its keys' states, and what of it is not yet a snapshot."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice
from typing import assert_never

import msgspec

from processors.ledger.chain import Chain
from processors.ledger.writebehind import Job, Outcome
from processors.snapshots import Checkpoint, Claim, Entry, EntryCodec, Row, SnapshotsUncertain


class Head(msgspec.Struct, frozen=True):
    """The last fact of a partition: its position (0 before the first) and hash."""

    position: int
    hash: bytes


class Partition:
    """A partition that this process owns. Only states of confirmed commits are ever in here.

    `confirm` takes what a commit made true. `next_job` hands out, a slice at a time, what the snapshots lack; until
    that is written the entries are kept in memory, however full the cache is.
    """

    def __init__(self, number: int, chain: Chain, claim: Claim, codec: EntryCodec, *, entries_max: int) -> None:
        self.number = number
        self.chain = chain
        self.claim = claim
        self.confirmed = claim.checkpoint
        #: The intake offset behind the last command whose answer is committed.
        self.next_offset = 0
        self._codec = codec
        self._entries_max = entries_max
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._dirty: dict[str, None] = {}
        #: Up to where the snapshots are complete.
        self._written = self.confirmed
        self._slice = _Slice(self._written)
        self._job: Job | None = None
        self._fenced = False

    @property
    def head(self) -> Head:
        """The last confirmed fact."""
        return Head(self.confirmed.position, self.confirmed.hash)

    @property
    def unwritten(self) -> int:
        """Keys whose states are in memory only and are still to be written."""
        return 0 if self._fenced else len(self._dirty) + len(self._slice.keys)

    def entry(self, key: str) -> Entry | None:
        """The state of a key, or None where it has to be read first."""
        return self._entries.get(key)

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Add states that were read from snapshots, or that do not exist yet."""
        for key, entry in entries.items():
            self._entries.setdefault(key, entry)

    def confirm(self, entries: Mapping[str, Entry], checkpoint: Checkpoint) -> None:
        """A commit is certain: these states hold, and `checkpoint` is its last fact."""
        self.confirmed = checkpoint
        for key, entry in entries.items():
            self._entries[key] = entry
            self._entries.move_to_end(key)
            self._dirty[key] = None

    def evict(self) -> None:
        """Forget the states that were used longest ago, never one that is not written yet."""
        excess = len(self._entries) - self._entries_max
        for _ in range(max(0, excess)):
            key = next(iter(self._entries))
            if key in self._dirty or key in self._slice.keys:
                self._entries.move_to_end(key)
            else:
                del self._entries[key]

    @property
    def is_handed_over(self) -> bool:
        """Whether every confirmed state is with the writer, or another process writes them."""
        return self._fenced or (not self._slice.open and self._slice.checkpoint.position == self.confirmed.position)

    def next_job(self, rows_max: int, *, begin: bool) -> Job | None:
        """Encode up to `rows_max` more states; returns a job when everything up to a checkpoint is encoded.

        `begin` allows to start on the states that changed since the last checkpoint.

        A state may be newer than the checkpoint it is written with: folding skips what a row already holds.
        Raises `SnapshotsUncertain` where earlier jobs' states are lost: the partition has to be loaded anew.
        """
        if self._job is not None:
            if self._job.outcome is None:
                return None
            self._after(self._job.checkpoint, self._job.outcome)
        if self._fenced:
            return None
        if not self._slice.open:
            if not begin or self.confirmed.position == self._slice.checkpoint.position:
                return None
            self._slice = _Slice(self.confirmed, dict(self._dirty))
            self._dirty.clear()
        current = self._slice
        for key in current.left(rows_max):
            entry = self._entries[key]
            current.rows.append(Row(key, entry.seq, self._codec.encode(entry)))
        if len(current.rows) < len(current.keys):
            return None
        current.open = False
        self._job = Job(self.claim, current.rows, current.checkpoint, self._written)
        return self._job

    def _after(self, checkpoint: Checkpoint, outcome: Outcome) -> None:
        match outcome:
            case "written":
                self._written = checkpoint
            case "fenced":
                # Another process owns the partition now: its commits will be refused here, and it writes the snapshots.
                self._fenced = True
            case "lost":
                raise SnapshotsUncertain
            case "failed":
                # These states are in memory only: were they forgotten, the next command would find older ones.
                self._dirty = self._slice.keys | self._dirty
            case _:
                assert_never(outcome)
        self._job = None
        self._slice = _Slice(self._written)


class _Slice:
    """The states that one checkpoint needs, while they are encoded and written."""

    __slots__ = ("_order", "checkpoint", "keys", "open", "rows")

    def __init__(self, checkpoint: Checkpoint, keys: dict[str, None] | None = None) -> None:
        self.checkpoint = checkpoint
        self.keys = keys or {}
        self.rows: list[Row] = []
        self.open = keys is not None
        self._order = iter(self.keys)

    def left(self, count: int) -> list[str]:
        """Up to `count` keys that are not encoded yet."""
        return list(islice(self._order, count))
