"""Orders by REST: what is sent as a command, what is the same request again, and what is refused and how."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.order.commands import ObserveStoreOrder
from events.order.decide_intake import LINES_MAX, QUANTITY_MAX
from processors import personal
from processors.ports import (
    BrokerUnreachable,
)
from tests.unit.api_world import NOW, OWN, World, order_body, outcome, problem
from tests.unit.test_api_webhooks import UnreachableLog


def test_an_order_is_sent_as_a_command_with_its_buyer_sealed() -> None:
    world = World()
    response = world.post_order()
    assert response.status_code == 202
    answer = response.json()
    assert answer["order_id"] == OWN
    assert answer["outcome"] == "pending"
    assert answer["order_url"] == f"/v1/orders/{OWN}"
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ObserveStoreOrder)
    assert (envelope.key, envelope.tenant, envelope.actor) == (OWN, "demo", "api-key:demo-key")
    assert envelope.command_id == answer["command_id"]
    assert command.order.total_minor == 1800
    assert command.store_updated_at == NOW
    recipient = personal.open_recipient(world.vault, "demo", OWN, command.order.recipient)
    assert (recipient.name, recipient.country) == ("Ann Example", "DE")


def test_further_print_areas_are_named_and_sealed_each_under_its_own_field() -> None:
    world = World()
    line = order_body()["lines"][0]
    response = world.post_order(
        lines=[line | {"areas": {"back": {"text": "Team", "artwork_url": "https://x.example/b"}}}]
    )
    assert response.status_code == 202
    ((command, _),) = world.commands.sent
    first, back = command.order.lines[0].contents
    assert (first.area, back.area) == ("", "back")
    assert personal.open_text(world.vault, "demo", OWN, "text:1", first.text) == "For Ann"
    assert personal.open_text(world.vault, "demo", OWN, "text:1/back", back.text) == "Team"
    assert personal.open_text(world.vault, "demo", OWN, "artwork_url:1/back", back.artwork_url) == "https://x.example/b"


def test_more_print_areas_than_can_be_made_and_names_of_none_are_refused() -> None:
    world = World()
    line = order_body()["lines"][0]
    for areas in ({f"a{number}": {"text": "x"} for number in range(8)}, {"Back Side": {"text": "x"}}):
        problem(world.post_order(lines=[line | {"areas": areas}]), 422, "fields_not_usable")


def test_the_same_key_and_body_get_the_same_answer_and_one_command() -> None:
    world = World()
    first = world.post_order(headers={"Idempotency-Key": "k1"})
    again = world.post_order(headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(world.commands.sent) == 1


def test_the_same_key_with_another_body_or_path_is_refused() -> None:
    world = World()
    world.post_order(headers={"Idempotency-Key": "k1"})
    problem(world.post_order(headers={"Idempotency-Key": "k1"}, external_id="A-2"), 422, "idempotency_key_reused")
    cancel = world.call("POST", f"/v1/orders/{OWN}/cancel", json={}, headers={"Idempotency-Key": "k1"})
    problem(cancel, 422, "idempotency_key_reused")
    assert len(world.commands.sent) == 1


def test_a_key_belongs_to_its_tenant() -> None:
    world = World()
    world.post_order(headers={"Idempotency-Key": "k1"})
    response = world.call(
        "POST", "/v1/orders", key="other", json=order_body(store="other-rest"), headers={"Idempotency-Key": "k1"}
    )
    assert response.status_code == 202
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 2


def test_an_interrupted_first_try_is_carried_out_again_under_the_same_command_id() -> None:
    world = World()
    working, world.commands.send = world.commands.send, UnreachableLog().append
    assert world.post_order(headers={"Idempotency-Key": "k1"}).status_code >= 500
    world.commands.send = working
    first = world.post_order(headers={"Idempotency-Key": "k1"})
    second = World()
    assert first.status_code == 202
    assert second.post_order(headers={"Idempotency-Key": "k1"}).json()["command_id"] == first.json()["command_id"]


def test_without_a_key_the_same_order_of_the_same_moment_is_the_same_command() -> None:
    world = World()
    world.post_order()
    world.post_order()
    world.post_order(external_id="A-2")
    ids = [envelope.command_id for _, envelope in world.commands.sent]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("named", ["", "x" * 256, "\x01"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(named: str) -> None:
    problem(World().post_order(headers={"Idempotency-Key": named}), 400, "idempotency_key_not_usable")


def test_prefer_wait_answers_with_the_outcome() -> None:
    world = World()
    world.reads.outcomes["any"] = outcome("accepted")
    response = world.post_order(headers={"Prefer": "respond-async, wait=7"})
    assert (response.status_code, response.json()["outcome"]) == (200, "accepted")
    assert response.headers["preference-applied"] == "wait=7"
    assert world.reads.waited == [7]


def test_prefer_wait_is_bounded_and_ends_as_pending() -> None:
    world = World()
    response = world.post_order(headers={"Prefer": "wait=100000"})
    assert (response.status_code, response.json()["outcome"]) == (202, "pending")
    assert world.reads.waited == [30]


def test_a_refusal_says_what_to_do_and_stays_refused() -> None:
    world = World()
    world.reads.outcomes["any"] = outcome("refused", "too_late", "Printing has begun; ask for a return instead.")
    for _ in range(2):
        response = world.call(
            "POST", f"/v1/orders/{OWN}/cancel", json={}, headers={"Prefer": "wait=5", "Idempotency-Key": "c1"}
        )
        assert problem(response, 409, "too_late")["order_id"] == OWN
    assert len(world.commands.sent) == 1


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"unknown": 1}, "unknown"),
        ({"currency": "euro"}, "currency"),
        ({"lines": []}, "lines"),
        ({"lines": [{"line_id": "../1", "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "a..b", "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "x" * 65, "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "1", "sku": "a", "quantity": 0}]}, "quantity"),
        ({"lines": [{"line_id": "1", "sku": "a", "quantity": QUANTITY_MAX + 1}]}, "quantity"),
        ({"lines": [{"line_id": str(n), "sku": "a", "quantity": 1} for n in range(LINES_MAX + 1)]}, "lines"),
        ({"lines": [{"line_id": "1", "sku": "a", "quantity": 1, "extra": 1}]}, "extra"),
        ({"recipient": {"country": "Germany"}}, "country"),
        ({"updated_at": 1_700_000_000}, "updated_at"),
        ({"total_minor": -1}, "total_minor"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(changes: dict[str, Any], field_name: str) -> None:
    world = World()
    document = problem(world.post_order(**changes), 422, "fields_not_usable")
    assert any(field_name in error["field"] for error in document["errors"])
    assert world.commands.sent == []


def test_lines_that_cost_more_together_than_an_order_may_are_refused_with_what_to_do() -> None:
    world = World()
    lines = [
        {"line_id": str(number), "sku": "MUG-W", "quantity": QUANTITY_MAX, "unit_price_minor": 10**13}
        for number in range(100)
    ]
    assert "unit_price_minor" in problem(world.post_order(lines=lines), 422, "total_too_large")["detail"]
    assert world.commands.sent == []


def test_a_header_that_is_no_trace_context_is_left_out_and_the_order_is_sent() -> None:
    world = World()
    assert world.post_order(headers={"traceparent": "not a trace"}).is_success
    ((_, envelope),) = world.commands.sent
    assert envelope.traceparent == ""


def test_an_error_does_not_repeat_what_was_sent() -> None:
    response = World().post_order(recipient={"name": "Secret Person", "country": "Secretland"})
    assert "Secret" not in response.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 9_000, b'{"n":' + b"9" * 5_000 + b"}"])
def test_a_body_that_cannot_be_read_as_json_is_refused_with_what_to_send(content: bytes) -> None:
    response = World().call("POST", "/v1/orders", content=content, headers={"Content-Type": "application/json"})
    assert "UTF-8" in problem(response, 400, "body_not_json")["detail"]


@pytest.mark.parametrize("content", [b"[1]", b"null", b'"x"'])
def test_a_body_that_is_no_object_is_refused(content: bytes) -> None:
    response = World().call("POST", "/v1/orders", content=content, headers={"Content-Type": "application/json"})
    problem(response, 422, "fields_not_usable")


def test_a_store_of_another_tenant_cannot_be_used() -> None:
    world = World()
    problem(world.post_order(store="other-rest"), 422, "store_not_connected")
    problem(world.post_order(store="nowhere"), 422, "store_not_connected")
    assert world.commands.sent == []


def test_two_lines_with_one_id_are_refused() -> None:
    line = order_body()["lines"][0]
    problem(World().post_order(lines=[line, line]), 422, "line_id_twice")


def test_an_erased_order_is_gone() -> None:
    world = World()
    world.vault.erase("demo", OWN)
    problem(world.post_order(headers={"Idempotency-Key": "k"}), 410, "order_erased")


def test_a_broker_that_cannot_be_reached_is_503_and_says_that_nothing_was_accepted() -> None:
    class Unreachable:
        async def send(self, command: Any, envelope: Any) -> None:
            raise BrokerUnreachable

    world = World(commands=Unreachable())
    response = world.post_order(headers={"Idempotency-Key": "k1"})
    document = problem(response, 503, "broker_unreachable")
    assert "Nothing was accepted" in document["detail"]
    assert response.headers["retry-after"]


def test_a_body_that_is_too_large_is_refused_before_and_while_it_is_read() -> None:
    world = World()
    large = json.dumps(order_body(order_number="x" * 30_000)).encode()

    async def pieces() -> Any:
        for start in range(0, len(large), 1_000):
            yield large[start : start + 1_000]

    for content in (large, pieces()):
        response = world.call("POST", "/v1/orders", content=content, headers={"Content-Type": "application/json"})
        problem(response, 413, "body_too_large")
    assert world.commands.sent == []
