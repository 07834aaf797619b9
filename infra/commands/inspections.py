"""`printledger inspections`: compare a photograph with a print file, and see how the automatic rules do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra import bootstrap
from infra.commands.common import DataDir, Json, Tenant, content_of, print_json, running_settings_of
from infra.files import write_whole
from processors.artwork.sandbox import SandboxPool
from processors.clock import now_ms
from processors.inspection.job import compare_files
from projections.inspection_verdicts import DefectAgreement

DAY_MS = 86_400_000
FILE_BYTES_MAX = 50 * 1024 * 1024

inspections_app = typer.Typer(help="The automatic inspection of prints.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    inspections_app.command("report")(report)
    inspections_app.command("compare")(compare)
    app.add_typer(inspections_app, name="inspections")


def report(
    data: DataDir = None,
    tenant: Tenant = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How far back.")] = 90,
    as_json: Json = False,
) -> None:
    """Show how often the rules and people agreed on units that both judged: hits, false alarms and misses a defect."""
    settings = running_settings_of(data)

    async def run() -> tuple[DefectAgreement, ...]:
        async with bootstrap.read_models(settings) as reader:
            return await reader.inspection_agreement(tenant or settings.tenants[0], now_ms() - days * DAY_MS)

    found = asyncio.run(run())
    if as_json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("defect", "both", "rules alone (false alarm)", "person alone (miss)", "neither"):
        table.add_column(heading)
    for one in found:
        counts = (one.hits, one.false_alarms, one.misses, one.agreed_good)
        table.add_row(one.code or "any", *map(str, counts))
    Console().print(table)


def compare(
    reference: Annotated[Path, typer.Argument(help="The print file.")],
    photo: Annotated[Path, typer.Argument(help="A photograph of the print.")],
    area_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of its width that the print area takes; 0: not known.")
    ] = 0.0,
    out: Annotated[Path | None, typer.Option(help="Where to write the picture of the difference (WebP).")] = None,
    as_json: Json = False,
) -> None:
    """Judge one photograph by the automatic rules, with every number that they measured."""
    with SandboxPool(1) as pool:
        compared = compare_files(
            pool, content_of(reference, FILE_BYTES_MAX), content_of(photo, FILE_BYTES_MAX), area_share
        )
    if out is not None:
        write_whole(out, compared.picture)
    if as_json:
        print_json(compared.verdict)
        return
    for defect in compared.verdict.defects:
        typer.echo(f"{defect.code}: {defect.measured:.3g} against {defect.threshold:.3g}")
    typer.echo("passed" if compared.verdict.passed else "failed")
    for name, value in msgspec.to_builtins(compared.verdict.measured).items():
        typer.echo(f"  {name}: {value:.3g}")
