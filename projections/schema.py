"""The tables of read models: made where they are missing, made a second time for a rebuild."""

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from projections.errors import NewerReadModel
from projections.model import ReadModel
from projections.sql import QUERIES, load

TABLES, BEFORE_LOADING, AFTER_LOADING = "tables", "before loading", "after loading"


def shown_build(connection: Connection[TupleRow], model: ReadModel) -> tuple[int, int] | None:
    """Version and build that readers see, or None; raises `NewerReadModel` where this release is the older one."""
    row = connection.execute(QUERIES["shown_build"], {"name": model.name}).fetchone()
    if row is None:
        return None
    if row[0] > model.version:
        raise NewerReadModel(f"{model.name}: version {row[0]} is shown, this release has {model.version}")
    return int(row[0]), int(row[1])


def create_missing(connection: Connection[TupleRow], models: tuple[ReadModel, ...]) -> list[str]:
    """Make the tables of read models that have none yet; returns their names. Idempotent, safe side by side."""
    made = []
    for model in models:
        with connection.transaction():
            # Two processes that start together must not both find the tables missing.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('printledger read model tables'))")
            if shown_build(connection, model) is None:
                for part in (TABLES, BEFORE_LOADING, AFTER_LOADING):
                    run_part(connection, model, part)
                build = next_build(connection, model)
                parameters = {"name": model.name, "version": model.version, "build": build}
                connection.execute(QUERIES["show_build"], parameters)
                made.append(model.name)
    return made


def next_build(connection: Connection[TupleRow], model: ReadModel) -> int:
    """A number for a new build."""
    row = connection.execute(QUERIES["next_build"], {"name": model.name}).fetchone()
    return int(row[0]) if row else 1


def run_part(connection: Connection[TupleRow], model: ReadModel, part: str) -> None:
    """Run one part of `tables/NAME.sql` in the connection's search path."""
    text = load(f"tables/{model.name}.sql").get(part)
    if text:
        connection.execute(text)


def set_search_path(connection: Connection[TupleRow], schema: str | None) -> None:
    """Let names mean the tables of a schema of a rebuild first; None leaves the shown ones."""
    path = [sql.Identifier("public")] if schema is None else [sql.Identifier(schema), sql.Identifier("public")]
    connection.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(path)))
