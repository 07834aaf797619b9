"""What follows by itself: the next work for every line, given what is true now.

Handlers of commands only say what became true; this module says what is asked for next. So a released hold, an
approved proof and a partner that gave up all go on in the same way.
"""

from collections.abc import Iterator
from typing import get_args

from events.decider import Context
from events.order.causes import settled_exceptions
from events.order.claim_outcomes import uncovered_units
from events.order.decide_parcels import labels_to_give_back
from events.order.edits import going_on
from events.order.evolve import RecordedOnly
from events.order.facts import (
    ArtworkCheckRequested,
    DeadlinePassed,
    HoldReleased,
    InspectionRequested,
    LabelRequested,
    LineCancelled,
    NotificationFailed,
    NotificationSent,
    OrderCancelled,
    OrderEvent,
    OrderSeenAgain,
    ProofApprovalRequested,
    ProofApproved,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
from events.order.state import RUN_MAKING, RUN_UNSUBMITTED, Line, Order, Run
from events.order.values import LineArtwork
from events.order.work import (
    check_requested,
    inspection_requested,
    label_requested,
    partner_cancellation_requested,
    render_requested,
    routing_requested,
    submission_requested,
)

INERT: frozenset[type] = frozenset({*get_args(RecordedOnly), NotificationSent, NotificationFailed, OrderSeenAgain}) - {
    DeadlinePassed
}
"""Facts from which nothing follows by itself."""

ONLY_ASKS: frozenset[type] = frozenset(
    {
        ArtworkCheckRequested,
        RenderRequested,
        ProofApprovalRequested,
        RoutingRequested,
        SubmissionRequested,
        InspectionRequested,
        LabelRequested,
    }
)
"""Facts after which somebody is waited for: where no exception is open that they could settle, nothing follows."""


def advance(order: Order, context: Context) -> tuple[OrderEvent, ...]:
    """The facts that follow from the state alone; empty when nothing follows until somebody reports."""
    if not order.placed:
        return ()
    found: list[OrderEvent] = [*labels_to_give_back(order, context)] if order.parcels else []
    if order.cancelled:
        return (*found, *settled_exceptions(order))
    for line in order.lines.values():
        found.extend(_next_of_line(order, line, context))
    if order.holds:
        found.extend(_pointless_holds(order))
    else:
        found.extend(_labels(order, context))
    if order.exceptions:
        found.extend(settled_exceptions(order))
    if all(line.stage == "cancelled" for line in order.lines.values()):
        found.append(OrderCancelled(reason=order.cancellation_reason or "No line is left to make."))
    return tuple(found)


def _pointless_holds(order: Order) -> Iterator[HoldReleased]:
    """A hold for the sake of a line that is not made any more would keep the other lines waiting for ever."""
    none_left = all(line.stage == "cancelled" for line in order.lines.values())
    for held in order.holds:
        line = order.line(held.line_id)
        if none_left or (line is not None and line.stage == "cancelled"):
            yield HoldReleased(reason=held.reason, line_id=held.line_id, by="policy:line_cancelled")


def _next_of_line(order: Order, line: Line, context: Context) -> Iterator[OrderEvent]:
    if line.stage == "cancelled":
        return
    for run in line.runs:
        if run.stage == "printed" and run.quality is not None:
            yield inspection_requested(order, line, run, context)
    if line.cancelling:
        yield from _cancelling(order, line, context)
        return
    if line.edit is not None:
        yield from going_on(order, line, line.edit, context)
        return
    if order.holds or order.erased or line.artwork is None:
        return
    match line.stage:
        case "received":
            yield check_requested(order, line, line.artwork, context)
        case "checked":
            yield render_requested(order, line, line.artwork, context)
        case "rendered":
            yield _approval(order, line, context)
        case "approved":
            yield from _production(order, line, line.artwork, context)
        case _:
            return


def _approval(order: Order, line: Line, context: Context) -> OrderEvent:
    if order.policy.approval == "when_clean" and not line.needs_person:
        return ProofApproved(
            line_id=line.line_id, version=line.version, by="policy:when_clean", reason=_why_clean(line)
        )
    return ProofApprovalRequested(
        line_id=line.line_id,
        version=line.version,
        approver=order.policy.approver,
        due_at=context.now + order.policy.approval_timeout_ms,
    )


def _why_clean(line: Line) -> str:
    if not line.findings:
        return "The check found nothing, and the store lets clean proofs approve themselves."
    codes = ", ".join(sorted({finding.code for finding in line.findings}))
    return f"The check only warned ({codes}), and the store lets such proofs approve themselves."


def _production(order: Order, line: Line, artwork: LineArtwork, context: Context) -> Iterator[OrderEvent]:
    if uncovered := uncovered_units(order, line):
        gave_up = (run for run in line.runs if run.stage == "given_up")
        excluded = tuple(dict.fromkeys(run.partner_id for run in gave_up))
        run = Run(run=len(line.runs) + 1, units=uncovered, excluded=excluded)
        yield routing_requested(order, line, artwork, run, context)
    for run in line.runs:
        if run.stage == "routed" and (line.areas or line.is_ready_made):
            yield submission_requested(order, line, run, context)


def _cancelling(order: Order, line: Line, context: Context) -> Iterator[OrderEvent]:
    """What no partner has is cancelled at once; a partner that has accepted is asked, once its answer is known."""
    reason = order.cancellation_reason
    for run in line.runs:
        if run.stage in RUN_UNSUBMITTED:
            yield LineCancelled(line_id=line.line_id, units=line.lost_with(run), reason=reason, run=run.run)
        elif run.stage == "accepted" and not run.cancel_asked:
            yield partner_cancellation_requested(order, line, run, context)
    if free := line.free_units:
        yield LineCancelled(line_id=line.line_id, units=free, reason=reason)


def _labels(order: Order, context: Context) -> Iterator[OrderEvent]:
    """One parcel a partner, once all its first-run units are judged; re-prints do not keep good units waiting."""
    ready: dict[str, dict[str, tuple[int, ...]]] = {}
    for line in order.lines.values():
        for run in line.runs:
            if units := line.to_pack(run):
                contents = ready.setdefault(run.partner_id, {})
                contents[line.line_id] = tuple(sorted({*contents.get(line.line_id, ()), *units}))
    if not ready:
        return
    busy = {
        run.partner_id
        for line in order.lines.values()
        for run in line.runs
        if run.stage in RUN_MAKING and not line.is_reprint(run)
    }
    packed = ((partner_id, contents) for partner_id, contents in ready.items() if partner_id not in busy)
    for number, (partner_id, contents) in enumerate(packed, len(order.parcels) + 1):
        yield label_requested(order, f"P{number}", partner_id, contents, context)
