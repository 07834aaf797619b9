"""Orders on a store's own topic: the same command as by any road, or a sealed dead letter."""

from __future__ import annotations

from typing import Any

import pytest

from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished
from events.identity import order_id as order_id_of
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
            published_order(lines=(PublishedLine(line_id="1", sku="A", quantity=1),) * 2),
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


@pytest.mark.parametrize("value", [None, b"", b"not avro", b"\x00\x00\x00\x00\x01rubbish", b"\x00\x7f\xff\xff\xff"])
def test_bytes_on_a_stores_topic_that_are_no_order_are_dead_lettered(value: bytes | None) -> None:
    world = World(connection("demo-kafka"))
    world.handle("stores.demo.orders.v1", value)
    assert len(world.log.records) == 1
