"""Decisions about printed units that are judged: photographs, what the rules say of them, the verdict, the re-print."""

from collections.abc import Iterator
from typing import assert_never

from events.decider import Context, Ignored
from events.order.commands import ReportInspected
from events.order.decide_common import raised, run_of
from events.order.facts import (
    InspectionFailed,
    InspectionPassed,
    InspectionPhotoAdded,
    OrderEvent,
    PrintCompared,
)
from events.order.inspection_commands import AddInspectionPhoto, InspectionCommand, ReportPrintCompared
from events.order.refusals import NotAtInspection, TooManyPhotos, UnitsNotPrinted
from events.order.state import Line, Order, Run
from events.order.values import Defect, PhotoComparison
from events.order.work import inspection_requested, reprint_requested

PHOTOS_MAX = 16
"""Photographs of one print run that people may add: enough for both sides of some units."""


def decide(order: Order, command: InspectionCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about photographs."""
    line, run = run_of(order, command.line_id, command.run)
    match command:
        case AddInspectionPhoto():
            return _photo_added(order, line, run, command, context)
        case ReportPrintCompared():
            return _compared(order, line, run, command, context)
        case _:
            assert_never(command)


def inspected(order: Order, line: Line, run: Run, command: ReportInspected, context: Context) -> tuple[OrderEvent, ...]:
    """A verdict on a run's units: what nobody speaks of has not passed."""
    if run.stage != "inspecting":
        raise Ignored("this print run is not waiting for an inspection")
    passed = tuple(sorted(set(command.passed_units) & set(run.units)))
    failed = tuple(unit for unit in run.units if unit not in passed)
    facts: list[OrderEvent] = [*_said_by_rules(line, run, command.comparisons, command.rules_version)]
    if passed:
        facts.append(
            InspectionPassed(
                line_id=line.line_id, run=run.run, units=passed, by=context.actor, partner_id=run.partner_id
            )
        )
    if failed:
        defects = command.defects or (Defect(code="not_reported", description="No verdict on these units."),)
        facts.append(
            InspectionFailed(
                line_id=line.line_id,
                run=run.run,
                units=failed,
                defects=defects,
                by=context.actor,
                partner_id=run.partner_id,
            )
        )
        facts += _reprint(order, line, run, failed, defects[0].code, context)
    return tuple(facts)


def _reprint(
    order: Order, line: Line, run: Run, units: tuple[int, ...], reason_code: str, context: Context
) -> tuple[OrderEvent, ...]:
    """Print misprinted units again, until the policy's limit: after that a person decides."""
    if line.reprints >= order.policy.reprints_max:
        detail = f"Units {', '.join(map(str, units))} failed again after {line.reprints} re-prints ({reason_code})."
        advice = "Look at the defects; resolve this exception to print them once more, or cancel the order."
        return raised(order, "reprint_limit", f"{line.line_id}:{run.run}", detail, advice)
    return (reprint_requested(line, run, units, reason_code, context),)


def _photo_added(
    order: Order, line: Line, run: Run, command: AddInspectionPhoto, context: Context
) -> tuple[OrderEvent, ...]:
    """A photograph is looked at at once, together with those that are there."""
    if run.stage != "inspecting":
        raise NotAtInspection
    if command.photo.unit not in run.units:
        raise UnitsNotPrinted
    if command.photo in run.photos:
        raise Ignored("this photograph is there already")
    if len(run.photos) >= PHOTOS_MAX:
        raise TooManyPhotos
    added = InspectionPhotoAdded(line_id=line.line_id, run=run.run, photo=command.photo, by=context.actor)
    return (added, inspection_requested(order, line, run, context, without_report=True, added=(command.photo,)))


def _compared(
    order: Order, line: Line, run: Run, command: ReportPrintCompared, context: Context
) -> tuple[OrderEvent, ...]:
    if run.stage != "inspecting":
        raise Ignored("this print run is not waiting for an inspection")
    said = tuple(_said_by_rules(line, run, command.comparisons, command.rules_version))
    if not command.needs_person:
        return said
    # A photograph that cannot be looked at must not pass for one without defects.
    return (*said, inspection_requested(order, line, run, context, without_report=True))


def _said_by_rules(
    line: Line, run: Run, comparisons: tuple[PhotoComparison, ...], rules_version: str
) -> Iterator[PrintCompared]:
    if comparisons:
        yield PrintCompared(
            line_id=line.line_id,
            run=run.run,
            comparisons=comparisons,
            rules_version=rules_version,
            partner_id=run.partner_id,
        )
