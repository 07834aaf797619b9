"""What partners say of their offers reaches the catalogue: only what differs, and only what can be believed."""

import asyncio
import json
from collections.abc import Collection

import msgspec
import pytest

from events.catalogue.commands import ReportPartnerLoad, ReportPartnerOffer
from processors.catalogue.news import tells_of_offers
from processors.catalogue.offers import DAY_MS, NothingOffered, changes
from processors.catalogue.sync import CatalogueSync
from processors.partners.protocol import Deferred, PartnerOffer, PartnerOffers
from tests.unit.catalogue.test_catalogue import OFFER
from tests.unit.inbound.doubles import SentCommands

MUG = OFFER.variant_id
VARIANTS = {MUG, "tee-black-m"}
NOW = 1_000
AREAS = msgspec.convert([{"name": "wrap", "width_um": 1, "height_um": 1, "dpi": 300}], type(OFFER.print_areas))
KNOWN = msgspec.structs.replace(OFFER, print_areas=AREAS)


def an_offer(variant: str = MUG, stock: int = 100, cost: int = 450) -> PartnerOffer:
    return PartnerOffer(
        partner_variant="MUG11W" if variant == MUG else "TEE-BLK-M",
        variant=variant,
        stock_units=stock,
        unit_cost_minor=cost,
        currency="EUR",
        production_ms=2 * DAY_MS - 1,
    )


def told(*offers: PartnerOffer, load_units: int = 0) -> PartnerOffers:
    return PartnerOffers(
        partner="press-east",
        observed_at=0,
        country="DE",
        ships_to=(),
        capacity_units_per_day=1_000,
        load_units=load_units,
        offers=offers,
    )


def test_a_partner_that_says_what_is_known_changes_nothing() -> None:
    assert changes(told(an_offer()), [KNOWN], None, VARIANTS, NOW) == ()


def test_stock_is_reported_and_what_the_partner_does_not_state_stays() -> None:
    (said,) = changes(told(an_offer(stock=0)), [KNOWN], None, VARIANTS, NOW)
    assert said == msgspec.structs.replace(KNOWN, stock=0, source_version=NOW)


def test_another_cost_keeps_the_one_that_was_agreed_to_however_often_it_changes() -> None:
    (first,) = changes(told(an_offer(cost=470)), [KNOWN], None, VARIANTS, NOW)
    assert isinstance(first, ReportPartnerOffer)
    (second,) = changes(told(an_offer(cost=490)), [first], None, VARIANTS, NOW + 1)
    assert isinstance(second, ReportPartnerOffer)
    assert (second.cost_minor, second.accepted_cost_minor, second.accepted_currency) == (490, 450, "EUR")


def test_a_variant_that_is_no_longer_named_is_withdrawn_once_and_comes_back() -> None:
    tee = an_offer("tee-black-m")
    mug_gone, tee_new = changes(told(tee), [KNOWN], None, VARIANTS, NOW)
    assert mug_gone == msgspec.structs.replace(KNOWN, withdrawn=True, stock=0, source_version=NOW)
    assert isinstance(mug_gone, ReportPartnerOffer)
    assert isinstance(tee_new, ReportPartnerOffer)
    assert changes(told(tee), [mug_gone, tee_new], None, VARIANTS, NOW + 1) == ()
    (back,) = changes(told(tee, an_offer()), [mug_gone, tee_new], None, VARIANTS, NOW + 2)
    assert isinstance(back, ReportPartnerOffer)
    assert (back.withdrawn, back.stock) == (False, 100)


def test_a_variant_that_is_made_from_a_blank_which_the_partner_names_for_another_variant_stays() -> None:
    sticker = msgspec.structs.replace(KNOWN, variant_id="sticker")
    (said,) = changes(told(an_offer(stock=7)), [KNOWN, sticker], None, {MUG, "sticker"}, NOW)[1:]
    assert said == msgspec.structs.replace(sticker, stock=7, source_version=NOW)


def test_a_partner_that_suddenly_offers_nothing_at_all_is_not_believed() -> None:
    with pytest.raises(NothingOffered, match="press-east"):
        changes(told(), [KNOWN], None, VARIANTS, NOW)
    gone = msgspec.structs.replace(KNOWN, withdrawn=True, stock=0)
    assert changes(told(), [gone], None, VARIANTS, NOW) == ()


def test_what_is_no_variant_of_ours_is_left_out() -> None:
    assert changes(told(an_offer(), an_offer("their-own-thing")), [KNOWN], None, VARIANTS, NOW) == ()


def test_load_is_told_in_steps_once_for_the_whole_partner() -> None:
    (load,) = changes(told(an_offer(), load_units=412), [KNOWN], None, VARIANTS, NOW)
    assert load == ReportPartnerLoad(source_version=NOW, partner_id="press-east", load_percent=40)
    assert changes(told(an_offer(), load_units=420), [KNOWN], load, VARIANTS, NOW) == ()


class Shop:
    """A partner's answer, and what a catalogue knows."""

    def __init__(self, answer: PartnerOffers | Deferred) -> None:
        self.answer = answer
        self.asked_again: list[str] = []
        self.turns = ["press-east"]

    async def offers(self) -> PartnerOffers | Deferred:
        return self.answer

    def claim(self, partners: Collection[str], interval_seconds: float, apart_seconds: float) -> str | None:
        return self.turns.pop() if self.turns else None

    def ask(self, partner_id: str) -> None:
        self.asked_again.append(partner_id)

    def partner_ids(self) -> frozenset[str]:
        return frozenset({"press-east"})

    def variants(self) -> frozenset[str]:
        return frozenset(VARIANTS)

    def offers_of(self, partner_id: str) -> tuple[ReportPartnerOffer, ...]:
        return (KNOWN,)

    def load_of(self, partner_id: str) -> ReportPartnerLoad | None:
        return None


def synced(shop: Shop) -> SentCommands:
    sent = SentCommands()
    sync = CatalogueSync(
        partners={"press-east": shop},  # type: ignore[dict-item]
        known=shop,
        checks=shop,
        commands=sent,
        now_ms=lambda: NOW,
        every_seconds=60,
        outages=(),
    )

    async def run() -> None:
        assert await sync.ask_next()
        assert not await sync.ask_next()

    asyncio.run(run())
    return sent


def test_the_partner_whose_turn_it_is_is_asked_and_speaks_for_itself() -> None:
    sent = synced(Shop(told(an_offer(stock=3))))
    ((command, envelope),) = sent.sent
    assert isinstance(command, ReportPartnerOffer)
    assert (command.stock, command.source_version) == (3, NOW)
    assert (envelope.key, envelope.tenant, envelope.actor) == (
        f"offer:press-east:{MUG}",
        "shared",
        "partner:press-east",
    )


def test_a_partner_that_does_not_answer_is_asked_again_and_nothing_is_said_for_it() -> None:
    shop = Shop(Deferred(reason="unavailable", retry_after_ms=0, outcome_unknown=False))
    assert synced(shop).sent == []
    assert shop.asked_again == ["press-east"]


def test_a_partner_that_is_not_believed_says_nothing() -> None:
    assert synced(Shop(told())).sent == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"type": "catalog_stock_updated", "data": [{"catalog_variant_id": 4011, "availability": "out of stock"}]},
            True,
        ),
        ({"type": "catalog_price_changed", "data": {"catalog_product_ids": [71]}}, True),
        ({"event": "catalog_product_stock_availability_updated"}, True),
        ({"type": "offers.changed", "timestamp": "2026-01-01T00:00:00Z", "data": {}}, True),
        ({"type": "job.status", "data": {}}, False),
        ([], False),
        (7, False),
    ],
)
def test_webhooks_about_stock_and_prices_are_told_from_those_about_orders(body: object, expected: bool) -> None:
    assert tells_of_offers(json.dumps(body).encode()) is expected


def test_a_body_that_is_no_json_tells_nothing_of_offers() -> None:
    assert not tells_of_offers(b"\xff{")
