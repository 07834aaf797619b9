"""Decisions about print runs: routed, submitted, followed at the partner, inspected, printed again."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.identity import request_id
from events.order.commands import (
    ReportCancellationAnswered,
    ReportInspected,
    ReportPartnerStatus,
    ReportRouted,
    ReportRoutingFailed,
    ReportSubmissionAccepted,
    ReportSubmissionRefused,
    RequestReprint,
    StartProduction,
)
from events.order.decide_common import RUNS_MAX, line_of, production_watched, raised, run_of, wait_and_retry
from events.order.decide_inspection import inspected
from events.order.decide_partner_status import UNWANTED_ADVICE, is_stuck, partner_status
from events.order.evolve_production import OUTCOME_UNKNOWN, PARTNER_SUSPENDED
from events.order.facts import (
    CancellationRefused,
    LineCancelled,
    LineRouted,
    OrderEvent,
    PartnerGaveUp,
    ProductionStarted,
    RoutingFailed,
    SubmissionAccepted,
    SubmissionRefused,
)
from events.order.refusals import AlreadyErased, NotToBePrinted, PrintedTooOften, UnitsBeingMade, UnitsNotPrinted
from events.order.state import RUN_ENDED, RUN_STOPPABLE, STOPPED, Line, Order, Run
from events.order.work import partner_cancellation_requested, reprint_requested

WAIT_ASKED_MAX_MS = 86_400_000
"""However long a partner wants to be left alone, it is asked again within a day."""

ProductionCommand: TypeAlias = (
    ReportRouted
    | ReportRoutingFailed
    | ReportSubmissionAccepted
    | ReportSubmissionRefused
    | ReportPartnerStatus
    | StartProduction
    | ReportCancellationAnswered
    | ReportInspected
    | RequestReprint
)


def decide(order: Order, command: ProductionCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about one print run of a line."""
    if isinstance(command, RequestReprint):
        line = line_of(order, command.line_id)
        return _reprint_asked(order, line, command, context)
    line, run = run_of(order, command.line_id, command.run)
    match command:
        case ReportRouted():
            return _routed(line, run, command)
        case ReportRoutingFailed():
            return _routing_failed(order, line, run, command)
        case ReportSubmissionAccepted():
            return _accepted(order, line, run, command, context)
        case ReportSubmissionRefused():
            return _refused(order, line, run, command, context)
        case ReportPartnerStatus():
            return partner_status(order, line, run, command, context)
        case StartProduction():
            return _start_asked(order, line, run, command)
        case ReportCancellationAnswered():
            return _cancellation_answered(order, line, run, command, context)
        case ReportInspected():
            return inspected(order, line, run, command, context)
        case _:
            assert_never(command)


def _routed(line: Line, run: Run, command: ReportRouted) -> tuple[OrderEvent, ...]:
    if run.stage != "routing" or command.partner_id in run.excluded:
        raise Ignored("this print run is not waiting for this partner to be proposed")
    return (
        LineRouted(
            line_id=line.line_id,
            run=run.run,
            units=run.units,
            partner_id=command.partner_id,
            partner_variant=command.partner_variant,
            candidates=command.candidates,
            rule_version=command.rule_version,
            catalogue_offset=command.catalogue_offset,
            priority=command.priority,
            promised_by=command.promised_by,
        ),
    )


def _routing_failed(order: Order, line: Line, run: Run, command: ReportRoutingFailed) -> tuple[OrderEvent, ...]:
    if run.stage != "routing":
        raise Ignored("this print run is not waiting for a partner any more")
    failed = RoutingFailed(
        line_id=line.line_id,
        run=run.run,
        reason=command.reason,
        candidates=command.candidates,
        rule_version=command.rule_version,
        catalogue_offset=command.catalogue_offset,
    )
    advice = "Add a partner or stock for this variant and destination, then resolve this exception: it is routed again."
    return (failed, *raised(order, "no_partner", f"{line.line_id}:{run.run}", command.reason, advice))


def _accepted(
    order: Order, line: Line, run: Run, command: ReportSubmissionAccepted, context: Context
) -> tuple[OrderEvent, ...]:
    if command.request_id.partition(".")[0] != run.effect_key:
        raise Ignored("this is the acceptance of another submission")
    accepted = SubmissionAccepted(
        line_id=line.line_id, run=run.run, partner_id=run.partner_id, partner_order_id=command.partner_order_id
    )
    if run.stage in {"submitting", "waiting"}:
        return (accepted, production_watched(order, line, run, context))
    if run.stage in {"cancelled", "given_up"} and (not run.cancel_asked or run.cancel_answer == STOPPED):
        # The partner took it although nobody wants it any more: it must be stopped, or a second shirt is printed.
        return (partner_cancellation_requested(order, line, run, context),)
    raise Ignored("the partner's acceptance is known already")


def _refused(
    order: Order, line: Line, run: Run, command: ReportSubmissionRefused, context: Context
) -> tuple[OrderEvent, ...]:
    if run.stage != "submitting" or command.request_id.partition(".")[0] != run.effect_key:
        raise Ignored("this submission is not waiting for an answer any more")
    if run.in_doubt and command.reason == OUTCOME_UNKNOWN:
        raise Ignored("that nobody knows the outcome is known already")
    is_unknown = command.reason == OUTCOME_UNKNOWN
    if not is_unknown and command.request_id != request_id(run.effect_key, run.attempt):
        raise Ignored("a newer attempt was asked for since, and only its answer says that nobody has the print run")
    subject = f"{line.line_id}:{run.run}"
    refused = SubmissionRefused(
        line_id=line.line_id,
        run=run.run,
        partner_id=run.partner_id,
        reason=command.reason,
        detail=command.detail,
        retryable=command.retryable,
    )
    if command.reason == PARTNER_SUSPENDED:
        # Not given up by the partner: routing leaves it out while it is suspended, and may choose it again afterwards.
        return (refused, LineCancelled(line_id=line.line_id, units=(), reason=PARTNER_SUSPENDED, run=run.run))
    asked_ms = min(command.retry_after_ms, WAIT_ASKED_MAX_MS)
    retry = wait_and_retry(order, f"submit:{subject}", run.attempt, context, asked_ms=asked_ms)
    # A partner that wants a longer rest than its last attempt would be given is not worth the wait.
    last_wait = order.policy.retry_wait_ms << max(0, order.policy.attempts_max - 1)
    spent = run.attempt >= order.policy.attempts_max or command.retry_after_ms > last_wait
    if is_unknown:
        # Nobody else may print it while this partner might: ask on, and let a person know after a while.
        advice = "Ask the partner whether it has this print run; it is asked again until it answers."
        unknown = raised(order, "submission_unknown", subject, command.detail, advice) if spent else ()
        return (refused, retry, *unknown)
    person = _person_needed(order, run, subject, command) if command.needs_person else ()
    if command.retryable and not spent:
        return (refused, retry, *person)
    gave_up = PartnerGaveUp(line_id=line.line_id, run=run.run, partner_id=run.partner_id, reason=command.reason)
    return (refused, gave_up, *person)


def _person_needed(order: Order, run: Run, subject: str, command: ReportSubmissionRefused) -> tuple[OrderEvent, ...]:
    """The order goes on elsewhere; the partner stays out of reach until somebody mends it."""
    detail = f"{run.partner_id} refuses by {command.reason}: {command.detail}"
    advice = "Mend it with the partner (credentials, funds, an order under the same key); others are asked meanwhile."
    return raised(order, "partner_refuses", subject, detail, advice, blocking=False)


def _start_asked(order: Order, line: Line, run: Run, command: StartProduction) -> tuple[OrderEvent, ...]:
    """Yes only to what its partner has, at this version, that nobody holds or wants to stop."""
    if run.production_started:
        raise Ignored("this print run is on the press already")
    unwanted = line.cancelling or run.cancel_asked or order.cancelled or order.erased
    if run.stage != "accepted" or run.version != command.version or unwanted or order.holds:
        raise NotToBePrinted
    return (ProductionStarted(line_id=line.line_id, run=run.run, batch_id=command.batch_id),)


def _cancellation_answered(
    order: Order, line: Line, run: Run, command: ReportCancellationAnswered, context: Context
) -> tuple[OrderEvent, ...]:
    if not run.cancel_asked or run.cancel_answer:
        raise Ignored("this print run is not waiting to be cancelled")
    reason = command.reason
    if command.confirmed and is_stuck(order, line, run):
        # What was stopped because it did not move goes to the next candidate, not to the same one again.
        return (PartnerGaveUp(line_id=line.line_id, run=run.run, partner_id=run.partner_id, reason="stuck"),)
    if command.confirmed:
        # A run that was stopped for the sake of a change takes no unit away: the line goes on.
        units = line.lost_with(run) if line.cancelling and run.stage in RUN_STOPPABLE else ()
        return (LineCancelled(line_id=line.line_id, units=units, reason=reason, run=run.run),)
    refused = CancellationRefused(line_id=line.line_id, run=run.run, reason=reason)
    if run.stage in {"cancelled", "given_up"}:
        detail = f"{run.partner_id} makes a print run that nobody wants any more: {reason}"
        return (refused, *raised(order, "unwanted_print", f"{line.line_id}:{run.run}", detail, UNWANTED_ADVICE))
    if run.stage == "submitting":
        # Nobody knew whether the partner has it; one that refuses to stop it has.
        accepted = SubmissionAccepted(line_id=line.line_id, run=run.run, partner_id=run.partner_id, partner_order_id="")
        return (accepted, production_watched(order, line, run, context), refused)
    return (refused,)


def _reprint_asked(order: Order, line: Line, command: RequestReprint, context: Context) -> tuple[OrderEvent, ...]:
    """A person asks: only units that were judged can be made anew, each by the run that made it last."""
    if order.erased:
        raise AlreadyErased
    units = tuple(sorted(set(command.units)))
    if not units or not set(units) <= set(line.live_units):
        raise UnitsNotPrinted
    newest = line.newest_run_of
    if any(unit in newest and newest[unit].stage not in RUN_ENDED for unit in units):
        raise UnitsBeingMade
    if len(line.runs) >= RUNS_MAX:
        raise PrintedTooOften
    for run in reversed(line.runs):
        if set(units) <= set(run.units) and run.stage in {"passed", "failed"}:
            return (reprint_requested(line, run, units, command.reason_code, context),)
    raise UnitsNotPrinted
