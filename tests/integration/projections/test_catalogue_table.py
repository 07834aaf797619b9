"""The catalogue's table over the real read model: import, export, import again; and a cost that is agreed to."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from events.catalogue.commands import CatalogueCommandUnion
from events.catalogue.decide import CatalogueDecider, Entry
from events.catalogue.facts import ShippingMethod
from events.decider import Context
from infra import postgres
from infra.catalogue_desk import CatalogueDesk
from infra.catalogue_office import CatalogueOffice, OfferNotKnown, PartnerNotRegistered
from infra.demo.catalogue import demo_catalogue
from infra.offer_checks import PostgresOfferChecks
from processors.catalogue.plan import Step, counted
from processors.catalogue.table import read_table, write_table
from projections.catalogue_reader import CatalogueReads
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_catalogue import fold
from tests.ledger_writer import LedgerWriter
from tests.unit.catalogue.test_catalogue import OFFER, PARTNER, PRODUCT
from tests.unit.inbound.doubles import SentCommands

pytestmark = pytest.mark.stack

NOW = 1_000
WAYS = (ShippingMethod(method="standard", carrier="post", countries=("DE",), days_min=1, days_max=3),)


class Office:
    """A catalogue office over a database, and the ledger's part: what is said becomes facts that are folded."""

    def __init__(self, rig: Rig, checks: PostgresOfferChecks, reads: CatalogueReads) -> None:
        self.rig = rig
        self.reads = reads
        self.sent = SentCommands()
        desk = CatalogueDesk(self.sent, None, lambda: NOW, "operator:test")  # type: ignore[arg-type]
        self.office = CatalogueOffice(desk, reads, checks, lambda: NOW)
        self.writer: LedgerWriter = rig.writer(rig.topics.catalogue_events)

    def imported(self, content: bytes) -> tuple[Step, ...]:
        """Import a table and fold what comes of it."""

        async def run() -> tuple[Step, ...]:
            steps = await self.office.plan("demo", read_table(content, "demo").rows)
            await self.office.carry_out("demo", steps)
            return steps

        steps = asyncio.run(run())
        self.told()
        return steps

    def told(self) -> None:
        """Decide and fold what was sent."""
        sent, self.sent.sent = self.sent.sent, []
        for command, envelope in sent:
            context = Context(key=envelope.key, tenant=envelope.tenant, command_id="c", now=1, actor="operator:test")
            assert isinstance(command, CatalogueCommandUnion)
            self.writer.write(
                [(envelope.key, fact) for fact in CatalogueDecider().decide(Entry(), command, context)],
                tenant=envelope.tenant,
            )
        if sent:
            fold(self.rig, self.writer)

    def exported(self) -> bytes:
        """The table as an export writes it."""
        return asyncio.run(self.office.export("demo"))


@pytest.fixture
def office(rig: Rig) -> Iterator[Office]:
    with postgres.pool(rig.settings.database_url, rig.settings, name="test") as pool:
        yield Office(rig, PostgresOfferChecks(pool), CatalogueReads(pool))


def test_what_was_imported_is_exported_and_a_second_import_changes_nothing(office: Office) -> None:
    # given
    partner = msgspec.structs.replace(PARTNER, partner_id="press-north", shipping_methods=WAYS, tenants=("demo",))
    offer = msgspec.structs.replace(OFFER, partner_id="press-north", accepted_currency="EUR")
    content = write_table((*demo_catalogue(1), PRODUCT, partner, offer))
    # when
    first = office.imported(content)
    exported = office.exported()
    second = office.imported(exported)
    # then
    assert counted(first)["added"] == len(first)
    assert counted(second) == {"added": 0, "changed": 0, "unchanged": len(first), "refused": 0}
    assert sorted(exported.splitlines()) == sorted(content.splitlines())
    assert office.exported() == exported


def test_a_plan_is_a_dry_run(office: Office) -> None:
    asyncio.run(office.office.plan("demo", read_table(write_table([PRODUCT]), "demo").rows))
    assert office.sent.sent == []
    assert office.exported() == write_table([])


def test_an_operator_agrees_to_a_cost_once_the_offer_is_known(office: Office) -> None:
    # given
    dearer = msgspec.structs.replace(OFFER, cost_minor=500, accepted_cost_minor=450, accepted_currency="EUR")
    office.imported(write_table([PRODUCT, PARTNER, dearer]))
    # when
    told = asyncio.run(office.office.accept_cost("press-east", OFFER.variant_id))
    office.told()
    # then
    assert told == "500 EUR (minor units)"
    (offer,) = office.reads.offers_of("press-east")
    assert (offer.cost_minor, offer.accepted_currency, offer.source_version) == (500, "", NOW + 1)
    with pytest.raises(OfferNotKnown):
        asyncio.run(office.office.accept_cost("press-east", "nothing"))


def test_a_partner_is_claimed_by_one_caller_when_due_and_again_when_somebody_asks(office: Office) -> None:
    office.imported(write_table([PARTNER]))
    with postgres.pool(office.rig.settings.database_url, office.rig.settings, name="test") as pool:
        checks = PostgresOfferChecks(pool)
        assert checks.claim(["press-east"], 3_600, 0) == "press-east"
        assert checks.claim(["press-east"], 3_600, 0) is None
        asyncio.run(office.office.check("press-east"))
        assert checks.claim(["another"], 3_600, 0) == "another"
        assert checks.claim(["press-east"], 3_600, 3_600) is None
        assert checks.claim(["press-east"], 3_600, 0) == "press-east"
    with pytest.raises(PartnerNotRegistered):
        asyncio.run(office.office.check("nobody"))
