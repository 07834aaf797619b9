"""`printledger inspect`: a person's verdict on printed units that were drawn for a look."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.commands import ReportInspected
from events.order.values import Defect
from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, print_json, settings_of
from processors.clock import now_ms
from processors.ports import NamedError
from projections.rows import CommandOutcome, OrderView, RunView

OUTCOME_SECONDS = 10.0


class NothingToInspect(NamedError):
    """This line has no print run that waits for a person's verdict."""


class NotOneOfItsUnits(NamedError):
    """The print run has no such unit; `printledger order` shows which it has."""


class VerdictNotTaken(NamedError):
    """The ledger did not take the verdict."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect)


def inspect(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    line_id: Annotated[str, typer.Argument(help="The line's id.")],
    data: DataDir = None,
    tenant: Tenant = None,
    fail: Annotated[list[int] | None, typer.Option(help="A unit that is not good; may be repeated.")] = None,
    defect: Annotated[str, typer.Option(help="What is wrong with those units, in one word.")] = "misprint",
    by: Annotated[str, typer.Option(help="Who looked: a role or a number, no name.")] = "operator",
    as_json: Json = False,
) -> None:
    """Pass or fail the printed units that wait for a person; all pass that are not named with --fail."""
    settings = settings_of(data)
    whose = tenant or settings.tenants[0]

    async def run() -> CommandOutcome | None:
        async with bootstrap.read_models(settings) as reader:
            waiting = _waiting(await reader.order(whose, order_id), line_id)
            command = _verdict(line_id, waiting, tuple(fail or ()), defect)
            envelope = CommandEnvelope(
                command_id=command_id("inspect", order_id, line_id, waiting.run),
                key=order_id,
                tenant=whose,
                command_type=type(command).__name__,
                sent_at=now_ms(),
                actor=f"inspector:{by}",
                correlation_id=order_id,
            )
            with bootstrap.command_sender(settings) as sender:
                await sender.send(command, envelope)
            return await reader.wait_for_outcome(whose, envelope.command_id, OUTCOME_SECONDS)

    outcome = asyncio.run(run())
    if outcome is not None and outcome.outcome != "accepted":
        raise VerdictNotTaken(f"{VerdictNotTaken.__doc__} {outcome.reason}: {outcome.detail}")
    if as_json:
        print_json(outcome)
    else:
        typer.echo("accepted" if outcome else "sent; its outcome is not known yet")


def _waiting(order: OrderView | None, line_id: str) -> RunView:
    """The line's run that is being inspected."""
    runs = [run for line in (order.lines if order else ()) if line.line_id == line_id for run in line.runs]
    waiting = next((run for run in runs if run.stage == "inspecting"), None)
    if waiting is None:
        raise NothingToInspect
    return waiting


def _verdict(line_id: str, run: RunView, failed: tuple[int, ...], defect: str) -> ReportInspected:
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
