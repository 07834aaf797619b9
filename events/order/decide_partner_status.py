"""What a partner's report makes true: kept always, applied only where it says more than is known."""

from collections.abc import Iterator

from events.decider import Context, Ignored
from events.order.causes import goods_awaited
from events.order.commands import ReportPartnerStatus
from events.order.decide_common import production_watched, raised
from events.order.facts import (
    CancellationRefused,
    DeadlineSet,
    GoodsReady,
    LineCancelled,
    LinePrinted,
    OrderEvent,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    SubmissionAccepted,
)
from events.order.state import RUN_MADE, STOPPED, Line, Order, Run
from events.order.work import partner_cancellation_requested

RANK_PRINTING = 20
RANK_PRINTED = 50

UNWANTED_ADVICE = "Settle it with the partner, and keep its goods from being sent."

RUN_FOLLOWED = frozenset({"submitting", "waiting", "accepted"})
"""Stages of a run in which a report can move it."""


def partner_status(
    order: Order, line: Line, run: Run, command: ReportPartnerStatus, context: Context
) -> tuple[OrderEvent, ...]:
    """The report itself, and what it implies: accepted, started, printed, stopped, in trouble."""
    if not run.effect_key:
        raise Ignored("this print run was given to no partner yet")
    observed = _observed(run, command)
    if not command.rank:
        return (observed, *_condition(order, line, run, command, context))
    if run.stage in {"cancelled", "given_up"} and not run.cancel_asked:
        # Whoever reports a stage of a run that nobody wants any more has taken it: it must be stopped.
        return (observed, partner_cancellation_requested(order, line, run, context))
    if run.cancel_answer == STOPPED and command.rank >= RANK_PRINTED:
        detail = f"{run.partner_id} reports {command.raw!r} for a print run that it said it had stopped."
        return (observed, *raised(order, "unwanted_print", f"{line.line_id}:{run.run}", detail, UNWANTED_ADVICE))
    if run.stage not in RUN_FOLLOWED or command.rank <= run.rank:
        return (observed,)
    facts: list[OrderEvent] = [observed]
    if run.stage != "accepted":
        # A report can overtake the answer to the submission: whoever reports a stage has taken the run.
        accepted = SubmissionAccepted(line_id=line.line_id, run=run.run, partner_id=run.partner_id, partner_order_id="")
        facts.append(accepted)
        if command.rank < RANK_PRINTED:
            facts.append(production_watched(order, line, run, context))
    if command.rank >= RANK_PRINTING and not run.production_started and not line.is_ready_made:
        facts.append(ProductionStarted(line_id=line.line_id, run=run.run))
    if command.rank >= RANK_PRINTED:
        facts += _printed(order, line, run, command, context)
    return tuple(facts)


def _printed(
    order: Order, line: Line, run: Run, command: ReportPartnerStatus, context: Context
) -> Iterator[OrderEvent]:
    if line.is_ready_made:
        yield GoodsReady(line_id=line.line_id, run=run.run, units=run.units, partner_id=run.partner_id)
    else:
        yield LinePrinted(line_id=line.line_id, run=run.run, units=run.units)
    if line.cancelling or (run.cancel_asked and not run.cancel_answer):
        yield CancellationRefused(line_id=line.line_id, run=run.run, reason="The goods are printed already.")
    if run.condition_at > max(run.stage_at, command.partner_at):
        # What was said of the goods after they were made was told before that.
        yield from _goods_in_doubt(order, line, run, run.condition)
    if command.quality is None and run.quality is None and not line.is_ready_made:
        due_at = context.now + order.policy.work_timeout_ms
        yield DeadlineSet(deadline_key=f"quality:{line.line_id}:{run.run}", due_at=due_at)


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
        applied=applied and run.stage in RUN_FOLLOWED | RUN_MADE,
        quality=command.quality,
        adapter_version=command.adapter_version,
        polled=command.polled,
    )


def _goods_in_doubt(order: Order, line: Line, run: Run, word: str) -> tuple[OrderEvent, ...]:
    """What is made and has not left may never come: nothing is made anew before a person has asked."""
    detail = f"{run.partner_id} reports {word!r} for goods that it had said were made."
    advice = "Ask the partner whether the goods come; if not, have them printed again or take the parcel back."
    return raised(order, "goods_in_doubt", f"{line.line_id}:{run.run}", detail, advice, blocking=False)


def is_stuck(order: Order, line: Line, run: Run) -> bool:
    """Whether a run is wanted, and late enough that a person knows of it."""
    unwanted = line.cancelling or line.edit is not None
    return run.stage == "accepted" and not unwanted and f"production_late:{line.line_id}:{run.run}" in order.exceptions


def _is_stopped_as_asked(order: Order, line: Line, run: Run, command: ReportPartnerStatus) -> bool:
    """Whether a run ends as it was asked to, for a cancellation or a change: then its partner has not failed. One that
    stops for a change that was taken back since may be given the run once more.
    """
    if line.cancelling:
        return True
    if not run.cancel_asked or run.cancel_answer:
        return False
    return line.edit is not None or (command.canonical == "cancelled" and not is_stuck(order, line, run))


def _condition(
    order: Order, line: Line, run: Run, command: ReportPartnerStatus, context: Context
) -> tuple[OrderEvent, ...]:
    """A hold is shown until the partner goes on; after a failure the next partner is asked, and a person is told."""
    subject = f"{line.line_id}:{run.run}"
    if not command.canonical:
        detail = f"The partner's word {command.raw!r} is not known here; it is kept."
        advice = "Add the word to the adapter's map and replay the raw webhooks."
        return raised(order, "status_unknown", subject, detail, advice, blocking=False)
    if command.partner_at <= max(run.condition_at, run.stage_at):
        return ()
    if goods_awaited(order, line, run):
        return _goods_in_doubt(order, line, run, command.raw)
    if run.stage not in RUN_FOLLOWED:
        return ()
    if command.canonical == "on_hold":
        advice = "Ask the partner what it waits for; this resolves itself when the partner goes on."
        return raised(order, "partner_on_hold", subject, f"The partner holds this print run ({command.raw}).", advice)
    reason = f"the partner reported {command.raw}"
    if _is_stopped_as_asked(order, line, run, command):
        # A run that was stopped for the sake of a change takes no unit away: the line goes on.
        units = line.lost_with(run) if line.cancelling else ()
        return (LineCancelled(line_id=line.line_id, units=units, reason=reason, run=run.run),)
    gave_up = PartnerGaveUp(line_id=line.line_id, run=run.run, partner_id=run.partner_id, reason=reason)
    advice = "Nothing needs doing if another partner takes it; ask this one what went wrong."
    detail = f"{run.partner_id} does not make this print run: {reason}."
    return (gave_up, *raised(order, "partner_failed", subject, detail, advice, blocking=False))
