"""`printledger verify` and `printledger audit`: the ledger's promises, recomputed from its topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra import ledgers
from infra.commands.common import DataDir, Json, print_json, running_settings_of
from infra.kafka import BROKER_SECONDS, wait_until_ready
from infra.progress import progress
from infra.settings import Settings
from infra.verifying import Verifier
from processors.proof.audit import AuditReport, Stretch, audit
from processors.proof.verify import VerifyReport

BROKEN = 1
StreamName = Annotated[str, typer.Option("--stream", help=f"One of {', '.join(ledgers.STREAMS)}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify_command)
    app.command("audit")(audit_command)


def verify_command(
    data: DataDir = None,
    stream: StreamName = "orders",
    decode: Annotated[bool, typer.Option("--decode", help="Decode every record too; takes much longer.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Share the partitions among so many; unless given, as many as processors."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute every partition's hash chain, positions and sequences. Exit code 1 where a rule is broken."""
    verifier = Verifier(_settings_of(data), stream, decode=decode)
    with progress("facts", verifier.facts) as done:
        report = verifier.run(verifier.processes(processes), done)
    if as_json:
        print_json(report)
    else:
        _show_verified(report)
    if not report.holds:
        raise typer.Exit(BROKEN)


def audit_command(
    data: DataDir = None,
    stream: StreamName = "orders",
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition of intake.")] = None,
    start: Annotated[int | None, typer.Option("--from", min=0, help="From this intake offset.")] = None,
    end: Annotated[int | None, typer.Option("--to", min=0, help="Up to this intake offset, without it.")] = None,
    as_json: Json = False,
) -> None:
    """Prove that every command of a stretch of intake has exactly one outcome. Exit code 1 where one has not."""
    settings = _settings_of(data)
    chosen = ledgers.stream_of(settings, stream)
    count = ledgers.partition_count(settings, chosen.intake_topic)
    wanted = range(count) if partition is None else [partition]
    report = audit(
        chosen,
        ledgers.clients(settings).reader,
        ledgers.committed_offsets(settings, chosen, count),
        ledgers.dead_letter_topic(settings, chosen),
        stretches={number: Stretch(start, end) for number in wanted},
    )
    if as_json:
        print_json(report)
    else:
        _show_audited(report)
    if not report.holds:
        raise typer.Exit(BROKEN)


def _settings_of(data: Path | None) -> Settings:
    settings = running_settings_of(data)
    # A client that waits for brokers says so hundreds of times; so one that waits in silence asks first.
    wait_until_ready(settings, BROKER_SECONDS)
    return settings


def _show_verified(report: VerifyReport) -> None:
    console = Console()
    table = Table("partition", "facts", "keys", "head", "hash of the head", "violations", title=report.topic)
    for found in report.partitions:
        table.add_row(
            str(found.partition),
            f"{found.facts:,}",
            f"{found.keys:,}",
            f"{found.head_position:,}",
            found.head_hash,
            str(found.violations),
        )
    console.print(table)
    for violation in report.described:
        console.print(f"[{violation.partition}]@{violation.offset} {violation.rule}: {violation.detail}", markup=False)
    console.print(f"{report.facts:,} facts in {report.seconds:.1f} s: {report.facts_per_second:,} a second")


def _show_audited(report: AuditReport) -> None:
    console = Console()
    table = Table("commands", "count", title=report.intake_topic)
    for name in ("commands", "accepted", "rejected_in_stream", "rejected", "dead_letters", "duplicates", "waiting"):
        table.add_row(name.replace("_", " "), f"{getattr(report, name):,}")
    console.print(table)
    for found in report.described:
        where = f"[{found.partition}]@{found.offset}"
        console.print(f"{where} {found.command_id} {found.what}: {found.detail}", markup=False)
    console.print(f"{report.facts:,} facts, {report.violations} violations, {report.seconds:.1f} s")
