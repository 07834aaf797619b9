"""Calls to vendors in PostgreSQL: the gate that all processes share, and what was sent and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, LiteralString

import msgspec
import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from events.decoding import from_msgpack, json_decoder
from processors import gate
from processors.exchanges import KeptExchange, for_keeping
from processors.gate import Admission, GateRules, GateState
from processors.outbound import Exchange
from processors.ports import Vault, VaultError

log = structlog.get_logger(__name__)

EXCHANGE_PURPOSE: Final = "outbound"
EXCHANGE_DAYS: Final = 31
#: One in so many exchanges takes some that are too old away with it.
TIDY_EVERY: Final = 50
TIDY_ROWS: Final = 500
EXCHANGES_SHOWN_MAX: Final = 500

MAKE_GATE: LiteralString = "INSERT INTO outbound_gates (vendor) VALUES (%s) ON CONFLICT DO NOTHING"
LOOK: LiteralString = (
    "SELECT state::text, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM outbound_gates WHERE vendor = %s"
)
#: The clock is read after the lock was got, else a call that waited would take a turn in the past.
LOCK: LiteralString = "SELECT state::text FROM outbound_gates WHERE vendor = %s FOR UPDATE"
CLOCK: LiteralString = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
CHANGE: LiteralString = (
    "UPDATE outbound_gates SET state = %s::jsonb, rests_until = to_timestamp(%s / 1000.0), changed_at = now()"
    " WHERE vendor = %s"
)
OPEN_CIRCUITS: LiteralString = "SELECT vendor FROM outbound_gates WHERE rests_until > clock_timestamp()"
KEEP: LiteralString = (
    "INSERT INTO outbound_exchanges (vendor, effect_key, method, path, status, duration_ms, bodies)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING number"
)
COUNT: LiteralString = (
    "INSERT INTO outbound_days AS known (vendor, day, calls, answered)"
    " VALUES (%s, floor(extract(epoch FROM clock_timestamp()) / 86400)::integer, 1, %s)"
    " ON CONFLICT (vendor, day) DO UPDATE SET calls = known.calls + 1, answered = known.answered + EXCLUDED.answered"
)
TIDY: LiteralString = (
    "DELETE FROM outbound_exchanges WHERE number IN (SELECT number FROM outbound_exchanges"
    " WHERE kept_at < now() - make_interval(days => %s) ORDER BY kept_at LIMIT %s)"
)
EXCHANGES: LiteralString = (
    "SELECT vendor, effect_key, method, path, status, duration_ms, bodies, (extract(epoch FROM kept_at) * 1000)::bigint"
    " FROM outbound_exchanges"
    " WHERE effect_key = %(about)s OR effect_key IN (SELECT effect_key FROM effects WHERE order_id = %(about)s)"
    " ORDER BY number LIMIT %(limit)s"
)

_encode = msgspec.json.Encoder().encode
_decode = json_decoder(GateState)


class PostgresGate:
    """The `Gate` of one vendor, shared by all processes; the clock is the database's."""

    def __init__(self, pool: AsyncConnectionPool, vendor: str) -> None:
        """`pool` need not be open before the first call."""
        self._pool = pool
        self._vendor = vendor
        self._is_made = False

    async def admit(self, rules: GateRules) -> Admission:
        """Ask to be let through now. Without a rate and without trouble that is one look."""
        if rules.rate is None:
            state, now = await self._look()
            admission, changed = gate.admit(state, rules, now)
            if admission.obstacle or changed == state:
                return admission
        async with self._pool.connection() as connection, connection.transaction():
            state, now = await self._locked(connection)
            admission, changed = gate.admit(state, rules, now)
            await self._keep(connection, state, changed, rules.rest_ms)
        return admission

    async def answered(self) -> None:
        """Tell that a watched call was answered."""
        async with self._pool.connection() as connection, connection.transaction():
            state, _ = await self._locked(connection)
            await self._keep(connection, state, gate.answered(state), 0)

    async def failed(self, rules: GateRules) -> None:
        """Tell that a call failed, or that nobody was reached."""
        async with self._pool.connection() as connection, connection.transaction():
            state, now = await self._locked(connection)
            await self._keep(connection, state, gate.failed(state, rules, now), rules.rest_ms)

    async def paused(self, wait_ms: int) -> None:
        """Tell that the vendor wants to be left alone for so long."""
        async with self._pool.connection() as connection, connection.transaction():
            state, now = await self._locked(connection)
            await self._keep(connection, state, gate.paused(state, now, wait_ms), 0)

    async def _look(self) -> tuple[GateState, int]:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(LOOK, (self._vendor,))).fetchone()
            if row is None:
                await connection.execute(MAKE_GATE, (self._vendor,))
                row = await (await connection.execute(LOOK, (self._vendor,))).fetchone()
        if row is None:
            raise AssertionError("the gate was just made")
        return _decode(row[0]), row[1]

    async def _locked(self, connection: psycopg.AsyncConnection[TupleRow]) -> tuple[GateState, int]:
        if not self._is_made:
            await connection.execute(MAKE_GATE, (self._vendor,))
            self._is_made = True
        row = await (await connection.execute(LOCK, (self._vendor,))).fetchone()
        clock = await (await connection.execute(CLOCK)).fetchone()
        if clock is None:
            raise AssertionError("a clock always answers")
        return GateState() if row is None else _decode(row[0]), clock[0]

    async def _keep(
        self, connection: psycopg.AsyncConnection[TupleRow], state: GateState, changed: GateState, rest_ms: int
    ) -> None:
        if changed != state:
            rests_until = changed.opened_at + rest_ms if changed.opened_at else None
            await connection.execute(CHANGE, (_encode(changed).decode(), rests_until, self._vendor))


class PostgresCircuits:
    """Which vendors' circuits rest now. Blocks."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    def open_circuits(self) -> frozenset[str]:
        """Their ids."""
        with self._pool.connection() as connection:
            return frozenset(str(row[0]) for row in connection.execute(OPEN_CIRCUITS).fetchall())


class PostgresExchanges:
    """The `ExchangeLog` of all vendors. Bodies are sealed under the day's key, which ends after `EXCHANGE_DAYS`."""

    def __init__(self, pool: AsyncConnectionPool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def keep(self, exchange: Exchange) -> None:
        """Keep one try. Never raises: what was done outside must be told all the same."""
        kept = for_keeping(exchange)
        try:
            bodies = msgspec.msgpack.encode((kept.sent, kept.answered))
            sealed = await asyncio.to_thread(self._vault.seal_daily, EXCHANGE_PURPOSE, kept.vendor, bodies)
            row = (kept.vendor, kept.about, kept.method, kept.path, kept.status, kept.duration_ms, sealed)
            async with self._pool.connection() as connection:
                number = await (await connection.execute(KEEP, row)).fetchone()
                await connection.execute(COUNT, (kept.vendor, _is_answered(exchange)))
                if number is not None and number[0] % TIDY_EVERY == 0:
                    await connection.execute(TIDY, (EXCHANGE_DAYS, TIDY_ROWS))
        except (psycopg.Error, PoolTimeout, VaultError) as error:
            log.warning("exchange_not_kept", vendor=kept.vendor, about=kept.about, reason=str(error)[:300])


class PostgresCallCounts:
    """The `ExchangeLog` of those whose bodies hold addresses: only that they were called, and whether they answered."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        """`pool` need not be open before the first call."""
        self._pool = pool

    async def keep(self, exchange: Exchange) -> None:
        """Count one try. Never raises: what was done outside must be told all the same."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute(COUNT, (exchange.vendor, _is_answered(exchange)))
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("call_not_counted", vendor=exchange.vendor, reason=str(error)[:300])


def _is_answered(exchange: Exchange) -> int:
    """1 where the vendor answered, even if it refused; a failure of its own is no answer."""
    return int(exchange.status is not None and exchange.status < 500)


def exchanges_about(
    pool: ConnectionPool[Connection[TupleRow]], vault: Vault, about: str, limit: int = EXCHANGES_SHOWN_MAX
) -> Sequence[KeptExchange]:
    """What was sent and answered about an effect key or an order, oldest first. Blocks."""
    with pool.connection() as connection:
        parameters = {"about": about, "limit": min(limit, EXCHANGES_SHOWN_MAX)}
        rows = connection.execute(EXCHANGES, parameters).fetchall()
    return [_opened(vault, row) for row in rows]


def _opened(vault: Vault, row: TupleRow) -> KeptExchange:
    vendor, about, method, path, status, duration_ms, sealed, kept_at = row
    try:
        bodies = vault.open_daily(EXCHANGE_PURPOSE, vendor, bytes(sealed))
        sent, answered = from_msgpack(bodies, tuple[str, str])
    except VaultError as error:
        sent, answered = f"({error.reason})", f"({error.reason})"
    return KeptExchange(
        vendor=vendor,
        about=about,
        method=method,
        path=path,
        status=status,
        duration_ms=duration_ms,
        sent=sent,
        answered=answered,
        kept_at=kept_at,
    )
