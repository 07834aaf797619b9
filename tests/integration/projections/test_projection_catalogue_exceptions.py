"""Exceptions of the catalogue: raised by an offer's newest description, resolved by what mends it."""

import asyncio

import msgspec
import pytest

from events.catalogue.facts import PartnerOfferChanged, SkuMapped
from projections.rows import CatalogueException, CatalogueExceptionsPage, MappedSku
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_catalogue import a_partner, fold
from tests.ledger_writer import LedgerWriter
from tests.order_life import MUG, TENANT
from tests.support import wait_until

pytestmark = pytest.mark.stack

MAPPED = SkuMapped(source_version=1, store="demo-rest", sku="MUG-1", artwork=MUG)


def an_offer(version: int, *, stock: int = 5, cost_minor: int = 400, withdrawn: bool = False) -> PartnerOfferChanged:
    return PartnerOfferChanged(
        source_version=version,
        partner_id="press-east",
        variant_id=MUG.variant_id,
        partner_variant="MUG11W",
        cost_minor=cost_minor,
        currency="EUR",
        stock=stock,
        production_days=2,
        withdrawn=withdrawn,
        accepted_cost_minor=400,
        accepted_currency="EUR",
    )


@pytest.fixture
def catalogue(rig: Rig) -> LedgerWriter:
    return rig.writer(rig.topics.catalogue_events)


def folded(rig: Rig, catalogue: LedgerWriter) -> None:
    """Fold all that was written into both read models of the catalogue."""
    fold(rig, catalogue)
    with rig.projecting("catalogue_exceptions"):
        wait_until(
            lambda: rig.query(
                "SELECT 1 FROM read_model_checkpoints WHERE read_model = 'catalogue_exceptions' AND position = %s",
                [catalogue.positions[0]],
            ),
            30,
        )


def page(rig: Rig, tenant: str = TENANT, *, resolved: bool = False) -> CatalogueExceptionsPage:
    async def read() -> CatalogueExceptionsPage:
        async with rig.reading() as reads:
            return await reads.catalogue_exceptions(tenant, resolved=resolved)

    return asyncio.run(read())


def kinds(found: CatalogueExceptionsPage) -> list[str]:
    return [one.kind for one in found.exceptions]


def test_a_sku_that_nobody_can_make_is_named_before_an_order_trips_on_it_until_it_is_mended(
    rig: Rig, catalogue: LedgerWriter
) -> None:
    # given
    catalogue.write([("partner", a_partner("press-east")), ("offer", an_offer(1))], tenant="shared")
    catalogue.write([("sku", MAPPED)])
    folded(rig, catalogue)
    assert page(rig).exceptions == ()
    # when: the partner runs out of the one variant that the SKU means
    catalogue.write([("offer", an_offer(2, stock=0))], tenant="shared")
    folded(rig, catalogue)
    # then
    nobody, out = page(rig).exceptions
    assert (nobody.kind, nobody.skus) == ("no_partner", (MappedSku(store="demo-rest", sku="MUG-1"),))
    assert (out.kind, out.partner_id, out.skus) == ("out_of_stock", "press-east", nobody.skus)
    assert nobody.raised_at >= out.raised_at > 0
    # when: it is on the shelf again
    catalogue.write([("offer", an_offer(3))], tenant="shared")
    folded(rig, catalogue)
    # then
    assert page(rig).exceptions == ()
    (mended,) = page(rig, resolved=True).exceptions
    assert isinstance(mended, CatalogueException)
    assert mended.raised_at == out.raised_at
    assert mended.resolved_at > 0


def test_a_changed_price_stands_until_it_is_agreed_to_and_a_vanished_variant_is_no_matter_of_price(
    rig: Rig, catalogue: LedgerWriter
) -> None:
    catalogue.write(
        [("partner", a_partner("press-east")), ("offer", an_offer(1)), ("offer", an_offer(2, cost_minor=500))],
        tenant="shared",
    )
    folded(rig, catalogue)
    assert kinds(page(rig)) == ["price_changed"]
    catalogue.write([("offer", an_offer(3, cost_minor=500, stock=0, withdrawn=True))], tenant="shared")
    folded(rig, catalogue)
    assert kinds(page(rig)) == ["variant_vanished"]
    assert kinds(page(rig, resolved=True)) == ["variant_vanished", "price_changed"]


def test_a_tenant_is_told_of_its_own_skus_and_of_partners_that_it_may_use_alone(
    rig: Rig, catalogue: LedgerWriter
) -> None:
    partner = a_partner("press-east", tenants=("another",))
    catalogue.write([("partner", partner), ("offer", an_offer(1, stock=0))], tenant="shared")
    catalogue.write([("sku", MAPPED)])
    folded(rig, catalogue)
    assert kinds(page(rig)) == ["no_partner"]
    assert page(rig).exceptions[0].detail == "No partner offers it."
    other = page(rig, "another")
    assert kinds(other) == ["out_of_stock"]
    assert other.exceptions[0].skus == ()


def test_a_rebuild_raises_and_resolves_what_living_through_it_did(rig: Rig, catalogue: LedgerWriter) -> None:
    # given: every batch folded for itself
    catalogue.write([("partner", a_partner("press-east"))], tenant="shared")
    for version, stock in enumerate((5, 0, 0, 3, 0), start=1):
        catalogue.write([("offer", an_offer(version, stock=stock))], tenant="shared")
        folded(rig, catalogue)
    lived = rig.query("SELECT * FROM catalogue_exceptions ORDER BY kind")
    # when
    rig.rebuild("catalogue_exceptions")
    # then
    assert rig.query("SELECT * FROM catalogue_exceptions ORDER BY kind") == lived


def test_an_offer_whose_name_postgresql_cannot_hold_keeps_no_other_from_being_folded(
    rig: Rig, catalogue: LedgerWriter
) -> None:
    # given: an offer as it was taken in before NUL was refused
    unheld = msgspec.structs.replace(an_offer(1, stock=0), variant_id="mug\x00")
    catalogue.write([("partner", a_partner("press-east")), ("unheld", unheld), ("offer", an_offer(1))], tenant="shared")
    catalogue.write([("sku", MAPPED)])
    # when
    folded(rig, catalogue)
    catalogue.write([("offer", an_offer(2, stock=0))], tenant="shared")
    folded(rig, catalogue)
    # then
    assert kinds(page(rig)) == ["no_partner", "out_of_stock", "out_of_stock"]
    assert ("mug\ufffd",) in rig.query("SELECT variant_id FROM catalogue_exceptions")
