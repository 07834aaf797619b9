"""The key tables of the vault in PostgreSQL: wrapped keys only, never a key in the clear.

Each call is one short transaction that names its tenant (`app.tenant`), so that row-level security
holds whatever role the process connects with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from processors.ports import KeyMissing


@dataclass(frozen=True)
class WrappedKey:
    """A key as the table holds it; `wrapped` is None when it was destroyed."""

    key_id: UUID
    kek_id: str
    wrapped: bytes | None


class KeyTables:
    """Reads and writes `order_keys`, `erased_orders` and `daily_keys`."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    @contextmanager
    def _as_tenant(self, tenant: str) -> Iterator[Connection[TupleRow]]:
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            yield connection

    def order_keys(self, tenant: str, order_ids: Sequence[str]) -> dict[str, WrappedKey]:
        """The keys of these orders, in one query; orders without a key are absent."""
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(
                "SELECT order_id, key_id, kek_id, wrapped_key FROM order_keys WHERE tenant = %s AND order_id = ANY(%s)",
                [tenant, list(order_ids)],
            ).fetchall()
        return {order_id: WrappedKey(key_id, kek_id, wrapped) for order_id, key_id, kek_id, wrapped in rows}

    def add_order_key(self, tenant: str, order_id: str, key: WrappedKey) -> WrappedKey:
        """Insert the key unless the order has one or was erased; returns the one that holds."""
        with self._as_tenant(tenant) as connection:
            connection.execute(
                "INSERT INTO order_keys (tenant, order_id, key_id, kek_id, wrapped_key)"
                " SELECT %(tenant)s, %(order_id)s, %(key_id)s, %(kek_id)s, %(wrapped)s"
                " WHERE NOT EXISTS (SELECT FROM erased_orders"
                "                   WHERE tenant = %(tenant)s AND order_id = %(order_id)s)"
                " ON CONFLICT (tenant, order_id) DO NOTHING",
                {
                    "tenant": tenant,
                    "order_id": order_id,
                    "key_id": key.key_id,
                    "kek_id": key.kek_id,
                    "wrapped": key.wrapped,
                },
            )
            row = connection.execute(
                "SELECT key_id, kek_id, wrapped_key FROM order_keys WHERE tenant = %s AND order_id = %s",
                [tenant, order_id],
            ).fetchone()
        # No row after the insert means that the order is on the erased list.
        return WrappedKey(*row) if row else WrappedKey(key.key_id, key.kek_id, None)

    def destroy_order_key(self, tenant: str, order_id: str) -> None:
        """Empty the key's row and put the order on the erased list, together; idempotent."""
        with self._as_tenant(tenant) as connection:
            connection.execute(
                "INSERT INTO erased_orders (tenant, order_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [tenant, order_id],
            )
            connection.execute(
                "UPDATE order_keys SET wrapped_key = NULL, person_index = NULL, destroyed_at = now()"
                " WHERE tenant = %s AND order_id = %s AND destroyed_at IS NULL",
                [tenant, order_id],
            )

    def is_erased(self, tenant: str, order_id: str) -> bool:
        """Whether the order is on the erased list."""
        with self._as_tenant(tenant) as connection:
            row = connection.execute(
                "SELECT 1 FROM erased_orders WHERE tenant = %s AND order_id = %s", [tenant, order_id]
            ).fetchone()
        return row is not None

    def set_person(self, tenant: str, order_id: str, person_index: str) -> None:
        """Note whose order this is; does nothing to a destroyed key."""
        with self._as_tenant(tenant) as connection:
            connection.execute(
                "UPDATE order_keys SET person_index = %s WHERE tenant = %s AND order_id = %s AND destroyed_at IS NULL",
                [person_index, tenant, order_id],
            )

    def orders_of_person(self, tenant: str, person_index: str) -> list[str]:
        """The person's order ids, oldest first, at most 10,000."""
        with self._as_tenant(tenant) as connection:
            rows = connection.execute(
                "SELECT order_id FROM order_keys WHERE tenant = %s AND person_index = %s"
                " ORDER BY created_at, order_id LIMIT 10000",
                [tenant, person_index],
            ).fetchall()
        return [order_id for (order_id,) in rows]

    def daily_key(self, purpose: str, day: date, fresh: WrappedKey) -> WrappedKey:
        """The key of this day and purpose; `fresh` becomes it when there is none."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO daily_keys (purpose, day, key_id, kek_id, wrapped_key)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (purpose, day) DO NOTHING",
                [purpose, day, fresh.key_id, fresh.kek_id, fresh.wrapped],
            )
            row = connection.execute(
                "SELECT key_id, kek_id, wrapped_key FROM daily_keys WHERE purpose = %s AND day = %s",
                [purpose, day],
            ).fetchone()
        if row is None:  # Rows of this table are emptied, never deleted: somebody else did.
            raise KeyMissing
        return WrappedKey(*row)

    def daily_key_by_id(self, key_id: UUID) -> WrappedKey | None:
        """The daily key with this id, whatever its day."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT key_id, kek_id, wrapped_key FROM daily_keys WHERE key_id = %s", [key_id]
            ).fetchone()
        return WrappedKey(*row) if row else None

    def destroy_daily_keys(self, purpose: str, before: date) -> int:
        """Destroy the keys of days before `before`; returns how many ended."""
        with self._pool.connection() as connection:
            cursor = connection.execute(
                "UPDATE daily_keys SET wrapped_key = NULL, destroyed_at = now()"
                " WHERE purpose = %s AND day < %s AND destroyed_at IS NULL",
                [purpose, before],
            )
        return cursor.rowcount
