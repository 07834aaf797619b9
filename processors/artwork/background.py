"""Cut away an opaque background, by classical means and only where the picture's border says that it is safe.

A border of one colour (the 95th percentile of its colour differences under 3, one side left out, for people are cut
off at the bottom) is a studio background, and what is connected to it in that colour is cut away. Anything else (a
gradient, a texture) would lose parts of the subject, so a person decides. Holes inside the subject stay: the proof
always shows the result.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from processors.artwork.frames import Refused
from processors.artwork.morphology import dilated, eroded
from processors.ports import NamedError

#: Colour differences (CIE 1976) of the border under which it counts as one colour. Measured: solid 0, noise 2,
#: gradient 18, texture 75.
SPREAD_SAFE: Final = 3.0
#: How far a pixel may be from the border's colour and still be background.
_TOLERANCE: Final = 9.0
#: The connected region is found on a picture of at most this side.
_WORK_PX: Final = 600
#: A removal that takes more or less than this share did not understand the picture.
_SHARE: Final = (0.01, 0.98)


class RemoverNotUsable(NamedError):
    """Mend the setting BACKGROUND_REMOVER, or what it names; the line is tried again."""


Remover = Callable[[Image.Image], Image.Image | None]


def border_spread(picture: Image.Image) -> float:
    """How much the colours along the picture's border differ: the 95th percentile of their difference, CIE 1976."""
    return _border(np.asarray(_small(picture)))[1]


def remove_background(picture: Image.Image, remover: str = "") -> Image.Image | None:
    """The picture with a transparent background, or None where that is not safe.

    `remover` names an operator's own remover as `module:function`: from an RGB picture to a mask (mode L, the same
    size, 255 where the subject is), or None where it is not sure. Raises Refused when it cannot be used.
    """
    if picture.mode != "RGB":
        return None
    mask = _own_mask(picture, remover) if remover else _flood_mask(picture)
    if mask is None:
        return None
    cut = picture.convert("RGBA")
    cut.putalpha(mask)
    return cut


def _own_mask(picture: Image.Image, name: str) -> Image.Image | None:
    """The mask of an operator's remover; None where it left the picture alone (None, or nothing taken away)."""
    mask = _own_remover(name)(picture)
    if mask is None or mask.getextrema() == (255, 255):
        return None
    if mask.mode != "L" or mask.size != picture.size:
        wrong = f"a mask of kind {mask.mode} and {mask.size[0]} × {mask.size[1]} pixels"
        raise Refused("remover", f"The background remover {name!r} gave {wrong}; L and the picture's size are needed.")
    return mask


def _own_remover(name: str) -> Remover:
    module, _, function = name.partition(":")
    try:
        found: Remover = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise Refused("remover", f"The background remover {name!r} cannot be loaded: {error}.") from error
    return found


def _small(picture: Image.Image) -> Image.Image:
    small = picture.copy() if max(picture.size) <= _WORK_PX else picture.reduce(-(-max(picture.size) // _WORK_PX))
    return small.convert("RGB")


def _border(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The colour of the outermost two rows and columns, and how far they spread around it.

    Of the four sides the one that fits least is left out: a portrait's shoulders reach the bottom.
    """
    sides = [side.reshape(-1, 3) for side in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])]
    colour = np.median(np.stack([np.median(side, axis=0) for side in sides]), axis=0).astype(np.float32)
    differences = sorted((_difference(side.astype(np.float32), colour) for side in sides), key=np.mean)
    return colour, float(np.percentile(np.concatenate(differences[:3]), 95))


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB (0 to 255) in CIE L*a*b* under D65."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lightness = 116 * root[..., 1] - 16
    a, b = 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])
    return np.stack([lightness, a, b], axis=-1).astype(np.float32)


def _difference(rgb: NDArray[np.float32], colour: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(_lab(rgb) - _lab(colour), axis=-1), np.float32)


def _flood_mask(picture: Image.Image) -> Image.Image | None:
    """255 where the subject is; None where the border is not of one colour or the result makes no sense."""
    small = np.asarray(_small(picture))
    colour, spread = _border(small)
    if spread >= SPREAD_SAFE:
        return None
    outside = connected_to_border(_difference(small.astype(np.float32), colour) < _TOLERANCE)
    if not _SHARE[0] < outside.mean() < _SHARE[1]:
        return None
    # The small picture says which region, the full one which pixels: edges stay as sharp as they are.
    near = Image.fromarray(dilated(outside, 5)).resize(picture.size, Image.Resampling.NEAREST)
    away = ImageChops.difference(picture, Image.new("RGB", picture.size, tuple(int(value) for value in colour)))
    red, green, blue = away.split()
    close = np.asarray(ImageChops.lighter(ImageChops.lighter(red, green), blue)) < 3 * _TOLERANCE
    subject = ~(np.asarray(near) & close)
    # Edge pixels are mixed with the background's colour: take one off and soften the step.
    return Image.fromarray(eroded(subject, 3).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(0.7))


def connected_to_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of the mask that touches the border or is connected to it by rows and columns of the mask."""
    reached = np.zeros_like(mask)
    reached[[0, -1]] = mask[[0, -1]]
    reached[:, [0, -1]] = mask[:, [0, -1]]
    # Every sweep carries the region along whole runs; only a maze needs many, and a maze is not a background.
    for _ in range(64):
        before = int(reached.sum())
        reached = _along_rows(mask, reached)
        reached = _along_rows(mask.T, reached.T).T
        if int(reached.sum()) == before:
            break
    return reached


def _along_rows(mask: NDArray[np.bool_], reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill every unbroken run of the mask within a row that holds a reached pixel."""
    rows, columns = mask.shape
    starts = mask.copy()
    starts[:, 1:] &= ~mask[:, :-1]
    # Runs are numbered over all rows; pixels outside the mask belong to the run before them and are cut off below.
    run = np.cumsum(starts.reshape(-1), dtype=np.int64)
    touched = np.zeros(int(run[-1]) + 1, bool)
    touched[run[(reached & mask).reshape(-1)]] = True
    return touched[run].reshape(rows, columns) & mask
