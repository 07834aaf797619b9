"""The gang sheet as a print-size PDF: every piece where the packing put it, with crop marks and a code of its own.

A piece's code (`BATCH-SHEET-PIECE`) leads through the job ticket to order, line and unit; the sheet itself carries no
name and no address. The same batch gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import pikepdf

from events.batches.facts import BatchGroup, Placement
from processors.artwork.pdf import declare_srgb
from processors.batching.drawing import Page, embed, save
from processors.batching.planes import Planes
from processors.batching.presses import Press

MARK_UM: Final = 3_000
MARK_GAP_UM: Final = 500
#: A code of 21 modules with its quiet zone, as small as office scanners still read: a quarter of a millimetre a module.
CODE_UM_MAX: Final = 7_000
LABEL_POINTS: Final = 5
TITLE_POINTS: Final = 8
MM_UM: Final = 1_000


class PieceFile(msgspec.Struct, frozen=True):
    """The print file of a piece: what tells it from others, what is cut off on every side, and how it is opened."""

    key: str
    bleed_um: int
    opened: Callable[[], Planes]


def piece_code(batch_id: str, sheet: int, piece: int) -> str:
    """What the code beside a piece says: batch, sheet and piece, each counted from 1."""
    return f"{batch_id[:8].upper()}-{sheet}-{piece}"


def draw_sheet(
    batch_id: str,
    group: BatchGroup,
    press: Press,
    number: int,
    sheets: int,
    placements: Sequence[Placement],
    file_of: Callable[[Placement], PieceFile],
) -> bytes:
    """The PDF of one sheet of `sheets`. `file_of` names a placement's file, which is opened when it is needed.

    A file that stands on the sheet several times is embedded once. Raises what opening a file raises.
    """
    pdf = pikepdf.new()
    srgb = declare_srgb(pdf)
    page = Page(pdf, press.sheet_width_um, press.sheet_height_um, colours=srgb)
    embedded: dict[str, tuple[str, pikepdf.Object]] = {}
    for piece, placed in enumerate(placements, 1):
        file = file_of(placed)
        if file.key not in embedded:
            embedded[file.key] = (f"P{len(embedded) + 1}", embed(pdf, file.opened(), srgb))
        name, picture = embedded[file.key]
        page.picture(name, picture, (placed.x_um, placed.y_um, placed.width_um, placed.height_um), turned=placed.turned)
        _crop_marks(page, placed, file.bleed_um, press.gutter_um)
        _label(page, placed, file.bleed_um, press.gutter_um, piece_code(batch_id, number, piece))
    title = (
        f"Batch {batch_id}  sheet {number} of {sheets}  {press.name}  {group.product}  {group.method}"
        f"  to {group.destination or 'any'}  {group.priority}  {len(placements)} pieces"
    )
    side_um = press.margin_um - 2 * MM_UM
    page.code(MM_UM, MM_UM, side_um, piece_code(batch_id, number, 0))
    page.text(side_um + 2 * MM_UM, press.margin_um / 2, TITLE_POINTS, title, press.sheet_width_um - side_um - 3 * MM_UM)
    page.finish()
    return save(pdf)


def _crop_marks(page: Page, placed: Placement, bleed_um: int, gutter_um: int) -> None:
    """Two hairlines a corner, where the piece is cut: inside its bleed. They stand outside it, within its gutter."""
    length_um = min(MARK_UM, gutter_um - MARK_GAP_UM)
    left, bottom = placed.x_um, placed.y_um
    right, top = left + placed.width_um, bottom + placed.height_um
    for x_um, away in ((left, -1), (right, 1)):
        for y_um in (bottom + bleed_um, top - bleed_um):
            page.line(x_um + away * MARK_GAP_UM, y_um, x_um + away * (MARK_GAP_UM + length_um), y_um)
    for y_um, away in ((bottom, -1), (top, 1)):
        for x_um in (left + bleed_um, right - bleed_um):
            page.line(x_um, y_um + away * MARK_GAP_UM, x_um, y_um + away * (MARK_GAP_UM + length_um))


def _label(page: Page, placed: Placement, bleed_um: int, gutter_um: int, code: str) -> None:
    """The code and what it says, in the gutter below the piece, between its crop marks."""
    side_um = min(CODE_UM_MAX, gutter_um - MARK_GAP_UM)
    cut_x_um, cut_width_um = placed.x_um + bleed_um, placed.width_um - 2 * bleed_um
    is_wide = cut_width_um > side_um + 2 * MM_UM
    left_um = cut_x_um + (MM_UM if is_wide else (cut_width_um - side_um) / 2)
    page.code(left_um, placed.y_um - gutter_um + MARK_GAP_UM / 2, side_um, code)
    if is_wide:
        text_um = left_um + side_um + MM_UM / 2
        said = f"{code}  order {placed.order_id[:8]}  line {placed.line_id}  unit {placed.unit}  {placed.area}"
        room_um = cut_x_um + cut_width_um - text_um
        page.text(text_um, placed.y_um - gutter_um / 2, LABEL_POINTS, said, room_um)
