"""What follows by itself: the next work for every line, given what is true now.

Handlers of commands only say what became true; this module says what is asked for next. So a released hold, an
approved proof and a partner that gave up all go on in the same way.
"""

from collections.abc import Iterator

from events.decider import Context
from events.order.facts import (
    LineCancelled,
    OrderCancelled,
    OrderEvent,
    ProofApprovalRequested,
    ProofApproved,
)
from events.order.state import Line, Order, Run
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

IN_PRODUCTION = frozenset({"submitting", "accepted", "printed", "inspecting"})
"""Stages of a run that will still become goods; a parcel waits for those of its own partner."""

UNCOVERING = frozenset({"cancelled", "given_up"})
"""Stages of a run whose units need another run."""


def advance(order: Order, context: Context) -> tuple[OrderEvent, ...]:
    """The facts that follow from the state alone; empty when nothing follows until somebody reports."""
    if not order.placed or order.cancelled:
        return ()
    found: list[OrderEvent] = []
    for line in order.lines.values():
        found.extend(_next_of_line(order, line, context))
    if not order.holds:
        found.extend(_labels(order, context))
    if all(line.stage == "cancelled" for line in order.lines.values()):
        found.append(OrderCancelled(reason=order.cancellation_reason))
    return tuple(found)


def _next_of_line(order: Order, line: Line, context: Context) -> Iterator[OrderEvent]:
    for run in line.runs:
        if run.stage == "printed" and run.quality is not None:
            yield inspection_requested(order, line, run, context)
    if line.cancelling:
        yield from _cancelling(order, line, context)
        return
    if order.holds or line.artwork is None:
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
        return ProofApproved(line_id=line.line_id, version=line.version, by="policy:when_clean")
    return ProofApprovalRequested(
        line_id=line.line_id,
        version=line.version,
        approver=order.policy.approver,
        due_at=context.now + order.policy.approval_timeout_ms,
    )


def _production(order: Order, line: Line, artwork: LineArtwork, context: Context) -> Iterator[OrderEvent]:
    covered = {unit for run in line.runs if run.stage not in UNCOVERING for unit in run.units}
    if uncovered := tuple(unit for unit in line.live_units if unit not in covered):
        gave_up = (run for run in line.runs if run.stage == "given_up")
        excluded = tuple(dict.fromkeys(run.partner_id for run in gave_up))
        run = Run(run=len(line.runs) + 1, units=uncovered, excluded=excluded)
        yield routing_requested(order, line, artwork, run, context)
    for run in line.runs:
        if run.stage == "routed" and line.print_file is not None:
            yield submission_requested(order, line, run, line.print_file, context)


def _cancelling(order: Order, line: Line, context: Context) -> Iterator[OrderEvent]:
    """What no partner has is cancelled at once; a partner that has accepted is asked, once its answer is known."""
    at_partner = [run for run in line.runs if run.stage in IN_PRODUCTION]
    kept = {unit for run in at_partner for unit in run.units} | {unit for run in line.runs for unit in run.passed_units}
    if free := tuple(unit for unit in line.live_units if unit not in kept):
        yield LineCancelled(line_id=line.line_id, units=free, reason=order.cancellation_reason)
    for run in at_partner:
        if run.stage == "accepted" and not run.cancel_asked:
            yield partner_cancellation_requested(order, line, run, context)


def _labels(order: Order, context: Context) -> Iterator[OrderEvent]:
    """One parcel a partner, once all its first-run units are judged; re-prints do not keep good units waiting."""
    busy: set[str] = set()
    ready: dict[str, dict[str, tuple[int, ...]]] = {}
    for line in order.lines.values():
        for run in line.runs:
            if run.stage in IN_PRODUCTION and run.reason != "reprint":
                busy.add(run.partner_id)
            if run.stage == "passed" and not run.parcel_id and run.passed_units:
                units = ready.setdefault(run.partner_id, {}).get(line.line_id, ())
                ready[run.partner_id][line.line_id] = tuple(sorted({*units, *run.passed_units}))
    for number, (partner_id, contents) in enumerate(
        ((partner, contents) for partner, contents in ready.items() if partner not in busy), len(order.parcels) + 1
    ):
        yield label_requested(order, f"P{number}", partner_id, contents, context)
