"""The print on an operator's own photograph of the blank: in perspective, bent, and under the photograph's own light.

What the eye reads as cloth or glaze is already in the picture: where the blank is darker the print gets darker, and
where its brightness changes there is a fold that moves the print.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.drawing import Rgb
from processors.artwork.frames import Refused
from processors.artwork.mockup_scene import Scene, Surface
from processors.artwork.mockup_shapes import Field, pixels, resized
from processors.artwork.template import ProductPhoto

#: Blurs that tell folds from weave, and light from dark parts, as shares of the photograph's width.
_FOLD_BLUR: Final = 0.006
_LIGHT_BLUR: Final = 0.0022
#: How many times higher than wide, or wider than high, a photograph may be.
SLENDER_MAX: Final = 4
#: A print is brought to at most this size, wherever the corners are.
PRINT_PX_MAX: Final = 4096


def photo_scene(
    photo: ProductPhoto, picture: Image.Image, mask: Image.Image | None, colour: Rgb, width_px: int
) -> Scene:
    """A scene as wide as asked for, in the photograph's shape.

    `mask` is white where the product is; nothing is printed or tinted beyond it. With `photo.tint` the product in the
    picture is white or grey and takes on the colour.
    """
    if not 1 / SLENDER_MAX <= picture.height / picture.width <= SLENDER_MAX:
        raise Refused("template", f"A photograph of the blank is at most {SLENDER_MAX} times as high as wide.")
    scale = width_px / picture.width
    size = (width_px, max(1, round(picture.height * scale)))
    blank = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), np.float32)
    product = np.ones(blank.shape[:2], np.float32)
    if mask is not None:
        product = np.asarray(mask.convert("L").resize(size, Image.Resampling.BICUBIC), np.float32) / np.float32(255)
    brightness = np.asarray(blank @ np.array([0.299, 0.587, 0.114], np.float32), np.float32) / np.float32(255)
    if photo.tint:
        tinted = brightness[..., None] * np.array(colour, np.float32)
        blank = blank + (tinted - blank) * product[..., None]
    corners = np.array(photo.corners, np.float64) * scale
    # Corners beyond the photograph leave at least a pixel to look at.
    left, top = (min(max(0, math.floor(v) - 2), size[axis] - 1) for axis, v in enumerate(corners.min(axis=0)))
    sag = photo.sag_percent / 100 * (corners[:, 1].max() - corners[:, 1].min())
    right = min(size[0], math.ceil(corners[:, 0].max()) + 2)
    bottom = min(size[1], math.ceil(corners[:, 1].max() + max(0.0, sag)) + 2)
    window = (slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right)))
    across, down = _positions(photo, corners, brightness, window, width_px)
    sides = corners - np.roll(corners, 1, axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    turn = math.radians(photo.wrap_degrees)
    # A wrapped print is longer than what is seen of it.
    stretch = turn / (2 * math.sin(turn / 2)) if turn else 1.0
    return Scene(
        blank=pixels(blank),
        surface=Surface(
            left_px=left,
            top_px=top,
            across=across,
            down=down,
            light=_light(brightness, window, width_px),
            gloss=np.zeros_like(across),
            cover=product[window],
        ),
        print_width_px=min(PRINT_PX_MAX, max(1, round(max(lengths[1], lengths[3]) * stretch))),
        print_height_px=min(PRINT_PX_MAX, max(1, round(max(lengths[0], lengths[2])))),
    )


def _positions(
    photo: ProductPhoto, corners: NDArray[np.float64], brightness: Field, window: tuple[slice, slice], width_px: int
) -> tuple[Field, Field]:
    """Where on the print each pixel of the window lies."""
    rows, columns = window
    y, x = np.mgrid[rows, columns].astype(np.float64) + 0.5
    folds = _soft(brightness, _FOLD_BLUR * width_px)
    slope_y, slope_x = (np.asarray(slope, np.float64) for slope in np.gradient(folds))
    # A change from black to white over a hundredth of the width moves the print by the whole displacement.
    reach = photo.displacement_permille / 1000 * width_px * (0.01 * width_px)
    x = x + reach * slope_x[window]
    y = y + reach * slope_y[window]
    turn = math.radians(photo.wrap_degrees)
    to_unit = _homography(corners)
    across, down = _projected(to_unit, x, y)
    if photo.sag_percent:
        # Level lines on a round product hang lowest in the middle.
        hang = 1 - (2 * np.clip(across, 0, 1) - 1) ** 2
        down = down - photo.sag_percent / 100 * hang
    if turn:
        across = np.arcsin(np.clip((2 * across - 1) * math.sin(turn / 2), -1, 1)) / turn + 0.5
    return across.astype(np.float32), down.astype(np.float32)


def _light(brightness: Field, window: tuple[slice, slice], width_px: int) -> Field:
    """What the photograph's light leaves of the ink. A dark product shows little of its light, so it counts less."""
    seen = _soft(brightness, _LIGHT_BLUR * width_px)[window]
    brightest = max(0.02, float(np.percentile(seen, 95)))
    strength = min(1.0, max(0.35, brightest / 0.6))
    return np.asarray(np.clip(1 - strength * (1 - seen / np.float32(brightest)), 0, 1), np.float32)


def _soft(field: Field, radius_px: float) -> Field:
    """A field without detail finer than about a radius, whatever its shape."""
    height, width = field.shape
    factor = max(1.0, 1.6 * radius_px)
    coarse = Image.fromarray(field).resize(
        (max(4, round(width / factor)), max(4, round(height / factor))), Image.Resampling.BOX
    )
    return resized(np.asarray(coarse, np.float32), width, height)


def _homography(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The projection from the picture to the unit square, from where its four corners are seen (clockwise)."""
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)


def _projected(
    matrix: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    # Beyond the horizon of the projection there is no print.
    depth = np.where(depth > 1e-9, depth, np.nan)
    across = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth
    down = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth
    return np.nan_to_num(across, nan=-9.0), np.nan_to_num(down, nan=-9.0)
