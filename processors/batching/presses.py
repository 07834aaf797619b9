"""A house press as its operator describes it: the sheet it prints, what it prints on, and how fast it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

#: Between one millimetre and ten metres, for sheets and rolls alike.
Length = Annotated[int, msgspec.Meta(ge=1_000, le=10_000_000)]


class Press(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One press of the shop. Lengths are micrometres."""

    #: Its name in batches and on sheets.
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,32}$")]
    #: How it prints, such as `dtf` or `sublimation`.
    method: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,32}$")]
    #: The shop's names of the variants that it prints for, each with the product that it belongs to.
    variants: Mapping[str, str]
    sheet_width_um: Length
    sheet_height_um: Length
    sheets_per_hour: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    #: Kept free on all sides of a sheet, for grippers, crop marks and the sheet's own name.
    margin_um: Annotated[int, msgspec.Meta(ge=8_000, le=200_000)] = 15_000
    #: Kept free around every piece for its crop marks and its code.
    gutter_um: Annotated[int, msgspec.Meta(ge=4_000, le=50_000)] = 8_000
    sheets_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    #: A job may lie at the press so long without a word of it; then a person is asked to look.
    silent_max_s: Annotated[int, msgspec.Meta(ge=60, le=604_800)] = 14_400
    #: A line waits for company so long at most.
    wait_max_s: Annotated[int, msgspec.Meta(ge=0, le=604_800)] = 3_600

    @property
    def inner_um(self) -> tuple[int, int]:
        """Width and height of what may carry pieces."""
        return self.sheet_width_um - 2 * self.margin_um, self.sheet_height_um - 2 * self.margin_um
