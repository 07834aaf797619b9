"""Which offers a person should know of before an order trips on them."""

import msgspec
import pytest

from events.catalogue.drift import OUT_OF_STOCK, PRICE_CHANGED, VARIANT_VANISHED, drift_of
from events.catalogue.facts import PartnerOfferChanged

OFFER = PartnerOfferChanged(
    source_version=1,
    partner_id="press-east",
    variant_id="mug-11oz-white",
    partner_variant="MUG11W",
    cost_minor=400,
    currency="EUR",
    stock=1,
    production_days=2,
)


def kinds(**changes: object) -> set[str]:
    return set(drift_of(msgspec.structs.replace(OFFER, **changes)))


def test_an_offer_in_stock_at_its_agreed_cost_is_in_no_exception() -> None:
    assert kinds() == set()
    assert kinds(accepted_cost_minor=400, accepted_currency="EUR") == set()


def test_an_offer_without_stock_is_out_of_stock() -> None:
    assert kinds(stock=0) == {OUT_OF_STOCK}


def test_a_withdrawn_offer_has_vanished_and_nothing_else_is_said_of_it() -> None:
    assert kinds(withdrawn=True, stock=0, cost_minor=0, accepted_cost_minor=9, accepted_currency="EUR") == {
        VARIANT_VANISHED
    }


@pytest.mark.parametrize(
    ("cost", "is_told"), [(420, False), (421, True), (380, False), (379, True), (400, False), (0, True)]
)
def test_a_cost_more_than_five_per_cent_from_the_agreed_one_is_told(cost: int, is_told: bool) -> None:
    assert (PRICE_CHANGED in kinds(cost_minor=cost, accepted_cost_minor=400, accepted_currency="EUR")) is is_told


def test_the_same_number_in_another_currency_is_another_cost() -> None:
    assert kinds(accepted_cost_minor=400, accepted_currency="USD") == {PRICE_CHANGED}
