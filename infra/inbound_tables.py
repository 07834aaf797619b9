"""Tables that the roads in work with: parked records, and the first answer to each Idempotency-Key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.order.values import LineArtwork
from processors.inbound.reading import without_nul
from processors.ports import ConsumedRecord, KnownRequest
from projections.sql import QUERIES
from projections.system_reader import artwork_from

Pool = ConnectionPool[Connection[TupleRow]]


class PostgresParking:
    """The `ParkedRecords` of `processors/ports.py`: reports that wait for what they are about."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def park(self, record: ConsumedRecord, reason: str, next_try_at: int) -> None:
        """Keep the record; parked again, it keeps the time of its first parking."""
        headers = [(name, base64.b64encode(value).decode()) for name, value in record.headers]
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO parked_records (topic, kafka_partition, kafka_offset, record_key, record_value,"
                " record_headers, record_timestamp, reason, parked_at, next_try_at)"
                " VALUES (%(topic)s, %(partition)s, %(offset)s, %(key)s, %(value)s, %(headers)s, %(timestamp)s,"
                " %(reason)s, (extract(epoch FROM now()) * 1000)::bigint, %(next_try_at)s)"
                " ON CONFLICT (topic, kafka_partition, kafka_offset)"
                " DO UPDATE SET reason = excluded.reason, next_try_at = excluded.next_try_at",
                {
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "key": record.key,
                    "value": record.value,
                    "headers": json.dumps(headers),
                    "timestamp": record.timestamp_at,
                    # It may quote what a vendor wrote, and PostgreSQL holds no NUL.
                    "reason": without_nul(reason),
                    "next_try_at": next_try_at,
                },
            )

    def due(self, now: int, count_max: int) -> list[tuple[ConsumedRecord, int]]:
        """Records whose next try has come, longest due first."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT topic, kafka_partition, kafka_offset, record_key, record_value, record_headers,"
                " record_timestamp, parked_at FROM parked_records WHERE next_try_at <= %s"
                " ORDER BY next_try_at LIMIT %s",
                [now, count_max],
            ).fetchall()
        return [(_record(row), row[7]) for row in rows]

    def release(self, record: ConsumedRecord) -> None:
        """Forget the record."""
        with self._pool.connection() as connection:
            connection.execute(
                "DELETE FROM parked_records WHERE topic = %s AND kafka_partition = %s AND kafka_offset = %s",
                [record.topic, record.partition, record.offset],
            )


def _record(row: TupleRow) -> ConsumedRecord:
    topic, partition, offset, key, value, headers, timestamp, _ = row
    return ConsumedRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=tuple((name, base64.b64decode(text)) for name, text in headers),
        timestamp_at=timestamp,
    )


class TenantSkuMap:
    """The `SkuMap` of `processors/ports.py` for the API: as a role that sees one tenant at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def artwork_of(self, tenant: str, store: str, skus: Sequence[str]) -> Mapping[str, LineArtwork]:
        """The mapped ones of these SKUs, in one query; unmapped ones are absent."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(QUERIES["name_tenant"], {"tenant": tenant})
            parameters = {"tenant": tenant, "store": store, "skus": list(skus)}
            rows = connection.execute(QUERIES["sku_mappings"], parameters).fetchall()
        return {sku: artwork_from(artwork) for _, _, sku, *artwork in rows}


class PostgresIdempotency:
    """The `IdempotencyKeys` of `processors/ports.py`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def begin(self, tenant: str, key: str, request_digest: str) -> KnownRequest | None:
        """Note the request; what is known of the key, if this is not its first time."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            cursor = connection.execute(
                "INSERT INTO idempotency_keys (tenant, idempotency_key, request_digest) VALUES (%s, %s, %s)"
                " ON CONFLICT (tenant, idempotency_key) DO NOTHING",
                [tenant, key, request_digest],
            )
            if cursor.rowcount == 1:
                return None
            row = connection.execute(
                "SELECT request_digest, status_code, response FROM idempotency_keys"
                " WHERE tenant = %s AND idempotency_key = %s",
                [tenant, key],
            ).fetchone()
        if row is None:
            return None
        return KnownRequest(request_digest=row[0], status_code=row[1], response=row[2])

    def finish(self, tenant: str, key: str, status_code: int, response: dict[str, Any]) -> None:
        """Keep the first answer."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            connection.execute(
                "UPDATE idempotency_keys SET status_code = %s, response = %s"
                " WHERE tenant = %s AND idempotency_key = %s AND status_code IS NULL",
                [status_code, json.dumps(response), tenant, key],
            )

    def forget(self, tenant: str, key: str) -> None:
        """Forget a request that was not accepted, so that a corrected one may use its key."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            connection.execute(
                "DELETE FROM idempotency_keys WHERE tenant = %s AND idempotency_key = %s AND status_code IS NULL",
                [tenant, key],
            )

    def expire(self, tenant: str, days: int) -> int:
        """Forget keys older than `days`; returns how many. Senders retry for hours, so weeks are enough."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            cursor = connection.execute(
                "DELETE FROM idempotency_keys WHERE tenant = %s AND created_at < now() - make_interval(days => %s)",
                [tenant, days],
            )
        return cursor.rowcount
