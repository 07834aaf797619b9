"""What a parcel has besides its way: a label that is given back, an address that its carrier writes otherwise."""

import hashlib
from typing import Final

import msgspec

from events.order.values import SuggestedAddress

WITHDRAWN: Final = "withdrawn"
"""Stage of a parcel that was taken back before hand-over. It does not leave it, whatever is scanned later."""

UNSEEN: Final = "unknown"
"""Word of a carrier that has not seen the parcel yet: most begin with it, so it is recorded and moves nothing."""

REFUNDED, PENDING, REFUSED, UNANSWERED = "refunded", "pending", "refused", "unanswered"
REFUND_STATES: Final = frozenset({REFUNDED, PENDING, REFUSED, UNANSWERED})

DAY_MS: Final = 86_400_000
PENDING_ASKS_MAX: Final = 6
"""A pending refund is looked after for a month: after 1, 2, 4, 8 and 16 days; then a person looks."""


class LabelRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A label that is given back. `state` is empty until the carrier was heard."""

    effect_key: str
    attempt: int = 1
    state: str = ""
    #: The newest attempt that was answered.
    heard: int = 0
    #: How often the carrier said that it looks at it, and how often in a row nobody could say anything.
    pending: int = 0
    unanswered: int = 0


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier's better idea of the order's address, while that address is the one that it refused."""

    address: SuggestedAddress
    instead_of: str


def digest_of(recipient: bytes) -> str:
    """Names a sealed address within its order; tells nothing of what is sealed."""
    return hashlib.sha256(recipient).hexdigest()[:16]
