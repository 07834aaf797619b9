"""Rebuilding a read model beside the shown one, and showing it in one transaction (blue/green)."""

import logging
import os
import time
from collections.abc import Callable

import msgspec
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from events.codec import Codec
from projections.connections import Connections
from projections.errors import RebuildNotCatchingUp
from projections.model import ReadModel, Topics
from projections.models import chosen
from projections.parallel import BATCH_RECORDS_MAX, FILL_SECONDS, Share, catch_up, fold_in_processes, shares_of
from projections.runner import apply, start
from projections.schema import AFTER_LOADING, BEFORE_LOADING, TABLES, next_build, run_part, shown_build
from projections.source import Partition, RecordSource
from projections.sql import QUERIES
from projections.store import Store, Unit

SECONDS_MAX = 24 * 3600.0
PARALLEL_FROM_RECORDS = 50_000
"""Below this a process of its own takes longer to start than it saves."""

SHOW_ATTEMPTS_MAX = 50
LOCK_TIMEOUT = "2s"

log = logging.getLogger(__name__)


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did. `seconds` covers folding, indexing and showing."""

    read_model: str
    build: int
    records: int
    seconds: float


def rebuild(
    name: str,
    topics: Topics,
    connections: Connections,
    codec: Codec,
    *,
    processes: int | None = None,
    seconds_max: float = SECONDS_MAX,
    on_progress: Callable[[int], None] = lambda records: None,
) -> Rebuilt:
    """Fold the whole ledger into new tables and show them. Readers and a running projection go on meanwhile.

    `processes` share the partitions; as many as there are processors unless given, one where there is little to fold.
    `on_progress` hears again and again how many records were folded.
    Raises `AlreadyRunning` where another rebuild of this read model runs, `RebuildNotCatchingUp` after the time.
    """
    began = time.monotonic()
    ends_by = began + seconds_max
    (model,) = chosen([name], topics)
    schema = f"rebuild_{name}"
    with connections.open_database() as connection:
        store = Store(connection, schema)
        store.hold(model, " rebuild")
        unit = _make_tables(connection, model, schema)
        source = RecordSource(connections.open_rebuild_consumer, codec)
        try:
            partitions = [found for topic in model.sources for found in source.partitions_of(topic.topic)]
            records = 0
            wanted = processes or _processes_for(source, partitions)
            if wanted > 1:
                store.load_checkpoints(unit, partitions)
                shares = [
                    Share(
                        model=name,
                        topics=topics,
                        build=unit.build,
                        schema=schema,
                        connections=connections,
                        partitions=share,
                        seconds_max=ends_by - time.monotonic(),
                    )
                    for share in shares_of(partitions, wanted)
                ]
                records = fold_in_processes(shares, on_progress)
            start(source, store, [unit])
            in_processes = records
            records += catch_up(source, store, unit, ends_by, lambda count: on_progress(in_processes + count))
            run_part(connection, model, AFTER_LOADING)
            records += _show(source, store, unit, schema, ends_by)
        finally:
            source.close()
    return Rebuilt(read_model=name, build=unit.build, records=records, seconds=time.monotonic() - began)


def _processes_for(source: RecordSource, partitions: list[Partition]) -> int:
    held = source.records_held(partitions)
    return 1 if held < PARALLEL_FROM_RECORDS else min(os.cpu_count() or 1, len(partitions))


def _make_tables(connection: Connection[TupleRow], model: ReadModel, schema: str) -> Unit:
    """Empty tables in a schema of their own; what an earlier rebuild left behind is removed."""
    name = sql.Identifier(schema)
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
        connection.execute(QUERIES["forget_other_builds"], {"name": model.name})
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        for part in (TABLES, BEFORE_LOADING):
            run_part(connection, model, part)
        return Unit(model, next_build(connection, model))


def _show(source: RecordSource, store: Store, unit: Unit, schema: str, ends_by: float) -> int:
    """Put the new tables into the place of the old ones; returns the records folded on the way."""
    for _ in range(SHOW_ATTEMPTS_MAX):
        try:
            return _try_to_show(source, store, unit, schema, ends_by)
        except errors.LockNotAvailable:
            # A reader holds the old tables in a long transaction. What was folded in ours is undone: read it again.
            log.info("waits for readers of the old tables", extra={"read_model": unit.model.name})
            unit.model.forget()
            store.forget_stages()
            start(source, store, [unit])
    raise RebuildNotCatchingUp(f"{unit.model.name}: readers did not let go of the old tables")


def _try_to_show(source: RecordSource, store: Store, unit: Unit, schema: str, ends_by: float) -> int:
    """One transaction.

    Step 1: hold the shown build's checkpoints, so that a running projection waits.
    Step 2: fold what it had folded and the new build has not, so that no reader sees time run backwards.
    Step 3: drop the old tables, move the new ones to their place, name the new build as the shown one.
    A running projection that waited finds its checkpoints gone and goes on with the new build.
    """
    connection, model, records = store.connection, unit.model, 0
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
        shown = shown_build(connection, model)
        if shown is not None:
            held = connection.execute(QUERIES["lock_checkpoints"], {"name": model.name, "build": shown[1]}).fetchall()
            while any(
                unit.checkpoints[topic, number].next_offset < offset
                for topic, number, offset, _ in held
                if (topic, number) in unit.checkpoints
            ):
                batch = source.fill(BATCH_RECORDS_MAX, FILL_SECONDS)
                if batch.records:
                    apply(store, [unit], batch)
                    records += len(batch.records)
                if time.monotonic() > ends_by:
                    raise RebuildNotCatchingUp(model.name)
        tables = [table.name for table in model.tables]
        for table in tables:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS public.{}").format(sql.Identifier(table)))
        for table in tables:
            move = sql.SQL("ALTER TABLE {}.{} SET SCHEMA public")
            connection.execute(move.format(sql.Identifier(schema), sql.Identifier(table)))
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute(QUERIES["show_build"], {**unit.identity, "version": model.version})
        connection.execute(QUERIES["forget_other_builds"], {"name": model.name})
        store.announce([model.name])
    return records
