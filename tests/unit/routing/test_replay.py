"""History tried again: by the same rules nothing changes, by others exactly what they make dearer, nearer or later."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from events.order.values import OtherLine
from infra.commands.routing import show
from infra.routing_chart import change_text, draw
from processors.routing.judge import Judge
from processors.routing.propose import propose
from processors.routing.replay import Difference, by_order, simulate
from processors.routing.rules import Rules, Weights, shipped_rules
from projections.rows import Offer, RoutingDecision
from tests.unit.routing.test_propose import JUDGE, JUNE, SAN_FRANCISCO, asked, offer, tee

CHEAPEST = Rules(version="cheapest", currency="USD", standard=Weights(promise_days=10))
NEAREST = Rules(version="nearest", currency="USD", standard=Weights(promise_days=10, cost_percent=0, per_1000_km=100))


def decided(order_id: str, *offers: Offer, at: int = JUNE, **changes: object) -> RoutingDecision:
    """What the shipped rules made of these offers, as the read model keeps it."""
    request = asked(**changes)
    by_variant: dict[str, list[Offer]] = {}
    for one in offers:
        by_variant.setdefault(one.variant_id, []).append(one)
    proposal = propose(request, by_variant, JUDGE)
    return RoutingDecision(
        order_id=order_id,
        request=request,
        candidates=proposal.candidates,
        partner_id=proposal.partner_id,
        decided_at=at,
    )


NEAR, FAR = offer("near", cost_minor=520), offer("far", SAN_FRANCISCO, cost_minor=400)


def tried(rules: Rules, *decisions: RoutingDecision) -> Difference:
    return simulate(by_order(decisions), Judge(rules))


def test_by_the_rules_that_it_was_decided_by_nothing_changes() -> None:
    difference = tried(shipped_rules(), decided("1", NEAR, FAR), decided("2", NEAR), decided("3", FAR))

    assert (difference.orders, difference.decisions, difference.changed) == (3, 3, 0)
    assert difference.before == difference.after
    assert difference.examples == []


def test_other_rules_change_the_partner_the_cost_and_the_way() -> None:
    decision = decided("1", NEAR, FAR)
    assert decision.partner_id == "far"

    difference = tried(NEAREST, decision)

    assert difference.changed == 1
    assert (difference.before.cost_minor, difference.after.cost_minor) == (800, 1_040)
    assert difference.before.distance_km > 3_000 > 1_000 > difference.after.distance_km
    assert (difference.before.partners, difference.after.partners) == ({"far": 1}, {"near": 1})
    (example,) = difference.examples
    assert (example.order_id, example.before, example.after) == ("1", "far", "near")


def test_lateness_of_both_sides_is_measured_by_the_promise_of_the_tried_rules() -> None:
    slow, quick = offer("slow", cost_minor=400, production_days=5), offer("quick", cost_minor=600, production_days=1)
    rules = Rules(version="t", currency="USD", standard=Weights(promise_days=6, per_late_day=10_000))

    difference = tried(rules, decided("1", slow, quick))

    assert (difference.before.late, difference.before.late_days) == (1, 2)
    assert (difference.after.late, difference.after.late_days) == (0, 0)


MUG, TEE = (
    OtherLine(line_id="1", variant_id="mug", units=2),
    OtherLine(line_id="2", variant_id="tee", units=1),
)
TWO_LINES = (offer("mugs", cost_minor=300), tee("mugs", 900), offer("tees", cost_minor=700), tee("tees", 300))


def of_two_lines() -> tuple[RoutingDecision, RoutingDecision]:
    """An order whose lines were asked for in the same breath."""
    return (
        decided("1", *TWO_LINES, others=(TEE,)),
        decided("1", *TWO_LINES, line_id="2", variant_id="tee", units=(1,), others=(MUG,), at=JUNE + 1),
    )


def test_an_order_s_lines_are_tried_together_each_where_the_tried_rules_put_the_others() -> None:
    decisions = of_two_lines()
    assert [decision.partner_id for decision in decisions] == ["mugs", "tees"]
    together = Rules(version="together", currency="USD", standard=Weights(promise_days=10, split=5_000))

    difference = tried(together, *decisions)

    assert (difference.before.splits, difference.after.splits) == (1, 0)
    assert difference.after.partners == {"mugs": 2}
    assert tried(CHEAPEST, *decisions).after.splits == 1


def test_a_limit_of_the_old_rules_does_not_bind_the_new_ones_but_a_fact_does() -> None:
    full, sold_out = offer("full", cost_minor=1, load_percent=100), offer("sold-out", cost_minor=1, stock=0)
    decision = decided("1", full, sold_out, offer("dear"))
    assert decision.partner_id == "dear"

    lenient = msgspec.structs.replace(CHEAPEST, must=msgspec.structs.replace(CHEAPEST.must, load_percent_max=100))

    assert tried(lenient, decision).after.partners == {"full": 1}


def test_lines_that_nobody_could_make_and_prices_without_a_rate_are_counted() -> None:
    nobody, strange = decided("1", offer("a", stock=0)), decided("2", offer("b", currency="XTS"))

    difference = tried(CHEAPEST, nobody, strange)

    assert (difference.before.unroutable, difference.after.unroutable) == (1, 1)
    assert (difference.after.routed, difference.after.unpriced, difference.after.cost_minor) == (1, 1, 0)


def test_long_runs_tell_how_far_they_are() -> None:
    told: list[int] = []
    decisions = (decided(str(number), NEAR, FAR) for number in range(2_500))

    simulate(by_order(decisions), Judge(CHEAPEST), told.append)

    assert told == [1_000, 2_000, 2_500]


@pytest.mark.parametrize(("before", "after", "said"), [(200, 150, "-25.0 %"), (0, 3, "+3"), (5, 5, "the same")])
def test_a_change_is_told_in_per_cent_where_there_is_something_to_compare_with(
    before: int, after: int, said: str
) -> None:
    assert change_text(before, after) == said


def test_the_chart_is_well_formed_and_names_figures_and_partners_even_strange_ones() -> None:
    strange = offer("<b>&press", cost_minor=1)
    difference = tried(NEAREST, decided("1", NEAR, FAR), decided("2", strange))

    root = ElementTree.fromstring(draw(difference, "Routing by <rules>"))  # noqa: S314 - what we drew ourselves

    words = " ".join(text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in (
        "Routing by <rules>",
        "cost: ",
        "shipping: ",
        "splits: ",
        "distance: ",
        "lateness: ",
        "<b>&press",
        "near",
        "far",
    ):
        assert word in words


def test_the_table_shows_every_figure_of_both_sides() -> None:
    console = Console(width=120, record=True, file=StringIO())
    show(tried(NEAREST, decided("1", NEAR, FAR)), 0.5, Path("chart.svg"), console)

    shown = console.export_text()
    for words in ("cost (USD, minor units)", "1,040", "800", "late lines", "near", "far", "1 of 1 decisions differ"):
        assert words in shown
