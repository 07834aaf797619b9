"""The live preview, in the child process: the composition of the print file at the resolution of a screen.

A designer types, and every letter asks for a picture. What does not change with the text is remembered: the decoded
picture with what was measured on it, the layers below the text, the blank of the mock-up. A picture is asked for by
its digest first (`lean`); its bytes are only sent to a child that does not know it.
"""

from __future__ import annotations

import hashlib
import io
import math
from typing import Final, Literal, TypeAlias

import msgspec
from PIL import Image

from processors.artwork.compose import Ingredients, compose, draw_layer, layer_text
from processors.artwork.drawing import rgb, webp
from processors.artwork.frames import Refused
from processors.artwork.measure import Measured, PictureFacts, picture_facts
from processors.artwork.mockup import scene_of
from processors.artwork.picture import open_picture
from processors.artwork.press import RenderRequest, place_ingredients, prepared
from processors.artwork.printfacts import EdgeFacts, TextFacts, edge_facts, scaled_layout, text_facts_on
from processors.artwork.remembered import Remembered
from processors.artwork.template import UM_PER_INCH, ImageLayer, Layer, PrintArea, TextLayer
from processors.artwork.textlayout import lay_out

PREVIEW_WIDTH_PX_MIN: Final = 64
PREVIEW_WIDTH_PX_MAX: Final = 1600
#: The print of a long and narrow product is shown narrower than asked, so that it is no higher: WebP ends at 16,383.
PREVIEW_HEIGHT_PX_MAX: Final = 8_000
#: The refusal of a lean request whose files the child does not know.
NOT_REMEMBERED: Final = "not_remembered"
#: The print is composed this much finer than it is shown: letters of ten pixels would lose their shape.
FINER: Final = 1.25
#: Pictures are remembered in these sizes (the shorter side), so that a wider preview or another view finds them again.
_PICTURE_PX: Final = (1280, 2560, 4096)
_PICTURES_BYTES_MAX: Final = 96 * 1024 * 1024
_BACKDROPS_BYTES_MAX: Final = 64 * 1024 * 1024
#: WebP takes longer to become smaller; up to this many pixels the better method is still quick.
_QUICK_PIXELS_MAX: Final = 800 * 800

View: TypeAlias = Literal["print", "mockup"]
PictureFormat: TypeAlias = Literal["webp", "png"]


class PreviewRequest(RenderRequest, frozen=True, kw_only=True):
    """What to show, how wide, and whether as the bare print or on the product.

    `original_sha256` names the picture whether or not its bytes are sent. `lean` says that files which the child may
    remember were left out. `owner` is whose picture it is: nobody is shown what another's request left here.
    """

    width_px: int
    view: View
    format: PictureFormat = "webp"
    original_sha256: str = ""
    lean: bool = False
    owner: str = ""


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """The encoded picture, its size, and what was measured on the way."""

    picture: bytes
    width_px: int
    height_px: int
    measured: Measured


class _Picture(msgspec.Struct, frozen=True):
    """The buyer's picture, small enough to be quick and large enough to be shown, and its facts."""

    image: Image.Image
    facts: PictureFacts


class _Backdrop(msgspec.Struct, frozen=True):
    """The layers below the buyer's text, and what was measured of them and of the picture."""

    canvas: Image.Image
    edges: EdgeFacts | None
    facts: PictureFacts | None


_pictures: Remembered[bytes, _Picture] = Remembered(_PICTURES_BYTES_MAX)
_backdrops: Remembered[bytes, _Backdrop] = Remembered(_BACKDROPS_BYTES_MAX)


def preview(request: PreviewRequest) -> Previewed:
    """Draw it. Raises Refused: `not_remembered` asks for the same request with its files."""
    try:
        return _preview(request)
    except Refused as refused:
        if request.lean and refused.code == "template":
            # What looks like a missing file of the template was only not sent.
            raise Refused(NOT_REMEMBERED, "Send the files, too.") from None
        raise


def _preview(request: PreviewRequest) -> Previewed:
    full = request.template.area(request.area)
    scene = None
    print_width_px = min(request.width_px, max(1, PREVIEW_HEIGHT_PX_MAX * full.width_px // full.height_px))
    if request.view == "mockup":
        scene = scene_of(request.template, full, request.width_px, request.art)
        print_width_px = scene.print_width_px
    wanted_dpi = math.ceil(FINER * print_width_px * UM_PER_INCH / full.width_um)
    area = full.scaled(max(1, min(full.dpi, wanted_dpi)))
    canvas, measured = _composed(request, full, area)
    left, top, right, bottom = area.trim_px()
    if scene is not None:
        picture = scene.lay_on(canvas.crop((left, top, min(right, canvas.width), min(bottom, canvas.height))))
    else:
        sheet = Image.new("RGB", canvas.size, rgb(request.template.product.colour))
        sheet.paste(canvas, (0, 0), canvas)
        height_px = min(PREVIEW_HEIGHT_PX_MAX, max(1, round(canvas.height * print_width_px / canvas.width)))
        size = (print_width_px, height_px)
        # As sharp as bicubic at this scale, and quicker.
        picture = sheet.resize(size, Image.Resampling.HAMMING)
    encoded = _encoded(picture, request.format)
    return Previewed(picture=encoded, width_px=picture.width, height_px=picture.height, measured=measured)


def _encoded(picture: Image.Image, kind: PictureFormat) -> bytes:
    if kind == "webp":
        return webp(picture, quality=82, method=1 if picture.width * picture.height <= _QUICK_PIXELS_MAX else 0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _composed(request: PreviewRequest, full: PrintArea, area: PrintArea) -> tuple[Image.Image, Measured]:
    """The canvas at the preview's resolution, and what the checks want to know of it."""
    lower, upper = _split(area)
    backdrop = _backdrop(request, full, area, lower)
    canvas = backdrop.canvas.copy()
    texts: dict[str, TextFacts] = {}
    for layer in upper:
        parts, layout = Ingredients(), None
        if not isinstance(layer, TextLayer):
            alone = msgspec.structs.replace(area, layers=(layer,))
            picture = _picture(request, full, area) if isinstance(layer, ImageLayer) else None
            parts = place_ingredients(request, alone, picture.image if picture else None)
        elif words := layer_text(layer, request.text):
            # Lines break where they break in print.
            printed = lay_out(words, layer, full)
            layout = scaled_layout(printed, area.dpi / full.dpi)
            if layer.fixed_text is None:
                texts[layer.name] = text_facts_on(canvas, area, layer, printed, request.template, full)
        draw_layer(canvas, layer, parts, area, layout)
    edges = backdrop.edges if texts or backdrop.facts else None
    return canvas, Measured(picture=backdrop.facts, texts=texts, edges=edges)


def _split(area: PrintArea) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers that do not change with the buyer's text, and those from the first text on."""
    for number, layer in enumerate(area.layers):
        if isinstance(layer, TextLayer) and layer.fixed_text is None:
            return area.layers[:number], area.layers[number:]
    return area.layers, ()


def _backdrop(request: PreviewRequest, full: PrintArea, area: PrintArea, lower: tuple[Layer, ...]) -> _Backdrop:
    """The layers below the text, composed or remembered."""
    key = _digest(request, full, area.dpi)
    known = _backdrops.get(key)
    if known is not None:
        return known
    picture = _picture(request, full, area)
    image = picture.image if picture else None
    below = msgspec.structs.replace(area, layers=lower)
    canvas = compose(place_ingredients(request, below, image), below).canvas
    edges = edge_facts(place_ingredients(request, full, image), full)
    made = _Backdrop(canvas=canvas, edges=edges, facts=picture.facts if picture else None)
    _backdrops.put(key, made, 4 * canvas.width * canvas.height)
    return made


def _picture(request: PreviewRequest, full: PrintArea, area: PrintArea) -> _Picture | None:
    """The buyer's picture, decoded or remembered. Raises Refused."""
    if not request.original_sha256:
        return None
    wanted_px = max(area.width_px, area.height_px)
    enough_px = next((size for size in _PICTURE_PX if size >= wanted_px), _PICTURE_PX[-1])
    key = _digest(request, full, enough_px)
    known = _pictures.get(key)
    if known is not None:
        return known
    if request.original is None:
        raise Refused(NOT_REMEMBERED, "Send the picture, too.")
    # A JPEG is decoded smaller at once, unless only a part of it is wanted.
    draft_px = None if request.crop is not None else enough_px
    image, opened = open_picture(request.original, request.pixels_max, draft_px=draft_px)
    used = (opened.width_px, opened.height_px)
    if request.crop is not None:
        image = image.crop(request.crop.box(image.width, image.height))
        used = image.size
    facts = picture_facts(image, opened, full)
    if min(image.size) > enough_px:
        longest = enough_px * max(image.size) // min(image.size)
        image.thumbnail((longest, longest), reducing_gap=1.5)
    image, removed = prepared(image, full, None, request.remover)
    facts = msgspec.structs.replace(
        facts, used_width_px=used[0], used_height_px=used[1], background_removed=removed, remover=request.remover
    )
    made = _Picture(image=image, facts=facts)
    _pictures.put(key, made, len(image.getbands()) * image.width * image.height)
    return made


def _digest(request: PreviewRequest, full: PrintArea, size: int) -> bytes:
    """What a remembered picture or backdrop depends on, as a key."""
    parts = (request.owner, request.original_sha256, request.crop, request.remover, full, size)
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
