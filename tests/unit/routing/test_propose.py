"""Which partner is proposed, and what is said about the others."""

from __future__ import annotations

import msgspec
import pytest

from events.order.facts import RoutingRequested
from processors.routing.places import COUNTRIES, FARTHEST_KM, US_STATES, distance_km, place_of
from processors.routing.propose import Proposal, Rules, propose
from projections.rows import Offer, Partner

RULES = Rules()
NEW_YORK, SAN_FRANCISCO = (40.7, -74.0), (37.8, -122.4)


def asked(**changes: object) -> RoutingRequested:
    request = RoutingRequested(
        effect_key="0" * 32,
        request_id="0" * 32 + ".1",
        attempt=1,
        due_at=0,
        line_id="1",
        run=1,
        units=(1, 2),
        variant_id="mug",
        country="US",
        region="NY",
        postal_prefix="100",
        priority="standard",
    )
    return msgspec.structs.replace(request, **changes)


def offer(name: str, place: tuple[float, float] = NEW_YORK, **changes: object) -> Offer:
    partner = Partner(
        partner_id=name,
        name=name,
        adapter="print_shop",
        country="US",
        latitude=place[0],
        longitude=place[1],
        ships_to=("*",),
        daily_capacity=1_000,
        suspended=False,
    )
    fields = set(Partner.__struct_fields__) & set(changes)
    partner = msgspec.structs.replace(partner, **{field: changes.pop(field) for field in fields})
    made = Offer(
        partner=partner,
        variant_id="mug",
        partner_variant=f"{name}-MUG",
        cost_minor=500,
        currency="USD",
        stock=100,
        production_days=2,
        load_percent=10,
    )
    return msgspec.structs.replace(made, **changes)


def proposed(*offers: Offer, **changes: object) -> Proposal:
    return propose(asked(**changes), offers, RULES)


def test_the_cheaper_of_two_equal_partners_is_proposed_with_its_own_variant() -> None:
    proposal = proposed(offer("dear", cost_minor=600), offer("cheap", cost_minor=400))

    assert (proposal.partner_id, proposal.partner_variant) == ("cheap", "cheap-MUG")
    assert [candidate.partner_id for candidate in proposal.candidates] == ["cheap", "dear"]
    assert proposal.rule_version == RULES.version


def test_the_nearer_of_two_equal_partners_is_proposed() -> None:
    west, east = offer("west", SAN_FRANCISCO), offer("east", NEW_YORK)

    assert proposed(west, east, region="NY").partner_id == "east"
    assert proposed(west, east, region="CA").partner_id == "west"


def test_the_emptier_of_two_equal_partners_is_proposed() -> None:
    assert proposed(offer("busy", load_percent=90), offer("idle", load_percent=5)).partner_id == "idle"


def test_an_express_order_goes_to_the_quick_partner_although_it_is_dearer() -> None:
    quick = offer("quick", cost_minor=800, production_days=1)
    cheap = offer("cheap", cost_minor=500, production_days=5)

    assert proposed(quick, cheap, priority="express").partner_id == "quick"
    assert proposed(quick, cheap, priority="standard").partner_id == "cheap"


def test_equal_partners_are_told_apart_by_name_so_that_the_same_one_is_always_proposed() -> None:
    assert proposed(offer("b"), offer("a")).partner_id == proposed(offer("a"), offer("b")).partner_id == "a"


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [
        (offer("x", suspended=True), "suspended"),
        (offer("x", ships_to=("DE", "FR")), "does not ship to US"),
        (offer("x", stock=1), "1 in stock and 2 are needed"),
        (offer("x", load_percent=100), "full"),
        (offer("x", daily_capacity=1), "1 a day"),
    ],
)
def test_a_partner_that_cannot_is_kept_as_a_candidate_with_the_reason(obstacle: Offer, said: str) -> None:
    proposal = proposed(obstacle, offer("able", cost_minor=10_000))

    assert proposal.partner_id == "able"
    refused = proposal.candidates[-1]
    assert (refused.partner_id, refused.eligible, refused.score) == ("x", False, 0.0)
    assert said in refused.reason


def test_a_partner_that_gave_up_on_these_units_is_not_proposed_again() -> None:
    proposal = proposed(offer("first", cost_minor=1), offer("second"), excluded_partner_ids=("first",))

    assert proposal.partner_id == "second"
    assert "given up" in proposal.candidates[-1].reason


def test_without_any_offer_nobody_is_proposed_and_the_reason_is_given() -> None:
    proposal = proposed()

    assert (proposal.partner_id, proposal.candidates) == ("", ())
    assert proposal.reason == "no partner offers this variant"


def test_where_nobody_can_the_reason_names_each_partner() -> None:
    proposal = proposed(offer("a", stock=0), offer("b", suspended=True))

    assert proposal.partner_id == ""
    assert "a: it has 0 in stock" in proposal.reason
    assert "b: it is suspended" in proposal.reason


def test_costs_in_another_currency_are_not_compared_and_this_is_said() -> None:
    proposal = proposed(
        offer("a", cost_minor=500), offer("b", cost_minor=500), offer("c", cost_minor=1, currency="EUR")
    )

    assert proposal.partner_id == "a"
    by_id = {candidate.partner_id: candidate for candidate in proposal.candidates}
    assert "not comparable with USD" in by_id["c"].reason


def test_a_destination_that_is_not_known_is_no_obstacle_for_who_ships_everywhere() -> None:
    proposal = proposed(offer("a"), country="")

    assert proposal.partner_id == "a"
    assert "distance not known" in proposal.candidates[0].reason


def test_distances_are_those_of_an_atlas_within_two_percent() -> None:
    # Great-circle distances between the airports of these cities, as flight planners give them.
    assert distance_km((40.64, -73.78), (51.47, -0.45)) == pytest.approx(5_540, rel=0.02)
    assert distance_km((35.55, 139.78), (-33.95, 151.18)) == pytest.approx(7_820, rel=0.02)
    assert distance_km(NEW_YORK, NEW_YORK) == 0


def test_every_place_lies_on_the_globe_and_no_distance_is_beyond_the_farthest() -> None:
    for latitude, longitude in (*COUNTRIES.values(), *US_STATES.values()):
        assert -90 <= latitude <= 90
        assert -180 <= longitude <= 180
        assert distance_km((latitude, longitude), NEW_YORK) <= FARTHEST_KM
    assert len(US_STATES) == 51
    assert place_of("US", "us-ca") == US_STATES["CA"]
    assert place_of("US", "unknown") == COUNTRIES["US"]
    assert place_of("", "") is None
