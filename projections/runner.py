"""The projection: facts in, rows out, each batch and its offsets in one PostgreSQL transaction."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import psycopg
from confluent_kafka import KafkaException
from psycopg import Connection
from psycopg.rows import TupleRow

from events.codec import Codec
from projections.errors import BuildSuperseded
from projections.model import ReadModel
from projections.record import Record
from projections.schema import create_missing, shown_build
from projections.source import Batch, Checkpoint, OpenConsumer, Partition, RecordSource
from projections.store import Moved, Store, Unit

OpenConnection: TypeAlias = Callable[[], Connection[TupleRow]]
"""Opens a connection in autocommit mode, as a role that may write for all tenants."""

Clock: TypeAlias = Callable[[], int]
"""The time in epoch milliseconds."""

log = logging.getLogger(__name__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done at a time. Times in seconds."""

    batch_records_max: int = 5_000
    caught_up_every_seconds: float = 1.0
    retry_seconds_first: float = 0.2
    retry_seconds_max: float = 10.0


class VersionChanged(Exception):
    """The shown tables of a read model are of an older version than this release: rebuild them."""

    def __init__(self, model: ReadModel) -> None:
        self.model = model
        super().__init__(f"{model.name}: {' '.join((type(self).__doc__ or '').split())}")


class Projection:
    """Folds read models in one process. Each has checkpoints of its own, so they need not stand at the same place.

    A database or broker that cannot be reached makes it wait and say so. Anything wrong with the ledger itself stops
    it with a named error.
    """

    def __init__(
        self,
        models: Sequence[ReadModel],
        open_connection: OpenConnection,
        open_consumer: OpenConsumer,
        codec: Codec,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._models = tuple(models)
        self._open_connection = open_connection
        self._open_consumer = open_consumer
        self._codec = codec
        self._clock = clock
        self._limits = limits or Limits()
        self._committed = 0

    @property
    def records_committed(self) -> int:
        """Records folded and committed since the start, each counted once for all read models."""
        return self._committed

    def run(self, stop: threading.Event) -> None:
        """Fold until `stop` is set. Raises a `ProjectionError` when the ledger cannot be folded."""
        wait_seconds = self._limits.retry_seconds_first
        while not stop.is_set():
            before = self._committed
            try:
                self._follow(stop)
            except BuildSuperseded as error:
                log.info("goes on with the newly shown build", extra={"detail": str(error)})
                continue
            except (psycopg.OperationalError, KafkaException) as error:
                if self._committed > before:
                    wait_seconds = self._limits.retry_seconds_first
                log.warning("cannot reach database or broker, waits", extra={"detail": str(error)})
                stop.wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, self._limits.retry_seconds_max)

    def _follow(self, stop: threading.Event) -> None:
        """One life with one connection and one consumer; ends with `stop` or an exception."""
        for model in self._models:
            model.forget()
        with self._open_connection() as connection:
            store = Store(connection)
            create_missing(connection, self._models)
            units = [self._unit(store, model) for model in self._models]
            source = RecordSource(self._open_consumer, self._codec)
            try:
                start(source, store, units)
                self._loop(stop, store, source, units)
            finally:
                source.close()

    def _unit(self, store: Store, model: ReadModel) -> Unit:
        store.hold(model)
        shown = shown_build(store.connection, model)
        if shown is None or shown[0] < model.version:
            raise VersionChanged(model)
        return Unit(model, shown[1])

    def _loop(self, stop: threading.Event, store: Store, source: RecordSource, units: Sequence[Unit]) -> None:
        noted_at = 0
        while not stop.is_set():
            batch = source.read(self._limits.batch_records_max)
            if batch.records:
                apply(store, units, batch)
                self._committed += len(batch.records)
                continue
            now = self._clock()
            if now - noted_at >= self._limits.caught_up_every_seconds * 1000 and source.at_end():
                # The time was taken before the end was looked up, so nothing recorded until then is missing.
                with store.connection.transaction():
                    for unit in units:
                        store.note_caught_up(unit, now)
                    store.announce(unit.model.name for unit in units)
                noted_at = now


def start(source: RecordSource, store: Store, units: Sequence[Unit], only: Sequence[Partition] | None = None) -> None:
    """Load the units' checkpoints and read each partition (or only these) from the one that is furthest behind."""
    ledger = {topic.topic for unit in units for topic in unit.model.sources if topic.ledger}
    topics = {topic.topic for unit in units for topic in unit.model.sources}
    partitions = {
        topic: [found for found in source.partitions_of(topic) if only is None or found in only]
        for topic in sorted(topics)
    }
    begin: dict[Partition, Checkpoint] = {}
    for unit in units:
        own = [partition for topic in unit.types for partition in partitions[topic]]
        store.load_checkpoints(unit, own)
        for partition in own:
            checkpoint = unit.checkpoints[partition]
            known = begin.get(partition, checkpoint)
            begin[partition] = min(known, checkpoint, key=lambda at: at.next_offset)
    source.start(begin, ledger)


def apply(store: Store, units: Sequence[Unit], batch: Batch) -> None:
    """Fold a batch into every unit and commit rows and checkpoints together.

    Step 1: leave out, per unit, what it has folded before and what it does not use.
    Step 2: begin the transaction and move the checkpoints, which fails at once where another writer moved them and
            keeps a rebuild from being shown until the commit.
    Step 3: fold (reading back what memory lacks) and write the rows.
    Step 4: announce, commit; only then do the units stand at their new checkpoints.
    """
    moves = [moved for unit in units if (moved := _moved(unit, batch)).ends]
    try:
        with store.connection.transaction():
            for moved in moves:
                store.move_checkpoints(moved)
            for moved in moves:
                records = _records_for(moved.unit, batch)
                if records:
                    store.write(moved.unit.model, moved.unit.model.fold(records, store))
            store.announce(moved.unit.model.name for moved in moves)
    except BaseException:
        for moved in moves:
            moved.unit.model.forget()
        raise
    for moved in moves:
        moved.unit.checkpoints.update(moved.ends)


def _moved(unit: Unit, batch: Batch) -> Moved:
    ends = {
        partition: end
        for partition, end in batch.ends.items()
        if partition[0] in unit.types and end.next_offset > unit.checkpoints[partition].next_offset
    }
    return Moved(unit, ends)


def _records_for(unit: Unit, batch: Batch) -> list[Record]:
    """The records that are new to the unit and of a type that it uses; a type that nobody knows is left out."""
    types, checkpoints = unit.types, unit.checkpoints
    found = []
    for record in batch.records:
        topic = record.topic
        if topic in types:
            used = types[topic]
            if used is not None and record.type_name not in used:
                continue
            if record.offset >= checkpoints[topic, record.partition].next_offset:
                found.append(record)
    return found
