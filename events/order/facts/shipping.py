"""Shipping: labelled, dispatched, tracked, at the door."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import LineUnits, StoredFile, SuggestedAddress
from events.types import CountryCode, Currency, Millis, Minor, PartnerId, Polled, Sealed, described


class LabelRequested(WorkRequested, frozen=True, kw_only=True):
    """A shipping label is to be bought for a parcel."""

    parcel_id: str
    contents: tuple[LineUnits, ...]
    partner_id: Annotated[PartnerId, described("Where the parcel starts.")]
    recipient: Sealed
    country: CountryCode
    priority: Annotated[str, described("The order's: what it promises decides how quick a service must be.")] = (
        "standard"
    )


class LabelPurchased(OrderFact, frozen=True, kw_only=True):
    """The parcel has a label and a tracking number."""

    parcel_id: str
    contents: tuple[LineUnits, ...]
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    cost_minor: Minor
    currency: Currency
    carrier_reference: str
    label: StoredFile


class LabelFailed(OrderFact, frozen=True, kw_only=True):
    """The label could not be bought."""

    parcel_id: str
    reason: str
    detail: str = ""
    retryable: bool = False
    carrier: Annotated[str, described("Who was asked for it; empty where nobody was.")] = ""
    suggested: Annotated[
        SuggestedAddress | None,
        described("The address as the carrier would write it; null where it has no better one."),
    ] = None


class ShipmentDispatched(OrderFact, frozen=True, kw_only=True):
    """The carrier has the parcel."""

    parcel_id: str
    contents: tuple[LineUnits, ...]


class TrackingObserved(OrderFact, frozen=True, kw_only=True):
    """The carrier reported on a parcel. A report that says less than is known already is kept and not applied."""

    parcel_id: str
    raw: str
    canonical: Annotated[str, described("Our word for it; empty where the carrier's word is not known here.")]
    rank: int
    carrier_at: Annotated[Millis, described("The carrier's own timestamp.")]
    tracking_event_id: str
    applied: bool
    place: str = ""
    polled: Polled = False


class ShipmentDelivered(OrderFact, frozen=True, kw_only=True):
    """The parcel is at the buyer's door."""

    parcel_id: str
    contents: tuple[LineUnits, ...]


class ShipmentReturned(OrderFact, frozen=True, kw_only=True):
    """The parcel came back."""

    parcel_id: str
    contents: tuple[LineUnits, ...]
