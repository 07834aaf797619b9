"""Small arithmetic on pictures that the comparison is made of. All arrays are float32, values 0 to 255."""

from __future__ import annotations

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


def box_mean(plane: Plane, side: int, step: int = 1) -> Plane:
    """Mean over a square of `side` pixels (odd) around each pixel; the edge is repeated outwards.

    With `step` only around every so many pixels across and down, from the middle of the first step on.
    """
    summed = np.pad(plane, side // 2 + 1, mode="edge").cumsum(0, dtype=np.float64).cumsum(1)
    height, width = plane.shape
    first = step // 2
    high, right = slice(side + first, side + height, step), slice(side + first, side + width, step)
    low, left = slice(first, height, step), slice(first, width, step)
    total = summed[high, right] - summed[low, right] - summed[high, left] + summed[low, left]
    return np.asarray(total / (side * side), np.float32)


def smoothed(plane: Plane, passes: int = 1) -> Plane:
    """The plane under a small bell (1 2 1 both ways), so often."""
    for _ in range(passes):
        padded = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
        plane = np.asarray((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, np.float32)
        padded = np.pad(plane, ((0, 0), (1, 1)), mode="edge")
        plane = np.asarray((padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4, np.float32)
    return plane


def edges(picture: Plane) -> Plane:
    """How much each pixel of an RGB picture differs from its neighbours: the largest of its channels.

    It does not care which channel is which, nor about light that changes slowly.
    """
    strength = np.zeros(picture.shape[:2], np.float32)
    for channel in range(3):
        plane = picture[..., channel]
        across, down = np.zeros_like(plane), np.zeros_like(plane)
        across[:, 1:-1] = plane[:, 2:] - plane[:, :-2]
        down[1:-1] = plane[2:] - plane[:-2]
        np.maximum(strength, np.hypot(across, down), out=strength)
    return strength


def resized(picture: Plane, size: tuple[int, int]) -> Plane:
    """An RGB picture at another size (width, height), averaged where it becomes smaller."""
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)


def tile_means(plane: Plane, side: int) -> Plane:
    """Means of the whole tiles of `side` pixels, from the upper left corner; what is left over is not counted."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    tiles = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(tiles.mean(axis=(1, 3)), np.float32)


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
