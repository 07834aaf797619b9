"""What is measured on a photograph that lies over what was to be printed, both in even light."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np

from processors.inspection.light import Print
from processors.inspection.pixels import Mask, Plane, box_mean, edges, halved, lab, luma, smoothed, tile_mean

#: Tiles on which the worst place is looked for: their side, and how far they are apart.
TILE_PX: Final = 25
TILE_STEP_PX: Final = 10
#: The same tiles at half the resolution; sides are odd.
HALF_TILE_PX: Final = 13
HALF_TILE_STEP_PX: Final = 5
#: Tiles on which whole pictures are compared, at half the resolution.
COARSE_TILE_PX: Final = 17
COARSE_STEP_PX: Final = 8
#: Side of the window of the structural similarity, at half the resolution.
SSIM_PX: Final = 5
#: Contrast (standard deviation of brightness) from which a tile shows something that can be missing.
CONTRAST_MIN: Final = 7.0
#: Contrast that counts half where brightness within tiles is compared, and under which nothing is to be compared.
LIKENESS_CONTRAST: Final = 4.0
#: Deviation of edges within a tile under which there are none.
EDGES_MIN: Final = 1.0
#: Stabilise the structural similarity in flat places: (0.01 x 255)^2 and (0.03 x 255)^2, as its authors chose.
SSIM_C1: Final = 6.5025
SSIM_C2: Final = 58.5225
#: Bands are looked for up to this width, in pixels of the comparison.
BAND_PX_MAX: Final = 61
#: Strength of edges from which a place says nothing about stripes, and how much of the print must be quieter.
QUIET_MAX: Final = 24.0
QUIET_SHARE_MIN: Final = 0.02
#: Sides of the squares that an edge spreads over, where a photograph is a little out of focus and where it is more so.
FOCUS_PX: Final = (3, 9)
CLIPPED_LEVELS: Final = 40.0


@dataclass(frozen=True)
class Tiles:
    """Numbers of overlapping tiles, one array each (rows, columns), tile (i, j) centred at `i`, `j` times the step."""

    similarity: Plane
    kept: Plane
    difference: Plane
    contrast: Plane

    @staticmethod
    def centre(row: int, column: int) -> tuple[int, int]:
        """The middle (x, y) of a tile in pixels of the comparison."""
        return column * TILE_STEP_PX + TILE_STEP_PX // 2, row * TILE_STEP_PX + TILE_STEP_PX // 2


def agreement_of(expected: Plane, seen: Plane) -> float:
    """How far the edges of both agree, from -1 to 1: the middle of their tiles' correlations, weighted by contrast."""
    ours, theirs = (smoothed(edges(picture), 2) for picture in (expected, seen))
    covariance, ours_square, theirs_square = _moments(ours, theirs, COARSE_TILE_PX, COARSE_STEP_PX)
    weight = np.sqrt(np.maximum(ours_square, 0)).ravel()
    both = np.sqrt(np.maximum(ours_square * theirs_square, 0))
    correlation = (covariance / (both + 4.0)).ravel()
    if weight.max() < EDGES_MIN:
        # Nothing is to be seen on the print: whatever is seen is too much.
        return 1.0 if float(np.sqrt(max(0.0, float(theirs_square.max())))) < EDGES_MIN else 0.0
    heard = weight > 0.15 * weight.max()
    order = np.argsort(correlation[heard])
    summed = np.cumsum(weight[heard][order])
    return float(correlation[heard][order][np.searchsorted(summed, summed[-1] / 2)])


def likeness_of(expected: Plane, seen: Plane) -> float:
    """How far the brightness of both agrees within tiles, -1 to 1: the mean of their correlations, all alike.

    Faint detail within an outline counts as much as the outline, which tells a mirror image of a symmetric shape.
    """
    ours, theirs = smoothed(luma(expected)), smoothed(luma(seen))
    covariance, ours_square, theirs_square = _moments(ours, theirs, COARSE_TILE_PX, COARSE_STEP_PX)
    told = np.maximum(ours_square, theirs_square) > LIKENESS_CONTRAST**2
    if not told.any():
        return 1.0
    both = np.sqrt(np.maximum(ours_square * theirs_square, 0)) + LIKENESS_CONTRAST
    return float(np.abs(covariance / both)[told].mean())


def tiles_of(expected: Plane, seen: Plane) -> Tiles:
    """The tiles' numbers."""
    ours, theirs = smoothed(luma(expected)), smoothed(luma(seen))
    covariance, ours_square, _ = _moments(ours, theirs, TILE_PX, TILE_STEP_PX)
    contrast = np.sqrt(np.maximum(ours_square, 0))
    kept = covariance / np.maximum(ours_square, 1.0)
    # Colour and structure need no more than half the resolution.
    near = [halved(picture) for picture in (expected, seen)]
    apart = lab(_tile_colours(near[0])) - lab(_tile_colours(near[1]))
    return Tiles(
        similarity=tile_mean(_similarity(*map(luma, near)), HALF_TILE_PX, HALF_TILE_STEP_PX),
        kept=np.asarray(np.where(contrast >= CONTRAST_MIN, kept, 1), np.float32),
        difference=np.asarray(np.sqrt((apart**2).sum(-1)), np.float32),
        contrast=contrast,
    )


def colour_cast(expected: Plane, seen: Plane, printed: Print) -> float:
    """CIE 1976 colour difference between the mean colours of the ink."""
    if not printed.ink.any():
        return 0.0
    ours, theirs = (lab(picture[printed.ink].mean(axis=0)[None]) for picture in (expected, seen))
    return float(np.sqrt(((ours - theirs) ** 2).sum()))


@dataclass(frozen=True)
class Channels:
    """Which order of the expected channels explains best what is seen.

    `gain` is the share of the colour error that goes away with another order than red, green, blue, and `error` the
    mean colour error with that one, in thousandths of chromaticity.
    """

    order: tuple[int, int, int]
    gain: float
    error: float


def channels_of(expected: Plane, seen: Plane, printed: Print) -> Channels:
    """Compare chromaticities, which light does not change, under all orders of the channels."""
    ours, theirs = expected[printed.ink], seen[printed.ink]
    bright = (ours.sum(1) > 60) & (theirs.sum(1) > 60)
    plain = (0, 1, 2)
    if bright.sum() < 100:
        return Channels(plain, 0.0, 0.0)
    ours, theirs = (_chromaticity(colours[bright]) for colours in (ours, theirs))
    errors = {order: float(np.abs(ours[:, order] - theirs).mean()) * 1000 for order in permutations(range(3))}
    best = min(errors, key=lambda order: errors[order])
    return Channels((best[0], best[1], best[2]), 1 - errors[best] / max(errors[plain], 1e-6), errors[plain])


def banding(expected: Plane, seen: Plane, printed: Print) -> float:
    """How strong stripes along or across the print are: their deviation in levels of brightness (0 to 255).

    A stripe is there on both halves of the print; noise and edges of the design are not, so what both halves share is
    taken: the covariance of their profiles. It is negative where a stripe that lacks ink makes a dark text of one half
    brighter and a bright text of the other darker.
    """
    quiet = printed.ink & (smoothed(edges(expected)) < QUIET_MAX)
    if quiet.mean() < QUIET_SHARE_MIN:
        quiet = printed.ink
    wanted = luma(expected)
    difference = _in_focus(luma(seen) - wanted, wanted, quiet)
    return max(_stripes(difference, quiet), _stripes(difference.T, quiet.T))


def _in_focus(difference: Plane, expected: Plane, quiet: Mask) -> Plane:
    """The difference without what a lens does that is not in focus, or a camera that sharpens: least squares.

    Out of focus, the edges of a shape that lies straight spread along whole rows, as a stripe does. What differs more
    than a lens can make it is something else, and tells nothing about the lens.
    """
    spread = np.stack([box_mean(expected, side) - expected for side in FOCUS_PX], axis=-1)
    judged = quiet & (np.abs(difference) < CLIPPED_LEVELS)
    parts = spread[judged]
    share, *_ = np.linalg.lstsq(parts.T @ parts, parts.T @ difference[judged], rcond=1e-6)
    return np.asarray(difference - np.where(judged, spread @ share, 0), np.float32)


def _clipped(levels: Plane) -> Plane:
    """No stripe differs by more: what does must not outvote the rest."""
    return np.clip(levels, -CLIPPED_LEVELS, CLIPPED_LEVELS)


def _stripes(difference: Plane, usable: Mask) -> float:
    """Stripes along the rows."""
    per_column = usable.sum(0).cumsum()
    if per_column[-1] == 0:
        return 0.0
    half = int(np.searchsorted(per_column, per_column[-1] / 2))
    profiles = [_profile(difference[:, part], usable[:, part]) for part in (slice(None, half), slice(half, None))]
    known = np.isfinite(profiles[0]) & np.isfinite(profiles[1])
    if known.sum() < 40:
        return 0.0
    left, right = profiles[0][known], profiles[1][known]
    return float(np.sqrt(abs(float((_clipped(left) * _clipped(right)).mean()))))


def _profile(difference: Plane, usable: Mask) -> Plane:
    """The mean of each row's usable pixels without its slow part; not a number where a row has too few."""
    counts = usable.sum(1)
    summed = np.where(usable, _clipped(difference), 0).sum(1)
    profile = np.where(counts >= max(12, usable.shape[1] // 20), summed / np.maximum(counts, 1), np.nan)
    known = np.isfinite(profile)
    side = min(BAND_PX_MAX, 2 * (len(profile) // 4) + 1)
    kernel = np.ones(side)
    total = np.convolve(np.where(known, profile, 0), kernel, "same")
    slow = total / np.maximum(np.convolve(known, kernel, "same"), 1)
    return np.asarray(profile - slow, np.float32)


def _tile_colours(picture: Plane) -> Plane:
    """Mean colours of the tiles, from pictures at half the size."""
    sides = HALF_TILE_PX, HALF_TILE_STEP_PX
    return np.stack([tile_mean(picture[..., channel], *sides) for channel in range(3)], axis=-1)


def _chromaticity(colours: Plane) -> Plane:
    return np.asarray(colours / colours.sum(1, keepdims=True), np.float32)


def _moments(ours: Plane, theirs: Plane, side: int, step: int) -> tuple[Plane, Plane, Plane]:
    """Covariance and both variances in squares of `side` pixels, `step` pixels apart."""
    # Centred first: squares of small numbers keep their digits.
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    mean_ours, mean_theirs = tile_mean(ours, side, step), tile_mean(theirs, side, step)
    return (
        tile_mean(ours * theirs, side, step) - mean_ours * mean_theirs,
        tile_mean(ours * ours, side, step) - mean_ours**2,
        tile_mean(theirs * theirs, side, step) - mean_theirs**2,
    )


def _similarity(ours: Plane, theirs: Plane) -> Plane:
    mean_ours, mean_theirs = box_mean(ours, SSIM_PX), box_mean(theirs, SSIM_PX)
    covariance = box_mean(ours * theirs, SSIM_PX) - mean_ours * mean_theirs
    ours_square = box_mean(ours * ours, SSIM_PX) - mean_ours**2
    theirs_square = box_mean(theirs * theirs, SSIM_PX) - mean_theirs**2
    brightness = (2 * mean_ours * mean_theirs + SSIM_C1) / (mean_ours**2 + mean_theirs**2 + SSIM_C1)
    structure = (2 * covariance + SSIM_C2) / (ours_square + theirs_square + SSIM_C2)
    return np.asarray(brightness * structure, np.float32)
