"""How a text is set in its box: all of its ink is in it, and every line reads as the whole paragraph does."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw

from processors.artwork import fonts
from processors.artwork.template import Box, PrintArea, TextLayer, Vertical
from processors.artwork.textlayout import TextLayout, draw_mask, lay_out
from processors.artwork.typeface import Typeface, base_direction
from tests.unit.artwork.pictures import simple_area

#: Letters that reach far above or below, in the scripts of the shipped families.
TALL = ("Ẩn", "ÅÉÊẾgfjpqyÇŞ", "ẨỆỖỰ đặng", "שָׁלוֹם לְךָ", "إِنَّ اللّٰهَ يُحِبُّ", "ΆΐΰῬψ", "ЙЁщцдф", "Jg😀🎉")


def boxed(width_px: int, height_px: int, **options: object) -> tuple[TextLayer, PrintArea]:
    """A text layer that fills an area of that size, set as large as the box allows."""
    whole = Box(x_um=0, y_um=0, width_um=width_px * 100, height_um=height_px * 100)
    defaults: dict[str, object] = {"size_um": 20_000, "min_size_um": 1_000}
    layer = TextLayer(name="text", box=whole, **(defaults | options))  # type: ignore[arg-type]
    return layer, simple_area(width_px, height_px, layer)


def ink_printed(layout: TextLayout, layer: TextLayer, area: PrintArea) -> int:
    """How much ink the mask of a text has."""
    return int(np.asarray(draw_mask(layout, layer, area)[0], np.int64).sum())


def ink_of_lines(layout: TextLayout) -> int:
    """How much ink the lines of a text have, each drawn alone on a sheet with much room."""
    face = Typeface(family=layout.family, size_px=layout.size_px, weight=layout.weight)
    total = 0
    for line in layout.lines:
        sheet = Image.new("L", (4_000, 1_000))
        face.draw(ImageDraw.Draw(sheet), (2_000, 500), line.text, 255, "ms", line.direction)
        total += int(np.asarray(sheet, np.int64).sum())
    return total


@pytest.mark.parametrize("vertical", ["top", "middle", "bottom"])
@pytest.mark.parametrize("family", fonts.known_families())
def test_no_ink_is_cut_of_a_text_that_fits(family: str, vertical: Vertical) -> None:
    # Given boxes that are wide and low, so that their height decides how large the letters are,
    for height_px in (60, 142):
        layer, area = boxed(3_600, height_px, fonts=(family,), vertical_align=vertical)
        for text in TALL:
            layout = lay_out(text, layer, area)
            if not layout.missing:
                # then what is printed is all that the letters have.
                assert layout.fits
                assert ink_printed(layout, layer, area) == ink_of_lines(layout), text


@pytest.mark.parametrize("family", fonts.known_families())
def test_accents_above_a_fonts_ascent_do_not_meet_the_line_above(family: str) -> None:
    layer, area = boxed(900, 400, fonts=(family,))
    layout = lay_out("Ẩn\nẨn\n\nẨn", layer, area)
    if not layout.missing:
        assert ink_printed(layout, layer, area) == ink_of_lines(layout)


def test_the_lines_of_common_letters_stand_as_far_apart_at_every_size() -> None:
    heights = []
    for size_px in (107, 108, 109, 110, 119, 185, 194):
        layer, area = boxed(2_000, 1_000, fonts=("Pacifico",), size_um=size_px * 100, min_size_um=size_px * 100)
        layout = lay_out("Love you\nforever", layer, area)
        rows = np.flatnonzero(np.asarray(draw_mask(layout, layer, area)[0]).any(axis=1))
        heights.append((rows[-1] - rows[0]) / layout.size_px)
    assert max(heights) < 1.03 * min(heights)


HEBREW_WITH_A_NAME = "שלום חברים יקרים ואהובים שלנו John Smith, Jr. מאד אהובים"


def test_a_line_that_begins_with_a_name_of_another_script_reads_as_its_paragraph_does() -> None:
    # Given a Hebrew paragraph that is broken before an English name,
    layer, area = boxed(900, 300, fonts=("Heebo",), size_um=6_000, min_size_um=6_000)
    layout = lay_out(HEBREW_WITH_A_NAME, layer, area)
    assert [line.text for line in layout.lines][1:] == ["John Smith, Jr. מאד אהובים"]
    # when its second line is drawn,
    second, _, _ = draw_mask(msgspec.structs.replace(layout, lines=layout.lines[1:]), layer, area)

    def by_pillow(direction: str) -> bytes:
        sheet = Image.new("L", second.size)
        font = fonts.load("Heebo", layout.size_px, layout.weight)
        at = (second.width // 2, second.height // 2)
        ImageDraw.Draw(sheet).text(at, layout.lines[1].text, 255, font, "ms", direction=direction)
        return sheet.crop(sheet.getbbox()).tobytes()

    # then it stands from right to left, as the first line does.
    assert second.crop(second.getbbox()).tobytes() == by_pillow("rtl") != by_pillow("ltr")


@pytest.mark.parametrize(
    ("paragraph", "direction"),
    [
        ("John שלום", "ltr"),
        ("(12) שלום John", "rtl"),
        ("😀 سلام John", "rtl"),
        ("12 😀!", "ltr"),
        ("", "ltr"),
        ("\u200fJohn", "rtl"),
        ("\u2066John\u2069 שלום", "rtl"),
        ("\u2066John שלום", "ltr"),
    ],
    ids=ascii,
)
def test_the_first_letter_outside_of_isolates_gives_a_paragraph_its_direction(paragraph: str, direction: str) -> None:
    assert base_direction(paragraph) == direction


def test_each_paragraph_has_its_own_direction() -> None:
    layer, area = boxed(900, 300, fonts=("Heebo",))
    layout = lay_out("שלום John\nJohn שלום", layer, area)
    assert [line.direction for line in layout.lines] == ["rtl", "ltr"]
