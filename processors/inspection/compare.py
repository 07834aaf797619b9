"""Compare a photograph of a print with what was to be printed, and name what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from processors.inspection import measure, rules
from processors.inspection.light import Print, evened, product_colour, rim_colour
from processors.inspection.measure import Tiles
from processors.inspection.pixels import Plane, halved
from processors.inspection.register import Placement, placed_coarsely, refined, seen_part, settled, warped
from processors.inspection.rules import RULES, FoundDefect, Rules

#: The longer side of the print in the comparison: what is smaller than two of its pixels is not judged.
COMPARED_PX: Final = 640
#: A photograph is taken with the print area filling about this share of it, where nothing else is said.
USUAL_SHARE: Final = 0.8
#: A mirror image is looked at closely where it agrees at least this well, relative to the print as it should be.
MIRROR_WORTH_A_LOOK: Final = 0.8
#: Pixels of the comparison along the print's edge that are not judged.
RIM_PX: Final = 4
#: So much of the print must be seen to be judged.
SEEN_MIN: Final = 0.6
#: Times a placement: the same with print and photograph at half the resolution. The linear part stays as it is.
TO_HALF: Final = np.array([1.0, 1.0, 0.5])


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers of one comparison, whatever the rules make of them.

    `agreement`: correlation of edges, -1 to 1, of the print or of its mirror image, whichever it is. `mirrored_gain`:
    by how much more the mirror image is like it; 0 where that was not worth a look. `size_percent`: of the expected
    size; 0 where the camera's distance is not known. `stretch_percent`: by how much width and height differ in that.
    `kept_min`: share of the expected contrast in the worst tile.
    """

    agreement: float
    mirrored_gain: float
    size_percent: float
    stretch_percent: float
    turn_degrees: float
    swap_gain: float = 0.0
    swap_error_permille: float = 0.0
    cast_delta_e: float = 0.0
    tile_delta_e: float = 0.0
    banding_levels: float = 0.0
    kept_min: float = 1.0
    tile_similarity_min: float = 1.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say of one photograph: it passed when it has no defect. Defects come worst first."""

    passed: bool
    defects: tuple[FoundDefect, ...]
    measured: Measured
    rules_version: str


@dataclass(frozen=True)
class Comparison:
    """A verdict with the pictures that show why: all on the print's grid, in even light."""

    verdict: Verdict
    expected: Plane
    seen: Plane
    tiles: Tiles


@dataclass(frozen=True)
class _Laid:
    printed: Print
    placement: Placement
    agreement: float
    likeness: float


def compare(
    reference: Image.Image, photo: Image.Image, *, area_share: float = 0.0, thresholds: Rules = RULES
) -> Comparison:
    """Judge a photograph (RGB) of a print by its print file (RGB or RGBA, sRGB both).

    `area_share` is the share of the photograph's width that the print area takes when it has the right size, where the
    camera stands fixed; 0 where that is not known, and then the size is not judged (width against height is).
    Deterministic; about 0.3 s of processor time whatever the pictures' sizes.
    """
    printed = _small(reference)
    height, width = printed.opacity.shape
    scale = _scale(photo.size, (width, height), area_share)
    near, scale = _reduced(photo, scale)
    plain, mirrored = _both_ways(printed, near, scale)
    chosen, gain = plain, 0.0
    if mirrored is not None and mirrored.agreement > thresholds.agreement_min:
        gain = mirrored.likeness - plain.likeness
        chosen = mirrored if gain > thresholds.mirrored_gain_min else plain
    chosen = _settled(chosen, near)
    across, down = (size / scale * 100 for size in chosen.placement.scales)
    seen = warped(near, chosen.placement.matrix, (width, height))
    expected, even = _in_even_light(chosen.printed, seen)
    colours = measure.channels_of(halved(expected), halved(even), chosen.printed.half)
    if _swapped(colours, thresholds):
        other = Print(np.ascontiguousarray(chosen.printed.colour[..., colours.order]), chosen.printed.opacity)
        chosen = replace(chosen, printed=other)
        expected, even = _in_even_light(other, seen)
    tiles = measure.tiles_of(expected, even)
    measured = Measured(
        agreement=chosen.agreement,
        mirrored_gain=gain,
        size_percent=float(np.sqrt(across * down)) if area_share else 0.0,
        stretch_percent=abs(across / down - 1) * 100,
        turn_degrees=chosen.placement.turn_degrees,
        swap_gain=colours.gain,
        swap_error_permille=colours.error,
        cast_delta_e=measure.colour_cast(halved(expected), halved(even), chosen.printed.half),
        tile_delta_e=float(tiles.difference.max()),
        banding_levels=measure.banding(expected, even, chosen.printed),
        kept_min=float(tiles.kept.min()),
        tile_similarity_min=float(tiles.similarity.min()),
    )
    defects = judged(measured, thresholds)
    verdict = Verdict(passed=not defects, defects=defects, measured=measured, rules_version=thresholds.version)
    return Comparison(verdict, expected, even, tiles)


def judged(measured: Measured, thresholds: Rules = RULES) -> tuple[FoundDefect, ...]:
    """The defects that the numbers mean, worst first. Another design is named alone: nothing else can be said of it."""
    m, t = measured, thresholds
    if m.agreement < t.agreement_min:
        return (FoundDefect(code=rules.WRONG_DESIGN, measured=m.agreement, threshold=t.agreement_min),)
    found = []

    def when(crossed: bool, code: str, value: float, threshold: float) -> None:
        if crossed:
            found.append(FoundDefect(code=code, measured=round(value, 3), threshold=threshold))

    when(m.mirrored_gain > t.mirrored_gain_min, rules.MIRRORED, m.mirrored_gain, t.mirrored_gain_min)
    off = abs(m.size_percent - 100) if m.size_percent else 0.0
    when(off > t.size_deviation_percent_max, rules.WRONG_SIZE, off, t.size_deviation_percent_max)
    if off <= t.size_deviation_percent_max:
        when(m.stretch_percent > t.stretch_percent_max, rules.WRONG_SIZE, m.stretch_percent, t.stretch_percent_max)
    swapped = m.swap_gain > t.swap_gain_min and m.swap_error_permille > t.swap_error_permille_min
    when(swapped, rules.CHANNELS_SWAPPED, m.swap_gain, t.swap_gain_min)
    when(m.cast_delta_e > t.cast_delta_e_max, rules.COLOUR_CAST, m.cast_delta_e, t.cast_delta_e_max)
    when(m.banding_levels > t.banding_levels_max, rules.BANDING, m.banding_levels, t.banding_levels_max)
    when(m.kept_min < t.kept_min, rules.PART_MISSING, m.kept_min, t.kept_min)
    if m.kept_min >= t.kept_min:
        when(m.tile_delta_e > t.tile_delta_e_max, rules.DIFFERENT, m.tile_delta_e, t.tile_delta_e_max)
        unlike = m.tile_similarity_min
        when(unlike < t.tile_similarity_min, rules.DIFFERENT, unlike, t.tile_similarity_min)
    return tuple({defect.code: defect for defect in reversed(found)}.values())[::-1]


def _small(reference: Image.Image) -> Print:
    """The print file on the comparison's grid, whose sides are even."""
    shrink = COMPARED_PX / max(reference.size) / 2
    size = (2 * max(8, round(reference.width * shrink)), 2 * max(8, round(reference.height * shrink)))
    whole = reference if reference.mode in ("RGB", "RGBA") else reference.convert("RGBA")
    small = np.asarray(whole.resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    opacity = small[..., 3] / 255 if small.shape[2] == 4 else np.ones(small.shape[:2])
    return Print(np.ascontiguousarray(small[..., :3]), np.asarray(opacity, np.float32))


def _scale(photo: tuple[int, int], grid: tuple[int, int], area_share: float) -> float:
    """Photograph pixels per pixel of the comparison's grid, as the camera should see the print."""
    if area_share:
        return photo[0] * area_share / grid[0]
    return USUAL_SHARE * min(photo[0] / grid[0], photo[1] / grid[1])


def _reduced(photo: Image.Image, scale: float) -> tuple[Image.Image, float]:
    """The photograph averaged down to about the comparison's resolution, and its scale then."""
    whole = photo if photo.mode == "RGB" else photo.convert("RGB")
    times = max(1, int(scale / 0.95))
    return (whole.reduce(times), scale / times) if times > 1 else (whole, scale)


def _both_ways(printed: Print, near: Image.Image, scale: float) -> tuple[_Laid, _Laid | None]:
    """The print laid over the photograph as it should be, and as a mirror shows it where that is worth a look.

    Both are looked at at half the resolution.
    """
    photo = near.reduce(2)
    rim = rim_colour(np.asarray(photo, np.float32))
    coarse, coarse_mirrored = placed_coarsely(printed.half.on(rim), photo, scale)
    plain = _laid(printed, photo, coarse, rim)
    if coarse_mirrored.agreement < MIRROR_WORTH_A_LOOK * coarse.agreement:
        return plain, None
    return plain, _laid(printed.mirrored, photo, coarse_mirrored, rim)


def _settled(laid: _Laid, near: Image.Image) -> _Laid:
    """The print laid to a tenth of a pixel, at half the resolution too."""
    if laid.agreement <= 0:
        return laid
    photo = near.reduce(2)
    expected = laid.printed.half.on(rim_colour(np.asarray(photo, np.float32)))
    half = replace(laid.placement, matrix=laid.placement.matrix * TO_HALF)
    whole = settled(expected, photo, half).matrix / TO_HALF
    return replace(laid, placement=replace(laid.placement, matrix=whole))


def _laid(printed: Print, photo: Image.Image, coarse: Placement, rim: Plane) -> _Laid:
    expected = printed.half.on(rim)
    placement = refined(expected, photo, coarse)
    height, width = expected.shape[:2]
    whole = replace(placement, matrix=placement.matrix / TO_HALF)
    if seen_part(photo.size, placement.matrix, (width, height)) < SEEN_MIN:
        return _Laid(printed, whole, 0.0, 0.0)
    seen = warped(photo, placement.matrix, (width, height))
    return _Laid(printed, whole, measure.agreement_of(expected, seen), measure.likeness_of(expected, seen))


def _in_even_light(printed: Print, seen: Plane) -> tuple[Plane, Plane]:
    ground = product_colour(printed.half, halved(seen), rim_colour(seen))
    expected, even = evened(printed.on(ground), seen, printed)
    # A pixel of table beside a sheet's edge would be the largest difference of all: the outermost ones are not judged.
    for rim in (np.s_[:RIM_PX], np.s_[-RIM_PX:], np.s_[:, :RIM_PX], np.s_[:, -RIM_PX:]):
        even[rim] = expected[rim]
    return expected, even


def _swapped(colours: measure.Channels, thresholds: Rules) -> bool:
    return colours.gain > thresholds.swap_gain_min and colours.error > thresholds.swap_error_permille_min
