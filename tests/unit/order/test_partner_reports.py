"""What a partner reports: applied by rank within a run, kept always, with conditions beside it."""

import msgspec
import pytest

from events.order.commands import ReportCancellationAnswered
from events.order.facts import (
    CancellationRefused,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    InspectionRequested,
    LabelRequested,
    LineCancelled,
    LinePrinted,
    PartnerCancellationRequested,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    RoutingRequested,
    ShipmentDispatched,
    SubmissionAccepted,
)
from events.order.values import QualityReport
from tests.order_life import COASTER, NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import Given, a, answer_to, deadline, everybody_answers_until, given, report_on

WORLD = World()
READY_MADE = msgspec.structs.replace(a_line(artwork=COASTER), contents=())
ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
QUEUED = WORLD.status("1", 1, "queued", 10)
PRINTING = WORLD.status("1", 1, "printing", 20)
PRINTED = WORLD.status("1", 1, "printed", 50)
PRINTED_WITHOUT_REPORT = WORLD.status("1", 1, "done", 50)
ON_HOLD = WORLD.status("1", 1, "on_hold", 0, at=NOW + 30)
FAILED = WORLD.status("1", 1, "failed", 0, at=NOW + 30)
UNKNOWN_WORD = WORLD.status("1", 1, "", 0, at=NOW + 30)


def test_a_report_is_kept_and_applied() -> None:
    given(*ACCEPTED).when(QUEUED).then(
        a(PartnerStatusObserved, raw="queued", canonical="queued", rank=10, applied=True, partner_at=NOW + 10)
    )


def test_printing_starts_production_once() -> None:
    outcome = given(*ACCEPTED).when(PRINTING)
    outcome.then(PartnerStatusObserved, ProductionStarted(line_id="1", run=1)).then_told("buyer: production_started")
    outcome.and_when(WORLD.status("1", 1, "drying", 30)).then(PartnerStatusObserved)


def test_a_lower_rank_is_kept_and_not_applied() -> None:
    given(*ACCEPTED, PRINTING).when(WORLD.status("1", 1, "queued", 10, at=NOW + 99)).then(
        a(PartnerStatusObserved, rank=10, applied=False)
    ).status_is("in_production")


def test_a_late_report_never_moves_a_printed_run_back() -> None:
    outcome = given(*ACCEPTED, PRINTED).when(PRINTING)
    outcome.then(a(PartnerStatusObserved, applied=False))
    assert outcome.order.lines["1"].runs[0].stage == "inspecting"


def test_the_same_report_told_twice_is_kept_and_not_applied() -> None:
    given(*ACCEPTED, QUEUED).when(QUEUED).then(a(PartnerStatusObserved, applied=False)).then_nothing_happens()


def test_a_printed_run_with_a_quality_report_is_inspected() -> None:
    given(*ACCEPTED, PRINTING).when(PRINTED).then(
        PartnerStatusObserved,
        LinePrinted(line_id="1", run=1, units=(1,)),
        a(InspectionRequested, mode="automatic", quality=QualityReport()),
    ).waits_for("inspect:1:1")


def test_a_printed_run_waits_for_its_quality_report() -> None:
    outcome = given(*ACCEPTED, PRINTING).when(PRINTED_WITHOUT_REPORT)
    outcome.then(PartnerStatusObserved, LinePrinted, a(DeadlineSet, deadline_key="quality:1:1"))
    outcome.waits_for("quality:1:1")
    outcome.and_when(PRINTED).then(PartnerStatusObserved, a(InspectionRequested, mode="automatic")).waits_for(
        "inspect:1:1"
    )


def test_a_quality_report_that_comes_before_the_end_is_used_at_the_end() -> None:
    early = WORLD.status("1", 1, "printing", 20, quality=QualityReport())
    given(*ACCEPTED, early).when(PRINTED_WITHOUT_REPORT).then_among_others(a(InspectionRequested, mode="automatic"))


def test_a_person_inspects_a_run_whose_quality_report_never_comes() -> None:
    given(*ACCEPTED, PRINTED_WITHOUT_REPORT).when(deadline("quality:1:1")).then_among_others(
        a(InspectionRequested, mode="person", quality=None)
    ).waits_for("inspect:1:1")


def test_a_partner_that_goes_straight_to_printed_has_also_started() -> None:
    given(*ACCEPTED).when(PRINTED).then_among_others(ProductionStarted, LinePrinted)


def test_a_hold_at_the_partner_is_shown_and_goes_when_the_partner_goes_on() -> None:
    outcome = given(*ACCEPTED).when(ON_HOLD)
    outcome.then(
        a(PartnerStatusObserved, applied=True), a(ExceptionRaised, exception_id="partner_on_hold:1:1", blocking=True)
    ).status_is("exception")
    outcome.and_when(WORLD.status("1", 1, "printing", 20, at=NOW + 60)).then_among_others(
        a(ExceptionResolved, exception_id="partner_on_hold:1:1")
    ).status_is("in_production")


def test_a_hold_that_is_older_than_the_stage_is_kept_and_not_applied() -> None:
    printing = WORLD.status("1", 1, "printing", 20, at=NOW + 60)
    given(*ACCEPTED, printing).when(ON_HOLD).then(a(PartnerStatusObserved, applied=False))


def test_a_hold_ends_at_the_latest_when_the_run_is_printed() -> None:
    given(*ACCEPTED, ON_HOLD).when(WORLD.status("1", 1, "printed", 50, at=NOW - 50)).then_among_others(
        LinePrinted, a(ExceptionResolved, exception_id="partner_on_hold:1:1")
    )


@pytest.mark.parametrize("condition", ["failed", "cancelled"])
def test_a_partner_that_fails_is_replaced_and_a_person_is_told(condition: str) -> None:
    given(*ACCEPTED).when(WORLD.status("1", 1, condition, 0, at=NOW + 30)).then(
        PartnerStatusObserved,
        a(PartnerGaveUp, run=1, partner_id="press-east"),
        a(ExceptionRaised, exception_id="partner_failed:1:1", blocking=False),
        a(RoutingRequested, run=2, excluded_partner_ids=("press-east",)),
    ).waits_for("route:1:2")


def test_a_failed_partner_is_over_once_another_has_taken_the_run() -> None:
    west = everybody_answers_until(SubmissionAccepted, world=World("press-west"))
    assert not given(*ACCEPTED, FAILED, west).history.order.exceptions


def test_a_partner_that_goes_on_after_it_failed_is_stopped() -> None:
    outcome = given(*ACCEPTED, FAILED).when(WORLD.status("1", 1, "printing", 20, at=NOW + 60))
    outcome.then(PartnerStatusObserved, a(PartnerCancellationRequested, run=1, partner_id="press-east"))
    outcome.waits_for("route:1:2", "cancel:1:1")
    stopped = report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id="1", run=asked.run, confirmed=True
        ),
    )
    outcome.and_when(stopped).then(a(LineCancelled, units=(), run=1)).waits_for("route:1:2")


def test_a_partner_that_cannot_be_stopped_is_shown_to_a_person() -> None:
    too_late = report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id="1", run=asked.run, confirmed=False, reason="on the press"
        ),
    )
    going_on = WORLD.status("1", 1, "printing", 20, at=NOW + 60)
    outcome = given(*ACCEPTED, FAILED, going_on).when(too_late)
    outcome.then(CancellationRefused, a(ExceptionRaised, exception_id="unwanted_print:1:1", blocking=True))
    outcome.waits_for("route:1:2")


PASSED = (placed(), everybody_answers_until(LabelRequested))
READY = (placed(a_store_order(lines=(READY_MADE,))), everybody_answers_until(LabelRequested))


@pytest.mark.parametrize("word", ["failed", "cancelled", "on_hold"])
@pytest.mark.parametrize(
    "made", [(*ACCEPTED, PRINTED_WITHOUT_REPORT), PASSED, READY], ids=["printed", "passed", "ready"]
)
def test_a_partner_that_takes_back_what_it_had_made_is_shown_to_a_person(made: tuple[Given, ...], word: str) -> None:
    outcome = given(*made).when(WORLD.status("1", 1, word, 0, at=NOW + 60_000))
    outcome.then(
        a(PartnerStatusObserved, canonical=word, applied=True),
        a(ExceptionRaised, exception_id="goods_in_doubt:1:1", blocking=False),
    ).then_told("support: exception_raised-goods_in_doubt:1:1")


def test_goods_are_in_doubt_until_they_leave_or_their_partner_goes_on() -> None:
    doubtful = (*PASSED, WORLD.status("1", 1, "cancelled", 0, at=NOW + 60_000))
    left = given(*doubtful, answer_to(LabelRequested)).when(WORLD.tracking("P1", "in_transit", 20))
    left.then_among_others(ShipmentDispatched, a(ExceptionResolved, exception_id="goods_in_doubt:1:1"))
    given(*doubtful).when(WORLD.status("1", 1, "packed", 60, at=NOW + 70_000)).then(
        PartnerStatusObserved, a(ExceptionResolved, exception_id="goods_in_doubt:1:1")
    )


def test_a_word_about_made_goods_that_is_heard_before_they_are_known_to_be_made_leaves_the_same_doubt() -> None:
    made = WORLD.status("1", 1, "printed", 50, at=NOW - 50)
    given(*ACCEPTED, ON_HOLD).when(made).then_among_others(
        LinePrinted,
        a(ExceptionRaised, exception_id="goods_in_doubt:1:1"),
        a(ExceptionResolved, exception_id="partner_on_hold:1:1"),
    )


def test_goods_that_left_are_in_no_doubt() -> None:
    delivered = (placed(), everybody_answers_until())
    given(*delivered).when(WORLD.status("1", 1, "cancelled", 0, at=NOW + 60_000)).then(PartnerStatusObserved)


def test_a_word_that_is_not_known_is_kept_and_shown() -> None:
    given(*ACCEPTED).when(UNKNOWN_WORD).then(
        a(PartnerStatusObserved, canonical="", applied=False),
        a(ExceptionRaised, exception_id="status_unknown:1:1", blocking=False),
    ).status_is("in_production")


def test_a_partner_that_does_not_print_in_time_is_shown_until_it_does() -> None:
    outcome = given(*ACCEPTED).when(deadline("production:1:1"))
    outcome.then_among_others(a(ExceptionRaised, exception_id="production_late:1:1")).waits_for("production:1:1")
    outcome.and_when(PRINTED).then_among_others(a(ExceptionResolved, exception_id="production_late:1:1"))
