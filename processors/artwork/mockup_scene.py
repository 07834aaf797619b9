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
        picture = self.blank.copy()
        small = _premultiplied(printed, self.print_width_px, self.print_height_px)
        inked = small.getchannel("a").getbbox()
        if inked is not None:
            rows, columns = self._reach.of(inked)
            left, top = self.surface.left_px, self.surface.top_px
            window = picture[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
            self._ink(window, small, rows, columns)
        return Image.fromarray(picture)

    def _ink(self, window: Pixels, small: Image.Image, rows: slice, columns: slice) -> None:
        """Put a print at its size onto a part of the blank, which is those rows and columns of the surface's window."""
        reach, here = self._reach, (rows, columns)
        # One empty pixel around the print, so that its edge is smooth and nothing beyond it is read.
        framed = np.zeros((self.print_height_px + 2, self.print_width_px + 2, 4), np.uint8)
        framed[1:-1, 1:-1] = np.asarray(small)
        texels = framed.reshape(-1, 4).view(np.uint32).ravel()
        first = reach.first[here]
        shape = (*first.shape, 4)
        ink = np.zeros(shape, np.uint16)
        for step, weight in zip((0, 1, framed.shape[1], framed.shape[1] + 1), reach.weights, strict=True):
            ink += texels.take(first + step).view(np.uint8).reshape(shape) * weight[here]
        ink >>= 8
        # Ink that is not there reflects nothing: the blank shows through by what the alpha leaves.
        alpha = ink[..., 3:]
        shown = ((ink[..., :3] * reach.light[here]) >> 8) + (reach.gloss[here] * alpha >> 8)
        shown += (window * (255 - alpha) + 127) // 255
        window[:] = np.minimum(shown, 255)


@dataclass(frozen=True)
class _Reach:
    """For every pixel of the window: its first neighbour in the framed print, the weights of all four, light and gloss.

    The weights hold the cover as well, so they are zero where nothing is printed; the last axis of each is as long as
    what it is multiplied with, for numpy is much quicker without broadcasting.
    """

    first: NDArray[np.intp]
    weights: tuple[NDArray[np.uint16], ...]
    light: NDArray[np.uint16]
    gloss: NDArray[np.uint16]
    #: For each row and each column of the window the least and the most of the framed print that it shows, in pixels.
    down: tuple[Field, Field]
    across: tuple[Field, Field]

    def of(self, inked: tuple[int, int, int, int]) -> tuple[slice, slice]:
        """The rows and columns of the window that show anything of a box of the print."""
        left, top, right, bottom = inked
        return _span(*self.down, top, bottom), _span(*self.across, left, right)


def _span(least: Field, most: Field, start: int, end: int) -> slice:
    """From the first to the last line that shows anything between two pixels of the print."""
    # The frame moves everything by a pixel, and a neighbour's share reaches one further.
    found = np.nonzero((most >= start - 1) & (least <= end + 2))[0]
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _premultiplied(printed: Image.Image, width_px: int, height_px: int) -> Image.Image:
    """The print at a size, colour weighted by coverage."""
    if printed.width >= 2 * width_px:
        return reduced(printed, width_px, height_px).convert("RGBa")
    # Pillow would turn RGBA into this and back again; a preview's canvas is small enough to do it once.
    return printed.convert("RGBa").resize((width_px, height_px), Image.Resampling.HAMMING)


def _reach(scene: Scene) -> _Reach:
    surface, width, height = scene.surface, scene.print_width_px, scene.print_height_px
    # In pixels of the framed print, whose first pixel is empty.
    x, y = surface.across * width + 0.5, surface.down * height + 0.5
    seen = (surface.cover > 0) & (x > 0) & (y > 0) & (x < width + 1) & (y < height + 1)
    x, y = np.clip(x, 0, width + 0.999), np.clip(y, 0, height + 0.999)
    column, row = x.astype(np.intp), y.astype(np.intp)
    part_x, part_y = x - column, y - row
    cover = np.where(seen, np.clip(surface.cover, 0, 1), 0) * _ONE
    shares = ((1 - part_x) * (1 - part_y), part_x * (1 - part_y), (1 - part_x) * part_y, part_x * part_y)
    return _Reach(
        first=row * (width + 2) + column,
        weights=_weights(shares, cover),
        light=_fixed(surface.light * _ONE),
        # White of at most 255 times an alpha of at most 255 stays within sixteen bits.
        gloss=_fixed(surface.gloss * (_ONE - 1)),
        down=(y.min(axis=1), y.max(axis=1)),
        across=(x.min(axis=0), x.max(axis=0)),
    )


def _weights(shares: tuple[Field, ...], cover: Field) -> tuple[NDArray[np.uint16], ...]:
    """Fixed-point weights that add up to the cover: what rounding leaves over goes to the last one."""
    rounded = [np.rint(share * cover).astype(np.int32) for share in shares[:3]]
    rounded.append(np.maximum(np.rint(cover).astype(np.int32) - sum(rounded), 0))
    return tuple(np.repeat(weight.astype(np.uint16)[..., None], 4, axis=2) for weight in rounded)


def _fixed(values: Field) -> NDArray[np.uint16]:
    """Fixed-point numbers for each of three colours."""
    rounded = np.clip(np.rint(values), 0, _ONE).astype(np.uint16)
    return np.repeat(rounded[..., None], 3, axis=2)
