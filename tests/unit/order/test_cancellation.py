"""Cancellation: in time, too late, before the order, while nobody knows whether a partner has it."""

import msgspec

from events.order.commands import (
    CancelOrder,
    HoldOrder,
    ObserveStoreOrder,
    ReportCancellationAnswered,
    ReportInspected,
    ReportSubmissionRefused,
    RequestReprint,
)
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    ArtworkCheckRequested,
    CancellationRefused,
    CancellationRequested,
    DeadlineSet,
    HoldReleased,
    InspectionRequested,
    LabelRequested,
    LineCancelled,
    OrderCancelled,
    OrderPlaced,
    PartnerCancellationRequested,
    PartnerGaveUp,
    ReprintRequested,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.refusals import NothingToCancel
from events.order.values import Defect
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

CANCEL = CancelOrder(reason="changed my mind")
SUBMITTING = (placed(), everybody_answers_until(SubmissionRequested))
ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
CANCELLED_AT_THE_STORE = ObserveStoreOrder(
    order=msgspec.structs.replace(a_store_order(), cancelled=True), store_updated_at=NOW + 9
)


def answered(*, confirmed: bool, reason: str = "") -> Step:
    return report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, confirmed=confirmed, reason=reason
        ),
    )


def refused(reason: str, *, retryable: bool) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, reason=reason, retryable=retryable
        ),
    )


def test_an_order_that_no_partner_has_is_cancelled_at_once() -> None:
    given(placed()).when(CANCEL).then(
        CancellationRequested(reason="changed my mind", by="store:demo-rest"),
        LineCancelled(line_id="1", units=(1,), reason="changed my mind"),
        OrderCancelled(reason="changed my mind"),
    ).status_is("cancelled").line_is("1", "cancelled").waits_for().then_told("buyer: cancelled")


def test_a_cancellation_before_the_order_leaves_a_mark_and_the_order_never_prints() -> None:
    outcome = given().when(CANCEL).then(CancellationRequested).status_is("cancelled")
    outcome.and_when(placed()).then(OrderPlaced, LineCancelled, OrderCancelled).then_told("buyer: cancelled")
    outcome.line_is("1", "cancelled")


def test_a_mark_is_left_once() -> None:
    given(CANCEL).when(CANCEL).then_ignored()


def test_an_order_that_arrives_cancelled_never_prints() -> None:
    given().when(CANCELLED_AT_THE_STORE).then(
        OrderPlaced,
        a(CancellationRequested, by="store:demo-rest"),
        LineCancelled,
        OrderCancelled,
    ).status_is("cancelled")


def test_a_store_that_cancels_its_order_cancels_ours() -> None:
    given(placed()).when(CANCELLED_AT_THE_STORE).then_among_others(OrderCancelled)


def test_a_run_that_waits_for_its_partner_is_cancelled_with_its_deadline() -> None:
    routing = (placed(), everybody_answers_until(RoutingRequested))
    given(*routing).when(CANCEL).then(CancellationRequested, a(LineCancelled, run=1), OrderCancelled).waits_for()


def test_a_run_that_waits_for_its_next_attempt_is_cancelled_with_its_deadline() -> None:
    given(*SUBMITTING, refused("overloaded", retryable=True)).when(CANCEL).then_among_others(OrderCancelled).waits_for()


def test_a_partner_that_has_accepted_is_asked_and_stops_in_time() -> None:
    outcome = given(*ACCEPTED).when(CANCEL)
    outcome.then(CancellationRequested, a(PartnerCancellationRequested, run=1, partner_id="press-east", attempt=1))
    outcome.waits_for("production:1:1", "cancel:1:1")
    history = outcome.history
    assert history.newest(PartnerCancellationRequested).submission_key == history.newest(SubmissionRequested).effect_key
    outcome.and_when(answered(confirmed=True)).then(
        a(LineCancelled, line_id="1", units=(1,), run=1), OrderCancelled
    ).status_is("cancelled").waits_for()


def test_a_partner_that_says_too_late_makes_it_and_the_buyer_is_told() -> None:
    outcome = given(*ACCEPTED, CANCEL).when(answered(confirmed=False, reason="on the press"))
    outcome.then(CancellationRefused(line_id="1", run=1, reason="on the press"))
    outcome.then_told("buyer: cancellation_refused-1").waits_for("production:1:1").status_is("in_production")
    history = outcome.history
    history.take(everybody_answers_until())
    assert history.order.parcels["P1"].stage == "delivered"


def test_an_answer_told_twice_is_ignored() -> None:
    given(*ACCEPTED, CANCEL, answered(confirmed=False)).when(answered(confirmed=False)).then_ignored()
    given(*ACCEPTED, CANCEL, answered(confirmed=True)).when(answered(confirmed=True)).then_ignored()


def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    report = ReportCancellationAnswered(request_id="r", line_id="1", run=1, confirmed=True)
    given(*ACCEPTED).when(report).then_ignored()


def test_a_partner_that_refused_is_asked_again_when_somebody_cancels_again() -> None:
    given(*ACCEPTED, CANCEL, answered(confirmed=False)).when(CANCEL).then(
        CancellationRequested, a(PartnerCancellationRequested, attempt=2)
    )


def test_an_order_that_is_being_cancelled_is_not_cancelled_twice() -> None:
    given(*ACCEPTED, CANCEL).when(CANCEL).then_ignored()


def test_a_partner_that_does_not_answer_is_asked_again() -> None:
    given(*ACCEPTED, CANCEL).when(deadline("cancel:1:1")).then_among_others(
        a(PartnerCancellationRequested, attempt=2)
    ).waits_for("cancel:1:1", "production:1:1")


def test_goods_that_are_printed_before_the_partner_answers_are_sent() -> None:
    outcome = given(*ACCEPTED, CANCEL).when(World().status("1", 1, "printed", 50))
    outcome.then_among_others(CancellationRefused, InspectionRequested).waits_for("inspect:1:1")
    outcome.and_when(answered(confirmed=False)).then_ignored()


def test_a_submission_that_is_not_answered_yet_is_stopped_once_it_is_accepted() -> None:
    outcome = given(*SUBMITTING).when(CANCEL).then(CancellationRequested).waits_for("submit:1:1")
    outcome.and_when(answer_to(SubmissionRequested)).then(SubmissionAccepted, DeadlineSet, PartnerCancellationRequested)


def test_a_submission_that_is_refused_while_somebody_cancels_is_over() -> None:
    for retryable in (True, False):
        given(*SUBMITTING, CANCEL).when(refused("overloaded", retryable=retryable)).then_among_others(
            SubmissionRefused, LineCancelled, OrderCancelled
        ).then_not(RoutingRequested, SubmissionRequested).waits_for()


def test_a_submission_of_which_nobody_knows_is_stopped_by_its_key_instead_of_sent_again() -> None:
    outcome = given(*SUBMITTING, refused(OUTCOME_UNKNOWN, retryable=False), CANCEL).when(deadline("submit:1:1"))
    outcome.then_among_others(PartnerCancellationRequested).then_not(SubmissionRequested)
    outcome.and_when(answered(confirmed=True)).then(LineCancelled, OrderCancelled).waits_for()


def test_a_partner_that_refuses_to_stop_a_run_of_which_nobody_knew_has_it() -> None:
    unknown = (*SUBMITTING, refused(OUTCOME_UNKNOWN, retryable=False), CANCEL, deadline("submit:1:1"))
    given(*unknown).when(answered(confirmed=False)).then(
        SubmissionAccepted, a(DeadlineSet, deadline_key="production:1:1"), CancellationRefused
    ).waits_for("production:1:1")


def test_a_refusal_for_good_while_the_partner_is_being_stopped_ends_everything() -> None:
    unknown = (*SUBMITTING, refused(OUTCOME_UNKNOWN, retryable=False), CANCEL, deadline("submit:1:1"))
    given(*unknown).when(refused("invalid", retryable=False)).then_among_others(
        PartnerGaveUp, LineCancelled, OrderCancelled
    ).waits_for()


def test_nothing_is_left_to_cancel_once_all_is_made() -> None:
    made = (placed(), everybody_answers_until(LabelRequested))
    given(*made).when(CANCEL).then_refused(NothingToCancel)
    given(placed(), everybody_answers_until(InspectionRequested)).when(CANCEL).then_refused(NothingToCancel)
    given(placed(), CANCEL).when(CANCEL).then_refused(NothingToCancel)


def test_of_two_lines_the_one_that_is_made_is_sent_and_the_other_cancelled() -> None:
    lines = placed(a_store_order(lines=(a_line("1"), a_line("2"))))
    history = given(lines, everybody_answers_until(SubmissionAccepted)).history
    history.take(World().status("1", 1, "printed", 50))
    history.take(CANCEL)
    history.take(answered(confirmed=True))
    history.take(everybody_answers_until(PartnerCancellationRequested))
    order = history.order
    assert order.lines["2"].stage == "cancelled"
    assert not order.cancelled
    assert order.parcels["P1"].contents == {"1": (1,)}
    assert order.parcels["P1"].stage == "delivered"


def test_the_hold_of_a_cancelled_line_does_not_keep_the_other_line_waiting() -> None:
    printed = (placed(), everybody_answers_until(InspectionRequested))
    added = ObserveStoreOrder(
        order=a_store_order(lines=(a_line("1"), a_line("2", artwork=None))), store_updated_at=NOW + 1
    )
    given(*printed, added, answer_to(InspectionRequested)).when(CANCEL).then(
        CancellationRequested,
        a(CancellationRefused, line_id="1", run=1),
        a(LineCancelled, line_id="2", units=(1,)),
        a(HoldReleased, reason="sku_unmapped", line_id="2"),
        a(LabelRequested, parcel_id="P1"),
    ).status_is("in_production")


def test_a_held_order_is_cancelled_and_held_no_more() -> None:
    outcome = given(placed(), HoldOrder()).when(CANCEL)
    outcome.then_among_others(LineCancelled, a(HoldReleased, reason="manual"), OrderCancelled).status_is("cancelled")
    assert not outcome.order.holds


def test_a_reprint_that_is_stopped_takes_nothing_away_from_what_was_sent() -> None:
    delivered = (placed(), everybody_answers_until())
    reprint = (
        RequestReprint(line_id="1", units=(1,), reason_code="lost"),
        everybody_answers_until(SubmissionAccepted),
    )
    outcome = given(*delivered, *reprint).when(CANCEL).then_among_others(PartnerCancellationRequested)
    outcome.and_when(answered(confirmed=True)).then(a(LineCancelled, units=(), run=2)).status_is("delivered")
    outcome.waits_for()
    assert not outcome.order.lines["1"].cancelling


def test_a_reprint_of_a_misprint_that_is_stopped_cancels_its_units() -> None:
    two = placed(a_store_order(lines=(a_line(quantity=2),)))
    history = given(two, everybody_answers_until(InspectionRequested)).history
    asked = history.newest(InspectionRequested)
    history.take(
        ReportInspected(
            request_id=asked.request_id,
            line_id="1",
            run=1,
            passed_units=(1,),
            failed_units=(2,),
            defects=(Defect(code="misprint"),),
        )
    )
    assert history.newest(ReprintRequested).units == (2,)
    history.take(CANCEL)
    history.take(answer_to(SubmissionRequested))
    history.take(answered(confirmed=True))
    line = history.order.lines["1"]
    assert line.cancelled_units == (2,)
    assert not line.cancelling
    history.take(everybody_answers_until(SubmissionRequested, PartnerCancellationRequested))
    assert history.order.parcels["P1"].contents == {"1": (1,)}


def test_a_cancelled_order_starts_nothing_whatever_is_reported() -> None:
    given(placed(), CANCEL).when(answer_to(ArtworkCheckRequested)).then_ignored()
