"""Which partner is proposed, and what is said about the others."""

from __future__ import annotations

import msgspec
import pytest

from events.catalogue.facts import Outage, PrintAreaSize, ShippingMethod
from events.order.facts import RoutingRequested
from events.order.values import OtherLine, PrintedArea
from processors.routing.judge import Judge
from processors.routing.places import COUNTRIES, FARTHEST_KM, US_STATES, distance_km, place_of
from processors.routing.propose import Proposal, propose
from processors.routing.rules import DAY_MS, Rules, Weights, shipped_rules
from projections.rows import Offer, Partner

NEW_YORK, SAN_FRANCISCO = (40.7, -74.0), (37.8, -122.4)
#: 3 June 2026, far from every holiday of the shipped rules.
JUNE = 1_780_444_800_000
JUDGE = Judge(shipped_rules())


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
        asked_at=JUNE,
        placed_at=JUNE,
        total_minor=4_000,
        currency="USD",
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
        transit_days={"*": 3},
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


def proposed(*offers: Offer, rules: Rules | None = None, **changes: object) -> Proposal:
    by_variant: dict[str, list[Offer]] = {}
    for one in offers:
        by_variant.setdefault(one.variant_id, []).append(one)
    return propose(asked(**changes), by_variant, Judge(rules) if rules else JUDGE)


def test_the_cheaper_of_two_equal_partners_is_proposed_with_its_own_variant() -> None:
    proposal = proposed(offer("dear", cost_minor=600), offer("cheap", cost_minor=400))

    assert (proposal.partner_id, proposal.partner_variant) == ("cheap", "cheap-MUG")
    assert [candidate.partner_id for candidate in proposal.candidates] == ["cheap", "dear"]
    assert proposal.rule_version.startswith("shipped-2@")


def test_the_nearer_of_two_equal_partners_is_proposed() -> None:
    west, east = offer("west", SAN_FRANCISCO), offer("east", NEW_YORK)

    assert proposed(west, east, region="NY").partner_id == "east"
    assert proposed(west, east, region="CA").partner_id == "west"


def test_a_partner_on_this_side_of_the_border_is_worth_a_higher_price() -> None:
    here, beyond = offer("here", country="DE", cost_minor=520), offer("beyond", country="US", cost_minor=500)
    union = offer("union", country="PL", cost_minor=500)

    assert proposed(here, beyond, country="DE").partner_id == "here"
    assert proposed(here, union, country="DE").partner_id == "union"


def test_the_emptier_of_two_busy_partners_is_proposed() -> None:
    assert proposed(offer("busy", load_percent=95), offer("idle", load_percent=70)).partner_id == "idle"


def test_an_express_order_goes_to_the_quick_partner_although_it_is_dearer() -> None:
    quick = offer("quick", cost_minor=800, production_days=1)
    cheap = offer("cheap", cost_minor=500, production_days=5)

    assert proposed(quick, cheap, priority="express").partner_id == "quick"
    assert proposed(quick, cheap, priority="standard").partner_id == "cheap"


def test_an_order_of_high_value_goes_to_the_careful_partner() -> None:
    careful = offer("careful", cost_minor=560, inspected_units=4_000, defective_units=4)
    careless = offer("careless", cost_minor=500, inspected_units=4_000, defective_units=120)

    assert proposed(careful, careless, total_minor=4_000).partner_id == "careless"
    dear = proposed(careful, careless, total_minor=20_000)
    assert (dear.partner_id, dear.priority) == ("careful", "high_value")


def test_a_value_in_another_currency_is_converted_before_it_is_called_high() -> None:
    assert proposed(offer("a"), total_minor=14_000, currency="EUR").priority == "high_value"
    assert proposed(offer("a"), total_minor=14_000, currency="USD").priority == "standard"


def test_one_misprint_among_the_first_few_units_condemns_nobody() -> None:
    fresh = offer("fresh", cost_minor=480, inspected_units=5, defective_units=1)

    assert proposed(fresh, offer("old", inspected_units=4_000, defective_units=20)).partner_id == "fresh"


def test_before_christmas_the_partner_that_is_in_time_is_proposed_whatever_it_costs() -> None:
    # given: an order of 20 December 2026, four days before what is promised
    ordered = 1_797_724_800_000
    in_time, cheap = offer("in-time", cost_minor=1_500, production_days=1), offer("cheap", production_days=5)
    # when
    proposal = proposed(in_time, cheap, placed_at=ordered, asked_at=ordered)
    # then
    assert (proposal.partner_id, proposal.priority) == ("in-time", "dated")
    assert proposal.promised_by == ordered + 5 * DAY_MS
    assert "days late" in proposal.candidates[1].reason


def test_days_that_an_order_has_waited_already_are_not_left_for_printing() -> None:
    slow, quick = offer("slow", production_days=6), offer("quick", cost_minor=600, production_days=1)

    assert proposed(slow, quick).partner_id == "slow"
    assert proposed(slow, quick, asked_at=JUNE + 4 * DAY_MS).partner_id == "quick"


def test_equal_partners_are_told_apart_by_name_so_that_the_same_one_is_always_proposed() -> None:
    assert proposed(offer("b"), offer("a")).partner_id == proposed(offer("a"), offer("b")).partner_id == "a"


FRONT = PrintAreaSize(name="front", width_um=200_000, height_um=100_000, dpi=300)
PRINTED = PrintedArea(area="front", width_um=210_000, height_um=100_000)
CLOSED = Outage(begins_at=JUNE - 1, ends_at=JUNE + DAY_MS, reason="stock-taking")


@pytest.mark.parametrize(
    ("obstacle", "name", "said"),
    [
        (offer("x", suspended=True), "suspended", "suspended"),
        (offer("x", unreachable=True), "unreachable", "calls to it fail"),
        (offer("x", outages=(CLOSED,)), "closed", "closed until 2026-06-04 00:00 UTC"),
        (offer("x", ships_to=("DE", "FR")), "no_shipping", "does not ship to US"),
        (offer("x", stock=1), "out_of_stock", "1 in stock and 2 are needed"),
        (offer("x", load_percent=100), "full", "full"),
        (offer("x", daily_capacity=1), "too_small", "1 a day"),
        (
            offer("x", print_areas=(PrintAreaSize(name="back", width_um=1_000_000, height_um=1_000_000, dpi=300),)),
            "no_print_area",
            "cannot print where",
        ),
        (
            offer("x", print_areas=(PrintAreaSize(name="front", width_um=180_000, height_um=100_000, dpi=300),)),
            "area_too_small",
            "shrink by 15 %",
        ),
    ],
)
def test_a_partner_that_cannot_is_kept_as_a_candidate_with_the_reason(obstacle: Offer, name: str, said: str) -> None:
    proposal = proposed(obstacle, offer("able", cost_minor=10_000), printed=(PRINTED,))

    assert proposal.partner_id == "able"
    refused = proposal.candidates[-1]
    assert (refused.partner_id, refused.eligible, refused.score, refused.obstacle) == ("x", False, 0, name)
    assert said in refused.reason


def test_a_partner_to_whom_calls_fail_is_asked_where_nobody_else_can_make_it() -> None:
    proposal = proposed(offer("away", unreachable=True), offer("empty", stock=0))

    assert proposal.partner_id == "away"
    assert "calls to it fail at the moment, and nobody else can make it" in proposal.candidates[0].reason


def test_a_partner_works_again_when_its_outage_has_ended() -> None:
    closed = offer("x", outages=(CLOSED,))

    assert proposed(closed).partner_id == ""
    assert proposed(closed, asked_at=CLOSED.ends_at).partner_id == "x"
    assert proposed(closed, asked_at=CLOSED.begins_at - 1).partner_id == "x"


ROAD = ShippingMethod(method="ground", countries=("US",), days_max=6)
AIR = ShippingMethod(method="air", countries=("*",), days_max=3)


def test_the_days_on_the_road_are_those_of_its_way_where_the_partner_says_none_of_the_country() -> None:
    by_road = offer("road", transit_days={}, shipping_methods=(ROAD,))
    by_air = offer("air", transit_days={}, shipping_methods=(ROAD, AIR))
    said = offer("said", transit_days={"US": 2}, shipping_methods=(ROAD, AIR))
    silent = offer("silent", transit_days={})

    proposal = proposed(by_road, by_air, said, silent)

    assert {one.partner_id: one.transit_days for one in proposal.candidates} == {
        "said": 2,
        "air": 3,
        "silent": 0,
        "road": 6,
    }


def test_a_partner_none_of_whose_ways_goes_there_does_not_ship_there() -> None:
    proposal = proposed(offer("road", shipping_methods=(ROAD,)), country="DE")

    assert (proposal.partner_id, proposal.candidates[0].obstacle) == ("", "no_shipping")


def test_artwork_that_is_a_little_too_large_is_scaled_and_a_partner_that_named_no_area_is_trusted() -> None:
    nearly = offer("nearly", print_areas=(FRONT,), cost_minor=400)

    assert proposed(nearly, offer("silent"), printed=(PRINTED,)).partner_id == "nearly"
    assert proposed(offer("silent"), printed=(PRINTED,)).partner_id == "silent"
    assert proposed(nearly, printed=(PRINTED,)).candidates[0].scale_percent == 5


def test_rules_may_keep_partners_out() -> None:
    shipped = shipped_rules()
    denied = msgspec.structs.replace(shipped, partners=msgspec.structs.replace(shipped.partners, denied=("cheap",)))
    allowed = msgspec.structs.replace(shipped, partners=msgspec.structs.replace(shipped.partners, allowed=("dear",)))

    for rules in (denied, allowed):
        proposal = proposed(offer("cheap", cost_minor=1), offer("dear"), rules=rules)
        assert proposal.partner_id == "dear"
        assert proposal.candidates[1].obstacle == "not_allowed"


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


def test_a_price_in_another_currency_is_converted_by_the_rules() -> None:
    proposal = proposed(offer("a", cost_minor=540), offer("b", cost_minor=500, currency="EUR"))

    assert proposal.partner_id == "a"
    assert "cost 1100 (500 EUR a unit)" in proposal.candidates[1].reason


def test_a_price_without_a_rate_is_taken_for_a_high_one_but_keeps_nobody_from_printing() -> None:
    strange = offer("strange", cost_minor=1, currency="XTS")

    assert proposed(strange, offer("dear", cost_minor=1_500)).partner_id == "dear"
    assert proposed(strange).partner_id == "strange"


def test_a_destination_that_is_not_known_is_no_obstacle_for_who_ships_everywhere() -> None:
    proposal = proposed(offer("a"), country="")

    assert proposal.partner_id == "a"
    assert "distance not known" in proposal.candidates[0].reason


def test_the_parts_that_are_told_add_up_to_the_score() -> None:
    rules = Rules(version="t", currency="USD", standard=Weights(promise_days=4, per_day=10, per_late_day=100))

    (candidate,) = proposed(offer("a", cost_minor=250), rules=rules).candidates

    assert candidate.reason == "cost 500 (250 USD a unit); 5 days 50; 1 days late 100"
    assert candidate.score == 650


BACK_LINE = OtherLine(line_id="2", variant_id="tee", units=1)


def tee(name: str, cost_minor: int, **changes: object) -> Offer:
    made = {"variant_id": "tee", "partner_variant": f"{name}-TEE", "cost_minor": cost_minor, **changes}
    return offer(name, NEW_YORK, **made)


def test_the_partner_that_makes_both_lines_is_proposed_although_each_line_is_cheaper_elsewhere() -> None:
    both = (offer("both", cost_minor=560), tee("both", 560))
    single = (offer("mugs", cost_minor=500), tee("tees", 500))

    assert proposed(*both, *single).partner_id == "mugs"
    assert proposed(*both, *single, others=(BACK_LINE,)).partner_id == "both"


def test_an_order_is_split_where_no_one_partner_has_all_lines() -> None:
    proposal = proposed(offer("mugs"), tee("tees", 500), others=(BACK_LINE,))

    assert proposal.partner_id == "mugs"
    assert "the order's other lines" in proposal.candidates[0].reason


def test_an_order_is_split_where_one_parcel_would_cost_more_than_two() -> None:
    offers = (offer("mugs", cost_minor=500), offer("both", cost_minor=1_200), tee("both", 500))

    assert proposed(*offers, others=(BACK_LINE,)).partner_id == "mugs"


def test_lines_that_are_asked_for_together_land_together_though_each_would_choose_another() -> None:
    # given: mugs are a little cheaper at a, tees at b, and the whole order is cheapest at b
    offers = (offer("a", cost_minor=480), tee("a", 700), offer("b", cost_minor=500), tee("b", 500))
    mug = OtherLine(line_id="1", variant_id="mug", units=2)
    # when
    first = proposed(*offers, others=(BACK_LINE,))
    second = proposed(*offers, line_id="2", variant_id="tee", units=(1,), others=(mug,))
    # then
    assert first.partner_id == second.partner_id == "b"


def test_a_line_that_comes_later_prefers_the_partner_of_the_order_s_other_lines() -> None:
    placed = OtherLine(line_id="2", variant_id="tee", units=1, partner_id="dear")
    proposal = proposed(offer("cheap", cost_minor=400), offer("dear", cost_minor=500), others=(placed,))

    assert proposal.partner_id == "dear"
    assert "it makes other lines of the order" in proposal.candidates[0].reason
    assert "a further partner 50" in proposal.candidates[1].reason


def test_units_that_are_made_again_stay_where_their_colours_match() -> None:
    offers = (offer("cheap", cost_minor=200), offer("maker", cost_minor=800))

    assert proposed(*offers).partner_id == "cheap"
    proposal = proposed(*offers, made_by="maker")
    assert proposal.partner_id == "maker"
    assert "another press" in proposal.candidates[1].reason


def test_where_the_maker_gave_up_another_press_makes_the_units_rather_than_nobody() -> None:
    proposal = proposed(offer("maker"), offer("other"), made_by="maker", excluded_partner_ids=("maker",))

    assert proposal.partner_id == "other"


def test_a_line_that_nobody_can_make_does_not_decide_about_the_others() -> None:
    sold_out = msgspec.structs.replace(tee("b", 1), stock=0)
    proposal = proposed(offer("a", cost_minor=400), offer("b"), sold_out, others=(BACK_LINE,))

    assert proposal.partner_id == "a"


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
