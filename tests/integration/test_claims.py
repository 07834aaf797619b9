"""The claim store on a real PostgreSQL: the first claim wins, for good, whoever races."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from psycopg_pool import AsyncConnectionPool

from infra.claims import PostgresClaims
from tests.integration.own_postgres import own_postgres

pytestmark = pytest.mark.anyio

MIGRATION = Path(__file__).parents[2] / "projections" / "migrations" / "0004_effect_claims.sql"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own with the one table."""
    with own_postgres(tmp_path_factory, MIGRATION.read_bytes()) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, min_size=4, open=False) as opened:
        yield opened


async def test_the_first_claim_wins_for_good(pool: AsyncConnectionPool) -> None:
    claims = PostgresClaims(pool, "easypost")
    assert await claims.claimed("key-1") is None
    assert await claims.claim("key-1", "shp_a") == "shp_a"
    assert await claims.claim("key-1", "shp_b") == "shp_a"
    assert await claims.claimed("key-1") == "shp_a"


async def test_claims_of_another_system_do_not_meet(pool: AsyncConnectionPool) -> None:
    await PostgresClaims(pool, "easypost").claim("key-2", "shp_a")
    assert await PostgresClaims(pool, "shippo").claimed("key-2") is None


async def test_of_many_racing_claims_all_are_told_the_same_winner(pool: AsyncConnectionPool) -> None:
    claims = [PostgresClaims(pool, "easypost") for _ in range(20)]
    told = await asyncio.gather(*(c.claim("key-3", f"shp_{n}") for n, c in enumerate(claims)))
    assert len(set(told)) == 1
    assert await claims[0].claimed("key-3") == told[0]
