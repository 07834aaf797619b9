"""Writing a batch into PostgreSQL: rows and checkpoints in one transaction, or neither."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from projections.errors import AlreadyRunning, BuildSuperseded, CheckpointMoved, RowRefused
from projections.holdable import holdable, text_held
from projections.model import Change, ReadModel, Row, Table
from projections.schema import set_search_path, shown_build
from projections.source import Checkpoint, Partition
from projections.sql import QUERIES

HOLD_TIMEOUT = "30s"

log = logging.getLogger(__name__)


class Unit:
    """One build of one read model that this process folds, with its checkpoints."""

    def __init__(self, model: ReadModel, build: int) -> None:
        self.model = model
        self.build = build
        self.checkpoints: dict[Partition, Checkpoint] = {}
        self.types = {source.topic: source.types for source in model.sources}

    @property
    def identity(self) -> dict[str, Any]:
        """Name and build, as queries take them."""
        return {"name": self.model.name, "build": self.build}


class Moved(msgspec.Struct, frozen=True):
    """What one batch does to one unit."""

    unit: Unit
    ends: dict[Partition, Checkpoint]


class Store:
    """The database of the read models through one connection in autocommit mode.

    Its role owns the tables and has BYPASSRLS: it folds for all tenants, and COPY refuses row-level security. `schema`
    is that of a rebuild.
    """

    def __init__(self, connection: Connection[TupleRow], schema: str | None = None) -> None:
        self.connection = connection
        self._staged: set[str] = set()
        # A crash may lose the last commits, rows and offsets together; they are folded again.
        connection.execute("SET synchronous_commit = off")
        set_search_path(connection, schema)

    def hold(self, model: ReadModel, purpose: str = "") -> None:
        """Keep other processes from folding the read model; raises `AlreadyRunning` where one goes on folding it.

        A killed process's hold ends when the server notices that it is gone, so this waits a moment.
        """
        try:
            with self.connection.transaction():
                self.connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(HOLD_TIMEOUT))
                self.connection.execute(QUERIES["hold_model"], {"name": model.name + purpose})
        except errors.LockNotAvailable:
            raise AlreadyRunning(model.name) from None

    def load_checkpoints(self, unit: Unit, partitions: Iterable[Partition]) -> None:
        """Read how far a unit is; partitions that are new to it begin at their start."""
        with self.connection.transaction():
            for topic, number in partitions:
                self.connection.execute(
                    QUERIES["begin_checkpoint"], {**unit.identity, "topic": topic, "partition": number}
                )
            rows = self.connection.execute(QUERIES["checkpoints"], unit.identity).fetchall()
        unit.checkpoints = {
            (topic, number): Checkpoint(offset, position, recorded_at)
            for topic, number, offset, position, recorded_at in rows
        }

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a named query, in the running transaction. What is asked for with NUL was written without."""
        try:
            return self.connection.execute(QUERIES[query], parameters).fetchall()
        except errors.DataError:
            # Found before anything was sent, so the transaction goes on.
            held = {name: text_held(value) for name, value in parameters.items()}
            return self.connection.execute(QUERIES[query], held).fetchall()

    def move_checkpoints(self, moved: Moved, caught_up_at: int = 0) -> None:
        """Move a unit's checkpoints from where it left them; raises when somebody else has moved them."""
        unit = moved.unit
        parameters = [
            {
                **unit.identity,
                "topic": topic,
                "partition": number,
                "next_offset": end.next_offset,
                "position": end.position,
                "recorded_at": end.recorded_at,
                "caught_up_at": caught_up_at,
                "previous_offset": unit.checkpoints[topic, number].next_offset,
            }
            for (topic, number), end in moved.ends.items()
        ]
        with self.connection.cursor() as cursor:
            cursor.executemany(QUERIES["move_checkpoint"], parameters)
            if cursor.rowcount == len(parameters):
                return
        shown = shown_build(self.connection, unit.model)
        if shown is not None and shown[1] != unit.build:
            raise BuildSuperseded(unit.model.name)
        raise CheckpointMoved(unit.model.name)

    def write(self, model: ReadModel, changes: Sequence[Change]) -> None:
        """Write the rows of a batch, removals first; a NUL in a text is written as U+FFFD.

        A fact stands for ever, so one that PostgreSQL does not hold must not keep the others from being folded. NUL is
        looked for only after PostgreSQL has refused: to look at each text costs more than a savepoint a batch. Raises
        `RowRefused` where the database never takes a row, whatever is left out of it.
        """
        if not any(change.rows or change.removals for change in changes):
            return
        try:
            self._write_or_clean(model, changes)
        except (errors.DataError, errors.ProgramLimitExceeded) as error:
            raise RowRefused(f"{model.name}: {str(error)[:500]}") from error

    def _write_or_clean(self, model: ReadModel, changes: Sequence[Change]) -> None:
        try:
            with self.connection.transaction():
                self._write(model, changes)
        except errors.DataError as error:
            log.warning("writes texts without NUL", extra={"read_model": model.name, "detail": type(error).__name__})
            # What was made since the savepoint is gone, temporary tables too.
            self.forget_stages()
            self._write(model, self._holdable(model, changes))

    def _write(self, model: ReadModel, changes: Sequence[Change]) -> None:
        tables = {table.name: table for table in model.tables}
        for change in changes:
            table = tables[change.table]
            if change.removals:
                columns = {name: [key[index] for key in change.removals] for index, name in enumerate(table.key)}
                self.connection.execute(QUERIES[f"remove_{table.name}"], columns)
            if change.rows:
                if table.insert_only:
                    self._copy(table, table.name, change.rows)
                else:
                    self._merge(table, change.rows)

    def forget_stages(self) -> None:
        """Make stages anew where they are needed next: a transaction that is undone takes those made in it along."""
        self._staged.clear()

    def note_caught_up(self, unit: Unit, at: int) -> None:
        """Note that nothing was missing at this time."""
        self.connection.execute(QUERIES["note_caught_up"], {**unit.identity, "caught_up_at": at})

    def announce(self, models: Iterable[str]) -> None:
        """Wake whoever waits for these read models, once the transaction commits."""
        self.connection.execute(QUERIES["announce"], {"names": ",".join(models)})

    def _holdable(self, model: ReadModel, changes: Sequence[Change]) -> list[Change]:
        tables = {table.name: table for table in model.tables}
        found = self.fetch("json_columns", {"tables": list(tables)})
        return [
            holdable(change, tables[change.table], {column for name, column in found if name == change.table})
            for change in changes
        ]

    def _merge(self, table: Table, rows: Sequence[Row]) -> None:
        stage = f"stage_{table.name}"
        if stage not in self._staged:
            self.connection.execute(
                sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {})").format(
                    sql.Identifier(stage), sql.Identifier(table.name)
                )
            )
            self._staged.add(stage)
        self._copy(table, stage, rows)
        self.connection.execute(QUERIES[f"merge_{table.name}"])
        self.connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(stage)))

    def _copy(self, table: Table, into: str, rows: Sequence[Row]) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(into), sql.SQL(", ").join(map(sql.Identifier, table.columns))
        )
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
