"""Gates and exchanges on a real PostgreSQL: what one process learns of a vendor, all processes heed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infra.outbound_tables import (
    PostgresCallCounts,
    PostgresCircuits,
    PostgresExchanges,
    PostgresGate,
    exchanges_about,
)
from processors.gate import GateRules, Rate
from processors.outbound import Exchange
from tests.integration.own_postgres import own_postgres
from tests.unit.inbound.doubles import MemoryVault

pytestmark = pytest.mark.anyio

MIGRATIONS = Path(__file__).parents[2] / "projections" / "migrations"
OPENED = b"CREATE FUNCTION open_to_readers(target regclass) RETURNS void LANGUAGE sql AS ''"
EFFECTS = b"CREATE TABLE effects (effect_key text, order_id text)"
UNLIMITED = GateRules(rate=None, failures_max=2, rest_ms=60_000, probe_ms=60_000)
SOON = GateRules(rate=None, failures_max=2, rest_ms=1, probe_ms=60_000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own with the two tables, and what an order's effect keys are looked up in."""
    scripts = [(MIGRATIONS / name).read_bytes() for name in ("0005_outbound.sql", "0007_outbound_days.sql")]
    with own_postgres(tmp_path_factory, OPENED, *scripts, EFFECTS) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, min_size=4, open=False) as opened:
        yield opened


async def test_many_workers_together_get_no_more_turns_than_the_vendor_states(pool: AsyncConnectionPool) -> None:
    rules = GateRules(rate=Rate(calls=7, seconds=600), failures_max=5, rest_ms=1, probe_ms=1)
    workers = [PostgresGate(pool, "limited") for _ in range(20)]
    told = await asyncio.gather(*(worker.admit(rules) for worker in workers))
    assert sum(admission.obstacle == "" for admission in told) == 7
    refused = [admission for admission in told if admission.obstacle]
    assert {admission.obstacle for admission in refused} == {"rate_limited"}
    assert all(0 < admission.wait_ms <= 600_000 for admission in refused)


async def test_a_circuit_that_one_worker_opened_is_open_for_all_and_routing_is_told(
    pool: AsyncConnectionPool, database_url: str
) -> None:
    one, other = PostgresGate(pool, "broken"), PostgresGate(pool, "broken")
    assert (await other.admit(UNLIMITED)).obstacle == ""
    await one.failed(UNLIMITED)
    await one.failed(UNLIMITED)
    assert (await other.admit(UNLIMITED)).obstacle == "circuit_open"
    with ConnectionPool(database_url, min_size=1, open=True) as blocking:
        assert "broken" in PostgresCircuits(blocking).open_circuits()
        await other.answered()
        assert "broken" not in PostgresCircuits(blocking).open_circuits()
    assert (await one.admit(UNLIMITED)).obstacle == ""


async def test_after_the_rest_exactly_one_of_all_workers_may_see_whether_the_vendor_is_back(
    pool: AsyncConnectionPool,
) -> None:
    gates = [PostgresGate(pool, "resting") for _ in range(10)]
    await gates[0].failed(SOON)
    await gates[0].failed(SOON)
    told = await asyncio.gather(*(gate.admit(SOON) for gate in gates))
    assert sum(admission.obstacle == "" for admission in told) == 1
    assert [admission.is_watched for admission in told if not admission.obstacle] == [True]


async def test_a_pause_that_the_vendor_asked_one_worker_for_holds_for_all(pool: AsyncConnectionPool) -> None:
    await PostgresGate(pool, "pausing").paused(90_000)
    admission = await PostgresGate(pool, "pausing").admit(UNLIMITED)
    assert admission.obstacle == "rate_limited"
    assert 80_000 < admission.wait_ms <= 90_000


async def test_what_was_sent_and_answered_is_found_by_effect_key_and_by_order_and_sealed_at_rest(
    pool: AsyncConnectionPool, database_url: str
) -> None:
    vault = MemoryVault()
    kept = PostgresExchanges(pool, vault)
    sent = b'{"url": "https://shop.example/v1/assets/abc.def", "quantity": 2}'
    for status in (None, 200):
        await kept.keep(
            Exchange(
                vendor="gelato",
                about="k1",
                method="POST",
                path="/v4/orders",
                sent=sent,
                status=status,
                answered=b'{"message": "hello"}',
                duration_ms=12,
            )
        )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO effects VALUES ('k1', 'order-1')")
        stored = connection.execute("SELECT bodies FROM outbound_exchanges").fetchall()
    assert not any(b"quantity" in bytes(bodies) for (bodies,) in stored)
    with ConnectionPool(database_url, min_size=1, open=True) as blocking:
        by_key = exchanges_about(blocking, vault, "k1")
        assert exchanges_about(blocking, vault, "order-1") == by_key
        assert exchanges_about(blocking, vault, "nothing") == []
    assert [exchange.status for exchange in by_key] == [None, 200]
    assert "quantity" in by_key[0].sent
    assert "abc.def" not in by_key[0].sent
    assert by_key[0].answered == '{"message": "hello"}'


async def test_a_database_that_is_away_costs_the_record_of_an_exchange_and_not_its_answer() -> None:
    async with AsyncConnectionPool(
        "postgresql://127.0.0.1:1/none", min_size=0, max_size=1, open=False, timeout=0.2
    ) as nobody:
        exchange = Exchange(
            vendor="gelato", about="k", method="GET", path="/", sent=b"", status=200, answered=b"", duration_ms=1
        )
        await PostgresExchanges(nobody, MemoryVault()).keep(exchange)


async def test_calls_are_counted_a_day_whether_or_not_their_bodies_are_kept(
    pool: AsyncConnectionPool, database_url: str
) -> None:
    for status in (None, 500, 422, 200):
        exchange = Exchange(
            vendor="counted", about="k", method="GET", path="/", sent=b"", status=status, answered=b"", duration_ms=1
        )
        await PostgresExchanges(pool, MemoryVault()).keep(exchange)
        await PostgresCallCounts(pool).keep(exchange)
    with psycopg.connect(database_url) as connection:
        counted = connection.execute(
            "SELECT sum(calls), sum(answered) FROM outbound_days WHERE vendor = 'counted'"
        ).fetchone()
        bodies = connection.execute("SELECT count(*) FROM outbound_exchanges WHERE vendor = 'counted'").fetchone()
    assert (counted, bodies) == ((8, 4), (4,))
