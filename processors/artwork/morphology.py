"""Growing and shrinking of masks, fast enough for print resolution. Beyond the edge the mask goes on as at the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def eroded(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The pixels around which a whole square of that side belongs to the mask (for an even side, up and left)."""
    return _eroded_down(_eroded_down(mask, side).T, side).T


def dilated(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The pixels that a square of that side around any pixel of the mask covers."""
    return ~eroded(~mask, side)


def opened(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """What remains of the mask when only whole squares of that side may be put into it (odd sides)."""
    return dilated(eroded(mask, side), side)


def _eroded_down(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Erosion along columns; the window is doubled, so that a wide one costs few passes."""
    before = side // 2
    grown = np.pad(mask, ((before, side - 1 - before), (0, 0)), mode="edge")
    window = 1
    while window < side:
        step = min(window, side - window)
        grown = grown[: grown.shape[0] - step] & grown[step:]
        window += step
    return np.ascontiguousarray(grown)
