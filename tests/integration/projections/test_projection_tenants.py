"""Nobody reads another tenant's rows: row-level security on every table that has a tenant, rebuilt ones too."""

import asyncio

import psycopg
import pytest

from projections.models import read_models
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_folding import KEY, a_life

pytestmark = pytest.mark.stack


def unprotected(rig: Rig) -> list[str]:
    """Tables with a tenant column and without forced row-level security and a policy, in any schema."""
    rows = rig.query(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        " AND n.nspname NOT LIKE 'pg_temp%' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
        "     AND a.attname = 'tenant' AND NOT a.attisdropped)"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity"
        "          AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))"
    )
    return [name for (name,) in rows]


def open_to_the_api(rig: Rig) -> set[str]:
    """Tables of read models that the API's role may read."""
    every = {table.name for model in read_models(rig.topics).values() for table in model.tables}
    with rig.connect_as_app() as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND has_table_privilege(oid, 'SELECT')"
        ).fetchall()
    return every & {name for (name,) in rows}


def test_every_table_with_a_tenant_has_forced_row_level_security(rig: Rig) -> None:
    assert unprotected(rig) == []


def test_rebuilt_tables_are_protected_like_the_first_ones(rig: Rig) -> None:
    rig.ledger.write(a_life()[:3])
    at_first = open_to_the_api(rig)
    for name in read_models(rig.topics):
        rig.rebuild(name)
    assert unprotected(rig) == []
    assert open_to_the_api(rig) == at_first
    with rig.connect_as_app() as connection:
        for table in at_first:
            connection.execute(f"TABLE {table}".encode())


def test_what_the_api_is_never_asked_for_stays_shut_to_it(rig: Rig) -> None:
    every = {table.name for model in read_models(rig.topics).values() for table in model.tables}
    # Order by order and of all tenants: only their sums are shown.
    assert every - open_to_the_api(rig) == {"scorecard_runs", "scorecard_parcels"}


def test_a_tenant_reads_its_own_rows_alone(rig: Rig) -> None:
    # given: two tenants' orders
    rig.ledger.write(a_life("1"), tenant="anna")
    rig.ledger.write(a_life("2"), tenant="bert")
    rig.project("all")

    async def read() -> None:
        async with rig.reading() as reader:
            for tenant, external_id in (("anna", "1"), ("bert", "2")):
                (order,) = (await reader.list_orders(tenant)).orders
                assert order.external_id == external_id
                other = (await reader.list_orders("bert" if tenant == "anna" else "anna")).orders[0]
                assert await reader.order(tenant, other.order_id) is None
                assert (await reader.timeline(tenant, other.order_id)).entries == ()

    asyncio.run(read())
    # then: the tables themselves hold to it, whatever a query asks for
    with rig.connect_as_app() as connection, connection.transaction():
        connection.execute("SELECT set_config('app.tenant', 'anna', true)")
        for table in ("orders", "timeline", "command_outcomes", "effects"):
            rows = connection.execute(f"TABLE {table}".encode()).fetchall()
            assert {row[0] for row in rows} == {"anna"}


def test_a_connection_without_a_tenant_sees_nothing(rig: Rig) -> None:
    rig.ledger.write(a_life())
    rig.project("all")
    with rig.connect_as_app() as connection:
        for table in ("orders", "timeline", "command_outcomes", "effects", "parcel_references"):
            assert connection.execute(f"TABLE {table}".encode()).fetchall() == []


def test_the_role_of_the_api_cannot_change_a_read_model(rig: Rig) -> None:
    rig.ledger.write(a_life())
    rig.project("orders")
    with rig.connect_as_app() as connection:
        connection.execute("SELECT set_config('app.tenant', 'demo', false)")
        for statement in (
            "UPDATE orders SET status = 'delivered'",
            "DELETE FROM timeline",
            "UPDATE read_models SET version = 99",
            "DELETE FROM read_model_checkpoints",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    assert rig.query("SELECT order_id FROM orders") == [(KEY,)]
