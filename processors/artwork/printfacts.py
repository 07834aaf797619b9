"""Measure how a line will look in print: text against what is behind it, and what comes near the edges.

Runs in the child process on a small composition of the area; a few hundred pixels are enough to see it.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.compose import Ingredients, compose
from processors.artwork.drawing import rgb
from processors.artwork.morphology import dilated
from processors.artwork.template import UM_PER_INCH, PrintArea, Template, TextLayer
from processors.artwork.textlayout import TextLayout, draw_mask

#: The longer side of the small composition, in pixels.
SMALL_PX: Final = 640
#: Alpha from which a pixel counts as printed.
_PRINTED: Final = 128


class TextFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How one text will stand: its setting at print resolution, and how it stands out.

    `contrast` is the WCAG ratio that nine tenths of the text's surroundings reach. `outside_safe` says that ink lies
    outside the safe area.
    """

    layout: TextLayout
    contrast: float
    outside_safe: bool


class EdgeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What happens at the edges, in percent of the longest affected side's length.

    `unfilled_bleed_percent`: the print reaches the cut, but not through the bleed, so a shifted cut shows white.
    `near_edge_percent`: the picture ends between the safe area and the cut.
    """

    unfilled_bleed_percent: float
    near_edge_percent: float


def small_area(area: PrintArea) -> PrintArea:
    """The area at the resolution of the small composition."""
    longest_um = max(area.width_um, area.height_um) + 2 * area.bleed_um
    return area.scaled(max(1, min(area.dpi, round(SMALL_PX * UM_PER_INCH / longest_um))))


def text_facts(
    layer: TextLayer, layout: TextLayout, parts: Ingredients, template: Template, area: PrintArea
) -> TextFacts:
    """Measure one text that is set as `layout` at print resolution."""
    small = small_area(area)
    return text_facts_on(compose(parts, small, below=layer.name).canvas, small, layer, layout, template, area)


def text_facts_on(
    backdrop: Image.Image, small: PrintArea, layer: TextLayer, layout: TextLayout, template: Template, area: PrintArea
) -> TextFacts:
    """The same, where what lies behind the text is composed already, on `small`: the area at a lower resolution."""
    mask, left, top = draw_mask(scaled_layout(layout, small.dpi / area.dpi), layer, small)
    # Only the text's surroundings count.
    box = (max(0, left - 3), max(0, top - 3), left + mask.width + 3, top + mask.height + 3)
    box = (box[0], box[1], min(box[2], backdrop.width), min(box[3], backdrop.height))
    behind = backdrop.crop(box)
    sheet = Image.new("RGB", behind.size, rgb(template.product.colour))
    sheet.paste(behind, (0, 0), behind)
    ink = np.zeros((sheet.height, sheet.width), bool)
    x, y = left - box[0], top - box[1]
    ink[y : y + mask.height, x : x + mask.width] = np.asarray(mask) > _PRINTED // 2
    around = np.asarray(sheet)[dilated(ink, 5)]
    ratio = float(np.percentile(_contrast(around, rgb(layer.colour)), 10)) if around.size else 21.0
    safe_left, safe_top, safe_right, safe_bottom = small.safe_px()
    beyond = ink.copy()
    # A pixel of tolerance: at this size an antialiased edge may touch the line.
    rows = slice(max(0, safe_top - 1 - box[1]), max(0, safe_bottom + 1 - box[1]))
    beyond[rows, max(0, safe_left - 1 - box[0]) : max(0, safe_right + 1 - box[0])] = False
    return TextFacts(layout=layout, contrast=round(ratio, 2), outside_safe=bool(beyond.any()))


def scaled_layout(layout: TextLayout, scale: float) -> TextLayout:
    """The same lines at another resolution."""
    return msgspec.structs.replace(layout, size_px=max(1, round(layout.size_px * scale)))


def edge_facts(parts: Ingredients, area: PrintArea) -> EdgeFacts:
    """Measure the edges of the pictures and shapes; text has its own fact."""
    small = msgspec.structs.replace(small_area(area), transparent=True)
    layers = tuple(layer for layer in small.layers if not isinstance(layer, TextLayer))
    alpha = compose(parts, msgspec.structs.replace(small, layers=layers)).canvas.getchannel("A")
    printed = np.asarray(alpha) >= _PRINTED
    unfilled, near = 0.0, 0.0
    left, top, right, bottom = small.trim_px()
    safe_left, safe_top, safe_right, safe_bottom = small.safe_px()
    # Each side as (line just inside the cut, outermost line of the bleed, the band up to the safe area).
    height, width = printed.shape
    right, bottom = min(right, width), min(bottom, height)
    sides = (
        (printed[:, left], printed[:, 0], printed[:, left:safe_left]),
        (printed[:, right - 1], printed[:, -1], printed[:, safe_right:right]),
        (printed[top, :], printed[0, :], printed[top:safe_top, :].T),
        (printed[bottom - 1, :], printed[-1, :], printed[safe_bottom:bottom, :].T),
    )
    for cut, outermost, band in sides:
        if area.bleed_um:
            unfilled = max(unfilled, _percent(cut & ~outermost))
        if band.shape[1]:
            near = max(near, _percent(band.any(axis=1) & ~cut))
    return EdgeFacts(unfilled_bleed_percent=round(unfilled, 1), near_edge_percent=round(near, 1))


def _percent(line: NDArray[np.bool_]) -> float:
    return 100 * float(line.mean())


def _luminance(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    part = pixels / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]), np.float64)


def _contrast(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """The WCAG contrast ratio of each pixel with a colour."""
    behind = _luminance(pixels.astype(np.float64))
    own = float(_luminance(np.array([colour], np.float64))[0])
    return (np.maximum(behind, own) + 0.05) / (np.minimum(behind, own) + 0.05)
