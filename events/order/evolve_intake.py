"""Fold facts of intake: the order arrives, is held, mapped, edited, cancelled."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from events.order.facts import (
    CancellationRequested,
    EditRefused,
    EditRequested,
    EditWithdrawn,
    HoldReleased,
    LineAmended,
    LineMapped,
    OrderCancelled,
    OrderEdited,
    OrderHeld,
    OrderPlaced,
    OrderSeenAgain,
)
from events.order.state import CANCELLED_AT_THE_STORE, REFUSED, REMOVED, Hold, Line, LineEdit, Order, Run
from events.order.values import LineArtwork, OrderedLine

IntakeEvent: TypeAlias = (
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
    | OrderCancelled
)


def evolve_intake(order: Order, fact: IntakeEvent) -> Order:
    """The order after a fact of its intake."""
    match fact:
        case OrderPlaced():
            return _placed(order, fact)
        case OrderHeld():
            held = Hold(fact.reason, fact.line_id)
            if held not in order.holds:
                order = replace(order, holds=(*order.holds, held))
            line = order.line(fact.line_id)
            if line is None or line.stage != "checking":
                return order
            return with_line(order, replace(line, stage="received"))
        case HoldReleased():
            released = Hold(fact.reason, fact.line_id)
            return replace(order, holds=tuple(hold for hold in order.holds if hold != released))
        case LineMapped():
            return with_line(order, begun_with(order.lines[fact.line_id], fact.artwork))
        case OrderEdited():
            return _edited(order, fact)
        case EditRequested():
            return _edit_asked(order, fact)
        case EditRefused():
            line = order.line(fact.line_id)
            return order if line is None else with_line(order, replace(line, edit=None))
        case EditWithdrawn():
            line = order.lines[fact.line_id]
            seen_at = max(order.store_updated_at, fact.store_updated_at)
            as_made = replace(line, edit=None, store_digest=line.carried_digest)
            return with_line(replace(order, store_updated_at=seen_at), as_made)
        case LineAmended():
            return _amended(order, fact)
        case OrderSeenAgain():
            # Stores tell whole seconds: another picture of the same one may say something new.
            return replace(order, store_updated_at=max(order.store_updated_at, fact.store_updated_at - 1))
        case CancellationRequested():
            return _cancellation_asked(order, fact)
        case OrderCancelled():
            return replace(order, cancelled=True)
        case _:
            assert_never(fact)


def _placed(order: Order, fact: OrderPlaced) -> Order:
    seen = fact.order
    return replace(
        order,
        placed=True,
        store=seen.store,
        external_id=seen.external_id,
        order_number=seen.order_number,
        store_updated_at=fact.store_updated_at,
        placed_at=seen.placed_at,
        currency=seen.currency,
        total_minor=seen.total_minor,
        priority=seen.priority,
        recipient=seen.recipient,
        recipient_digest=seen.recipient_digest,
        country=seen.country,
        region=seen.region,
        postal_prefix=seen.postal_prefix,
        policy=seen.policy,
        # An order that was cancelled before it came is taken in and stopped at once.
        lines={line.line_id: replace(line_from(line), cancelling=order.cancellation_asked) for line in seen.lines},
    )


def _cancellation_asked(order: Order, fact: CancellationRequested) -> Order:
    is_known = fact.reason == CANCELLED_AT_THE_STORE == order.cancellation_reason
    return replace(
        order,
        cancellation_asked=True,
        cancellations=order.cancellations + (not is_known),
        cancellation_reason=fact.reason,
        lines={key: asked_to_stop(line) for key, line in order.lines.items()},
    )


def asked_to_stop(line: Line) -> Line:
    """The line once somebody asks to cancel it. A partner that refused to stop earlier is asked anew."""
    runs = tuple(map(_asked_anew, line.runs))
    # Whoever does not want the line at all wants no change of it either.
    line = replace(line, runs=runs, edit=None)
    return replace(line, cancelling=line.stoppable)


def _asked_anew(run: Run) -> Run:
    if run.stage == "accepted" and run.cancel_answer == REFUSED:
        return replace(run, cancel_asked=False, cancel_answer="")
    return replace(run, diverted=False) if run.diverted else run


def begun_with(line: Line, artwork: LineArtwork | None) -> Line:
    """A line at its beginning, once its SKU is known: a ready-made one has nothing to check or approve."""
    is_ready_made = artwork is not None and artwork.is_ready_made
    return replace(line, artwork=artwork, stage="approved" if is_ready_made else line.stage)


def line_from(ordered: OrderedLine) -> Line:
    """A line as it begins."""
    line = Line(
        line_id=ordered.line_id,
        sku=ordered.sku,
        title=ordered.title,
        quantity=ordered.quantity,
        unit_price_minor=ordered.unit_price_minor,
        artwork=ordered.artwork,
        contents=ordered.contents,
        content_digest=ordered.content_digest,
        store_digest=ordered.content_digest,
        printed_digest=ordered.printed_digest,
        carried_digest=ordered.content_digest,
        instructions=ordered.instructions,
    )
    return begun_with(line, ordered.artwork)


def _edited(order: Order, fact: OrderEdited) -> Order:
    lines = dict(order.lines)
    for changed in fact.changed_lines:
        before = lines.get(changed.line_id)
        lines[changed.line_id] = line_from(changed) if before is None else _begun_again(before, changed)
    for line_id in fact.removed_line_ids:
        removed = lines[line_id]
        units = tuple(range(1, removed.quantity + 1))
        lines[line_id] = replace(removed, stage="cancelled", cancelled_units=units, cancelling=False, edit=None)
    order = replace(order, lines=lines, store_updated_at=fact.store_updated_at)
    if fact.recipient is not None:
        order = replace(
            order,
            recipient=fact.recipient,
            recipient_digest=fact.recipient_digest,
            country=fact.country,
            region=fact.region,
            postal_prefix=fact.postal_prefix,
        )
    return replace(order, total_minor=fact.total_minor) if fact.total_minor else order


def _edit_asked(order: Order, fact: EditRequested) -> Order:
    """The change waits; the store's next picture is compared with what it has said now."""
    line = order.lines[fact.line_id]
    edit = LineEdit(changed=fact.changed, from_store=fact.from_store, total_minor=fact.total_minor, by=fact.by)
    line = replace(line, edit=edit)
    if fact.from_store:
        line = replace(line, store_digest=REMOVED if fact.changed is None else fact.changed.content_digest)
        order = replace(order, store_updated_at=max(order.store_updated_at, fact.store_updated_at))
    return with_line(order, line)


def _amended(order: Order, fact: LineAmended) -> Order:
    """The line goes on as it is, with another note or more units; what is under way keeps its keys."""
    line = replace(
        order.lines[fact.line_id],
        quantity=fact.quantity,
        instructions=fact.instructions,
        store_digest=fact.content_digest,
        carried_digest=fact.content_digest,
    )
    seen_at = max(order.store_updated_at, fact.store_updated_at)
    order = replace(order, store_updated_at=seen_at, total_minor=fact.total_minor or order.total_minor)
    return with_line(order, line)


def _begun_again(before: Line, changed: OrderedLine) -> Line:
    """A line with other content. Revisions, versions and runs go on counting: what is asked for now has new keys, so
    that a late answer about the old content never passes for one about the new.
    """
    kept = before.artwork if before.sku == changed.sku else None
    return replace(
        begun_with(line_from(changed), changed.artwork or kept),
        revision=before.revision + 1,
        version=next_version(before),
        runs=before.runs,
    )


def next_version(before: Line) -> int:
    """A version that is being rendered is used up: its late files must not pass for those of the new content."""
    return before.version + 1 if before.stage == "rendering" else before.version


def with_line(order: Order, line: Line) -> Order:
    """The order with one line replaced."""
    return replace(order, lines={**order.lines, line.line_id: line})
