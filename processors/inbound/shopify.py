"""Shopify's order webhooks: who sent them, and what they say.

Topics `orders/create`, `orders/updated`, `orders/paid`, `orders/cancelled`, `orders/fulfilled` and
`orders/partially_fulfilled` carry the whole order (Admin REST order resource); `orders/delete` its id only;
`orders/edited` only the difference, and Shopify sends `orders/updated` beside it. What it tells beside orders is
read in `shopify_notices`. Shopify signs the raw body
(`X-Shopify-Hmac-Sha256`, base64) and names the event in `X-Shopify-Event-Id`, which is the same in each retry
and in each subscription's copy.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from processors.inbound.reading import (
    AREA_NAME,
    AREAS_MAX,
    QUANTITY_MAX,
    TEXT_CHARACTERS_MAX,
    URL_CHARACTERS_MAX,
    FieldMissing,
    FieldNotUsable,
    JsonObject,
    NothingToDo,
    ReadArea,
    ReadLine,
    ReadOrder,
    TopicNotKnown,
    bounded_text,
    country_code,
    currency_code,
    lines_total_minor,
    without_nul,
)
from processors.personal import Recipient
from processors.webhooks import WebhookNotGenuine

WHOLE_ORDER_TOPICS = frozenset(
    {
        "orders/create",
        "orders/updated",
        "orders/paid",
        "orders/cancelled",
        "orders/fulfilled",
        "orders/partially_fulfilled",
    }
)

#: `restock_type` of units whose goods came back after they were delivered.
RETURNED = "return"

_AREA_IN_NAME = re.compile(r"^([^()]+)\(([^()]{1,64})\)\s*$")
_ARTWORK_LINK = re.compile(r"^https?://\S+\.(png|jpe?g|webp|tiff?)(\?\S*)?$", re.IGNORECASE)


class ShopifyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a store's orders are read. Names are compared without case, leading `_`, and with `_` for spaces.

    A print area in brackets after the name, as in `Text (back)`, says where it is printed; without one it is the
    template's first area.
    """

    #: Line properties whose value is printed as text; several are joined, one a line.
    text_properties: tuple[str, ...] = (
        "text",
        "custom_text",
        "engraving",
        "custom_engraving",
        "personalization",
        "personalisation",
        "monogram",
        "inscription",
        "message",
    )
    #: Line properties whose value is the address of the picture; the first in this list wins.
    artwork_properties: tuple[str, ...] = (
        "artwork_url",
        "artwork",
        "print_file",
        "print_url",
        "design_url",
        "design",
        "image_url",
        "image",
        "photo",
        "picture",
        "picture_url",
        "upload",
        "uploaded_file",
        "file",
    )
    #: Financial statuses for which nothing is printed yet. A store that prints cash-on-delivery orders empties it.
    unpaid_statuses: tuple[str, ...] = ("pending", "voided", "refunded", "expired")
    #: Codes or titles of shipping lines that mean express.
    express_shipping: tuple[str, ...] = ("express", "overnight", "next day", "priority express")
    #: Whether orders that the store marks as tests are printed like others; else they are held.
    print_test_orders: bool = False


def verify(secret: bytes, headers: Mapping[str, str], body: bytes) -> None:
    """Raise WebhookNotGenuine unless Shopify signed these very bytes. Header names in lower case."""
    try:
        claimed = base64.b64decode(headers.get("x-shopify-hmac-sha256", ""), validate=True)
    except (binascii.Error, ValueError):
        claimed = b""
    if not hmac.compare_digest(claimed, hmac.new(secret, body, hashlib.sha256).digest()):
        raise WebhookNotGenuine


def sign(secret: bytes, body: bytes) -> str:
    """The value of `X-Shopify-Hmac-Sha256` for a body, as Shopify makes it."""
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def event_id(headers: Mapping[str, str], body: bytes) -> str:
    """What makes two deliveries the same event; the body's digest where a sender names none."""
    named = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id")
    return named[:255] if named else f"sha256:{hashlib.sha256(body).hexdigest()}"


def read_order(body: bytes, topic: str, options: ShopifyOptions, *, received_at: int) -> ReadOrder:
    """Read a webhook of a topic that carries the whole order.

    Raises NothingToDo for what asks for nothing here, and an InputNotUsable that names the field.
    """
    if topic == "orders/edited":
        raise NothingToDo("orders/edited carries only the difference; orders/updated brings the whole order.")
    if topic not in WHOLE_ORDER_TOPICS:
        raise TopicNotKnown(f"{topic!r}: {TopicNotKnown.__doc__}")
    order = JsonObject.parse(body)
    # The REST resource, and most published examples, wrap the order; a webhook does not.
    order = order.object("order") or order
    currency = currency_code(order)
    cancelled = "cancelled_at" in order or topic == "orders/cancelled"
    lines = tuple(_read_lines(order, currency, options))
    if not lines and (as_ordered := tuple(_read_lines(order, currency, options, as_ordered=True))):
        # Every unit was refunded or taken out, which Shopify also does when it cancels: nothing is to be made any more.
        lines, cancelled = as_ordered, True
    total_minor = order.minor("current_total_price", currency)
    if total_minor is None:
        total_minor = order.minor("total_price", currency)
    if total_minor is None:
        total_minor = lines_total_minor(lines)
    placed_at = order.millis("created_at") or order.millis("processed_at") or received_at
    if not lines and not cancelled:
        raise NothingToDo("The order has no line that is made and sent: nothing to print.")
    return ReadOrder(
        external_id=order.identifier("id"),
        order_number=order.text("name") or order.text("order_number") or order.identifier("id"),
        placed_at=placed_at,
        updated_at=order.millis("updated_at") or placed_at,
        currency=currency,
        total_minor=total_minor,
        priority=_priority(order, options),
        recipient=_read_recipient(order),
        lines=lines,
        payment_pending=order.text("financial_status").lower() in options.unpaid_statuses,
        cancelled=cancelled,
        test=order.flag("test"),
    )


def deleted_order_id(body: bytes) -> str:
    """The id in an `orders/delete` webhook."""
    return JsonObject.parse(body).identifier("id")


def _read_lines(
    order: JsonObject, currency: str, options: ShopifyOptions, *, as_ordered: bool = False
) -> list[ReadLine]:
    """The lines that are made here, with the units that are still wanted; or as they were first ordered."""
    notes, returned = _order_notes(order), _returned_units(order)
    lines = []
    for entry in order.objects("line_items"):
        # A gift card is a code in a mail, and what needs no shipping is a download: neither is printed.
        if entry.flag("gift_card") or entry.raw("requires_shipping") is False:
            continue
        # After an edit or a refund, `quantity` stays what was ordered and `current_quantity` is what holds.
        ordered, holds = entry.whole_number("quantity"), entry.whole_number("current_quantity")
        quantity = ordered
        if holds is not None and not as_ordered:
            quantity = max(holds, min(ordered or 0, holds + returned.get(entry.text("id"), 0)))
        if quantity is None:
            raise FieldMissing(f"{entry.path('quantity')} is missing: how many are to be made?")
        if not 0 <= quantity <= QUANTITY_MAX:
            raise FieldNotUsable(f"{entry.path('quantity')} is {quantity}; 0 to {QUANTITY_MAX} can be made.")
        if quantity == 0:
            continue
        areas, rest = _personalisation(entry, options)
        lines.append(
            ReadLine(
                line_id=entry.line_id("id"),
                sku=_sku(entry),
                title=entry.text("title") or entry.text("name"),
                quantity=quantity,
                unit_price_minor=entry.minor("price", currency) or 0,
                areas=areas,
                instructions=without_nul("\n".join([*rest, *notes]))[:TEXT_CHARACTERS_MAX] or None,
            )
        )
    return lines


def _returned_units(order: JsonObject) -> dict[str, int]:
    """Units by line that were refunded because they came back: they were made and sent, so nothing is called off."""
    found: dict[str, int] = {}
    for refund in order.objects("refunds"):
        for item in refund.objects("refund_line_items"):
            if item.text("restock_type") == RETURNED:
                line_id = item.text("line_item_id")
                found[line_id] = found.get(line_id, 0) + max(0, item.whole_number("quantity") or 0)
    return found


def _sku(line: JsonObject) -> str:
    """The store's SKU; without one, what else names the article, so that it can be mapped all the same."""
    if sku := line.text("sku"):
        return sku
    for name in ("variant_id", "product_id"):
        if value := line.text(name):
            return f"{name.removesuffix('_id')}:{value}"
    return f"title:{line.text('title') or line.identifier('name')}"


class _Given(msgspec.Struct):
    """What the properties gave for one print area."""

    texts: list[str] = []
    pictures: dict[str, str] = {}
    linked: str | None = None


def _personalisation(line: JsonObject, options: ShopifyOptions) -> tuple[tuple[ReadArea, ...], list[str]]:
    """What is printed on each area, and the other visible properties as `name: value`."""
    given: dict[str, _Given] = {}
    rest: list[str] = []
    for name, value in _properties(line):
        normal, area = _named_area(name, options)
        of_area = given.get(area) or _Given()
        path = f"{line.path('properties')} {name!r}"
        if normal in options.artwork_properties:
            of_area.pictures[normal] = bounded_text(path, value, URL_CHARACTERS_MAX)
        elif normal in options.text_properties:
            of_area.texts.append(bounded_text(path, value, TEXT_CHARACTERS_MAX))
        elif of_area.linked is None and len(value) <= URL_CHARACTERS_MAX and _ARTWORK_LINK.match(value):
            # Upload apps choose their own property names; a link to a picture speaks for itself.
            of_area.linked = without_nul(value)
        else:
            if not name.startswith("_"):
                rest.append(f"{name}: {value}")
            continue
        given[area] = of_area
    if len(given) > AREAS_MAX:
        raise FieldNotUsable(f"{line.path('properties')} name {len(given)} print areas; at most {AREAS_MAX}.")
    return tuple(_read_area(area, found, options) for area, found in given.items()), rest


def _named_area(name: str, options: ShopifyOptions) -> tuple[str, str]:
    """A property's name and the print area in brackets after it; names that are not ours keep their brackets."""
    match = _AREA_IN_NAME.match(name)
    if match is None:
        return _normal(name), ""
    normal, area = _normal(match[1]), _normal(match[2])
    ours = normal in options.artwork_properties or normal in options.text_properties
    return (normal, area) if ours and AREA_NAME.match(area) else (_normal(name), "")


def _read_area(area: str, given: _Given, options: ShopifyOptions) -> ReadArea:
    pictures = given.pictures
    chosen = next((pictures[name] for name in options.artwork_properties if name in pictures), given.linked)
    return ReadArea(area=area, text="\n".join(given.texts) or None, artwork_url=chosen)


def _properties(line: JsonObject) -> list[tuple[str, str]]:
    """Properties as pairs: a list of {name, value} as documented, or an object as old API versions sent."""
    raw = line.raw("properties")
    if isinstance(raw, dict):
        pairs: list[tuple[Any, Any]] = list(raw.items())
    else:
        pairs = [(entry.raw("name"), entry.raw("value")) for entry in line.objects("properties")]
    return [(str(name), str(value).strip()) for name, value in pairs if name and _is_plain(value)]


def _order_notes(order: JsonObject) -> list[str]:
    notes = [order.text("note", TEXT_CHARACTERS_MAX)] if "note" in order else []
    for entry in order.objects("note_attributes"):
        name, value = entry.raw("name"), entry.raw("value")
        if name and not str(name).startswith("_") and _is_plain(value):
            notes.append(f"{name}: {str(value).strip()}")
    return [note for note in notes if note]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip() != ""


def _normal(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lstrip("_").casefold())


def _read_recipient(order: JsonObject) -> Recipient:
    customer = order.object("customer")
    email = order.text("email") or order.text("contact_email") or (customer.text("email") if customer else "")
    address = order.object("shipping_address")
    if address is None:
        return Recipient(email=email)
    name = address.text("name") or f"{address.text('first_name')} {address.text('last_name')}".strip()
    return Recipient(
        name=name,
        company=address.text("company"),
        address1=address.text("address1"),
        address2=address.text("address2"),
        city=address.text("city"),
        region=address.text("province_code") or address.text("province"),
        postal_code=address.text("zip"),
        country=country_code(address.text("country_code")),
        phone=address.text("phone") or order.text("phone"),
        email=email,
    )


def _priority(order: JsonObject, options: ShopifyOptions) -> str:
    express = {name.casefold() for name in options.express_shipping}
    for line in order.objects("shipping_lines"):
        if {line.text("code").casefold(), line.text("title").casefold()} & express:
            return "express"
    return "standard"
