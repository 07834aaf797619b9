"""A framed poster on a wall with the light of a window, and a sheet lying on a table."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from processors.artwork.drawing import Rgb, fitted
from processors.artwork.mockup_scene import Scene, Surface
from processors.artwork.mockup_shapes import UNITS, Field, Point, blurred, filled, grid, noise, over, pixels, resized

#: The middle of the poster and the room that it may take, in units; the frame's and its passe-partout's width.
_POSTER_MIDDLE: Final[Point] = (500.0, 462.0)
_POSTER_ROOM: Final[Point] = (620.0, 690.0)
_FRAME: Final = 15.0
_SHEET_ROOM: Final[Point] = (700.0, 700.0)
_WALL: Final = np.array([229, 226, 220], np.float32)
_BOARD: Final = np.array([236, 235, 232], np.float32)
_WOOD: Final = np.array([176, 140, 104], np.float32)
_STONE: Final = np.array([205, 203, 199], np.float32)


def poster(colour: Rgb, print_um: Point, side_px: int) -> Scene:
    """A framed sheet of paper in a colour; `print_um` is width and height of the print in micrometres."""
    width, height = _fitted(print_um, _POSTER_ROOM, side_px)
    middle_x, middle_y = (round(part * side_px / UNITS) for part in _POSTER_MIDDLE)
    box = (middle_x - width // 2, middle_y - height // 2, width, height)
    light = _window_light(side_px)
    picture = _framed(side_px, box) * light[..., None]
    # Behind glass the light of the room is a little weaker, and the frame's shadow falls on the sheet.
    x, y = _within(box)
    depth = 7 * side_px / UNITS
    shade = 1 - 0.24 * np.exp(-x / depth) - 0.30 * np.exp(-y / depth)
    rows, columns = slice(box[1], box[1] + height), slice(box[0], box[0] + width)
    sheet_light = np.clip(0.985 * shade * light[rows, columns], 0, 1)
    picture[rows, columns] = np.array(colour, np.float32) * sheet_light[..., None]
    glass = 0.045 * np.clip(1 - np.abs((x + 0.9 * y) / width - 0.62) / 0.26, 0, 1) ** 0.5
    return _flat_scene(picture, box, np.asarray(sheet_light, np.float32), np.asarray(glass, np.float32))


def flat(colour: Rgb, print_um: Point, side_px: int) -> Scene:
    """A sheet in a colour on a stone table; it rises a little at one corner."""
    width, height = _fitted(print_um, _SHEET_ROOM, side_px)
    box = ((side_px - width) // 2, (side_px - height) // 2, width, height)
    light = _window_light(side_px)
    scale = UNITS / side_px
    left, top, right, bottom = box[0] * scale, box[1] * scale, (box[0] + width) * scale, (box[1] + height) * scale
    sheet = filled(side_px, [(left, top), (right, top), (right, bottom), (left, bottom)])
    raised = filled(
        side_px, [(left + 6, top + 10), (right + 14, top + 10), (right + 26, bottom + 24), (left + 6, bottom + 12)]
    )
    table = (
        _STONE
        * (1 + 0.020 * noise(side_px, 60, 21) + 0.016 * noise(side_px, 9, 22) + 0.012 * noise(side_px, 3, 23))[
            ..., None
        ]
    )
    table = table * (1 - 0.30 * blurred(raised, 12) - 0.16 * blurred(sheet, 4))[..., None]
    light = 0.55 * light + 0.45 * np.float32(0.93)
    picture = table * light[..., None]
    x, y = _within(box)
    # The paper's bend towards its lower right corner catches the light and then loses it.
    bend = np.clip((x / width + y / height - 1.25) / 0.75, 0, 1)
    sheet_light = np.clip(
        (0.97 + 0.05 * bend - 0.20 * bend**3) * light[box[1] : box[1] + height, box[0] : box[0] + width], 0, 1
    )
    rows, columns = slice(box[1], box[1] + height), slice(box[0], box[0] + width)
    picture[rows, columns] = np.array(colour, np.float32) * sheet_light[..., None]
    return _flat_scene(picture, box, np.asarray(sheet_light, np.float32), np.zeros((height, width), np.float32))


def _fitted(print_um: Point, room: Point, side_px: int) -> tuple[int, int]:
    """The print's size in pixels, as large as the room allows."""
    scale = side_px / UNITS
    return fitted(round(print_um[0]), round(print_um[1]), round(room[0] * scale), round(room[1] * scale))


def _within(box: tuple[int, int, int, int]) -> tuple[Field, Field]:
    """Pixels from the left and from the top of a box, to the middle of each pixel."""
    y, x = np.mgrid[0 : box[3], 0 : box[2]].astype(np.float32) + np.float32(0.5)
    return x, y


def _flat_scene(picture: Field, box: tuple[int, int, int, int], light: Field, gloss: Field) -> Scene:
    left, top, width, height = box
    x, y = _within(box)
    return Scene(
        blank=pixels(picture),
        surface=Surface(
            left_px=left,
            top_px=top,
            across=x / np.float32(width),
            down=y / np.float32(height),
            light=light,
            gloss=gloss,
            cover=np.ones((height, width), np.float32),
        ),
        print_width_px=width,
        print_height_px=height,
    )


@lru_cache(maxsize=2)
def _window_light(side_px: int) -> Field:
    """The light of a window with a cross in it, falling slantwise, 1 is a bright room."""
    x, y = grid(side_px)
    # The window's own coordinates: the beam leans, so that its uprights are slanted on the wall.
    across = (x + 0.42 * y - 500) / 560
    down = (y - 0.10 * x - 40) / 860
    panes = np.zeros((side_px, side_px), np.float32)
    for start, end in ((0.04, 0.47), (0.53, 0.96)):
        for top, foot in ((0.02, 0.46), (0.51, 0.97)):
            inside = (across > start) & (across < end) & (down > top) & (down < foot)
            panes = np.maximum(panes, inside.astype(np.float32))
    room = 0.90 - 0.10 * ((x - 380) ** 2 + (y - 330) ** 2) / UNITS**2
    return np.asarray(room + 0.09 * blurred(panes, 12), np.float32)


def _framed(side_px: int, box: tuple[int, int, int, int]) -> Field:
    """The wall, a board at its foot, and the frame with its shadow; still without the light of the window."""
    scale = UNITS / side_px
    left, top = box[0] * scale, box[1] * scale
    right, bottom = (box[0] + box[2]) * scale, (box[1] + box[3]) * scale
    x, y = grid(side_px)
    wall = _WALL * (1 + 0.006 * noise(side_px, 2.6, 31) + 0.008 * noise(side_px, 40, 32))[..., None]
    frame = _rectangle(side_px, left - _FRAME, top - _FRAME, right + _FRAME, bottom + _FRAME)
    cast = _rectangle(side_px, left - _FRAME + 14, top - _FRAME + 18, right + _FRAME + 16, bottom + _FRAME + 24)
    wall = wall * (1 - 0.30 * blurred(cast, 15) - 0.22 * blurred(frame, 4))[..., None]
    # Grain runs along each of the four mouldings.
    lying = (y < top) | (y > bottom)
    grain = np.where(lying, _grain(side_px, True), _grain(side_px, False))
    moulding = np.minimum(
        np.minimum(x - left + _FRAME, right + _FRAME - x), np.minimum(y - top + _FRAME, bottom + _FRAME - y)
    )
    rounded = 1 + 0.16 * np.cos(np.clip(moulding / _FRAME, 0, 1) * np.pi) * np.where(
        (x - left < y - top) & (x - left < bottom - y) | (y - top < right - x) & (y - top < bottom - y), 1, -1
    )
    wood = _WOOD * ((0.97 + 0.07 * grain) * rounded)[..., None]
    return over(wall, np.asarray(wood, np.float32), frame)


def _grain(side_px: int, lying: bool) -> Field:
    """Wood grain: noise drawn out along one direction."""
    step = max(1, side_px // 14)
    fine = noise(side_px, 2.4, 42)
    return resized(fine[:, ::step] if lying else fine[::step], side_px, side_px)


def _rectangle(side_px: int, left: float, top: float, right: float, bottom: float) -> Field:
    return filled(side_px, [(left, top), (right, top), (right, bottom), (left, bottom)])
