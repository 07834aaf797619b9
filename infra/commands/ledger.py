"""`printledger ledger`: one ledger process, the only place that decides."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from infra import ledgers
from infra.commands.common import DataDir, settings_of
from processors.ledger.errors import LedgerStopped
from processors.ledger.loop import LedgerOptions

BATCH_COMMANDS_MAX = LedgerOptions().batch_commands_max


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ledger")(ledger)


def ledger(
    data: DataDir = None,
    stream: Annotated[str, typer.Option(help="The stream: orders, catalogue, batches or operations.")] = "orders",
    slot: Annotated[
        int, typer.Option(min=0, max=999, help="Which of the stream's processes this is; each has its own slot.")
    ] = 0,
    batch: Annotated[
        int, typer.Option(min=1, max=10_000, help="Commands in a transaction at most.")
    ] = BATCH_COMMANDS_MAX,
) -> None:
    """Run one ledger process until it is told to end.

    Several processes of a stream share its partitions; a slot's identity stays the same over restarts, so that a
    successor goes on in about a second. A partition whose records break a rule is stopped, and named by
    `printledger status`; the others go on. Exit codes: 65 every partition that it got is stopped, 75 another process
    has this slot, 78 the topics are not as they were.
    """
    settings = settings_of(data)
    options = LedgerOptions(slot=slot, batch_commands_max=batch, manages_garbage=True)
    with ledgers.ledger(settings, stream, options=options) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.stop())
        try:
            process.run()
        except LedgerStopped as stopped:
            typer.echo(f"{type(stopped).__name__}: {stopped}", err=True)
            raise typer.Exit(stopped.exit_code) from None
