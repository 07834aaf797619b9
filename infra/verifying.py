"""`verify` by several processes, each with partitions of its own: a partition's chain needs no other's."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import closing
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from events.codec import Codec
from infra import ledgers
from infra.settings import Settings
from processors.ledger.clients import ReaderFactory
from processors.proof.scan import TopicReader
from processors.proof.verify import VerifyReport, report_of, verify
from projections.parallel import GC_THRESHOLD

#: Below this a process of its own takes longer to start than it saves.
PARALLEL_FROM_FACTS = 100_000
LOOK_SECONDS = 0.5

_seen: Synchronized[int] | None = None


class Verifier:
    """Verifies the facts of one stream. Raises TopicMissing where it has no topic."""

    def __init__(self, settings: Settings, stream_name: str, *, decode: bool = False) -> None:
        self._settings = settings
        self._stream_name = stream_name
        self._decode = decode
        self._topic = ledgers.stream_of(settings, stream_name).events_topic
        with closing(TopicReader(self._reader)) as records:
            self._facts = {
                number: _facts_in(records, self._topic, number) for number in records.partitions(self._topic)
            }

    @property
    def facts(self) -> int:
        """How many facts there are at most: offsets of transaction markers count too."""
        return sum(self._facts.values())

    def processes(self, wanted: int | None = None) -> int:
        """How many processes share the work: as many as processors unless told, one where there is little of it."""
        if wanted is None:
            wanted = 1 if self.facts < PARALLEL_FROM_FACTS else os.cpu_count() or 1
        return max(1, min(wanted, len(self._facts)))

    def run(self, processes: int, on_progress: Callable[[int], None] = lambda facts: None) -> VerifyReport:
        """Verify everything; `on_progress` hears again and again how many facts were looked at, by all together."""
        began = time.monotonic()
        if processes == 1:
            total = 0

            def more(facts: int) -> None:
                nonlocal total
                total += facts
                on_progress(total)

            codec = Codec() if self._decode else None
            return verify(self._topic, self._reader, partitions=list(self._facts), codec=codec, on_progress=more)
        reports = self._in_processes(processes, on_progress)
        found = sorted((one for report in reports for one in report.partitions), key=lambda one: one.partition)
        described = [violation for report in reports for violation in report.described]
        return report_of(self._topic, found, described, time.monotonic() - began)

    def _in_processes(self, processes: int, on_progress: Callable[[int], None]) -> list[VerifyReport]:
        # A forked child would share sockets and threads with its parent, so each process starts afresh.
        context = multiprocessing.get_context("spawn")
        seen: Any = context.Value("Q", 0)
        work = (self._settings, self._stream_name, self._decode)
        with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(seen,)) as pool:
            # The largest partitions first, so that no process is left alone with one at the end.
            largest_first = sorted(self._facts, key=lambda number: -self._facts[number])
            futures = [pool.submit(_verify_one, *work, number) for number in largest_first]
            unfinished: Any = futures
            while unfinished:
                unfinished = wait(unfinished, timeout=LOOK_SECONDS).not_done
                on_progress(int(seen.value))
            return [future.result() for future in futures]

    @property
    def _reader(self) -> ReaderFactory:
        return ledgers.clients(self._settings).reader


def _facts_in(records: TopicReader, topic: str, partition: int) -> int:
    low, high = records.bounds(topic, partition)
    return high - low


def _begin(seen: Synchronized[int]) -> None:
    global _seen
    _seen = seen
    gc.set_threshold(*GC_THRESHOLD)


def _verify_one(settings: Settings, stream_name: str, decode: bool, partition: int) -> VerifyReport:
    def more(facts: int) -> None:
        if _seen is not None:
            with _seen.get_lock():
                _seen.value += facts

    topic = ledgers.stream_of(settings, stream_name).events_topic
    partitions: Sequence[int] = [partition]
    codec = Codec() if decode else None
    return verify(topic, ledgers.clients(settings).reader, partitions=partitions, codec=codec, on_progress=more)
