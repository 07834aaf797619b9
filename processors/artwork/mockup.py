"""The mock-up: the print on a drawn blank of the product, so that a buyer sees what will arrive."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from processors.artwork.drawing import SMOOTH, BoxPx, Rgb, fitted, mix, reduced, rgb, webp
from processors.artwork.template import PrintArea, Template

SIDE_PX: Final = 1000
Floats: TypeAlias = NDArray[np.float64]

_WALL: Final = (226, 228, 231)
_FLOOR: Final = (208, 210, 214)
#: The mug's body: left, top, right, bottom.
_MUG: Final[BoxPx] = (210, 230, 690, 830)


def draw_mockup(canvas: Image.Image, template: Template, area: PrintArea, side_px: int = SIDE_PX) -> bytes:
    """The finished product as WebP, square. The canvas is cut to the trimmed area first."""
    left, top, right, bottom = area.trim_px()
    trimmed = canvas.crop((left, top, min(right, canvas.width), min(bottom, canvas.height)))
    colour = rgb(template.product.colour)
    draw = {"mug": _mug, "tee": _tee, "poster": _poster, "flat": _poster}[template.product.kind]
    picture = draw(trimmed, colour)
    if side_px < SIDE_PX:
        picture = picture.resize((side_px, side_px), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return webp(picture, method=3 if side_px >= SIDE_PX else 1)


def _scene() -> Image.Image:
    """A wall that grows darker downwards, and a table."""
    ramp = np.linspace(0, 1, SIDE_PX)[:, None, None]
    wall = np.array(_WALL) * (1 - 0.05 * ramp)
    rows = np.where(np.arange(SIDE_PX)[:, None, None] < 800, wall, np.array(_FLOOR) * (1.02 - 0.1 * ramp))
    return Image.fromarray(np.broadcast_to(rows, (SIDE_PX, SIDE_PX, 3)).round().astype(np.uint8))


def _shape(draw_on: list[tuple[str, tuple[float, ...], int]]) -> Image.Image:
    """A smooth mask from polygons, ellipses and rounded boxes: (kind, coordinates, grey)."""
    mask = Image.new("L", (SIDE_PX * SMOOTH, SIDE_PX * SMOOTH))
    draw = ImageDraw.Draw(mask)
    for kind, coordinates, grey in draw_on:
        points = [value * SMOOTH for value in coordinates]
        if kind == "polygon":
            draw.polygon(points, fill=grey)
        elif kind == "ellipse":
            draw.ellipse(points, fill=grey)
        else:
            draw.rounded_rectangle(points, radius=24 * SMOOTH, fill=grey)
    return mask.reduce(SMOOTH)


def _shadow(scene: Image.Image, mask: Image.Image, shift: tuple[int, int], blur_px: int, depth: int) -> None:
    """Darken the scene under a shifted, blurred shape."""
    moved = ImageChops.offset(mask, *shift).filter(ImageFilter.GaussianBlur(blur_px))
    scene.paste((30, 32, 38), (0, 0), moved.point(lambda value: value * depth // 255))


def _shaded(colour: Rgb, shade: Floats) -> Image.Image:
    """A colour under light: shade 1 is the colour, below darker, above lighter."""
    base = np.array(colour, np.float64)
    # Light on a black product must show, so highlights add white instead of only scaling.
    lit = base * np.minimum(shade, 1.0)[..., None] + 255 * np.clip(shade - 1.0, 0, 1)[..., None]
    return Image.fromarray(np.clip(lit, 0, 255).round().astype(np.uint8))


def _mug(printed: Image.Image, colour: Rgb) -> Image.Image:
    """A mug from the front: the wrap's middle third faces the viewer, the rest turns away."""
    blank = _mug_blank(colour)
    return _wrapped(blank, printed)


@lru_cache(maxsize=8)
def _mug_blank(colour: Rgb) -> Image.Image:
    """The mug without a print."""
    scene = _scene()
    left, top, right, bottom = _MUG
    lip = 44
    handle = ImageChops.subtract(
        _shape([("ellipse", (590, 340, 880, 720), 255)]), _shape([("ellipse", (642, 400, 818, 660), 255)])
    )
    mask = _shape(
        [
            ("polygon", (left, top, right, top, right, top + 60, left, top + 60), 255),
            ("box", (left, top, right, bottom + 10), 255),
            ("ellipse", (left, top - lip, right, top + lip), 255),
        ]
    )
    _shadow(scene, ImageChops.lighter(mask, handle), (26, 30), 26, 90)
    side = Image.new("RGB", (SIDE_PX, SIDE_PX), colour)
    _, shade_row = _mug_light()
    side.paste(_shaded(colour, np.broadcast_to(shade_row, (SIDE_PX, right - left))), (left, 0))
    handle_colour = mix(mix(colour, (0, 0, 0), 0.13), (255, 255, 255), 0.04)
    scene.paste(handle_colour, (0, 0), handle)
    scene.paste(side, (0, 0), mask)
    inside = _shape([("ellipse", (left + 9, top - lip + 8, right - 9, top + lip - 8), 255)])
    scene.paste(mix(colour, (70, 70, 76), 0.35), (0, 0), inside)
    rim = ImageChops.subtract(_shape([("ellipse", (left, top - lip, right, top + lip), 255)]), inside)
    scene.paste(mix(colour, (255, 255, 255), 0.35), (0, 0), rim)
    return scene


def _mug_light() -> tuple[Floats, Floats]:
    """For each column of the body: the angle at which it faces the viewer, and how bright it is."""
    angles = np.arcsin(np.linspace(-0.995, 0.995, _MUG[2] - _MUG[0]))
    # The light comes from the upper left: a broad fall-off, and a narrow gloss that also shows on black.
    gloss = 0.10 * np.exp(-(((angles + 0.85) / 0.22) ** 2))
    return angles, 0.78 + 0.22 * np.cos(angles + 0.5) ** 2 + gloss


def _wrapped(blank: Image.Image, printed: Image.Image) -> Image.Image:
    """The print laid around the cylinder: columns by their angle, rows bent like the rim."""
    left, top, right, bottom = _MUG
    angles, shade_row = _mug_light()
    # The wrap covers 300 degrees of the mug; the viewer sees 180 of them.
    band_height = round((bottom - top) * 0.78)
    flat_width = round((right - left) * math.pi / 2 * 300 / 180)
    band_width, band_rows = fitted(printed.width, printed.height, flat_width, band_height)
    flat = np.asarray(reduced(printed, band_width, band_rows), np.float64)
    # Colour weighted by coverage, so that neighbouring columns can be mixed.
    flat[..., :3] *= flat[..., 3:] / 255
    across = band_width / 2 + angles / math.pi * 180 / 300 * flat_width
    seen = np.nonzero((across >= 0) & (across < band_width - 1))[0]
    first = np.floor(across[seen]).astype(int)
    part = (across[seen] - first)[None, :, None]
    ink = flat[:, first] * (1 - part) + flat[:, first + 1] * part
    ink[..., :3] *= np.minimum(1.0, shade_row[seen] + 0.05)[None, :, None]
    rows = np.arange(band_rows)[:, None] + top + 50 + (band_height - band_rows) // 2
    rows = rows + np.rint(26 * np.cos(angles[seen])).astype(int)[None, :]
    columns = np.broadcast_to(left + seen, rows.shape)
    pixels = np.asarray(blank, np.float64).copy()
    pixels[rows, columns] = pixels[rows, columns] * (1 - ink[..., 3:] / 255) + ink[..., :3]
    return Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8))


_TEE: Final = (
    (390, 120), (300, 150), (60, 300), (150, 470), (262, 415), (268, 930), (732, 930), (738, 415),
    (850, 470), (940, 300), (700, 150), (610, 120),
)  # fmt: skip


def _tee(printed: Image.Image, colour: Rgb) -> Image.Image:
    """A T-shirt laid flat, with folds that also darken the print."""
    scene = _tee_blank(colour).copy()
    width, height = fitted(printed.width, printed.height, 360, 520)
    small = reduced(printed, width, height)
    left, top = (SIDE_PX - width) // 2, 270
    window = np.minimum(_folds()[top : top + height, left : left + width], 1.0)
    light = Image.fromarray((window * 255).round().astype(np.uint8))
    ink = ImageChops.multiply(small.convert("RGB"), Image.merge("RGB", (light, light, light)))
    scene.paste(ink, (left, top), small.getchannel("A"))
    return scene


@lru_cache(maxsize=8)
def _tee_blank(colour: Rgb) -> Image.Image:
    """The shirt without a print."""
    scene = Image.new("RGB", (SIDE_PX, SIDE_PX), _WALL)
    outline = tuple(float(value) for point in _TEE for value in point)
    mask = _shape([("polygon", outline, 255), ("ellipse", (390.0, 55.0, 610.0, 185.0), 0)])
    mask = mask.filter(ImageFilter.GaussianBlur(3)).point(lambda value: max(0, min(255, (value - 96) * 4)))
    _shadow(scene, mask, (10, 14), 16, 80)
    scene.paste(_shaded(colour, _folds()), (0, 0), mask)
    _seams(scene, colour, mask)
    return scene


@lru_cache(maxsize=1)
def _folds() -> Floats:
    """Soft light and dark bands over the cloth; the same on every picture."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    waves = np.sin(9 * x + 5 * y) * np.sin(4 * x - 7 * y + 1) + 0.6 * np.sin(21 * x - 11 * y)
    sides = 0.10 * np.clip(np.abs(x - 0.5) - 0.12, 0, 1) / 0.38
    return np.asarray(1.0 + 0.028 * waves - sides, np.float64)


def _seams(scene: Image.Image, colour: Rgb, mask: Image.Image) -> None:
    """Collar and sleeve seams, a little darker on light cloth and lighter on dark."""
    dark = sum(colour) < 240
    line = mix(colour, (255, 255, 255), 0.18) if dark else mix(colour, (0, 0, 0), 0.16)
    layer = Image.new("L", (SIDE_PX * SMOOTH, SIDE_PX * SMOOTH))
    draw = ImageDraw.Draw(layer)
    for box in ((390, 55, 610, 185), (374, 39, 626, 207)):
        draw.arc([value * SMOOTH for value in box], 8, 172, fill=255, width=2 * SMOOTH)
    for points in ((262, 415, 300, 150), (738, 415, 700, 150), (268, 906, 732, 906)):
        draw.line([value * SMOOTH for value in points], fill=200, width=2 * SMOOTH)
    seams = ImageChops.multiply(layer.reduce(SMOOTH), mask)
    scene.paste(line, (0, 0), seams)


def _poster(printed: Image.Image, colour: Rgb) -> Image.Image:
    """A sheet in a thin frame on the wall."""
    width, height = fitted(printed.width, printed.height, 620, 640)
    scene = _frame(width, height).copy()
    left, top = (SIDE_PX - width) // 2, 60 + (640 - height) // 2
    sheet = Image.new("RGB", (width, height), colour)
    small = reduced(printed, width, height)
    sheet.paste(small, (0, 0), small)
    scene.paste(sheet, (left, top))
    ImageDraw.Draw(scene).rectangle((left - 1, top - 1, left + width, top + height), outline=(28, 25, 23))
    return scene


@lru_cache(maxsize=8)
def _frame(width: int, height: int) -> Image.Image:
    """The wall and the frame around a sheet of that size."""
    scene = _scene()
    left, top = (SIDE_PX - width) // 2, 60 + (640 - height) // 2
    frame = 16
    mask = Image.new("L", (SIDE_PX, SIDE_PX))
    ImageDraw.Draw(mask).rectangle((left - frame, top - frame, left + width + frame, top + height + frame), fill=255)
    _shadow(scene, mask, (12, 16), 14, 120)
    scene.paste((52, 46, 42), (0, 0), mask)
    return scene
