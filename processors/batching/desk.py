"""Runs the house presses: opens batches, asks each order, imposes the sheets, gives them to the press, tells what came.

The desk keeps nothing: what it does next follows from the batches as the read model shows them and from the shop's
folder. Every command has a derived id, every file a derived name, so that a step that a crash cut short is done again
and counts once. A print run is imaged after two answers: its order's (`StartProduction`, decided by the ledger), and
the folder's (`HouseFolder.start`, a rename), so that a cancellation comes before both, or is told that it is late.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from events.batches.commands import (
    BatchCommandUnion,
    CloseBatch,
    OpenBatch,
    RemoveLineFromBatch,
    ReportBatchCleared,
    ReportBatchGoesOn,
    ReportBatchSent,
    ReportBatchStuck,
    ReportSheetImposed,
    ReportSheetPrinted,
    ReportSheetSpoiled,
)
from events.batches.decide import UNDER_WAY
from events.batches.facts import BatchGroup, BatchLine, Placement
from events.batches.state import Batch
from events.declare import Declared
from events.envelope import CommandEnvelope
from events.identity import command_id, effect_key
from events.order.commands import StartProduction
from processors.batching.packing import pack
from processors.batching.plan import Planned, Waiting, makeable, next_try, pieces_of, plan, room_of, tries_of
from processors.batching.planes import Planes
from processors.batching.ports import BatchReads, House, KnownBatch
from processors.batching.presses import Press
from processors.batching.sheet import PieceFile, draw_sheet
from processors.batching.ticket import sheet_file, ticket_of, write_json, write_pages
from processors.batching.told import freed_report, held_report, settled_report
from processors.batching.trouble import STUCK, Trouble, folder_away, overdue
from processors.partners.house_folder import SPOILED
from processors.ports import CommandSender, NamedError, ObjectMissing, Vault
from processors.timers import stopped_within
from processors.workers.files import NewFile, OrderFiles

log = structlog.get_logger(__name__)

ACTOR: Final = "worker:batches"
#: The tenant of what the shop shares among the tenants.
SHARED_TENANT: Final = "shared"
LOOK_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 5.0
#: Commands that were sent in this life: they are not sent again every second while the read model catches up.
SENT_MAX: Final = 100_000
SEND_AGAIN_MS: Final = 60_000


class PressUnknown(NamedError):
    """A batch waits for a press that is not set up any more. Set it up again under its name."""


@dataclass
class BatchDesk:
    """Runs until it is told to stop. `opened` decodes a print file; `outages` mean "something outside is away"."""

    houses: Sequence[House]
    reads: BatchReads
    commands: CommandSender
    files: OrderFiles
    vault: Vault
    opened: Callable[[bytes], Planes]
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    _sent: OrderedDict[str, int] = field(default_factory=OrderedDict)

    async def run(self, stop: asyncio.Event) -> None:
        """Look, do, wait a moment, until `stop` is set."""
        wait_seconds = 0.0
        while not await stopped_within(stop, wait_seconds):
            try:
                await self.run_once()
                wait_seconds = LOOK_SECONDS
            except self.outages as outage:
                log.warning("batches_wait", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def run_once(self) -> None:
        """Bring every batch of every shop one step further, and open those that are due."""
        for house in self.houses:
            known = await asyncio.to_thread(self.reads.at_work, house.partner_id)
            for one in known:
                await self._attend(house, one)
            await self._open(house, known)

    async def _attend(self, house: House, one: KnownBatch) -> None:
        """One step of one batch. One that cannot go on must not stop the others, and a person is told."""
        try:
            await self._advance(house, one.batch_id, one.state)
        except OSError as error:
            trouble: Trouble | None = folder_away(error)
        except self.outages:
            raise
        except NamedError as problem:
            advice = type(problem).__doc__ or ""
            trouble = Trouble(reason=problem.reason, detail=str(problem)[:500], what_to_do=advice[:500])
        else:
            trouble = overdue(one.state, self.now_ms() - one.moved_at, house.presses)
        if one.state.stage in UNDER_WAY:
            await self._note(one.batch_id, one.state, trouble)

    async def _note(self, batch_id: str, batch: Batch, trouble: Trouble | None) -> None:
        """Keep in the batch's history that it is stuck or goes on, and tell each of its orders once."""
        if trouble is not None and trouble.reason != batch.trouble:
            log.error("batch_stands", batch_id=batch_id, reason=trouble.reason, detail=trouble.detail)
            stuck = ReportBatchStuck(reason=trouble.reason, detail=trouble.detail, what_to_do=trouble.what_to_do)
            await self._say(batch_id, stuck, "stuck", batch.troubles, trouble.reason)
        elif trouble is None and batch.trouble:
            await self._say(batch_id, ReportBatchGoesOn(), "goes-on", batch.troubles)
        if not batch.troubles:
            return
        word = "batch-stuck" if batch.trouble else "batch-goes-on"
        told = {
            command_id(word, batch_id, batch.troubles, line.order_id, line.line_id, line.run): line
            for line in batch.lines
        }
        answered = await asyncio.to_thread(self.reads.outcomes, [(line.tenant, one) for one, line in told.items()])
        for told_id, line in told.items():
            if told_id in answered:
                continue
            at, event_id = self.now_ms(), f"{batch_id}:{batch.troubles}:{word}:{line.effect_key}"
            report = (
                held_report(line.line_id, line.run, f"{STUCK} ({batch.trouble})", at, event_id)
                if batch.trouble
                else freed_report(line.line_id, line.run, at, event_id, is_started=batch.stage != "open")
            )
            await self._send(report, line.tenant, line.order_id, told_id)

    async def _open(self, house: House, known: Sequence[KnownBatch]) -> None:
        taken = {
            (line.order_id, line.line_id, line.run)
            for one in known
            if one.state.stage in {"open", "closed", "sent"}
            for line in one.state.lines
        }
        found = await asyncio.to_thread(self.reads.waiting, house.partner_id)
        free = [one for one in found if (one.line.order_id, one.line.line_id, one.line.run) not in taken]
        for press in house.presses.values():
            planned: list[Planned] = await asyncio.to_thread(plan, house.partner_id, press, free, self.now_ms())
            made = {(line.order_id, line.line_id, line.run) for one in planned for line in one.lines}
            free = [one for one in free if (one.line.order_id, one.line.line_id, one.line.run) not in made]
            for one in planned:
                await self._try(one)
        for one_left in free:
            await self._mind_press(house, one_left)

    async def _try(self, one: Planned) -> None:
        """Open a batch; another one than before where these very lines had all been left out of it."""
        tries = tries_of(one)
        ended = await asyncio.to_thread(self.reads.ended, tries)
        batch_id = next_try(tries, ended, self.now_ms())
        if batch_id is not None:
            await self._say(batch_id, OpenBatch(group=one.group, reason=one.reason, lines=one.lines), "open")

    async def _mind_press(self, house: House, one: Waiting) -> None:
        """A print run that no press of the shop can take is shown to a person, until one can."""
        line, can_be_made = one.line, any(makeable(one, press) for press in house.presses.values())
        if can_be_made != one.is_held:
            return
        at = self.now_ms()
        event_id = command_id("fits-a-press" if can_be_made else "fits-no-press", line.effect_key, one.since)
        report = (
            freed_report(line.line_id, line.run, at, event_id, is_started=False)
            if can_be_made
            else held_report(line.line_id, line.run, "no_press_takes_it", at, event_id)
        )
        await self._send(report, line.tenant, line.order_id, event_id)

    async def _advance(self, house: House, batch_id: str, batch: Batch) -> None:
        match batch.stage:
            case "open":
                await self._ask(house, batch_id, batch)
            case "closed" if batch.group is not None:
                await self._impose(house, batch_id, batch, batch.group)
            case "sent":
                await self._hear(house, batch_id, batch)
                await self._tell(batch_id, batch)
            case "completed":
                await self._end(house, batch_id, batch)
            case _:
                pass

    async def _ask(self, house: House, batch_id: str, batch: Batch) -> None:
        """Ask each order; when all have answered, leave out those that said no, and close."""
        asked = {_ask_id(batch_id, line): line for line in batch.lines}
        ids = [(line.tenant, ask_id) for ask_id, line in asked.items()]
        answers = await asyncio.to_thread(self.reads.outcomes, ids)
        refused: dict[str, str] = {}
        for ask_id, line in asked.items():
            if ask_id in answers:
                outcome, reason = answers[ask_id]
                if outcome != "accepted":
                    refused[ask_id] = reason or outcome
                elif not await asyncio.to_thread(house.folder.start, line.effect_key):
                    refused[ask_id] = "stopped at the shop"
            elif (missing := await asyncio.to_thread(self._missing, line)) is not None:
                refused[ask_id] = missing
            else:
                asking = StartProduction(line_id=line.line_id, run=line.run, version=line.version, batch_id=batch_id)
                await self._send(asking, line.tenant, line.order_id, ask_id)
        if set(asked) - set(answers) - set(refused):
            return
        for ask_id, reason in refused.items():
            line = asked[ask_id]
            removal = RemoveLineFromBatch(
                order_id=line.order_id, line_id=line.line_id, run=line.run, reason=reason[:200]
            )
            await self._say(batch_id, removal, "remove", line.order_id, line.line_id, line.run)
        await self._say(batch_id, CloseBatch(), "close")

    def _missing(self, line: BatchLine) -> str | None:
        """Why the line's files cannot be had, before its order is asked for a yes that nobody could keep."""
        try:
            for file in line.files:
                self.files.known(line.tenant, file.key)
        except ObjectMissing:
            return "print_file_missing"
        return None

    async def _impose(self, house: House, batch_id: str, batch: Batch, group: BatchGroup) -> None:
        """Make the sheets that are missing; with all of them, give the job to the press."""
        if batch.imposed_pieces == batch.pieces:
            await self._give(house, batch_id, batch, group)
            return
        press = house.presses.get(group.press)
        if press is None:
            raise PressUnknown(f"{group.press}: {PressUnknown.__doc__}")
        sheets = pack(pieces_of(batch.lines), room_of(press))
        for number in range(len(batch.sheets) + 1, len(sheets) + 1):
            placements = tuple(
                Placement(
                    order_id=one.key[0], line_id=one.key[1], run=one.key[2], unit=one.key[3], area=one.key[4],
                    x_um=one.x_um, y_um=one.y_um, width_um=one.width_um, height_um=one.height_um, turned=one.turned,
                )
                for one in sheets[number - 1]
            )  # fmt: skip
            imposed = await asyncio.to_thread(
                self._make_sheet, batch_id, batch, group, press, number, len(sheets), placements
            )
            await self._say(batch_id, imposed, "sheet", number)

    def _make_sheet(
        self,
        batch_id: str,
        batch: Batch,
        group: BatchGroup,
        press: Press,
        number: int,
        sheets: int,
        placements: tuple[Placement, ...],
    ) -> ReportSheetImposed:
        """Draw a sheet and keep it sealed under the batch's own key; an earlier try's sheet is taken as it is."""
        key = _sheet_key(batch_id, number)
        effect = effect_key(batch_id, "impose", str(number), press.name, 1)
        stored = self.files.find(SHARED_TENANT, key, effect)
        if stored is None:
            lines = {(line.order_id, line.line_id, line.run): line for line in batch.lines}

            def file_of(placed: Placement) -> PieceFile:
                line = lines[placed.order_id, placed.line_id, placed.run]
                file = next(file for file in line.files if file.area == placed.area)
                return PieceFile(
                    file.key,
                    file.bleed_um,
                    lambda: self.opened(self.files.read(line.tenant, line.order_id, file.key)),
                )

            content = draw_sheet(batch_id, group, press, number, sheets, placements, file_of)
            file = NewFile(content=content, media_type="application/pdf")
            stored = self.files.store(SHARED_TENANT, batch_id, key, effect, file)
        return ReportSheetImposed(
            sheet=number,
            width_um=press.sheet_width_um,
            height_um=press.sheet_height_um,
            file_key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            placements=placements,
        )

    async def _give(self, house: House, batch_id: str, batch: Batch, group: BatchGroup) -> None:
        ticket = ticket_of(batch_id, group, batch)
        told = write_json(ticket)

        def drop() -> None:
            sheets = {
                sheet_file(sheet.imposed.sheet): self.files.read(SHARED_TENANT, batch_id, sheet.imposed.file_key)
                for sheet in batch.sheets
            }
            house.folder.drop_job(batch_id, {"ticket.json": told, "ticket.pdf": write_pages(ticket), **sheets})

        await asyncio.to_thread(drop)
        digest = hashlib.sha256(told).hexdigest()
        await self._say(batch_id, ReportBatchSent(ticket=f"{batch_id}/ticket.json", ticket_sha256=digest), "sent")

    async def _hear(self, house: House, batch_id: str, batch: Batch) -> None:
        """Take what the press has written into the job's folder of sheets that are not settled."""
        for sheet in batch.sheets:
            number = sheet.imposed.sheet
            if sheet.outcome or (said := await asyncio.to_thread(house.folder.outcome, batch_id, number)) is None:
                continue
            command: BatchCommandUnion = (
                ReportSheetSpoiled(sheet=number, reason_code=said.reason_code)
                if said.outcome == SPOILED
                else ReportSheetPrinted(sheet=number)
            )
            told_id = command_id("settle-sheet", batch_id, number, type(command).__name__)
            await self._send(command, SHARED_TENANT, batch_id, told_id, f"partner:{house.partner_id}")

    async def _tell(self, batch_id: str, batch: Batch) -> bool:
        """Tell each order what became of its units, as soon as every sheet that they stand on is settled.

        Whether all those orders have answered.
        """
        told = {
            command_id("batch-settled", batch_id, line.order_id, line.line_id, line.run): (line, spoiled, reason)
            for line, spoiled, reason in batch.settled_runs()
        }
        answered = await asyncio.to_thread(
            self.reads.outcomes, [(line.tenant, one) for one, (line, *_) in told.items()]
        )
        for told_id, (line, spoiled, reason) in told.items():
            if told_id not in answered:
                report = settled_report(batch_id, line, spoiled, reason, self.now_ms())
                await self._send(report, line.tenant, line.order_id, told_id)
        return told.keys() <= answered.keys()

    async def _end(self, house: House, batch_id: str, batch: Batch) -> None:
        """Let nothing of a completed batch be left: it is looked at until its orders have answered, however late."""
        have_answered = await self._tell(batch_id, batch)
        await asyncio.to_thread(self._clear, house, batch_id)
        if have_answered:
            await self._say(batch_id, ReportBatchCleared(), "cleared")

    def _clear(self, house: House, batch_id: str) -> None:
        """A sheet outlives none of its orders: with the batch its key ends, and the press's copies go."""
        house.folder.remove_job(batch_id)
        if not self.vault.is_erased(SHARED_TENANT, batch_id):
            self.vault.erase(SHARED_TENANT, batch_id)

    async def _say(self, batch_id: str, command: BatchCommandUnion, *named: str | int) -> None:
        await self._send(command, SHARED_TENANT, batch_id, command_id("batch", batch_id, *named))

    async def _send(self, command: Declared, tenant: str, key: str, derived_id: str, actor: str = ACTOR) -> None:
        """Send, unless it was sent a moment ago and its answer is on its way."""
        now = self.now_ms()
        if now - self._sent.get(derived_id, -SEND_AGAIN_MS) < SEND_AGAIN_MS:
            return
        envelope = CommandEnvelope(
            command_id=derived_id,
            key=key,
            tenant=tenant,
            command_type=type(command).__name__,
            sent_at=now,
            actor=actor,
            correlation_id=key,
        )
        await self.commands.send(command, envelope)
        self._sent[derived_id] = now
        self._sent.move_to_end(derived_id)
        while len(self._sent) > SENT_MAX:
            self._sent.popitem(last=False)


def _ask_id(batch_id: str, line: BatchLine) -> str:
    return command_id("start-production", batch_id, line.order_id, line.line_id, line.run)


def _sheet_key(batch_id: str, number: int) -> str:
    return f"{SHARED_TENANT}/{batch_id}/sheets/{sheet_file(number)}"
