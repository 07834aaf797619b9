"""Fold facts about print runs: routed, submitted, printed, inspected, cancelled."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from events.order.facts import (
    CancellationRefused,
    GoodsReady,
    InspectionFailed,
    InspectionPassed,
    InspectionPhotoAdded,
    InspectionRequested,
    LineCancelled,
    LinePrinted,
    LineRouted,
    PartnerCancellationRequested,
    PartnerGaveUp,
    PartnerStatusObserved,
    PrintCompared,
    ProductionStarted,
    ReprintRequested,
    RoutingFailed,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.state import REFUSED, RUN_ENDED, STOPPED, Line, Order, Run

ProductionEvent: TypeAlias = (
    RoutingRequested
    | LineRouted
    | RoutingFailed
    | SubmissionRequested
    | SubmissionAccepted
    | SubmissionRefused
    | PartnerGaveUp
    | PartnerStatusObserved
    | ProductionStarted
    | LinePrinted
    | GoodsReady
    | InspectionRequested
    | InspectionPhotoAdded
    | PrintCompared
    | InspectionPassed
    | InspectionFailed
    | ReprintRequested
    | PartnerCancellationRequested
    | CancellationRefused
    | LineCancelled
)


def evolve_production(order: Order, fact: ProductionEvent) -> Order:
    """The order after a fact about one of its print runs."""
    line = order.lines[fact.line_id]
    match fact:
        case LineCancelled():
            line = _cancelled(line, fact)
        case CancellationRefused():
            line = _refused_to_stop(line, fact.run)
        case ReprintRequested():
            line = _replaced(line, fact)
            reprint = Run(
                run=fact.run,
                units=fact.units,
                reason="reprint",
                stage="routed",
                partner_id=fact.partner_id,
                partner_variant=fact.partner_variant,
            )
            line = replace(line, runs=(*line.runs, reprint), reprints=line.reprints + 1)
        case RoutingRequested() if fact.run > len(line.runs):
            reason = "fallback" if fact.excluded_partner_ids else "first"
            run = Run(run=fact.run, units=fact.units, reason=reason, excluded=fact.excluded_partner_ids, attempt=1)
            line = replace(line, runs=(*line.runs, run))
        case _:
            line = with_run(line, _evolve_run(line.runs[fact.run - 1], fact))
    return replace(order, lines={**order.lines, line.line_id: line})


def with_run(line: Line, run: Run) -> Line:
    """The line with one print run replaced."""
    return replace(line, runs=(*line.runs[: run.run - 1], run, *line.runs[run.run :]))


def _cancelled(line: Line, fact: LineCancelled) -> Line:
    run = line.run_of(fact.run)
    if run is not None:
        if run.stage not in RUN_ENDED:
            run = replace(run, stage="cancelled", diverted=not line.cancelling)
        line = with_run(line, replace(run, cancel_answer=STOPPED if run.cancel_asked else ""))
    line = replace(line, cancelled_units=tuple(sorted({*line.cancelled_units, *fact.units})))
    if line.live_units:
        return replace(line, cancelling=line.cancelling and line.stoppable)
    return replace(line, stage="cancelled", cancelling=False)


def _refused_to_stop(line: Line, number: int) -> Line:
    run = line.run_of(number)
    if run is not None:
        line = with_run(line, replace(run, cancel_answer=REFUSED))
    return replace(line, cancelling=line.cancelling and line.stoppable)


def _replaced(line: Line, fact: ReprintRequested) -> Line:
    """Good units that are printed again before they were packed are not packed any more."""
    runs = tuple(
        run
        if run.parcel_id or not run.passed_units
        else replace(run, passed_units=tuple(unit for unit in run.passed_units if unit not in fact.units))
        for run in line.runs
    )
    return replace(line, runs=runs)


def _evolve_run(
    run: Run,
    fact: RoutingRequested
    | LineRouted
    | RoutingFailed
    | SubmissionRequested
    | SubmissionAccepted
    | SubmissionRefused
    | PartnerGaveUp
    | PartnerStatusObserved
    | ProductionStarted
    | LinePrinted
    | GoodsReady
    | InspectionRequested
    | InspectionPhotoAdded
    | PrintCompared
    | InspectionPassed
    | InspectionFailed
    | PartnerCancellationRequested,
) -> Run:
    match fact:
        case RoutingRequested():
            return replace(run, stage="routing", attempt=fact.attempt)
        case LineRouted():
            return replace(
                run, stage="routed", attempt=0, partner_id=fact.partner_id, partner_variant=fact.partner_variant
            )
        case RoutingFailed():
            return replace(run, stage="unroutable")
        case SubmissionRequested():
            asked = replace(run, version=fact.version, attempt=fact.attempt, effect_key=fact.effect_key)
            return replace(asked, stage="submitting", in_doubt=False)
        case SubmissionAccepted():
            return replace(run, stage="accepted") if run.stage in {"submitting", "waiting"} else run
        case SubmissionRefused():
            in_doubt = fact.reason == OUTCOME_UNKNOWN
            return replace(run, stage="submitting" if in_doubt else "waiting", in_doubt=in_doubt)
        case PartnerGaveUp():
            # Whoever gave up has stopped: an answer to that is not waited for any more.
            return replace(run, stage="given_up", cancel_answer=STOPPED if run.cancel_asked else run.cancel_answer)
        case PartnerStatusObserved():
            return _observed(run, fact)
        case ProductionStarted():
            return replace(run, production_started=True)
        case LinePrinted():
            return replace(run, stage="printed")
        case InspectionRequested():
            return replace(run, stage="inspecting", inspect_attempt=fact.attempt)
        case InspectionPhotoAdded():
            return replace(run, photos=(*run.photos, fact.photo))
        case PrintCompared():
            return run
        case InspectionPassed() | GoodsReady():
            return replace(run, stage="passed", passed_units=tuple(sorted({*run.passed_units, *fact.units})))
        case InspectionFailed():
            return replace(run, stage="passed" if run.passed_units else "failed")
        case PartnerCancellationRequested():
            return replace(run, cancel_asked=True, cancel_attempt=fact.attempt, cancel_answer="")
        case _:
            assert_never(fact)


PARTNER_SUSPENDED = "partner_suspended"
"""Reason of a refusal after which the partner has nothing of the run, and is left alone until somebody resumes it."""

OUTCOME_UNKNOWN = "outcome_unknown"
"""Reason of a refusal after which the partner may have the run all the same: it could not be read back."""


def _observed(run: Run, fact: PartnerStatusObserved) -> Run:
    """Merge a report: the highest rank, the newest stage time and the newest condition, so any order ends alike."""
    if fact.quality is not None and run.quality is None:
        run = replace(run, quality=fact.quality)
    if fact.rank:
        return replace(run, rank=max(run.rank, fact.rank), stage_at=max(run.stage_at, fact.partner_at))
    if fact.canonical and (fact.partner_at, fact.canonical) > (run.condition_at, run.condition):
        return replace(run, condition=fact.canonical, condition_at=fact.partner_at)
    return run
