"""What the roads in keep in PostgreSQL: keys, secrets, parked records, first answers."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra import intake, postgres
from infra.access import StoreTaken, UnknownScope
from infra.inbound_tables import PostgresIdempotency, PostgresParking
from infra.settings import Settings
from processors.ports import ConsumedRecord
from tests.integration.roads import SECRET, connected_stores

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """Two tenants with their stores connected."""
    with connected_stores(stack) as made:
        yield made


def test_keys_expire_and_are_revoked_and_only_their_hmac_is_stored(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        keys = intake.api_keys(settings, pool)
        presented = keys.create("demo", "short", ["orders:read"])
        expired = keys.create("demo", "expired", ["orders:read"], expires_at=1)
        found = keys.authenticate(presented)
        assert found is not None
        assert (found.tenant, found.scopes) == ("demo", frozenset({"orders:read"}))
        for wrong in (expired, presented[:-1] + ("a" if presented[-1] != "a" else "b"), "pl_000000000000_x", ""):
            assert keys.authenticate(wrong) is None
        assert not keys.revoke("other", found.prefix)
        assert keys.revoke("demo", found.prefix)
        assert keys.authenticate(presented) is None
        assert intake.api_keys(settings, pool).authenticate(presented) is None
        with pytest.raises(UnknownScope):
            keys.create("demo", "x", ["everything"])
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT * FROM api_keys").fetchall()
    assert presented.split("_", 2)[2] not in repr(rows)


def test_a_stores_secret_is_wrapped_and_its_name_belongs_to_one_tenant(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        stores = intake.stores(settings, pool)
        with pytest.raises(StoreTaken):
            stores.put("other", "demo-shopify", "shopify", secret=b"theirs")
        stores.put("demo", "demo-shopify", "shopify", options={"policy": {"approval": "when_clean"}})
        found = stores.find("demo-shopify")
        assert found is not None
        assert (found.tenant, found.secret) == ("demo", SECRET)
        assert found.options == {"policy": {"approval": "when_clean"}}
        assert stores.find("nowhere") is None
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT * FROM store_connections").fetchall()
    assert SECRET.decode() not in repr(rows)


def test_parked_records_come_back_when_due_and_only_then(settings: Settings) -> None:
    record = ConsumedRecord(
        topic="t", partition=1, offset=2, key=b"k", value=b"v", headers=(("a", b"\xff"),), timestamp_at=3
    )
    with postgres.pool(settings.database_url, settings, name="tests") as pool:
        parking = PostgresParking(pool)
        parking.park(record, "why", 100)
        assert parking.due(99, 10) == []
        ((back, parked_at),) = parking.due(100, 10)
        assert back == record
        parking.park(record, "still\x00", 200)
        assert parking.due(150, 10) == []
        assert parking.due(200, 10) == [(record, parked_at)]
        parking.release(record)
        assert parking.due(200, 10) == []


def test_idempotency_keys_belong_to_a_tenant_and_keep_their_first_answer(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        keys = PostgresIdempotency(pool)
        assert keys.begin("demo", "i-1", "digest") is None
        assert keys.begin("other", "i-1", "digest") is None
        running = keys.begin("demo", "i-1", "digest")
        assert running is not None
        assert running.status_code is None
        keys.finish("demo", "i-1", 202, {"a": 1})
        keys.finish("demo", "i-1", 500, {"b": 1})
        keys.forget("demo", "i-1")
        known = keys.begin("demo", "i-1", "another")
        assert known is not None
        assert (known.request_digest, known.status_code, known.response) == ("digest", 202, {"a": 1})
        keys.forget("other", "i-1")
        assert keys.begin("other", "i-1", "another") is None
        assert keys.expire("demo", 30) == 0
