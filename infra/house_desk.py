"""Puts the batch desk together, and what operators say and ask of batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.batches.commands import BatchCommandUnion, ReportSheetPrinted, ReportSheetSpoiled
from events.batches.state import Batch
from events.envelope import CommandEnvelope
from events.identity import command_id
from infra.batch_tables import BatchTables
from infra.house import HouseSetup, house_of
from infra.settings import Settings
from infra.vendors import vendors
from processors.batching.desk import SHARED_TENANT, BatchDesk
from processors.batching.planes import Planes, planes_in_child, sheet_sandbox
from processors.batching.ports import KnownBatch
from processors.clock import now_ms
from processors.ports import CommandSender, NamedError, Vault
from processors.workers.files import OrderFiles

OPERATOR = "operator:command-line"


class BatchNotKnown(NamedError):
    """There is no batch of this id, or the read model has not seen it yet. `printledger batch list` shows them."""


class SheetNotAtPress(NamedError):
    """The batch has no such sheet at the press, or the sheet is settled already. `printledger batch show` tells."""


def batch_desk(
    settings: Settings,
    pool: ConnectionPool[Connection[TupleRow]],
    commands: CommandSender,
    files: OrderFiles,
    vault: Vault,
    opened: Callable[[bytes], Planes],
    outages: tuple[type[BaseException], ...],
) -> BatchDesk:
    """The desk of all house shops; without one it has nothing to do. Raises VendorsInvalid."""
    houses = [
        house_of(settings, name, setup) for name, setup in vendors(settings).items() if isinstance(setup, HouseSetup)
    ]
    return BatchDesk(
        houses=houses,
        reads=BatchTables(pool),
        commands=commands,
        files=files,
        vault=vault,
        opened=opened,
        now_ms=now_ms,
        outages=outages,
    )


def desk_service(
    opened: AsyncExitStack,
    settings: Settings,
    pool: ConnectionPool[Connection[TupleRow]],
    commands: CommandSender,
    files: OrderFiles,
    vault: Vault,
    outages: tuple[type[BaseException], ...],
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """The desk as a service of a worker process: print files are opened in a child that ends with `opened`."""
    sandbox = opened.enter_context(sheet_sandbox())
    return batch_desk(settings, pool, commands, files, vault, partial(planes_in_child, sandbox), outages).run


class BatchOffice:
    """Batches as one operator sees them. Reading blocks for milliseconds, as a command may."""

    def __init__(self, tables: BatchTables, commands: CommandSender) -> None:
        self._tables = tables
        self._commands = commands

    def newest(self) -> Sequence[KnownBatch]:
        """The newest batches of all shops."""
        return self._tables.newest()

    def find(self, batch_id: str) -> Batch:
        """One batch. Raises BatchNotKnown."""
        found = self._tables.find(batch_id)
        if found is None:
            raise BatchNotKnown(f"{batch_id}: {BatchNotKnown.__doc__}")
        return found

    async def printed(self, batch_id: str, sheet: int) -> None:
        """A sheet came off the press in order. Raises BatchNotKnown, SheetNotAtPress."""
        await self._settle(batch_id, sheet, ReportSheetPrinted(sheet=sheet))

    async def spoiled(self, batch_id: str, sheet: int, reason_code: str) -> None:
        """A sheet is waste: exactly its units are printed again. Raises BatchNotKnown, SheetNotAtPress."""
        await self._settle(batch_id, sheet, ReportSheetSpoiled(sheet=sheet, reason_code=reason_code))

    async def _settle(self, batch_id: str, sheet: int, command: BatchCommandUnion) -> None:
        batch = self.find(batch_id)
        if batch.stage != "sent" or not 0 < sheet <= len(batch.sheets) or batch.sheets[sheet - 1].outcome:
            raise SheetNotAtPress(f"sheet {sheet} of {batch_id}: {SheetNotAtPress.__doc__}")
        envelope = CommandEnvelope(
            command_id=command_id("settle-sheet", batch_id, sheet, type(command).__name__),
            key=batch_id,
            tenant=SHARED_TENANT,
            command_type=type(command).__name__,
            sent_at=now_ms(),
            actor=OPERATOR,
            correlation_id=batch_id,
        )
        await self._commands.send(command, envelope)
