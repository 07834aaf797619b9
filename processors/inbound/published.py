"""A store's own Kafka road: `stores.<tenant>.orders.v1` with `StoreOrderPublished` records."""

from __future__ import annotations

import hashlib
import re

from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished
from events.identity import command_id
from processors.inbound.reading import (
    AREA_NAME,
    AREAS_MAX,
    LINE_ID,
    LINES_MAX,
    MILLIS_MAX,
    MINOR_MAX,
    QUANTITY_MAX,
    TEXT_CHARACTERS_MAX,
    URL_CHARACTERS_MAX,
    FieldMissing,
    FieldNotUsable,
    InputNotUsable,
    ReadArea,
    ReadLine,
    ReadOrder,
    bounded_text,
    country_code,
    is_currency_code,
    lines_total_minor,
)
from processors.personal import Recipient

#: What consumers of this road subscribe to; a tenant's name holds no dot, so that no tenant matches another.
STORE_TOPICS_PATTERN = r"^stores\.[a-z0-9][a-z0-9-]{0,62}\.orders\.v1$"
_TENANT = re.compile(r"^stores\.([a-z0-9][a-z0-9-]{0,62})\.orders\.v1$")


class ForeignStore(InputNotUsable):
    """The record names a store that is not connected for the topic's tenant. Connect the store first."""


def tenant_of(topic: str) -> str | None:
    """The tenant in the name of a store's topic; None for any other topic."""
    match = _TENANT.match(topic)
    return match.group(1) if match else None


def published_command_id(tenant: str, order: StoreOrderPublished, value: bytes) -> str:
    """The same record, consumed or published twice, makes the same command."""
    digest = hashlib.sha256(value).hexdigest()
    return command_id("published", tenant, order.store, order.external_id, order.updated_at, digest)


def store_of(order: StoreOrderPublished) -> str:
    """The store that a published order names; FieldNotUsable where that is no name."""
    return bounded_text("store", order.store)


def read_published(order: StoreOrderPublished) -> ReadOrder:
    """Read a published order; FieldMissing or FieldNotUsable name what is wrong with it."""
    external_id = bounded_text("external_id", order.external_id)
    if not external_id:
        raise FieldMissing("external_id is empty: without it the order cannot be recognised.")
    if not order.lines and not order.cancelled:
        raise FieldMissing("lines is empty: an order has at least one line.")
    if len(order.lines) > LINES_MAX:
        raise FieldNotUsable(f"lines has {len(order.lines)} entries; at most {LINES_MAX} are taken.")
    if len({line.line_id for line in order.lines}) != len(order.lines):
        raise FieldNotUsable("lines: two of them have the same line_id. Give each line its own.")
    currency = order.currency.upper()
    if not is_currency_code(currency):
        raise FieldNotUsable("currency is no ISO 4217 currency code.")
    lines = tuple(_read_line(line, f"lines[{number}]") for number, line in enumerate(order.lines))
    return ReadOrder(
        external_id=external_id,
        order_number=bounded_text("order_number", order.order_number) or external_id,
        placed_at=_counted("placed_at", order.placed_at, MILLIS_MAX),
        updated_at=_counted("updated_at", order.updated_at, MILLIS_MAX),
        currency=currency,
        total_minor=_counted("total_minor", order.total_minor) or lines_total_minor(lines),
        priority="express" if order.priority == "express" else "standard",
        recipient=_read_recipient(order.address),
        lines=lines,
        payment_pending=order.payment_pending,
        cancelled=order.cancelled,
    )


def _read_recipient(address: PublishedAddress) -> Recipient:
    def text(name: str) -> str:
        return bounded_text(f"address.{name}", getattr(address, name))

    return Recipient(
        name=text("name"),
        address1=text("address1"),
        address2=text("address2"),
        city=text("city"),
        region=text("region"),
        postal_code=text("postal_code"),
        country=country_code(text("country")),
        phone=text("phone"),
        email=text("email"),
    )


def _read_line(line: PublishedLine, path: str) -> ReadLine:
    sku = bounded_text(f"{path}.sku", line.sku)
    if not line.line_id or not sku:
        raise FieldMissing(f"{path}: line_id and sku are needed to make anything of the line.")
    if not LINE_ID.fullmatch(line.line_id):
        raise FieldNotUsable(f"{path}.line_id: 1 to 64 letters, digits, dots, hyphens and underscores.")
    if not 1 <= line.quantity <= QUANTITY_MAX:
        raise FieldNotUsable(f"{path}.quantity is {line.quantity}; 1 to {QUANTITY_MAX} can be made.")
    if len(line.areas) > AREAS_MAX or len({area.area for area in line.areas}) != len(line.areas):
        raise FieldNotUsable(f"{path}.areas: at most {AREAS_MAX}, each named once.")
    return ReadLine(
        line_id=line.line_id,
        sku=sku,
        title=bounded_text(f"{path}.title", line.title),
        quantity=line.quantity,
        unit_price_minor=_counted(f"{path}.unit_price_minor", line.unit_price_minor),
        areas=tuple(_read_area(area, f"{path}.areas[{number}]") for number, area in enumerate(line.areas)),
        instructions=_given(f"{path}.instructions", line.instructions, TEXT_CHARACTERS_MAX),
    )


def _read_area(area: PublishedArea, path: str) -> ReadArea:
    if area.area and not AREA_NAME.fullmatch(area.area):
        raise FieldNotUsable(f"{path}.area: small letters, digits, dots, hyphens and underscores, at most 64.")
    return ReadArea(
        area=area.area,
        text=_given(f"{path}.text", area.text, TEXT_CHARACTERS_MAX),
        artwork_url=_given(f"{path}.artwork_url", area.artwork_url, URL_CHARACTERS_MAX),
    )


def _counted(path: str, number: int, number_max: int = MINOR_MAX) -> int:
    if not 0 <= number <= number_max:
        raise FieldNotUsable(f"{path} is {number}; 0 to {number_max} is taken.")
    return number


def _given(path: str, text: str | None, characters_max: int) -> str | None:
    """What the buyer gave; None where there is nothing."""
    return bounded_text(path, text or "", characters_max) or None
