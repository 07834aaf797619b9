"""The last tenths of a pixel between two pictures that lie almost over each other, from all pixels with an edge.

Where two pictures are a little apart, their difference is the slope of one times the way between them (Lucas and
Kanade, 1981). One system of equations gives the affine map, and beside it how much stronger the edges of the one are,
as a plane: light that falls from one side makes them so. Pixels that hold a defect are outvoted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.inspection.pixels import Plane, slopes

#: A pixel counts whose slope is this strong, or at least this part of what the steepest have.
SLOPE_MIN: Final = 0.3
SLOPE_SHARE: Final = 0.2
STEEPEST_PERCENT: Final = 95
#: So many pixels at least must count.
PIXELS_MIN: Final = 200
#: So often the pixels that disagree lose weight; a difference below SPREAD_MIN levels is none.
ROUNDS: Final = 4
SPREAD_MIN: Final = 0.5
#: Shares of a diagonal that are added to it, so that what the picture does not tell stays as it is.
RIDGE: Final = np.array([0, 1e-4, 1e-4, 0, 1e-4, 1e-4, 0, 1e-3, 1e-3, 1e-3])


def settling(reference: Plane, seen: Plane) -> NDArray[np.float64] | None:
    """The affine correction (2 by 3, from the reference's pixels to where they lie in `seen`); None without edges.

    Both are strengths of edges, of one size (height, width). On made-up prints three such steps leave a tenth of a
    pixel of what was up to two; from further off, a step at least goes the right way.
    """
    # The slope in the middle between both pictures makes the step right to the second order.
    across, down = slopes((reference + seen) * np.float32(0.5))
    steep = np.hypot(across, down)
    told = steep > max(SLOPE_MIN, SLOPE_SHARE * float(np.percentile(steep[::2, ::2], STEEPEST_PERCENT)))
    rows, columns = np.nonzero(told)
    if len(rows) < PIXELS_MIN:
        return None
    half = np.array(reference.shape[::-1]) / 2
    x = ((columns + 0.5 - half[0]) / half.max()).astype(np.float32)
    y = ((rows + 0.5 - half[1]) / half.max()).astype(np.float32)
    ours, theirs, across, down = reference[told], seen[told], across[told], down[told]
    parts = np.stack(
        [across, across * x, across * y, down, down * x, down * y, ours, ours * x, ours * y, np.ones_like(ours)]
    )
    weights = np.ones_like(ours)
    solved = np.zeros(len(parts))
    for _ in range(ROUNDS):
        weighted = parts * weights
        system = (weighted @ parts.T).astype(np.float64)
        system += np.diag(RIDGE * np.diag(system) + 1e-6)
        solved = np.linalg.solve(system, (weighted @ theirs).astype(np.float64))
        off = np.abs(theirs - solved.astype(np.float32) @ parts)
        spread = max(SPREAD_MIN, 1.5 * float(np.median(off)))
        weights = 1 / (1 + (off / np.float32(spread)) ** 2)
    shift = -solved[:6].reshape(2, 3)
    linear = shift[:, 1:] / half.max()
    return np.column_stack([np.eye(2) + linear, shift[:, 0] - linear @ half])
