"""A blank that waits for its print, and putting a print on it: bent, shaded and clipped by what lies underneath.

A scene is made once for a product, colour and size and remembered; laying a print on it is a few milliseconds of
integer arithmetic on the pixels that the print can reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.artwork.drawing import reduced
from processors.artwork.mockup_shapes import Field, Pixels

#: Fixed-point one of weights and light.
_ONE: Final = 256


@dataclass(frozen=True, kw_only=True)
class Surface:
    """How the print lies on the blank, for every pixel of a window of the scene.

    `left_px`, `top_px` place the window. `across` and `down` name the point of the print that is seen there, from 0 to
    1 over its width and height; outside of that nothing is printed. `light` multiplies the ink (1 leaves it), `gloss`
    is white that lies over it (0 to 1), `cover` is how much of the ink shows at all: 0 beyond the product's edge.
    """

    left_px: int
    top_px: int
    across: Field
    down: Field
    light: Field
    gloss: Field
    cover: Field


@dataclass(frozen=True)
class Scene:
    """A blank as a picture, its surface, and the size at which the print is best brought to it."""

    blank: Pixels
    surface: Surface
    print_width_px: int
    print_height_px: int
    #: What `lay_on` needs of the surface, worked out once.
    _reach: _Reach = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the pixels that the print can reach."""
        object.__setattr__(self, "_reach", _reach(self))

    def lay_on(self, printed: Image.Image) -> Image.Image:
        """The blank with a print (RGBA of any size) on it, as RGB."""
        reach = self._reach
        small = reduced(printed, self.print_width_px, self.print_height_px).convert("RGBa")
        # One empty pixel around the print, so that its edge is smooth and nothing beyond it is read.
        framed = np.zeros((self.print_height_px + 2, self.print_width_px + 2, 4), np.uint8)
        framed[1:-1, 1:-1] = np.asarray(small)
        texels = framed.reshape(-1, 4).view(np.uint32).ravel()
        ink = np.zeros((len(reach.first), 4), np.uint16)
        for step, weight in zip((0, 1, framed.shape[1], framed.shape[1] + 1), reach.weights, strict=True):
            ink += texels[reach.first + step].view(np.uint8).reshape(-1, 4) * weight[:, None]
        ink >>= 8
        # Ink that is not there reflects nothing: the blank shows through by what the alpha leaves.
        alpha = (ink[:, 3] * reach.cover) >> 8
        colour = (((ink[:, :3] * reach.cover[:, None]) >> 8) * reach.light[:, None]) >> 8
        shine = ((_ONE - 1) * reach.gloss >> 8) * alpha // 255
        picture = self.blank.reshape(-1, 3).copy()
        under = picture[reach.pixels].astype(np.uint16)
        shown = (under * (255 - alpha)[:, None] + 127) // 255 + colour + shine[:, None]
        picture[reach.pixels] = np.minimum(shown, 255)
        return Image.fromarray(picture.reshape(self.blank.shape))


@dataclass(frozen=True)
class _Reach:
    """For every pixel that the print can reach: its index, four neighbours in the framed print, weights, light."""

    pixels: NDArray[np.int32]
    first: NDArray[np.int32]
    weights: tuple[NDArray[np.uint16], ...]
    light: NDArray[np.uint16]
    gloss: NDArray[np.uint16]
    cover: NDArray[np.uint16]


def _reach(scene: Scene) -> _Reach:
    surface, width, height = scene.surface, scene.print_width_px, scene.print_height_px
    # In pixels of the framed print, whose first pixel is empty.
    x, y = surface.across * width + 0.5, surface.down * height + 0.5
    seen = (surface.cover > 0) & (x > 0) & (y > 0) & (x < width + 1) & (y < height + 1)
    rows, columns = np.nonzero(seen)
    x, y = np.minimum(x[seen], width + 0.999), np.minimum(y[seen], height + 0.999)
    column, row = x.astype(np.int32), y.astype(np.int32)
    part_x = ((x - column) * 16 + 0.5).astype(np.uint16)
    part_y = ((y - row) * 16 + 0.5).astype(np.uint16)

    def fixed(values: Field) -> NDArray[np.uint16]:
        return np.clip(np.rint(values[seen] * _ONE), 0, _ONE).astype(np.uint16)

    return _Reach(
        pixels=((rows + surface.top_px) * scene.blank.shape[1] + columns + surface.left_px).astype(np.int32),
        first=row * (width + 2) + column,
        weights=((16 - part_x) * (16 - part_y), part_x * (16 - part_y), (16 - part_x) * part_y, part_x * part_y),
        light=fixed(surface.light),
        gloss=fixed(surface.gloss),
        cover=fixed(surface.cover),
    )
