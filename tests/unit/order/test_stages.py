"""Stages as presses know them: each that a partner reports is on the timeline at once, whichever vendor reports it."""

from itertools import permutations

import msgspec
import pytest

from events.order.commands import ReportPartnerStatus
from events.order.facts import LinePrinted, PartnerGaveUp, PartnerStatusObserved, ProductionStarted, SubmissionAccepted
from processors.partners import (
    gelato_events,
    gelato_wire,
    house_shop,
    print_shop,
    printful_events,
    printful_wire,
    printify_events,
)
from processors.partners.protocol import CANONICAL_CONDITIONS, CANONICAL_STAGES, JobSnapshot, PartnerReport, StatusMap
from processors.suppliers import supplier
from projections.sentences import describe
from tests.order_life import NOW, World, placed
from tests.unit.order.spec import a, everybody_answers_until, given

ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
STAGES = tuple(CANONICAL_STAGES.items())
ALL_OF_THEM = {"queued", "printing", "finishing", "quality_check", "printed", "handed_over"}
AS_PRESSES_SAY = {word: word.replace("_", " ") for word in ALL_OF_THEM | CANONICAL_CONDITIONS} | {
    "printed": "ready for shipment"
}
MAPS = {
    "printful": printful_events.STATUS_MAP,
    "gelato": gelato_events.STATUS_MAP,
    "print_shop": print_shop.STATUS_MAP,
    "supplier": supplier.STATUS_MAP,
    "house_shop": house_shop.STATUS_MAP,
}
WORDS = [(vendor, word) for vendor, words in MAPS.items() for word in sorted(words.words)]


def report(words: StatusMap, raw: str, *, at: int = NOW) -> ReportPartnerStatus:
    return ReportPartnerStatus(
        line_id="1",
        run=1,
        raw=raw,
        canonical=words.canonical(raw) or "",
        rank=words.rank(raw),
        partner_at=at + 100,
        partner_event_id=f"event-{raw}",
        adapter_version=words.provenance,
    )


@pytest.mark.parametrize(("vendor", "word"), WORDS)
def test_each_word_of_each_vendor_is_on_the_timeline_at_once(vendor: str, word: str) -> None:
    words = MAPS[vendor]
    outcome = given(*ACCEPTED).when(report(words, word))
    outcome.then_among_others(a(PartnerStatusObserved, raw=word, canonical=words.canonical(word), applied=True))
    (observed,) = (fact for fact in outcome.facts if isinstance(fact, PartnerStatusObserved))
    entry = describe(observed)
    assert word in entry.title
    assert AS_PRESSES_SAY[str(words.canonical(word))] in entry.detail


def test_the_house_print_shop_reports_every_stage() -> None:
    words = MAPS["print_shop"]
    assert {words.canonical(word) for word in words.words} - CANONICAL_CONDITIONS == ALL_OF_THEM


def test_every_vendor_reports_what_the_order_goes_by() -> None:
    # The house shop hands over nothing by itself, and holds for a person what it cannot make; suppliers print nothing.
    never_said = {"house_shop": {"handed_over", "failed"}, "supplier": {"printing"}}
    for vendor, words in MAPS.items():
        reported = {words.canonical(word) for word in words.words} | never_said.get(vendor, set())
        assert {"queued", "printing", "handed_over", "failed", "cancelled", "on_hold"} <= reported, vendor


def test_a_run_that_goes_through_all_stages_shows_each_as_it_comes() -> None:
    history, shown = given(*ACCEPTED).history, []
    for word, rank in STAGES:
        facts = history.take(World().status("1", 1, word, rank))
        shown += [fact.canonical for fact in facts if isinstance(fact, PartnerStatusObserved) and fact.applied]
    assert shown == list(CANONICAL_STAGES)


@pytest.mark.parametrize("order_of_arrival", list(permutations(STAGES[1:5])))
def test_stages_that_come_shuffled_are_all_kept_and_start_and_end_the_run_once(
    order_of_arrival: tuple[tuple[str, int], ...],
) -> None:
    history = given(*ACCEPTED).history
    for word, rank in order_of_arrival:
        history.take(World().status("1", 1, word, rank))
    kinds = [type(fact) for fact in history.facts]
    assert kinds.count(PartnerStatusObserved) == 4
    assert (kinds.count(ProductionStarted), kinds.count(LinePrinted)) == (1, 1)


def test_a_vendor_that_only_says_that_it_shipped_has_printed_too() -> None:
    given(*ACCEPTED).when(World().status("1", 1, "handed_over", 60)).then_among_others(ProductionStarted, LinePrinted)


AT = "2026-11-20T07:00:00Z"
KEY = "e" * 32


def from_printful(status: str) -> tuple[PartnerReport, ...]:
    order = {"id": 1, "external_id": KEY, "status": status}
    body = {"type": "order_updated", "occurred_at": AT, "data": {"order": order}}
    return printful_events.reports(msgspec.json.encode(body))


def from_printify(status: str) -> tuple[PartnerReport, ...]:
    resource = {"id": "1", "type": "order", "data": {"status": status}}
    body = {"id": status, "type": "order:updated", "created_at": AT.replace("T", " "), "resource": resource}
    return printify_events.reports(msgspec.json.encode(body))


def printful_asked(status: str) -> JobSnapshot:
    order = printful_wire.Order(
        id=1, external_id=KEY, status=status, created_at=AT, updated_at=AT, order_items=(),
        costs=printful_wire.Costs(calculation_status="done"),
    )  # fmt: skip
    return printful_events.snapshot(KEY, order)


def gelato_asked(status: str) -> JobSnapshot:
    order = gelato_wire.Order(
        id="1", order_type="order", order_reference_id=KEY, fulfillment_status=status, created_at=AT, updated_at=AT
    )
    return gelato_events.snapshot(KEY, (order,))


def command_of(told: PartnerReport | JobSnapshot) -> ReportPartnerStatus:
    at = told.partner_timestamp_at if isinstance(told, PartnerReport) else told.updated_at
    return ReportPartnerStatus(
        line_id="1",
        run=1,
        raw=told.raw_status,
        canonical=told.canonical or "",
        rank=told.rank,
        partner_at=at,
        partner_event_id=told.raw_status,
        adapter_version=told.provenance,
    )


@pytest.mark.parametrize(
    ("stage", "end"),
    [
        (from_printful("inprocess"), from_printful("failed")),
        (from_printful("inprocess"), (printful_asked("canceled"),)),
        (from_printify("in-production"), from_printify("unfulfillable")),
        ((gelato_asked("in_production"),), (gelato_asked("failed"),)),
    ],
)
@pytest.mark.parametrize("is_end_first", [False, True])
def test_the_end_of_a_run_counts_though_a_stage_has_the_same_second(
    stage: tuple[PartnerReport | JobSnapshot, ...], end: tuple[PartnerReport | JobSnapshot, ...], is_end_first: bool
) -> None:
    history = given(*ACCEPTED).history
    for told in (*end, *stage) if is_end_first else (*stage, *end):
        history.take(command_of(told))
    assert [type(fact) for fact in history.facts].count(PartnerGaveUp) == 1
