"""Drawing by arithmetic for the mock-ups: smooth shapes, soft fields, folds and light.

Everything is drawn in a square of 1000 × 1000 units whatever the size in pixels, and only from numbers that stand in
the code: the same call gives the same pixels on every machine. Fields are float32 arrays of (side, side).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from processors.artwork.drawing import SMOOTH, Rgb

Field: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8]
Point: TypeAlias = tuple[float, float]

#: The side of the square that all shapes are described in.
UNITS: Final = 1000.0
_CURVE_STEPS: Final = 24
#: Folds are computed on this many cells a side and scaled up smoothly: they hold no detail.
_RELIEF_CELLS: Final = 250


def grid(side_px: int) -> tuple[Field, Field]:
    """The units at the middle of each pixel: x as a row, y as a column, for broadcasting."""
    middles = (np.arange(side_px, dtype=np.float32) + np.float32(0.5)) * np.float32(UNITS / side_px)
    return middles[None, :], middles[:, None]


def curve(*points: Point) -> list[Point]:
    """A Bézier curve through its first and last point, bent by those between (up to two), as a polyline."""
    t = np.linspace(0, 1, _CURVE_STEPS)[:, None]
    corners = [np.array(point, np.float64) for point in points]
    while len(corners) > 1:
        corners = [one * (1 - t) + other * t for one, other in pairwise(corners)]
    return [(float(x), float(y)) for x, y in corners[0]]


def mirrored(points: Sequence[Point]) -> list[Point]:
    """The same points on the other side of the square's middle, in reverse order."""
    return [(UNITS - x, y) for x, y in reversed(points)]


def filled(side_px: int, *outlines: Sequence[Point]) -> Field:
    """How much of each pixel lies inside one of the outlines, from 0 to 1."""
    mask = Image.new("L", (side_px * SMOOTH, side_px * SMOOTH))
    draw, scale = ImageDraw.Draw(mask), side_px * SMOOTH / UNITS
    for outline in outlines:
        draw.polygon([(x * scale, y * scale) for x, y in outline], fill=255)
    return np.asarray(mask.reduce(SMOOTH), np.float32) / np.float32(255)


def stroked(side_px: int, lines: Sequence[Sequence[Point]], width_units: float, dash_units: float = 0.0) -> Field:
    """How much of each pixel the lines cover; with `dash_units` they are stitched: as long dashes as gaps."""
    mask = Image.new("L", (side_px * SMOOTH, side_px * SMOOTH))
    draw, scale = ImageDraw.Draw(mask), side_px * SMOOTH / UNITS
    width = max(1, round(width_units * scale))
    for line in lines:
        for piece in _dashes(line, dash_units) if dash_units else [list(line)]:
            draw.line([(x * scale, y * scale) for x, y in piece], fill=255, width=width, joint="curve")
    return np.asarray(mask.reduce(SMOOTH), np.float32) / np.float32(255)


def _dashes(line: Sequence[Point], dash_units: float) -> list[list[Point]]:
    points = np.array(line)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    starts = np.arange(0.0, lengths[-1], 2 * dash_units)
    ends = np.minimum(starts + dash_units, lengths[-1])
    x, y = ([np.interp(at, lengths, points[:, axis]) for at in (starts, ends)] for axis in (0, 1))
    return [[(x[0][i], y[0][i]), (x[1][i], y[1][i])] for i in range(len(starts))]


def resized(field: Field, width_px: int, height_px: int) -> Field:
    """A field at another size, smoothly."""
    picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(picture.resize((width_px, height_px), Image.Resampling.BICUBIC), np.float32)


def blurred(field: Field, radius_units: float) -> Field:
    """A field without detail finer than a radius (one standard deviation of a Gaussian)."""
    side = field.shape[0]
    radius_px = radius_units * side / UNITS
    # A coarse field is blurred and scaled up again: what is lost between is what a blur takes away.
    factor = max(1, int(radius_px / 2.5))
    cells = max(8, side // factor)
    sigma = radius_px * cells / side
    reach = max(1, round(3 * sigma))
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / max(sigma, 0.3)) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    coarse = field if cells == side else resized(field, cells, cells)
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach, reach)
        padded = np.pad(coarse, padding, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        coarse = np.asarray(windows @ kernel, np.float32)
    return coarse if cells == side else resized(coarse, side, side)


def noise(side_px: int, cell_units: float, seed: int) -> Field:
    """Smooth random hills of about that size, from -1 to 1; the seed names them for ever."""
    cells = max(2, round(UNITS / cell_units)) + 1
    rows, columns = np.mgrid[0:cells, 0:cells].astype(np.uint64)
    # An integer hash of the cell: random enough for cloth, and the same on every machine and release.
    value = rows * np.uint64(0x9E3779B1) ^ columns * np.uint64(0x85EBCA77) ^ np.uint64(seed * 0xC2B2AE3D)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        value = ((value ^ (value >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    lattice = ((value ^ (value >> np.uint64(15))) & np.uint64(0xFFFF)).astype(np.float32) / np.float32(32767.5) - 1
    return resized(lattice, side_px, side_px)


class Crease:
    """A ridge of cloth along a curve: highest along its line, fading at its ends. Lengths are units."""

    def __init__(self, height: float, width: float, *points: Point) -> None:
        self.height, self.width, self.points = height, width, points

    def other_side(self) -> Crease:
        """The same ridge mirrored."""
        return Crease(self.height, self.width, *((UNITS - x, y) for x, y in self.points))

    def relief(self, x: Field, y: Field) -> Field:
        """Its height at every cell of a grid."""
        line = np.array(curve(*self.points), np.float32)
        near = np.full((y.shape[0], x.shape[1]), np.float32(1e9))
        along = np.zeros_like(near)
        for number, (start, end) in enumerate(pairwise(line)):
            step = end - start
            length = float(step @ step) or 1.0
            t = np.clip(((x - start[0]) * step[0] + (y - start[1]) * step[1]) / length, 0, 1)
            distance = (x - start[0] - t * step[0]) ** 2 + (y - start[1] - t * step[1]) ** 2
            closer = distance < near
            near = np.where(closer, distance, near)
            along = np.where(closer, (number + t) / (len(line) - 1), along)
        fade = np.clip(np.sin(np.pi * along), 0, 1) ** 0.8
        return np.asarray(self.height * fade * np.exp(-near / self.width**2), np.float32)


def folded(side_px: int, creases: Sequence[Crease]) -> Field:
    """The height of cloth with these creases, in units."""
    x, y = grid(_RELIEF_CELLS)
    relief = np.zeros((_RELIEF_CELLS, _RELIEF_CELLS), np.float32)
    for crease in creases:
        relief += crease.relief(x, y)
    return resized(relief, side_px, side_px)


def slopes(height: Field) -> tuple[Field, Field]:
    """How steeply a height in units rises to the right and downwards (1 is 45 degrees)."""
    step = np.float32(UNITS / height.shape[0])
    down, right = np.gradient(height, step)
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def lit(colour: Rgb, light: Field, sheen: Field | float = 0.0) -> Field:
    """A matt colour under light (1 is the colour itself) with white sheen on top, as (rows, columns, 3) up to 255."""
    base = np.array(colour, np.float32)
    white = np.asarray(sheen, np.float32)
    return np.asarray(base * light[..., None] + (255 - base) * np.clip(white, 0, 1)[..., None], np.float32)


def over(below: Field, above: Field, mask: Field) -> Field:
    """One picture over another through a mask from 0 to 1."""
    return np.asarray(below + (above - below) * mask[..., None], np.float32)


def pixels(picture: Field) -> Pixels:
    """A float picture as bytes."""
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)
