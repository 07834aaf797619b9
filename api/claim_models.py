"""Bodies of requests and answers about returns and complaints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.models import AnswerModel, AsOfOut, RecipientIn, RequestModel
from events.order.claims import PICTURES_MAX

Unit = Annotated[int, Field(ge=1, le=1_000)]
Reason = Literal[
    "print_quality",
    "wrong_design",
    "wrong_item",
    "wrong_size_or_colour",
    "damaged",
    "not_arrived",
    "changed_mind",
    "other",
]


class ClaimedLineIn(RequestModel):
    """Units of a line that are complained about, by their numbers from 1."""

    line_id: Annotated[str, Field(min_length=1, max_length=64)]
    units: Annotated[list[Unit], Field(min_length=1, max_length=1_000)]


class OpenClaimIn(RequestModel):
    """A complaint. Text and pictures are kept sealed; `pictures` are names that `PUT …/claims/pictures` answered."""

    lines: Annotated[list[ClaimedLineIn], Field(min_length=1, max_length=200)]
    reason: Reason
    wish: Literal["", "refund", "reprint"] = ""
    text: Annotated[str, Field(max_length=2_000)] = ""
    pictures: Annotated[list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]], Field(max_length=PICTURES_MAX)] = []


class DecideClaimIn(RequestModel):
    """What a person decides. `amount_minor` 0 gives back all that the units cost; `recipient` is for `reship`."""

    outcome: Literal["refund", "reprint", "reship", "keep", "refuse"]
    reason: Annotated[str, Field(pattern=r"^[a-z_]{0,40}$")] = ""
    amount_minor: Annotated[int, Field(ge=0, le=10**12)] = 0
    recipient: RecipientIn | None = None


class RefundedIn(RequestModel):
    """The money was given back by hand: by which reference it is found."""

    reference: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:#-]{1,100}$")]


class PictureOut(AnswerModel):
    """A picture was kept for a claim that is about to be opened."""

    picture: str


class ClaimedUnitsOut(AnswerModel):
    """Units that a claim is about: which print run made them, which parcel carried them."""

    line_id: str
    run: int
    units: tuple[int, ...]
    partner_id: str
    parcel_id: str
    delivered_at: int
    price_minor: int


class FaultOut(AnswerModel):
    """What a partner answers for: its own word, and until when it takes the claim (0 where it states none)."""

    partner_id: str
    line_id: str
    run: int
    units: tuple[int, ...]
    vendor: str
    vendor_reason: str
    file_by: int
    in_time: bool


class ClaimOut(AnswerModel):
    """A return or complaint. `text` and `picture_urls` are for keys with the scope `orders:personal`, until erasure."""

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
    items: tuple[ClaimedUnitsOut, ...]
    faults: tuple[FaultOut, ...]
    text: str | None = None
    picture_urls: tuple[str, ...] = ()


class ClaimsOut(AnswerModel):
    """Claims, oldest first; `more` says that there are more than were asked for."""

    claims: tuple[ClaimOut, ...]
    more: bool
    as_of: AsOfOut
