"""Who is told what: the notifications that follow from facts. Each is asked for once, and anew what happens anew."""

from collections.abc import Iterable, Iterator

from events.decider import Context
from events.order.claims import KEEP
from events.order.facts import (
    CancellationRefused,
    ClaimGranted,
    ClaimOpened,
    ClaimRefused,
    EditRefused,
    ExceptionRaised,
    InspectionPassed,
    LabelPurchased,
    LineCancelled,
    NotificationRequested,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderHeld,
    OrderPlaced,
    ProductionStarted,
    ProofApprovalRequested,
    ProofChangesRequested,
    ReturnOpened,
    ShipmentDelivered,
    ShipmentDispatched,
)
from events.order.state import Order
from events.order.work import notification_id_of, notification_requested

OCCURRENCES_MAX = 20
"""What happens again and again is told so often at most: an order's state stays small, and a mailbox readable."""

TOLD_ANEW: frozenset[str] = frozenset({"order_held", "exception_raised", "edit_refused"})
"""Templates whose facts are news each time: what an earlier one told of is over."""


def notifications(
    before: Order, order: Order, facts: Iterable[OrderEvent], context: Context
) -> tuple[NotificationRequested, ...]:
    """The notifications that these new facts call for, leaving out those that were asked for before."""
    found: dict[str, NotificationRequested] = {}
    for fact in facts:
        if type(fact) not in TOLD or _holds_on(before, fact):
            continue
        for template, audience, subject, values in _called_for(order, fact):
            first = notification_id_of(template, subject)
            occurrence = _occurrence(order, template, subject)
            if first not in found and occurrence is not None and may_be_told(order, audience):
                found[first] = notification_requested(order, template, audience, subject, values, context, occurrence)
    return tuple(found.values())


def _holds_on(before: Order, fact: OrderEvent) -> bool:
    """Whether a fact says only that a hold stands that was told of when it began."""
    return isinstance(fact, OrderHeld) and before.held_by(fact.reason, fact.line_id)


def _occurrence(order: Order, template: str, subject: str) -> int | None:
    """Which time it is that this is told, counted from 1; None where it was told already."""
    match template:
        case "cancellation_refused":
            # Several print runs may refuse: who asked to cancel hears it once for each time that they asked.
            numbers = range(order.cancellations, order.cancellations + 1)
        case _ if template in TOLD_ANEW:
            numbers = range(1, OCCURRENCES_MAX + 1)
        case _:
            numbers = range(1, 2)
    untold = (number for number in numbers if notification_id_of(template, subject, number) not in order.notified)
    return next((number for number in untold if number <= OCCURRENCES_MAX), None)


def may_be_told(order: Order, audience: str) -> bool:
    """Whether this audience wants to be told and can be: nobody can read an erased buyer's address."""
    if audience != "buyer":
        return True
    return order.policy.notify_buyer and bool(order.recipient) and not order.erased


def proof_values(line_id: str, version: int) -> dict[str, str]:
    """What a message about a proof says of it; the link to it is made when the message is sent."""
    return {"line_id": line_id, "version": str(version)}


TOLD: frozenset[type] = frozenset(
    {
        OrderPlaced,
        OrderHeld,
        ProofApprovalRequested,
        ProofChangesRequested,
        ProductionStarted,
        InspectionPassed,
        LineCancelled,
        OrderEdited,
        ShipmentDispatched,
        LabelPurchased,
        ShipmentDelivered,
        OrderCancelled,
        CancellationRefused,
        EditRefused,
        ClaimOpened,
        ReturnOpened,
        ClaimGranted,
        ClaimRefused,
        ExceptionRaised,
    }
)
"""Facts that anybody is told of; looked up first, because most facts are not among them."""


def _granted_values(fact: ClaimGranted) -> dict[str, str]:
    """What a message about a granted claim says of it."""
    return {
        "outcome": fact.outcome,
        "amount": f"{fact.amount_minor} {fact.currency} in minor units" if fact.amount_minor else "",
    }


def _is_all_good(order: Order) -> bool:
    """Whether all that is printed for this order passed its inspection; what is printed again did not yet."""
    printed = [line for line in order.lines.values() if line.live_units and not line.is_ready_made]
    return bool(printed) and all(line.passed_units.issuperset(line.live_units) for line in printed)


def _called_for(order: Order, fact: OrderEvent) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Template, audience, subject and values of what a fact makes worth telling."""
    match fact:
        case OrderPlaced() if not order.cancellation_asked:
            yield "order_received", "buyer", "", {}
        case OrderHeld():
            yield "order_held", "store", f"{fact.reason}-{fact.line_id}", {"detail": fact.detail}
        case ProofApprovalRequested():
            audience = "buyer" if fact.approver == "buyer" else "store"
            values = proof_values(fact.line_id, fact.version)
            yield "proof_ready", audience, f"{fact.line_id}-v{fact.version}", values
        case ProofChangesRequested():
            # Whoever makes the new artwork reads the note where the order is: a kept fact shows no free text.
            values = proof_values(fact.line_id, fact.version)
            yield "proof_changes_requested", "store", f"{fact.line_id}-v{fact.version}", values
        case ProductionStarted():
            yield "production_started", "buyer", "", {}
        case InspectionPassed() | LineCancelled() | OrderEdited() if _is_all_good(order):
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
        case CancellationRefused() if order.cancellation_asked:
            yield "cancellation_refused", "buyer", fact.line_id, {"reason": fact.reason}
        case EditRefused():
            yield "edit_refused", "store", fact.line_id or "address", {"reason": fact.detail}
        case ClaimOpened():
            yield "claim_opened", "buyer", fact.claim_id, {}
            yield "claim_to_store", "store", fact.claim_id, {"reason": fact.reason}
        case ReturnOpened():
            yield "return_opened", "store", fact.claim_id, {"parcel_id": fact.parcel_id}
        case ClaimGranted() if fact.outcome != KEEP:
            values = _granted_values(fact)
            yield f"claim_{fact.outcome}", "buyer", fact.claim_id, values
            yield "claim_granted", "store", fact.claim_id, values
        case ClaimGranted():
            yield "claim_granted", "store", fact.claim_id, _granted_values(fact)
        case ClaimRefused():
            yield "claim_refused", "buyer", fact.claim_id, {"detail": fact.detail}
            yield "claim_refused_store", "store", fact.claim_id, {"detail": fact.detail}
        case ExceptionRaised() if fact.kind != "notification_failed":
            # A failed notification must not call for another one: it would go round for ever.
            values = {"detail": fact.detail, "what_to_do": fact.what_to_do}
            yield "exception_raised", "support", fact.exception_id, values
        case _:
            return
