"""A store's own Kafka road: `stores.<tenant>.orders.v1` with `StoreOrderPublished` records."""

from __future__ import annotations

import hashlib
import re

from events.documents import PublishedArea, PublishedLine, StoreOrderPublished
from events.identity import command_id
from processors.inbound.reading import (
    AREA_NAME,
    AREAS_MAX,
    LINE_ID,
    LINES_MAX,
    QUANTITY_MAX,
    TEXT_CHARACTERS_MAX,
    URL_CHARACTERS_MAX,
    FieldMissing,
    FieldNotUsable,
    InputNotUsable,
    ReadArea,
    ReadLine,
    ReadOrder,
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


def read_published(order: StoreOrderPublished) -> ReadOrder:
    """Read a published order; FieldMissing or FieldNotUsable name what is wrong with it."""
    if not order.external_id:
        raise FieldMissing("external_id is empty: without it the order cannot be recognised.")
    if not order.lines and not order.cancelled:
        raise FieldMissing("lines is empty: an order has at least one line.")
    if len(order.lines) > LINES_MAX:
        raise FieldNotUsable(f"lines has {len(order.lines)} entries; at most {LINES_MAX} are taken.")
    if len({line.line_id for line in order.lines}) != len(order.lines):
        raise FieldNotUsable("lines: two of them have the same line_id. Give each line its own.")
    address = order.address
    return ReadOrder(
        external_id=order.external_id,
        order_number=order.order_number or order.external_id,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        currency=order.currency.upper(),
        total_minor=order.total_minor or sum(line.quantity * line.unit_price_minor for line in order.lines),
        priority="express" if order.priority == "express" else "standard",
        recipient=Recipient(
            name=address.name,
            address1=address.address1,
            address2=address.address2,
            city=address.city,
            region=address.region,
            postal_code=address.postal_code,
            country=address.country.upper(),
            phone=address.phone,
            email=address.email,
        ),
        lines=tuple(_read_line(line, f"lines[{number}]") for number, line in enumerate(order.lines)),
        payment_pending=order.payment_pending,
        cancelled=order.cancelled,
    )


def _read_line(line: PublishedLine, path: str) -> ReadLine:
    if not line.line_id or not line.sku:
        raise FieldMissing(f"{path}: line_id and sku are needed to make anything of the line.")
    if not LINE_ID.match(line.line_id):
        raise FieldNotUsable(f"{path}.line_id: 1 to 64 letters, digits, dots, hyphens and underscores.")
    if not 1 <= line.quantity <= QUANTITY_MAX:
        raise FieldNotUsable(f"{path}.quantity is {line.quantity}; 1 to {QUANTITY_MAX} can be made.")
    if len(line.areas) > AREAS_MAX or len({area.area for area in line.areas}) != len(line.areas):
        raise FieldNotUsable(f"{path}.areas: at most {AREAS_MAX}, each named once.")
    _bounded(f"{path}.instructions", line.instructions, TEXT_CHARACTERS_MAX)
    return ReadLine(
        line_id=line.line_id,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        areas=tuple(_read_area(area, f"{path}.areas[{number}]") for number, area in enumerate(line.areas)),
        instructions=line.instructions or None,
    )


def _read_area(area: PublishedArea, path: str) -> ReadArea:
    if area.area and not AREA_NAME.match(area.area):
        raise FieldNotUsable(f"{path}.area: small letters, digits, dots, hyphens and underscores, at most 64.")
    _bounded(f"{path}.text", area.text, TEXT_CHARACTERS_MAX)
    _bounded(f"{path}.artwork_url", area.artwork_url, URL_CHARACTERS_MAX)
    return ReadArea(area=area.area, text=area.text or None, artwork_url=area.artwork_url or None)


def _bounded(path: str, text: str | None, characters_max: int) -> None:
    if text is not None and len(text) > characters_max:
        raise FieldNotUsable(f"{path} has {len(text)} characters; at most {characters_max}.")
