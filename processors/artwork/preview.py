"""The live preview: the same composition as the print file, at the resolution of a screen, in the child process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final, Literal, TypeAlias

from PIL import Image

from processors.artwork.compose import compose
from processors.artwork.drawing import rgb, webp
from processors.artwork.mockup import draw_mockup
from processors.artwork.picture import open_picture
from processors.artwork.press import RenderRequest, place_ingredients, prepared
from processors.artwork.template import UM_PER_INCH, PrintArea

PREVIEW_WIDTH_PX_MAX: Final = 1600
#: Pictures that a child remembers, scaled down; a few megabytes each.
REMEMBERED: Final = 4

View: TypeAlias = Literal["print", "mockup"]


class PreviewRequest(RenderRequest, frozen=True, kw_only=True):
    """What to show, how wide, and whether as the bare print or on the product."""

    width_px: int
    view: View


_remembered: OrderedDict[bytes, Image.Image] = OrderedDict()


def preview(request: PreviewRequest) -> bytes:
    """The picture as WebP. Raises Refused."""
    full = request.template.area(request.area)
    dpi = max(1, round(request.width_px * UM_PER_INCH / (full.width_um + 2 * full.bleed_um)))
    area = full.scaled(dpi)
    picture = None
    if request.original is not None and full.image_layers:
        picture = _small_picture(request, request.original, area)
    parts = place_ingredients(request, area, picture)
    canvas = compose(parts, area).canvas
    if request.view == "mockup":
        return draw_mockup(canvas, request.template, area, request.width_px)
    sheet = Image.new("RGB", canvas.size, rgb(request.template.product.colour))
    sheet.paste(canvas, (0, 0), canvas)
    return webp(sheet, quality=80, method=1)


def _small_picture(request: PreviewRequest, original: bytes, area: PrintArea) -> Image.Image:
    """The buyer's picture, cropped and cut out, with enough pixels for the preview; remembered by its digest."""
    enough_px = round(1.5 * max(area.width_px, area.height_px))
    policies = [layer.remove_background for layer in area.image_layers]
    recipe = repr((enough_px, request.crop, policies, request.remover)).encode()
    key = hashlib.sha256(recipe + b"\0" + original).digest()
    known = _remembered.get(key)
    if known is not None:
        _remembered.move_to_end(key)
        return known
    picture, _ = open_picture(original, request.pixels_max, draft_px=enough_px)
    if request.crop is None and min(picture.size) > enough_px:
        longest = enough_px * max(picture.size) // min(picture.size)
        picture.thumbnail((longest, longest), reducing_gap=1.5)
    picture, _ = prepared(picture, area, request.crop, request.remover)
    _remembered[key] = picture
    while len(_remembered) > REMEMBERED:
        _remembered.popitem(last=False)
    return picture
