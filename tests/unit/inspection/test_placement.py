"""A photograph lies over its print to a tenth of a pixel, whatever stands out most on it, and however bright it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processors.artwork import fonts
from processors.inspection import rules
from processors.inspection.compare import Comparison, compare
from processors.inspection.pixels import edges, smoothed
from processors.inspection.register import SETTLINGS_MAX, warped
from processors.inspection.settle import settling
from tests.unit.inspection.test_compare import SHARE, a_photo, codes

SIDE = 800


def clouds(seed: int, side: int, strength: float) -> Image.Image:
    """Soft colours without any line."""
    cells = np.random.default_rng(seed).uniform(128 - strength, 128 + strength, (40, 40, 3)).astype(np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)


def a_poster() -> Image.Image:
    """A faint picture over white paper with a strong title at its foot."""
    sheet = Image.new("RGBA", (SIDE, SIDE), (253, 252, 250, 255))
    sheet.paste(clouds(3, SIDE, 40).crop((0, 0, SIDE, 620)), (0, 0))
    font = fonts.load("Noto Sans", 90, 700)
    ImageDraw.Draw(sheet).text((SIDE / 2, 710), "Demo day", font=font, anchor="mm", fill=(90, 20, 120, 255))
    return sheet


def looked_at(made: Image.Image, **camera: float) -> Comparison:
    return compare(a_poster(), a_photo(made, **camera), area_share=SHARE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "correction",
    [
        [[1.0, 0.0, 1.3], [0.0, 1.0, -0.8]],
        [[1.006, 0.0, -0.9], [0.0, 0.994, 0.9]],
        [[1.0, -0.008, 1.3], [0.008, 1.0, -1.3]],
    ],
)
def test_three_steps_find_what_is_left_to_about_a_tenth_of_a_pixel(correction: list[list[float]]) -> None:
    wide = clouds(5, 320, 100)
    reference = np.asarray(wide, np.float32)
    wanted = np.array(correction)
    moved = Image.fromarray(warped(wide, _inverse(wanted), wide.size).astype(np.uint8))
    found = np.eye(2, 3)
    for _ in range(SETTLINGS_MAX):
        step = settling(smoothed(edges(reference)), smoothed(edges(warped(moved, found, wide.size))))
        assert step is not None
        found = (np.vstack([found, [0, 0, 1]]) @ np.vstack([step, [0, 0, 1]]))[:2]
    corners = np.array([[0, 0, 1], [320, 0, 1], [0, 320, 1], [320, 320, 1]]).T
    assert float(np.abs(found @ corners - wanted @ corners).max()) < 0.15


def _inverse(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]


def test_pictures_without_edges_say_nothing() -> None:
    assert settling(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)) is None


def test_a_strong_title_does_not_outvote_the_faint_picture_above_it() -> None:
    comparison = looked_at(a_poster(), shift=(0.03, -0.02), turn_degrees=2.0, scale=(0.98, 0.98))  # type: ignore[arg-type]
    measured = comparison.verdict.measured
    assert codes(comparison) == []
    assert measured.stretch_percent < 0.1
    assert measured.turn_degrees == pytest.approx(2.0, abs=0.05)
    assert measured.size_percent == pytest.approx(98.0, abs=0.1)


def test_white_paper_that_is_too_bright_for_the_camera_is_no_defect() -> None:
    comparison = looked_at(a_poster(), light=0.5)
    assert codes(comparison) == []
    assert comparison.verdict.measured.banding_levels < 0.5


def two_texts() -> Image.Image:
    """One text darker than the shirt and one brighter."""
    sheet = Image.new("RGBA", (SIDE, SIDE))
    pen = ImageDraw.Draw(sheet)
    font = fonts.load("Noto Sans", 190, 700)
    for y, colour in ((230, (0, 5, 10)), (570, (110, 170, 240))):
        pen.text((SIDE / 2, y), "HELLO", font=font, anchor="mm", fill=(*colour, 255))
    return sheet


def test_stripes_that_make_one_text_brighter_and_another_darker_are_found() -> None:
    pixels = np.asarray(two_texts()).copy()
    thin = np.arange(SIDE) % 50 < 20
    pixels[:, thin, 3] = pixels[:, thin, 3] * 0.72
    striped = compare(two_texts(), a_photo(Image.fromarray(pixels)), area_share=SHARE)
    assert rules.BANDING in codes(striped)
    assert codes(compare(two_texts(), a_photo(two_texts()), area_share=SHARE)) == []
