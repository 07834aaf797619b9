"""`printledger batch`: the batches of the house presses, and what became of their sheets."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import bootstrap
from infra.commands.common import DataDir, Json, print_json, running_settings_of

BatchId = Annotated[str, typer.Argument(help="The batch's id.")]
SheetNumber = Annotated[int, typer.Argument(min=1, help="The sheet, counted from 1.")]

batch_app = typer.Typer(help="Batches of the house presses.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    batch_app.command("list")(list_batches)
    batch_app.command("show")(show)
    batch_app.command("printed")(printed)
    batch_app.command("spoiled")(spoiled)
    app.add_typer(batch_app, name="batch")


def list_batches(data: DataDir = None, as_json: Json = False) -> None:
    """Show the newest batches: what they have in common, how many lines and sheets, how far they are."""
    with bootstrap.batch_office(running_settings_of(data)) as office:
        found = office.newest()
    if as_json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("batch", "press", "product", "method", "to", "priority", "lines", "sheets", "stage", "stuck"):
        table.add_column(heading)
    for one in found:
        group = one.state.group
        if group is not None:
            common = (group.press, group.product, group.method, group.destination, group.priority)
            counts = (str(len(one.state.lines)), str(len(one.state.sheets)))
            table.add_row(one.batch_id, *common, *counts, one.state.stage, one.state.trouble)
    Console().print(table)


def show(batch_id: BatchId, data: DataDir = None, as_json: Json = False) -> None:
    """Show a batch: its lines, and each sheet with its pieces and what became of it."""
    with bootstrap.batch_office(running_settings_of(data)) as office:
        batch = office.find(batch_id)
    if as_json:
        print_json(batch)
        return
    typer.echo(f"Batch {batch_id} is {batch.stage}.")
    for line in batch.lines:
        units = ", ".join(map(str, line.units))
        typer.echo(f"  order {line.order_id}  line {line.line_id}  run {line.run}  units {units}  {line.variant_id}")
    for sheet in batch.sheets:
        outcome = f"{sheet.outcome or 'at the press'} {sheet.reason_code}".strip()
        typer.echo(f"  sheet {sheet.imposed.sheet}: {len(sheet.imposed.placements)} pieces, {outcome}")


def printed(batch_id: BatchId, sheet: SheetNumber, data: DataDir = None) -> None:
    """Say that a sheet came off the press in order."""
    with bootstrap.batch_office(running_settings_of(data)) as office:
        asyncio.run(office.printed(batch_id, sheet))
    typer.echo(f"Sheet {sheet} is printed.")


def spoiled(
    batch_id: BatchId,
    sheet: SheetNumber,
    reason: Annotated[
        str, typer.Option(help="Why, in a word; it becomes the re-prints' reason code.")
    ] = "sheet_spoiled",
    data: DataDir = None,
) -> None:
    """Say that a sheet is waste: exactly the units on it are printed again."""
    with bootstrap.batch_office(running_settings_of(data)) as office:
        asyncio.run(office.spoiled(batch_id, sheet, reason[:64]))
    typer.echo(f"Sheet {sheet} is spoiled: its units are printed again.")
