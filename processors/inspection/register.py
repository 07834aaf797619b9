"""Lay a photograph over what was to be printed: shift, scale, a small turn, and whether it is mirrored.

First all likely scales and turns are tried on pictures of about a hundred pixels, by correlating edges in the frequency
domain; then the pictures are cut into tiles, each tile says how far it lies off, and a map that most tiles agree with
is laid through what they say, until nothing moves. Tiles that hold a defect disagree and are outvoted. Edges are
compared, not brightness, so light and swapped colours do not disturb it. `settle` does the last tenths of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.inspection.pixels import Plane, edges, resized, smoothed, smoothed_colour
from processors.inspection.settle import settling

#: The longer side of the pictures on which all scales and turns are tried, and of the empty field around them.
COARSE_PX: Final = 96
FIELD_PX: Final = 144
#: Scales that are tried, relative to what is expected: a print may be that much too small or too large.
SCALES: Final = tuple(float(scale) for scale in 0.7 * 1.05 ** np.arange(15))
TURNS_DEGREES: Final = (-3.0, 0.0, 3.0)
MARGIN_PX: Final = 8
TILE_PX: Final = 64
#: A tile says at most this much: further off, it has found something else.
TILE_SHIFT_MAX_PX: Final = 20
#: Deviation of edges from which a tile's word counts in full: paper has none, faint detail has more.
TILE_EDGES: Final = 0.5
#: Bend of a correlation's peak that makes a tile half sure of a direction.
SHARP: Final = 0.02
#: Tiles vote until no corner moves by more than this, and at most so often.
VOTED_PX: Final = 0.5
VOTES_MAX: Final = 6
#: The last corrections are made until no corner moves by more than this, and at most so often. A correction of more
#: than SETTLING_PX_MAX has found something else.
SETTLED_PX: Final = 0.05
SETTLINGS_MAX: Final = 3
SETTLING_PX_MAX: Final = 6.0


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a photograph.

    `matrix` (2 by 3) maps pixels (x, y, 1) of the reference to pixels of the photograph. `agreement` is the
    correlation of their edges on the small pictures, from 0 to 1.
    """

    matrix: NDArray[np.float64]
    agreement: float

    @property
    def scales(self) -> tuple[float, float]:
        """Photograph pixels per reference pixel, along the print's width and height."""
        across, down = np.linalg.norm(self.matrix[:, 0]), np.linalg.norm(self.matrix[:, 1])
        return float(across), float(down)

    @property
    def turn_degrees(self) -> float:
        """How far the print is turned in the photograph, clockwise."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))


def warped(photo: Image.Image, matrix: NDArray[np.float64], size: tuple[int, int], *, finely: bool = True) -> Plane:
    """The photograph as the reference's grid (width, height) sees it. Pixel centres are at halves, as in Pillow."""
    data = tuple(float(value) for value in matrix.ravel())
    way = Image.Resampling.BICUBIC if finely else Image.Resampling.BILINEAR
    return np.asarray(photo.transform(size, Image.Transform.AFFINE, data, way), np.float32)


def seen_part(photo_size: tuple[int, int], matrix: NDArray[np.float64], size: tuple[int, int]) -> float:
    """The share of the reference's grid that lies within the photograph, from 0 to 1."""
    x, y = np.meshgrid(np.linspace(0, size[0], 24), np.linspace(0, size[1], 24))
    at = matrix @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    inside = (at[0] >= 0) & (at[0] <= photo_size[0]) & (at[1] >= 0) & (at[1] <= photo_size[1])
    return float(inside.mean())


def placed_coarsely(expected: Plane, photo: Image.Image, scale: float) -> tuple[Placement, Placement]:
    """Where `expected` lies best, all scales around `scale` (photograph pixels a reference pixel) tried.

    Also where its mirror image lies best: every trial is compared with the photograph and with its mirror image. All
    scales are tried without a turn, then turns with the scales about the best.
    """
    shrink = COARSE_PX / max(photo.size)
    small_size = (max(8, round(photo.width * shrink)), max(8, round(photo.height * shrink)))
    small = np.asarray(photo.resize(small_size, Image.Resampling.BOX), np.float32)
    height, width = expected.shape[:2]
    base = shrink * scale
    size = (max(8, round(width * base)), max(8, round(height * base)))
    template = _flattened(resized(expected, size), margin=MARGIN_PX)
    trials = _Trials(template, _flattened(small))
    for relative in SCALES:
        trials.attempt(relative, 0.0)
    for middle in {SCALES.index(trials.chosen[way][0]) for way in (0, 1)}:
        for relative in SCALES[max(0, middle - 1) : middle + 2]:
            for turn in TURNS_DEGREES:
                trials.attempt(relative, turn)
    # From the reference's grid to the template's (which has a margin), to the small photograph, to the photograph.
    to_small = np.array([[size[0] / width, 0, MARGIN_PX], [0, size[1] / height, MARGIN_PX]])
    grow = np.array([[photo.width / small_size[0], 0, 0], [0, photo.height / small_size[1], 0]])
    plain, mirrored = (_after(grow, _after(one, to_small)) for one in trials.found)
    # A mirrored reference in the photograph is the reference in the mirrored photograph, seen in a mirror.
    mirrored = _after(_mirror(photo.width), _after(mirrored, _mirror(width)))
    return Placement(plain, trials.best[0]), Placement(mirrored, trials.best[1])


class _Trials:
    """A template laid at scales and turns over a small photograph and its mirror image, and where it lay best."""

    def __init__(self, template: Plane, photo: Plane) -> None:
        self._template = Image.fromarray(template)
        self._shape = template.shape
        fields = np.zeros((2, FIELD_PX, FIELD_PX), np.float32)
        fields[0, : photo.shape[0], : photo.shape[1]] = photo
        fields[1, : photo.shape[0], : photo.shape[1]] = photo[:, ::-1]
        self._seen = np.fft.rfft2(fields)
        self._size = float(np.linalg.norm(photo)) + 1e-6
        self._done: set[tuple[float, float]] = set()
        self.best = [-1.0, -1.0]
        self.chosen = [(SCALES[0], 0.0), (SCALES[0], 0.0)]
        self.found = [np.eye(2, 3), np.eye(2, 3)]

    def attempt(self, relative: float, turn: float) -> None:
        """One scale and turn, against the photograph and against its mirror image; a second time does nothing."""
        if (relative, turn) in self._done:
            return
        self._done.add((relative, turn))
        to_template = _about_the_centre(self._shape, relative, turn)
        data = tuple(float(value) for value in to_template.ravel())
        laid = self._template.transform((FIELD_PX, FIELD_PX), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        pixels = np.asarray(laid, np.float32)
        both = np.fft.irfft2(self._seen * np.conj(np.fft.rfft2(pixels)), s=pixels.shape)
        whole = self._size * float(np.linalg.norm(pixels)) + 1e-6
        for image, matched in enumerate(both):
            peak = int(matched.argmax())
            if (score := float(matched.flat[peak]) / whole) > self.best[image]:
                down, across = (offset - FIELD_PX * (offset > FIELD_PX // 2) for offset in divmod(peak, FIELD_PX))
                self.best[image], self.chosen[image] = score, (relative, turn)
                self.found[image] = _shifted(_inverse(to_template), across, down)


def refined(expected: Plane, photo: Image.Image, placement: Placement) -> Placement:
    """The placement with every tile of the reference heard: an affine map that most of them agree with."""
    return _until_still(expected, photo, placement, _agreed, rounds_max=VOTES_MAX, still_px=VOTED_PX)


def settled(expected: Plane, photo: Image.Image, placement: Placement) -> Placement:
    """A placement that tiles agree on with all pixels heard: right to about a tenth of one."""
    return _until_still(
        expected,
        photo,
        placement,
        settling,
        rounds_max=SETTLINGS_MAX,
        still_px=SETTLED_PX,
        believed_px=SETTLING_PX_MAX,
    )


def _until_still(
    expected: Plane,
    photo: Image.Image,
    placement: Placement,
    correction_of: Callable[[Plane, Plane], NDArray[np.float64] | None],
    *,
    rounds_max: int,
    still_px: float,
    believed_px: float = math.inf,
) -> Placement:
    """Correct the placement until little moves, or there is no correction, or none that can be believed."""
    matrix = placement.matrix
    height, width = expected.shape[:2]
    reference = smoothed(edges(expected))
    for _ in range(rounds_max):
        correction = correction_of(reference, _edges_seen(photo, matrix, (width, height)))
        if correction is None or (moved_px := _moves(correction, width, height)) > believed_px:
            break
        matrix = _after(matrix, correction)
        if moved_px < still_px:
            break
    return Placement(matrix, placement.agreement)


def _edges_seen(photo: Image.Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> Plane:
    """Edges of the photograph as the reference's grid (width, height) sees them."""
    return smoothed(edges(warped(photo, matrix, size, finely=False)))


def _moves(correction: NDArray[np.float64], width: int, height: int) -> float:
    """By how many pixels a correction moves the corner that it moves furthest."""
    corners = np.array([(0.0, 0.0, 1.0), (width, 0.0, 1.0), (0.0, height, 1.0), (width, height, 1.0)]).T
    return float(np.hypot(*(correction @ corners - corners[:2])).max())


def _flattened(picture: Plane, margin: int = 0) -> Plane:
    """Edges of a small picture, strong ones held down, without their mean; `margin` pixels of its rim around it."""
    if margin:
        picture = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=0)
        picture[:margin], picture[-margin:] = _rim(picture, margin), _rim(picture, margin)
        picture[:, :margin], picture[:, -margin:] = _rim(picture, margin), _rim(picture, margin)
    strength = np.sqrt(edges(smoothed_colour(picture)))
    strength = smoothed(strength)
    return np.asarray(strength - np.median(strength), np.float32)


def _rim(picture: Plane, margin: int) -> NDArray[np.float32]:
    inside = picture[margin:-margin, margin:-margin]
    ring = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    return np.asarray(np.median(ring, axis=0), np.float32)


def _agreed(reference: Plane, seen: Plane) -> NDArray[np.float64] | None:
    """The affine correction that most tiles agree with; None where too few have anything to say."""
    at, shifts, weights = _tile_shifts(reference, seen)
    if len(weights) < 4 or weights.sum(0).min() <= 0:
        return None
    half = np.array(reference.shape[::-1]) / 2
    unit = (at - half) / half.max()
    columns = np.column_stack([np.ones(len(unit)), unit])
    solved = np.column_stack([_outvoting(columns, shifts[:, axis], weights[:, axis]) for axis in (0, 1)])
    linear = solved[1:].T / half.max()
    return np.column_stack([np.eye(2) + linear, solved[0] - linear @ half])


def _outvoting(
    columns: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Least squares in which values far from what most say count for little."""
    kept = weights
    ridge = np.diag([1e-6, 2e-3, 2e-3]) * weights.sum()
    solved = np.zeros(3)
    for _ in range(8):
        weighted = columns * kept[:, None]
        solved = np.linalg.solve(columns.T @ weighted + ridge, weighted.T @ values)
        off = np.abs(values - columns @ solved)
        spread = max(0.5, 1.5 * float(np.median(off[weights > 0])))
        kept = weights / (1 + (off / spread) ** 2)
    return solved


def _tile_shifts(reference: Plane, seen: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centres (x, y) of tiles, by how much what they show lies off in `seen`, and how sure that is, across and down.

    A long straight edge is sure of one direction alone. How strong a tile's edges are counts for nothing as long as
    there are some: a title must not outvote the faint picture above it.
    """
    side = min(TILE_PX, *reference.shape)
    tops, lefts = _starts(reference.shape[0], side), _starts(reference.shape[1], side)
    corners = np.array([(top, left) for top in tops for left in lefts])
    window = np.outer(np.hanning(side + 2)[1:-1], np.hanning(side + 2)[1:-1]).astype(np.float32)
    ours, theirs = (
        np.stack([plane[top : top + side, left : left + side] for top, left in corners]) for plane in (reference, seen)
    )
    ours, theirs = (
        (tiles - (tiles * window).sum((1, 2), keepdims=True) / window.sum()) * window for tiles in (ours, theirs)
    )
    energy, heard = np.sqrt((ours**2).sum((1, 2))), np.sqrt((theirs**2).sum((1, 2)))
    field = np.fft.irfft2(np.fft.rfft2(theirs) * np.conj(np.fft.rfft2(ours)), s=(side, side))
    field = np.fft.fftshift(field, axes=(1, 2)) / (energy * heard + 1e-3)[:, None, None]
    reach, middle = min(TILE_SHIFT_MAX_PX, side // 2 - 2), side // 2
    near = slice(middle - reach - 1, middle + reach + 2)
    # A repeating pattern fits again a period further: what lies nearer is likelier.
    offsets = np.arange(-reach - 1, reach + 2)
    likely = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * (0.8 * reach) ** 2))
    surface = field[:, near, near] * likely
    inner = surface[:, 1:-1, 1:-1].reshape(len(corners), -1)
    peak = inner.argmax(1)
    down, across = np.divmod(peak, 2 * reach + 1)
    index, rows, cols = np.arange(len(corners)), down + 1, across + 1
    top = inner[index, peak]
    fine_x, sharp_x = _between(surface[index, rows, cols - 1], top, surface[index, rows, cols + 1])
    fine_y, sharp_y = _between(surface[index, rows - 1, cols], top, surface[index, rows + 1, cols])
    shifts = np.column_stack([across - reach + fine_x, down - reach + fine_y])
    sure = np.clip(top, 0, 1) ** 3 * np.clip(energy / (TILE_EDGES * side) - 0.5, 0, 1)
    sharp = np.column_stack([sharp_x, sharp_y])
    weights = sure[:, None] * sharp / (sharp + SHARP)
    return corners[:, ::-1] + side / 2, shifts, weights


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` begin so that they cover `length` evenly, overlapping by about a third."""
    count = max(1, round((length - side) / (side * 0.67)) + 1)
    return [round(start) for start in np.linspace(0, length - side, count)]


def _between(
    before: NDArray[np.float64], peak: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where between its neighbours a peak really is (the top of a parabola through the three), and how it bends."""
    bend = np.maximum(2 * peak - before - after, 1e-9)
    return np.clip((after - before) / (2 * bend), -0.5, 0.5), bend


def _about_the_centre(shape: tuple[int, ...], scale: float, degrees: float) -> NDArray[np.float64]:
    """From the field to the template: the template scaled and turned about its centre, laid into the field's middle."""
    turn = np.radians(degrees)
    linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / scale
    centre = np.array([shape[1], shape[0]]) / 2
    return np.column_stack([linear, centre - linear @ np.full(2, FIELD_PX / 2)])


def _mirror(width: float) -> NDArray[np.float64]:
    """Left and right of a picture of this width exchanged."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def _after(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """First `inner`, then `outer`."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _shifted(matrix: NDArray[np.float64], across: float, down: float) -> NDArray[np.float64]:
    return np.column_stack([matrix[:, :2], matrix[:, 2] + (across, down)])
