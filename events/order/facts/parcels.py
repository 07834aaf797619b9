"""Parcels that are taken back before hand-over, and their labels that are given back to the carrier."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import LineUnits
from events.types import Actor, CountryCode, EffectKey, SealedOrNone, described


class ParcelWithdrawn(OrderFact, frozen=True, kw_only=True):
    """A parcel was taken back before the carrier had it: its goods go out in another one, or nobody gets them."""

    parcel_id: str
    contents: tuple[LineUnits, ...]
    send_again: Annotated[bool, described("Whether its goods are packed anew.")]
    reason: str
    recipient: Annotated[SealedOrNone, described("The mended address, sealed; null where it stays.")] = None
    country: CountryCode = ""
    region: str = ""
    postal_prefix: str = ""
    by: Actor


class LabelRefundRequested(WorkRequested, frozen=True, kw_only=True):
    """A label that is not needed any more is to be given back to the carrier that sold it."""

    parcel_id: str
    carrier: str
    carrier_reference: Annotated[str, described("The carrier's own id of the label; empty where it is not known.")] = ""
    tracking_number: str
    label_effect_key: Annotated[EffectKey, described("The key under which the label was bought.")]


class LabelRefundAnswered(OrderFact, frozen=True, kw_only=True):
    """The carrier said what becomes of a label's price, or nobody could say it."""

    parcel_id: str
    carrier: str
    state: Annotated[str, described("'refunded', 'pending' (the carrier looks at it), 'refused' or 'unanswered'.")]
    reason: Annotated[str, described("Why it is refused or unanswered, such as 'in_transit'; else empty.")] = ""
    detail: str = ""
