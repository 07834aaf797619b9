"""A made-up camera over a made-up print: nothing here is a photograph of anything real.

A print lies on its product and is seen by a camera that was shaken: shifted, scaled, turned a little, unevenly lit,
blurred, noisy and stored as JPEG. The print shop simulator photographs its prints with it, and the benchmark of the
automatic inspection makes its set with it. The same draw takes the same photograph.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

#: Share of a photograph's width that the print area takes where the camera stands as it should.
AREA_SHARE: Final = 0.8
#: Of a spoiled print, this part of the height of its ink is not there, in its middle.
UNPRINTED_SHARE: Final = 0.4

Colour = tuple[int, int, int]


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """How badly a camera takes pictures: each value is drawn evenly up to the figure, or between the two.

    `shift` in shares of the photograph, `scale` as a share of the right distance, `slope` and `vignette` as shares of
    the light, `noise_levels` as deviation of 0 to 255, `blur` as pixels of the sensor a pixel that the lens resolves.
    """

    shift: float = 0.04
    scale: float = 0.03
    turn_degrees: float = 2.5
    slope: float = 0.2
    vignette: float = 0.2
    light: tuple[float, float] = (0.82, 1.02)
    noise_levels: tuple[float, float] = (1.0, 6.0)
    blur: tuple[float, float] = (1.0, 1.6)
    quality: tuple[int, int] = (60, 96)


#: Held in a hand, or on a stand that somebody bumped into.
UNSTEADY: Final = Camera()
#: Fixed above a table under good light, as a press has it.
FIXED: Final = Camera(
    shift=0.01,
    scale=0.01,
    turn_degrees=1.0,
    slope=0.08,
    vignette=0.08,
    light=(0.94, 1.0),
    noise_levels=(1.0, 2.5),
    blur=(1.0, 1.3),
    quality=(85, 95),
)


@dataclass(frozen=True)
class Made:
    """What came off the press: an RGBA picture of the print area, and by how much its size is wrong (width, height)."""

    picture: Image.Image
    scale: tuple[float, float] = (1.0, 1.0)


def photographed(made: Made, product: Colour, draw: Generator, side_px: int, camera: Camera = UNSTEADY) -> bytes:
    """A JPEG of the print on a product of one colour, `side_px` wide."""
    width, height = side_px, round(side_px * made.picture.height / made.picture.width)
    scale = side_px * AREA_SHARE / made.picture.width * draw.uniform(1 - camera.scale, 1 + camera.scale)
    turn = np.radians(draw.uniform(-camera.turn_degrees, camera.turn_degrees))
    to_print = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / scale
    to_print /= np.array(made.scale)[:, None]
    shift = draw.uniform(-camera.shift, camera.shift, 2)
    centre = np.array([width, height]) * (0.5 + shift)
    middle = np.array(made.picture.size) / 2
    data = np.column_stack([to_print, middle - to_print @ centre])
    way = Image.Resampling.BICUBIC
    laid = made.picture.transform((width, height), Image.Transform.AFFINE, tuple(data.ravel()), way)
    sheet = Image.new("RGB", (width, height), product)
    sheet.paste(laid, (0, 0), laid.getchannel("A"))
    return _through_the_lens(sheet, draw, camera)


def spoiled(print_file: Image.Image) -> Image.Image:
    """The print without the middle of its ink, as when a head stops for a while."""
    whole = print_file.convert("RGBA")
    _, top, _, bottom = whole.getchannel("A").getbbox() or (0, 0, whole.width, whole.height)
    high = max(1, round((bottom - top) * UNPRINTED_SHARE))
    whole.paste((0, 0, 0, 0), (0, (top + bottom - high) // 2, whole.width, (top + bottom + high) // 2))
    return whole


def _through_the_lens(sheet: Image.Image, draw: Generator, camera: Camera) -> bytes:
    """Light, blur, noise and JPEG."""
    width, height = sheet.size
    across = np.linspace(-1, 1, width, dtype=np.float32)
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = draw.uniform(-camera.slope, camera.slope, 2).astype(np.float32)
    light = np.float32(draw.uniform(*camera.light)) * (1 + slope[0] * across + slope[1] * down)
    light *= 1 - np.float32(draw.uniform(0, camera.vignette) / 2) * (across * across + down * down)
    lit = _bytes(np.asarray(sheet) * light[..., None])
    blurred = _softened(Image.fromarray(lit), float(draw.uniform(*camera.blur)))
    noisy = draw.standard_normal((height, width, 3), dtype=np.float32)
    noisy *= np.float32(draw.uniform(*camera.noise_levels))
    noisy += np.asarray(blurred)
    buffer = io.BytesIO()
    Image.fromarray(_bytes(noisy)).save(buffer, "JPEG", quality=int(draw.integers(*camera.quality)))
    return buffer.getvalue()


def _bytes(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Levels as a picture has them; works in place."""
    return np.asarray(np.clip(levels, 0, 255, out=levels).astype(np.uint8))


def _softened(picture: Image.Image, times: float) -> Image.Image:
    """A lens that resolves so much less than the sensor has pixels."""
    small = picture.resize((round(picture.width / times), round(picture.height / times)), Image.Resampling.BILINEAR)
    return small.resize(picture.size, Image.Resampling.BICUBIC)
