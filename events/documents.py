"""Records that are neither facts nor commands: statuses, refusals, and the orders that stores publish."""

from typing import Annotated, ClassVar

from events.declare import Document, Value
from events.types import AreaName, CountryCode, Currency, LineId, Millis, Minor, UnitNumbers, described


class LineStatus(Value, frozen=True, kw_only=True):
    """Where one line of an order is."""

    line_id: LineId
    sku: str
    quantity: int
    status: str
    cancelled_units: UnitNumbers = ()


class ParcelStatus(Value, frozen=True, kw_only=True):
    """Where one parcel of an order is."""

    parcel_id: str
    status: str
    carrier: str
    tracking_number: str
    tracking_url: str
    contents: Annotated[dict[str, int], described("Units of each line in this parcel, by line id.")]


class OrderStatus(Document, frozen=True, kw_only=True):
    """Full snapshot of an order's status; a later one of the same order replaces it."""

    avro_namespace: ClassVar[str] = "pod.orders"

    order_id: str
    tenant: str
    store: str
    external_id: str
    order_number: str
    status: str
    lines: tuple[LineStatus, ...]
    parcels: tuple[ParcelStatus, ...] = ()
    holds: Annotated[tuple[str, ...], described("Reasons for which the order is held.")] = ()
    exceptions: Annotated[tuple[str, ...], described("Open exceptions.")] = ()
    seq: Annotated[int, described("Number of the last fact that this snapshot has seen.")]
    updated_at: Millis


class CommandRejected(Document, frozen=True, kw_only=True):
    """A command was refused or ignored: why, for whom."""

    avro_namespace: ClassVar[str] = "pod"

    command_id: str
    command: str
    key: str
    tenant: str
    outcome: Annotated[str, described("'refused' or 'ignored'.")]
    reason: str
    detail: str
    rejected_at: Millis


class PublishedArea(Value, frozen=True, kw_only=True):
    """What the buyer gave for one print area of a line."""

    area: AreaName = ""
    text: str | None = None
    artwork_url: str | None = None


class PublishedLine(Value, frozen=True, kw_only=True):
    """A line of an order that a store publishes on its own topic."""

    line_id: LineId
    sku: str
    title: str = ""
    quantity: int
    unit_price_minor: Minor = 0
    areas: Annotated[
        tuple[PublishedArea, ...], described("One for each area that the buyer gave something for; at most 8.")
    ] = ()
    instructions: str | None = None


class PublishedAddress(Value, frozen=True, kw_only=True):
    """Where an order that a store publishes goes to."""

    name: str
    address1: str
    address2: str = ""
    city: str
    region: str = ""
    postal_code: str = ""
    country: CountryCode
    email: str = ""
    phone: str = ""


class StoreOrderPublished(Document, frozen=True, kw_only=True):
    """An order as a store publishes it on `stores.<tenant>.orders.v1`; the tenant comes from the topic's name."""

    avro_namespace: ClassVar[str] = "pod.stores"

    store: str
    external_id: str
    order_number: str = ""
    placed_at: Millis
    updated_at: Millis
    currency: Currency
    total_minor: Minor = 0
    priority: str = "standard"
    address: PublishedAddress
    lines: tuple[PublishedLine, ...]
    payment_pending: bool = False
    cancelled: bool = False
