"""Printify's wire format, API v1, as far as printledger reads it.

Declared from the vendor's public documentation (developers.printify.com) and its OpenAPI text. Fields that are not
declared are ignored; what is not needed is optional. Times are `2017-04-18 13:24:28+00:00`, prices whole cents.
"""

import msgspec


class LineItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order; `product_id` names the product that was made with the order."""

    variant_id: int
    quantity: int
    product_id: str = ""
    print_provider_id: int | None = None
    status: str = ""
    sent_to_production_at: str | None = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """`shop_order_id` is the `external_id` that the order was submitted with, as text or as a number."""

    shop_order_id: str | int = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order. There is no time of its last change."""

    id: str
    status: str
    line_items: tuple[LineItem, ...] = ()
    metadata: Metadata = Metadata()
    created_at: str | None = None
    sent_to_production_at: str | None = None
    fulfilled_at: str | None = None


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a submission, and what stands in the answer to one whose `external_id` is taken."""

    id: str


class ErrorWords(msgspec.Struct, frozen=True, kw_only=True):
    """Why not, for people."""

    reason: str = ""


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer of 4xx; with code 8503 it names the order that has the `external_id`."""

    code: int = 0
    message: str = ""
    errors: ErrorWords = ErrorWords()
    order: Created | None = None


class ProductVariant(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of a shop's product: its cost in cents, and whether its blank is in stock."""

    id: int
    cost: int = 0
    is_available: bool = False


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture on a placeholder."""

    id: str = ""


class Placeholder(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed at one position."""

    position: str
    images: tuple[Image, ...] = ()


class PrintArea(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed on some variants."""

    variant_ids: tuple[int, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product of the shop."""

    id: str
    variants: tuple[ProductVariant, ...] = ()
    print_areas: tuple[PrintArea, ...] = ()


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """Who carries a parcel."""

    code: str = ""
    tracking_number: str = ""


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """`status` in updates, `carrier` where a parcel was sent."""

    status: str = ""
    carrier: Carrier = Carrier()


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """What the event is about: an order, a product or a shop, under Printify's own id."""

    id: str | int
    type: str
    data: EventData | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body. It does not name the order's `external_id`."""

    id: str
    type: str
    created_at: str
    resource: Resource
