"""Sentences for intake: placed, held, edited, cancelled."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    CancellationRefused,
    CancellationRequested,
    EditRefused,
    EditRequested,
    EditWithdrawn,
    HoldReleased,
    LineAmended,
    LineCancelled,
    LineMapped,
    OrderCancelled,
    OrderEdited,
    OrderHeld,
    OrderPlaced,
    OrderSeenAgain,
    PartnerCancellationRequested,
)
from projections.sentences.wording import Entry, again, counted, units_of

IntakeFact: TypeAlias = (
    OrderPlaced
    | OrderHeld
    | HoldReleased
    | LineMapped
    | OrderEdited
    | EditRequested
    | EditRefused
    | EditWithdrawn
    | LineAmended
    | OrderSeenAgain
    | CancellationRequested
    | PartnerCancellationRequested
    | LineCancelled
    | OrderCancelled
    | CancellationRefused
)


def describe_intake(fact: IntakeFact) -> Entry:
    """Title and detail of a fact of intake."""
    match fact:
        case OrderPlaced():
            return _placed(fact)
        case OrderHeld():
            what = f"Held: {fact.reason}" + (f", line {fact.line_id}" if fact.line_id else "")
            return Entry(what, " ".join(filter(None, (fact.detail, fact.what_to_do))))
        case HoldReleased():
            where = f", line {fact.line_id}" if fact.line_id else ""
            return Entry(f"No longer held: {fact.reason}{where}", f"By {fact.by}." if fact.by else "")
        case LineMapped():
            artwork = fact.artwork
            template = f"Template {artwork.template_id} version {artwork.template_version}."
            how = "Ready-made: nothing is printed on it." if artwork.is_ready_made else template
            return Entry(f"Line {fact.line_id} is {artwork.variant_id}", how)
        case OrderEdited():
            return _edited(fact)
        case EditRequested():
            wish = "should not be made" if fact.changed is None else "should change"
            detail = "A partner has it: it is asked to stop, and the change waits for its answer."
            return Entry(f"Line {fact.line_id} {wish}", detail + (f" By {fact.by}." if fact.by else ""))
        case EditRefused():
            what = f"line {fact.line_id}" if fact.line_id else "the address"
            return Entry(f"Too late to change {what}: {fact.reason}", fact.detail)
        case EditWithdrawn():
            detail = "The store wants it as it is being made." + (f" By {fact.by}." if fact.by else "")
            return Entry(f"Line {fact.line_id} does not change any more", detail)
        case LineAmended():
            detail = f"{counted(fact.quantity, 'unit')}; what is printed stays as it is."
            return Entry(f"Line {fact.line_id} amended", detail + (f" By {fact.by}." if fact.by else ""))
        case OrderSeenAgain():
            return Entry("Seen again at its store", "Nothing is edited by it; older pictures of it count no more.")
        case CancellationRequested():
            return Entry("Cancellation asked for", f"By {fact.by}: {fact.reason}")
        case PartnerCancellationRequested():
            title = f"{fact.partner_id} is asked to stop line {fact.line_id}, run {fact.run}{again(fact.attempt)}"
            return Entry(title, fact.reason)
        case LineCancelled() if not fact.units:
            return Entry(f"Line {fact.line_id}, run {fact.run}: not made", fact.reason)
        case LineCancelled():
            return Entry(f"Line {fact.line_id}: {units_of(fact.units)} cancelled", fact.reason)
        case OrderCancelled():
            return Entry("Order cancelled", fact.reason)
        case CancellationRefused():
            return Entry(f"Too late to cancel line {fact.line_id}, run {fact.run}", fact.reason)
        case _:
            assert_never(fact)


def _placed(fact: OrderPlaced) -> Entry:
    order = fact.order
    units = sum(line.quantity for line in order.lines)
    title = f"Order {order.order_number or order.external_id} placed at {order.store}"
    detail = f"{counted(len(order.lines), 'line')}, {counted(units, 'unit')}, {order.priority}, to {order.country}."
    return Entry(title, detail)


def _edited(fact: OrderEdited) -> Entry:
    parts = []
    if fact.changed_lines:
        parts.append(f"{counted(len(fact.changed_lines), 'line')} changed")
    if fact.removed_line_ids:
        parts.append(f"{counted(len(fact.removed_line_ids), 'line')} removed")
    if fact.recipient is not None:
        parts.append("address changed")
    return Entry("Order edited", ", ".join(parts) + (f". By {fact.by}." if fact.by else "."))
