"""The route worker: what it asks of the catalogue, and what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportRouted, ReportRoutingFailed
from events.order.facts import RoutingRequested
from events.order.values import OtherLine
from processors.routing.rulebook import Rulebook
from processors.routing.rules import DAY_MS
from processors.workers.route import Route
from projections.rows import Offer, Offers
from tests.unit.routing.test_propose import BACK_LINE, JUNE, asked, offer, tee

ENVELOPE = FactEnvelope(
    key="order-1",
    tenant="demo",
    fact_type="RoutingRequested",
    seq=1,
    position=1,
    recorded_at=JUNE,
    actor="test",
    causation_id="c",
)


class Catalogue:
    """A catalogue of these offers; notes what it was asked."""

    def __init__(self, *offers: Offer) -> None:
        self._offers = offers
        self.asked: list[tuple[str, tuple[str, ...], int]] = []

    def offers(self, tenant: str, variant_ids: Sequence[str], since_day: int = 0) -> Offers:
        self.asked.append((tenant, tuple(variant_ids), since_day))
        by_variant = {
            variant: tuple(one for one in self._offers if one.variant_id == variant) for variant in variant_ids
        }
        return Offers(by_variant=by_variant, catalogue_offset=41)

    def routing_rules(self, tenant: str) -> str:
        return ""


class Away:
    """Calls to these partners fail."""

    def __init__(self, *partners: str) -> None:
        self._partners = frozenset(partners)

    def open_circuits(self) -> frozenset[str]:
        return self._partners


def reported(catalogue: Catalogue, request: RoutingRequested, circuits: Away | None = None) -> OrderCommand:
    route = Route(catalogue, Rulebook(catalogue), circuits or Away())
    return asyncio.run(route.carry_out(request, ENVELOPE))


def test_the_proposal_is_reported_with_every_candidate_the_rules_and_the_catalogue_s_offset() -> None:
    report = reported(Catalogue(offer("dear", cost_minor=900), offer("cheap")), asked())

    assert isinstance(report, ReportRouted)
    assert (report.partner_id, report.partner_variant) == ("cheap", "cheap-MUG")
    assert [candidate.partner_id for candidate in report.candidates] == ["cheap", "dear"]
    assert report.rule_version.startswith("shipped-2@")
    assert (report.catalogue_offset, report.priority) == (41, "standard")
    assert report.promised_by == JUNE + 10 * DAY_MS


def test_offers_for_all_lines_without_a_partner_are_read_at_once() -> None:
    catalogue = Catalogue(offer("a"), tee("a", 500))
    placed = OtherLine(line_id="3", variant_id="poster", units=1, partner_id="a")

    reported(catalogue, asked(others=(BACK_LINE, placed)))

    ((tenant, variants, since_day),) = catalogue.asked
    assert (tenant, variants) == ("demo", ("mug", "tee"))
    assert since_day == JUNE // DAY_MS - 90


def test_where_nobody_can_make_it_the_reason_and_what_was_looked_at_are_reported() -> None:
    report = reported(Catalogue(offer("a", stock=0)), asked())

    assert isinstance(report, ReportRoutingFailed)
    assert "a: it has 0 in stock" in report.reason
    assert (report.catalogue_offset, report.candidates[0].obstacle) == (41, "out_of_stock")
    assert report.rule_version.startswith("shipped-2@")


def test_a_partner_to_whom_calls_fail_is_passed_over() -> None:
    report = reported(Catalogue(offer("cheap", cost_minor=1), offer("dear")), asked(), Away("cheap"))

    assert isinstance(report, ReportRouted)
    assert report.partner_id == "dear"
    assert report.candidates[1].obstacle == "unreachable"
