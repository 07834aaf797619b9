"""When Python's collector runs: between batches, over what is young, never in the middle over everything.

A ledger keeps tens of thousands of states, each of dozens of objects. A full collection looks at all of them and
stops everything for a few hundred milliseconds, to find next to nothing: states are trees, which reference counting
frees. Cycles come from exceptions, which are young.
"""

import gc
import time

#: Batches between two collections of what is young.
BATCHES = 20
#: A collection of everything is left to quiet moments, at most this often.
FULL_SECONDS = 60.0


class NoGarbageCollection:
    """Python's own collector stays in charge."""

    def tidy(self, *, is_idle: bool) -> None:
        """Nothing to do."""


class GarbageCollection(NoGarbageCollection):
    """The loop says when: Python's own collector is switched off for the process."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()
        self._batches = 0
        self._full_at = time.monotonic() + FULL_SECONDS

    def tidy(self, *, is_idle: bool) -> None:
        """Called after every batch, and while there is nothing to do."""
        if is_idle and time.monotonic() >= self._full_at:
            gc.collect()
            self._full_at = time.monotonic() + FULL_SECONDS
        self._batches += 1
        if self._batches >= BATCHES:
            self._batches = 0
            gc.collect(1)
