"""Golden pictures: print files, decoded, beside pictures that were made by other means.

Placement, scaling, turning and blending are written down a second time in `straight`; text is set by Pango. What is
compared are the pixels that a reader of the print file gets.
"""

from __future__ import annotations

import hashlib
import io
from typing import get_args

import numpy as np
import pytest
import pyvips
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image

from processors.artwork import fonts
from processors.artwork.compose import Ingredients, compose
from processors.artwork.placement import Crop
from processors.artwork.press import prepared, print_png
from processors.artwork.template import (
    ArtLayer,
    Blend,
    Box,
    Fit,
    Horizontal,
    ImageLayer,
    PrintArea,
    TextLayer,
    Vertical,
)
from tests.unit.artwork import straight
from tests.unit.artwork.pictures import encoded, noisy, simple_area
from tests.unit.artwork.straight import Floats

CANVAS = (300, 200)
BOX_PX = (40, 30, 240, 170)
BOX = Box(x_um=4_000, y_um=3_000, width_um=20_000, height_um=14_000)
WHOLE = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)
SHARES = {"left": 0.0, "top": 0.0, "centre": 0.5, "middle": 0.5, "right": 1.0, "bottom": 1.0}


def printed(parts: Ingredients, area: PrintArea) -> Floats:
    """The pixels of the print file."""
    return straight.rgba(Image.open(io.BytesIO(print_png(compose(parts, area).sheet, area))))


def picture_area(**options: object) -> PrintArea:
    return simple_area(*CANVAS, ImageLayer(name="picture", box=BOX, **options))  # type: ignore[arg-type]


def levels_apart(ours: Floats, golden: Floats) -> Floats:
    """How far our pixels are from premultiplied golden ones, in levels of 255."""
    return np.asarray(np.abs(straight.premultiplied(ours) - golden), np.float64)


def assert_equal_to_rounding(ours: Floats, golden: Floats) -> None:
    """Pillow keeps whole levels between its passes and conversions: up to three levels apart, mostly none."""
    apart = levels_apart(ours, golden)
    assert (apart.max() <= 3, apart.mean() <= 0.5) == (True, True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(500, 260), (60, 90), (200, 140), (1, 7)], ids=str)
@pytest.mark.parametrize("fit", get_args(Fit))
def test_every_fit_is_the_lanczos_scaling_of_the_definition(fit: Fit, size: tuple[int, int], mode: str) -> None:
    source = noisy(*size, mode)
    golden = straight.fitted(straight.rgba(source), fit, BOX_PX, CANVAS, (0.5, 0.5))
    ours = printed(Ingredients(picture=source), picture_area(fit=fit))
    assert_equal_to_rounding(ours, golden)


@pytest.mark.parametrize("align", get_args(Horizontal))
@pytest.mark.parametrize("vertical", get_args(Vertical))
@pytest.mark.parametrize("fit", ["fill", "fit"])
def test_a_picture_stands_where_it_is_aligned(fit: Fit, align: Horizontal, vertical: Vertical) -> None:
    for size in ((500, 260), (120, 400)):
        source = noisy(*size)
        golden = straight.fitted(straight.rgba(source), fit, BOX_PX, CANVAS, (SHARES[align], SHARES[vertical]))
        ours = printed(Ingredients(picture=source), picture_area(fit=fit, align=align, vertical_align=vertical))
        assert_equal_to_rounding(ours, golden)


@pytest.mark.parametrize("fit", get_args(Fit))
def test_a_buyers_crop_is_placed_like_a_picture_of_that_part(fit: Fit) -> None:
    source = noisy(640, 480, "RGBA")
    crop = Crop(x_permille=125, y_permille=250, width_permille=500, height_permille=375)
    area = picture_area(fit=fit)
    picture, _ = prepared(source, area, crop)
    golden = straight.fitted(straight.rgba(source)[120:300, 80:400], fit, BOX_PX, CANVAS, (0.5, 0.5))
    assert_equal_to_rounding(printed(Ingredients(picture=picture), area), golden)


def test_a_large_picture_that_is_scaled_in_tiles_has_no_seams() -> None:
    source = noisy(700, 500, "RGBA")
    whole = Box(x_um=0, y_um=0, width_um=150_000, height_um=120_000)
    area = simple_area(1500, 1200, ImageLayer(name="picture", box=whole, fit="stretch"))
    golden = straight.lanczos(straight.premultiplied(straight.rgba(source)), 1500, 1200, (0, 0, 700, 500))
    assert_equal_to_rounding(printed(Ingredients(picture=source), area), golden)


@pytest.mark.parametrize("degrees", [0.0, 90.0, 180.0, 270.0, 30.0, -30.0, 44.9, 45.0, 100.0, 200.0, -133.0, 359.0])
def test_a_turned_picture_shows_every_point_where_the_rotation_puts_it(degrees: float) -> None:
    # Given a picture that is a formula, so that its golden rotation needs no scaling and no sampling,
    source = straight.wave_picture(280, 160)
    area = picture_area(rotation_degrees=degrees)
    angle = np.radians(degrees)
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    scale = min(200 / (280 * cos + 160 * sin), 140 / (280 * sin + 160 * cos))
    golden, inside = straight.turned_waves((280 * scale, 160 * scale), degrees, BOX_PX, CANVAS)
    pixels = printed(Ingredients(picture=source), area)
    opaque = pixels[..., 3] == 255
    # then what is opaque is the turned rectangle to within its edge, and every colour is that of its point.
    edge = 2 * (280 + 160) * scale
    assert np.count_nonzero(opaque ^ inside) <= 2 * edge
    both = opaque & inside
    assert both.sum() > 0.9 * inside.sum()
    # Rounding to whole pixels moves the picture by up to one, which is up to three levels of these waves.
    assert np.abs(pixels[..., :3] - golden)[both].max() <= 5
    assert np.abs(pixels[..., :3] - golden)[both].mean() <= 1


def translucent(seed: int, cover: int) -> Image.Image:
    picture = noisy(*CANVAS, seed=seed).convert("RGBA")
    picture.putalpha(cover)
    return picture


@pytest.mark.parametrize("opacity", [100, 50, 7])
@pytest.mark.parametrize("blend", get_args(Blend))
@pytest.mark.parametrize(("cover_below", "cover"), [(255, 255), (255, 128), (128, 255), (128, 128), (0, 200)])
def test_blending_is_that_of_the_specification(blend: Blend, opacity: int, cover_below: int, cover: int) -> None:
    below, above = translucent(1, cover_below), translucent(2, cover)
    asset = hashlib.sha256(encoded(above)).hexdigest()
    layers = (
        ImageLayer(name="picture", box=WHOLE, fit="stretch"),
        ArtLayer(name="art", box=WHOLE, asset=asset, fit="stretch", blend=blend, opacity_percent=opacity),
    )
    ours = printed(Ingredients(picture=below, art={asset: above}), simple_area(*CANVAS, *layers))
    golden = straight.blended(straight.rgba(below), straight.rgba(above), blend, opacity / 100)
    # Each step keeps whole levels; colours of hardly visible pixels are compared by what they add.
    assert levels_apart(ours, golden).max() <= 3
    assert levels_apart(ours, golden).mean() <= 1


def text_area(**options: object) -> PrintArea:
    layer = TextLayer(name="text", **({"box": BOX, "size_um": 3_000, "min_size_um": 1_000} | options))  # type: ignore[arg-type]
    return simple_area(*CANVAS, layer)


def ink_box(pixels: Floats) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is printed, to a part of a pixel by how much of the outermost is covered."""
    cover = pixels[..., 3] / 255
    columns, rows = cover.max(axis=0), cover.max(axis=1)
    x, y = np.flatnonzero(columns > 0), np.flatnonzero(rows > 0)
    return (
        x[0] + 1 - columns[x[0]],
        y[0] + 1 - rows[y[0]],
        x[-1] + columns[x[-1]],
        y[-1] + rows[y[-1]],
    )


@pytest.mark.parametrize("align", get_args(Horizontal))
@pytest.mark.parametrize("vertical", get_args(Vertical))
def test_letters_stand_where_the_fonts_own_numbers_put_them(align: Horizontal, vertical: Vertical) -> None:
    # Given the outline of a letter as the font file has it, at 30 pixels an em,
    with TTFont(fonts.font_path("Noto Sans")) as font:
        outline, (advance, bearing) = font["glyf"]["H"], font["hmtx"]["H"]
        ascent, descent, em = font["hhea"].ascent, -font["hhea"].descent, font["head"].unitsPerEm
    px = 30 / em
    ascent_px, descent_px = np.ceil(ascent * px), np.ceil(descent * px)
    # when three of them are set in a box of 200 × 140,
    left, top, right, bottom = ink_box(
        printed(Ingredients(text="HHH"), text_area(align=align, vertical_align=vertical))
    )
    # then the pen starts so far right, and the line so far down, as the alignment says.
    pen = BOX_PX[0] + (200 - 3 * advance * px) * SHARES[align]
    line = BOX_PX[1] + (140 - ascent_px - descent_px) * SHARES[vertical]
    assert left == pytest.approx(pen + bearing * px, abs=1)
    assert right == pytest.approx(pen + (2 * advance + outline.xMax) * px, abs=1.5)
    assert bottom == pytest.approx(line + ascent_px, abs=1)
    assert top == pytest.approx(line + ascent_px - outline.yMax * px, abs=1)


@pytest.mark.parametrize("spacing", [80, 120, 200])
def test_lines_are_apart_by_their_spacing(spacing: int) -> None:
    one = ink_box(printed(Ingredients(text="HH"), text_area(vertical_align="top", line_spacing_percent=spacing)))
    two = ink_box(printed(Ingredients(text="HH\nHH"), text_area(vertical_align="top", line_spacing_percent=spacing)))
    assert two[1] == one[1]
    assert two[3] - one[3] == pytest.approx(30 * spacing / 100, abs=0.01)


def trimmed(ink: NDArray[np.uint8]) -> Image.Image:
    rows, columns = np.flatnonzero((ink > 40).any(axis=1)), np.flatnonzero((ink > 40).any(axis=0))
    return Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def set_by_pango(words: str, family: str, size_px: int) -> Image.Image:
    mask = pyvips.Image.text(words, font=f"{family} {size_px}", fontfile=fonts.font_path(family), dpi=72)
    return trimmed(np.ndarray(buffer=mask.write_to_memory(), dtype=np.uint8, shape=(mask.height, mask.width)))


def set_by_us(words: str, family: str, size_px: int) -> Image.Image:
    whole = Box(x_um=0, y_um=0, width_um=120_000, height_um=20_000)
    layer = TextLayer(name="text", box=whole, fonts=(family,), size_um=size_px * 100)
    pixels = printed(Ingredients(text=words), simple_area(1200, 200, layer))
    return trimmed(pixels[..., 3].astype(np.uint8))


def likeness(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two inks at a size where hinting no longer shows, from -1 to 1."""
    size = (one.width // 3, one.height // 3)
    first, second = (np.asarray(ink.resize(size, Image.Resampling.BOX), np.float64).ravel() for ink in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


WORDS = {
    "ligatures": ("office affluent", "Noto Serif"),
    "ligatures of another font": ("office affluent fjord", "Playfair Display"),
    "kerning": ("AVATAR To Yes", "Noto Sans"),
    "accents": ("Zoë Ångström Łódź", "Noto Sans"),
    "accents as marks of their own": ("Zoe\u0308 A\u030angstro\u0308m", "Noto Sans"),
    "accents upon accents": ("Việt ếặ ỗ", "Noto Sans"),
    "Hebrew": ("שלום עולם", "Heebo"),
    "Hebrew with numbers and brackets": ("מזל טוב (2026)!", "Heebo"),
    "both directions": ("abc שלום 123", "Heebo"),
    "Arabic": ("محمد صلى", "Noto Sans Arabic"),
    "Arabic ligatures": ("لا الله محمد", "Amiri"),
    "a script font": ("Quick fjord", "Pacifico"),
    "Greek": ("Ελληνικά", "Noto Sans"),
    "Cyrillic": ("Привет мир", "Noto Sans"),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_are_shaped_as_pango_shapes_them(name: str) -> None:
    words, family = WORDS[name]
    ours, golden = set_by_us(words, family, 60), set_by_pango(words, family, 60)
    assert ours.width == pytest.approx(golden.width, abs=3 + golden.width * 0.01)
    assert ours.height == pytest.approx(golden.height, abs=2)
    assert likeness(ours, golden) > 0.95


def test_wrong_shaping_would_be_seen() -> None:
    # Given Hebrew from left to right, and Arabic whose letters do not join, Pango's setting of the right words differs.
    assert likeness(set_by_us("שלום עולם"[::-1], "Heebo", 60), set_by_pango("שלום עולם", "Heebo", 60)) < 0.5
    apart = "\u200c".join("محمد")
    assert likeness(set_by_us(apart, "Noto Sans Arabic", 60), set_by_pango("محمد", "Noto Sans Arabic", 60)) < 0.5


def test_a_ligature_is_one_glyph_and_a_joiner_keeps_it_apart() -> None:
    together, apart = set_by_us("fi", "Noto Serif", 120), set_by_us("f\u200ci", "Noto Serif", 120)
    assert together.tobytes() != apart.tobytes()
    assert set_by_us("A\u030a", "Noto Sans", 90).tobytes() == set_by_us("Å", "Noto Sans", 90).tobytes()
