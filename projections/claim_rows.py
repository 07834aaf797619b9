"""Returns and complaints as answers show them."""

from typing import Any

import msgspec

from events.decoding import from_json
from projections.rows import AsOf


class ClaimedUnitsView(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a line that a claim is about."""

    line_id: str
    run: int
    units: tuple[int, ...]
    partner_id: str
    parcel_id: str
    delivered_at: int
    price_minor: int


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner answers for, in its own words and within its own time."""

    partner_id: str
    line_id: str
    run: int
    units: tuple[int, ...]
    vendor: str
    vendor_reason: str
    file_by: int
    in_time: bool


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that came with a claim: where it lies, sealed, and what it is."""

    key: str
    media_type: str


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """A return or complaint of an order; `note` is sealed, and so are the pictures."""

    order_id: str
    claim_id: str
    kind: str
    reason: str
    wish: str
    stage: str
    why: str
    amount_minor: int
    currency: str
    reference: str
    parcel_id: str
    rules_version: str
    decided_by: str
    opened_at: int
    updated_at: int
    items: tuple[ClaimedUnitsView, ...]
    pictures: tuple[PictureView, ...]
    faults: tuple[FaultView, ...]
    note: bytes | None


class ClaimsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Claims, oldest first, and how far the read model is."""

    claims: tuple[ClaimView, ...]
    more: bool
    as_of: AsOf


def claim_from(row: tuple[Any, ...]) -> ClaimView:
    """A claim from the columns of the query `claims`, which are in the order of the fields."""
    named = dict(zip(ClaimView.__struct_fields__, row, strict=True))
    return ClaimView(
        **named
        | {
            "items": from_json(named["items"], tuple[ClaimedUnitsView, ...]),
            "pictures": from_json(named["pictures"], tuple[PictureView, ...]),
            "faults": from_json(named["faults"], tuple[FaultView, ...]),
        }
    )
