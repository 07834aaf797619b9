"""Changes of lines that a partner has: the partner is asked to stop, and its answer decides.

An edit of such a line is a cancellation and a new submission. Until the partner has answered nobody else may print the
line, in the old content or in the new; once every run is known not to be made, the line begins again with the new
content, a new revision and new runs.

What does not change how the line comes out stops nobody: another note is noted, and more units get a run of their own.
Fewer units of goods that are made, as a store shows them after it gave money back, are refused by name; nobody can do
anything about them, so that no person is told.
"""

from collections.abc import Iterator

from events.decider import Context
from events.order.commands import ObserveStoreOrder
from events.order.decide_common import RUNS_MAX, hold, raised, release
from events.order.facts import (
    ArtworkReplaced,
    EditRefused,
    EditRequested,
    EditWithdrawn,
    LineAmended,
    LineCancelled,
    OrderEdited,
    OrderEvent,
    OrderHeld,
)
from events.order.refusals import AlreadyShipped, TooLateToEdit
from events.order.state import REMOVED, RUN_GOODS, RUN_UNSUBMITTED, Line, LineEdit, Order
from events.order.status import ORDER_ENDED, order_status
from events.order.values import AreaContent, LineArtwork, OrderedLine
from events.order.work import partner_cancellation_requested

EDITED = "edited"
MADE_ALREADY, PARTNER_REFUSED, PACKED_ALREADY = "made_already", "partner_refused", "packed_already"

DETAILS = {
    MADE_ALREADY: "The goods are made already; they are sent as they are.",
    PARTNER_REFUSED: "The partner is too far with it to stop; it is made and sent as it was.",
    PACKED_ALREADY: "The parcel has its label already; it goes to the old address.",
}


def differs(order: Order, line: OrderedLine) -> bool:
    """Whether the store says something new of this line. One that it had removed and shows again is made after all;
    one that was cancelled here stays cancelled, and so does one whose goods were made and taken back for good.
    """
    before = order.line(line.line_id)
    if before is None or before.stage != "cancelled":
        return before is None or line.content_digest != before.store_digest
    return not (order.cancellation_asked or before.submitted)


def amends(order: Order, changed: OrderedLine) -> bool:
    """Whether a changed line comes out the same, in as many units or more: then what is under way may go on.

    Fewer units have to be stopped like another content. An order that has ended, or that somebody wanted to cancel, is
    not made longer by this.
    """
    line = order.line(changed.line_id)
    if line is None or line.artwork is None or line.stage == "cancelled":
        return False
    if not changed.printed_digest or changed.printed_digest != line.printed_digest:
        return False
    if changed.quantity == line.quantity:
        return True
    may_grow = not order.cancellation_asked and order_status(order) not in ORDER_ENDED and len(line.runs) < RUNS_MAX
    return changed.quantity > line.quantity and may_grow


def amended(line: Line, changed: OrderedLine, seen: ObserveStoreOrder, by: str) -> Iterator[OrderEvent]:
    """What the store's change of a line makes true that `amends`; a change of its print that waited is off."""
    has_file_waiting = line.edit is not None and not line.edit.from_store
    is_as_made = changed.content_digest == line.carried_digest and not has_file_waiting
    if is_as_made or (line.edit is not None and line.edit.from_store):
        yield EditWithdrawn(line_id=line.line_id, store_updated_at=seen.store_updated_at, by=by)
    if not is_as_made:
        yield LineAmended(
            line_id=line.line_id,
            quantity=changed.quantity,
            instructions=changed.instructions,
            content_digest=changed.content_digest,
            store_updated_at=seen.store_updated_at,
            total_minor=seen.order.total_minor,
            by=by,
        )


def is_removed(line: Line, wanted: set[str]) -> bool:
    """Whether the store newly shows the order without this line."""
    return line.stage != "cancelled" and line.line_id not in wanted and line.store_digest != REMOVED


def asked_of_partner(line: Line, changed: OrderedLine | None, seen: ObserveStoreOrder, by: str) -> OrderEvent:
    """What the store's change of a line makes true that a partner has."""
    if changed is not None and changed.content_digest == line.carried_digest:
        return EditWithdrawn(line_id=line.line_id, store_updated_at=seen.store_updated_at, by=by)
    return EditRequested(
        line_id=line.line_id,
        changed=changed,
        store_updated_at=seen.store_updated_at,
        total_minor=seen.order.total_minor,
        by=by,
    )


def address_refused(order: Order, by: str) -> tuple[OrderEvent, ...]:
    """A parcel is packed for the old address: a person is told, once."""
    late = raised(order, "edit_refused", "", DETAILS[PACKED_ALREADY], AlreadyShipped().detail, blocking=False)
    if not late:
        return ()
    return (EditRefused(line_id="", reason=PACKED_ALREADY, detail=DETAILS[PACKED_ALREADY], by=by), *late)


def going_on(order: Order, line: Line, edit: LineEdit, context: Context) -> Iterator[OrderEvent]:
    """What follows for a line with a change that waits: ask, carry it out, or refuse it."""
    if line.too_late_to_stop:
        yield from _refused(order, line, edit)
        return
    for run in line.runs:
        if run.stage in RUN_UNSUBMITTED:
            yield LineCancelled(line_id=line.line_id, units=(), reason=EDITED, run=run.run)
        elif run.stage == "accepted" and not run.cancel_asked:
            yield partner_cancellation_requested(order, line, run, context)
    if not line.submitted:
        yield from _carried_out(order, line, edit, context)


def _refused(order: Order, line: Line, edit: LineEdit) -> Iterator[OrderEvent]:
    made = any(run.stage in RUN_GOODS for run in line.runs)
    reason = MADE_ALREADY if made else PARTNER_REFUSED
    yield EditRefused(line_id=line.line_id, reason=reason, detail=DETAILS[reason], by=edit.by)
    if made and _is_only_fewer(line, edit):
        return
    yield from raised(order, "edit_refused", line.line_id, DETAILS[reason], TooLateToEdit().detail, blocking=False)


def _is_only_fewer(line: Line, edit: LineEdit) -> bool:
    """Whether the store wants the line as it is in fewer units, or not at all: what a refund looks like, too."""
    if edit.changed is None:
        return edit.from_store
    same = bool(edit.changed.printed_digest) and edit.changed.printed_digest == line.printed_digest
    return edit.from_store and same and edit.changed.quantity < line.quantity


def _carried_out(order: Order, line: Line, edit: LineEdit, context: Context) -> Iterator[OrderEvent]:
    changed = edit.changed
    if changed is not None and not edit.from_store:
        yield ArtworkReplaced(
            line_id=line.line_id, contents=changed.contents, content_digest=changed.content_digest, by=edit.by
        )
    else:
        yield OrderEdited(
            store_updated_at=order.store_updated_at,
            changed_lines=() if changed is None else (changed,),
            removed_line_ids=(line.line_id,) if changed is None else (),
            total_minor=edit.total_minor,
            by=edit.by,
        )
    for held in order.holds:
        if held.line_id == line.line_id and (edit.from_store or held.reason != "sku_unmapped"):
            yield release(held.reason, held.line_id, context)
    if changed is not None and edit.from_store:
        yield from doubts(order, changed)


def doubts(order: Order, line: OrderedLine) -> Iterator[OrderHeld]:
    """Why a new or changed line does not begin yet: nobody knows its SKU, or nobody would print what its buyer gave."""
    before = order.line(line.line_id)
    if unmapped(order, line):
        yield hold("sku_unmapped", line.line_id, f"SKU {line.sku}")
    elif is_print_lost(line.artwork or (before.artwork if before else None), line.contents):
        yield hold("nothing_printed", line.line_id, f"SKU {line.sku} is ready-made; its buyer gave something to print.")


def is_print_lost(artwork: LineArtwork | None, contents: tuple[AreaContent, ...]) -> bool:
    """Whether a text or picture came for a ready-made product, on which nothing is printed."""
    given = any(content.text or content.artwork_url or content.design_key for content in contents)
    return given and artwork is not None and artwork.is_ready_made


def unmapped(order: Order, line: OrderedLine) -> bool:
    """Whether nobody knows what a changed line's SKU means: it keeps what it was mapped to while the SKU stays."""
    before = order.line(line.line_id)
    return line.artwork is None and (before is None or before.artwork is None or before.sku != line.sku)
