"""EasyPost's wire format, API v2, as far as printledger reads it.

Every field is declared from recorded answers of the vendor's own client libraries. Fields that are not
declared are ignored, and what EasyPost may leave out is optional: tolerant on read, exact on write.
"""

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A price for one service. `rate` is decimal text in major units (`6.07`)."""

    id: str
    carrier: str
    service: str
    rate: str
    currency: str
    delivery_days: int | None = None


class PostageLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A bought label; its bytes are fetched from `label_url`."""

    label_url: str | None = None
    label_pdf_url: str | None = None
    label_file_type: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Why a carrier gave no rate, in the carrier's words."""

    carrier: str | None = None
    message: object = None


class AddressWire(msgspec.Struct, frozen=True, kw_only=True):
    """An address as EasyPost answers it; `state` is our region."""

    id: str | None = None
    name: str | None = None
    company: str | None = None
    street1: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    residential: bool | None = None


class TrackingLocation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a scan happened."""

    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip: str | None = None


class TrackingDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One scan. `datetime` is RFC 3339."""

    message: str | None = None
    status: str | None = None
    status_detail: str | None = None
    datetime: str | None = None
    tracking_location: TrackingLocation | None = None


class Tracker(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel on its way."""

    id: str
    tracking_code: str
    status: str
    status_detail: str | None = None
    carrier: str
    updated_at: str
    shipment_id: str | None = None
    est_delivery_date: str | None = None
    public_url: str | None = None
    tracking_details: tuple[TrackingDetail, ...] = ()


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that wants a label, or has one. `reference` is ours."""

    id: str
    reference: str | None = None
    tracking_code: str | None = None
    refund_status: str | None = None
    to_address: AddressWire | None = None
    rates: tuple[Rate, ...] = ()
    selected_rate: Rate | None = None
    postage_label: PostageLabel | None = None
    tracker: Tracker | None = None
    messages: tuple[Message, ...] = ()


class VerifiedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an address verification."""

    address: AddressWire


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one field."""

    code: str | None = None
    field: str | None = None
    message: object = None
    suggestion: object = None


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong. `errors` holds objects, or plain sentences."""

    code: str
    message: object = None
    errors: tuple[ErrorDetail | str, ...] = ()


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer of 4xx."""

    error: ErrorBody


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body. `result` is a tracker when `description` begins with `tracker.`."""

    id: str
    object: str
    description: str
    result: msgspec.Raw
