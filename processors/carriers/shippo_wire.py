"""Shippo's wire format, as far as printledger reads it: declared from recorded answers and the vendor's reference.

Recorded: addresses, shipments, rates, transactions and tracks (API version 2017-03-29, the vendor's own client
library). `estimated_days` and `substatus` are of the current reference (docs.goshippo.com); the recordings' `days` is
read as well. Fields that are not declared are ignored, and what Shippo may leave out is optional: tolerant on read,
exact on write.
"""

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Why something went as it did, in Shippo's or a carrier's words."""

    source: str | None = None
    code: str | None = None
    text: str | None = None


class ValidationResults(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on an address; both fields are missing until it was asked for."""

    is_valid: bool | None = None
    messages: tuple[Message, ...] = ()


class AddressWire(msgspec.Struct, frozen=True, kw_only=True):
    """An address as Shippo answers it. Texts that are not known are empty."""

    object_id: str
    street_no: str | None = None
    street1: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    is_residential: bool | None = None
    validation_results: ValidationResults = ValidationResults()


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """A service: `token` is its word (`usps_priority`), `name` is for people."""

    token: str | None = None
    name: str | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A price for one service. `amount` is decimal text in major units (`13.05`)."""

    object_id: str
    amount: str
    currency: str
    provider: str
    servicelevel: ServiceLevel
    estimated_days: int | None = None
    days: int | None = None


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel with its rates. With `async` false they are there at once."""

    object_id: str
    status: str
    rates: tuple[Rate, ...] = ()
    messages: tuple[Message, ...] = ()


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was asked for. `rate` is the rate's id, or the rate itself.

    `status` is WAITING, QUEUED, SUCCESS, ERROR, REFUNDED, REFUNDPENDING or REFUNDREJECTED.
    """

    object_id: str
    status: str
    rate: str | Rate | None = None
    tracking_number: str | None = None
    tracking_url_provider: str | None = None
    label_url: str | None = None
    messages: tuple[Message, ...] = ()


class Transactions(msgspec.Struct, frozen=True, kw_only=True):
    """A page of transactions."""

    results: tuple[Transaction, ...]


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: `status` is QUEUED, PENDING, SUCCESS or ERROR."""

    object_id: str
    status: str


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a scan happened."""

    city: str | None = None
    state: str | None = None
    country: str | None = None


class Substatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the status means in detail (`out_for_delivery`)."""

    code: str | None = None
    text: str | None = None


class TrackingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a parcel. `object_id` names the state, the same in webhooks and on request."""

    object_id: str
    status: str
    status_date: str | None = None
    status_details: str | None = None
    substatus: Substatus | None = None
    location: Location | None = None


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel on its way; `transaction` is the label's, where it was bought through Shippo."""

    tracking_number: str
    carrier: str
    tracking_status: TrackingStatus | None = None
    eta: str | None = None
    transaction: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body. `data` is a track when `event` is `track_updated`."""

    event: str
    data: msgspec.Raw
