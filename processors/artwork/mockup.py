"""The mock-up: the print on a picture of the product, so that a buyer sees what will arrive.

The product is drawn here by arithmetic (`mockup_tee`, `mockup_mug`, `mockup_wall`), or it is an operator's photograph
that the template names (`mockup_photo`). The print follows folds or the cylinder, takes on their light, and ends where
the product ends. Runs in the child process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, TypeAlias

from PIL import Image

from processors.artwork.assets import open_asset
from processors.artwork.drawing import rgb, webp
from processors.artwork.limits import Limits
from processors.artwork.mockup_mug import mug
from processors.artwork.mockup_photo import photo_scene
from processors.artwork.mockup_scene import Scene
from processors.artwork.mockup_tee import tee
from processors.artwork.mockup_wall import flat, poster
from processors.artwork.template import PrintArea, Template

SIDE_PX: Final = 1000
#: Scenes that a child remembers; at 1000 pixels each holds about 20 MB.
REMEMBERED: Final = 4

_Key: TypeAlias = tuple[object, ...]
_remembered: OrderedDict[_Key, Scene] = OrderedDict()


def draw_mockup(
    canvas: Image.Image,
    template: Template,
    area: PrintArea,
    side_px: int = SIDE_PX,
    *,
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """The finished product as WebP, `side_px` wide; square unless it is a photograph. `files` are the template's own.

    Raises Refused where the template's photograph is not among the files.
    """
    return webp(mockup_picture(canvas, template, area, side_px, files or {}))


def mockup_picture(
    canvas: Image.Image, template: Template, area: PrintArea, side_px: int, files: Mapping[str, bytes]
) -> Image.Image:
    """The same as an RGB picture. `area` is the one at the canvas's resolution; the bleed is cut off."""
    left, top, right, bottom = area.trim_px()
    trim = (left, top, min(right, canvas.width), min(bottom, canvas.height))
    # Without bleed the canvas is the print already, and a cut-out would be a second canvas in memory.
    trimmed = canvas if trim == (0, 0, *canvas.size) else canvas.crop(trim)
    return scene_of(template, area, side_px, files).lay_on(trimmed)


def scene_of(template: Template, area: PrintArea, side_px: int, files: Mapping[str, bytes]) -> Scene:
    """The blank of a template, ready for the print of an area; remembered."""
    product, print_um = template.product, (area.width_um, area.height_um)
    photo = product.photos.get(area.name)
    view = photo if photo is not None else (product.kind, area.name)
    key = (view, product.colour, print_um, side_px)
    scene = _remembered.get(key)
    if scene is None:
        colour = rgb(product.colour)
        if photo is not None:
            picture = open_asset(files, photo.asset, Limits().pixels_max)
            mask = open_asset(files, photo.mask, Limits().pixels_max) if photo.mask else None
            scene = photo_scene(photo, picture, mask, colour, side_px)
        elif product.kind == "tee":
            scene = tee(colour, area.name, print_um, side_px)
        else:
            scene = {"mug": mug, "poster": poster, "flat": flat}[product.kind](colour, print_um, side_px)
        _remembered[key] = scene
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    _remembered.move_to_end(key)
    return scene
