"""Printful's wire format, API v2 (beta), as far as printledger reads it.

Declared from the vendor's OpenAPI text. Fields that are not declared are ignored; what is not needed is optional.
Times are RFC 3339 to the second, prices are decimal text in major units.
"""

from typing import Any

import msgspec


class ItemSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One item in an order's short list."""

    id: int
    quantity: int
    catalog_variant_id: int | None = None


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What Printful charges; calculated after the order was created."""

    calculation_status: str
    currency: str | None = None
    total: str | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `external_id` is ours."""

    id: int
    external_id: str | None
    status: str
    created_at: str
    updated_at: str
    costs: Costs
    order_items: tuple[ItemSummary, ...]


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of an order."""

    data: Order


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One picture on a placement."""

    type: str
    url: str


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how the pictures are printed; `status` is `ok` or `failed`."""

    placement: str
    technique: str
    layers: tuple[Layer, ...] = ()
    status: str = "ok"
    status_explanation: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item in full."""

    id: int
    quantity: int
    placements: tuple[Placement, ...] = ()


class ItemsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of an order's items."""

    data: tuple[Item, ...]


class ErrorWords(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is a word or a number, `message` is for people."""

    reason: str | int | None = None
    message: str = ""


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer of 4xx."""

    code: int
    result: str = ""
    error: ErrorWords = ErrorWords()


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a region's factories have a blank: `in stock`, `out of stock`, `not fulfillable`, `unknown`."""

    name: str
    availability: str


class TechniqueStock(msgspec.Struct, frozen=True, kw_only=True):
    """Availability for one technique."""

    technique: str
    selling_regions: tuple[Region, ...]


class VariantStock(msgspec.Struct, frozen=True, kw_only=True):
    """Availability of one variant."""

    catalog_variant_id: int
    techniques: tuple[TechniqueStock, ...]


class StockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of an availability."""

    data: VariantStock


class TechniquePrice(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one variant for one technique."""

    technique_key: str
    price: str
    discounted_price: str


class VariantPrices(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one variant."""

    id: int
    techniques: tuple[TechniquePrice, ...]


class PriceData(msgspec.Struct, frozen=True, kw_only=True):
    """Prices with their currency."""

    currency: str
    variant: VariantPrices


class PriceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of prices."""

    data: PriceData


class WebhookOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order that an event is about."""

    id: int
    external_id: str | None
    status: str


class WebhookShipment(msgspec.Struct, frozen=True, kw_only=True):
    """The shipment that an event is about."""

    id: int
    status: str


class WebhookData(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to what; events of mock-ups and prices have neither order nor shipment."""

    order: WebhookOrder | None = None
    shipment: WebhookShipment | None = None
    reason: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body. `retries` counts earlier attempts, so it differs between repetitions of one event.

    Where stock changed, `data` is a list of variants.
    """

    type: str
    occurred_at: str
    data: WebhookData | list[Any]
