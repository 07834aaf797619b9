"""The catalogue's read model: the newest description of each key, and the offset at which it was read."""

import pytest

from events.catalogue.facts import (
    PartnerOfferChanged,
    PartnerRegistered,
    PrintAreaSize,
    ProductDefined,
    SkuMapped,
    TemplatePublished,
    Variant,
)
from events.order.facts import OrderHeld, OrderPlaced
from tests.integration.projections.conftest import Rig
from tests.ledger_writer import LedgerWriter
from tests.order_life import MUG, NOW, TENANT, a_line, a_store_order, context_of
from tests.support import wait_until

pytestmark = pytest.mark.stack

PRODUCT = ProductDefined(
    source_version=1,
    product_id="mug-11oz",
    title="Mug",
    variants=(Variant(variant_id="mug-11oz-white", attributes={"colour": "white"}, weight_grams=340),),
    print_areas=(PrintAreaSize(name="front", width_um=200_000, height_um=90_000, dpi=300),),
)


def a_partner(partner_id: str, tenants: tuple[str, ...] = ("*",)) -> PartnerRegistered:
    return PartnerRegistered(
        source_version=1,
        partner_id=partner_id,
        name=partner_id,
        adapter="print_shop",
        country="DE",
        latitude=52.5,
        longitude=13.4,
        ships_to=("DE", "FR"),
        daily_capacity=100,
        tenants=tenants,
    )


def an_offer(partner_id: str, stock: int, version: int = 1) -> PartnerOfferChanged:
    return PartnerOfferChanged(
        source_version=version,
        partner_id=partner_id,
        variant_id="mug-11oz-white",
        partner_variant="MUG11W",
        cost_minor=420,
        currency="EUR",
        stock=stock,
        production_days=2,
    )


def a_template(version: int) -> TemplatePublished:
    return TemplatePublished(
        source_version=1, template_id="t", template_version=version, product_id="mug-11oz", body="{}"
    )


@pytest.fixture
def catalogue(rig: Rig) -> LedgerWriter:
    return rig.writer(rig.topics.catalogue_events)


def fold(rig: Rig, catalogue: LedgerWriter) -> None:
    """Fold all that the catalogue's writer wrote."""
    with rig.projecting("catalogue"):
        wait_until(
            lambda: rig.query(
                "SELECT 1 FROM read_model_checkpoints WHERE topic = %s AND position = %s",
                [catalogue.topic, catalogue.positions[0]],
            ),
            30,
        )


def test_offers_carry_their_partners_and_the_offset_of_the_last_fact_they_come_from(
    rig: Rig, catalogue: LedgerWriter
) -> None:
    # given
    catalogue.write(
        [
            ("product:mug-11oz", PRODUCT),
            ("partner:press-east", a_partner("press-east")),
            ("partner:press-west", a_partner("press-west", tenants=("another",))),
            ("offer:press-east", an_offer("press-east", 10)),
            ("offer:press-west", an_offer("press-west", 99)),
            ("offer:press-east", an_offer("press-east", 7, version=2)),
        ],
        tenant="shared",
    )
    # when
    fold(rig, catalogue)
    # then
    with rig.system_reading() as reads:
        offers = reads.offers(TENANT, ["mug-11oz-white", "unknown"])
        (offer,) = offers.by_variant["mug-11oz-white"]
        assert (offer.partner.partner_id, offer.stock, offer.partner.ships_to) == ("press-east", 7, ("DE", "FR"))
        assert offers.catalogue_offset == 5
        assert set(offers.by_variant) == {"mug-11oz-white"}
        assert len(reads.offers("another", ["mug-11oz-white"]).by_variant["mug-11oz-white"]) == 2


def test_an_empty_catalogue_has_no_offers_and_no_offset(rig: Rig) -> None:
    with rig.system_reading() as reads:
        assert reads.offers(TENANT, ["mug-11oz-white"]).catalogue_offset == -1


def test_a_variant_leads_to_its_product_and_its_newest_template(rig: Rig, catalogue: LedgerWriter) -> None:
    templates = [
        (
            "template",
            TemplatePublished(
                source_version=1, template_id="t", template_version=number, product_id="mug-11oz", body="{}"
            ),
        )
        for number in (1, 2)
    ]
    catalogue.write([("product:mug-11oz", PRODUCT), *templates], tenant="shared")
    fold(rig, catalogue)
    with rig.system_reading() as reads:
        product = reads.product_of_variant("mug-11oz-white")
        assert product is not None
        assert product.print_areas[0]["width_um"] == 200_000
        newest = reads.newest_template("mug-11oz-white")
        assert newest is not None
        assert newest.template_version == 2
        assert reads.template("t", 1) is not None
        assert reads.template("t", 3) is None


def test_a_mapping_is_the_stores_own_and_finds_what_a_race_left_held(rig: Rig, catalogue: LedgerWriter) -> None:
    # given: an order that is held for a SKU which is mapped by now
    key = context_of().key
    order = a_store_order(lines=(a_line("1", artwork=None),))
    rig.ledger.write(
        [
            (key, OrderPlaced(order=order, store_updated_at=NOW)),
            (key, OrderHeld(reason="sku_unmapped", line_id="1")),
        ]
    )
    rig.project("orders")
    with rig.system_reading() as reads:
        assert reads.held_and_mapped() == ()
        # when
        catalogue.write([("sku", SkuMapped(source_version=1, store="demo-rest", sku="SKU-1", artwork=MUG))])
        fold(rig, catalogue)
        # then
        assert reads.artwork_of(TENANT, "demo-rest", ["SKU-1", "SKU-2"]) == {"SKU-1": MUG}
        assert reads.artwork_of(TENANT, "another-store", ["SKU-1"]) == {}
        (left,) = reads.held_and_mapped()
        assert (left.order_id, left.line_id, left.sku, left.revision, left.artwork) == (key, "1", "SKU-1", 1, MUG)
