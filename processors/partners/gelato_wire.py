"""Gelato's wire format, API v4 (orders) and v3 (products), as far as printledger reads it.

Declared from the vendor's public documentation. Fields that are not declared are ignored; what is not needed is
optional, because the documentation's examples and tables differ in places. Times are ISO 8601, prices are JSON numbers
in major units.
"""

import msgspec


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One print file of an item; `type` names the print area."""

    type: str = "default"
    url: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One item of an order. `item_reference_id` is ours."""

    id: str
    product_uid: str
    quantity: int
    item_reference_id: str = ""
    fulfillment_status: str = ""
    files: tuple[File, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What Gelato charged."""

    currency: str = ""
    total: float | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order. `order_reference_id` is ours, and stands on all orders that Gelato split one into."""

    id: str
    order_type: str
    order_reference_id: str
    fulfillment_status: str
    created_at: str = ""
    updated_at: str = ""
    items: tuple[Item, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    connected_order_ids: tuple[str, ...] | None = None


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer of 4xx."""

    code: str | int = ""
    message: str = ""


class RegionStock(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether a region has a blank.

    `in-stock`, `out-of-stock`, `out-of-stock-replenishable`, `non-stockable` (made on paper that is always there) or
    `not-supported`.
    """

    stock_region_uid: str
    status: str


class ProductStock(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Availability of one product."""

    product_uid: str
    availability: tuple[RegionStock, ...] = ()


class StockAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Availability of the products that were asked for; the documentation spells the field in two ways."""

    products_availability: tuple[ProductStock, ...] = ()
    product_availability: tuple[ProductStock, ...] = ()


class Price(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What so many pieces of a product cost together."""

    product_uid: str
    quantity: int
    price: float
    currency: str
    country: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook body. Events of the catalogue and of a store's products are about no order."""

    id: str
    event: str
    order_id: str = ""
    order_reference_id: str | None = None
    fulfillment_status: str = ""
