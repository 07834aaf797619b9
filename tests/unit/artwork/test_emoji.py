"""Emoji in a buyer's text: set in one colour beside the letters, measured as they are drawn, and told of."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processors.artwork import fonts
from processors.artwork.checks import check_artwork
from processors.artwork.fonts import EMOJI_FAMILY
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Box, TextLayer
from processors.artwork.textchecks import count_characters
from processors.artwork.typeface import Typeface, choose_family, directions, runs, signs
from tests.unit.artwork.pictures import simple_area, simple_template

FAMILY = "Noto Sans"
FACE = Typeface(family=FAMILY, size_px=60, weight=400)
ONE_SIGN = ("😀", "👍🏽", "👩‍👩‍👧", "🇩🇪", "1️⃣", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈")


def ink(line: str, anchor: str = "ls", x: int = 300) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    sheet = Image.new("L", (1200, 160))
    FACE.draw(ImageDraw.Draw(sheet), (x, 100), line, 255, anchor)
    return np.asarray(sheet) > 0


def columns(line: str, anchor: str = "ls", x: int = 300) -> tuple[int, int]:
    drawn = np.flatnonzero(ink(line, anchor, x).any(axis=0))
    return int(drawn[0]) - x, int(drawn[-1]) + 1 - x


@pytest.mark.parametrize("sign", ONE_SIGN)
def test_a_composed_emoji_is_one_sign_and_one_glyph(sign: str) -> None:
    assert signs(f"a {sign} b") == (sign,)
    assert [run.text for run in runs(f"a {sign} b", FAMILY) if run.is_emoji] == [sign]
    assert FACE.length(sign) == pytest.approx(FACE.length("😀"), abs=1)


@pytest.mark.parametrize("sign", ONE_SIGN)
def test_a_composed_emoji_counts_as_one_character_and_hides_nothing(pool: SandboxPool, sign: str) -> None:
    assert count_characters(f"a{sign}b") == 3
    assert codes(pool, f"Hi {sign}") == ["text_emoji_one_colour"]


def test_tags_without_a_flag_are_still_hidden_characters(pool: SandboxPool) -> None:
    assert "text_hidden_characters" in codes(pool, "Hi \U000e0067\U000e0062\U000e007f")


def test_a_text_without_emoji_is_one_run() -> None:
    for line in ("Grüße aus Köln 2026 #1 *", "صباح الخير", "© 2026 – naïve", "", "ه\u200d", "می\u200cخواهم", "a\ufe0f"):
        assert [run.is_emoji for run in runs(line, FAMILY)] == [False]


def test_a_selector_decides_whether_a_sign_is_drawn_as_emoji() -> None:
    assert signs("©") == ("©",)
    assert [run.is_emoji for run in runs("©", FAMILY)] == [False]
    assert [run.is_emoji for run in runs("©\ufe0f", FAMILY)] == [True]


@pytest.mark.parametrize("family", fonts.known_families())
def test_the_selector_of_text_prints_nothing_of_its_own(family: str) -> None:
    assert drawn_in(family, "A ♥\ufe0e B") == drawn_in(family, "A ♥ B")


@pytest.mark.parametrize("family", fonts.known_families())
@pytest.mark.parametrize("mark", ["\ufe0e", "\ufe0f", "\u034f"], ids=ascii)
def test_a_mark_that_follows_nothing_is_not_drawn(family: str, mark: str) -> None:
    assert drawn_in(family, mark) == drawn_in(family, "")
    assert drawn_in(family, f"{mark}A") == drawn_in(family, "A")
    assert drawn_in(family, f"😀\ufe0f{mark}A") == drawn_in(family, "😀\ufe0fA")


def drawn_in(family: str, line: str) -> bytes:
    sheet = Image.new("L", (600, 160))
    Typeface(family=family, size_px=60, weight=400).draw(ImageDraw.Draw(sheet), (100, 100), line, 255)
    return sheet.tobytes()


def test_emoji_do_not_change_the_family_of_the_letters() -> None:
    assert choose_family("Hello 😀", ("Roboto", "Heebo")) == ("Roboto", ())
    assert choose_family("שלום 😀", ("Roboto", "Heebo")) == ("Heebo", ())
    assert choose_family("Hello \u4e16", ("Roboto", "Heebo"))[1] == ("\u4e16",)


@pytest.mark.parametrize("anchor", ["ls", "ms", "rs"])
def test_ink_is_where_it_was_measured(anchor: str) -> None:
    for line in ("Sun ☀️ and 😀😀", "😀 first", "שלום 😀"):
        left, _, right, _ = FACE.ink(line, anchor)
        drawn_left, drawn_right = columns(line, anchor, 600)
        assert left - 1 <= drawn_left
        assert drawn_right <= right + 1
        assert abs((right - left) - (drawn_right - drawn_left)) <= 14


def test_in_a_line_of_right_to_left_letters_what_comes_later_stands_left() -> None:
    sign_width = columns("😀")[1]
    after, before = ink("שלום 😀"), ink("😀 שלום")
    glyph = ink("😀")[:, 300 : 300 + sign_width]

    assert np.array_equal(after[:, 300 : 300 + sign_width], glyph)
    assert not np.array_equal(before[:, 300 : 300 + sign_width], glyph)


def test_directions_are_those_of_letters() -> None:
    assert directions("12 😀!") == frozenset()
    assert directions("abc") == {"left"}
    assert directions("שלום abc") == {"left", "right"}


def area_with_text(*families: str) -> TextLayer:
    whole = Box(x_um=0, y_um=0, width_um=60_000, height_um=20_000)
    return TextLayer(name="text", box=whole, fonts=families or ("Noto Sans", "Heebo"))


def codes(pool: SandboxPool, text: str) -> list[str]:
    template = simple_template(simple_area(600, 200, area_with_text()))
    return [found.code for found in check_artwork(pool, None, text, template).findings]


def test_emoji_are_told_to_be_of_one_colour_and_no_text_without_them_is(pool: SandboxPool) -> None:
    assert codes(pool, "I ♥ you") == ["text_emoji_one_colour"]
    assert codes(pool, "Hi 👩‍👩‍👧") == ["text_emoji_one_colour"]
    assert codes(pool, "Hi ©") == []


def test_a_line_of_both_directions_beside_emoji_needs_a_person_and_two_lines_do_not(pool: SandboxPool) -> None:
    assert "text_emoji_between_directions" in codes(pool, "Tel אביב 😀")
    assert "text_emoji_between_directions" not in codes(pool, "Tel 😀\nאביב 😀")
    assert "text_emoji_between_directions" not in codes(pool, "Tel אביב")


def test_a_sign_that_no_font_has_is_named(pool: SandboxPool) -> None:
    template = simple_template(simple_area(600, 200, area_with_text()))
    found = check_artwork(pool, None, "Hi 😀 \u4dc0", template).findings[0]
    assert found.code == "text_glyphs_missing"
    assert "hexagram for the creative heaven" in found.message


def test_emoji_are_printed_in_the_colour_of_the_text(pool: SandboxPool) -> None:
    template = simple_template(simple_area(600, 200, area_with_text()))
    rendered = render_line(pool, None, "😀", template)
    pixels = np.asarray(Image.open(io.BytesIO(rendered.print_png)))
    printed = pixels[pixels[..., 3] == 255]
    assert len(printed) > 500
    assert {tuple(pixel) for pixel in printed[:, :3]} == {(0, 0, 0)}


def test_the_emoji_family_is_shipped_by_a_package() -> None:
    assert EMOJI_FAMILY in fonts.known_families()
    assert len(fonts.code_points(EMOJI_FAMILY)) > 1_300


def test_an_area_without_anything_to_print_is_blocked_and_one_with_a_fixed_text_is_not(pool: SandboxPool) -> None:
    assert codes(pool, "") == ["nothing_to_print"]
    assert codes(pool, " \n ") == ["nothing_to_print"]
    fixed = TextLayer(name="fixed", box=Box(x_um=0, y_um=0, width_um=60_000, height_um=20_000), fixed_text="Hello")
    template = simple_template(simple_area(600, 200, fixed))
    assert check_artwork(pool, None, None, template).findings == ()
