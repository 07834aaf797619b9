"""Prodigi's wire format, Print API v4.0, as far as printledger reads it.

Declared from the vendor's public reference (prodigi.com/print-api/docs/reference). Fields that are not declared are
ignored; what is not needed is optional. Times are RFC 3339 with up to seven decimals, amounts are text in major units.
"""

import msgspec


class Asset(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One picture of an item."""

    print_area: str = "default"
    url: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item of an order."""

    sku: str
    copies: int
    assets: tuple[Asset, ...] = ()


class Issue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that is wrong with an order; `error_code` ends with its kind."""

    error_code: str = ""
    description: str = ""


class Details(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far each step is: `NotStarted`, `InProgress`, `Complete`, `Error`."""

    download_assets: str = ""
    allocate_production_location: str = ""
    print_ready_assets_prepared: str = ""
    in_production: str = ""
    shipping: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The stage, and what stands behind it."""

    stage: str
    issues: tuple[Issue, ...] = ()
    details: Details = Details()


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """An amount."""

    amount: str
    currency: str


class Charge(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What Prodigi charged."""

    total_cost: Cost


class Order(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order. `merchant_reference` is ours. One that is paused is answered with its id alone."""

    id: str
    status: Status | None = None
    created: str = ""
    last_updated: str = ""
    merchant_reference: str | None = None
    items: tuple[Item, ...] = ()
    charges: tuple[Charge, ...] = ()


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of an order. The reference writes outcomes in two ways: `Created` and `created`."""

    outcome: str
    order: Order | None = None


class OrdersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of several orders."""

    orders: tuple[Order, ...] = ()


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of an answer of 4xx: an outcome, or words."""

    outcome: str = ""
    status_text: str = ""


class QuoteItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One item of a quote, with the cost of one piece."""

    sku: str
    unit_cost: Cost


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What an order would cost."""

    items: tuple[QuoteItem, ...] = ()


class QuoteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of quotes, one for each way of shipping."""

    outcome: str
    quotes: tuple[Quote, ...] = ()


class EventData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The whole order; the reference shows it both under `order` and without."""

    order: Order | None = None
    id: str = ""
    status: Status | None = None
    created: str = ""
    last_updated: str = ""
    merchant_reference: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A callback: a CloudEvent 1.0 whose `subject` is the order's id."""

    specversion: str
    id: str
    type: str
    time: str
    subject: str = ""
    data: EventData = EventData()
