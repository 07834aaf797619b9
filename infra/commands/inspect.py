"""`printledger inspect`: a person's verdict on printed units that were drawn for a look."""

from __future__ import annotations

from typing import Annotated

import typer

from events.identity import command_id
from events.order.commands import ReportInspected
from events.order.state import Order, Run
from events.order.values import Defect
from infra.commands.common import DataDir, Json, Tenant, running_settings_of
from infra.commands.telling import OUTCOME_SECONDS, OrderId, Said, Timeout, tell
from processors.ports import NamedError


class NothingToInspect(NamedError):
    """This line has no print run that waits for a person's verdict."""


class NotOneOfItsUnits(NamedError):
    """The print run has no such unit; `printledger order` shows which it has."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect)


def inspect(
    order_id: OrderId,
    line_id: Annotated[str, typer.Argument(help="The line's id.")],
    data: DataDir = None,
    tenant: Tenant = None,
    fail: Annotated[list[int] | None, typer.Option(help="A unit that is not good; may be repeated.")] = None,
    defect: Annotated[str, typer.Option(help="What is wrong with those units, in one word.")] = "misprint",
    by: Annotated[str, typer.Option(help="Who looked: a role or a number, no name.")] = "operator",
    timeout: Timeout = OUTCOME_SECONDS,
    as_json: Json = False,
) -> None:
    """Pass or fail the printed units that wait for a person; all pass that are not named with --fail."""

    def say(order: Order) -> Said:
        waiting = _waiting(order, line_id)
        verdict = _verdict(line_id, waiting, tuple(fail or ()), defect)
        # One verdict a run: the same one given twice is one command.
        return Said(command=verdict, command_id=command_id("inspect", order_id, line_id, waiting.run))

    settings = running_settings_of(data)
    tell(settings, tenant, order_id, f"inspector:{by}", say, seconds=timeout, as_json=as_json)


def _waiting(order: Order, line_id: str) -> Run:
    """The line's run that is being inspected."""
    line = order.lines.get(line_id)
    waiting = next((run for run in (line.runs if line else ()) if run.stage == "inspecting"), None)
    if waiting is None:
        raise NothingToInspect
    return waiting


def _verdict(line_id: str, run: Run, failed: tuple[int, ...], defect: str) -> ReportInspected:
    if unknown := sorted(set(failed) - set(run.units)):
        raise NotOneOfItsUnits(f"unit {unknown[0]}: {NotOneOfItsUnits.__doc__}")
    return ReportInspected(
        request_id="",
        line_id=line_id,
        run=run.run,
        passed_units=tuple(unit for unit in run.units if unit not in failed),
        failed_units=tuple(sorted(set(failed))),
        defects=(Defect(code=defect),) if failed else (),
    )
