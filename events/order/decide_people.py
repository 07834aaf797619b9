"""Decisions about what is told to people and settled by them: notifications, exceptions, erasure."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.commands import (
    ErasePersonalData,
    RaiseException,
    ReportNotificationFailed,
    ReportNotificationSent,
    ResolveException,
)
from events.order.decide_common import line_of, parcel_of, raised, run_of
from events.order.facts import (
    ExceptionResolved,
    NotificationFailed,
    NotificationSent,
    OrderEvent,
    PersonalDataErased,
    ReprintRequested,
)
from events.order.refusals import ExceptionUnknown, StillBeingMade
from events.order.state import OpenException, Order
from events.order.status import order_status
from events.order.work import label_requested_again, render_requested, routing_requested

PeopleCommand: TypeAlias = (
    ReportNotificationSent | ReportNotificationFailed | RaiseException | ResolveException | ErasePersonalData
)

STATUS_ENDED = frozenset({"delivered", "returned", "cancelled"})


def decide(order: Order, command: PeopleCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about people."""
    match command:
        case ReportNotificationSent():
            _expect_notification(order, command.notification_id)
            return (NotificationSent(notification_id=command.notification_id),)
        case ReportNotificationFailed():
            _expect_notification(order, command.notification_id)
            failed = NotificationFailed(notification_id=command.notification_id, reason=command.reason)
            if not command.outcome_unknown:
                return (failed,)
            detail = f"It is not known whether {command.notification_id} was sent: {command.reason}"
            advice = "Look at the mail server's log; tell them by hand if it was not sent."
            return (
                failed,
                *raised(order, "notification_failed", command.notification_id, detail, advice, blocking=False),
            )
        case RaiseException():
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
            if order_status(order) not in STATUS_ENDED:
                raise StillBeingMade
            return (PersonalDataErased(by=context.actor),)
        case _:
            assert_never(command)


def _expect_notification(order: Order, notification_id: str) -> None:
    if f"notify:{notification_id}" not in order.deadlines:
        raise Ignored("this notification is not waiting for an outcome")


def _tried_again(order: Order, opened: OpenException, context: Context) -> tuple[OrderEvent, ...]:
    """Work that gave up because of the exception is asked for once more."""
    line_id, _, run_number = opened.subject.rpartition(":")
    match opened.kind:
        case "label_failed":
            parcel = parcel_of(order, opened.subject)
            return (label_requested_again(order, parcel, context),) if parcel.stage == "label_failed" else ()
        case "render_failed":
            line = line_of(order, opened.subject)
            if line.stage != "rendering" or line.artwork is None:
                return ()
            return (render_requested(order, line, line.artwork, context),)
        case "no_partner":
            line, run = run_of(order, line_id, int(run_number))
            if run.stage != "unroutable" or line.artwork is None:
                return ()
            return (routing_requested(order, line, line.artwork, run, context),)
        case "reprint_limit":
            line, run = run_of(order, line_id, int(run_number))
            failed = tuple(unit for unit in run.units if unit not in run.passed_units and unit in line.live_units)
            return (
                ReprintRequested(
                    line_id=line_id,
                    run=len(line.runs) + 1,
                    of_run=run.run,
                    units=failed,
                    partner_id=run.partner_id,
                    partner_variant=run.partner_variant,
                    reason_code="person_decided",
                    by=context.actor,
                ),
            )
        case _:
            return ()
