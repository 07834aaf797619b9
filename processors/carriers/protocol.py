"""What printledger asks of a carrier, whoever the vendor is.

A label costs money, so it is bought once per `effect_key`: the adapter keeps which shipment of the carrier's
belongs to the key in a `ClaimStore` before it pays, and reads back when an answer was lost.

Times are epoch milliseconds (`…_at`), money is minor units with an ISO 4217 currency, lengths are
micrometres, weights are grams.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

import msgspec

from processors.outbound import Deferred
from processors.webhooks import WebhookNotGenuine, WebhookTooOld, WebhookUnreadable

__all__ = [
    "CANONICAL_TRACKING",
    "Address",
    "AddressVerified",
    "Carrier",
    "ClaimStore",
    "CustomsItem",
    "Deferred",
    "LabelBought",
    "LabelOutcome",
    "LabelRefused",
    "ParcelShipment",
    "ParcelSize",
    "Rate",
    "RatesFound",
    "RatesOutcome",
    "RefundConfirmed",
    "RefundOutcome",
    "TrackingOutcome",
    "TrackingPlace",
    "TrackingReport",
    "WebhookNotGenuine",
    "WebhookTooOld",
    "WebhookUnreadable",
]

#: A parcel's tracking words and their rank. Rank 0 stands beside the journey (the latest time-stamp wins);
#: otherwise a report of lower rank than the parcel has reached is recorded and not applied. A parcel that
#: turned back outranks a delivery, because a refused delivery comes home.
CANONICAL_TRACKING: Final[Mapping[str, int]] = {
    "unknown": 0,
    "failure": 0,
    "cancelled": 0,
    "pre_transit": 10,
    "in_transit": 20,
    "out_for_delivery": 30,
    "available_for_pickup": 35,
    "delivered": 40,
    "return_to_sender": 50,
    "returned": 60,
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address in the clear: it lives in memory and on the label, never in a fact."""

    name: str
    street1: str
    street2: str | None = None
    city: str
    #: State, province or county, where the country has them.
    region: str | None = None
    postal_code: str | None
    #: ISO 3166-1 alpha-2.
    country: str
    phone: str | None = None
    email: str | None = None
    company: str | None = None


class ParcelSize(msgspec.Struct, frozen=True, kw_only=True):
    """The packed parcel."""

    length_um: int
    width_um: int
    height_um: int
    weight_g: int


class CustomsItem(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of goods in a parcel that crosses a customs border."""

    description: str
    quantity: int
    #: Weight and value of all `quantity` pieces together.
    weight_g: int
    value_minor: int
    currency: str
    #: Harmonised System number, six digits or more.
    hs_tariff_number: str | None
    #: ISO 3166-1 alpha-2.
    origin_country: str


class ParcelShipment(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel that needs a label."""

    #: The carrier's reference: 32 hexadecimal digits, the same over every retry.
    effect_key: str
    sender: Address
    recipient: Address
    parcel: ParcelSize
    #: Needed when the two countries differ and lie in different customs areas.
    customs: tuple[CustomsItem, ...] = ()
    customs_signer: str | None = None
    #: Take only these services (`GroundAdvantage`); empty means the cheapest of all.
    services: tuple[str, ...] = ()
    #: The label's media type: `image/png` or `application/pdf`.
    label_media_type: str = "image/png"


class LabelBought(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A label is paid for, and here it is."""

    tracking_number: str
    #: The transporting company (`USPS`); the adapter's name says through whom it was bought.
    carrier_code: str
    service: str
    cost_minor: int
    currency: str
    label_bytes: bytes
    label_media_type: str
    #: A page that shows the parcel's way; None where the carrier has none.
    tracking_url: str | None
    #: The carrier's own id of the shipment: refunds ask by it, tracking webhooks name it.
    carrier_reference: str
    #: True when an earlier try had bought it and its answer was lost.
    already_known: bool = False


class LabelRefused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No label, and nothing was paid.

    `reason` is one of our words (`address_not_found`, `address_incomplete`, `no_service`, `invalid`,
    `credentials`, `funds`, `unavailable`, `carrier_error`), `detail` is what the carrier wrote.
    """

    reason: str
    #: True when the same request may succeed later; False when it never will.
    retryable: bool
    detail: str = ""
    #: The carrier's better idea of the recipient's address, for a person to accept.
    suggested_address: Address | None = None
    #: True when only a person can mend it (an address, credentials, the account's balance).
    needs_person: bool = False


LabelOutcome: TypeAlias = LabelBought | LabelRefused | Deferred


class AddressVerified(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The carrier can deliver there; `address` is its spelling of it."""

    address: Address
    residential: bool | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What one service of a carrier asks for one parcel."""

    #: The adapter through which the label would be bought (`easypost`).
    carrier: str
    #: The transporting company (`USPS`).
    carrier_code: str
    #: The service in the carrier's own word, as `ParcelShipment.services` names it.
    service: str
    cost_minor: int
    currency: str
    #: Days from hand-over to door by the carrier's estimate; None where it gives none.
    delivery_days: int | None


class RatesFound(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything that a carrier offers for a parcel; it may be nothing."""

    rates: tuple[Rate, ...]


RatesOutcome: TypeAlias = RatesFound | LabelRefused | Deferred


class RefundConfirmed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The carrier took the label back, or will: `state` is `submitted` or `refunded`."""

    carrier_reference: str
    state: str


RefundOutcome: TypeAlias = RefundConfirmed | LabelRefused | Deferred


class TrackingPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parcel was seen, never finer than a town, and no town once it is at the buyer's."""

    city: str | None = None
    region: str | None = None
    country: str | None = None


class TrackingReport(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a parcel that a carrier told us of, translated but not judged."""

    #: Our key, where the carrier repeats it; else None: the tracking number or reference finds the parcel.
    effect_key: str | None
    tracking_number: str
    #: The carrier's own id of the shipment, where it names it.
    carrier_reference: str | None
    carrier_code: str
    #: The carrier's own word, as it came.
    raw_status: str
    #: A key of `CANONICAL_TRACKING`, or None when the map lacks the word.
    canonical: str | None
    #: 0 for a condition and for an unknown word.
    rank: int
    #: When it happened, by the carrier's clock.
    carrier_timestamp_at: int
    #: The carrier's id of this event, the same when the webhook comes twice.
    tracking_event_id: str
    place: TrackingPlace | None = None
    #: The carrier's sentence (`Arrived at facility`).
    detail: str = ""
    #: When the carrier expects to deliver.
    estimated_delivery_at: int | None = None
    #: Where the translation comes from: adapter name, wire version and version of its status map.
    provenance: str


#: What a carrier says now about a parcel: its newest state, or nothing where it has not seen the parcel or knows none.
TrackingOutcome: TypeAlias = tuple[TrackingReport, ...] | Deferred


class ClaimStore(Protocol):
    """Keeps which object of an outside system belongs to an effect key. The first claim wins, for good.

    Durable: what `claim` returned is still there after a crash, because money is spent on its word.
    """

    async def claim(self, effect_key: str, candidate: str) -> str:
        """Store `candidate` unless the key has a value; return the value that the key has now."""
        ...

    async def claimed(self, effect_key: str) -> str | None:
        """The key's value, or None."""
        ...


class Carrier(Protocol):
    """A vendor that sells labels and tracks parcels. Safe for many calls at the same time."""

    @property
    def name(self) -> str:
        """The carrier's key in the catalogue (`easypost`)."""
        ...

    async def verify_address(self, address: Address) -> AddressVerified | LabelRefused | Deferred:
        """Ask whether the carrier can deliver there. Costs nothing and changes nothing."""
        ...

    async def rates(self, shipment: ParcelShipment) -> RatesOutcome:
        """Ask what each service would cost. Costs nothing; nothing is claimed under the effect key."""
        ...

    async def buy_label(self, shipment: ParcelShipment) -> LabelOutcome:
        """Buy the cheapest fitting label, once per effect key however often it is called."""
        ...

    async def read_back(self, effect_key: str) -> LabelBought | Deferred | None:
        """The label bought under the key; None when none was."""
        ...

    async def refund(self, carrier_reference: str) -> RefundOutcome:
        """Give an unused label back. It is read first whether that was asked, and asked once: asking again is safe."""
        ...

    async def track(self, carrier_reference: str) -> TrackingOutcome:
        """Ask where a parcel is, for when its webhooks were lost. By the reference of the label's `LabelBought`."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless this carrier signed these bytes. Header case is free."""
        ...

    def parse_webhook(self, body: bytes) -> tuple[TrackingReport, ...]:
        """Translate a verified body; empty for events of no parcel; `WebhookUnreadable` for a broken one."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
