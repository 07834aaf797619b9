"""Measure a picture and the setting of a text, in the child process. Judging the numbers is `checks`' work."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.background import border_spread
from processors.artwork.compose import layer_text
from processors.artwork.lists import perceptual_hash
from processors.artwork.morphology import dilated, eroded
from processors.artwork.morphology import opened as opened_mask
from processors.artwork.picture import Opened, open_picture
from processors.artwork.placement import place
from processors.artwork.press import RenderRequest, place_ingredients, prepared
from processors.artwork.printfacts import SMALL_PX, EdgeFacts, TextFacts, edge_facts, text_facts
from processors.artwork.template import UM_PER_INCH, PrintArea
from processors.artwork.textlayout import lay_out

#: Alpha at or under this is invisible, at or over 255 minus this is opaque: encoders do not hit the ends exactly.
ALPHA_MARGIN: Final = 12
#: Half-transparent pixels count where a square of this side is filled by them: an antialiased edge is not.
EDGE_PX: Final = 5
#: Alpha is measured on at most this many pixels, chosen evenly.
MEASURED_PIXELS: Final = 4_000_000
#: Strokes are measured at the picture's own resolution up to this size.
STROKE_PIXELS_MAX: Final = 16_000_000


class PictureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on the picture (after the buyer's crop). Shares are of all pixels, from 0 to 100.

    `thin_percent` is the share of the visible pixels in strokes thinner than the area's press can hold.
    `border_spread` is there where the template wants the background cut away and it is opaque, and then
    `background_removed` says whether it is, and `remover` by whose means (empty: by the classical ones).
    """

    opened: Opened
    used_width_px: int
    used_height_px: int
    visible_percent: float
    semi_transparent_percent: float
    thin_percent: float
    border_spread: float | None
    phash: str
    background_removed: bool = False
    remover: str = ""


class MeasureRequest(RenderRequest, frozen=True, kw_only=True):
    """What the child is asked to measure: the same inputs as for a render."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The picture's facts (None without one), the texts' by layer name, and the edges'."""

    picture: PictureFacts | None
    texts: dict[str, TextFacts]
    edges: EdgeFacts | None


def measure(request: MeasureRequest) -> Measured:
    """Open the picture, if any, set the text, and look at a small composition. Raises Refused."""
    area = request.template.area(request.area)
    facts, picture = None, None
    if request.original is not None:
        image, opened = open_picture(request.original, request.pixels_max)
        if request.crop is not None:
            image = image.crop(request.crop.box(image.width, image.height))
        facts = picture_facts(image, opened, area)
        picture, removed = small_picture(image, area, request.remover)
        facts = msgspec.structs.replace(facts, background_removed=removed, remover=request.remover)
        del image
    layouts = {
        layer.name: (layer, lay_out(words, layer, area))
        for layer in area.text_layers
        if (words := layer_text(layer, request.text))
    }
    parts = place_ingredients(request, area, picture) if picture is not None or layouts else None
    if parts is None:
        return Measured(picture=facts, texts={}, edges=None)
    texts = {
        name: text_facts(layer, layout, parts, request.template, area) for name, (layer, layout) in layouts.items()
    }
    return Measured(picture=facts, texts=texts, edges=edge_facts(parts, area))


def small_picture(image: Image.Image, area: PrintArea, remover: str) -> tuple[Image.Image, bool]:
    """The picture for the small composition, and whether its background was cut away as it will be for the print."""
    factor = max(image.size) // (2 * SMALL_PX)
    return prepared(image.reduce(factor) if factor > 1 else image, area, None, remover)


def picture_facts(image: Image.Image, opened: Opened, area: PrintArea) -> PictureFacts:
    """Measure a picture after the buyer's crop."""
    visible_percent, semi_percent, thin_percent = 100.0, 0.0, 0.0
    if image.mode == "RGBA":
        channel = image.getchannel("A")
        alpha = sampled(channel)
        visible = alpha > ALPHA_MARGIN
        semi = eroded(visible & (alpha < 255 - ALPHA_MARGIN), EDGE_PX)
        visible_percent = round(100 * float(visible.mean()), 3)
        semi_percent = round(100 * float(semi.mean()), 3)
        thin_percent = round(_thin_percent(channel, area), 3)
    wants_cut = any(layer.remove_background == "when_safe" for layer in area.image_layers)
    return PictureFacts(
        opened=opened,
        used_width_px=image.width,
        used_height_px=image.height,
        visible_percent=visible_percent,
        semi_transparent_percent=semi_percent,
        thin_percent=thin_percent,
        border_spread=round(border_spread(image), 2) if wants_cut and image.mode == "RGB" else None,
        phash=perceptual_hash(image),
    )


def _thin_percent(alpha: Image.Image, area: PrintArea) -> float:
    """The share of the printed pixels that no square of the smallest printable stroke covers."""
    if not area.image_layers:
        return 0.0
    # The layer where the picture is printed smallest decides.
    dpi = max(place(alpha.width, alpha.height, layer, area).effective_dpi(area.dpi) for layer in area.image_layers)
    if alpha.width * alpha.height > STROKE_PIXELS_MAX:
        factor = math.ceil((alpha.width * alpha.height / STROKE_PIXELS_MAX) ** 0.5)
        alpha, dpi = alpha.reduce(factor), dpi / factor
    side = round(area.min_stroke_um * dpi / UM_PER_INCH)
    if side < 2:
        return 0.0
    printed = np.asarray(alpha) >= 128
    # Antialiasing and the square's corners leave single pixels along any edge: those do not count.
    thin = printed & ~dilated(opened_mask(printed, side), 3)
    return 100 * float(thin.sum()) / max(1, int(printed.sum()))


def sampled(channel: Image.Image) -> NDArray[np.uint8]:
    """A channel as an array, thinned out evenly to at most MEASURED_PIXELS; values are never mixed."""
    pixels = channel.width * channel.height
    if pixels > MEASURED_PIXELS:
        scale = (MEASURED_PIXELS / pixels) ** 0.5
        size = (max(1, int(channel.width * scale)), max(1, int(channel.height * scale)))
        channel = channel.resize(size, Image.Resampling.NEAREST)
    return np.asarray(channel, np.uint8)
