"""An operator suspends and resumes partners and looks at their gates, on a real database."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from events.catalogue.commands import RegisterPartner
from infra.catalogue_desk import CatalogueDesk
from infra.outbound_tables import PostgresGate
from infra.partner_desk import AlreadySo, PartnerDesk, PartnerNotKnown
from infra.settings import Settings
from processors.gate import GateRules
from projections.system_reader import SystemReads
from tests.unit.inbound.doubles import MemoryVault, SentCommands

PARTNER = RegisterPartner(
    source_version=7,
    partner_id="gelato",
    name="Gelato",
    adapter="gelato",
    country="US",
    latitude=40.7,
    longitude=-74.0,
    ships_to=("US", "CA"),
    daily_capacity=500,
    tenants=("demo",),
    transit_days={"US": 3},
)
RULES = GateRules(rate=None, failures_max=1, rest_ms=60_000, probe_ms=1_000)


class Desk:
    """A partner desk over a database, with what it said to the catalogue."""

    def __init__(self, url: str, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self.url = url
        self.sent = SentCommands()
        catalogue = CatalogueDesk(self.sent, None, lambda: 1, "operator:test")  # type: ignore[arg-type]
        self.desk = PartnerDesk(catalogue, pool, MemoryVault())

    def know(self, partner: RegisterPartner) -> None:
        """Have the read model know the partner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DELETE FROM catalogue_partners WHERE partner_id = %s", (partner.partner_id,))
            connection.execute(
                "INSERT INTO catalogue_partners SELECT * FROM jsonb_populate_record(NULL::catalogue_partners, %s)",
                (msgspec.json.encode(partner).decode(),),
            )

    def said(self) -> RegisterPartner:
        """The newest command to the catalogue."""
        command, envelope = self.sent.sent[-1]
        assert isinstance(command, RegisterPartner)
        assert (envelope.tenant, envelope.key, envelope.actor) == ("shared", "partner:gelato", "operator:test")
        return command


@pytest.fixture
def desk(database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Desk]:
    with ConnectionPool(database_url, min_size=1, open=True) as pool:
        made = Desk(database_url, pool)
        made.know(PARTNER)
        yield made


def test_a_suspended_partner_keeps_everything_else_that_is_known_of_it(desk: Desk) -> None:
    asyncio.run(desk.desk.suspend("gelato"))
    said = desk.said()
    assert said.source_version > PARTNER.source_version
    assert msgspec.structs.replace(said, source_version=7, suspended=False) == PARTNER
    assert said.suspended


def test_a_partner_is_resumed_once_and_neither_suspended_nor_resumed_twice(desk: Desk) -> None:
    with pytest.raises(AlreadySo):
        asyncio.run(desk.desk.resume("gelato"))
    desk.know(msgspec.structs.replace(PARTNER, suspended=True))
    asyncio.run(desk.desk.resume("gelato"))
    assert not desk.said().suspended
    with pytest.raises(AlreadySo):
        asyncio.run(desk.desk.suspend("gelato"))


def test_an_operator_waits_until_routing_sees_it(desk: Desk) -> None:
    desk.know(msgspec.structs.replace(PARTNER, suspended=True))
    asyncio.run(desk.desk.wait_until("gelato", suspended=True))


def test_a_partner_that_nobody_knows_is_named(desk: Desk) -> None:
    with pytest.raises(PartnerNotKnown, match="nobody"):
        asyncio.run(desk.desk.suspend("nobody"))


def test_an_operator_sees_whose_circuit_rests(desk: Desk) -> None:
    async def fail() -> None:
        async with AsyncConnectionPool(desk.url, min_size=1, open=False) as pool:
            await PostgresGate(pool, "gelato").failed(RULES)

    (before,) = desk.desk.standings()
    asyncio.run(fail())
    (after,) = desk.desk.standings()
    assert (before.circuit, before.failures, before.suspended) == ("closed", 0, False)
    assert (after.circuit, after.failures) == ("open", 1)


def test_nothing_was_sent_about_an_order_that_nobody_knows(desk: Desk) -> None:
    assert desk.desk.exchanges("no-such-order") == []


def test_runs_that_partners_have_taken_and_not_printed_are_found_page_by_page(desk: Desk) -> None:
    with psycopg.connect(desk.url, autocommit=True) as connection:
        for number, (kind, key) in enumerate(
            [
                ("submit", "production:1:1"),
                ("submit", "submit:1:1"),
                ("route", "production:1:1"),
                ("submit", "production:1:1"),
            ]
        ):
            effect = ("demo", f"k{number}", f"order-{number}", kind, "1", 1, "", "gelato", [1, 2], 1)
            connection.execute("INSERT INTO effects VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", effect)
            connection.execute("INSERT INTO deadlines VALUES ('demo', %s, %s, 1, 1, 1)", (f"order-{number}", key))
    with ConnectionPool(desk.url, min_size=1, open=True) as pool:
        reads = SystemReads(pool)
        first = reads.runs_at_partners("", limit=1)
        rest = reads.runs_at_partners(first[-1].effect_key)
    assert [(run.effect_key, run.order_id, run.who, run.units) for run in (*first, *rest)] == [
        ("k0", "order-0", "gelato", (1, 2)),
        ("k3", "order-3", "gelato", (1, 2)),
    ]
