"""The job ticket: what the press makes, as JSON for its software and as pages for its people. No buyer is named."""

from __future__ import annotations

from typing import Final

import msgspec
import pikepdf

from events.batches.facts import BatchGroup
from events.batches.state import Batch
from processors.batching.drawing import Page, save
from processors.batching.sheet import piece_code

A4_UM: Final = (210_000, 297_000)
EDGE_UM: Final = 15_000
ROW_UM: Final = 6_000
ROWS_A_PAGE: Final = 38
POINTS: Final = 9
TICKET_VERSION: Final = 1


class TicketPiece(msgspec.Struct, frozen=True, kw_only=True):
    """One piece on a sheet; lengths in micrometres from the sheet's lower left corner."""

    code: str
    order_id: str
    line_id: str
    run: int
    unit: int
    area: str
    effect_key: str
    x_um: int
    y_um: int
    width_um: int
    height_um: int
    turned: bool


class TicketSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One sheet and the file to print."""

    sheet: int
    file: str
    width_um: int
    height_um: int
    pieces: tuple[TicketPiece, ...]


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """The whole job."""

    version: int
    batch_id: str
    group: BatchGroup
    units: int
    due_at: int
    sheets: tuple[TicketSheet, ...]


def sheet_file(number: int) -> str:
    """The name of a sheet's file in the job's folder."""
    return f"sheet-{number:03}.pdf"


def ticket_of(batch_id: str, group: BatchGroup, batch: Batch) -> Ticket:
    """The ticket of an imposed batch."""
    effect_of = {(line.order_id, line.line_id, line.run): line.effect_key for line in batch.lines}
    dues = [line.due_at for line in batch.lines if line.due_at]
    return Ticket(
        version=TICKET_VERSION,
        batch_id=batch_id,
        group=group,
        units=sum(len(line.units) for line in batch.lines),
        due_at=min(dues, default=0),
        sheets=tuple(
            TicketSheet(
                sheet=sheet.imposed.sheet,
                file=sheet_file(sheet.imposed.sheet),
                width_um=sheet.imposed.width_um,
                height_um=sheet.imposed.height_um,
                pieces=tuple(
                    TicketPiece(
                        code=piece_code(batch_id, sheet.imposed.sheet, number),
                        order_id=placed.order_id,
                        line_id=placed.line_id,
                        run=placed.run,
                        unit=placed.unit,
                        area=placed.area,
                        effect_key=effect_of[placed.order_id, placed.line_id, placed.run],
                        x_um=placed.x_um,
                        y_um=placed.y_um,
                        width_um=placed.width_um,
                        height_um=placed.height_um,
                        turned=placed.turned,
                    )
                    for number, placed in enumerate(sheet.imposed.placements, 1)
                ),
            )
            for sheet in batch.sheets
        ),
    )


def write_json(ticket: Ticket) -> bytes:
    """The ticket for the press's software; the same ticket gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(ticket), indent=1)


def write_pages(ticket: Ticket) -> bytes:
    """The ticket for people: A4 pages with a row a piece, and one code of the whole batch."""
    group, rows = ticket.group, _rows(ticket)
    pdf = pikepdf.new()
    pages = [rows[start : start + ROWS_A_PAGE] for start in range(0, len(rows), ROWS_A_PAGE)]
    for number, shown in enumerate(pages, 1):
        page = Page(pdf, *A4_UM)
        width_um, top_um = A4_UM[0] - 2 * EDGE_UM, A4_UM[1] - EDGE_UM
        page.code(A4_UM[0] - EDGE_UM - 25_000, top_um - 25_000, 25_000, ticket.batch_id.upper())
        heading = (
            (16, f"Job ticket, page {number} of {len(pages)}"),
            (POINTS, f"Batch {ticket.batch_id}"),
            (POINTS, f"{group.press}: {group.product}, {group.method}, to {group.destination or 'any'}"),
            (POINTS, f"{group.priority}, {len(ticket.sheets)} sheets, {ticket.units} units"),
        )
        for line, (size, text) in enumerate(heading):
            page.text(EDGE_UM, top_um - (line + 1) * ROW_UM, size, text, width_um - 30_000)
        for line, text in enumerate(shown):
            page.text(EDGE_UM, top_um - 35_000 - line * ROW_UM, POINTS, text, width_um)
        page.finish()
    return save(pdf)


def _rows(ticket: Ticket) -> list[str]:
    rows = []
    for sheet in ticket.sheets:
        rows.append(f"Sheet {sheet.sheet}: {sheet.file}, {len(sheet.pieces)} pieces      printed [  ]   spoiled [  ]")
        rows += [
            f"    {piece.code}   order {piece.order_id[:8]}   line {piece.line_id}   run {piece.run}"
            f"   unit {piece.unit}   {piece.area}"
            for piece in sheet.pieces
        ]
    return rows
