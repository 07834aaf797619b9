"""Decisions about print runs: routed, submitted, followed at the partner, inspected, printed again."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.commands import (
    ReportCancellationAnswered,
    ReportInspected,
    ReportPartnerStatus,
    ReportRouted,
    ReportRoutingFailed,
    ReportSubmissionAccepted,
    ReportSubmissionRefused,
    RequestReprint,
)
from events.order.decide_common import line_of, raised, run_of, wait_and_retry
from events.order.decide_partner_status import partner_status
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    CancellationRefused,
    DeadlineSet,
    InspectionFailed,
    InspectionPassed,
    LineCancelled,
    LineRouted,
    OrderEvent,
    PartnerGaveUp,
    ReprintRequested,
    RoutingFailed,
    SubmissionAccepted,
    SubmissionRefused,
)
from events.order.refusals import UnitsNotPrinted
from events.order.state import Line, Order, Run
from events.order.values import Defect
from events.order.work import partner_cancellation_requested

ProductionCommand: TypeAlias = (
    ReportRouted
    | ReportRoutingFailed
    | ReportSubmissionAccepted
    | ReportSubmissionRefused
    | ReportPartnerStatus
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
        case ReportCancellationAnswered():
            return _cancellation_answered(line, run, command)
        case ReportInspected():
            return _inspected(order, line, run, command, context)
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
        ),
    )


def _routing_failed(order: Order, line: Line, run: Run, command: ReportRoutingFailed) -> tuple[OrderEvent, ...]:
    if run.stage != "routing":
        raise Ignored("this print run is not waiting for a partner any more")
    failed = RoutingFailed(line_id=line.line_id, run=run.run, reason=command.reason, candidates=command.candidates)
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
        watch = DeadlineSet(
            deadline_key=f"production:{line.line_id}:{run.run}",
            due_at=context.now + order.policy.production_timeout_ms,
        )
        return (accepted, watch)
    if run.stage in {"cancelled", "given_up"}:
        # The partner took it although nobody wants it any more: it must be stopped, or a second shirt is printed.
        return (partner_cancellation_requested(order, line, run, context),)
    raise Ignored("the partner's acceptance is known already")


def _refused(
    order: Order, line: Line, run: Run, command: ReportSubmissionRefused, context: Context
) -> tuple[OrderEvent, ...]:
    if run.stage != "submitting" or command.request_id.partition(".")[0] != run.effect_key:
        raise Ignored("this submission is not waiting for an answer any more")
    subject = f"{line.line_id}:{run.run}"
    refused = SubmissionRefused(
        line_id=line.line_id,
        run=run.run,
        partner_id=run.partner_id,
        reason=command.reason,
        detail=command.detail,
        retryable=command.retryable,
    )
    retry = wait_and_retry(order, f"submit:{subject}", run.attempt, context)
    spent = run.attempt >= order.policy.attempts_max
    if command.reason == OUTCOME_UNKNOWN:
        # Nobody else may print it while this partner might: ask on, and let a person know after a while.
        advice = "Ask the partner whether it has this print run; it is asked again until it answers."
        unknown = raised(order, "submission_unknown", subject, command.detail, advice) if spent else ()
        return (refused, retry, *unknown)
    if command.retryable and not spent:
        return (refused, retry)
    gave_up = PartnerGaveUp(line_id=line.line_id, run=run.run, partner_id=run.partner_id, reason=command.reason)
    return (refused, gave_up)


def _cancellation_answered(line: Line, run: Run, command: ReportCancellationAnswered) -> tuple[OrderEvent, ...]:
    if not run.cancel_asked or run.stage in {"cancelled", "given_up"}:
        raise Ignored("this print run is not waiting to be cancelled")
    if command.confirmed:
        units = tuple(unit for unit in run.units if unit in line.live_units)
        return (LineCancelled(line_id=line.line_id, units=units, reason=command.reason, run=run.run),)
    return (CancellationRefused(line_id=line.line_id, run=run.run, reason=command.reason),)


def _inspected(
    order: Order, line: Line, run: Run, command: ReportInspected, context: Context
) -> tuple[OrderEvent, ...]:
    if run.stage != "inspecting":
        raise Ignored("this print run is not waiting for an inspection")
    passed = tuple(sorted(set(command.passed_units) & set(run.units)))
    failed = tuple(unit for unit in run.units if unit not in passed)
    facts: list[OrderEvent] = []
    if passed:
        facts.append(InspectionPassed(line_id=line.line_id, run=run.run, units=passed, by=context.actor))
    if failed:
        defects = command.defects or (Defect(code="not_reported", description="No verdict on these units."),)
        facts.append(
            InspectionFailed(line_id=line.line_id, run=run.run, units=failed, defects=defects, by=context.actor)
        )
        facts += _reprint(order, line, run, failed, defects[0].code, context)
    return tuple(facts)


def _reprint(
    order: Order, line: Line, run: Run, units: tuple[int, ...], reason_code: str, context: Context
) -> tuple[OrderEvent, ...]:
    """Print units again at the same partner, where the colour matches, until the policy's limit."""
    if line.reprints >= order.policy.reprints_max:
        detail = f"Units {', '.join(map(str, units))} failed again after {line.reprints} re-prints ({reason_code})."
        advice = "Look at the defects; resolve this exception to print them once more, or cancel the order."
        return raised(order, "reprint_limit", f"{line.line_id}:{run.run}", detail, advice)
    return (
        ReprintRequested(
            line_id=line.line_id,
            run=len(line.runs) + 1,
            of_run=run.run,
            units=units,
            partner_id=run.partner_id,
            partner_variant=run.partner_variant,
            reason_code=reason_code,
            by=context.actor,
        ),
    )


def _reprint_asked(order: Order, line: Line, command: RequestReprint, context: Context) -> tuple[OrderEvent, ...]:
    """A person asks: only units that were judged good can be made anew, each by the run that made it last."""
    for run in reversed(line.runs):
        if set(command.units) <= set(run.units) and run.stage in {"passed", "failed"} and command.units:
            return _reprint(order, line, run, command.units, command.reason_code, context)
    raise UnitsNotPrinted
