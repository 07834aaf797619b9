"""PostgreSQL: roles, connection pools, and migrations that are applied once, in order, and never changed.

Two roles, so that row-level security holds for what people ask. `printledger_owner` owns the tables and may see
every tenant (ledger, projections, migrations); `printledger_app` owns nothing and has no BYPASSRLS (the API).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from itertools import pairwise

import msgspec
import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infra.settings import APP_ROLE, DATABASE, OWNER_ROLE, Settings
from processors.ports import NamedError
from projections.model import Topics
from projections.models import ALL, chosen
from projections.schema import create_missing

MIGRATION_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
#: One number for all processes that could migrate the same database ("plmigrat" in ASCII).
MIGRATION_LOCK = 0x706C6D6967726174
CONNECT_SECONDS = 10
POOL_WAIT_SECONDS = 10.0
STATEMENT_MS = 60_000

#: What the API itself writes, under row-level security: keys of personal data, its callers, its stores.
APP_TABLES = ("order_keys", "erased_orders", "daily_keys", "api_keys", "store_connections", "idempotency_keys")

MIGRATIONS_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class DatabaseUnreachable(NamedError):
    """PostgreSQL does not answer. Start the stack with `printledger up`, or mend DATABASE_URL."""


class MigrationChanged(NamedError):
    """A migration that was applied has other text now. Put its text back, and make the change a new migration."""


class MigrationMissing(NamedError):
    """The database has a migration that this release does not know. Start a release at least as new as the last."""


class MigrationOutOfOrder(NamedError):
    """A new migration has a lower number than one that was applied. Give it the next free number."""


class AppRoleMissing(NamedError):
    """The API's role is missing. As a superuser: CREATE ROLE printledger_app LOGIN NOBYPASSRLS PASSWORD '…'."""


class MigrationMisnamed(NamedError):
    """A migration's name must be NNNN_name.sql, and no number may be there twice."""


class MigrationFailed(NamedError):
    """A migration's SQL failed, and nothing of it was kept. Mend the SQL, then start again."""


class Migration(msgspec.Struct, frozen=True):
    """One numbered SQL file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, by which a later change is recognised."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


def committed_migrations() -> tuple[Migration, ...]:
    """The project's migrations in their order. Raises MigrationMisnamed."""
    folder = files("projections").joinpath("migrations")
    return ordered_migrations(
        [(entry.name, entry.read_text(encoding="utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    )


def ordered_migrations(texts: Sequence[tuple[str, str]]) -> tuple[Migration, ...]:
    """Files by name and text as migrations. Raises MigrationMisnamed."""
    found = []
    for name, text in sorted(texts):
        match = MIGRATION_NAME.match(name)
        if match is None:
            raise MigrationMisnamed(f"{name}: {MigrationMisnamed.__doc__}")
        found.append(Migration(int(match.group(1)), name, text))
    for before, migration in pairwise(found):
        if migration.number == before.number:
            raise MigrationMisnamed(f"{before.name} and {migration.name}: {MigrationMisnamed.__doc__}")
    return tuple(found)


def migrate(connection: Connection[TupleRow], migrations: Sequence[Migration]) -> list[str]:
    """Apply what is new, each in a transaction of its own; returns the names. Safe when several processes start.

    Raises MigrationChanged, MigrationMissing, MigrationOutOfOrder or MigrationFailed.
    """
    connection.autocommit = True
    connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
    try:
        connection.execute(MIGRATIONS_TABLE)
        rows = connection.execute("SELECT number, name, checksum FROM schema_migrations").fetchall()
        applied = {number: (name, checksum) for number, name, checksum in rows}
        _refuse_changes(applied, migrations)
        new = [migration for migration in migrations if migration.number not in applied]
        for migration in new:
            _apply(connection, migration)
        return [migration.name for migration in new]
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))


def _refuse_changes(applied: dict[int, tuple[str, str]], migrations: Sequence[Migration]) -> None:
    known = {migration.number: migration for migration in migrations}
    for migration in migrations:
        if migration.number not in applied and migration.number < max(applied, default=0):
            raise MigrationOutOfOrder(f"{migration.name}: {MigrationOutOfOrder.__doc__}")
    for number, (name, checksum) in sorted(applied.items()):
        if number not in known:
            raise MigrationMissing(f"{name}: {MigrationMissing.__doc__}")
        if known[number].checksum != checksum:
            raise MigrationChanged(f"{name}: {MigrationChanged.__doc__}")


def _apply(connection: Connection[TupleRow], migration: Migration) -> None:
    try:
        with connection.transaction():
            # The text is a file of this project, not input.
            connection.execute(migration.text.encode("utf-8"))
            connection.execute(
                "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
    except psycopg.Error as error:
        raise MigrationFailed(f"{migration.name}: {error}") from error


def ensure_database(admin_url: str, database: str = DATABASE) -> None:
    """Make the two roles and the database where they are missing. `admin_url` names a superuser of the server."""
    with connect(admin_url) as connection:
        connection.autocommit = True
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        for role, rights in ((OWNER_ROLE, "LOGIN CREATEDB BYPASSRLS"), (APP_ROLE, "LOGIN NOBYPASSRLS")):
            if role not in roles:
                connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), sql.SQL(rights)))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(OWNER_ROLE))
            )


def grant_to_app(connection: Connection[TupleRow]) -> None:
    """Let the API's role use its own tables. Read models open themselves to it, for reading; all else stays shut.

    Raises AppRoleMissing: on a server that is not ours, only its superuser makes roles.
    """
    role = sql.Identifier(APP_ROLE)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APP_ROLE,)).fetchone() is None:
        raise AppRoleMissing
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    for table in APP_TABLES:
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,):
            statement = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}")
            connection.execute(statement.format(sql.Identifier(table), role))


def ensure_schema(database_url: str) -> list[str]:
    """Apply the project's migrations, make the read models' tables, grant; returns the names of new migrations."""
    with connect(database_url) as connection:
        new = migrate(connection, committed_migrations())
        create_missing(connection, chosen([ALL], Topics()))
        grant_to_app(connection)
        return new


def connect(url: str) -> Connection[TupleRow]:
    """One connection. Raises DatabaseUnreachable."""
    try:
        return psycopg.connect(url, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(f"{DatabaseUnreachable.__doc__} ({error})") from error


@contextmanager
def pool(url: str, settings: Settings, *, name: str) -> Iterator[ConnectionPool]:
    """A pool of connections that ends with the block. Waits at most POOL_WAIT_SECONDS for a connection."""
    with ConnectionPool(
        _with_limits(url, name), min_size=1, max_size=settings.database_pool_max, timeout=POOL_WAIT_SECONDS, open=True
    ) as made:
        yield made


def async_pool(url: str, settings: Settings, *, name: str) -> AsyncConnectionPool:
    """The same for asyncio; open it with `async with`."""
    return AsyncConnectionPool(
        _with_limits(url, name), min_size=1, max_size=settings.database_pool_max, timeout=POOL_WAIT_SECONDS, open=False
    )


@contextmanager
def as_tenant(connection: Connection[TupleRow], tenant: str) -> Iterator[Connection[TupleRow]]:
    """A transaction in which row-level security shows this tenant's rows alone."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant', %s, true)", (tenant,))
        yield connection


def database_url_for(url: str, database: str) -> str:
    """The same server and role, another database."""
    return make_conninfo(url, dbname=database)


def _with_limits(url: str, name: str) -> str:
    return make_conninfo(
        url,
        application_name=name,
        connect_timeout=CONNECT_SECONDS,
        options=f"-c statement_timeout={STATEMENT_MS}",
    )
