"""The picture that shows a person what the comparison saw: what was expected, and the print with its worst places."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from processors.artwork import fonts
from processors.inspection.compare import Comparison
from processors.inspection.measure import TILE_PX
from processors.inspection.pixels import Plane, smoothed_colour
from processors.inspection.rules import BANDING, CHANNELS_SWAPPED, MEANINGS, MIRRORED, FoundDefect

BOXES_MAX: Final = 6
GAP_PX: Final = 12
#: Colour of heat and boxes; where the print is red itself, boxes have a white rim.
HEAT: Final = (255, 32, 32)
WEBP_QUALITY: Final = 82
#: What is written beside the pictures: its font, the height of a line, and the width that the longest line needs.
FONT: Final = "Noto Sans"
FONT_PX: Final = 15
LINE_PX: Final = 26
MARGIN_PX: Final = 6
WIDTH_PX_MIN: Final = 660
INK: Final = (40, 40, 44)
HEAT_INK: Final = (160, 16, 16)
LAID_AS: Final = {MIRRORED: "Print file in a mirror", CHANNELS_SWAPPED: "Print file, channels swapped"}
#: So many times as strong differences are shown where there are stripes.
STRONGER: Final = 3
#: A colour difference of so much is as hot as no similarity at all.
HOT_DELTA_E: Final = 40.0


def difference_picture(comparison: Comparison) -> bytes:
    """A WebP: left the print as it should be, right the photograph with heat where it differs, boxes round the worst.

    A print that passed has heat, faintly, and no boxes. Stripes are seen by no tile alone: where they are all that is
    wrong, differences are shown stronger than they are. What the rules found is written below, with its numbers.
    """
    verdict = comparison.verdict
    codes = [defect.code for defect in verdict.defects]
    has_stripes = codes == [BANDING]
    height, width = comparison.expected.shape[:2]
    expected = _shown(comparison.expected)
    seen = _shown(_stronger(comparison) if has_stripes else comparison.seen)
    lines = [_line(defect) for defect in verdict.defects] or [f"No defect ({verdict.rules_version})."]
    whole = max(2 * width + GAP_PX, WIDTH_PX_MIN), height + (1 + len(lines)) * LINE_PX
    sheet = Image.new("RGB", whole, (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    right = width + GAP_PX
    font = fonts.load(FONT, FONT_PX, 500)
    # What is expected is the print as it was made out to be: a mirror image is laid over a mirror image.
    title = next((LAID_AS[code] for code in codes if code in LAID_AS), "Print file in this light")
    titles = title, f"Photograph, differences shown {STRONGER} times as strong" if has_stripes else "Photograph"
    for x, title in zip((0, right), titles, strict=True):
        pen.text((x + MARGIN_PX, LINE_PX / 2), title, font=font, fill=INK, anchor="lm")
    for number, line in enumerate(lines):
        at = (MARGIN_PX, LINE_PX * (number + 1.5) + height)
        pen.text(at, line, font=font, fill=HEAT_INK if verdict.defects else INK, anchor="lm")
    sheet.paste(expected, (0, LINE_PX))
    heat = Image.fromarray((_heat(comparison) * 200).astype(np.uint8))
    sheet.paste(Image.composite(Image.new("RGB", seen.size, HEAT), seen, heat), (right, LINE_PX))
    if not verdict.passed:
        for x, y in worst_places(comparison):
            for left in (0, right):
                _box(pen, (left, LINE_PX, left + width - 1, LINE_PX + height - 1), x, y)
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=WEBP_QUALITY, method=2)
    return buffer.getvalue()


def _shown(pixels: Plane) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _stronger(comparison: Comparison) -> Plane:
    """The photograph with every difference from the print some times as strong, without its noise."""
    apart = smoothed_colour(comparison.seen - comparison.expected)
    return np.asarray(comparison.expected + STRONGER * apart, np.float32)


def _line(defect: FoundDefect) -> str:
    """One defect in words with its number, such as "Banding: Stripes run along the print. (2.1; threshold 1.1)"."""
    name = defect.code.replace("_", " ").capitalize()
    return f"{name}: {MEANINGS[defect.code]} ({defect.measured:.3g}; threshold {defect.threshold:.3g})"


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


def _box(pen: ImageDraw.ImageDraw, within: tuple[int, int, int, int], x: int, y: int) -> None:
    """A frame round a place of the picture that lies `within` (left, top, right, bottom), cut off at its edge."""
    left, top, right, bottom = within
    for half, colour, width in ((TILE_PX + 1, (255, 255, 255), 4), (TILE_PX, HEAT, 2)):
        corners = (
            max(left, left + x - half),
            max(top, top + y - half),
            min(right, left + x + half),
            min(bottom, top + y + half),
        )
        pen.rectangle(corners, outline=colour, width=width)
