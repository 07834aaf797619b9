"""The vault on a real PostgreSQL: keys are made once, shared by processes, destroyed for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.settings import Settings
from infra.vault import KeyWrapper, PostgresVault, UnknownDailyPurpose
from infra.vault_keys import KeyTables
from processors.ports import KeyDestroyed, KeyMissing, SealBroken, Sealed
from tests.integration.own_settings import own_settings

pytestmark = pytest.mark.stack

KEK = bytes(range(32))
DIGEST_KEY = bytes(range(32, 64))
DAY_MS = 86_400_000
NOON = 20_000 * DAY_MS + DAY_MS // 2

Pool = ConnectionPool[Connection[TupleRow]]
VaultFactory = Callable[..., PostgresVault]


@pytest.fixture(scope="module")
def database(stack: Settings) -> Iterator[str]:
    """A database of its own, as the role that row-level security binds."""
    with own_settings(stack, with_topics=False) as settings:
        yield settings.database_app_url


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with ConnectionPool(database, min_size=1, max_size=4, open=True) as pool:
        yield pool


@pytest.fixture
def make_vault(pool: Pool) -> VaultFactory:
    """A vault as another process would have it: same tables and keys, an empty cache."""

    def make(now_ms: int = NOON, cache_seconds: float = 60.0) -> PostgresVault:
        return PostgresVault(
            KeyTables(pool), KeyWrapper(KEK), DIGEST_KEY, now_ms=lambda: now_ms, cache_seconds=cache_seconds
        )

    return make


def test_another_process_opens_what_one_sealed(make_vault: VaultFactory) -> None:
    sealed = make_vault().seal("demo", "order-a", "recipient", b"Ann Example")
    assert make_vault().open("demo", "order-a", "recipient", sealed) == b"Ann Example"


def test_processes_that_seal_for_a_new_order_at_once_agree_on_its_key(make_vault: VaultFactory) -> None:
    vaults = [make_vault() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda v: v.seal("demo", "order-race", "recipient", b"x"), vaults))
    assert len({one[1:17] for one in sealed}) == 1
    assert {make_vault().open("demo", "order-race", "recipient", one) for one in sealed} == {b"x"}


def test_a_batch_opens_with_gaps_where_a_key_was_destroyed(make_vault: VaultFactory) -> None:
    vault = make_vault()
    items = [
        Sealed(
            tenant=tenant,
            order_id=f"batch-{number}",
            field="recipient",
            sealed=vault.seal(tenant, f"batch-{number}", "recipient", str(number).encode()),
        )
        for tenant in ("demo", "other")
        for number in range(3)
    ]
    vault.erase("demo", "batch-1")
    assert make_vault().open_many(items) == [b"0", None, b"2", b"0", b"1", b"2"]


def test_after_an_erasure_nothing_opens_and_nothing_can_be_sealed(make_vault: VaultFactory) -> None:
    vault = make_vault()
    sealed = vault.seal("demo", "order-erased", "recipient", b"Ann Example")
    file = vault.seal_object("demo", "order-erased", "demo/order-erased/1/original/v1", b"pixels")
    assert not vault.is_erased("demo", "order-erased")

    vault.erase("demo", "order-erased")
    vault.erase("demo", "order-erased")

    for reader in (vault, make_vault()):
        assert reader.is_erased("demo", "order-erased")
        with pytest.raises(KeyDestroyed):
            reader.open("demo", "order-erased", "recipient", sealed)
        with pytest.raises(KeyDestroyed):
            reader.open_object("demo", "order-erased", "demo/order-erased/1/original/v1", file)
        with pytest.raises(KeyDestroyed):
            reader.seal("demo", "order-erased", "recipient", b"again")


def test_an_order_erased_before_it_ever_had_a_key_gets_none_later(make_vault: VaultFactory) -> None:
    make_vault().erase("demo", "order-never")
    with pytest.raises(KeyDestroyed):
        make_vault().seal("demo", "order-never", "recipient", b"Ann")


def test_another_process_notices_an_erasure_when_its_cached_key_ages(make_vault: VaultFactory) -> None:
    reader = make_vault(cache_seconds=0.0)
    sealed = reader.seal("demo", "order-aged", "recipient", b"Ann")
    make_vault().erase("demo", "order-aged")
    with pytest.raises(KeyDestroyed):
        reader.open("demo", "order-aged", "recipient", sealed)


def test_sealed_bytes_of_one_tenant_do_not_open_for_another(make_vault: VaultFactory) -> None:
    vault = make_vault()
    sealed = vault.seal("demo", "order-b", "recipient", b"Ann")
    vault.seal("other", "order-b", "recipient", b"Bob")
    with pytest.raises(KeyMissing):
        vault.open("other", "order-b", "recipient", sealed)
    with pytest.raises(KeyMissing):
        vault.open("third", "order-b", "recipient", sealed)
    with pytest.raises(SealBroken):
        vault.open("demo", "order-b", "text:1", sealed)


def test_a_file_streams_open_piece_by_piece(make_vault: VaultFactory) -> None:
    vault = make_vault()
    picture = bytes(range(256)) * 4000
    sealed = vault.seal_object("demo", "order-c", "demo/order-c/1/front/v1/print.png", picture)
    chunks = (sealed[i : i + 65_536] for i in range(0, len(sealed), 65_536))
    stream = make_vault().stream_object("demo", "order-c", "demo/order-c/1/front/v1/print.png", chunks)
    assert b"".join(stream) == picture


def test_a_person_is_found_by_their_address_however_it_is_written(make_vault: VaultFactory) -> None:
    vault = make_vault()
    for order_id in ("person-1", "person-2"):
        vault.link_person("demo", order_id, "Ann@Example.com")
    assert make_vault().orders_of_person("demo", " ann@example.COM ") == ["person-1", "person-2"]
    assert vault.orders_of_person("other", "ann@example.com") == []
    vault.erase("demo", "person-1")
    assert vault.orders_of_person("demo", "ann@example.com") == ["person-2"]


def test_digests_differ_by_tenant_and_purpose_and_agree_between_processes(make_vault: VaultFactory) -> None:
    digests = {
        make_vault().digest(tenant, purpose, b"content")
        for tenant in ("demo", "other")
        for purpose in ("line", "recipient")
        for _ in range(2)
    }
    assert len(digests) == 4
    assert all(len(digest) == 64 for digest in digests)


def test_raw_input_opens_on_later_days_until_its_key_has_ended(make_vault: VaultFactory) -> None:
    sealed = make_vault().seal_daily("raw", "shopify/demo-shopify", b"{}")
    next_week = make_vault(now_ms=NOON + 7 * DAY_MS)
    next_week.end_daily_keys()
    assert next_week.open_daily("raw", "shopify/demo-shopify", sealed) == b"{}"
    with pytest.raises(SealBroken):
        next_week.open_daily("raw", "shopify/other", sealed)

    much_later = make_vault(now_ms=NOON + 40 * DAY_MS)
    assert much_later.end_daily_keys() >= 1
    with pytest.raises(KeyDestroyed):
        much_later.open_daily("raw", "shopify/demo-shopify", sealed)


def test_a_purpose_without_an_end_is_refused(make_vault: VaultFactory) -> None:
    with pytest.raises(UnknownDailyPurpose):
        make_vault().seal_daily("whatever", "x", b"")


def test_the_database_holds_no_key_and_no_address_in_the_clear(make_vault: VaultFactory, database: str) -> None:
    make_vault().link_person("demo", "order-clear", "canary@example.com")
    with psycopg.connect(database) as connection:
        connection.execute("SELECT set_config('app.tenant', 'demo', true)")
        rows = connection.execute("SELECT * FROM order_keys").fetchall()
    assert rows
    assert "canary" not in repr(rows)
    assert repr(KEK)[2:20] not in repr(rows)


def test_a_role_without_a_tenant_sees_no_row_and_cannot_write_for_another(
    make_vault: VaultFactory, database: str
) -> None:
    make_vault().seal("demo", "order-d", "recipient", b"Ann")
    with psycopg.connect(database) as connection:
        for table in ("order_keys", "erased_orders", "api_keys", "store_connections", "idempotency_keys"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608
        connection.execute("SELECT set_config('app.tenant', 'demo', false)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO erased_orders (tenant, order_id) VALUES ('other', 'x')")
