"""Put a buyer's picture and text on the canvas of a print area.

Runs in a child process. The canvas is RGBA, transparent where nothing is printed, or white where the area says
that it cannot be transparent.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from PIL import Image

from processors.artwork.placement import Placement, place
from processors.artwork.template import ImageLayer, PrintArea, TextLayer
from processors.artwork.textlayout import TextLayout, clean, draw_mask, lay_out

#: A picture is scaled in this many column tiles: two threads share them, and only two are in memory at a time.
TILES: Final = 8
THREADS: Final = 2


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """The canvas, and what was put where for the proof: placements by layer name, texts by layer name."""

    canvas: Image.Image
    placements: dict[str, Placement]
    texts: dict[str, TextLayout]


def layer_text(layer: TextLayer, text: str | None) -> str:
    """The cleaned text of a layer: its fixed text, or the buyer's."""
    return clean(layer.fixed_text if layer.fixed_text is not None else text or "")


def compose(picture: Image.Image | None, text: str | None, area: PrintArea) -> Composed:
    """Draw the layers from the bottom up. Layers without their picture or text are left out."""
    background = (0, 0, 0, 0) if area.transparent else (255, 255, 255, 255)
    canvas = Image.new("RGBA", (area.width_px, area.height_px), background)
    placements: dict[str, Placement] = {}
    texts: dict[str, TextLayout] = {}
    empty = area.transparent
    for layer in area.layers:
        if isinstance(layer, ImageLayer):
            if picture is not None:
                placement = place(picture.width, picture.height, layer, area)
                _paste(canvas, picture, placement, empty=empty)
                placements[layer.name] = placement
                empty = False
        else:
            words = layer_text(layer, text)
            if words:
                texts[layer.name] = _set_text(canvas, words, layer, area)
                empty = False
    return Composed(canvas=canvas, placements=placements, texts=texts)


def _set_text(canvas: Image.Image, words: str, layer: TextLayer, area: PrintArea) -> TextLayout:
    layout = lay_out(words, layer, area)
    mask, left, top = draw_mask(layout, layer, area)
    ink = Image.new("RGBA", mask.size, layer.colour)
    ink.putalpha(mask)
    canvas.alpha_composite(ink, (left, top))
    return layout


def _paste(canvas: Image.Image, picture: Image.Image, placement: Placement, *, empty: bool) -> None:
    """Scale, turn and place a picture. `empty` says that nothing lies under it yet."""
    turned = _quarter_turned(picture, placement.quarter_turns)
    if placement.angle_degrees:
        _put(canvas, _freely_turned(turned, placement), placement.left_px, placement.top_px, empty=empty)
        return
    transparent = turned.mode == "RGBA"
    # Scaling works on premultiplied colour, else the colour of invisible pixels bleeds into the edges.
    source = turned.convert("RGBa") if transparent else turned
    width, height = placement.width_px, placement.height_px
    left, top, right, bottom = placement.crop
    edges = [width * number // TILES for number in range(TILES + 1)]

    def tile(number: int) -> Image.Image:
        start, end = edges[number], edges[number + 1]
        across = (right - left) / width
        box = (left + start * across, top, min(left + end * across, float(source.width)), bottom)
        scaled = source.resize((end - start, height), Image.Resampling.LANCZOS, box=box)
        return scaled.convert("RGBA") if transparent else scaled

    numbers = [number for number in range(TILES) if edges[number + 1] > edges[number]]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="scale") as threads:
        for pair in range(0, len(numbers), THREADS):
            chosen = numbers[pair : pair + THREADS]
            for number, scaled in zip(chosen, threads.map(tile, chosen), strict=True):
                _put(canvas, scaled, placement.left_px + edges[number], placement.top_px, empty=empty)


def _put(canvas: Image.Image, picture: Image.Image, left: int, top: int, *, empty: bool) -> None:
    if empty or picture.mode == "RGB":
        canvas.paste(picture, (left, top))
    else:
        canvas.alpha_composite(picture, (left, top))


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
