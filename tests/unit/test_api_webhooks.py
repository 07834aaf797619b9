"""Webhooks at the door: who sent them is checked, the raw bytes are stored sealed, nothing is parsed."""

from __future__ import annotations

from collections.abc import Sequence

from processors.inbound import shopify
from processors.inbound.raw import unpack
from processors.ports import (
    BrokerUnreachable,
    ConsumedRecord,
)
from tests.unit.api_world import World, problem


class UnreachableLog:
    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        raise BrokerUnreachable


def shopify_headers(raw: bytes, **more: str) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": shopify.sign(b"hush", raw),
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Event-Id": "event-1",
        **more,
    }


def test_a_genuine_shopify_webhook_is_stored_sealed_before_anybody_parses_it() -> None:
    world = World()
    raw = b'{"id": 1, "not": "parsed", "name": "Ann Example"'
    headers = shopify_headers(raw, Cookie="session=1")
    response = world.call("POST", "/webhooks/shopify/demo-shopify", key="whatever", content=raw, headers=headers)
    assert (response.status_code, response.json()) == (200, {"received": True})
    ((topic, key, value, record_headers),) = world.log.records
    assert (topic, key) == ("pod.inbound.raw.v1", "shopify/demo-shopify")
    assert b"Ann Example" not in value
    record = ConsumedRecord(
        topic=topic, partition=0, offset=0, key=b"", value=value, headers=tuple(record_headers.items())
    )
    delivery = unpack(world.vault, record)
    assert (delivery.body, delivery.event_id, delivery.tenant) == (raw, "event-1", "demo")
    assert delivery.headers["x-shopify-topic"] == "orders/create"
    assert "authorization" not in delivery.headers
    assert "cookie" not in delivery.headers
    assert world.commands.sent == []


def test_a_forged_webhook_is_refused_and_not_stored() -> None:
    world = World()
    raw = b"{}"
    for headers in ({}, shopify_headers(raw + b" "), {"X-Shopify-Hmac-Sha256": "not base64!"}):
        response = world.call("POST", "/webhooks/shopify/demo-shopify", key=None, content=raw, headers=headers)
        problem(response, 401, "webhook_not_genuine")
    for path in ("/webhooks/partners/press-east", "/webhooks/carriers/easypost"):
        problem(world.call("POST", path, key=None, content=raw), 401, "webhook_not_genuine")
    assert world.log.records == []


def test_a_webhook_for_nobody_is_not_found() -> None:
    world = World()
    for path, reason in (
        ("shopify/nowhere", "store_not_connected"),
        ("shopify/demo-rest", "store_not_connected"),
        ("partners/nobody", "partner_not_connected"),
        ("carriers/nobody", "carrier_not_connected"),
    ):
        problem(world.call("POST", f"/webhooks/{path}", key=None, content=b"{}"), 404, reason)


def test_partner_and_carrier_webhooks_are_stored_under_their_names() -> None:
    world = World()
    headers = {"Signature": "genuine", "Webhook-Id": "msg_1"}
    for path in ("/webhooks/partners/press-east", "/webhooks/carriers/easypost"):
        assert world.call("POST", path, key=None, content=b"{}", headers=headers).status_code == 200
    assert [key for _, key, *_ in world.log.records] == ["partner/press-east", "carrier/easypost"]


def test_a_webhook_that_could_not_be_stored_is_not_acknowledged() -> None:
    world = World(log=UnreachableLog())
    raw = b"{}"
    response = world.call("POST", "/webhooks/shopify/demo-shopify", key=None, content=raw, headers=shopify_headers(raw))
    problem(response, 503, "broker_unreachable")
