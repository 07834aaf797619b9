"""Orders on a store's own topic: the same command as by any road, or a sealed dead letter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished
from events.identity import order_id as order_id_of
from events.order.commands import ObserveStoreOrder
from events.order.values import StoreOrder
from tests.unit.inbound.doubles import (
    connection,
)
from tests.unit.inbound.inbound_world import World


def published_order(**changes: Any) -> StoreOrderPublished:
    fields: dict[str, Any] = {
        "store": "demo-kafka",
        "external_id": "A-1",
        "placed_at": 1,
        "updated_at": 2,
        "currency": "eur",
        "address": PublishedAddress(name="Ann Example", address1="1 Demo Street", city="Berlin", country="DE"),
        "lines": (
            PublishedLine(
                line_id="1", sku="MUG-W", quantity=2, unit_price_minor=900, areas=(PublishedArea(text="Ann"),)
            ),
        ),
    }
    return StoreOrderPublished(**(fields | changes))


def test_an_order_on_a_stores_own_topic_becomes_the_same_command() -> None:
    world = World(connection("demo-kafka"))
    value = world.codec.encode(published_order())
    world.handle("stores.demo.orders.v1", value)
    world.handle("stores.demo.orders.v1", value)
    (_, first), (_, second) = world.commands.sent
    assert first.key == order_id_of("demo", "demo-kafka", "A-1")
    assert first.command_id == second.command_id
    order = world.observed().order
    assert (order.currency, order.total_minor, order.order_number) == ("EUR", 1800, "A-1")
    assert b"Ann" not in world.codec.encode(world.observed())


@pytest.mark.parametrize("sent", [b"\xff\xfe", b"x" * 10_000, b"00-not-a-trace"])
def test_a_header_that_is_no_trace_context_is_left_out_and_the_order_is_taken(sent: bytes) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", world.codec.encode(published_order()), [("traceparent", sent)])
    ((_, envelope),) = world.commands.sent
    assert envelope.traceparent == ""


@pytest.mark.parametrize(
    ("topic", "order", "reason"),
    [
        ("stores.other.orders.v1", published_order(), "ForeignStore"),
        ("stores.demo.orders.v1", published_order(store="elsewhere"), "ForeignStore"),
        ("stores.a.b.orders.v1", published_order(), "SenderUnknown"),
        ("stores.demo.orders.v1", published_order(lines=()), "FieldMissing"),
        ("stores.demo.orders.v1", published_order(external_id=""), "FieldMissing"),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=0),)),
            "FieldNotUsable",
        ),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="../1", sku="A", quantity=1),)),
            "FieldNotUsable",
        ),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1\n", sku="A", quantity=1),)),
            "FieldNotUsable",
        ),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=1),) * 2),
            "FieldNotUsable",
        ),
        ("stores.demo.orders.v1", published_order(updated_at=2**62), "FieldNotUsable"),
        ("stores.demo.orders.v1", published_order(total_minor=-1), "FieldNotUsable"),
        (
            "stores.demo.orders.v1",
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=2, unit_price_minor=2**62),)),
            "FieldNotUsable",
        ),
    ],
)
def test_a_published_order_that_cannot_be_used_is_dead_lettered_sealed(
    topic: str, order: StoreOrderPublished, reason: str
) -> None:
    world = World(connection("demo-kafka"))
    value = world.codec.encode(order)
    world.handle(topic, value)
    assert world.commands.sent == []
    assert world.buried_reasons() == [reason]
    ((dlq, _, sealed, _),) = world.log.records
    assert dlq == f"dlq.{topic}"
    assert b"Ann Example" not in sealed
    assert world.vault.open_daily("dlq", dlq, sealed) == value


TEXTS = ("external_id", "order_number", "address", "title", "sku", "text", "instructions", "artwork_url")
ADDRESS = ("name", "address1", "address2", "city", "region", "postal_code", "country", "email", "phone")


def with_text(field: str, text: str) -> StoreOrderPublished:
    """An order in which a field, or all of the address, is this text."""
    if field == "address":
        return published_order(address=PublishedAddress(**dict.fromkeys(ADDRESS, text)))
    only = published_order().lines[0]
    if field in ("sku", "title", "instructions"):
        return published_order(lines=(msgspec.structs.replace(only, **{field: text}),))
    if field in ("text", "artwork_url"):
        return published_order(lines=(msgspec.structs.replace(only, areas=(PublishedArea(**{field: text}),)),))
    return published_order(**{field: text})


@pytest.mark.parametrize("field", [*TEXTS, "currency", "store"])
def test_a_text_that_is_too_long_to_be_kept_is_dead_lettered_by_the_name_of_its_field(field: str) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", world.codec.encode(with_text(field, "x" * 6_000)))
    assert world.buried_reasons() == ["FieldNotUsable"]
    ((*_, headers),) = world.log.records
    assert field in headers["__connect.errors.exception.message"].decode()
    assert world.commands.sent == []


@pytest.mark.parametrize("field", TEXTS)
def test_nul_which_nothing_can_keep_or_print_is_left_out_of_an_order(field: str) -> None:
    world = World(connection("demo-kafka"))
    for text in ("EU\0", "EU"):
        world.handle("stores.demo.orders.v1", world.codec.encode(with_text(field, text)))
    with_nul, without = (command.order for command, _ in world.commands.sent if isinstance(command, ObserveStoreOrder))
    assert [digests_of(with_nul), plain_texts_of(with_nul)] == [digests_of(without), plain_texts_of(without)]


def digests_of(order: StoreOrder) -> list[str]:
    """What tells whether what is sealed in two orders is the same."""
    return [order.recipient_digest, *(line.content_digest for line in order.lines)]


def plain_texts_of(order: StoreOrder) -> list[str]:
    """What of an order stands in facts as it is."""
    own = [order.external_id, order.order_number, order.currency, order.country, order.region, order.postal_prefix]
    return [*own, *(text for line in order.lines for text in (line.line_id, line.sku, line.title))]


@pytest.mark.parametrize("nothing", ["external_id", "sku"])
def test_what_is_nothing_but_nul_is_missing(nothing: str) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", world.codec.encode(with_text(nothing, "\0")))
    assert world.buried_reasons() == ["FieldMissing"]


@pytest.mark.parametrize("value", [None, b"", b"not avro", b"\x00\x00\x00\x00\x01rubbish", b"\x00\x7f\xff\xff\xff"])
def test_bytes_on_a_stores_topic_that_are_no_order_are_dead_lettered(value: bytes | None) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", value)
    assert len(world.log.records) == 1
