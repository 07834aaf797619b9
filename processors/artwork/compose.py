"""Put a buyer's picture and text, shapes and the template's own art on the canvas of a print area.

Runs in a child process. The canvas is RGBA, transparent where nothing is printed, or white where the area says
that it cannot be transparent.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias, assert_never

import msgspec
from PIL import Image, ImageChops, ImageDraw

from processors.artwork.canvas import Canvas
from processors.artwork.placement import Placement, place
from processors.artwork.template import ArtLayer, Blend, ImageLayer, Layer, PrintArea, ShapeLayer, TextLayer
from processors.artwork.textlayout import TextLayout, clean, draw_mask, lay_out, turned_in_place

#: A picture is scaled in this many column tiles: two threads share them, and only a few are in memory at a time.
TILES: Final = 8
THREADS: Final = 2
#: Smaller pictures (previews) are scaled in one piece; threads would cost more than they save.
TILED_PIXELS_MIN: Final = 1_500_000
#: How many pixels the Lanczos kernel reaches to each side, times the scale where a picture is made smaller.
LANCZOS_REACH: Final = 3

#: A piece of a layer, ready to be put on the canvas at its left and top.
Piece: TypeAlias = tuple[Image.Image, int, int]


class Ingredients(msgspec.Struct, frozen=True, kw_only=True):
    """What is put on an area: the buyer's picture (RGB or RGBA), the buyer's text, the template's art by digest."""

    picture: Image.Image | None = None
    text: str | None = None
    art: dict[str, Image.Image] = {}


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """The canvas, and what was put where for the proof: placements by layer name, texts by layer name."""

    sheet: Canvas
    placements: dict[str, Placement]
    texts: dict[str, TextLayout]

    @property
    def canvas(self) -> Image.Image:
        """The canvas as an image."""
        return self.sheet.image


def layer_text(layer: TextLayer, text: str | None) -> str:
    """The cleaned text of a layer: its fixed text, or the buyer's."""
    return clean(layer.fixed_text if layer.fixed_text is not None else text or "")


def prints_something(area: PrintArea, *, has_picture: bool, text: str | None) -> bool:
    """Whether anything comes onto the area: a picture that has a place, a text, or what the template itself holds."""
    if has_picture and area.image_layers:
        return True
    for layer in area.layers:
        if isinstance(layer, ArtLayer | ShapeLayer) or (isinstance(layer, TextLayer) and layer_text(layer, text)):
            return True
    return False


def compose(ingredients: Ingredients, area: PrintArea, *, below: str | None = None) -> Composed:
    """Draw the layers from the bottom up; layers without their picture or text are left out.

    `below` stops before the layer of that name, which shows what a text is set on.
    """
    sheet = Canvas(area.width_px, area.height_px, transparent=area.transparent)
    composed = Composed(sheet=sheet, placements={}, texts={})
    empty = area.transparent
    for layer in area.layers:
        if layer.name == below:
            break
        drawn = False
        for picture, left, top in _pieces(layer, ingredients, area, composed.placements, composed.texts):
            _put(composed.canvas, picture, left, top, layer.blend, layer.opacity_percent, empty=empty)
            drawn = True
        # The pieces of one layer do not overlap, so all of them may count on the canvas being empty.
        empty = empty and not drawn
    return composed


def draw_layer(
    canvas: Image.Image, layer: Layer, ingredients: Ingredients, area: PrintArea, layout: TextLayout | None = None
) -> None:
    """Draw one layer over what is on a canvas. A text may be set already: then `layout` is at the area's resolution."""
    if isinstance(layer, TextLayer) and layout is not None:
        pieces: Iterable[Piece] = (_inked(*draw_mask(layout, layer, area), layer.colour),)
    else:
        pieces = _pieces(layer, ingredients, area, {}, {})
    for picture, left, top in pieces:
        _put(canvas, picture, left, top, layer.blend, layer.opacity_percent, empty=False)


def _pieces(
    layer: Layer,
    ingredients: Ingredients,
    area: PrintArea,
    placements: dict[str, Placement],
    texts: dict[str, TextLayout],
) -> Iterator[Piece]:
    """The pieces of one layer; notes in `placements` and `texts` what was placed."""
    match layer:
        case ImageLayer() | ArtLayer():
            own = isinstance(layer, ArtLayer)
            picture = ingredients.art.get(layer.asset) if isinstance(layer, ArtLayer) else ingredients.picture
            if picture is not None:
                placement = place(picture.width, picture.height, layer, area)
                if not own:
                    placements[layer.name] = placement
                yield from _scaled(picture, placement)
        case TextLayer():
            words = layer_text(layer, ingredients.text)
            if words:
                layout = lay_out(words, layer, area)
                texts[layer.name] = layout
                yield _inked(*draw_mask(layout, layer, area), layer.colour)
        case ShapeLayer():
            yield _inked(*_shape_mask(layer, area), layer.colour)
        case _:
            assert_never(layer)


def _inked(mask: Image.Image, left: int, top: int, colour: str) -> Piece:
    """One colour through a mask."""
    ink = Image.new("RGBA", mask.size, colour)
    ink.putalpha(mask)
    return ink, left, top


def _shape_mask(layer: ShapeLayer, area: PrintArea) -> tuple[Image.Image, int, int]:
    """A shape's coverage; curves are drawn at twice the size and reduced, which smooths their edges."""
    box = area.box_px(layer.box)
    width, height = box[2] - box[0], box[3] - box[1]
    if layer.shape == "rectangle" and not layer.radius_um:
        mask = Image.new("L", (width, height), 255)
    else:
        double = Image.new("L", (2 * width, 2 * height))
        draw = ImageDraw.Draw(double)
        outline = (0, 0, 2 * width - 1, 2 * height - 1)
        if layer.shape == "ellipse":
            draw.ellipse(outline, fill=255)
        else:
            draw.rounded_rectangle(outline, radius=round(2 * area.px(layer.radius_um)), fill=255)
        mask = double.reduce(2)
    return turned_in_place(mask, layer.rotation_degrees, box, (0, 0, area.width_px, area.height_px))


def _scaled(picture: Image.Image, placement: Placement) -> Iterator[Piece]:
    """Scale and turn a picture as it was placed, in column tiles where it is not turned freely."""
    turned = _quarter_turned(picture, placement.quarter_turns)
    if placement.angle_degrees:
        yield _freely_turned(turned, placement), placement.left_px, placement.top_px
        return
    width, height = placement.width_px, placement.height_px
    left, top, right, bottom = placement.crop
    tiles = TILES if width * height > TILED_PIXELS_MIN else 1
    edges = [width * number // tiles for number in range(tiles + 1)]

    def tile(number: int) -> Image.Image:
        start, end = edges[number], edges[number + 1]
        across = (right - left) / width
        box = (left + start * across, top, min(left + end * across, float(turned.width)), bottom)
        return _resized(turned, (end - start, height), box)

    if tiles == 1:
        yield tile(0), placement.left_px, placement.top_px
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="scale") as threads:
        # One tile more than there are threads is under way, so that none waits while a finished one is put down.
        waiting = deque(threads.submit(tile, number) for number in range(THREADS + 1))
        for number in range(tiles):
            scaled = waiting.popleft().result()
            if number + THREADS + 1 < tiles:
                waiting.append(threads.submit(tile, number + THREADS + 1))
            yield scaled, placement.left_px + edges[number], placement.top_px


def _resized(picture: Image.Image, size_px: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A part of a picture, scaled. The pixels are those that the same part of the whole picture, scaled, would have."""
    if picture.mode != "RGBA":
        return picture.resize(size_px, Image.Resampling.LANCZOS, box=box)
    # Scaling works on premultiplied colour, else the colour of invisible pixels bleeds into the edges. Only what the
    # kernel reaches is converted, so that there is never a second whole picture.
    reach_x, reach_y = (
        math.ceil(LANCZOS_REACH * max(1.0, (box[2 + axis] - box[axis]) / size_px[axis])) + 1 for axis in (0, 1)
    )
    left, top = max(0, math.floor(box[0]) - reach_x), max(0, math.floor(box[1]) - reach_y)
    right = min(picture.width, math.ceil(box[2]) + reach_x)
    bottom = min(picture.height, math.ceil(box[3]) + reach_y)
    part = picture.crop((left, top, right, bottom)).convert("RGBa")
    within = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    return part.resize(size_px, Image.Resampling.LANCZOS, box=within).convert("RGBA")


def _put(
    canvas: Image.Image, picture: Image.Image, left: int, top: int, blend: Blend, opacity: int, *, empty: bool
) -> None:
    """Blend a piece over what is there. `empty` says that nothing is there yet, which is much faster."""
    if blend == "normal" and opacity == 100:
        if empty or picture.mode == "RGB":
            canvas.paste(picture, (left, top))
        else:
            canvas.alpha_composite(picture, (left, top))
        return
    source = picture.convert("RGBA")
    alpha = source.getchannel("A").point([value * opacity // 100 for value in range(256)])
    if blend != "normal":
        backdrop = canvas.crop((left, top, left + picture.width, top + picture.height))
        mixing = ImageChops.multiply if blend == "multiply" else ImageChops.screen
        mixed = mixing(backdrop.convert("RGB"), source.convert("RGB"))
        # Where nothing lies underneath, there is nothing to blend with: the layer's own colour stays.
        source = Image.composite(mixed, source.convert("RGB"), backdrop.getchannel("A")).convert("RGBA")
    source.putalpha(alpha)
    canvas.alpha_composite(source, (left, top))


def _quarter_turned(picture: Image.Image, turns: int) -> Image.Image:
    """Turn clockwise by quarters, without loss."""
    if turns == 0:
        return picture
    how = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}[turns]
    return picture.transpose(how)


def _freely_turned(picture: Image.Image, placement: Placement) -> Image.Image:
    """Scale, turn by an angle, and cut the middle to the placed size."""
    scaled = picture.convert("RGBA").resize(
        (placement.width_px, placement.height_px), Image.Resampling.LANCZOS, box=placement.crop
    )
    turned = scaled.rotate(-placement.angle_degrees, Image.Resampling.BICUBIC, expand=True)
    left = (turned.width - placement.out_width_px) // 2
    top = (turned.height - placement.out_height_px) // 2
    return turned.crop((left, top, left + placement.out_width_px, top + placement.out_height_px))
