"""Decisions at intake: an order is observed, mapped, held, edited, cancelled, paid."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.commands import (
    CancelOrder,
    HoldOrder,
    MapLine,
    ObserveStoreOrder,
    ReleaseHold,
    ReplaceArtwork,
    ReportPayment,
)
from events.order.decide_common import hold, line_of, release
from events.order.facts import (
    CancellationRefused,
    CancellationRequested,
    ExceptionRaised,
    LineMapped,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderPlaced,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
)
from events.order.refusals import (
    AlreadyShipped,
    HoldUnknown,
    NothingToCancel,
    OrderEmpty,
    PaymentKindUnknown,
    QuantityOutOfRange,
    StillUnmapped,
    TooLateToEdit,
    TooManyLines,
)
from events.order.state import Order
from events.order.values import OrderedLine, StoreOrder

LINES_MAX = 200
QUANTITY_MAX = 1_000

IntakeCommand: TypeAlias = MapLine | ReplaceArtwork | HoldOrder | ReleaseHold | ReportPayment


def observe_store_order(order: Order, command: ObserveStoreOrder, context: Context) -> tuple[OrderEvent, ...]:
    """Place an unknown order; edit a known one where the store's newer picture differs; else change nothing."""
    seen = command.order
    _within_limits(seen)
    if not order.placed:
        return _placed(order, command)
    if command.store_updated_at <= order.store_updated_at:
        raise Ignored("a newer or equal picture of this order is known already")
    if seen.cancelled:
        return cancel_order(order, CancelOrder(reason="cancelled at the store"), context)
    return _observed_again(order, command, context)


def _placed(order: Order, command: ObserveStoreOrder) -> tuple[OrderEvent, ...]:
    seen = command.order
    facts: list[OrderEvent] = [OrderPlaced(order=seen, store_updated_at=command.store_updated_at)]
    if order.cancellation_asked:
        return (*facts, OrderCancelled(reason=order.cancellation_reason))
    if seen.cancelled:
        reason = "cancelled at the store"
        return (*facts, CancellationRequested(reason=reason, by=f"store:{seen.store}"), OrderCancelled(reason=reason))
    if seen.payment_pending:
        facts.append(hold("payment_pending"))
    if seen.address_missing:
        facts.append(hold("address_missing"))
    facts += [hold("sku_unmapped", line.line_id, f"SKU {line.sku}") for line in seen.lines if line.artwork is None]
    return tuple(facts)


def _within_limits(seen: StoreOrder) -> None:
    if not seen.lines:
        raise OrderEmpty
    if len(seen.lines) > LINES_MAX:
        raise TooManyLines
    if any(not 1 <= line.quantity <= QUANTITY_MAX for line in seen.lines):
        raise QuantityOutOfRange


def _observed_again(order: Order, command: ObserveStoreOrder, context: Context) -> tuple[OrderEvent, ...]:
    seen = command.order
    facts: list[OrderEvent] = []
    if order.held_by("payment_pending", "") and not seen.payment_pending:
        facts.append(release("payment_pending", "", context))
    if order.held_by("address_missing", "") and not seen.address_missing:
        facts.append(release("address_missing", "", context))
    known = {line_id: line for line_id, line in order.lines.items() if line.stage != "cancelled"}
    changed = tuple(line for line in seen.lines if _differs(order, line))
    removed = tuple(set(known) - {line.line_id for line in seen.lines})
    moved = seen.recipient_digest != order.recipient_digest
    if not (changed or removed or moved or facts):
        raise Ignored("the store's newer picture of this order differs in nothing that is printed or sent")
    if too_late := _too_late(order, (*(line.line_id for line in changed), *removed), moved=moved):
        return (*facts, too_late)
    if changed or removed or moved:
        facts.append(_edit(command, changed, removed, context, moved=moved))
        facts += [hold("sku_unmapped", line.line_id, f"SKU {line.sku}") for line in changed if _unmapped(order, line)]
        for line_id in (*removed, *(line.line_id for line in changed)):
            facts += [release(held.reason, line_id, context) for held in order.holds if held.line_id == line_id]
        facts.sort(key=lambda fact: not isinstance(fact, OrderEdited))
    return tuple(facts)


def _unmapped(order: Order, line: OrderedLine) -> bool:
    before = order.line(line.line_id)
    return line.artwork is None and (before is None or before.artwork is None or before.sku != line.sku)


def _differs(order: Order, line: OrderedLine) -> bool:
    before = order.line(line.line_id)
    return before is None or (line.content_digest != before.content_digest and before.stage != "cancelled")


def _too_late(order: Order, line_ids: tuple[str, ...], *, moved: bool) -> ExceptionRaised | None:
    """A store's picture is a report, not a request: what comes too late is shown to a person, not thrown away."""
    refusal: AlreadyShipped | TooLateToEdit | None = None
    if moved and any(parcel.stage != "label_failed" for parcel in order.parcels.values()):
        refusal = AlreadyShipped()
    elif any((line := order.line(line_id)) is not None and line.submitted for line_id in line_ids):
        refusal = TooLateToEdit()
    if refusal is None:
        return None
    return ExceptionRaised(
        exception_id="edit_refused:",
        kind="edit_refused",
        detail="The store changed the order after it went to a partner; it is made as it was.",
        what_to_do=refusal.detail,
        blocking=False,
    )


def _edit(
    command: ObserveStoreOrder,
    changed: tuple[OrderedLine, ...],
    removed: tuple[str, ...],
    context: Context,
    *,
    moved: bool,
) -> OrderEdited:
    seen = command.order
    return OrderEdited(
        store_updated_at=command.store_updated_at,
        changed_lines=changed,
        removed_line_ids=tuple(sorted(removed)),
        recipient=seen.recipient if moved else None,
        recipient_digest=seen.recipient_digest if moved else "",
        country=seen.country if moved else "",
        region=seen.region if moved else "",
        postal_prefix=seen.postal_prefix if moved else "",
        total_minor=seen.total_minor,
        by=context.actor,
    )


def cancel_order(order: Order, command: CancelOrder, context: Context) -> tuple[OrderEvent, ...]:
    """Cancel what can be cancelled. Before the order is known, leave a mark, so that it never prints."""
    asked = CancellationRequested(reason=command.reason, by=context.actor)
    if not order.placed:
        if order.cancellation_asked:
            raise Ignored("the order is marked as cancelled already")
        return (asked,)
    open_lines = [line for line in order.lines.values() if line.stage != "cancelled"]
    done = [line for line in open_lines if line.runs and all(run.stage == "passed" for run in line.runs)]
    if not open_lines or len(done) == len(open_lines):
        raise NothingToCancel
    facts: list[OrderEvent] = [asked]
    for line in open_lines:
        for run in line.runs:
            if run.stage in {"printed", "inspecting"}:
                reason = "The goods are printed already."
                facts.append(CancellationRefused(line_id=line.line_id, run=run.run, reason=reason))
        if line in done:
            reason = "The goods are made and packed already."
            facts.append(CancellationRefused(line_id=line.line_id, run=len(line.runs), reason=reason))
    return tuple(facts)


def decide(order: Order, command: IntakeCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide the smaller commands of intake."""
    match command:
        case MapLine():
            line = line_of(order, command.line_id)
            if line.artwork is not None:
                raise Ignored("the line is mapped already and keeps what it was bought with")
            mapped = LineMapped(line_id=line.line_id, artwork=command.artwork)
            if order.held_by("sku_unmapped", line.line_id):
                return (mapped, release("sku_unmapped", line.line_id, context))
            return (mapped,)
        case ReplaceArtwork():
            return _replace_artwork(order, command, context)
        case HoldOrder():
            if order.held_by("manual", ""):
                raise Ignored("the order is held by hand already")
            return (hold("manual", "", command.detail),)
        case ReleaseHold():
            if not order.held_by(command.reason, command.line_id):
                raise HoldUnknown
            if command.reason == "sku_unmapped":
                raise StillUnmapped
            return (release(command.reason, command.line_id, context),)
        case ReportPayment():
            return _paid(order, command, context)
        case _:
            assert_never(command)


def _replace_artwork(order: Order, command: ReplaceArtwork, context: Context) -> tuple[OrderEvent, ...]:
    line = line_of(order, command.line_id)
    if line.submitted or line.stage == "cancelled":
        raise TooLateToEdit
    changed = OrderedLine(
        line_id=line.line_id,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        artwork=line.artwork,
        text=command.text,
        artwork_url=command.artwork_url,
        content_digest=command.content_digest,
    )
    edited = OrderEdited(store_updated_at=order.store_updated_at, changed_lines=(changed,), by=context.actor)
    held = (h for h in order.holds if h.line_id == line.line_id and h.reason != "sku_unmapped")
    return (edited, *(release(h.reason, h.line_id, context) for h in held))


def _paid(order: Order, command: ReportPayment, context: Context) -> tuple[OrderEvent, ...]:
    amount, currency, reference = command.amount_minor, command.currency, command.reference
    fact: OrderEvent
    match command.kind:
        case "authorised":
            fact = PaymentAuthorised(amount_minor=amount, currency=currency, reference=reference)
        case "captured":
            fact = PaymentCaptured(amount_minor=amount, currency=currency, reference=reference)
        case "voided":
            fact = PaymentVoided(amount_minor=amount, currency=currency, reference=reference)
        case "refunded":
            fact = PaymentRefunded(amount_minor=amount, currency=currency, reference=reference)
        case _:
            raise PaymentKindUnknown
    if command.kind in {"authorised", "captured"} and order.held_by("payment_pending", ""):
        return (fact, release("payment_pending", "", context))
    return (fact,)
