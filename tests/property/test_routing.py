"""Properties of routing: never an impossible partner, and the choice depends on what is offered alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod
from events.order.facts import RoutingRequested
from events.order.values import OtherLine, PrintedArea
from processors.routing.judge import Judge
from processors.routing.places import COUNTRIES, distance_km
from processors.routing.plan import totals
from processors.routing.propose import propose
from processors.routing.rules import shipped_rules
from projections.rows import Offer, Partner
from tests.unit.routing.test_propose import JUNE, asked

RULES = msgspec.structs.replace(
    shipped_rules(), partners=msgspec.structs.replace(shipped_rules().partners, denied=("e",))
)
JUDGE = Judge(RULES)
NAMES = ("a", "b", "c", "d", "e")
VARIANTS = ("mug", "tee", "poster")
PRINTED = (PrintedArea(area="front", width_um=200_000, height_um=200_000),)


@st.composite
def ways(draw: st.DrawFn) -> tuple[ShippingMethod, ...]:
    """A partner's ways to the door, each to some countries or to all."""
    return tuple(
        ShippingMethod(
            method=f"way-{number}",
            countries=draw(st.sampled_from([("*",), ("US",), ("DE", "US")])),
            days_max=draw(st.integers(0, 9)),
            cost_minor=draw(st.integers(0, 900)),
            currency=draw(st.sampled_from(["", "USD", "EUR", "XTS"])),
        )
        for number in range(draw(st.integers(0, 2)))
    )


@st.composite
def partners(draw: st.DrawFn) -> tuple[Partner, ...]:
    return tuple(
        Partner(
            partner_id=name,
            name=name,
            adapter="print_shop",
            country=draw(st.sampled_from(["US", "DE", "FR"])),
            latitude=draw(st.floats(-90, 90)),
            longitude=draw(st.floats(-180, 180)),
            ships_to=draw(st.sampled_from([("*",), ("US",), ("DE",), ()])),
            daily_capacity=draw(st.integers(0, 5)),
            suspended=draw(st.booleans()),
            unreachable=draw(st.integers(0, 9)) == 0,
            transit_days=draw(st.sampled_from([{}, {"*": 5}, {"US": 2, "DE": 4}])),
            shipping_methods=draw(ways()),
            outages=draw(st.sampled_from([(), (Outage(begins_at=JUNE, ends_at=JUNE + 1),)])),
            inspected_units=draw(st.integers(0, 1_000)),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    )


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, tuple[Offer, ...]]:
    """What each partner offers of three variants."""
    found: dict[str, list[Offer]] = {}
    for partner, variant in product(draw(partners()), VARIANTS):
        if draw(st.integers(0, 3)):
            width = draw(st.sampled_from([0, 150_000, 195_000, 200_000]))
            area = PrintAreaSize(name="front", width_um=width, height_um=200_000, dpi=300)
            found.setdefault(variant, []).append(
                Offer(
                    partner=partner,
                    variant_id=variant,
                    partner_variant=f"{partner.partner_id}-{variant}",
                    cost_minor=draw(st.integers(0, 5_000)),
                    currency=draw(st.sampled_from(["USD", "EUR", "XTS"])),
                    stock=draw(st.integers(0, 5)),
                    production_days=draw(st.integers(0, 30)),
                    load_percent=draw(st.integers(0, 120)),
                    print_areas=(area,) if width else (),
                )
            )
    return {variant: tuple(offers) for variant, offers in found.items()}


@st.composite
def requests(draw: st.DrawFn) -> RoutingRequested:
    others = tuple(
        OtherLine(
            line_id=str(number),
            variant_id=draw(st.sampled_from(VARIANTS)),
            units=draw(st.integers(1, 2)),
            partner_id=draw(st.sampled_from(["", "", *NAMES])),
        )
        for number in range(2, draw(st.integers(2, 5)))
    )
    return asked(
        priority=draw(st.sampled_from(["standard", "express"])),
        country=draw(st.sampled_from(["US", "DE", "AU", ""])),
        total_minor=draw(st.sampled_from([1_000, 100_000])),
        excluded_partner_ids=draw(st.sampled_from([(), ("a",), ("b", "c")])),
        printed=draw(st.sampled_from([(), PRINTED])),
        made_by=draw(st.sampled_from(["", "a"])),
        others=others,
    )


@settings(deadline=None)
@given(requests(), catalogues(), st.randoms(use_true_random=False))
def test_the_order_of_the_offers_changes_nothing(
    request: RoutingRequested, catalogue: dict[str, tuple[Offer, ...]], shuffler: Random
) -> None:
    shuffled = {variant: list(offers) for variant, offers in catalogue.items()}
    for offers in shuffled.values():
        shuffler.shuffle(offers)

    assert propose(request, catalogue, JUDGE) == propose(request, shuffled, Judge(RULES))


@settings(deadline=None)
@given(requests(), catalogues())
def test_every_partner_is_a_candidate_once_and_the_one_with_the_fewest_points_is_proposed(
    request: RoutingRequested, catalogue: dict[str, tuple[Offer, ...]]
) -> None:
    proposal = propose(request, catalogue, JUDGE)

    offered = sorted(offer.partner.partner_id for offer in catalogue.get("mug", ()))
    assert sorted(candidate.partner_id for candidate in proposal.candidates) == offered
    assert all(candidate.reason for candidate in proposal.candidates)
    eligible = [candidate for candidate in proposal.candidates if candidate.eligible]
    if eligible:
        fewest = min(candidate.score for candidate in eligible)
        assert proposal.partner_id == min(c.partner_id for c in eligible if c.score == fewest)
        assert not proposal.reason
    else:
        assert (proposal.partner_id, bool(proposal.reason)) == ("", True)


def is_impossible(offer: Offer, request: RoutingRequested) -> bool:
    """The must-rules, written a second time and differently."""
    partner, units = offer.partner, len(request.units)
    there = {"*", request.country}
    ships = not partner.shipping_methods or any(there & set(way.countries) for way in partner.shipping_methods)
    reaches = bool(there & set(partner.ships_to)) and ships
    fits = not request.printed or not offer.print_areas or offer.print_areas[0].width_um * 100 >= 93 * 200_000
    stands = not partner.suspended and not partner.outages
    wanted = partner.partner_id not in (*request.excluded_partner_ids, *RULES.partners.denied)
    enough = offer.stock >= units and partner.daily_capacity >= units and offer.load_percent <= 99
    return not (reaches and fits and stands and wanted and enough)


@settings(deadline=None)
@given(requests(), catalogues())
def test_an_impossible_partner_is_never_proposed_and_a_possible_one_is_never_passed_over_for_nobody(
    request: RoutingRequested, catalogue: dict[str, tuple[Offer, ...]]
) -> None:
    proposal = propose(request, catalogue, JUDGE)

    partners_left = [o.partner for o in catalogue.get("mug", ()) if not is_impossible(o, request)]
    reachable = {partner.partner_id for partner in partners_left if not partner.unreachable}
    possible = reachable or {partner.partner_id for partner in partners_left}
    assert {candidate.partner_id for candidate in proposal.candidates if candidate.eligible} == possible
    assert proposal.partner_id in (possible or {""})


@settings(deadline=None)
@given(requests(), catalogues(), st.sampled_from(["0", "z"]), st.integers(1, 900), st.integers(0, 5), st.booleans())
def test_a_candidate_that_is_worse_everywhere_never_changes_the_choice(
    request: RoutingRequested,
    catalogue: dict[str, tuple[Offer, ...]],
    name: str,
    dearer: int,
    slower: int,
    only_other_lines: bool,
) -> None:
    proposal = propose(request, catalogue, JUDGE)
    # given: a twin of the chosen partner that asks more for everything that the chosen one makes, and is no quicker
    worse: dict[str, Sequence[Offer]] = {**catalogue}
    for variant, offers in catalogue.items():
        if only_other_lines and variant == "mug":
            continue
        twins = [
            msgspec.structs.replace(
                offer,
                partner=msgspec.structs.replace(offer.partner, partner_id=name),
                cost_minor=offer.cost_minor + dearer,
                currency="XTS" if offer.currency == "XTS" else offer.currency,
                production_days=offer.production_days + slower + (offer.currency == "XTS"),
            )
            for offer in offers
            if offer.partner.partner_id == proposal.partner_id
        ]
        worse[variant] = (*offers, *twins)
    # then
    assert propose(request, worse, JUDGE).partner_id == proposal.partner_id


@settings(deadline=None)
@given(requests(), catalogues(), st.integers(1, 1_000))
def test_a_winner_that_gets_cheaper_stays_the_winner(
    request: RoutingRequested, catalogue: dict[str, tuple[Offer, ...]], less: int
) -> None:
    winner = propose(request, catalogue, JUDGE).partner_id
    cheaper = {
        variant: tuple(
            msgspec.structs.replace(offer, cost_minor=max(offer.cost_minor - less, 0))
            if offer.partner.partner_id == winner
            else offer
            for offer in offers
        )
        for variant, offers in catalogue.items()
    }

    assert propose(request, cheaper, JUDGE).partner_id == winner


POINTS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1_000), max_size=4)


def cheapest_by_trying_everything(
    partner: str,
    own: Mapping[str, int],
    others: Sequence[Mapping[str, int]],
    placed: frozenset[str],
    split: int,
    parcels: Mapping[str, int],
) -> int:
    """The cheapest of all ways to make the lines, found by going through all of them."""
    waiting = [scores for scores in others if scores]
    costs = []
    for chosen in product(*waiting):
        used = placed | {partner, *chosen}
        points = own[partner] + sum(scores[name] for scores, name in zip(waiting, chosen, strict=True))
        sent = sum(parcels.get(name, 0) for name in used - placed - {partner})
        costs.append(points + sent + split * (len(used) - max(len(placed), 1)))
    return min(costs)


@settings(deadline=None)
@given(POINTS, st.lists(POINTS, max_size=4), st.sets(st.sampled_from(NAMES), max_size=2), st.integers(0, 600), POINTS)
def test_the_plan_is_the_cheapest_of_all_plans_parcels_included(
    own: dict[str, int], others: list[dict[str, int]], placed: set[str], split: int, parcels: dict[str, int]
) -> None:
    known = frozenset(placed)

    assert totals(own, others, known, split, parcels) == {
        partner: cheapest_by_trying_everything(partner, own, others, known, split, parcels) for partner in own
    }


@settings(deadline=None)
@given(requests(), catalogues(), st.integers(0, 1_000))
def test_a_winner_that_ships_cheaper_stays_the_winner(
    request: RoutingRequested, catalogue: dict[str, tuple[Offer, ...]], less: int
) -> None:
    winner = propose(request, catalogue, JUDGE).partner_id

    def cheaper(partner: Partner) -> Partner:
        # All its ways alike, so that the same one stays the cheapest.
        saved = min([less, *(way.cost_minor for way in partner.shipping_methods)])
        reduced = (msgspec.structs.replace(way, cost_minor=way.cost_minor - saved) for way in partner.shipping_methods)
        return msgspec.structs.replace(partner, shipping_methods=tuple(reduced))

    reduced = {
        variant: tuple(
            msgspec.structs.replace(offer, partner=cheaper(offer.partner))
            if offer.partner.partner_id == winner
            else offer
            for offer in offers
        )
        for variant, offers in catalogue.items()
    }

    assert propose(request, reduced, JUDGE).partner_id == winner


@settings(deadline=None)
@given(st.sampled_from(sorted(COUNTRIES)), st.sampled_from(sorted(COUNTRIES)))
def test_distance_is_the_same_both_ways_and_obeys_the_triangle(a: str, b: str) -> None:
    there, back = distance_km(COUNTRIES[a], COUNTRIES[b]), distance_km(COUNTRIES[b], COUNTRIES[a])
    middle = COUNTRIES["DE"]

    assert there == back
    assert there <= distance_km(COUNTRIES[a], middle) + distance_km(middle, COUNTRIES[b]) + 2
