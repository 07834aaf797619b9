"""Who is told what: the notifications that follow from facts. Each is asked for once."""

from collections.abc import Iterable, Iterator

from events.decider import Context
from events.order.facts import (
    CancellationRefused,
    ExceptionRaised,
    InspectionPassed,
    LabelPurchased,
    NotificationRequested,
    OrderCancelled,
    OrderEvent,
    OrderHeld,
    OrderPlaced,
    ProductionStarted,
    ProofApprovalRequested,
    ShipmentDelivered,
    ShipmentDispatched,
)
from events.order.state import Order
from events.order.work import notification_requested


def notifications(order: Order, facts: Iterable[OrderEvent], context: Context) -> tuple[NotificationRequested, ...]:
    """The notifications that these new facts call for, leaving out those that were asked for before."""
    found: dict[str, NotificationRequested] = {}
    for fact in facts:
        for template, audience, subject, values in _called_for(order, fact):
            if audience == "buyer" and (not order.policy.notify_buyer or not order.recipient):
                continue
            request = notification_requested(order, template, audience, subject, values, context)
            if request.attempt == 1:
                found.setdefault(request.notification_id, request)
    return tuple(found.values())


def _called_for(order: Order, fact: OrderEvent) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Template, audience, subject and values of what a fact makes worth telling."""
    match fact:
        case OrderPlaced():
            yield "order_received", "buyer", "", {}
        case OrderHeld():
            yield "order_held", "store", f"{fact.reason}-{fact.line_id}", {"detail": fact.detail}
        case ProofApprovalRequested():
            audience = "buyer" if fact.approver == "buyer" else "store"
            yield "proof_ready", audience, f"{fact.line_id}-v{fact.version}", {"version": str(fact.version)}
        case ProductionStarted():
            yield "production_started", "buyer", "", {}
        case InspectionPassed():
            yield "quality_passed", "buyer", "", {}
        case ShipmentDispatched():
            parcel = order.parcels[fact.parcel_id]
            values = {"carrier": parcel.carrier, "tracking_url": parcel.tracking_url}
            yield "shipped", "buyer", fact.parcel_id, {**values, "tracking_number": parcel.tracking_number}
        case LabelPurchased():
            values = {"carrier": fact.carrier, "tracking_url": fact.tracking_url}
            yield "parcel_ready", "store", fact.parcel_id, {**values, "tracking_number": fact.tracking_number}
        case ShipmentDelivered():
            yield "delivered", "buyer", fact.parcel_id, {}
        case OrderCancelled():
            yield "cancelled", "buyer", "", {}
        case CancellationRefused():
            yield "cancellation_refused", "buyer", fact.line_id, {"reason": fact.reason}
        case ExceptionRaised() if fact.kind != "notification_failed":
            # A failed notification must not call for another one: it would go round for ever.
            values = {"detail": fact.detail, "what_to_do": fact.what_to_do}
            yield "exception_raised", "support", fact.exception_id, values
        case _:
            return
