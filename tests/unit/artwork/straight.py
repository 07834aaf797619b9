"""The renderer's arithmetic written down a second time, straight from its definitions and without its libraries.

Slow and in floating point: what the golden pictures are made with. Pixels are arrays of (height, width, 4), RGBA.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats: TypeAlias = NDArray[np.float64]


def rgba(picture: Image.Image) -> Floats:
    """A picture's samples."""
    return np.asarray(picture.convert("RGBA"), np.float64)


def premultiplied(pixels: Floats) -> Floats:
    """Colours weighted by their coverage, as all mixing of pixels is done."""
    weighted = pixels.copy()
    weighted[..., :3] *= weighted[..., 3:] / 255
    return weighted


def lanczos(pixels: Floats, width: int, height: int, box: tuple[float, float, float, float]) -> Floats:
    """A part of premultiplied pixels (left, top, right, bottom, with fractions) scaled by the Lanczos kernel of 3."""
    across = _weights(pixels.shape[1], width, box[0], box[2])
    down = _weights(pixels.shape[0], height, box[1], box[3])
    scaled: Floats = np.clip(np.einsum("yv,vuc,xu->yxc", down, pixels, across, optimize=True), 0, 255)
    # The kernel swings beyond its ends; no colour can be stronger than its coverage.
    scaled[..., :3] = np.minimum(scaled[..., :3], scaled[..., 3:])
    return scaled


def _weights(length: int, target: int, start: float, end: float) -> Floats:
    """(target, length): how much of each source pixel comes into each target pixel along one axis."""
    scale = (end - start) / target
    stretch = max(scale, 1.0)
    middles = start + (np.arange(target) + 0.5) * scale
    distance = (np.arange(length)[None, :] + 0.5 - middles[:, None]) / stretch
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def fitted(
    picture: Floats, fit: str, box: tuple[int, int, int, int], canvas: tuple[int, int], align: tuple[float, float]
) -> Floats:
    """A whole canvas (width, height) with a picture in a box by one of the fits; premultiplied.

    `align` says how much of the room (or of what is cut off) lies left of and above the picture: 0, ½ or 1.
    """
    left, top, right, bottom = box
    room = np.array([right - left, bottom - top])
    size = np.array([picture.shape[1], picture.shape[0]], np.float64)
    used, target, start = (0.0, 0.0, size[0], size[1]), room, np.array([left, top])
    if fit == "fill":
        part = room / max(room / size)
        cut = (size - part) * np.array(align)
        used = (cut[0], cut[1], cut[0] + part[0], cut[1] + part[1])
    elif fit == "fit":
        target = np.rint(size * min(room / size)).astype(int)
        start = start + np.floor((room - target) * np.array(align)).astype(int)
    sheet = np.zeros((canvas[1], canvas[0], 4))
    scaled = lanczos(premultiplied(picture), int(target[0]), int(target[1]), used)
    sheet[start[1] : start[1] + target[1], start[0] : start[0] + target[0]] = scaled
    return sheet


def blended(below: Floats, above: Floats, blend: str, opacity: float) -> Floats:
    """Two layers after "Compositing and Blending Level 1" of the W3C; premultiplied."""
    cover_below, cover = below[..., 3:] / 255, above[..., 3:] / 255 * opacity
    one, other = below[..., :3] / 255, above[..., :3] / 255
    mixed = {"normal": other, "multiply": one * other, "screen": one + other - one * other}[blend]
    colour = (1 - cover_below) * other + cover_below * mixed
    out = cover * colour + (1 - cover) * cover_below * one
    return np.asarray(255 * np.concatenate([out, cover + cover_below * (1 - cover)], axis=-1), np.float64)


def waves(x: Floats, y: Floats) -> Floats:
    """A smooth picture given by a formula: the colour at any point from 0 to 1 across and down."""
    red = 128 + 90 * np.sin(2.2 * x + 0.4) * np.cos(1.3 * y)
    green = 128 + 90 * np.cos(1.1 * x + 2.4 * y)
    blue = 40 + 150 * x * (1 - 0.5 * y)
    return np.stack([red, green, blue], axis=-1)


def wave_picture(width: int, height: int) -> Image.Image:
    """The formula's picture in so many pixels."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.rint(waves((x + 0.5) / width, (y + 0.5) / height)).astype(np.uint8))


def turned_waves(
    size: tuple[float, float], degrees: float, box: tuple[int, int, int, int], canvas: tuple[int, int]
) -> tuple[Floats, NDArray[np.bool_]]:
    """The formula's picture of that size, turned clockwise about the middle of a box: colours, and where it is."""
    y, x = np.mgrid[0 : canvas[1], 0 : canvas[0]]
    from_x, from_y = x + 0.5 - (box[0] + box[2]) / 2, y + 0.5 - (box[1] + box[3]) / 2
    angle = math.radians(degrees)
    # Turned back: where on the upright picture this pixel of the canvas lies, from 0 to 1.
    u = (from_x * math.cos(angle) + from_y * math.sin(angle)) / size[0] + 0.5
    v = (-from_x * math.sin(angle) + from_y * math.cos(angle)) / size[1] + 0.5
    inside = (np.abs(u - 0.5) < 0.5) & (np.abs(v - 0.5) < 0.5)
    within = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
    return waves(u, v), inside & within
