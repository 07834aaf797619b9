"""Commits one batch in a thread of its own, while the loop decides the next.

A commit is mostly waiting for the broker, and librdkafka lets the interpreter go meanwhile. The next batch builds on
what is being committed as if it were certain; should the commit fail, both are thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from processors.ledger.batch import Batch, Progress
from processors.ledger.transaction import Transactions
from processors.snapshots import Checkpoint


class CommitBehind:
    """At most one batch is under way. All calls come from the loop's thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._thread = ThreadPoolExecutor(1, "ledger-commit")
        self._batch: Batch | None = None
        self._future: Future[Mapping[int, int]] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a batch was begun and not settled."""
        return self._future is not None

    def is_over(self, *, within_seconds: float) -> bool:
        """Whether nothing is under way that `settle` would wait for; waits so long for it."""
        return self._future is None or not wait([self._future], within_seconds).not_done

    def progress(self, number: int) -> Progress | None:
        """How far the batch that is under way takes a partition."""
        return None if self._batch is None else self._batch.progress.get(number)

    def begin(self, batch: Batch, group_metadata: Any) -> None:
        """Begin to commit. Settle what was under way before; `group_metadata` is the consumer's of this moment."""
        if self._future is not None:
            raise AssertionError("a batch is settled before the next begins")
        for progress in batch.progress.values():
            # What it was built on is confirmed.
            progress.before = None
        self._batch = batch
        self._future = self._thread.submit(self._transactions.commit, batch, group_metadata)

    def settle(self) -> Batch | None:
        """Wait for the batch that is under way and confirm its states; returns it.

        Raises `CommitUncertain` where nobody knows whether it is in the log, `SlotTaken` where another process
        has this slot.
        """
        batch, future = self._batch, self._future
        if batch is None or future is None:
            return None
        self._batch = self._future = None
        last_offsets = future.result()
        for number, progress in batch.progress.items():
            progress.partition.next_offset = progress.next_offset
            if progress.entries:
                head = progress.head
                checkpoint = Checkpoint(position=head.position, record_offset=last_offsets[number], hash=head.hash)
                progress.partition.confirm(progress.entries, checkpoint)
        return batch

    def abandon(self) -> None:
        """Wait until nothing is under way; how it ended is asked of the log."""
        if self._future is not None:
            wait([self._future])
        self._batch = self._future = None

    def close(self) -> None:
        """End the thread."""
        self.abandon()
        self._thread.shutdown()
