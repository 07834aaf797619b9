"""The picture that shows a person what the comparison saw: what was expected, and the print with its worst places."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from processors.inspection.compare import Comparison
from processors.inspection.measure import TILE_PX
from processors.inspection.pixels import Plane

BOXES_MAX: Final = 6
GAP_PX: Final = 12
#: Colour of heat and boxes; where the print is red itself, boxes have a white rim.
HEAT: Final = (255, 32, 32)
WEBP_QUALITY: Final = 82
#: A colour difference of so much is as hot as no similarity at all.
HOT_DELTA_E: Final = 40.0


def difference_picture(comparison: Comparison) -> bytes:
    """A WebP: left the print as it should be, right the photograph with heat where it differs, boxes round the worst.

    A print that passed has heat, faintly, and no boxes.
    """
    expected, seen = (
        Image.fromarray(np.clip(side, 0, 255).astype(np.uint8)) for side in (comparison.expected, comparison.seen)
    )
    height, width = comparison.expected.shape[:2]
    sheet = Image.new("RGB", (2 * width + GAP_PX, height), (255, 255, 255))
    sheet.paste(expected, (0, 0))
    heat = Image.fromarray((_heat(comparison) * 200).astype(np.uint8))
    sheet.paste(Image.composite(Image.new("RGB", seen.size, HEAT), seen, heat), (width + GAP_PX, 0))
    if not comparison.verdict.passed:
        pen = ImageDraw.Draw(sheet)
        for x, y in worst_places(comparison):
            for offset in (0, width + GAP_PX):
                _box(pen, x + offset, y)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=WEBP_QUALITY, method=2)
    return buffer.getvalue()


def worst_places(comparison: Comparison) -> list[tuple[int, int]]:
    """Middles (x, y) of the worst tiles, none within another's box, the worst first."""
    badness = _badness(comparison).copy()
    places: list[tuple[int, int]] = []
    for _ in range(BOXES_MAX):
        row, column = (int(index) for index in np.unravel_index(int(badness.argmax()), badness.shape))
        if badness[row, column] < 0.5 or (places and badness[row, column] < 0.6 * _badness(comparison).max()):
            break
        places.append(comparison.tiles.centre(row, column))
        badness[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5] = 0
    return places


def _badness(comparison: Comparison) -> Plane:
    """How bad each tile is, 0 to about 1: contrast that is not there, structure or colour that differs."""
    tiles = comparison.tiles
    parts = [1 - tiles.kept, 1 - tiles.similarity, tiles.difference / HOT_DELTA_E]
    return np.asarray(np.clip(np.maximum.reduce(parts), 0, 1), np.float32)


def _heat(comparison: Comparison) -> Plane:
    """Opacity of the heat, 0 to 1, a pixel each."""
    size = comparison.expected.shape[1::-1]
    badness = Image.fromarray(np.clip(_badness(comparison) * 255, 0, 255).astype(np.uint8))
    smooth = np.asarray(badness.resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    return np.asarray(np.clip((smooth - 0.35) / 0.5, 0, 1), np.float32)


def _box(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    half = TILE_PX
    pen.rectangle((x - half - 1, y - half - 1, x + half + 1, y + half + 1), outline=(255, 255, 255), width=4)
    pen.rectangle((x - half, y - half, x + half, y + half), outline=HEAT, width=2)
