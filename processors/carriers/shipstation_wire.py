"""ShipStation's wire format, API v2 (formerly ShipEngine), as far as printledger reads it.

Declared from the vendor's published OpenAPI description (github.com/ShipEngine/shipengine-openapi) and its
documentation (docs.shipstation.com: tracking, webhook payload schemas, errors, rate limits). No recordings of it are
at hand. Fields that are not declared are ignored, and what ShipStation may leave out is optional: tolerant on read,
exact on write.
"""

from decimal import Decimal

import msgspec


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in major units; the currency is in lower case (`usd`)."""

    currency: str
    amount: Decimal


class AddressWire(msgspec.Struct, frozen=True, kw_only=True):
    """An address as ShipStation answers it."""

    address_line1: str | None = None
    address_line2: str | None = None
    city_locality: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    address_residential_indicator: str | None = None


class ValidationMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of an address: `type` is error, warning or info."""

    code: str | None = None
    message: str | None = None
    type: str | None = None
    detail_code: str | None = None


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on an address: `status` is unverified, verified, warning or error."""

    status: str
    matched_address: AddressWire | None = None
    messages: tuple[ValidationMessage, ...] = ()


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A price for one service; what is paid is the sum of the amounts."""

    rate_id: str
    carrier_code: str
    service_code: str
    shipping_amount: Money
    insurance_amount: Money | None = None
    confirmation_amount: Money | None = None
    other_amount: Money | None = None
    delivery_days: int | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One error of a request or of a rating."""

    error_source: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    message: str | None = None


class RateResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the carriers offer."""

    rates: tuple[Rate, ...] = ()
    errors: tuple[Problem, ...] = ()


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """A shipment with its rates."""

    shipment_id: str
    rate_response: RateResponse


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """Where a label's file is; `href` is in the wanted format."""

    href: str | None = None


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A label: `status` is processing, completed, error or voided."""

    label_id: str
    status: str
    carrier_code: str | None = None
    service_code: str | None = None
    tracking_number: str | None = None
    shipment_cost: Money | None = None
    insurance_cost: Money | None = None
    label_format: str | None = None
    label_download: Download | None = None
    voided: bool = False


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """A page of labels."""

    labels: tuple[Label, ...]


class Void(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a void."""

    approved: bool
    message: str | None = None
    reason_code: str | None = None


class TrackEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One scan. `occurred_at` is RFC 3339 with a zone."""

    occurred_at: str
    description: str | None = None
    city_locality: str | None = None
    state_province: str | None = None
    country_code: str | None = None
    event_code: str | None = None
    status_code: str | None = None
    status_detail_code: str | None = None


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel on its way; `status_code` is one of two letters."""

    tracking_number: str
    status_code: str
    status_detail_code: str | None = None
    status_description: str | None = None
    carrier_code: str | None = None
    carrier_status_description: str | None = None
    exception_description: str | None = None
    estimated_delivery_date: str | None = None
    events: tuple[TrackEvent, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer of 4xx."""

    errors: tuple[Problem, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body. `data` is a tracking when `resource_type` tells of tracks."""

    resource_type: str
    resource_url: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
