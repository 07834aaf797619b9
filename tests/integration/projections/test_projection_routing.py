"""What routing reads: decisions to try again, what inspections found, the rules that a tenant has published."""

import msgspec
import pytest

from events.catalogue.facts import Outage, PrintAreaSize, RoutingRulesPublished, ShippingMethod
from events.order.facts import InspectionFailed, InspectionPassed, LineRouted, RoutingFailed, RoutingRequested
from events.order.values import Candidate, Defect
from processors.routing.judge import Judge
from processors.routing.replay import by_order, simulate
from processors.routing.rules import DAY_MS, shipped_rules
from projections.rows import RoutingDecision
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_catalogue import a_partner, an_offer, fold
from tests.ledger_writer import BASE_AT
from tests.order_life import TENANT, World, a_line, a_store_order, context_of, live, placed

pytestmark = pytest.mark.stack

END_OF_TIME = 2**62


def write_lives(rig: Rig) -> list[tuple[str, RoutingRequested, LineRouted]]:
    """Two orders of two lines, whole lives; returns each routing request with its answer."""
    pairs = []
    for external_id in ("1", "2"):
        order = placed(a_store_order(external_id, lines=(a_line("1"), a_line("2"))))
        key = context_of(external_id).key
        facts = live([order], World().answer, external_id)[1]
        rig.ledger.write([(key, fact) for fact in facts])
        asked = {fact.line_id: fact for fact in facts if isinstance(fact, RoutingRequested)}
        pairs += [(key, asked[fact.line_id], fact) for fact in facts if isinstance(fact, LineRouted)]
    return pairs


def decisions_of(rig: Rig, tenant: str = TENANT, begin: int = 0, end: int = END_OF_TIME) -> list[RoutingDecision]:
    with rig.system_reading() as reads:
        return list(reads.routing_decisions(tenant, begin, end))


@pytest.mark.parametrize("batch_records_max", [3, 5_000])
def test_each_decision_is_read_back_with_its_question_order_by_order(rig: Rig, batch_records_max: int) -> None:
    # given
    pairs = write_lives(rig)
    # when
    rig.project("routing_decisions", batch_records_max=batch_records_max)
    # then
    found = decisions_of(rig)
    expected = {(key, asked.line_id): (asked, routed) for key, asked, routed in pairs}
    assert len(found) == len(expected) == 4
    assert [decision.order_id for decision in found] == sorted(decision.order_id for decision in found)
    for decision in found:
        asked, routed = expected[decision.order_id, decision.request.line_id]
        assert decision.request == asked
        assert (decision.candidates, decision.partner_id) == (routed.candidates, routed.partner_id)
    assert simulate(by_order(found), Judge(shipped_rules())).orders == 2


def test_decisions_are_a_tenants_own_and_of_the_time_that_is_asked_for(rig: Rig) -> None:
    write_lives(rig)
    rig.project("routing_decisions")

    moments = sorted(decision.decided_at for decision in decisions_of(rig))
    assert decisions_of(rig, tenant="another") == []
    assert len(decisions_of(rig, begin=moments[1])) == 3
    assert len(decisions_of(rig, end=moments[1])) == 1


def test_a_line_that_nobody_could_make_is_a_decision_and_a_question_without_an_answer_is_none(rig: Rig) -> None:
    # given
    (key, asked, _), *_ = write_lives(rig)
    full = Candidate(partner_id="press", eligible=False, score=0, reason="it is full", obstacle="full")
    rig.ledger.write(
        [
            ("lonely", asked),
            (key, RoutingFailed(line_id="1", run=1, reason="no partner can make it", candidates=(full,))),
        ]
    )
    # when
    rig.project("routing_decisions")
    # then
    found = {(decision.order_id, decision.request.line_id): decision for decision in decisions_of(rig)}
    assert found[key, "1"].partner_id == ""
    assert found[key, "1"].candidates == (full,)
    assert ("lonely", "1") not in found


def test_decisions_that_are_rebuilt_by_two_processes_are_the_same(rig: Rig) -> None:
    write_lives(rig)
    rig.project("routing_decisions")
    before = decisions_of(rig)

    rig.rebuild("routing_decisions", processes=2)

    assert decisions_of(rig) == before


def test_what_inspections_found_is_added_up_by_partner_and_rides_on_its_offers(rig: Rig) -> None:
    # given
    passed = InspectionPassed(line_id="1", run=1, units=(1, 2, 3), by="a", partner_id="press-east")
    failed = InspectionFailed(
        line_id="1", run=1, units=(4,), defects=(Defect(code="misprint"),), by="a", partner_id="press-east"
    )
    rig.ledger.write([(f"order-{number}", fact) for number in range(5) for fact in (passed, failed)])
    catalogue = rig.writer(rig.topics.catalogue_events)
    catalogue.write(
        [(name, fact) for name in ("press-east", "press-west") for fact in (a_partner(name), an_offer(name, 10))],
        tenant="shared",
    )
    # when
    rig.project("partner_quality", batch_records_max=3)
    fold(rig, catalogue)
    # then
    with rig.system_reading() as reads:
        offers = reads.offers(TENANT, ["mug-11oz-white"], BASE_AT // DAY_MS).by_variant["mug-11oz-white"]
        found = {offer.partner.partner_id: offer.partner for offer in offers}
        assert (found["press-east"].inspected_units, found["press-east"].defective_units) == (20, 5)
        assert (found["press-west"].inspected_units, found["press-west"].defective_units) == (0, 0)
        later = reads.offers(TENANT, ["mug-11oz-white"], BASE_AT // DAY_MS + 1).by_variant["mug-11oz-white"]
        assert later[0].partner.inspected_units == 0
    rig.rebuild("partner_quality", processes=2)
    assert rig.query("SELECT partner_id, inspected_units, defective_units FROM partner_quality") == [
        ("press-east", 20, 5)
    ]


def test_outages_roads_and_print_areas_are_read_with_the_offer(rig: Rig) -> None:
    # given
    outage = Outage(begins_at=1, ends_at=2, reason="stock-taking")
    way = ShippingMethod(method="ground", countries=("DE",), days_max=3)
    area = PrintAreaSize(name="front", width_um=200_000, height_um=90_000, dpi=300)
    partner, offer = a_partner("press-east"), an_offer("press-east", 10)
    catalogue = rig.writer(rig.topics.catalogue_events)
    catalogue.write(
        [
            (
                "partner",
                msgspec.structs.replace(partner, transit_days={"DE": 2}, outages=(outage,), shipping_methods=(way,)),
            ),
            ("offer", msgspec.structs.replace(offer, print_areas=(area,))),
        ],
        tenant="shared",
    )
    # when
    fold(rig, catalogue)
    # then
    with rig.system_reading() as reads:
        (found,) = reads.offers(TENANT, ["mug-11oz-white"]).by_variant["mug-11oz-white"]
        assert (found.partner.transit_days, found.partner.outages) == ({"DE": 2}, (outage,))
        assert (found.print_areas, found.partner.shipping_methods) == ((area,), (way,))
        known = reads.partner("press-east")
        assert known is not None
        assert known.outages == (outage,)


def test_the_newest_published_rules_of_a_tenant_are_its_own(rig: Rig) -> None:
    catalogue = rig.writer(rig.topics.catalogue_events)
    catalogue.write(
        [
            ("rules", RoutingRulesPublished(source_version=number, rules_version=f"v{number}", body=f"body-{number}"))
            for number in (1, 2)
        ],
        tenant=TENANT,
    )

    fold(rig, catalogue)

    with rig.system_reading() as reads:
        assert reads.routing_rules(TENANT) == "body-2"
        assert reads.routing_rules("another") == ""
