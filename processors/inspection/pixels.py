"""Small arithmetic on pictures that the comparison is made of. All arrays are float32, values 0 to 255."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane: TypeAlias = NDArray[np.float32]
"""One channel (height, width), or three (height, width, 3)."""

Mask: TypeAlias = NDArray[np.bool_]

#: Rec. 709 weights of the channels in what the eye sees as brightness.
LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


def luma(picture: Plane) -> Plane:
    """Brightness of an RGB picture."""
    return np.asarray(picture @ LUMA, np.float32)


def box_mean(plane: Plane, side: int) -> Plane:
    """Mean over a square of `side` pixels (odd) around each pixel; the edge is repeated outwards."""
    summed = np.pad(plane, side // 2 + 1, mode="edge").cumsum(0, dtype=np.float64).cumsum(1)
    height, width = plane.shape
    high, right = slice(side, side + height), slice(side, side + width)
    total = summed[high, right] - summed[:height, right] - summed[high, :width] + summed[:height, :width]
    return np.asarray(total / (side * side), np.float32)


def tile_mean(plane: Plane, side: int, step: int) -> Plane:
    """`box_mean` (odd side) only around every so many pixels across and down, from the middle of the first step on.

    Two products with band matrices: in linear algebra that is a fraction of what sums over every pixel cost.
    """
    down = _averaging(plane.shape[0], side, step)
    across = _averaging(plane.shape[1], side, step)
    return np.asarray(down @ plane @ across.T, np.float32)


@lru_cache(maxsize=32)
def _averaging(length: int, side: int, step: int) -> Plane:
    """Each row is the mean of `side` neighbours along a line of `length` pixels, which are repeated at its ends."""
    centres = np.arange(step // 2, length, step)
    near = np.clip(centres[:, None] + np.arange(-(side // 2), side // 2 + 1), 0, length - 1)
    weights = np.zeros((len(centres), length), np.float32)
    np.add.at(weights, (np.arange(len(centres))[:, None], near), 1 / side)
    weights.setflags(write=False)
    return weights


def smoothed(plane: Plane, passes: int = 1) -> Plane:
    """The plane under a small bell (1 2 1 both ways), so often; the edge is repeated outwards."""
    for _ in range(passes):
        down = 2 * plane
        down[1:] += plane[:-1]
        down[:-1] += plane[1:]
        down[[0, -1]] += plane[[0, -1]]
        across = 2 * down
        across[:, 1:] += down[:, :-1]
        across[:, :-1] += down[:, 1:]
        across[:, [0, -1]] += down[:, [0, -1]]
        across *= 1 / 16
        plane = across
    return plane


def smoothed_colour(picture: Plane) -> Plane:
    """An RGB picture, each channel under a small bell."""
    return np.stack([smoothed(picture[..., channel]) for channel in range(3)], axis=-1)


def edges(picture: Plane) -> Plane:
    """How much each pixel of an RGB picture differs from its neighbours: the largest of its channels.

    It does not care which channel is which, nor about light that changes slowly.
    """
    strength = np.zeros(picture.shape[:2], np.float32)
    for channel in range(3):
        plane = np.ascontiguousarray(picture[..., channel])
        squared = np.zeros_like(plane)
        across = plane[:, 2:] - plane[:, :-2]
        squared[:, 1:-1] = np.multiply(across, across, out=across)
        down = plane[2:] - plane[:-2]
        squared[1:-1] += np.multiply(down, down, out=down)
        np.maximum(strength, squared, out=strength)
    return np.asarray(np.sqrt(strength, out=strength))


def slopes(plane: Plane) -> tuple[Plane, Plane]:
    """How much a plane rises a pixel, across and down; 0 at its rim."""
    across, down = np.zeros_like(plane), np.zeros_like(plane)
    across[1:-1, 1:-1] = (plane[1:-1, 2:] - plane[1:-1, :-2]) * 0.5
    down[1:-1, 1:-1] = (plane[2:, 1:-1] - plane[:-2, 1:-1]) * 0.5
    return across, down


def halved(picture: Plane) -> Plane:
    """A plane or an RGB picture at half its size; both sides are even."""
    rows = picture[::2] + picture[1::2]
    mean = rows[:, ::2] + rows[:, 1::2]
    mean *= 0.25
    return np.asarray(mean)


def resized(picture: Plane, size: tuple[int, int]) -> Plane:
    """An RGB picture at another size (width, height), averaged where it becomes smaller."""
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)


def lab(colour: Plane) -> Plane:
    """CIE L*a*b* (D65) of sRGB colours, channels last."""
    share = np.clip(colour, 0, 255) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    bright = 116 * root[..., 1] - 16
    red, yellow = 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])
    return np.asarray(np.stack([bright, red, yellow], axis=-1), np.float32)


#: IEC 61966-2-1: linear sRGB to XYZ, and the white that it is relative to (D65).
_TO_XYZ: Final = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float64)
_WHITE: Final = np.array([0.95047, 1.0, 1.08883])
