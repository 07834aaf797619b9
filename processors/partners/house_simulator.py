"""A simulated operator at the presses of a house shop: takes jobs from the shared folder as a person there would.

It knows nothing but the folder. It reads a job's ticket, prints its sheets one after the other (a copy goes to where
prints lie, so that people can look at them), and writes into the job's folder what became of each. `attach` adds its
control desk to a simulator's application: `GET` and `PATCH /control/house` for its `Behaviour`, `GET
/control/house/sheets` for what it has printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
import pikepdf
from fastapi import FastAPI, Request, Response

from events.decoding import convert, from_json
from processors.batching.ticket import Ticket, TicketPiece, TicketSheet
from processors.clock import now_ms
from processors.partners.house_folder import PRINTED, SPOILED, HouseFolder, SheetOutcome
from processors.simulation import Clockwork
from processors.simulation_http import answer, json_object

LOOK_MS: Final = 500
TICKET_BYTES_MAX: Final = 16 * 1024 * 1024
SHEET_BYTES_MAX: Final = 1024 * 1024 * 1024
#: Sheets of which the desk tells, and copies that lie where prints lie.
TOLD_MAX, KEPT_MAX = 1_000, 20


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the operator works now. The counter counts down to 0."""

    #: How long a sheet is on the press.
    sheet_ms: int = 1_000
    #: The next sheets come out as waste.
    spoil_next_sheets: int = 0
    #: Nobody is at the press.
    is_away: bool = False


class PrintedSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that came off the press, with what stands on it."""

    batch_id: str
    sheet: int
    outcome: str
    pieces: tuple[TicketPiece, ...]


class HouseOperator:
    """Prints what lies in the folder, one sheet at a time."""

    def __init__(self, folder: HouseFolder, prints: Path, behaviour: Behaviour | None = None) -> None:
        """`prints` is where copies of the sheets lie."""
        self._folder = folder
        self._prints = prints
        self.behaviour = behaviour or Behaviour()
        self.sheets: deque[PrintedSheet] = deque(maxlen=TOLD_MAX)
        self._on_press: tuple[str, int, int] | None = None
        self.clockwork = Clockwork(self.advance)

    async def advance(self) -> int:
        """Take the next sheet, or take off the one that is done; returns when to look again (epoch milliseconds)."""
        try:
            return await asyncio.to_thread(self._advance)
        except FileNotFoundError:
            # A job that was cleared away while we looked at it.
            return now_ms() + LOOK_MS

    def _advance(self) -> int:
        now = now_ms()
        if self.behaviour.is_away:
            return now + LOOK_MS
        found = self._next_sheet()
        if found is None:
            self._on_press = None
            return now + LOOK_MS
        ticket, sheet = found
        if self._on_press is None or self._on_press[:2] != (ticket.batch_id, sheet.sheet):
            self._on_press = (ticket.batch_id, sheet.sheet, now + self.behaviour.sheet_ms)
        if now < self._on_press[2]:
            return self._on_press[2]
        self._on_press = None
        self._take_off(ticket, sheet)
        return now

    def _next_sheet(self) -> tuple[Ticket, TicketSheet] | None:
        """The first sheet of the oldest job that is not settled."""
        for batch_id in self._folder.waiting_jobs():
            with (self._folder.job(batch_id) / "ticket.json").open("rb") as file:
                ticket = from_json(file.read(TICKET_BYTES_MAX), Ticket)
            for sheet in ticket.sheets:
                if self._folder.outcome(batch_id, sheet.sheet) is None:
                    return ticket, sheet
        return None

    def _take_off(self, ticket: Ticket, sheet: TicketSheet) -> None:
        """Print a sheet: it must open as one page. What does not is waste, as it would be on a press."""
        with (self._folder.job(ticket.batch_id) / sheet.file).open("rb") as file:
            content = file.read(SHEET_BYTES_MAX)
        reason = "" if has_one_page(content) else "file_unreadable"
        if not reason and self.behaviour.spoil_next_sheets:
            left = self.behaviour.spoil_next_sheets - 1
            self.behaviour = msgspec.structs.replace(self.behaviour, spoil_next_sheets=left)
            reason = "head_strike"
        self._keep(f"{ticket.batch_id}-{sheet.file}", content)
        outcome = SheetOutcome(outcome=SPOILED, reason_code=reason) if reason else SheetOutcome(outcome=PRINTED)
        printed = PrintedSheet(
            batch_id=ticket.batch_id, sheet=sheet.sheet, outcome=outcome.outcome, pieces=sheet.pieces
        )
        self.sheets.append(printed)
        self._folder.settle(ticket.batch_id, sheet.sheet, outcome)

    def _keep(self, name: str, content: bytes) -> None:
        self._prints.mkdir(parents=True, exist_ok=True)
        (self._prints / name).write_bytes(content)
        kept = sorted(self._prints.glob("*.pdf"), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-KEPT_MAX]:
            old.unlink(missing_ok=True)


def has_one_page(content: bytes) -> bool:
    """Whether the bytes are a PDF of one page."""
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            return len(pdf.pages) == 1
    except pikepdf.PdfError:
        return False


def attach(app: FastAPI, operator: HouseOperator) -> None:
    """Let the operator work while the application runs, and be told how at its control desk."""
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[None]:
        async with inner(running), operator.clockwork.running():
            yield

    app.router.lifespan_context = lifespan

    @app.get("/control/house")
    async def behaviour() -> Response:
        return answer(200, operator.behaviour)

    @app.patch("/control/house")
    async def change_behaviour(request: Request) -> Response:
        now = msgspec.to_builtins(operator.behaviour)
        try:
            operator.behaviour = convert(now | await json_object(request), Behaviour)
        except msgspec.ValidationError as error:
            return answer(422, {"message": str(error)})
        operator.clockwork.poke()
        return answer(200, operator.behaviour)

    @app.get("/control/house/sheets")
    async def sheets() -> Response:
        return answer(200, tuple(operator.sheets))
