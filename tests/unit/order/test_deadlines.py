"""Deadlines: every open request has one, the answer closes it, and what it means that it passed."""

import pytest

from events.order.commands import CancelOrder, ReportDeadlineElapsed
from events.order.deadlines import deadline_changes, ends_with
from events.order.facts import (
    ArtworkCheckRequested,
    DeadlinePassed,
    ExceptionRaised,
    ExceptionResolved,
    InspectionRequested,
    LabelRequested,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
from events.order.values import OrderPolicy
from tests.order_life import a_line, a_store_order, placed
from tests.unit.order.spec import a, answer_to, deadline, everybody_answers_until, given

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=2)
ORDER = placed(a_store_order(policy=POLICY))


of_each_kind_of_work = pytest.mark.parametrize(
    ("request_type", "key"),
    [
        (ArtworkCheckRequested, "check:1"),
        (RenderRequested, "render:1"),
        (RoutingRequested, "route:1:1"),
        (SubmissionRequested, "submit:1:1"),
        (InspectionRequested, "inspect:1:1"),
        (LabelRequested, "label:P1"),
    ],
)


@of_each_kind_of_work
def test_work_that_nobody_answers_for_is_asked_for_again_and_then_shown_to_a_person(
    request_type: type[OrderEvent], key: str
) -> None:
    scenario = given(ORDER, everybody_answers_until(request_type))
    effect = scenario.history.newest(request_type).effect_key
    again = scenario.when(deadline(key)).then(DeadlinePassed, a(request_type, attempt=2, effect_key=effect))
    again.waits_for(key)
    overdue = scenario.when(deadline(key))
    overdue.then_among_others(
        a(request_type, attempt=3), a(ExceptionRaised, exception_id=f"work_overdue:{key}", blocking=False)
    )
    overdue.and_when(answer_to(request_type)).then_among_others(DONE)


@of_each_kind_of_work
def test_late_work_is_waited_for_twice_as_long_each_time_up_to_eight_times(
    request_type: type[OrderEvent], key: str
) -> None:
    scenario = given(ORDER, everybody_answers_until(request_type))
    waits = []
    for _ in range(5):
        scenario.when(deadline(key))
        waits.append(scenario.history.newest(request_type).due_at - scenario.history.now)
    assert waits == [POLICY.work_timeout_ms * times for times in (2, 4, 8, 8, 8)]


DONE = a(ExceptionResolved, how="What it was about is over.")


def test_a_deadline_that_was_answered_means_nothing() -> None:
    history = given(ORDER).history
    late = ReportDeadlineElapsed(deadline_key="check:1", due_at=history.order.deadlines["check:1"])
    given(*history.facts, answer_to(ArtworkCheckRequested)).when(late).then_ignored()


def test_a_deadline_that_was_moved_means_nothing() -> None:
    history = given(ORDER).history
    late = ReportDeadlineElapsed(deadline_key="check:1", due_at=history.order.deadlines["check:1"])
    history.take(deadline("check:1"))
    given(*history.facts).when(late).then_ignored()


def test_a_deadline_that_nobody_set_means_nothing() -> None:
    given(ORDER).when(ReportDeadlineElapsed(deadline_key="nonsense", due_at=1)).then_ignored()


def test_nothing_is_waited_for_once_all_is_delivered_and_told() -> None:
    assert given(ORDER, everybody_answers_until()).history.order.deadlines == {}


def test_a_cancelled_order_waits_only_for_those_who_are_told() -> None:
    outcome = given(ORDER).when(CancelOrder(reason="r"))
    assert set(outcome.order.deadlines) == {"notify:order_received", "notify:cancelled"}


@pytest.mark.parametrize(
    ("key", "ends"),
    [("check:1", True), ("submit:1:1", True), ("label:P1", False), ("cancel:1:1", False), ("notify:x", False)],
)
def test_a_cancelled_order_ends_these_deadlines(key: str, ends: bool) -> None:
    assert ends_with(OrderCancelled(reason="r"), key) is ends


@pytest.mark.parametrize(
    ("key", "ends"),
    [
        ("check:1", True),
        ("render:2", True),
        ("approval:1", True),
        ("check:3", False),
        ("submit:1:1", False),
        ("label:1", False),
        ("notify:1", False),
    ],
)
def test_an_edit_ends_the_deadlines_of_the_lines_that_begin_again(key: str, ends: bool) -> None:
    assert (
        ends_with(OrderEdited(store_updated_at=1, changed_lines=(a_line("1"),), removed_line_ids=("2",)), key) is ends
    )


def test_a_fact_that_has_to_do_with_no_deadline_changes_none() -> None:
    assert deadline_changes(OrderCancelled(reason="r")) == deadline_changes(
        ExceptionResolved(exception_id="x", how="y", by="z")
    )
