"""Measure a picture and the setting of a text, in the child process. Judging the numbers is `checks`' work."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.compose import layer_text
from processors.artwork.picture import Opened, open_picture
from processors.artwork.template import PrintArea
from processors.artwork.textlayout import TextLayout, lay_out

#: Alpha at or under this is invisible, at or over 255 minus this is opaque: encoders do not hit the ends exactly.
ALPHA_MARGIN: Final = 12
#: Half-transparent pixels count where a square of this side is filled by them: an antialiased edge is not.
EDGE_PX: Final = 5
#: Alpha is measured on at most this many pixels, chosen evenly.
MEASURED_PIXELS: Final = 4_000_000


class PictureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on the picture. Shares are of all pixels, from 0 to 100."""

    opened: Opened
    visible_percent: float
    semi_transparent_percent: float


class MeasureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is asked to measure."""

    original: bytes | None
    text: str | None
    area: PrintArea
    pixels_max: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The picture's facts (None without one) and how the buyer's text would be set, by layer name."""

    picture: PictureFacts | None
    texts: dict[str, TextLayout]


def measure(request: MeasureRequest) -> Measured:
    """Open the picture, if any, and set the text. Raises Refused."""
    picture = None
    if request.original is not None:
        image, opened = open_picture(request.original, request.pixels_max)
        picture = _picture_facts(image, opened)
    texts = {
        layer.name: lay_out(words, layer, request.area)
        for layer in request.area.text_layers
        if (words := layer_text(layer, request.text))
    }
    return Measured(picture=picture, texts=texts)


def _picture_facts(image: Image.Image, opened: Opened) -> PictureFacts:
    if image.mode != "RGBA":
        return PictureFacts(opened=opened, visible_percent=100.0, semi_transparent_percent=0.0)
    alpha = sampled(image.getchannel("A"))
    visible = alpha > ALPHA_MARGIN
    semi = eroded(visible & (alpha < 255 - ALPHA_MARGIN), EDGE_PX)
    return PictureFacts(
        opened=opened,
        visible_percent=round(100 * float(visible.mean()), 3),
        semi_transparent_percent=round(100 * float(semi.mean()), 3),
    )


def sampled(channel: Image.Image) -> NDArray[np.uint8]:
    """A channel as an array, thinned out evenly to at most MEASURED_PIXELS; values are never mixed."""
    pixels = channel.width * channel.height
    if pixels > MEASURED_PIXELS:
        scale = (MEASURED_PIXELS / pixels) ** 0.5
        size = (max(1, int(channel.width * scale)), max(1, int(channel.height * scale)))
        channel = channel.resize(size, Image.Resampling.NEAREST)
    return np.asarray(channel, np.uint8)


def eroded(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The mask's pixels around which a whole square of that (odd) side belongs to it."""
    rows, columns = mask.shape
    if rows < side or columns < side:
        return np.zeros_like(mask)
    half = side // 2
    across = mask[:, : columns - side + 1].copy()
    for shift in range(1, side):
        across &= mask[:, shift : columns - side + 1 + shift]
    both = across[: rows - side + 1].copy()
    for shift in range(1, side):
        both &= across[shift : rows - side + 1 + shift]
    result = np.zeros_like(mask)
    result[half : half + both.shape[0], half : half + both.shape[1]] = both
    return result
