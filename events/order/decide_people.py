"""Decisions about what is told to people and settled by them: notifications, exceptions, erasure."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.causes import CAUSES, line_and_run, misprinted_units
from events.order.claim_outcomes import uncovered_units
from events.order.claim_work import refund_requested
from events.order.commands import (
    ErasePersonalData,
    RaiseException,
    ReportNotificationFailed,
    ReportNotificationSent,
    ResolveException,
)
from events.order.decide_common import raised, wait_and_retry
from events.order.facts import (
    ExceptionResolved,
    NotificationFailed,
    NotificationSent,
    OrderEvent,
    PersonalDataErased,
)
from events.order.refusals import ExceptionUnknown, KindReserved, StillBeingMade
from events.order.state import PARCEL_HERE, RUN_ENDED, OpenException, Order
from events.order.status import ORDER_ENDED, order_status
from events.order.work import label_requested_again, render_requested, reprint_requested, routing_requested

PeopleCommand: TypeAlias = (
    ReportNotificationSent | ReportNotificationFailed | RaiseException | ResolveException | ErasePersonalData
)


def decide(order: Order, command: PeopleCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about people."""
    match command:
        case ReportNotificationSent():
            return _sent(order, command, context)
        case ReportNotificationFailed():
            return _not_sent(order, command, context)
        case RaiseException():
            if command.kind in CAUSES:
                raise KindReserved
            facts = raised(
                order,
                command.kind,
                command.subject,
                command.detail,
                command.what_to_do,
                blocking=command.blocking,
            )
            if not facts:
                raise Ignored("this exception is open already")
            return facts
        case ResolveException():
            opened = order.exceptions.get(command.exception_id)
            if opened is None:
                raise ExceptionUnknown
            resolved = ExceptionResolved(exception_id=command.exception_id, how=command.how, by=context.actor)
            return (resolved, *_tried_again(order, opened, context))
        case ErasePersonalData():
            if order.erased:
                raise Ignored("the order's personal data is erased already")
            # What is heard of a label's price names no person, and may take the carrier a month.
            waits = any(not key.startswith("label_refund:") for key in order.deadlines)
            if order_status(order) not in ORDER_ENDED or waits or _being_made(order):
                raise StillBeingMade
            return (PersonalDataErased(by=context.actor),)
        case _:
            assert_never(command)


def _being_made(order: Order) -> bool:
    """Whether anything is still printed, packed or waits to be handed over, also of what was delivered once."""
    if any(parcel.stage in PARCEL_HERE for parcel in order.parcels.values()):
        return True
    return any(
        uncovered_units(order, line) or any(run.stage not in RUN_ENDED or line.to_pack(run) for run in line.runs)
        for line in order.lines.values()
    )


def _sent(order: Order, command: ReportNotificationSent, context: Context) -> tuple[OrderEvent, ...]:
    notice = order.notified.get(command.notification_id)
    doubt = f"notification_failed:{command.notification_id}"
    sent = NotificationSent(notification_id=command.notification_id)
    if notice is not None and doubt in order.exceptions:
        # The answer came late: what was in doubt is known now.
        return (sent, ExceptionResolved(exception_id=doubt, how="It was sent after all.", by=context.actor))
    if notice is None or notice.request is None:
        raise Ignored("this notification is not waiting for an outcome")
    return (sent,)


def _not_sent(order: Order, command: ReportNotificationFailed, context: Context) -> tuple[OrderEvent, ...]:
    notification_id, reason = command.notification_id, command.reason
    notice = order.notified.get(notification_id)
    if notice is None or notice.request is None or notice.waiting:
        raise Ignored("this notification is not waiting for an outcome")
    retryable = command.retryable and not command.outcome_unknown and notice.attempt < order.policy.attempts_max
    failed = NotificationFailed(notification_id=notification_id, reason=reason, retryable=retryable)
    if retryable:
        return (failed, wait_and_retry(order, f"notify:{notification_id}", notice.attempt, context))
    known = "It is not known whether it was sent" if command.outcome_unknown else "It could not be sent"
    advice = "Look at the mail server's log; tell them by hand if it was not sent."
    detail = f"{notification_id}: {known}: {reason}"
    return (failed, *raised(order, "notification_failed", notification_id, detail, advice, blocking=False))


def _tried_again(order: Order, opened: OpenException, context: Context) -> tuple[OrderEvent, ...]:
    """Work that gave up because of the exception is asked for once more."""
    line = order.line(opened.subject)
    found = line_and_run(order, opened.subject)
    match opened.kind:
        case "label_failed":
            parcel = order.parcels.get(opened.subject)
            if parcel is not None and parcel.stage == "label_failed":
                return (label_requested_again(order, parcel, context),)
        case "render_failed" if line is not None and line.stage == "rendering" and line.artwork is not None:
            return (render_requested(order, line, line.artwork, context),)
        case "no_partner" if found is not None and found[1].stage == "unroutable" and found[0].artwork is not None:
            return (routing_requested(order, found[0], found[0].artwork, found[1], context),)
        case "refund_failed" if (claim := order.claims.get(opened.subject)) is not None and claim.failed:
            return (refund_requested(order, claim, context),)
        case "reprint_limit" if found is not None and (units := misprinted_units(*found)):
            return (reprint_requested(found[0], found[1], units, "person_decided", context),)
        case _:
            return ()
    return ()
