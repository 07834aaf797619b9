"""The inbound processor: each record ends in commands, in "nothing to do", parked, or on the dead-letter topic."""

from __future__ import annotations

import json

import msgspec
import pytest

from events.order.commands import (
    CancelOrder,
    HoldOrder,
    ObserveStoreOrder,
)
from processors import personal
from processors.inbound.raw import RAW_TOPIC, RawDelivery
from tests.unit.inbound.doubles import (
    ARTWORK,
    connection,
)
from tests.unit.inbound.inbound_world import ORDER_ID, World
from tests.unit.inbound.shopify_orders import body


def test_a_store_webhook_becomes_an_observed_order_with_its_buyer_sealed() -> None:
    world = World()
    properties = [{"name": "Text", "value": "For Ann"}, {"name": "artwork", "value": "https://x.example/a.png"}]
    world.shopify(body(line_items=[body()["line_items"][0] | {"properties": properties}]))

    ((command, envelope),) = world.commands.sent
    order = world.observed().order
    assert envelope.key == ORDER_ID
    assert (envelope.tenant, envelope.actor) == ("demo", "store:demo-shopify")
    assert envelope.command_type == "ObserveStoreOrder"
    assert order.lines[0].artwork == ARTWORK
    assert (order.country, order.region, order.postal_prefix) == ("US", "KY", "402")
    assert not order.address_missing
    encoded = world.codec.encode(command)
    for personal_text in (b"Ann", b"Demo Street", b"ann@example.com", b"40202", b"x.example"):
        assert personal_text not in encoded

    recipient = personal.open_recipient(world.vault, "demo", ORDER_ID, order.recipient)
    assert (recipient.name, recipient.email) == ("Ann Example", "ann@example.com")
    only = order.lines[0]
    assert personal.open_text(world.vault, "demo", ORDER_ID, "text:1", only.contents[0].text) == "For Ann"
    assert (
        personal.open_text(world.vault, "demo", ORDER_ID, "artwork_url:1", only.contents[0].artwork_url)
        == "https://x.example/a.png"
    )
    assert world.vault.orders_of_person("demo", "ann@example.com") == [ORDER_ID]


def test_the_same_event_delivered_twice_has_the_same_command_id_and_another_event_has_not() -> None:
    world = World()
    world.shopify(body(), event_id="e1")
    world.shopify(body(), event_id="e1")
    world.shopify(body(), event_id="e2")
    ids = [envelope.command_id for _, envelope in world.commands.sent]
    assert ids[0] == ids[1] != ids[2]


def test_equal_content_has_equal_digests_and_a_changed_text_another() -> None:
    world = World()
    digests = []
    for text in ("Ann", "Ann", "Bob"):
        world.shopify(body(line_items=[body()["line_items"][0] | {"properties": [{"name": "text", "value": text}]}]))
        order = world.observed().order
        digests.append((order.lines[0].content_digest, order.recipient_digest))
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[2][0]
    assert digests[0][1] == digests[2][1]


def test_a_line_whose_sku_is_not_mapped_says_so_in_the_command() -> None:
    world = World()
    world.shopify(body(line_items=[body()["line_items"][0] | {"sku": None}]))
    only = world.observed().order.lines[0]
    assert (only.sku, only.artwork) == ("variant:77", None)


def test_an_order_without_an_address_says_so_in_the_command() -> None:
    world = World()
    world.shopify(body(shipping_address=None))
    assert world.observed().order.address_missing
    assert world.observed().order.country == ""


def test_a_test_order_is_held_unless_the_store_prints_them() -> None:
    world = World()
    world.shopify(body(test=True))
    assert [type(command) for command, _ in world.commands.sent] == [ObserveStoreOrder, HoldOrder]
    printing = World(connection(shopify={"print_test_orders": True}))
    printing.shopify(body(test=True))
    assert [type(command) for command, _ in printing.commands.sent] == [ObserveStoreOrder]


def test_the_policy_of_the_store_goes_into_the_order() -> None:
    world = World(connection(policy={"approval": "when_clean", "attempts_max": 2}))
    world.shopify(body())
    policy = world.observed().order.policy
    assert (policy.approval, policy.attempts_max) == ("when_clean", 2)


def test_a_deleted_order_is_cancelled() -> None:
    world = World()
    world.shopify({"id": 820982911946154508}, "orders/delete")
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, CancelOrder)
    assert envelope.key == ORDER_ID


def test_what_asks_for_nothing_leaves_nothing_behind() -> None:
    world = World()
    world.shopify({"order_edit": {}}, "orders/edited")
    assert world.commands.sent == []
    assert world.log.records == []


def test_an_erased_order_is_not_taken_in_again() -> None:
    world = World()
    world.vault.erase("demo", ORDER_ID)
    world.shopify(body())
    assert world.commands.sent == []
    assert world.log.records == []


def test_an_order_that_cannot_be_read_is_dead_lettered_with_the_reason_and_its_bytes() -> None:
    world = World()
    world.shopify(body(currency=None))
    ((topic, _, value, headers),) = world.log.records
    assert topic == "dlq.pod.inbound.raw.v1"
    assert headers["__connect.errors.exception.class.name"] == b"FieldMissing"
    assert b"currency is missing" in headers["__connect.errors.exception.message"]
    assert headers["__connect.errors.offset"] == b"1"
    raw = msgspec.msgpack.decode(world.vault.open_daily("raw", "shopify/demo-shopify", value), type=RawDelivery)
    assert json.loads(raw.body)["name"] == "#9999"


def test_a_store_that_is_not_connected_any_more_is_a_dead_letter_and_not_a_loss() -> None:
    world = World()
    world.shopify(body(), store="gone")
    assert world.buried_reasons() == ["SenderUnknown"]


@pytest.mark.parametrize("value", [None, b"", b"rubbish"])
def test_bytes_on_the_raw_topic_that_nobody_sealed_are_dead_lettered(value: bytes | None) -> None:
    world = World()
    world.handle(RAW_TOPIC, value, [("ce_source", b"shopify/demo-shopify")])
    world.handle(RAW_TOPIC, value)
    assert len(world.log.records) == 2
