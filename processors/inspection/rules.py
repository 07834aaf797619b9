"""The thresholds of the automatic inspection, and the defects that it can name."""

from __future__ import annotations

from typing import Final

import msgspec

WRONG_DESIGN: Final = "wrong_design"
MIRRORED: Final = "mirrored"
WRONG_SIZE: Final = "wrong_size"
CHANNELS_SWAPPED: Final = "channels_swapped"
COLOUR_CAST: Final = "colour_cast"
BANDING: Final = "banding"
PART_MISSING: Final = "part_missing"
DIFFERENT: Final = "different"

MEANINGS: Final = {
    WRONG_DESIGN: "The print does not show this design.",
    MIRRORED: "The print shows the design as a mirror does.",
    WRONG_SIZE: "The print is too small, too large or stretched.",
    CHANNELS_SWAPPED: "The inks stand for the wrong colours.",
    COLOUR_CAST: "The print's colours are off on the whole.",
    BANDING: "Stripes run along or across the print.",
    PART_MISSING: "A part of the design, such as a text, is not printed.",
    DIFFERENT: "A place of the print looks different from the design.",
}
"""Every defect that the rules can name, with what it means."""


class FoundDefect(msgspec.Struct, frozen=True, kw_only=True):
    """One defect with the number that named it and the threshold that the number crossed."""

    code: str
    measured: float
    threshold: float


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds; the figures come from prints that were made up for it (see `printledger bench inspection`)."""

    version: str = "inspection-3"
    #: Correlation of edges, middle of all tiles, under which it is another design.
    agreement_min: float = 0.6
    #: How much more of the brightness within tiles a mirror image must explain, of 1.
    mirrored_gain_min: float = 0.12
    #: Deviation of the size from what the camera should see, in percent, and of width against height.
    size_deviation_percent_max: float = 7.0
    stretch_percent_max: float = 4.0
    #: Share of the colour error that another order of the channels explains, and the error that is worth a look.
    swap_gain_min: float = 0.35
    swap_error_permille_min: float = 12.0
    #: CIE 1976 colour difference of the mean colour of the ink, and of the worst tile.
    cast_delta_e_max: float = 12.0
    tile_delta_e_max: float = 18.0
    #: Deviation of stripes, in levels of brightness.
    banding_levels_max: float = 0.6
    #: Share of a tile's expected contrast that is there.
    kept_min: float = 0.35
    #: Structural similarity of the worst tile.
    tile_similarity_min: float = 0.3


RULES: Final = Rules()
