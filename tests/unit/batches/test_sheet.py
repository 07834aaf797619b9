"""A gang sheet and its job ticket: sizes, codes, the same bytes each time, and nothing that names a buyer."""

import io
import re

import msgspec
import pikepdf
import pytest
from PIL import Image, ImageDraw

from events.batches.commands import CloseBatch, ReportSheetImposed
from events.batches.facts import BatchFile, BatchLine, Placement
from events.batches.state import Batch
from processors.artwork.picture import srgb_bytes
from processors.batching.packing import pack
from processors.batching.plan import pieces_of, room_of
from processors.batching.planes import PictureUnreadable, planes_in_child, planes_of, sheet_sandbox
from processors.batching.presses import Press
from processors.batching.sheet import PieceFile, draw_sheet, piece_code
from processors.batching.ticket import Ticket, ticket_of, write_json, write_pages
from tests.unit.batches.made_up import GROUP, a_batch_line, after, opened

BATCH_ID = "5f3a9c1e-0000-5000-8000-000000000001"
PRESS = Press(
    name="dtf-1",
    method="dtf",
    variants={"T-B-M": "tee"},
    sheet_width_um=600_000,
    sheet_height_um=400_000,
    sheets_per_hour=20,
)


def a_print(colour: str, width_px: int = 200, height_px: int = 240) -> bytes:
    """A made-up print file: an arrow that points up, with a transparent ground."""
    picture = Image.new("RGBA", (width_px, height_px), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(width_px / 2, 0), (width_px, height_px / 2), (0, height_px / 2)], fill=colour)
    draw.rectangle((width_px / 3, height_px / 2, width_px * 2 / 3, height_px), fill=colour)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def lines() -> tuple[BatchLine, ...]:
    """Three orders with prints of three sizes, one of two units."""
    sizes = {"order-a": (180_000, 216_000), "order-b": (90_000, 250_000), "order-c": (60_000, 72_000)}
    return tuple(
        msgspec.structs.replace(
            a_batch_line(order, (1, 2) if order == "order-b" else (1,)),
            files=(BatchFile(area="front", key=f"{order}.png", width_um=width, height_um=height),),
        )
        for order, (width, height) in sizes.items()
    )


def placements() -> tuple[Placement, ...]:
    (sheet,) = pack(pieces_of(lines()), room_of(PRESS))
    return tuple(
        Placement(
            order_id=one.key[0],
            line_id=one.key[1],
            run=one.key[2],
            unit=one.key[3],
            area=one.key[4],
            x_um=one.x_um,
            y_um=one.y_um,
            width_um=one.width_um,
            height_um=one.height_um,
            turned=one.turned,
        )
        for one in sheet
    )


def drawn(read: bytes | None = None, bleed_um: int = 0) -> bytes:
    colours = {"order-a": "crimson", "order-b": "seagreen", "order-c": "royalblue"}
    return draw_sheet(
        BATCH_ID,
        GROUP,
        PRESS,
        1,
        1,
        placements(),
        lambda placed: PieceFile(
            placed.order_id, bleed_um, lambda: planes_of(read or a_print(colours[placed.order_id]))
        ),
    )


def imposed() -> Batch:
    sheet = ReportSheetImposed(
        sheet=1, width_um=PRESS.sheet_width_um, height_um=PRESS.sheet_height_um, file_key="k", sha256="d",
        size_bytes=1, placements=placements(),
    )  # fmt: skip
    return after(opened(*lines()), CloseBatch(), sheet)


def test_a_sheet_has_the_press_s_size_and_each_file_once() -> None:
    with pikepdf.open(io.BytesIO(drawn())) as pdf:
        (page,) = pdf.pages
        assert [round(float(side) * 25_400 / 72) for side in page.mediabox] == [0, 0, 600_000, 400_000]
        assert len(page.resources["/XObject"]) == 3
        drawn_pictures = page.Contents.read_bytes().count(b" Do ")
        assert drawn_pictures == len(placements()) == 4


def test_the_same_batch_gives_the_same_bytes() -> None:
    assert drawn() == drawn()


@pytest.mark.parametrize("bleed_um", [0, 3_000])
def test_crop_marks_stand_where_a_piece_is_cut_and_outside_of_what_is_printed(bleed_um: int) -> None:
    with pikepdf.open(io.BytesIO(drawn(bleed_um=bleed_um))) as pdf:
        marks = hairlines_um(pdf.pages[0])
    for placed in placements():
        left, bottom = placed.x_um, placed.y_um
        right, top = left + placed.width_um, bottom + placed.height_um
        cuts_x, cuts_y = (left + bleed_um, right - bleed_um), (bottom + bleed_um, top - bleed_um)
        # Each cut is shown by a mark on either side of the piece, half a millimetre away from its print.
        assert {(x, bottom - 500) for x in cuts_x} | {(x, top + 500) for x in cuts_x} <= marks
        assert {(left - 500, y) for y in cuts_y} | {(right + 500, y) for y in cuts_y} <= marks
    assert len(marks) == 8 * len(placements())


def hairlines_um(page: pikepdf.Page) -> set[tuple[int, int]]:
    """Where the lines of a page begin, to a tenth of a millimetre."""
    drawing = page.Contents.read_bytes().decode()
    begins = re.findall(r"w ([\d.]+) ([\d.]+) m .* l S", drawing)
    return {(round(float(x) * 254 / 72) * 100, round(float(y) * 254 / 72) * 100) for x, y in begins}


def test_a_sheet_says_that_its_colours_are_srgb_as_a_print_file_does() -> None:
    with pikepdf.open(io.BytesIO(drawn())) as pdf:
        (page,) = pdf.pages
        pictures = page.resources["/XObject"]
        assert {str(pictures[name].ColorSpace[0]) for name in ("/P1", "/P2", "/P3")} == {"/ICCBased"}
        assert pictures["/P1"].ColorSpace[1].read_bytes() == srgb_bytes()
        assert pdf.Root.OutputIntents[0].DestOutputProfile.read_bytes() == srgb_bytes()


def test_what_is_no_picture_is_refused_by_name() -> None:
    with pytest.raises(PictureUnreadable):
        drawn(b"not a PNG")


def test_a_print_file_is_opened_in_a_child_process_and_a_broken_one_is_refused_by_name() -> None:
    with sheet_sandbox() as pool:
        assert planes_in_child(pool, a_print("crimson")) == planes_of(a_print("crimson"))
        with pytest.raises(PictureUnreadable):
            planes_in_child(pool, b"not a PNG")


def test_a_print_file_may_be_larger_than_a_buyers_picture() -> None:
    large = a_print("crimson") + bytes(60 * 1024 * 1024)
    with sheet_sandbox() as pool:
        assert planes_in_child(pool, large) == planes_of(large)


def test_the_ticket_leads_from_each_code_to_order_line_and_unit() -> None:
    ticket = ticket_of(BATCH_ID, GROUP, imposed())
    read = msgspec.json.decode(write_json(ticket), type=Ticket)
    assert read == ticket
    pieces = {piece.code: (piece.order_id, piece.unit) for piece in read.sheets[0].pieces}
    assert set(pieces.values()) == {("order-a", 1), ("order-b", 1), ("order-b", 2), ("order-c", 1)}
    assert set(pieces) == {piece_code(BATCH_ID, 1, number) for number in range(1, 5)}


def test_the_ticket_s_pages_print_on_a4() -> None:
    with pikepdf.open(io.BytesIO(write_pages(ticket_of(BATCH_ID, GROUP, imposed())))) as pdf:
        assert len(pdf.pages) == 1
        assert [round(float(side) * 25_400 / 72) for side in pdf.pages[0].mediabox] == [0, 0, 210_000, 297_000]
