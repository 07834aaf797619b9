"""Print runs: routed, submitted, tried again, given to the next partner."""

import pytest

from events.order.commands import (
    HoldOrder,
    ReleaseHold,
    ReportRoutingFailed,
    ReportSubmissionRefused,
    ResolveException,
)
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    HoldReleased,
    LineRouted,
    PartnerGaveUp,
    ProductionStarted,
    RoutingFailed,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.refusals import LineUnknown, RunUnknown
from events.order.values import OrderPolicy
from tests.order_life import World, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=3)
ORDER = placed(a_store_order(lines=(a_line(quantity=2),), policy=POLICY))
ROUTING = (ORDER, everybody_answers_until(RoutingRequested))
SUBMITTING = (ORDER, everybody_answers_until(SubmissionRequested))


def refused(reason: str = "overloaded", *, retryable: bool = True) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, reason=reason, retryable=retryable
        ),
    )


def unroutable() -> Step:
    return report_on(
        RoutingRequested,
        lambda asked: ReportRoutingFailed(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, reason="nobody has stock"
        ),
    )


def test_a_proposed_partner_is_given_the_run_with_all_it_needs() -> None:
    outcome = given(*ROUTING).when(answer_to(RoutingRequested))
    outcome.then(
        a(LineRouted, run=1, units=(1, 2), partner_id="press-east", catalogue_offset=41),
        a(SubmissionRequested, run=1, units=(1, 2), partner_id="press-east", partner_variant="MUG11W", attempt=1),
    ).waits_for("submit:1:1")
    assert outcome.history.newest(LineRouted).candidates[1].reason == "farther"
    assert len(outcome.history.newest(SubmissionRequested).effect_key) == 32


def test_a_second_proposal_for_the_same_run_is_ignored() -> None:
    given(*SUBMITTING).when(answer_to(RoutingRequested, partner_id="press-west")).then_ignored()


def test_a_proposal_for_a_line_or_run_that_is_not_there_is_refused() -> None:
    given(*ROUTING).when(answer_to(RoutingRequested, line_id="9")).then_refused(LineUnknown)
    given(*ROUTING).when(answer_to(RoutingRequested, run=2)).then_refused(RunUnknown)
    given(*ROUTING).when(answer_to(RoutingRequested, run=0)).then_refused(RunUnknown)
    given(*ROUTING).when(answer_to(RoutingRequested, run=-1)).then_refused(RunUnknown)


def test_a_run_that_no_partner_can_make_is_shown_to_a_person() -> None:
    given(*ROUTING).when(unroutable()).then(
        a(RoutingFailed, reason="nobody has stock"), a(ExceptionRaised, exception_id="no_partner:1:1", blocking=True)
    ).status_is("exception").waits_for()


def test_resolving_that_nobody_can_make_it_routes_again() -> None:
    resolve = ResolveException(exception_id="no_partner:1:1", how="stock came")
    given(*ROUTING, unroutable()).when(resolve).then(
        ExceptionResolved, a(RoutingRequested, run=1, attempt=2)
    ).waits_for("route:1:1")


def test_an_accepted_run_waits_for_the_partner_to_print() -> None:
    given(*SUBMITTING).when(answer_to(SubmissionRequested)).then(
        SubmissionAccepted(line_id="1", run=1, partner_id="press-east", partner_order_id="J-1"),
        a(DeadlineSet, deadline_key="production:1:1"),
    ).status_is("in_production").waits_for("production:1:1")


def test_an_acceptance_told_twice_is_ignored() -> None:
    given(*SUBMITTING, answer_to(SubmissionRequested)).when(answer_to(SubmissionRequested)).then_ignored()


def test_the_acceptance_of_another_submission_is_ignored() -> None:
    given(*SUBMITTING).when(answer_to(SubmissionRequested, request_id="f" * 32 + ".1")).then_ignored()


def test_a_refused_run_is_tried_again_after_growing_waits_and_then_given_to_the_next_partner() -> None:
    scenario = given(*SUBMITTING)
    keys, waits = set(), []
    for attempt in (1, 2):
        outcome = scenario.when(refused()).then(SubmissionRefused, DeadlineSet)
        waits.append(outcome.order.deadlines["submit:1:1"] - outcome.history.now)
        scenario.when(deadline("submit:1:1")).then(DeadlinePassed, a(SubmissionRequested, attempt=attempt + 1))
        keys.add(scenario.history.newest(SubmissionRequested).effect_key)
    assert waits == [30_000, 60_000]
    assert len(keys) == 1, "every attempt is the same effect"
    scenario.when(refused()).then(
        SubmissionRefused,
        a(PartnerGaveUp, run=1, partner_id="press-east", reason="overloaded"),
        a(RoutingRequested, run=2, units=(1, 2), excluded_partner_ids=("press-east",)),
    ).waits_for("route:1:2")


def test_the_next_partner_gets_a_run_of_its_own() -> None:
    history = given(*SUBMITTING).history
    first = history.newest(SubmissionRequested).effect_key
    history.take(refused(retryable=False))
    history.take(everybody_answers_until(SubmissionAccepted, world=World("press-west")))
    second = history.newest(SubmissionRequested)
    assert (second.run, second.partner_id) == (2, "press-west")
    assert second.effect_key != first


def test_the_partner_that_gave_up_is_not_taken_again() -> None:
    given(*SUBMITTING, refused(retryable=False)).when(answer_to(RoutingRequested)).then_ignored()


def test_a_refusal_for_good_asks_the_next_partner_at_once() -> None:
    given(*SUBMITTING).when(refused("variant_unknown", retryable=False)).then(
        SubmissionRefused, PartnerGaveUp, RoutingRequested
    )


def test_a_refusal_of_an_earlier_attempt_is_ignored_while_the_order_waits() -> None:
    given(*SUBMITTING, refused()).when(refused()).then_ignored()


def test_an_outcome_that_nobody_knows_never_lets_another_partner_print() -> None:
    scenario = given(*SUBMITTING)
    for _ in range(8):
        outcome = scenario.when(refused(OUTCOME_UNKNOWN, retryable=False))
        outcome.then_not(PartnerGaveUp, RoutingRequested).waits_for("submit:1:1")
        scenario.when(deadline("submit:1:1")).then_not(PartnerGaveUp, RoutingRequested)
    assert {run.partner_id for run in scenario.history.order.lines["1"].runs} == {"press-east"}


def test_a_person_is_told_when_the_outcome_stays_unknown_and_it_is_over_once_it_is_known() -> None:
    scenario = given(*SUBMITTING)
    for _ in range(2):
        scenario.when(refused(OUTCOME_UNKNOWN))
        scenario.when(deadline("submit:1:1"))
    scenario.when(refused(OUTCOME_UNKNOWN)).then_among_others(
        a(ExceptionRaised, exception_id="submission_unknown:1:1")
    ).status_is("exception")
    scenario.when(answer_to(SubmissionRequested)).then_among_others(
        SubmissionAccepted, a(ExceptionResolved, exception_id="submission_unknown:1:1")
    ).status_is("in_production")


def test_an_unknown_outcome_told_twice_waits_once() -> None:
    given(*SUBMITTING, refused(OUTCOME_UNKNOWN)).when(refused(OUTCOME_UNKNOWN)).then_ignored()


@pytest.mark.parametrize("reason", ["overloaded", OUTCOME_UNKNOWN])
def test_a_late_acceptance_ends_the_wait(reason: str) -> None:
    given(*SUBMITTING, refused(reason)).when(answer_to(SubmissionRequested)).then_among_others(
        SubmissionAccepted
    ).waits_for("production:1:1")


def test_a_report_of_the_partner_that_overtakes_its_acceptance_is_one() -> None:
    outcome = given(*SUBMITTING).when(World().status("1", 1, "printing", 20))
    outcome.then_among_others(SubmissionAccepted, ProductionStarted).waits_for("production:1:1")
    outcome.and_when(answer_to(SubmissionRequested)).then_ignored()


def test_a_report_about_a_run_that_was_given_to_nobody_is_ignored() -> None:
    given(*ROUTING).when(World().status("1", 1, "printed", 50)).then_ignored()


def test_nothing_is_submitted_while_the_order_is_held() -> None:
    outcome = given(*ROUTING, HoldOrder()).when(answer_to(RoutingRequested))
    outcome.then(LineRouted).waits_for().status_is("on_hold")
    outcome.and_when(ReleaseHold(reason="manual")).then(HoldReleased, SubmissionRequested)


@pytest.mark.parametrize("reason", ["overloaded", OUTCOME_UNKNOWN])
def test_a_held_order_waits_longer_instead_of_submitting_again(reason: str) -> None:
    given(*SUBMITTING, refused(reason), HoldOrder()).when(deadline("submit:1:1")).then(
        DeadlinePassed, a(DeadlineSet, deadline_key="submit:1:1")
    )


def test_an_acceptance_of_a_run_that_nobody_wants_any_more_is_cancelled() -> None:
    scenario = given(*SUBMITTING)
    late = answer_to(SubmissionRequested)(scenario.history)
    assert late is not None
    scenario.when(refused(retryable=False)).then_among_others(PartnerGaveUp)
    outcome = scenario.when(late)
    assert [type(fact).__name__ for fact in outcome.facts] == ["PartnerCancellationRequested"]
    outcome.and_when(late).then_ignored()
