"""A failing partner never blocks the line: refused, silent or stuck, then the next one; and never two at once."""

import pytest

from events.order.commands import CancelOrder, ReportCancellationAnswered, ReportSubmissionRefused, RequestReprint
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    CancellationRefused,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    PartnerCancellationRequested,
    PartnerGaveUp,
    PartnerStatusObserved,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.values import OrderPolicy
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import History, Step, a, answer_to, deadline, everybody_answers_until, given, report_on

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=3)
ORDER = placed(a_store_order(lines=(a_line(),), policy=POLICY))
SUBMITTING = (ORDER, everybody_answers_until(SubmissionRequested))
ACCEPTED = (ORDER, everybody_answers_until(SubmissionAccepted))
STUCK = (*ACCEPTED, deadline("production:1:1"), deadline("production:1:1"))


def refused(reason: str, *, retryable: bool = True) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, reason=reason, retryable=retryable
        ),
    )


def answered(*, confirmed: bool) -> Step:
    return report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, confirmed=confirmed, reason="asked"
        ),
    )


def goes_on_at(history: History, partner_id: str) -> None:
    """Everybody does their part, and this partner makes it."""
    history.take(everybody_answers_until(world=World(partner_id)))
    assert history.order.lines["1"].runs[-1].partner_id == partner_id
    assert history.order.parcels["P1"].stage == "delivered"
    assert not history.order.deadlines


def test_a_partner_that_refuses_is_tried_with_growing_waits_and_then_the_next_one_prints() -> None:
    history, waits = given(*SUBMITTING).history, []
    for attempt in (1, 2, 3):
        history.take(refused("overloaded"))
        if attempt < 3:
            waits.append(history.order.deadlines["submit:1:1"] - history.now)
            history.take(deadline("submit:1:1"))
    assert waits == [POLICY.retry_wait_ms, 2 * POLICY.retry_wait_ms]
    assert history.newest(RoutingRequested).excluded_partner_ids == ("press-east",)
    goes_on_at(history, "press-west")


def test_a_submission_that_nobody_answers_is_asked_about_and_given_to_nobody_else() -> None:
    history = given(*SUBMITTING).history
    for _ in range(5):
        facts = history.take(deadline("submit:1:1"))
        (asked,) = [fact for fact in facts if isinstance(fact, SubmissionRequested)]
        assert asked.ask_first
        assert asked.partner_id == "press-east"
        history.take(refused(OUTCOME_UNKNOWN))
    assert not [fact for fact in history.facts if isinstance(fact, PartnerGaveUp)]


def test_a_partner_that_turns_out_to_have_nothing_loses_the_run_to_the_next() -> None:
    history = given(*SUBMITTING, refused(OUTCOME_UNKNOWN), deadline("submit:1:1")).history
    history.take(refused("out_of_stock", retryable=False))
    goes_on_at(history, "press-west")


def test_a_person_is_told_first_of_a_run_that_is_stuck() -> None:
    outcome = given(*ACCEPTED).when(deadline("production:1:1"))
    outcome.then(DeadlinePassed, a(ExceptionRaised, kind="production_late"), DeadlineSet)
    outcome.then_not(PartnerCancellationRequested).waits_for("production:1:1")


def test_a_run_that_stays_stuck_is_stopped_before_anybody_else_prints_it() -> None:
    outcome = given(*STUCK[:-1]).when(STUCK[-1])
    outcome.then(DeadlinePassed, a(PartnerCancellationRequested, run=1, reason="it is made elsewhere"), DeadlineSet)
    outcome.then_not(RoutingRequested).waits_for("production:1:1", "cancel:1:1")


def test_a_stuck_run_that_is_stopped_goes_to_the_next_candidate() -> None:
    outcome = given(*STUCK).when(answered(confirmed=True))
    outcome.then_among_others(
        a(PartnerGaveUp, partner_id="press-east", reason="stuck"),
        a(RoutingRequested, run=2, excluded_partner_ids=("press-east",)),
    ).waits_for("route:1:2")
    outcome.and_when(answered(confirmed=True)).then_ignored()
    goes_on_at(outcome.history, "press-west")


def test_a_stuck_run_that_the_partner_will_not_stop_is_waited_for() -> None:
    outcome = given(*STUCK).when(answered(confirmed=False))
    outcome.then(a(CancellationRefused, run=1)).waits_for("production:1:1")
    outcome.and_when(deadline("production:1:1")).then(DeadlinePassed, DeadlineSet)
    outcome.and_when(World().status("1", 1, "printed", 50)).line_is("1", "inspecting")


def test_an_acceptance_of_a_run_that_was_given_to_the_next_is_stopped() -> None:
    given(*STUCK, answered(confirmed=True)).when(answer_to(SubmissionRequested, run=1)).then(
        a(PartnerCancellationRequested, run=1, attempt=2)
    )


@pytest.mark.parametrize("word", ["cancelled", "failed"])
def test_a_stuck_run_whose_end_the_partner_reports_before_it_answers_goes_to_the_next_candidate(word: str) -> None:
    given(*STUCK).when(World().status("1", 1, word, 0, at=NOW + 60)).then(
        PartnerStatusObserved,
        a(PartnerGaveUp, run=1, partner_id="press-east"),
        a(ExceptionRaised, exception_id="partner_failed:1:1"),
        a(RoutingRequested, run=2, units=(1,), excluded_partner_ids=("press-east",)),
        a(ExceptionResolved, exception_id="production_late:1:1"),
    ).waits_for("route:1:2")


def test_a_stuck_reprint_that_the_partner_reports_as_cancelled_is_made_by_the_next_candidate() -> None:
    lost = RequestReprint(line_id="1", units=(1,), reason_code="lost")
    reprinting = (ORDER, everybody_answers_until(), lost, everybody_answers_until(SubmissionAccepted))
    stuck = (*reprinting, deadline("production:1:2"), deadline("production:1:2"))
    given(*stuck).when(World().status("1", 2, "cancelled", 0, at=NOW + 60)).then_among_others(
        a(RoutingRequested, run=3, units=(1,), excluded_partner_ids=("press-east",))
    )


def test_a_partner_that_would_not_stop_and_then_fails_is_replaced_and_a_person_is_told() -> None:
    refused_to_stop = (*ACCEPTED, CancelOrder(reason="changed my mind"), answered(confirmed=False))
    given(*refused_to_stop).when(World().status("1", 1, "failed", 0, at=NOW + 60)).then(
        PartnerStatusObserved,
        PartnerGaveUp,
        a(ExceptionRaised, exception_id="partner_failed:1:1"),
        a(RoutingRequested, run=2, excluded_partner_ids=("press-east",)),
    )
