"""Returns and complaints as an order knows them: what is claimed, for which units, and how far each claim is.

A claim is about units that left in a parcel. It is opened by a buyer's complaint, or by a parcel that came back; the
claim rules or a person decide it once. Text and pictures of the buyer are in the opening fact and in the read model,
not here: the state that every command loads stays small.
"""

from typing import Annotated, Final

import msgspec

from events.declare import Value
from events.types import LineId, Millis, Minor, PartnerId, RunNumber, UnitNumbers, described

COMPLAINT: Final = "complaint"
RETURN: Final = "return"

REFUND: Final = "refund"
REPRINT: Final = "reprint"
RESHIP: Final = "reship"
KEEP: Final = "keep"
REFUSE: Final = "refuse"
PERSON: Final = "person"

OUTCOMES: Final[dict[str, frozenset[str]]] = {
    COMPLAINT: frozenset({REFUND, REPRINT, REFUSE}),
    RETURN: frozenset({REFUND, REPRINT, RESHIP, KEEP}),
}
"""What can come of a claim, by its kind. 'keep': the goods stay with us, and nothing is paid or made."""

RETURNED_TO_SENDER: Final = "returned_to_sender"
"""Reason of a claim that a parcel opened by coming back."""

COMPLAINT_REASONS: Final = (
    "print_quality",
    "wrong_design",
    "wrong_item",
    "wrong_size_or_colour",
    "damaged",
    "not_arrived",
    "changed_mind",
    "other",
)
"""Why a buyer complains."""

REFUSAL_TEXTS: Final[dict[str, str]] = {
    "outside_window": "The time within which this can be claimed is over.",
    "picture_missing": "This reason needs a picture of the goods: open the claim again with one.",
    "made_to_order": "The goods were made for this order and are as ordered, so they cannot be given back.",
    "as_ordered": "The goods are as they were ordered.",
    "withdrawn": "Whoever opened the claim took it back.",
}
"""Why a claim is refused, in the words that buyer and store are told. A fact shows no free text of a person's."""

CLAIMS_MAX: Final = 30
"""Claims of one order, returns included: far more than any honest order needs, few enough to keep its state small."""

PICTURES_MAX: Final = 5
"""Pictures of one claim: as many as the vendor with the strictest form takes (Printify, reference/vendors.md)."""

DECIDED: Final = frozenset({"refunding", "refunded", "reprinted", "reshipped", "kept", "refused"})
"""Stages of a claim that was decided."""

PAID: Final = frozenset({"refunding", "refunded"})
"""Stages of a claim whose money was promised or given back."""


class ClaimedUnits(Value, frozen=True, kw_only=True):
    """Units of a line that a claim is about: one print run made them, one parcel carried them."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    partner_id: PartnerId
    parcel_id: str
    delivered_at: Annotated[Millis, described("When the carrier says that they were at the door; 0 if it does not.")]
    price_minor: Annotated[Minor, described("What these units cost the buyer together.")]
    reprints: Annotated[int, described("Re-prints of the line before the claim.")] = 0


class PartnerFault(Value, frozen=True, kw_only=True):
    """What a partner answers for, in its own words and within its own time."""

    partner_id: PartnerId
    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    vendor: Annotated[str, described("Whose terms apply, such as 'printify'.")]
    vendor_reason: Annotated[str, described("The vendor's own word for the reason; empty where it has none.")] = ""
    file_by: Annotated[Millis, described("Until when the vendor takes the claim; 0 where that is not known.")] = 0
    in_time: Annotated[bool, described("Whether that was still to come when the claim was opened.")] = True


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of an order.

    Stages: reviewing (the claim rules look at it), referred (a person decides), refunding, refunded, reprinted,
    reshipped, kept, refused. `attempt` and `effect_key` are of the review, and from `refunding` on of the refund;
    `waiting`: the refund failed and is tried again after a wait; `failed`: only a person can make it go on.
    """

    claim_id: str
    kind: str
    reason: str
    wish: str
    items: tuple[ClaimedUnits, ...]
    pictures: int
    opened_at: int
    stage: str = "reviewing"
    attempt: int = 0
    effect_key: str = ""
    waiting: bool = False
    failed: bool = False
    amount_minor: int = 0
    faults: tuple[PartnerFault, ...] = ()

    @property
    def units(self) -> frozenset[tuple[str, int]]:
        """What it is about, as pairs of line and unit."""
        return frozenset((item.line_id, unit) for item in self.items for unit in item.units)

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided it yet."""
        return self.stage not in DECIDED
