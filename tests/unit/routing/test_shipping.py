"""What the parcel costs counts as the goods do: by method and destination, once a partner, and shown apart."""

from __future__ import annotations

import msgspec

from events.catalogue.facts import ShippingMethod
from events.order.values import OtherLine
from processors.routing.judge import Judge
from processors.routing.propose import propose
from processors.routing.replay import by_order, simulate
from processors.routing.rules import Rules, Weights
from projections.rows import Offer, RoutingDecision
from tests.unit.routing.test_propose import JUNE, asked, offer, proposed, tee

PRICES = Rules(version="prices", currency="USD", standard=Weights(promise_days=10), express=Weights(promise_days=4))
TEE_TOO = OtherLine(line_id="2", variant_id="tee", units=1)
MUG_TOO = OtherLine(line_id="1", variant_id="mug", units=2)


def way(cost_minor: int, *, currency: str = "USD", method: str = "ground", days_max: int = 5) -> ShippingMethod:
    return ShippingMethod(method=method, days_max=days_max, cost_minor=cost_minor, currency=currency)


def test_a_cheap_press_with_a_dear_parcel_loses_against_one_that_is_dearer_and_ships_for_less() -> None:
    cheap = offer("cheap", cost_minor=400, shipping_methods=(way(900),))
    dear = offer("dear", cost_minor=500, shipping_methods=(way(600),))

    proposal = proposed(cheap, dear, rules=PRICES)

    assert proposal.partner_id == "dear"
    best = proposal.candidates[0]
    assert (best.cost_minor, best.shipping_minor, best.shipping_currency, best.shipping_method) == (
        500, 600, "USD", "ground",
    )  # fmt: skip
    assert best.score == 2 * 500 + 600
    assert "shipping 600 (600 USD a parcel, ground)" in best.reason


def test_the_price_is_that_of_the_destination() -> None:
    methods = (
        msgspec.structs.replace(way(300), countries=("US",)),
        msgspec.structs.replace(way(1_900, method="abroad"), countries=("DE", "FR")),
    )
    partner = offer("one", shipping_methods=methods)

    for country, minor in (("US", 300), ("DE", 1_900)):
        assert proposed(partner, rules=PRICES, country=country).candidates[0].shipping_minor == minor


def test_the_cheapest_way_counts_unless_somebody_paid_for_haste() -> None:
    partner = offer("one", transit_days={}, shipping_methods=(way(400), way(1_500, method="air", days_max=1)))

    (usual,) = proposed(partner, rules=PRICES).candidates
    (hasty,) = proposed(partner, rules=PRICES, priority="express").candidates

    assert (usual.shipping_method, usual.shipping_minor, usual.transit_days) == ("ground", 400, 5)
    assert (hasty.shipping_method, hasty.shipping_minor, hasty.transit_days) == ("air", 1_500, 1)


def test_whoever_never_said_what_shipping_costs_does_not_ship_for_nothing() -> None:
    rules = msgspec.structs.replace(PRICES, unpriced_parcel=700)
    silent, unnamed = offer("silent"), offer("unnamed", shipping_methods=(way(0, currency=""),))
    said = offer("said", shipping_methods=(way(650),))

    proposal = proposed(silent, unnamed, said, rules=rules)

    assert proposal.partner_id == "said"
    assert [one.score - proposal.candidates[0].score for one in proposal.candidates] == [0, 50, 50]
    assert "it never said what shipping costs" in proposal.candidates[1].reason


def test_a_price_in_another_currency_is_changed_and_one_without_a_rate_is_taken_for_high() -> None:
    rules = msgspec.structs.replace(PRICES, rates={"EUR": 2.0}, unpriced=5_000)
    euro, strange = (
        offer("euro", shipping_methods=(way(300, currency="EUR"),)),
        offer("strange", shipping_methods=(way(1, currency="XTS"),)),
    )

    first, second = proposed(euro, strange, rules=rules).candidates

    assert (first.partner_id, first.score, second.score) == ("euro", 1_000 + 600, 1_000 + 5_000)


def test_lines_that_go_together_pay_for_one_parcel() -> None:
    # given two presses, each the cheaper one for one of two lines, by less than a parcel costs
    mugs, tees = (way(500),), (way(450),)
    offers = (
        offer("mugs", cost_minor=300, shipping_methods=mugs), tee("mugs", 700, shipping_methods=mugs),
        offer("tees", cost_minor=500, shipping_methods=tees), tee("tees", 400, shipping_methods=tees),
    )  # fmt: skip

    together = proposed(*offers, rules=PRICES, others=(TEE_TOO,))

    # 600 + 700 + 500 at one press, 600 + 400 + 500 + 450 at two, 1,000 + 400 + 450 at the other
    assert [(one.partner_id, one.score) for one in together.candidates] == [("mugs", 1_800), ("tees", 1_850)]


def test_a_partner_that_makes_other_lines_of_the_order_sends_no_further_parcel() -> None:
    here, there = offer("here", shipping_methods=(way(900),)), offer("there", shipping_methods=(way(300),))
    placed = msgspec.structs.replace(TEE_TOO, partner_id="here")

    proposal = proposed(here, there, rules=PRICES, others=(placed,))

    assert [(one.partner_id, one.score) for one in proposal.candidates] == [("here", 1_000), ("there", 1_300)]


def decided(at: int, line_id: str, partner_id: str, *offers: Offer) -> RoutingDecision:
    variant = offers[0].variant_id
    other = MUG_TOO if line_id == "2" else TEE_TOO
    request = asked(line_id=line_id, variant_id=variant, units=(1,), others=(other,))
    proposal = propose(request, {variant: offers}, Judge(PRICES))
    return RoutingDecision(
        order_id="1", request=request, candidates=proposal.candidates, partner_id=partner_id, decided_at=JUNE + at
    )


def test_a_simulation_counts_one_parcel_for_each_partner_of_an_order() -> None:
    near, far = (way(300),), (way(800),)
    mug = (offer("near", cost_minor=600, shipping_methods=near), offer("far", cost_minor=500, shipping_methods=far))
    shirt = (tee("near", 600, shipping_methods=near), tee("far", 500, shipping_methods=far))
    history = (decided(0, "1", "far", *mug), decided(1, "2", "near", *shirt))

    difference = simulate(by_order(history), Judge(PRICES))

    assert (difference.before.cost_minor, difference.before.shipping_minor) == (500 + 600, 800 + 300)
    assert (difference.after.cost_minor, difference.after.shipping_minor) == (600 + 600, 300)
    assert (difference.before.unpriced_parcels, difference.after.unpriced_parcels) == (0, 0)


def test_a_simulation_counts_parcels_whose_price_is_not_known() -> None:
    history = (decided(0, "1", "a", offer("a")), decided(1, "2", "a", tee("a", 1)))

    difference = simulate(by_order(history), Judge(PRICES))

    assert (difference.after.shipping_minor, difference.after.unpriced_parcels) == (0, 1)
