"""A mug on a table, drawn as the cylinder that it is: the print goes around it, under its glaze."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from processors.artwork.drawing import Rgb, luminance
from processors.artwork.mockup_scene import Scene, Surface
from processors.artwork.mockup_shapes import UNITS, Field, Point, blurred, curve, filled, grid, lit, noise, over, pixels

#: An 11 oz mug: 82 mm across and 95 mm high, so that a print of known size is shown at its size.
DIAMETER_UM: Final = 82_000
HEIGHT_UM: Final = 95_000

#: The body in units: its middle, half its width, the rim's and the foot's height in the picture.
_MIDDLE: Final = 452.0
_RADIUS: Final = 258.0
_RIM: Final = 218.0
_FOOT: Final = 792.0
#: Half the height of the rim's and of the foot's ellipse: the camera looks down on it a little.
_RIM_TILT: Final = 40.0
_FOOT_TILT: Final = 62.0
_WALL: Final = 13.0


def _ellipse(
    half_width: float, half_height: float, middle_y: float, start: float = 0.0, end: float = 360.0
) -> list[Point]:
    steps = np.radians(np.linspace(start, end, 120))
    return [(_MIDDLE + half_width * math.cos(a), middle_y + half_height * math.sin(a)) for a in steps]


#: Around the rim's far side, down the right, around the front of the foot and up the left.
_BODY: Final = [*_ellipse(_RADIUS, _RIM_TILT, _RIM, 180, 360), *_ellipse(_RADIUS, _FOOT_TILT, _FOOT, 0, 180)]
_HANDLE: Final = [
    *curve((696, 318), (880, 268), (930, 400), (880, 560)),
    *curve((880, 560), (850, 668), (770, 700), (692, 690)),
]
_HANDLE_WIDTH: Final = 30.0


def mug(colour: Rgb, print_um: Point, side_px: int) -> Scene:
    """The blank mug in a colour; `print_um` is width and height of the print around it, in micrometres."""
    light, gloss = _body_light(side_px)
    dark = 1 - luminance(colour)
    picture = _table(side_px)
    picture = _with_handle(picture, colour, side_px)
    body = lit(colour, light, gloss * np.float32(0.55 + 0.45 * dark))
    picture = over(picture, body, filled(side_px, _BODY))
    picture = _with_rim(picture, colour, side_px)
    return _with_print(picture, light, gloss, print_um, side_px)


def _turn(x: Field) -> Field:
    """The angle by which the wall turns away from the viewer, in radians: 0 in front, ±π/2 at the sides."""
    return np.asarray(np.arcsin(np.clip((x - _MIDDLE) / _RADIUS, -1, 1)), np.float32)


@lru_cache(maxsize=2)
def _body_light(side_px: int) -> tuple[Field, Field]:
    """Light and gloss of the body. A large soft window stands on the left, a weak one on the right."""
    x, y = grid(side_px)
    turn = _turn(x)
    down = np.clip((y - _RIM) / (_FOOT - _RIM), 0, 1)
    light = 0.66 + 0.36 * np.clip(np.cos(turn + 0.55), 0, 1) ** 1.15
    # At its edge glazed ware mirrors the bright table; the foot stands in its own shadow.
    light = light + 0.10 * np.clip(np.abs(turn) - 1.22, 0, 1) * 2
    edge = _FOOT + _FOOT_TILT * np.cos(turn) - y
    light = light * (1 - 0.10 * down**3) * (1 - 0.22 * np.exp(-np.clip(edge, 0, 200) / 9))
    window = np.exp(-(((turn + 0.80) / 0.115) ** 4)) * np.exp(
        -((np.clip(np.abs(down - 0.46) - 0.33, 0, 1) / 0.06) ** 2)
    )
    strip = np.exp(-(((turn - 1.08) / 0.06) ** 2)) * np.exp(-((np.clip(np.abs(down - 0.5) - 0.34, 0, 1) / 0.08) ** 2))
    gloss = 0.30 * window + 0.16 * strip
    shape = (side_px, side_px)
    return np.broadcast_to(light, shape).astype(np.float32), np.broadcast_to(gloss, shape).astype(np.float32)


@lru_cache(maxsize=2)
def _table(side_px: int) -> Field:
    """A backdrop that runs into a table without an edge, with the mug's shadow."""
    x, y = grid(side_px)
    room = 232 - 34 * ((x - 400) ** 2 + 0.6 * (y - 420) ** 2) / UNITS**2
    room = (
        room - 16 * np.clip((y - 560) / 240, 0, 1) * np.clip((1000 - y) / 260, 0.35, 1) + 0.7 * noise(side_px, 3.0, 11)
    )
    contact = filled(side_px, _ellipse(_RADIUS - 12, _FOOT_TILT - 2, _FOOT + 16))
    cast = filled(
        side_px,
        [
            (x0 + 0.35 * (y0 - _FOOT) + 70, _FOOT + 24 + 0.9 * (y0 - _FOOT))
            for x0, y0 in _ellipse(_RADIUS + 20, _FOOT_TILT, _FOOT)
        ],
        [(x0 * 0.96 + 120, _FOOT + 22 + (y0 - 700) * 0.10) for x0, y0 in _HANDLE],
    )
    room = room * (1 - 0.55 * blurred(contact, 12)) * (1 - 0.34 * blurred(cast, 34))
    return np.asarray(room[..., None] * np.array([1.0, 0.995, 0.985], np.float32), np.float32)


@lru_cache(maxsize=2)
def _handle_shape(side_px: int) -> tuple[Field, Field, Field]:
    """The handle's mask, its light and its gloss: a bent tube."""
    x, y = grid(side_px)
    line = np.array(_HANDLE, np.float32)
    near = np.full((side_px, side_px), np.float32(1e9))
    side_x, side_y = np.zeros_like(near), np.zeros_like(near)
    columns = slice(round(0.66 * side_px), round(0.96 * side_px))
    rows = slice(round(0.24 * side_px), round(0.74 * side_px))
    x, y = x[:, columns], y[rows]
    for start, end in pairwise(line):
        step = end - start
        t = np.clip(((x - start[0]) * step[0] + (y - start[1]) * step[1]) / max(float(step @ step), 1e-6), 0, 1)
        away_x, away_y = x - start[0] - t * step[0], y - start[1] - t * step[1]
        distance = away_x**2 + away_y**2
        closer = distance < near[rows, columns]
        for held, new in ((near, distance), (side_x, away_x), (side_y, away_y)):
            held[rows, columns] = np.where(closer, new, held[rows, columns])
    distance = np.sqrt(near)
    mask = np.clip((_HANDLE_WIDTH - distance) * side_px / UNITS + 0.5, 0, 1)
    lean_x, lean_y = side_x / _HANDLE_WIDTH, side_y / _HANDLE_WIDTH
    facing = np.sqrt(np.clip(1 - lean_x**2 - lean_y**2, 0, 1))
    towards = np.clip(facing * 0.72 - lean_x * 0.42 - lean_y * 0.55, 0, 1)
    gloss = 0.42 * np.exp(-((np.clip(1 - towards, 0, 1) / 0.11) ** 2))
    return np.asarray(mask, np.float32), np.asarray(0.56 + 0.44 * towards, np.float32), np.asarray(gloss, np.float32)


def _with_handle(picture: Field, colour: Rgb, side_px: int) -> Field:
    mask, light, gloss = _handle_shape(side_px)
    x, _ = grid(side_px)
    # Where the handle meets the body it stands in its shadow.
    shaded = light * np.clip(0.62 + (x - 690) / 150, 0, 1)
    return over(picture, lit(colour, np.asarray(shaded, np.float32), gloss), mask)


def _with_rim(picture: Field, colour: Rgb, side_px: int) -> Field:
    """The lip, and the inside that is seen beyond it."""
    x, y = grid(side_px)
    dark = 1 - luminance(colour)
    lip = filled(side_px, _ellipse(_RADIUS, _RIM_TILT, _RIM))
    around = np.clip(0.5 - 0.5 * (x - _MIDDLE) / _RADIUS, 0, 1) + 0 * y
    picture = over(picture, lit(colour, 0.90 + 0.10 * around, 0.16 * dark + 0.10 * around), lip)
    hole = filled(side_px, _ellipse(_RADIUS - _WALL, _RIM_TILT - 7, _RIM + 1))
    # Light falls over the left lip onto the right inner wall; the depth is dark.
    depth = np.clip((y - _RIM + _RIM_TILT) / (2 * _RIM_TILT), 0, 1)
    inner = 0.50 + 0.30 * (1 - around) * (1 - depth) + 0.14 * (1 - depth)
    return over(picture, lit(colour, np.asarray(inner, np.float32), 0.04 * dark * (1 - depth) + 0 * x), hole)


def _with_print(picture: Field, light: Field, gloss: Field, print_um: Point, side_px: int) -> Scene:
    scale = side_px / UNITS
    # The same number of units for a millimetre around the mug and up its side.
    units_per_um = min((_FOOT - _RIM) / HEIGHT_UM, 0.94 * (_FOOT - _RIM) / print_um[1])
    radius_um = max(DIAMETER_UM / 2, print_um[0] / (2 * math.pi))
    tall = print_um[1] * units_per_um
    rows = slice(round((_RIM - 5) * scale), min(side_px, round((_FOOT + _FOOT_TILT + 10) * scale)))
    columns = slice(round((_MIDDLE - _RADIUS) * scale), round((_MIDDLE + _RADIUS) * scale))
    x, y = grid(side_px)
    turn = _turn(x[:, columns])
    y = y[rows]
    top = _RIM + ((_FOOT - _RIM) - tall) / 2
    # A level line on the wall is seen as an ellipse, flat at the rim and rounder towards the foot.
    share = np.clip((y - _RIM) / (_FOOT - _RIM), 0, 1.2)
    bend = (_RIM_TILT + (_FOOT_TILT - _RIM_TILT) * share) * np.cos(turn)
    around = turn * radius_um / print_um[0] + 0.5
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    # At the very edge a column would be squeezed into nothing.
    cover = np.clip((np.cos(turn) - 0.03) * 12, 0, 1)
    return Scene(
        blank=pixels(picture),
        surface=Surface(
            left_px=columns.start,
            top_px=rows.start,
            across=np.broadcast_to(around, shape),
            down=np.asarray((y - top - bend + 0.5 * _RIM_TILT) / tall, np.float32),
            light=np.clip(light[rows, columns], 0, 1),
            gloss=gloss[rows, columns] * np.float32(0.75),
            cover=np.broadcast_to(cover, shape),
        ),
        print_width_px=max(1, round(print_um[0] * units_per_um * scale)),
        print_height_px=max(1, round(tall * scale)),
    )
