"""Each planted defect is found and named; what a camera does to a good print is not taken for a defect."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from processors.artwork import fonts
from processors.inspection import rules
from processors.inspection.compare import Comparison, Measured, compare, judged
from processors.inspection.picture import GAP_PX, LINE_PX, difference_picture, worst_places
from processors.inspection.rules import MEANINGS, RULES

SHARE = 0.8
SHIRT = (30, 60, 110)
Change = Callable[[Image.Image], Image.Image]


@lru_cache(maxsize=2)
def a_print(text: str = "HELLO") -> Image.Image:
    """A made-up design on nothing: two shapes and a text."""
    sheet = Image.new("RGBA", (800, 800))
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((80, 60, 520, 480), fill=(240, 150, 30, 255))
    pen.rectangle((420, 260, 740, 520), fill=(230, 230, 90, 255))
    pen.text((400, 660), text, font=fonts.load("Noto Sans", 150, 700), anchor="mm", fill=(250, 240, 230, 255))
    return sheet


def a_photo(
    made: Image.Image,
    *,
    scale: tuple[float, float] = (1.0, 1.0),
    shift: tuple[float, float] = (0.0, 0.0),
    turn_degrees: float = 0.0,
    light: float = 0.0,
    noise: float = 1.0,
    quality: int = 90,
    blur: float = 0.6,
) -> Image.Image:
    """A photograph, 800 pixels wide, of a print on a shirt; `shift` in shares of it, `light` from edge to edge."""
    side = 800
    turn = np.radians(turn_degrees)
    linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * made.width / (side * SHARE)
    linear /= np.array(scale)[:, None]
    centre = side * (np.array([0.5, 0.5]) + shift)
    data = np.column_stack([linear, np.array(made.size) / 2 - linear @ centre])
    laid = made.transform((side, side), Image.Transform.AFFINE, tuple(data.ravel()), Image.Resampling.BICUBIC)
    sheet = Image.new("RGBA", (side, side), (*SHIRT, 255))
    sheet.alpha_composite(laid)
    blurred = np.asarray(sheet.convert("RGB").filter(ImageFilter.GaussianBlur(blur)), np.float32)
    lit = blurred * np.linspace(1 - light, 1 + light / 2, side, dtype=np.float32)[None, :, None]
    grain = np.random.default_rng(5).normal(0, noise, lit.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(lit + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def found(made: Image.Image, **camera: object) -> Comparison:
    return compare(a_print(), a_photo(made, **camera), area_share=SHARE)  # type: ignore[arg-type]


def codes(comparison: Comparison) -> list[str]:
    return [defect.code for defect in comparison.verdict.defects]


@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"shift": (0.04, -0.03)},
        {"scale": (0.97, 0.97), "shift": (-0.02, 0.02)},
        {"scale": (1.03, 1.03)},
        {"turn_degrees": 2.5},
        {"turn_degrees": -2.5, "scale": (0.98, 0.98)},
        {"light": 0.3},
        {"noise": 8.0},
        {"quality": 55},
        {"blur": 1.6},
        {"blur": 2.4},
        {"shift": (0.03, 0.03), "turn_degrees": 2.0, "light": 0.2, "noise": 5.0, "quality": 70},
    ],
)
def test_a_good_print_passes_however_it_was_photographed(camera: dict[str, object]) -> None:
    comparison = found(a_print(), **camera)
    assert codes(comparison) == []
    assert comparison.verdict.passed


def without_text(made: Image.Image) -> Image.Image:
    return a_print("")


def other_text(made: Image.Image) -> Image.Image:
    return a_print("GOODBYE")


def with_swapped_channels(made: Image.Image) -> Image.Image:
    red, green, blue, opacity = made.split()
    return Image.merge("RGBA", (blue, green, red, opacity))


def mirrored(made: Image.Image) -> Image.Image:
    return made.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def striped(made: Image.Image) -> Image.Image:
    pixels = np.asarray(made).copy()
    thin = np.arange(800) % 40 < 12
    pixels[thin, :, 3] = pixels[thin, :, 3] * 0.8
    return Image.fromarray(pixels)


def with_a_cast(made: Image.Image) -> Image.Image:
    pixels = np.asarray(made, np.float32).copy()
    pixels[..., 2] = pixels[..., 2] * 0.4 + 120
    return Image.fromarray(pixels.astype(np.uint8))


def another_design(made: Image.Image) -> Image.Image:
    sheet = Image.new("RGBA", (800, 800))
    pen = ImageDraw.Draw(sheet)
    for row in range(6):
        pen.polygon([(60, 130 * row), (700, 130 * row + 30), (300, 130 * row + 110)], fill=(220, 220, 220, 255))
    return sheet


def stained(made: Image.Image) -> Image.Image:
    sheet = made.copy()
    ImageDraw.Draw(sheet).ellipse((560, 80, 700, 200), fill=(250, 250, 250, 255))
    return sheet


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (without_text, rules.PART_MISSING),
        (other_text, rules.PART_MISSING),
        (with_swapped_channels, rules.CHANNELS_SWAPPED),
        (mirrored, rules.MIRRORED),
        (striped, rules.BANDING),
        (with_a_cast, rules.COLOUR_CAST),
        (another_design, rules.WRONG_DESIGN),
        (stained, rules.DIFFERENT),
    ],
)
def test_a_defect_is_found_and_named_with_its_number(change: Change, code: str) -> None:
    comparison = found(change(a_print()), shift=(0.02, 0.01), turn_degrees=1.0, light=0.15, noise=3.0)
    assert code in codes(comparison)
    defect = next(one for one in comparison.verdict.defects if one.code == code)
    assert defect.measured != defect.threshold
    assert not comparison.verdict.passed


@pytest.mark.parametrize("scale", [(0.88, 0.88), (1.15, 1.15), (1.1, 1.0), (1.0, 1.1)])
def test_a_print_of_the_wrong_size_is_found(scale: tuple[float, float]) -> None:
    assert codes(found(a_print(), scale=scale)) == [rules.WRONG_SIZE]


def test_without_a_fixed_camera_the_size_is_not_judged_but_the_shape_is() -> None:
    smaller = compare(a_print(), a_photo(a_print(), scale=(0.88, 0.88)))
    assert (codes(smaller), smaller.verdict.measured.size_percent) == ([], 0.0)
    assert codes(compare(a_print(), a_photo(a_print(), scale=(1.1, 1.0)))) == [rules.WRONG_SIZE]


def test_the_same_pictures_get_the_same_verdict() -> None:
    assert found(stained(a_print())).verdict == found(stained(a_print())).verdict


@pytest.mark.parametrize("side", [1, 15, 40])
def test_a_photograph_with_almost_no_pixels_shows_another_design_and_is_no_error(side: int) -> None:
    assert not compare(a_print(), Image.new("RGB", (side, side))).verdict.passed


def test_a_photograph_of_nothing_shows_another_design() -> None:
    assert codes(compare(a_print(), Image.new("RGB", (500, 700), (200, 200, 200)))) == [rules.WRONG_DESIGN]


def test_an_empty_print_agrees_with_an_empty_product() -> None:
    empty = Image.new("RGBA", (400, 300))
    assert compare(empty, Image.new("RGB", (500, 400), SHIRT)).verdict.measured.kept_min == 1.0


def test_the_difference_picture_shows_both_and_marks_the_place() -> None:
    comparison = found(without_text(a_print()))
    picture = Image.open(io.BytesIO(difference_picture(comparison)))
    height, width = comparison.expected.shape[:2]
    # Both pictures side by side, a title above them and a line for the one defect below.
    assert (picture.format, picture.size) == ("WEBP", (2 * width + GAP_PX, height + 2 * LINE_PX))
    assert all(y > 0.7 * height for _, y in worst_places(comparison))
    assert worst_places(comparison)


def test_a_good_print_has_no_place_marked() -> None:
    assert worst_places(found(a_print())) == []


def test_thresholds_decide_and_every_defect_has_its_meaning() -> None:
    good = Measured(agreement=0.9, mirrored_gain=0.0, size_percent=100, stretch_percent=0, turn_degrees=0)
    assert judged(good) == ()
    assert {code for code in vars(rules).values() if isinstance(code, str) and code in MEANINGS} == set(MEANINGS)
    strict = type(RULES)(agreement_min=0.95)
    assert [defect.code for defect in judged(good, strict)] == [rules.WRONG_DESIGN]
