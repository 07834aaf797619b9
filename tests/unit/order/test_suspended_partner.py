"""A run whose partner was suspended before it had it: the next candidate is asked, and the partner may come back."""

from events.order.commands import CancelOrder, ReportSubmissionRefused
from events.order.evolve_production import OUTCOME_UNKNOWN, PARTNER_SUSPENDED
from events.order.facts import (
    DeadlineSet,
    LineCancelled,
    OrderCancelled,
    PartnerCancellationRequested,
    RoutingRequested,
    SubmissionRefused,
    SubmissionRequested,
)
from tests.order_life import placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

SUBMITTING = (placed(), everybody_answers_until(SubmissionRequested))


def refused(reason: str, *, retryable: bool = False) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id="1", run=asked.run, reason=reason, retryable=retryable
        ),
    )


def test_the_run_ends_and_its_units_are_routed_anew_without_excluding_the_partner_for_ever() -> None:
    given(*SUBMITTING).when(refused(PARTNER_SUSPENDED)).then(
        a(SubmissionRefused, reason=PARTNER_SUSPENDED),
        a(LineCancelled, run=1, units=(), reason=PARTNER_SUSPENDED),
        a(RoutingRequested, run=2, units=(1,), excluded_partner_ids=()),
    ).waits_for("route:1:2")


def test_a_run_that_waits_for_its_next_try_goes_elsewhere_at_that_try() -> None:
    waiting = (*SUBMITTING, refused("overloaded", retryable=True), deadline("submit:1:1"))
    given(*waiting).when(refused(PARTNER_SUSPENDED)).then_among_others(LineCancelled, a(RoutingRequested, run=2))


def test_a_run_of_which_nobody_knows_the_outcome_waits_for_the_partners_word() -> None:
    given(*SUBMITTING).when(refused(OUTCOME_UNKNOWN, retryable=True)).then(SubmissionRefused, DeadlineSet).waits_for(
        "submit:1:1"
    )


def test_an_acceptance_that_comes_all_the_same_is_stopped() -> None:
    given(*SUBMITTING, refused(PARTNER_SUSPENDED)).when(answer_to(SubmissionRequested)).then(
        a(PartnerCancellationRequested, run=1)
    )


def test_an_order_that_is_being_cancelled_ends_with_it() -> None:
    given(*SUBMITTING, CancelOrder(reason="r")).when(refused(PARTNER_SUSPENDED)).then_among_others(
        OrderCancelled
    ).status_is("cancelled")
