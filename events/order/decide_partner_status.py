"""What a partner's report makes true: kept always, applied only where it says more than is known."""

from events.decider import Context
from events.order.commands import ReportPartnerStatus
from events.order.decide_common import raised
from events.order.facts import (
    CancellationRefused,
    DeadlineSet,
    ExceptionResolved,
    LineCancelled,
    LinePrinted,
    OrderEvent,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    SubmissionAccepted,
)
from events.order.state import Line, Order, Run

RANK_PRINTING = 20
RANK_PRINTED = 50

RUN_FOLLOWED = frozenset({"submitting", "waiting", "accepted"})
"""Stages of a run in which a report can move it."""


def partner_status(
    order: Order, line: Line, run: Run, command: ReportPartnerStatus, context: Context
) -> tuple[OrderEvent, ...]:
    """The report itself, and what it implies: accepted, started, printed, stopped, in trouble, out of trouble."""
    facts: list[OrderEvent] = [_observed(run, command)]
    if run.stage not in RUN_FOLLOWED:
        return tuple(facts)
    if not command.rank:
        return (*facts, *_condition(order, line, run, command))
    subject = f"{line.line_id}:{run.run}"
    on_hold = f"partner_on_hold:{subject}"
    if on_hold in order.exceptions and command.partner_at > run.condition_at:
        facts.append(ExceptionResolved(exception_id=on_hold, how="the partner goes on", by=context.actor))
    if command.rank <= run.rank:
        return tuple(facts)
    if run.stage != "accepted":
        # A report can overtake the answer to the submission: whoever reports a stage has taken the run.
        accepted = SubmissionAccepted(line_id=line.line_id, run=run.run, partner_id=run.partner_id, partner_order_id="")
        facts.append(accepted)
    if command.rank >= RANK_PRINTING and not run.production_started:
        facts.append(ProductionStarted(line_id=line.line_id, run=run.run))
    if command.rank >= RANK_PRINTED:
        facts.append(LinePrinted(line_id=line.line_id, run=run.run, units=run.units))
        if line.cancelling:
            reason = "The goods are printed already."
            facts.append(CancellationRefused(line_id=line.line_id, run=run.run, reason=reason))
        if command.quality is None and run.quality is None:
            due_at = context.now + order.policy.work_timeout_ms
            facts.append(DeadlineSet(deadline_key=f"quality:{subject}", due_at=due_at))
    return tuple(facts)


def _observed(run: Run, command: ReportPartnerStatus) -> PartnerStatusObserved:
    if command.rank:
        applied = command.rank > run.rank
    else:
        applied = bool(command.canonical) and command.partner_at > max(run.condition_at, run.stage_at)
    return PartnerStatusObserved(
        line_id=command.line_id,
        run=command.run,
        partner_id=run.partner_id,
        raw=command.raw,
        canonical=command.canonical,
        rank=command.rank,
        partner_at=command.partner_at,
        partner_event_id=command.partner_event_id,
        applied=applied and run.stage in {*RUN_FOLLOWED, "printed", "inspecting", "passed"},
        quality=command.quality,
        adapter_version=command.adapter_version,
    )


def _condition(order: Order, line: Line, run: Run, command: ReportPartnerStatus) -> tuple[OrderEvent, ...]:
    subject = f"{line.line_id}:{run.run}"
    if not command.canonical:
        detail = f"The partner's word {command.raw!r} is not known here; it is kept."
        advice = "Add the word to the adapter's map and replay the raw webhooks."
        return raised(order, "status_unknown", subject, detail, advice, blocking=False)
    if command.partner_at <= max(run.condition_at, run.stage_at):
        return ()
    if command.canonical == "on_hold":
        advice = "Ask the partner what it waits for; this resolves itself when the partner goes on."
        return raised(order, "partner_on_hold", subject, f"The partner holds this print run ({command.raw}).", advice)
    reason = f"the partner reported {command.raw}"
    if line.cancelling or run.cancel_asked:
        units = tuple(unit for unit in run.units if unit in line.live_units)
        return (LineCancelled(line_id=line.line_id, units=units, reason=reason, run=run.run),)
    return (PartnerGaveUp(line_id=line.line_id, run=run.run, partner_id=run.partner_id, reason=reason),)
