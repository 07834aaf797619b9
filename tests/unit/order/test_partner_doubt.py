"""Whether a partner may have a run, and what follows: asked first, waited for, given to the next, told to a person."""

from typing import Any

import pytest

from events.order.commands import ReportSubmissionRefused
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    PartnerGaveUp,
    RoutingRequested,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.values import OrderPolicy
from tests.order_life import a_line, a_store_order, placed
from tests.unit.order.spec import Scenario, Step, a, deadline, everybody_answers_until, given, report_on

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=3, retry_wait_ms=30_000)
SUBMITTING = (
    placed(a_store_order(lines=(a_line(quantity=2),), policy=POLICY)),
    everybody_answers_until(SubmissionRequested),
)


def refused(reason: str = "not_reached", **fields: Any) -> Step:
    """A refusal for now, by the newest request."""

    def answer(asked: SubmissionRequested) -> ReportSubmissionRefused:
        said: dict[str, Any] = {"reason": reason, "retryable": True, **fields}
        return ReportSubmissionRefused(request_id=asked.request_id, line_id=asked.line_id, run=asked.run, **said)

    return report_on(SubmissionRequested, answer)


def waited_ms(scenario: Scenario) -> int:
    """How long the run waits from now."""
    return scenario.history.order.deadlines["submit:1:1"] - scenario.history.now


def test_the_first_attempt_asks_nothing_first() -> None:
    assert not given(*SUBMITTING).history.newest(SubmissionRequested).ask_first


def test_after_a_partner_that_was_never_reached_the_next_attempt_needs_to_ask_nothing() -> None:
    given(*SUBMITTING, refused()).when(deadline("submit:1:1")).then(
        DeadlinePassed, a(SubmissionRequested, attempt=2, ask_first=False)
    )


def test_after_an_attempt_that_nobody_answered_the_partner_is_asked_first() -> None:
    given(*SUBMITTING).when(deadline("submit:1:1")).then(
        DeadlinePassed, a(SubmissionRequested, attempt=2, ask_first=True)
    )


def test_after_an_outcome_that_nobody_knows_the_partner_is_asked_first() -> None:
    given(*SUBMITTING, refused(OUTCOME_UNKNOWN)).when(deadline("submit:1:1")).then(
        DeadlinePassed, a(SubmissionRequested, attempt=2, ask_first=True)
    )


def test_workers_that_could_not_learn_what_the_partner_has_are_not_said_to_be_silent() -> None:
    scenario = given(*SUBMITTING)
    for _ in range(POLICY.attempts_max + 2):
        scenario.when(refused(OUTCOME_UNKNOWN))
        scenario.when(deadline("submit:1:1")).then_not(ExceptionRaised)
    assert set(scenario.history.order.exceptions) == {"submission_unknown:1:1"}


def test_workers_that_fell_silent_are_told_of_however_little_the_partner_said_before() -> None:
    scenario = given(*SUBMITTING, refused(OUTCOME_UNKNOWN))
    for _ in range(POLICY.attempts_max):
        scenario.when(deadline("submit:1:1"))
    assert set(scenario.history.order.exceptions) == {"work_overdue:submit:1:1"}


def test_a_partner_that_is_never_reached_does_not_keep_the_next_one_from_printing() -> None:
    scenario = given(*SUBMITTING)
    for _ in range(2):
        scenario.when(refused()).then(SubmissionRefused, DeadlineSet)
        scenario.when(deadline("submit:1:1"))
    scenario.when(refused()).then(
        SubmissionRefused, PartnerGaveUp, a(RoutingRequested, run=2, excluded_partner_ids=("press-east",))
    )


def test_an_older_attempt_that_reached_nobody_says_nothing_of_a_newer_one() -> None:
    older = refused()(given(*SUBMITTING).history)
    assert older is not None
    given(*SUBMITTING, deadline("submit:1:1")).when(older).then_ignored()


def test_a_wait_that_the_partner_asks_for_is_heeded_when_it_is_longer_than_our_own() -> None:
    scenario = given(*SUBMITTING)
    scenario.when(refused("rate_limited", retry_after_ms=90_000)).then(SubmissionRefused, DeadlineSet)
    assert waited_ms(scenario) == 90_000
    shorter = given(*SUBMITTING)
    shorter.when(refused("rate_limited", retry_after_ms=5)).then(SubmissionRefused, DeadlineSet)
    assert waited_ms(shorter) == 30_000


def test_a_partner_that_wants_a_longer_rest_than_any_wait_of_ours_loses_the_run_at_once() -> None:
    given(*SUBMITTING).when(refused("circuit_open", retry_after_ms=120_001)).then(
        SubmissionRefused, a(PartnerGaveUp, reason="circuit_open"), RoutingRequested
    )


def test_not_even_a_long_wait_gives_away_a_run_that_the_partner_may_have() -> None:
    scenario = given(*SUBMITTING)
    outcome = scenario.when(refused(OUTCOME_UNKNOWN, retry_after_ms=10**12))
    outcome.then_not(PartnerGaveUp, RoutingRequested).waits_for("submit:1:1")
    assert waited_ms(scenario) == 86_400_000


@pytest.mark.parametrize("retryable", [True, False])
def test_what_only_a_person_can_mend_is_told_to_one_and_the_order_goes_on(retryable: bool) -> None:
    outcome = given(*SUBMITTING).when(
        refused("credentials", retryable=retryable, needs_person=True, detail="HTTP 401: expired")
    )
    outcome.then_among_others(a(ExceptionRaised, exception_id="partner_refuses:1:1", blocking=False))
    goes_on = "submit:1:1" if retryable else "route:1:2"
    outcome.waits_for(goes_on).status_is("ready")
    raised = outcome.history.newest(ExceptionRaised)
    assert "HTTP 401: expired" in raised.detail
    assert "credentials" in raised.what_to_do
