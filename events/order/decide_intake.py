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
from events.order.edits import (
    address_refused,
    amended,
    amends,
    asked_of_partner,
    differs,
    doubts,
    is_print_lost,
    is_removed,
)
from events.order.evolve_intake import asked_to_stop
from events.order.facts import (
    ArtworkReplaced,
    CancellationRefused,
    CancellationRequested,
    EditRequested,
    LineCancelled,
    LineMapped,
    OrderEdited,
    OrderEvent,
    OrderPlaced,
    OrderSeenAgain,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
)
from events.order.parcels import WITHDRAWN
from events.order.refusals import (
    AreaNamedTwice,
    EditUnderWay,
    HoldUnknown,
    LineIdsNotDistinct,
    NothingPrinted,
    NothingToCancel,
    OrderEmpty,
    PaymentKindUnknown,
    QuantityOutOfRange,
    StillBlocked,
    StillUnmapped,
    TooLateToEdit,
    TooManyAreas,
    TooManyLines,
)
from events.order.state import CANCELLED_AT_THE_STORE, RUN_MADE, RUN_UNSUBMITTED, Line, Order, Run
from events.order.values import AreaContent, OrderedLine, StoreOrder

LINES_MAX = 200
QUANTITY_MAX = 1_000
AREAS_MAX = 8

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
        return cancel_order(order, CancelOrder(reason=CANCELLED_AT_THE_STORE), context)
    if order.cancelled or any(line.cancelling for line in order.lines.values()):
        raise Ignored("the order is cancelled, or being cancelled")
    if order.erased:
        raise Ignored("the order's personal data is erased")
    return _observed_again(order, command, context)


def _placed(order: Order, command: ObserveStoreOrder) -> tuple[OrderEvent, ...]:
    seen = command.order
    placed = OrderPlaced(order=seen, store_updated_at=command.store_updated_at)
    if order.cancellation_asked:
        return (placed,)
    if seen.cancelled:
        return (placed, CancellationRequested(reason=CANCELLED_AT_THE_STORE, by=f"store:{seen.store}"))
    facts: list[OrderEvent] = [placed]
    if seen.payment_pending:
        facts.append(hold("payment_pending"))
    if seen.address_missing:
        facts.append(hold("address_missing"))
    facts += [doubt for line in seen.lines for doubt in doubts(order, line)]
    return tuple(facts)


def _within_limits(seen: StoreOrder) -> None:
    if not seen.lines:
        raise OrderEmpty
    if len(seen.lines) > LINES_MAX:
        raise TooManyLines
    if any(not 1 <= line.quantity <= QUANTITY_MAX for line in seen.lines):
        raise QuantityOutOfRange
    for line in seen.lines:
        _contents_within_limits(line.contents)
    ids = {line.line_id for line in seen.lines}
    if len(ids) < len(seen.lines) or "" in ids:
        raise LineIdsNotDistinct


def _contents_within_limits(contents: tuple[AreaContent, ...]) -> None:
    if len(contents) > AREAS_MAX:
        raise TooManyAreas
    if len({content.area for content in contents}) < len(contents):
        raise AreaNamedTwice


def _observed_again(order: Order, command: ObserveStoreOrder, context: Context) -> tuple[OrderEvent, ...]:
    """What no partner has changes at once; of what a partner has, it is asked first; what is packed stays. What comes
    out the same is only noted. Whatever it is, this picture is the newest one that was looked at.
    """
    seen = command.order
    gone = (("payment_pending", seen.payment_pending), ("address_missing", seen.address_missing))
    facts: list[OrderEvent] = [
        release(reason, "", context) for reason, still in gone if not still and order.held_by(reason, "")
    ]
    news = tuple(line for line in seen.lines if differs(order, line))
    the_same = tuple(line for line in news if amends(order, line))
    changed = tuple(line for line in news if line not in the_same)
    wanted = {line.line_id for line in seen.lines}
    removed = tuple(key for key, line in order.lines.items() if is_removed(line, wanted))
    moved = seen.recipient_digest != order.recipient_digest
    packed = (parcel for parcel in order.parcels.values() if parcel.stage != WITHDRAWN)
    if moved and any(parcel.labelled or parcel.stage != "label_failed" for parcel in packed):
        # A store's picture is a report, not a request: what comes too late is shown to a person, not thrown away.
        moved = False
        facts += address_refused(order, context.actor)
    at_partner = {key for key, line in order.lines.items() if line.submitted}
    free = tuple(line for line in changed if line.line_id not in at_partner)
    freed = tuple(key for key in removed if key not in at_partner)
    touched = (*(line.line_id for line in free), *freed)
    grown = tuple(line.line_id for line in the_same if line.quantity > order.lines[line.line_id].quantity)
    facts += _abandoned(order, command, touched, grown, moved=moved)
    if free or freed or moved:
        facts.append(_edit(command, free, freed, context, moved=moved))
        facts += [release(held.reason, held.line_id, context) for held in order.holds if held.line_id in touched]
        facts += [doubt for line in free for doubt in doubts(order, line)]
    wishes: dict[str, OrderedLine | None] = {line.line_id: line for line in changed} | dict.fromkeys(removed)
    facts += [
        asked_of_partner(order.lines[key], wish, command, context.actor)
        for key, wish in wishes.items()
        if key in at_partner
    ]
    for line in the_same:
        facts += amended(order.lines[line.line_id], line, command, context.actor)
    if not (moved or wishes or the_same):
        if not facts and command.store_updated_at - 1 <= order.store_updated_at:
            raise Ignored("this picture of the order was looked at already, and says nothing new")
        # Whoever looked at this picture must not take an older one for news when that comes late.
        facts.append(OrderSeenAgain(store_updated_at=command.store_updated_at))
    return tuple(facts)


def _abandoned(
    order: Order, command: ObserveStoreOrder, touched: tuple[str, ...], grown: tuple[str, ...], *, moved: bool
) -> list[OrderEvent]:
    """Print runs that no partner has yet and that are not right any more: other content, another destination, or more
    units, which are best made together. A re-print stays apart, at the press that made the line.
    """
    seen = command.order
    here = (order.country, order.region, order.postal_prefix)
    elsewhere = moved and here != (
        seen.country,
        seen.region,
        seen.postal_prefix,
    )
    return [
        LineCancelled(line_id=line.line_id, units=(), reason="edited", run=run.run)
        for line in order.lines.values()
        for run in line.runs
        if run.stage in RUN_UNSUBMITTED
        and (elsewhere or line.line_id in touched or (line.line_id in grown and not line.is_reprint(run)))
    ]


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
    lines = [line for line in order.lines.values() if line.stage != "cancelled"]
    stoppable = [line for line in lines if asked_to_stop(line).cancelling]
    if not stoppable:
        raise NothingToCancel
    if all(line.cancelling for line in stoppable):
        raise Ignored("the order is being cancelled already")
    refused = (_made_already(line, run) for line in lines for run in line.runs if run.stage in RUN_MADE)
    return (asked, *filter(None, refused))


def _made_already(line: Line, run: Run) -> CancellationRefused | None:
    units = run.passed_units if run.stage == "passed" else run.units
    if not units:
        return None
    reason = "The goods are made and packed already." if run.stage == "passed" else "The goods are printed already."
    return CancellationRefused(line_id=line.line_id, run=run.run, reason=reason)


def decide(order: Order, command: IntakeCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide the smaller commands of intake."""
    match command:
        case MapLine():
            line = line_of(order, command.line_id)
            if line.artwork is not None:
                raise Ignored("the line is mapped already and keeps what it was bought with")
            if command.sku and command.sku != line.sku:
                raise Ignored("the line has another SKU by now, and waits for what that one means")
            mapped = LineMapped(line_id=line.line_id, artwork=command.artwork)
            lost = is_print_lost(command.artwork, line.contents)
            doubt = (hold("nothing_printed", line.line_id, f"SKU {line.sku}"),) if lost else ()
            if order.held_by("sku_unmapped", line.line_id):
                return (mapped, *doubt, release("sku_unmapped", line.line_id, context))
            return (mapped, *doubt)
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
            if command.reason == "artwork_blocked":
                raise StillBlocked
            return (release(command.reason, command.line_id, context),)
        case ReportPayment():
            return _paid(order, command, context)
        case _:
            assert_never(command)


def _replace_artwork(order: Order, command: ReplaceArtwork, context: Context) -> tuple[OrderEvent, ...]:
    line = line_of(order, command.line_id)
    if line.is_ready_made:
        raise NothingPrinted
    if line.too_late_to_stop or line.cancelling or line.stage == "cancelled":
        raise TooLateToEdit
    if line.edit is not None:
        raise EditUnderWay
    contents = _merged(line.contents, command.contents)
    _contents_within_limits(contents)
    if line.submitted:
        changed = _as_ordered(line, contents, command.content_digest)
        return (
            EditRequested(
                line_id=line.line_id,
                changed=changed,
                from_store=False,
                store_updated_at=order.store_updated_at,
                by=context.actor,
            ),
        )
    abandoned = (
        LineCancelled(line_id=line.line_id, units=(), reason="edited", run=run.run)
        for run in line.runs
        if run.stage in RUN_UNSUBMITTED
    )
    held = (h for h in order.holds if h.line_id == line.line_id and h.reason != "sku_unmapped")
    replaced = ArtworkReplaced(
        line_id=line.line_id, contents=contents, content_digest=command.content_digest, by=context.actor
    )
    return (*abandoned, replaced, *(release(h.reason, h.line_id, context) for h in held))


def _as_ordered(line: Line, contents: tuple[AreaContent, ...], content_digest: str) -> OrderedLine:
    return OrderedLine(
        line_id=line.line_id,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        artwork=line.artwork,
        contents=contents,
        instructions=line.instructions,
        content_digest=content_digest,
    )


def _merged(before: tuple[AreaContent, ...], new: tuple[AreaContent, ...]) -> tuple[AreaContent, ...]:
    """What is printed once the named areas carry something else; the others keep what they have."""
    named = {content.area for content in new}
    return (*(content for content in before if content.area not in named), *new)


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
