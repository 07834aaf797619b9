"""Shopify's refunds and privacy topics: what an order, and an operator, hears of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.identity import order_id as order_id_of
from events.order.commands import ObserveStoreOrder, RaiseException, ReportPayment
from processors.inbound import shopify_notices
from processors.inbound.reading import FieldMissing, FieldNotUsable, InputNotUsable, NothingToDo
from tests.unit.inbound.inbound_world import ORDER_ID, World
from tests.unit.inbound.shopify_orders import FIXTURES, body, line, read

RECEIVED_AT = 1_700_000_000_000


def refund(**changes: Any) -> dict[str, Any]:
    """A refund as a webhook carries it; made up, in the published shape."""
    fields: dict[str, Any] = {
        "id": 509562969,
        "order_id": 820982911946154508,
        "note": "Ann called",
        "refund_line_items": [{"id": 1, "quantity": 1, "line_item_id": 1}],
        "transactions": [{"kind": "refund", "status": "success", "amount": "12.50", "currency": "USD"}],
    }
    return fields | changes


def transaction(**changes: Any) -> dict[str, Any]:
    """One movement of money of a refund."""
    fields: dict[str, Any] = refund()["transactions"][0]
    return fields | changes


def data_request(**changes: Any) -> dict[str, Any]:
    """A customer's wish to see their data, in the published shape; made up."""
    fields: dict[str, Any] = {
        "shop_id": 954889,
        "shop_domain": "demo.myshopify.com",
        "orders_requested": [820982911946154508, 280263],
        "customer": {"id": 191167, "email": "ann@example.com", "phone": "555-0100"},
        "data_request": {"id": 9999},
    }
    return fields | changes


def redact(**changes: Any) -> dict[str, Any]:
    """A customer's wish to be forgotten, in the published shape; made up."""
    fields: dict[str, Any] = {
        "shop_id": 954889,
        "shop_domain": "demo.myshopify.com",
        "customer": {"id": 191167, "email": "ann@example.com", "phone": "555-0100"},
        "orders_to_redact": [820982911946154508],
    }
    return fields | changes


def test_a_refund_is_a_payment_that_went_back_and_says_nothing_of_its_note() -> None:
    # given
    world = World()
    # when it comes twice, in events of their own
    world.shopify(refund(), "refunds/create", event_id="e1")
    world.shopify(refund(), "refunds/create", event_id="e2")
    # then
    (command, first), (_, second) = world.commands.sent
    assert command == ReportPayment(
        kind="refunded", amount_minor=1_250, currency="USD", reference="shopify-refund-509562969"
    )
    assert (first.key, first.actor) == (ORDER_ID, "store:demo-shopify")
    assert first.command_id == second.command_id
    assert world.buried_reasons() == []


@pytest.mark.skipif(not FIXTURES.exists(), reason="the published payloads are not beside this checkout")
def test_the_published_example_refund_is_read() -> None:
    found = shopify_notices.read_refund((FIXTURES / "refund.json").read_bytes())
    assert (found.refund_id, found.order_external_id) == ("509562969", "450789469")
    assert (found.amount_minor, found.currency) == (20_900, "USD")


def test_only_money_that_really_went_back_counts() -> None:
    paid = [
        transaction(),
        transaction(amount="1.00", status="failure"),
        transaction(amount="2.00", kind="void"),
        transaction(amount="3.00"),
    ]
    assert shopify_notices.read_refund(json.dumps(refund(transactions=paid)).encode()).amount_minor == 1_550
    for none in ([], None, [transaction(status="pending")]):
        with pytest.raises(NothingToDo, match="no money"):
            shopify_notices.read_refund(json.dumps(refund(transactions=none)).encode())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"id": None}, FieldMissing),
        ({"order_id": None}, FieldMissing),
        ({"transactions": "none"}, FieldNotUsable),
        ({"transactions": [transaction(), transaction(currency="EUR")]}, FieldNotUsable),
        ({"transactions": [transaction(currency=None)]}, FieldMissing),
        ({"transactions": [transaction(amount="much")]}, FieldNotUsable),
        ({"transactions": [transaction(amount="-1")]}, FieldNotUsable),
        ({"transactions": [transaction(amount="1e999999999")]}, FieldNotUsable),
    ],
)
def test_a_refund_that_cannot_be_read_says_which_field(changes: dict[str, Any], error: type[InputNotUsable]) -> None:
    with pytest.raises(error):
        shopify_notices.read_refund(json.dumps(refund(**changes)).encode())


def test_an_order_of_which_every_unit_was_refunded_is_cancelled_with_the_lines_that_it_had() -> None:
    # given: Shopify keeps `quantity`, and counts `current_quantity` down
    refunded = body(financial_status="refunded", line_items=[line(current_quantity=0)])
    # when
    order = read(refunded, "orders/updated")
    # then
    assert order.cancelled
    assert [(one.line_id, one.quantity) for one in order.lines] == [("1", 2)]


def test_a_cancelled_order_whose_units_were_put_back_is_still_told_to_the_ledger() -> None:
    world = World()
    world.shopify(body(cancelled_at="2024-03-02T00:00:00Z", line_items=[line(current_quantity=0)]), "orders/cancelled")
    ((command, _),) = world.commands.sent
    assert isinstance(command, ObserveStoreOrder)
    assert command.order.cancelled
    assert command.order.lines


def test_units_that_were_refunded_in_part_are_not_wanted_any_more() -> None:
    order = read(body(line_items=[line(current_quantity=1)]), "orders/updated")
    assert not order.cancelled
    assert [one.quantity for one in order.lines] == [1]


def came_back(*units: int, restock_type: str = "return") -> list[dict[str, Any]]:
    """Refunds of so many units of line 1 each, as an order lists them."""
    return [
        {"refund_line_items": [{"line_item_id": 1, "quantity": count, "restock_type": restock_type}]} for count in units
    ]


def test_units_that_came_back_after_delivery_were_made_and_call_nothing_off() -> None:
    whole = read(body(line_items=[line()]), "orders/updated")
    one_back = read(body(line_items=[line(current_quantity=1)], refunds=came_back(1)), "orders/updated")
    all_back = read(body(line_items=[line(current_quantity=0)], refunds=came_back(1, 1, 7)), "orders/updated")
    assert [order.lines[0].quantity for order in (whole, one_back, all_back)] == [2, 2, 2]
    assert not any(order.cancelled for order in (whole, one_back, all_back))


@pytest.mark.parametrize("restock_type", ["cancel", "no_restock", "legacy_restock", ""])
def test_units_that_were_refunded_without_coming_back_are_not_wanted_any_more(restock_type: str) -> None:
    refunds = came_back(1, restock_type=restock_type)
    order = read(body(line_items=[line(current_quantity=1)], refunds=refunds), "orders/updated")
    assert order.lines[0].quantity == 1


def test_a_data_request_is_an_exception_at_each_order_that_blocks_nothing_and_names_nobody() -> None:
    # given
    world = World()
    # when
    world.shopify(data_request(), "customers/data_request")
    # then
    other = order_id_of("demo", "demo-shopify", "280263")
    assert [envelope.key for _, envelope in world.commands.sent] == [ORDER_ID, other]
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 2
    command = world.commands.sent[0][0]
    assert isinstance(command, RaiseException)
    assert (command.kind, command.subject) == ("privacy_request", "customers/data_request/9999")
    assert not command.blocking
    # `deliver` says that it came a millisecond after 1970 began.
    assert "by 1970-01-31" in command.detail
    encoded = world.codec.encode(command)
    for personal in (b"ann@", b"555", b"191167"):
        assert personal not in encoded
    assert world.buried_reasons() == []


def test_what_is_erased_already_is_not_asked_for_again() -> None:
    world = World()
    world.vault.erase("demo", ORDER_ID)
    world.shopify(redact(), "customers/redact")
    world.shopify(redact(orders_to_redact=[]), "customers/redact")
    assert world.commands.sent == []
    assert world.buried_reasons() == []


def test_a_shop_that_left_is_shown_once_at_its_newest_order() -> None:
    # given
    world = World()
    world.store_orders.newest["demo", "demo-shopify"] = ORDER_ID
    # when
    world.shopify({"shop_id": 954889, "shop_domain": "demo.myshopify.com"}, "shop/redact")
    # then
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, RaiseException)
    assert (command.subject, envelope.key) == ("shop/redact", ORDER_ID)
    assert "all orders of this store" in command.what_to_do


def test_a_shop_without_orders_leaves_nothing_to_erase() -> None:
    world = World()
    world.shopify({"shop_id": 954889}, "shop/redact")
    assert (world.commands.sent, world.buried_reasons()) == ([], [])


@pytest.mark.parametrize("orders", ["820982911946154508", [None], [{"id": 1}], list(range(1_001))])
def test_orders_of_a_privacy_request_that_cannot_be_read_are_a_dead_letter_and_not_a_loss(orders: Any) -> None:
    world = World()
    world.shopify(redact(orders_to_redact=orders), "customers/redact")
    assert world.buried_reasons() == ["FieldNotUsable"]
