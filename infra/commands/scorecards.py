"""`printledger scorecards` and `alerts`: how partners and carriers do against their targets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra import bootstrap
from infra.commands.common import DataDir, Json, minute_of, print_json, running_settings_of
from infra.files import write_whole
from infra.scorecard_chart import draw
from processors.alerts import shown
from processors.clock import now_ms
from projections.scorecard_figures import Figure


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("scorecards")(scorecards)
    app.command("alerts")(alerts)


def scorecards(
    days: Annotated[int, typer.Option(min=1, max=366, help="Over so many days, today included.")] = 30,
    svg: Annotated[Path | None, typer.Option(help="Draw them into this SVG file too.", dir_okay=False)] = None,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show every print partner's and carrier's figures beside their targets."""
    with bootstrap.scorecard_reads(running_settings_of(data)) as reads:
        page = reads.scorecards(now_ms(), days)
    if svg is not None:
        until = datetime.fromtimestamp(page.to_day * 86_400, UTC).date()
        write_whole(svg, draw(page.scorecards, f"Scorecards, {page.days} days until {until}"))
    if as_json:
        print_json(page)
        return
    table = Table(box=None)
    for heading in ("party", "", "measure", "value", "spread", "of", "target", "met"):
        table.add_column(heading, justify="right" if heading in {"value", "spread", "of", "target"} else "left")
    for card in page.scorecards:
        for number, figure in enumerate(card.figures):
            party = (card.party_id, card.party_kind) if number == 0 else ("", "")
            table.add_row(*party, figure.measure.replace("_", " "), *_cells(figure))
    Console().print(table)
    if not page.scorecards:
        typer.echo("Nothing was counted in these days yet.")


def _cells(figure: Figure) -> tuple[Text, ...]:
    met = {None: Text(""), True: Text("yes", style="green"), False: Text("no", style="red")}[figure.is_met]
    return (
        Text("" if figure.value is None else shown(figure.value, figure.unit)),
        Text(shown(figure.spread, figure.unit) if figure.spread else ""),
        Text(f"{figure.sample:,}"),
        Text("" if figure.target is None else shown(figure.target, figure.unit)),
        met,
    )


def alerts(
    cleared: Annotated[bool, typer.Option("--cleared", help="Show those that ended too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 100,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the targets that are missed."""
    with bootstrap.scorecard_reads(running_settings_of(data)) as reads:
        page = reads.alerts(cleared=cleared, limit=limit)
    if as_json:
        print_json(page)
        return
    for one in page.alerts:
        since = minute_of(one.raised_at)
        ended = f", ended {minute_of(one.cleared_at)}" if one.cleared_at else ""
        side = "at least" if one.at_least else "at most"
        typer.echo(
            f"{since}{ended}  {one.party_kind} {one.party_id}: {one.measure.replace('_', ' ')} "
            f"{shown(one.value, one.unit)}, target {side} {shown(one.target, one.unit)}"
        )
    if not page.alerts:
        typer.echo("No target is missed.")
