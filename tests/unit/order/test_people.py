"""People: told once, asked to settle what went wrong, and forgotten when they wish."""

import msgspec
import pytest

from events.order.causes import CAUSES
from events.order.commands import (
    CancelOrder,
    ErasePersonalData,
    RaiseException,
    ReportLabelFailed,
    ReportNotificationFailed,
    ReportNotificationSent,
    RequestReprint,
    ResolveException,
)
from events.order.facts import (
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    LabelPurchased,
    LabelRequested,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    OrderPlaced,
    PersonalDataErased,
    SubmissionAccepted,
)
from events.order.refusals import ExceptionUnknown, KindReserved, StillBeingMade
from events.order.values import OrderPolicy
from tests.order_life import World, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
DELIVERED = (placed(), everybody_answers_until())


def not_sent(*, outcome_unknown: bool = False, retryable: bool = True) -> Step:
    return report_on(
        NotificationRequested,
        lambda asked: ReportNotificationFailed(
            request_id=asked.request_id,
            notification_id=asked.notification_id,
            reason="mailbox full",
            outcome_unknown=outcome_unknown,
            retryable=retryable,
        ),
    )


def test_the_buyer_is_told_with_the_sealed_address_and_no_personal_data_in_the_clear() -> None:
    asked = given().when(placed()).history.newest(NotificationRequested)
    assert (asked.template, asked.audience, asked.recipient, asked.order_number) == (
        "order_received",
        "buyer",
        b"sealed recipient",
        "#1001",
    )


def test_everything_is_told_once_in_a_whole_life() -> None:
    told = [fact.notification_id for fact in given(*DELIVERED).history.facts if isinstance(fact, NotificationRequested)]
    assert sorted(told) == [
        "delivered-P1",
        "order_received",
        "parcel_ready-P1",
        "production_started",
        "quality_passed",
        "shipped-P1",
    ]


def test_a_buyer_who_is_not_to_be_told_is_not() -> None:
    silent = OrderPolicy(approval="when_clean", notify_buyer=False)
    given().when(placed(a_store_order(policy=silent))).then_told()


def test_a_sent_message_waits_for_nothing_any_more() -> None:
    outcome = given(placed()).when(answer_to(NotificationRequested))
    outcome.then(NotificationSent(notification_id="order_received"))
    assert "notify:order_received" not in outcome.order.deadlines
    outcome.and_when(answer_to(NotificationRequested)).then_ignored()


def test_an_answer_about_a_message_that_nobody_asked_for_is_ignored() -> None:
    given(placed()).when(ReportNotificationSent(request_id="r", notification_id="x")).then_ignored()
    given(placed()).when(ReportNotificationFailed(request_id="r", notification_id="x", reason="y")).then_ignored()


def test_a_message_that_is_known_to_have_failed_is_tried_again_and_then_shown_to_a_person() -> None:
    policy = OrderPolicy(approval="when_clean", attempts_max=2)
    scenario = given(placed(a_store_order(policy=policy)))
    scenario.when(not_sent()).then(a(NotificationFailed, retryable=True), DeadlineSet)
    scenario.when(not_sent()).then_ignored()
    again = scenario.when(deadline("notify:order_received"))
    again.then(DeadlinePassed).then_told("buyer: order_received")
    assert scenario.history.newest(NotificationRequested).attempt == 2
    last = scenario.when(not_sent())
    last.then(
        a(NotificationFailed, retryable=False), a(ExceptionRaised, kind="notification_failed", blocking=False)
    ).then_told()


def test_a_message_that_can_never_be_sent_is_shown_at_once() -> None:
    given(placed()).when(not_sent(retryable=False)).then(NotificationFailed, ExceptionRaised)


def test_a_message_that_may_have_gone_out_is_never_sent_again() -> None:
    given(placed()).when(not_sent(outcome_unknown=True)).then(NotificationFailed, ExceptionRaised).then_told()
    given(placed()).when(deadline("notify:order_received")).then(
        DeadlinePassed, NotificationFailed, ExceptionRaised
    ).then_told()


def test_the_late_news_that_a_message_was_sent_ends_the_doubt() -> None:
    given(placed(), not_sent(outcome_unknown=True)).when(answer_to(NotificationRequested)).then(
        NotificationSent, a(ExceptionResolved, exception_id="notification_failed:order_received")
    )


def test_an_exception_is_raised_by_a_person_and_settled_by_one() -> None:
    outcome = given(*ACCEPTED).when(
        RaiseException(kind="address_doubtful", subject="", detail="No number.", what_to_do="Ask the buyer.")
    )
    outcome.then(a(ExceptionRaised, exception_id="address_doubtful:", blocking=True)).status_is("exception")
    outcome.then_told("support: exception_raised-address_doubtful:")
    outcome.and_when(ResolveException(exception_id="address_doubtful:", how="asked")).then(
        ExceptionResolved(exception_id="address_doubtful:", how="asked", by="store:demo-rest")
    ).status_is("in_production")


def test_an_exception_is_open_once() -> None:
    raised = RaiseException(kind="address_doubtful")
    given(*ACCEPTED, raised).when(raised).then_ignored()


def test_an_exception_that_is_not_open_cannot_be_settled() -> None:
    given(*ACCEPTED).when(ResolveException(exception_id="x", how="y")).then_refused(ExceptionUnknown)


@pytest.mark.parametrize("kind", sorted(CAUSES))
def test_the_orders_own_kinds_of_exception_are_raised_by_nobody_else(kind: str) -> None:
    given(*ACCEPTED).when(RaiseException(kind=kind, subject="1:x")).then_refused(KindReserved)


def test_a_notification_that_failed_calls_for_no_further_notification() -> None:
    given(placed()).when(not_sent(retryable=False)).then_told()


def test_personal_data_is_erased_once_the_order_has_ended() -> None:
    outcome = given(*DELIVERED).when(ErasePersonalData()).then(PersonalDataErased(by="store:demo-rest"))
    outcome.and_when(ErasePersonalData()).then_ignored()


def test_personal_data_is_not_erased_while_the_order_is_open() -> None:
    given(*ACCEPTED).when(ErasePersonalData()).then_refused(StillBeingMade)
    given(placed(), CancelOrder(reason="r")).when(ErasePersonalData()).then_refused(StillBeingMade)


def test_personal_data_is_not_erased_while_a_unit_is_printed_again() -> None:
    reprint = RequestReprint(line_id="1", units=(1,), reason_code="lost")
    given(*DELIVERED, reprint).when(ErasePersonalData()).then_refused(StillBeingMade)


def test_personal_data_is_not_erased_while_a_parcel_is_on_its_way() -> None:
    shipped = (placed(), everybody_answers_until(LabelPurchased))
    given(*shipped, World().tracking("P1", "in_transit", 20)).when(ErasePersonalData()).then_refused(StillBeingMade)


NO_LABEL = report_on(
    LabelRequested,
    lambda asked: ReportLabelFailed(request_id=asked.request_id, parcel_id=asked.parcel_id, reason="address"),
)


@pytest.mark.parametrize("answer", [answer_to(LabelRequested), NO_LABEL], ids=["labelled", "label failed"])
def test_personal_data_is_not_erased_while_the_parcel_of_a_reprint_waits_to_be_handed_over(answer: Step) -> None:
    reprint = RequestReprint(line_id="1", units=(1,), reason_code="lost")
    packed = (*DELIVERED, reprint, everybody_answers_until(LabelRequested), answer)
    told = everybody_answers_until(LabelRequested, LabelPurchased)
    given(*packed, told).when(ErasePersonalData()).then_refused(StillBeingMade)


def test_an_erased_buyer_is_not_written_to() -> None:
    outcome = given(*DELIVERED, ErasePersonalData()).when(World().tracking("P1", "returned", 50))
    outcome.then_told("support: exception_raised-parcel_returned:P1", "store: return_opened-C1")


def test_a_newer_picture_of_an_erased_order_is_ignored() -> None:
    observed = msgspec.structs.replace(placed(), store_updated_at=placed().store_updated_at + 1)
    given(*DELIVERED, ErasePersonalData()).when(observed).then_ignored()


def test_the_facts_of_an_order_never_name_its_buyer() -> None:
    order = given().when(placed()).history.newest(OrderPlaced).order
    assert isinstance(order.recipient, bytes)
    assert order.recipient_digest == "recipient-digest"
