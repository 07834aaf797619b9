"""What the print should look like in this photograph's light, on this product.

A camera sees the print under a lamp that is brighter on one side, and where nothing is printed it sees the product.
Both are estimated from the photograph itself: the product's colour as a constant, the light as a smooth surface. Only
brightness is evened; a lamp with a colour and a print with a cast look the same, and must be told to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from processors.inspection.pixels import Mask, Plane, halved, luma, smoothed

#: Opacity (0 to 1) under which a pixel shows the product, and over which it shows ink alone.
BARE_MAX: Final = 0.02
INK_MIN: Final = 0.9
#: Every so many pixels across and down are enough to find the light.
STEP_PX: Final = 6
#: So many of those must be usable, and so many of them ink, for the product to have a colour of its own.
USABLE_MIN: Final = 100
INKED_MIN: Final = 30
#: Share of the print area that must be bare for the product's colour to be read there.
BARE_SHARE_MIN: Final = 0.01
#: Added to a brightness before its logarithm, so that noise in black counts for little.
FLOOR: Final = 6.0
#: A channel from which on a camera no longer tells how bright it is.
CLIPPED: Final = 250


@dataclass(frozen=True)
class Print:
    """What was to be printed, small: colour (0 to 255, not premultiplied) and opacity (0 to 1). Both sides are even."""

    colour: Plane
    opacity: Plane

    def on(self, ground: Plane) -> Plane:
        """The print on a product of one colour."""
        shown = self.colour - ground
        shown *= self.opacity[..., None]
        shown += ground
        return np.asarray(shown)

    @property
    def mirrored(self) -> Print:
        """The print as a mirror shows it."""
        return Print(np.ascontiguousarray(self.colour[:, ::-1]), np.ascontiguousarray(self.opacity[:, ::-1]))

    @cached_property
    def half(self) -> Print:
        """The print at half its size."""
        opacity = halved(self.opacity)
        inked = halved(self.colour * self.opacity[..., None])
        return Print(np.asarray(inked / np.maximum(opacity, 1e-3)[..., None], np.float32), opacity)

    @cached_property
    def ink(self) -> Mask:
        """Pixels that show ink alone, away from its edges where there are enough of them."""
        core = smoothed(self.opacity) > INK_MIN
        return core if core.sum() > 200 else self.opacity > 0.5


def rim_colour(photo: Plane) -> Plane:
    """The colour around the print: the middle value of the photograph's outermost pixels."""
    width = max(1, min(photo.shape[:2]) // 40)
    rim = [photo[:width], photo[-width:], photo[:, :width], photo[:, -width:]]
    return np.asarray(np.median(np.concatenate([part.reshape(-1, 3) for part in rim]), axis=0), np.float32)


def product_colour(printed: Print, seen: Plane, otherwise: Plane) -> Plane:
    """The product's colour in this photograph: where the print is fully transparent, away from its edges."""
    bare = printed.opacity < BARE_MAX
    if bare.mean() <= BARE_SHARE_MIN:
        return otherwise
    away = smoothed(printed.opacity, 2) < BARE_MAX
    return np.asarray(np.median(seen[away if away.sum() >= 50 else bare], axis=0), np.float32)


def evened(expected: Plane, seen: Plane, printed: Print) -> tuple[Plane, Plane]:
    """What was expected on the product and what is seen, both in even light of the same strength.

    The light is a surface of the second degree in the logarithm of brightness. The product may be off by a constant of
    its own, because its colour was read in that light. Pixels that hold a defect are outvoted. Where something is
    brighter in that light than the camera can see, it is expected only as bright as the camera can see there.
    """
    height, width = printed.opacity.shape
    step = slice(None, None, STEP_PX)
    ours, theirs = luma(expected[step, step]), luma(seen[step, step])
    brightest = seen[step, step].max(-1)
    opacity = printed.opacity[step, step]
    ink, bare = opacity > INK_MIN, opacity < BARE_MAX
    usable = (ink | bare) & (brightest < CLIPPED) & (ours > 8)
    if usable.sum() < USABLE_MIN:
        return expected, seen
    down, across = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    y, x = (np.broadcast_to(axis, usable.shape)[usable] for axis in (down[step][:, None], across[step]))
    surface = [np.ones_like(x), x, y, x * x, x * y, y * y]
    apart = bool(bare[usable].any() and ink[usable].sum() > INKED_MIN)
    columns = np.column_stack([*surface, bare[usable]] if apart else surface)
    solved = _outvoting(columns, np.log((theirs[usable] + FLOOR) / (ours[usable] + FLOOR)))
    light = (solved[0] + solved[2] * down + solved[5] * down * down)[:, None] + (
        solved[1] * across + solved[3] * across * across
    )
    light += np.outer(solved[4] * down, across)
    brighter = np.exp(-np.clip(light, -1.2, 1.2))[..., None]
    even = seen + np.float32(FLOOR)
    even *= brighter
    even -= np.float32(FLOOR)
    corrected = expected
    if apart:
        # The product in even light: its share of each pixel is corrected by the constant.
        corrected = expected - printed.colour * printed.opacity[..., None]
        corrected *= np.exp(solved[6]) - 1
        corrected += expected
    brightest_seen = np.float32(255 + FLOOR) * brighter - np.float32(FLOOR)
    return np.asarray(np.minimum(corrected, brightest_seen)), np.asarray(even)


def _outvoting(columns: Plane, values: Plane) -> Plane:
    """Least squares in which values far from what most say count for little."""
    weights = np.ones(len(values))
    solved = np.zeros(columns.shape[1])
    start = float(np.median(values))
    off = np.abs(values - start)
    for _ in range(8):
        spread = max(0.02, 1.5 * float(np.median(off)))
        weights = 1 / (1 + (off / spread) ** 2)
        weighted = columns * weights[:, None]
        ridge = np.eye(columns.shape[1]) * 1e-3 * weights.sum()
        ridge[0, 0] = 1e-6
        solved = np.linalg.solve(columns.T @ weighted + ridge, weighted.T @ values)
        off = np.abs(values - columns @ solved)
    return np.asarray(solved, np.float32)
