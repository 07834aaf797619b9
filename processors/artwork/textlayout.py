"""Set a text in its box: choose the font, break lines, shrink until it fits, draw it as a mask."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from PIL import Image, ImageDraw

from processors.artwork.placement import split_rotation, turned_size
from processors.artwork.template import PrintArea, TextLayer
from processors.artwork.typeface import Direction, Ink, Typeface, base_direction, choose_family

#: Left, top, right, bottom in canvas pixels.
Edges: TypeAlias = tuple[int, int, int, int]

#: Every space that Unicode has, of whatever width.
_SPACES: Final = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
#: What is named as a letter, mark or symbol and yet draws nothing: the grapheme joiner, the fillers of Hangul,
#: vowels of Khmer that only sort, Mongolian and other selectors, braille without a dot.
_INKLESS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_ANCHORS: Final = {"left": "ls", "centre": "ms", "right": "rs"}


class TextLine(msgspec.Struct, frozen=True):
    """A line of a text, and the direction of the paragraph that it was broken from."""

    text: str
    direction: Direction


class TextLayout(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it will be set: family, em size in pixels, lines from top to bottom, and whether it fits.

    `missing` are characters without a glyph. When it does not fit, the layout is that of the smallest size.
    """

    family: str
    weight: int
    size_px: int
    lines: tuple[TextLine, ...]
    fits: bool
    missing: tuple[str, ...]


def clean(text: str) -> str:
    """The text as it is counted and set: NFC, one kind of line end, no spaces at line ends or around it.

    Empty where there is nothing to see in it: such a text would be printed as a blank product.
    """
    unified = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    unified = unified.replace("\u2028", "\n").replace("\u2029", "\n").replace("\t", " ")
    if not any(_is_visible(character) for character in unified):
        return ""
    return "\n".join(line.strip(_SPACES) for line in unified.split("\n")).strip("\n")


def _is_visible(character: str) -> bool:
    """Whether it leaves ink: spaces, joiners, direction marks, control characters, selectors and fillers do not."""
    return unicodedata.category(character) not in ("Zs", "Cf", "Cc") and character not in _INKLESS


def lay_out(text: str, layer: TextLayer, area: PrintArea) -> TextLayout:
    """Set cleaned text as large as the layer allows; the largest size that fits, in whole pixels."""
    family, missing = choose_family(text, layer.fonts)
    box_width, box_height = _unturned_box(layer, area)
    largest = max(1, round(area.px(layer.size_um)))
    smallest = max(1, min(largest, round(area.px(layer.min_size_um))))

    def attempt(size_px: int) -> tuple[tuple[TextLine, ...], bool]:
        face = Typeface(family=family, size_px=size_px, weight=layer.weight)
        return _break_lines(text, face, layer, box_width, box_height)

    lines, fits = attempt(largest)
    size_px = largest
    if not fits:
        low, high = smallest, largest
        lines, fits = attempt(smallest)
        size_px = smallest
        while fits and high - low > 1:
            middle = (low + high) // 2
            tried, good = attempt(middle)
            if good:
                low, lines, size_px = middle, tried, middle
            else:
                high = middle
    return TextLayout(family=family, weight=layer.weight, size_px=size_px, lines=lines, fits=fits, missing=missing)


def draw_mask(layout: TextLayout, layer: TextLayer, area: PrintArea) -> tuple[Image.Image, int, int]:
    """The text's coverage (mode L) and where its top left corner belongs on the canvas.

    Turned text is drawn upright and turned as a mask, so that its colour has no seam at the edges.
    """
    left, top, right, bottom = area.box_px(layer.box)
    width, height = _unturned_box(layer, area)
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    face = Typeface(family=layout.family, size_px=layout.size_px, weight=layout.weight)
    anchor = _ANCHORS[layer.align]
    inks = [face.ink(line.text, anchor, line.direction) for line in layout.lines]
    x = round({"left": 0.0, "centre": width / 2, "right": float(width)}[layer.align])
    for line, ink, y in zip(layout.lines, inks, _baselines(face, layer, inks, height), strict=True):
        at = (x + _overhang_shift(ink, layer, width), y)
        face.draw(draw, at, line.text, 255, anchor, line.direction)
    box = (left, top, right, bottom)
    # The pixels around a turned mask may reach one beyond its box.
    within = (max(left, 0), max(top, 0), min(right, area.width_px), min(bottom, area.height_px))
    return turned_in_place(mask, layer.rotation_degrees, box, within)


def turned_in_place(mask: Image.Image, degrees: float, box: Edges, within: Edges) -> tuple[Image.Image, int, int]:
    """A mask turned clockwise about the middle of a box, cut to what is `within`, and where its corner belongs."""
    turns, angle = split_rotation(degrees)
    if angle:
        mask = mask.rotate(-angle, Image.Resampling.BICUBIC, expand=True)
    if turns:
        mask = mask.rotate(-90 * turns, expand=True)
    left, top, right, bottom = box
    return _cut(mask, left + (right - left - mask.width) // 2, top + (bottom - top - mask.height) // 2, within)


def _cut(mask: Image.Image, left: int, top: int, within: Edges) -> tuple[Image.Image, int, int]:
    """Cut what would lie beyond some edges."""
    cut_left, cut_top = max(0, within[0] - left), max(0, within[1] - top)
    cut_right = max(cut_left + 1, min(mask.width, within[2] - left))
    cut_bottom = max(cut_top + 1, min(mask.height, within[3] - top))
    if (cut_left, cut_top, cut_right, cut_bottom) == (0, 0, *mask.size):
        return mask, left, top
    return mask.crop((cut_left, cut_top, cut_right, cut_bottom)), left + cut_left, top + cut_top


def _unturned_box(layer: TextLayer, area: PrintArea) -> tuple[int, int]:
    """Width and height that the text has before it is turned, so that the turned block stays in the box."""
    left, top, right, bottom = area.box_px(layer.box)
    width, height = right - left, bottom - top
    turns, angle = split_rotation(layer.rotation_degrees)
    if turns % 2:
        width, height = height, width
    if angle:
        turned_width, turned_height = turned_size(width, height, angle)
        scale = min(width / turned_width, height / turned_height)
        width, height = max(1, int(width * scale)), max(1, int(height * scale))
    return width, height


def _line_offsets(face: Typeface, layer: TextLayer, inks: Sequence[Ink]) -> list[int]:
    """How far each baseline lies below the first one, in pixels.

    Lines stand as far apart as the layer says. Only where letters reach beyond the font's ascent or descent (accents
    upon accents do) is a line set lower, so that its ink does not meet that of the lines above it. One pixel beyond is
    rounding: a tail of common letters goes as far.
    """
    ascent, descent = face.font.getmetrics()
    advance = round(face.size_px * layer.line_spacing_percent / 100)
    offsets: list[int] = []
    offset, lowest, is_deep = -advance, -math.inf, False
    for ink in inks:
        offset += advance
        if (is_deep or ink.top < -ascent - 1) and offset + ink.top <= lowest:
            # Baselines are rounded, so a row stays free.
            offset = int(lowest) - ink.top + 1
        offsets.append(offset)
        if ink.top < ink.bottom:
            lowest, is_deep = max(lowest, offset + ink.bottom), ink.bottom > descent + 1
    return offsets


def _ink_ends(offsets: Sequence[int], inks: Sequence[Ink]) -> tuple[int, int]:
    """The highest and the lowest end of all lines' ink, from the first baseline."""
    placed = list(zip(offsets, inks, strict=True))
    return min(offset + ink.top for offset, ink in placed), max(offset + ink.bottom for offset, ink in placed)


def _block_height(face: Typeface, layer: TextLayer, inks: Sequence[Ink]) -> int:
    """The height that lines need: that of the font's own measures, or that of their ink where it is more."""
    offsets = _line_offsets(face, layer, inks)
    highest, lowest = _ink_ends(offsets, inks)
    return max(sum(face.font.getmetrics()) + offsets[-1], lowest - highest)


def _baselines(face: Typeface, layer: TextLayer, inks: Sequence[Ink], height_px: int) -> list[int]:
    """Where each line's baseline is in the box: as its alignment says, or beside that so that no ink is cut."""
    offsets = _line_offsets(face, layer, inks)
    ascent, descent = face.font.getmetrics()
    block = ascent + descent + offsets[-1]
    y = {"top": 0.0, "middle": (height_px - block) / 2, "bottom": float(height_px - block)}[layer.vertical_align]
    baselines = [round(y + ascent + offset) for offset in offsets]
    top, bottom = _ink_ends(baselines, inks)
    highest, lowest = _ink_ends(offsets, inks)
    if (top >= 0 and bottom <= height_px) or lowest - highest > height_px:
        return baselines
    first = -highest if top < 0 else height_px - lowest
    return [first + offset for offset in offsets]


def _overhang_shift(ink: Ink, layer: TextLayer, width_px: int) -> int:
    """Italic and script letters reach beyond their advance; shift the line so that no ink is cut."""
    origin = {"left": 0, "centre": round(width_px / 2), "right": width_px}[layer.align]
    over_right, over_left = max(0, origin + ink.right - width_px), max(0, -(origin + ink.left))
    return over_left - over_right


def _break_lines(
    text: str, face: Typeface, layer: TextLayer, width_px: int, height_px: int
) -> tuple[tuple[TextLine, ...], bool]:
    """Break at spaces as few times as needed. Returns the lines and whether they fit into the box."""

    @lru_cache(maxsize=512)
    def ink(line: str, way: Direction) -> Ink:
        return face.ink(line, direction=way)

    @lru_cache(maxsize=512)
    def wide(line: str, way: Direction) -> bool:
        ends = ink(line, way)
        return max(ends.right - min(ends.left, 0), face.length(line, way)) > width_px

    lines: list[TextLine] = []
    for paragraph in text.split("\n"):
        way = base_direction(paragraph)
        words = paragraph.split(" ")
        line = words[0]
        for word in words[1:]:
            if wide(f"{line} {word}", way):
                lines.append(TextLine(line, way))
                line = word
            else:
                line = f"{line} {word}"
        lines.append(TextLine(line, way))
    if len(lines) > layer.limits.max_lines or any(wide(line.text, line.direction) for line in lines):
        return tuple(lines), False
    return tuple(lines), _block_height(face, layer, [ink(line.text, line.direction) for line in lines]) <= height_px
