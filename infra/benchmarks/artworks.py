"""Artworks made by seed, one of each kind that compresses differently: photo, flat, pattern, halftone."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from processors.artwork.picture import srgb_bytes

SIDE_PX: Final = 3000


def photo(side_px: int = SIDE_PX, seed: int = 7) -> Image.Image:
    """A cut-out with a photograph's statistics: detail at every scale, some sensor noise, a smooth outline."""
    random = np.random.default_rng(seed)
    base = np.zeros((side_px, side_px, 3), np.float32)
    for cells, strength in ((6, 90), (24, 40), (96, 18), (384, 7)):
        small = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        layer = np.asarray(small.resize((side_px, side_px), Image.Resampling.BICUBIC), np.float32)
        base += (layer - 128) * (strength / 128)
    base += random.normal(0, 2, base.shape).astype(np.float32)
    rgb = np.clip(base + 128, 0, 255).astype(np.uint8)
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    distance = np.hypot((x - side_px / 2) / (side_px * 0.46), (y - side_px / 2) / (side_px * 0.48))
    alpha = np.clip((1 - distance) * side_px * 0.46 / 3, 0, 1)
    return Image.fromarray(np.dstack([rgb, (alpha * 255).astype(np.uint8)]))


def flat(side_px: int = SIDE_PX, seed: int = 3) -> Image.Image:
    """A design of single-coloured shapes with smooth edges."""
    random = np.random.default_rng(seed)
    image = Image.new("RGBA", (side_px * 2, side_px * 2))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, size = (int(value) for value in random.integers(0, side_px * 2, 3))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + size // 3, y + size // 4), fill=(*colour, 255))
    return image.reduce(2)


def pattern(side_px: int = SIDE_PX, seed: int = 4) -> Image.Image:
    """A small soft tile repeated over the whole picture: run-length coding cannot see its repeats."""
    random = np.random.default_rng(seed)
    cell = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    tile = cell.resize((150, 150), Image.Resampling.BICUBIC)
    image = Image.new("RGBA", (side_px, side_px))
    for x in range(0, side_px, 150):
        for y in range(0, side_px, 150):
            image.paste(tile, (x, y))
    return image


def halftone(side_px: int = SIDE_PX, seed: int = 0) -> Image.Image:
    """Black dots that grow from left to right on nothing."""
    phase = np.random.default_rng(seed).random()
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    dots = (np.sin(x / 14 + phase) * np.sin(y / 14) + 1) / 2
    image = np.zeros((side_px, side_px, 4), np.uint8)
    image[..., 3] = np.where(dots > 1 - x / side_px, 255, 0)
    return Image.fromarray(image)


ARTWORKS: Final[Mapping[str, Callable[[], Image.Image]]] = {
    "photo": photo,
    "flat": flat,
    "pattern": pattern,
    "halftone": halftone,
}


def png(image: Image.Image) -> bytes:
    """The artwork as a buyer would upload it: a PNG with its colour profile."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, icc_profile=srgb_bytes())
    return buffer.getvalue()
