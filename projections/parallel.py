"""Filling the tables of a rebuild from several processes, each with partitions of its own."""

import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait

import msgspec

from events.codec import Codec
from projections.connections import Connections
from projections.errors import RebuildFailed, RebuildNotCatchingUp
from projections.model import Topics
from projections.models import chosen
from projections.runner import apply, start
from projections.source import Partition, RecordSource
from projections.store import Store, Unit

BATCH_RECORDS_MAX = 20_000
FILL_SECONDS = 0.2
POLL_SECONDS = 1.0

GC_THRESHOLD = (200_000, 20, 50)
"""A batch makes millions of objects that die with it; Python's default looks for cycles after every 700 of them."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of a rebuild folds: plain values, so that they reach a process of their own."""

    model: str
    topics: Topics
    build: int
    schema: str
    connections: Connections
    partitions: tuple[Partition, ...]
    seconds_max: float


def shares_of(partitions: Sequence[Partition], processes: int) -> list[tuple[Partition, ...]]:
    """The partitions dealt out, so that a topic's partitions go to different processes."""
    dealt = [tuple(partitions[index::processes]) for index in range(processes)]
    return [share for share in dealt if share]


def fold_in_processes(shares: Sequence[Share], on_progress: Callable[[int], None]) -> int:
    """Fold all shares side by side to the end of their partitions; returns the records folded.

    Raises `RebuildFailed` where a process did not come to the end; the others are stopped then.
    """
    # A forked child would share sockets and threads with its parent, so each process starts afresh.
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, multiprocessing.process.BaseProcess] = {}
    for share in shares:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_fold_share, args=(share, sender), daemon=True)
        process.start()
        sender.close()
        running[receiver] = process
    counts = dict.fromkeys(running, 0)
    ends_by = time.monotonic() + max(share.seconds_max for share in shares) + 60
    try:
        while running:
            ready = wait(list(running), timeout=POLL_SECONDS)
            for receiver in [known for known in running if known in ready]:
                counts[receiver], ended = _received(receiver)
                on_progress(sum(counts.values()))
                if ended:
                    running.pop(receiver).join()
            if time.monotonic() > ends_by:
                raise RebuildFailed("a process did not answer in time")
    finally:
        for unfinished in running.values():
            unfinished.terminate()
            unfinished.join()
    return sum(counts.values())


def _received(receiver: Connection) -> tuple[int, bool]:
    try:
        message = receiver.recv()
    except EOFError:
        raise RebuildFailed("a process ended without a word") from None
    if isinstance(message, str):
        raise RebuildFailed(message)
    count, ended = message
    return int(count), bool(ended)


def _fold_share(share: Share, sender: Connection) -> None:
    """The process: fold its partitions to their end, tell how far it is, tell what went wrong."""
    gc.set_threshold(*GC_THRESHOLD)
    (model,) = chosen([share.model], share.topics)
    unit = Unit(model, share.build)
    try:
        with share.connections.open_database() as connection:
            store = Store(connection, share.schema)
            source = RecordSource(share.connections.open_rebuild_consumer, Codec())
            try:
                start(source, store, [unit], share.partitions)
                ends_by = time.monotonic() + share.seconds_max
                records = catch_up(source, store, unit, ends_by, lambda count: sender.send((count, False)))
                sender.send((records, True))
            finally:
                source.close()
    except Exception as error:
        # Whatever it was, the parent stops the rebuild with it; the traceback goes to this process's log.
        sender.send(f"{type(error).__name__}: {error}")
        raise


def catch_up(source: RecordSource, store: Store, unit: Unit, ends_by: float, on_progress: Callable[[int], None]) -> int:
    """Fold until everything that the source's partitions hold is folded; returns the number of records."""
    records = 0
    while True:
        batch = source.fill(BATCH_RECORDS_MAX, FILL_SECONDS)
        if batch.records:
            apply(store, [unit], batch)
            records += len(batch.records)
            on_progress(records)
        elif source.at_end():
            return records
        if time.monotonic() > ends_by:
            raise RebuildNotCatchingUp(f"{unit.model.name}: {records} records folded")
