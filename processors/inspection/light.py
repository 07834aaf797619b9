"""What the print should look like in this photograph's light, on this product.

A camera sees the print under a lamp that is brighter on one side, and where nothing is printed it sees the product.
Both are estimated from the photograph itself: the product's colour as a constant, the light as a smooth surface. Only
brightness is evened; a lamp with a colour and a print with a cast look the same, and must be told to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from processors.inspection.pixels import Mask, Plane, luma, smoothed

#: Opacity (0 to 1) under which a pixel shows the product, and over which it shows ink alone.
BARE_MAX: Final = 0.02
INK_MIN: Final = 0.9
#: Every so many pixels across and down are enough to find the light.
STEP_PX: Final = 4
#: Added to a brightness before its logarithm, so that noise in black counts for little.
FLOOR: Final = 6.0


@dataclass(frozen=True)
class Print:
    """What was to be printed, small: colour (0 to 255, not premultiplied) and opacity (0 to 1)."""

    colour: Plane
    opacity: Plane

    def on(self, ground: Plane) -> Plane:
        """The print on a product of one colour."""
        cover = self.opacity[..., None]
        return np.asarray(self.colour * cover + ground * (1 - cover), np.float32)

    @property
    def mirrored(self) -> Print:
        """The print as a mirror shows it."""
        return Print(self.colour[:, ::-1], self.opacity[:, ::-1])

    @property
    def is_bare_somewhere(self) -> bool:
        """Whether enough of the product is seen between the ink to say what colour it has."""
        return float((self.opacity < BARE_MAX).mean()) > 0.01


def rim_colour(photo: Plane) -> Plane:
    """The colour around the print: the middle value of the photograph's outermost pixels."""
    width = max(1, min(photo.shape[:2]) // 40)
    rim = [photo[:width], photo[-width:], photo[:, :width], photo[:, -width:]]
    return np.asarray(np.median(np.concatenate([part.reshape(-1, 3) for part in rim]), axis=0), np.float32)


def product_colour(printed: Print, seen: Plane, otherwise: Plane) -> Plane:
    """The product's colour in this photograph: where the print is fully transparent, away from its edges."""
    if not printed.is_bare_somewhere:
        return otherwise
    bare = smoothed(printed.opacity, 2) < BARE_MAX
    if bare.sum() < 50:
        bare = printed.opacity < BARE_MAX
    return np.asarray(np.median(seen[bare], axis=0), np.float32)


def evened(expected: Plane, seen: Plane, printed: Print) -> tuple[Plane, Plane]:
    """What was expected on the product and what is seen, both in even light of the same strength.

    The light is a surface of the second degree in the logarithm of brightness. The product may be off by a constant of
    its own, because its colour was read in that light. Pixels that hold a defect are outvoted.
    """
    step = slice(None, None, STEP_PX)
    ours, theirs = luma(expected[step, step]), luma(seen[step, step])
    ink = printed.opacity[step, step] > INK_MIN
    bare = printed.opacity[step, step] < BARE_MAX
    usable = (ink | bare) & (theirs < 250) & (ours > 8)
    if usable.sum() < 200:
        return expected, seen
    surface = _surface(expected.shape[0], expected.shape[1])
    small = surface[step, step]
    apart = bool(bare[usable].any() and ink[usable].sum() > 60)
    columns = small[usable]
    if apart:
        columns = np.column_stack([columns, bare[usable]])
    solved = _outvoting(columns, np.log((theirs[usable] + FLOOR) / (ours[usable] + FLOOR)))
    light = np.exp(np.clip(surface @ solved[:6], -1.2, 1.2))[..., None]
    even = np.asarray((seen + FLOOR) / light - FLOOR, np.float32)
    if not apart:
        return expected, even
    # The product in even light: its share of each pixel is corrected by the constant.
    corrected = np.exp(solved[6])
    ground = (1 - printed.opacity)[..., None]
    product = (expected - printed.colour * printed.opacity[..., None]) * corrected
    return np.asarray(printed.colour * (1 - ground) + product, np.float32), even


def inked(printed: Print) -> Mask:
    """Pixels that show ink alone, away from its edges where there are enough of them."""
    core = smoothed(printed.opacity, 1) > INK_MIN
    return core if core.sum() > 200 else printed.opacity > 0.5


def _surface(height: int, width: int) -> Plane:
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.asarray(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1), np.float32)


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
