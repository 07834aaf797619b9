"""`printledger sweep`: remove what the lifecycle rules no longer keep, or say what that would be."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from infra import bootstrap
from infra.commands.common import DataDir, Json, print_json, running_settings_of
from processors.sweeper import SweepReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sweep")(sweep)


def sweep(
    data: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Remove files and keys whose days are over (`infra/lifecycle.yaml`); what an open order needs stays."""
    report = bootstrap.sweep(running_settings_of(data), dry_run=dry_run)
    if as_json:
        print_json(report)
    else:
        _show(report)


def _show(report: SweepReport) -> None:
    console = Console()
    table = Table(box=None)
    removed = "would be removed" if report.dry_run else "removed"
    for heading in ("rule", "versions", removed, "bytes", "kept for orders"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for rule, count in sorted(report.by_rule.items()):
        table.add_row(rule, str(count.looked_at), str(count.removed), decimal(count.removed_bytes), str(count.kept))
    console.print(table)
    if not report.dry_run:
        console.print(
            f"{report.daily_keys_ended} daily keys and {report.idempotency_keys_ended} idempotency keys ended."
        )
