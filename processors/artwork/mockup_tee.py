"""A T-shirt laid flat, drawn from curves: outline, collar, seams and the folds that also bend and shade the print."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from processors.artwork.drawing import Rgb, luminance
from processors.artwork.mockup_scene import Scene, Surface
from processors.artwork.mockup_shapes import (
    UNITS,
    Crease,
    Field,
    Point,
    blurred,
    curve,
    filled,
    folded,
    grid,
    lit,
    mirrored,
    noise,
    over,
    pixels,
    slopes,
    stroked,
)

#: A medium shirt is 520 mm wide from armpit to armpit: prints are shown at their size.
UNITS_PER_UM: Final = 0.000_91


class _Place(NamedTuple):
    """Where a print lies on the shirt: the middle of its top edge and the room that it may take, in units, and how far
    it is turned clockwise, in degrees.
    """

    middle: float
    top: float
    width: float
    height: float
    turn: float = 0.0


_CHEST: Final = _Place(500, 262, 380, 620)
_SHOULDERS: Final = _Place(500, 196, 380, 690)
#: As the wearer says it: the left sleeve is on the right of a shirt that is seen from the front.
_SLEEVES: Final = {"left": _Place(786, 262, 92, 130, -27), "right": _Place(214, 262, 92, 130, 27)}
#: How far a fold moves the print, in units for a slope of 1.
DISPLACEMENT: Final = 9.0

_LEFT: Final = (
    curve((404, 104), (340, 126), (262, 156))
    + curve((262, 156), (196, 196), (160, 278), (104, 388))
    + curve((104, 388), (160, 428), (228, 446))
    + curve((228, 446), (262, 396), (278, 336))
    + curve((278, 336), (274, 520), (282, 700), (264, 918))
)
_HEM: Final = curve((264, 918), (400, 936), (600, 936), (736, 918))
_NECK: Final = curve((596, 104), (572, 196), (428, 196), (404, 104))
#: From behind the neck is nearly closed.
_NAPE: Final = curve((596, 104), (550, 128), (450, 128), (404, 104))
_OUTLINE: Final = [*_LEFT, *_HEM, *mirrored(_LEFT), *_NECK]
_OUTLINE_BEHIND: Final = [*_LEFT, *_HEM, *mirrored(_LEFT), *_NAPE]
#: The inside of the back, seen through the neck opening.
_BACK: Final = [*curve((404, 104), (450, 118), (550, 118), (596, 104)), *_NECK]
_COLLAR: Final = [*_NECK, *curve((382, 110), (412, 226), (588, 226), (618, 110))]
_COLLAR_BEHIND: Final = [*_NAPE, *curve((382, 110), (440, 156), (560, 156), (618, 110))]
_BACK_COLLAR: Final = [
    *curve((404, 104), (450, 118), (550, 118), (596, 104)),
    *curve((590, 122), (550, 136), (450, 136), (410, 122)),
]

_ONE_SIDE: Final = (
    Crease(9, 15, (300, 352), (350, 400), (430, 420)),
    Crease(11, 17, (296, 372), (340, 470), (372, 560)),
    Crease(8, 16, (298, 420), (316, 560), (352, 690)),
    Crease(7, 22, (330, 640), (356, 760), (344, 930)),
    Crease(7, 20, (438, 650), (420, 790), (438, 930)),
    Crease(8, 13, (214, 226), (244, 300), (280, 344)),
    Crease(7, 14, (168, 290), (214, 350), (244, 420)),
    Crease(6, 12, (250, 190), (262, 260), (286, 330)),
    Crease(5, 14, (392, 150), (400, 220), (452, 262)),
)
_ALONE: Final = (
    Crease(6, 18, (318, 460), (420, 520), (540, 498)),
    Crease(7, 20, (690, 452), (590, 560), (470, 590)),
    Crease(6, 24, (512, 560), (500, 740), (520, 925)),
    Crease(5, 18, (704, 610), (620, 680), (560, 800)),
    Crease(5, 16, (300, 760), (400, 800), (480, 780)),
    Crease(4, 14, (430, 300), (520, 330), (610, 306)),
)


@dataclass(frozen=True)
class _Garment:
    """Everything about the shirt that its colour does not change; `ground` is the table with the shirt's shadow."""

    mask: Field
    height: Field
    light: Field
    back: Field
    back_collar: Field
    collar: Field
    groove: Field
    edge: Field
    ground: Field


@lru_cache(maxsize=2)
def _garment(side_px: int, behind: bool) -> _Garment:
    mask = filled(side_px, _OUTLINE_BEHIND if behind else _OUTLINE)
    creases = [*_ONE_SIDE, *(crease.other_side() for crease in _ONE_SIDE[1:]), *_ALONE]
    if behind:
        creases = [crease.other_side() for crease in creases]
    x, _ = grid(side_px)
    height = folded(side_px, creases)
    height = height + 5 * noise(side_px, 180, 3) + 2.2 * noise(side_px, 75, 4) + 0.5 * noise(side_px, 26, 5)
    # Cloth lies on the table at its edge and rises towards its middle.
    height = height + 22 * np.clip(blurred(mask, 15), 0.2, 1)
    right, down = slopes(height)
    facing = (right * 0.62 + down * 0.78) / np.sqrt(1 + right * right + down * down)
    # Valleys get less of the room's light than ridges.
    hollow = np.clip((blurred(height, 30) - height) / 14, -0.5, 1)
    light = 1 + 0.46 * facing - 0.12 * hollow + 0.006 * noise(side_px, 3.2, 6) - 0.05 * (x / UNITS - 0.5)
    groove, edge = _stitching(side_px, mask, behind)
    nothing = np.zeros_like(mask)
    return _Garment(
        mask=mask,
        height=np.asarray(height, np.float32),
        light=np.asarray(light, np.float32),
        back=nothing if behind else filled(side_px, _BACK),
        back_collar=nothing if behind else filled(side_px, _BACK_COLLAR),
        collar=filled(side_px, _COLLAR_BEHIND if behind else _COLLAR),
        groove=groove,
        edge=edge,
        ground=_ground(side_px, mask),
    )


def _stitching(side_px: int, mask: Field, behind: bool) -> tuple[Field, Field]:
    """How dark each pixel is in the groove of a seam or stitch, and how much it belongs to the light edge beneath."""
    sleeve_seam, sleeve_hem = curve((262, 156), (282, 230), (280, 336)), curve((104, 388), (160, 428), (228, 446))
    neck = curve((382, 110), (440, 156), (560, 156), (618, 110))
    opening = curve((404, 104), (450, 128), (550, 128), (596, 104))
    topstitch = curve((376, 114), (438, 164), (562, 164), (624, 114))
    if not behind:
        neck = curve((382, 110), (412, 226), (588, 226), (618, 110))
        opening = curve((404, 104), (428, 196), (572, 196), (596, 104))
        topstitch = curve((376, 114), (408, 235), (592, 235), (624, 114))
    hems = [
        [(x, y - lift) for x, y in hem] for hem in (_HEM, sleeve_hem, mirrored(sleeve_hem)) for lift in (15.0, 19.0)
    ]
    drawn = (
        (0.41, [neck, opening], 2.1, 0.0),
        (0.34, [sleeve_seam, mirrored(sleeve_seam)], 2.0, 0.0),
        (0.24, [topstitch, *hems], 1.1, 3.2),
    )
    groove, edge = np.zeros_like(mask), np.zeros_like(mask)
    for strength, lines, width, dash in drawn:
        beneath = [[(x + 0.8, y + 1.8) for x, y in line] for line in lines]
        groove = np.maximum(groove, np.float32(strength) * stroked(side_px, lines, width, dash))
        edge = np.maximum(edge, np.float32(strength) * stroked(side_px, beneath, width, dash))
    return groove * mask, edge * mask


def tee(colour: Rgb, area: str, print_um: Point, side_px: int) -> Scene:
    """The blank shirt in a colour, from the side that an area of this name (front, back, left-sleeve …) is on.

    `print_um` is width and height of the print in micrometres.
    """
    words = set(area.lower().replace("_", "-").split("-"))
    behind = "back" in words
    place = _SHOULDERS if behind else _CHEST
    if "sleeve" in words:
        place = _SLEEVES["right" if "right" in words else "left"]
    shirt = _garment(side_px, behind)
    dark, light = 1 - luminance(colour), shirt.light
    # Dark cloth swallows shadows, so its folds show by what they reflect; white cloth shows them by its shadows.
    cloth = lit(colour, np.clip(0.91 * light, 0, 1), 0.25 * dark * np.clip(light - 0.82, 0, 1))
    picture = over(shirt.ground, cloth, shirt.mask)
    _, y = grid(side_px)
    inside = lit(colour, np.broadcast_to(np.clip(0.60 + 0.0012 * (y - 104), 0, 1), light.shape), 0.02 * dark)
    picture = over(picture, inside, shirt.back)
    picture = over(picture, lit(colour, np.full_like(light, 0.70), 0.02 * dark), shirt.back_collar)
    ribbed = lit(colour, np.clip(0.90 * light, 0, 1), 0.09 * dark * np.clip(light - 0.7, 0, 1))
    picture = over(picture, ribbed, shirt.collar)
    # A seam is a dark groove with a light edge under it; on dark cloth the edge is what shows.
    picture = picture + (255 - picture) * (shirt.edge * np.float32(0.05 + 0.16 * dark))[..., None]
    picture = picture * (1 - shirt.groove * np.float32(0.62 + 0.3 * dark))[..., None]
    return _with_print(picture, shirt, place, print_um, side_px)


def _ground(side_px: int, mask: Field) -> Field:
    """A light table with the shirt's shadow."""
    x, y = grid(side_px)
    room = 226 - 20 * ((x - 420) ** 2 + (y - 380) ** 2) / UNITS**2 + 1.2 * noise(side_px, 4, 9)
    moved = np.roll(mask, (round(16 * side_px / UNITS), round(12 * side_px / UNITS)), axis=(0, 1))
    near = np.roll(mask, (round(5 * side_px / UNITS), round(4 * side_px / UNITS)), axis=(0, 1))
    room = room * (1 - 0.26 * blurred(moved, 20)) * (1 - 0.30 * blurred(near, 5))
    return np.asarray(room[..., None] * np.array([1.0, 0.996, 0.988], np.float32), np.float32)


def _with_print(picture: Field, shirt: _Garment, place: _Place, print_um: Point, side_px: int) -> Scene:
    """The scene of a finished picture of the shirt: where its folds carry a print, and how they shade it."""
    scale = side_px / UNITS
    shrunk = min(1.0, place.width / (print_um[0] * UNITS_PER_UM), place.height / (print_um[1] * UNITS_PER_UM))
    width, tall = (length * UNITS_PER_UM * shrunk * scale for length in print_um)
    middle, top = place.middle * scale, place.top * scale
    # Folds and a turn may carry the print a little beyond its place.
    reach_x = width / 2 + 12 * scale + (0.5 * tall if place.turn else 0)
    reach_y = 12 * scale + (0.4 * width if place.turn else 0)
    rows = slice(max(0, round(top - reach_y)), min(side_px, round(top + tall + reach_y)))
    columns = slice(max(0, round(middle - reach_x)), min(side_px, round(middle + reach_x)))
    right, down = slopes(blurred(shirt.height, 6))
    y, x = np.mgrid[rows, columns].astype(np.float32) + np.float32(0.5)
    shift = np.float32(DISPLACEMENT * scale)
    x = x - np.float32(middle) + shift * right[rows, columns]
    y = y - np.float32(top) + shift * down[rows, columns]
    turn = math.radians(place.turn)
    along, below = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    light = shirt.light[rows, columns]
    return Scene(
        blank=pixels(picture),
        surface=Surface(
            left_px=columns.start,
            top_px=rows.start,
            across=np.asarray(along / width + 0.5, np.float32),
            down=np.asarray(below / tall, np.float32),
            light=np.clip(0.97 * light, 0, 1),
            gloss=np.clip(0.10 * (light - 0.98), 0, 1),
            cover=0.99 * shirt.mask[rows, columns],
        ),
        print_width_px=max(1, round(width)),
        print_height_px=max(1, round(tall)),
    )
