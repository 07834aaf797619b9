"""Properties of routing: the proposal depends on what is offered, not on how it is listed."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.routing.places import COUNTRIES, distance_km
from processors.routing.propose import Rules, propose
from projections.rows import Offer, Partner
from tests.unit.routing.test_propose import asked

RULES = Rules()
NAMES = ("a", "b", "c", "d", "e")


@st.composite
def offers(draw: st.DrawFn) -> tuple[Offer, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    return tuple(
        Offer(
            partner=Partner(
                partner_id=name,
                name=name,
                adapter="print_shop",
                country="US",
                latitude=draw(st.floats(-90, 90)),
                longitude=draw(st.floats(-180, 180)),
                ships_to=draw(st.sampled_from([("*",), ("US",), ("DE",), ()])),
                daily_capacity=draw(st.integers(0, 5)),
                suspended=draw(st.booleans()),
            ),
            variant_id="mug",
            partner_variant=f"{name}-MUG",
            cost_minor=draw(st.integers(0, 5_000)),
            currency=draw(st.sampled_from(["USD", "EUR"])),
            stock=draw(st.integers(0, 5)),
            production_days=draw(st.integers(0, 30)),
            load_percent=draw(st.integers(0, 120)),
        )
        for name in names
    )


PRIORITIES = st.sampled_from(["standard", "express"])
COUNTRY_CODES = st.sampled_from(["US", "DE", "AU", ""])


@given(offers(), st.randoms(use_true_random=False), PRIORITIES, COUNTRY_CODES)
def test_the_order_of_the_offers_changes_nothing(
    found: tuple[Offer, ...], shuffler: Random, priority: str, country: str
) -> None:
    request, shuffled = asked(priority=priority, country=country), list(found)
    shuffler.shuffle(shuffled)

    assert propose(request, found, RULES) == propose(request, shuffled, RULES)


@given(offers(), PRIORITIES, COUNTRY_CODES)
def test_every_partner_is_a_candidate_once_and_the_best_eligible_one_is_proposed(
    found: tuple[Offer, ...], priority: str, country: str
) -> None:
    proposal = propose(asked(priority=priority, country=country), found, RULES)

    assert sorted(c.partner_id for c in proposal.candidates) == sorted(o.partner.partner_id for o in found)
    eligible = [candidate for candidate in proposal.candidates if candidate.eligible]
    assert all(0 <= candidate.score <= 1 for candidate in eligible)
    assert all(candidate.reason for candidate in proposal.candidates)
    if eligible:
        assert proposal.partner_id in {c.partner_id for c in eligible if c.score == max(e.score for e in eligible)}
        assert not proposal.reason
    else:
        assert (proposal.partner_id, bool(proposal.reason)) == ("", True)


@given(offers(), PRIORITIES)
def test_who_breaks_a_must_rule_is_never_proposed(found: tuple[Offer, ...], priority: str) -> None:
    proposal = propose(asked(priority=priority), found, RULES)

    for offer in found:
        partner = offer.partner
        forbidden = partner.suspended or offer.stock < 2 or offer.load_percent > 99 or partner.daily_capacity < 2
        if forbidden or not {"*", "US"} & set(partner.ships_to):
            assert proposal.partner_id != partner.partner_id


@given(offers(), PRIORITIES, st.integers(1, 1_000))
def test_a_winner_that_gets_cheaper_stays_the_winner(found: tuple[Offer, ...], priority: str, less: int) -> None:
    request = asked(priority=priority)
    # Only costs of one currency are compared, so all are in one here.
    same = [msgspec.structs.replace(offer, currency="USD") for offer in found]
    winner = propose(request, same, RULES).partner_id
    cheaper = [
        msgspec.structs.replace(offer, cost_minor=max(offer.cost_minor - less, 0))
        if offer.partner.partner_id == winner
        else offer
        for offer in same
    ]

    assert propose(request, cheaper, RULES).partner_id == winner


@given(st.sampled_from(sorted(COUNTRIES)), st.sampled_from(sorted(COUNTRIES)))
def test_distance_is_the_same_both_ways_and_obeys_the_triangle(a: str, b: str) -> None:
    there, back = distance_km(COUNTRIES[a], COUNTRIES[b]), distance_km(COUNTRIES[b], COUNTRIES[a])
    middle = COUNTRIES["DE"]

    assert there == back
    assert there <= distance_km(COUNTRIES[a], middle) + distance_km(middle, COUNTRIES[b]) + 2
