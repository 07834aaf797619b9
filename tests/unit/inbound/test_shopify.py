"""Reading Shopify's order webhooks: what published examples say, and what stores do to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.inbound import shopify
from processors.inbound.reading import (
    FieldMissing,
    FieldNotUsable,
    InputNotUsable,
    MoneyNotExact,
    NothingToDo,
    NotJson,
    ReadArea,
    TopicNotKnown,
    minor_units,
)
from processors.inbound.shopify import ShopifyOptions
from processors.webhooks import WebhookNotGenuine
from tests.unit.inbound.shopify_orders import FIXTURES, RECEIVED_AT, body, line, read


def test_an_order_is_read_with_its_money_times_and_recipient() -> None:
    order = read(body())
    assert order.external_id == "820982911946154508"
    assert order.order_number == "#9999"
    assert (order.total_minor, order.currency) == (4550, "USD")
    assert order.placed_at == 1_709_305_200_000
    assert order.updated_at == 1_709_305_205_000
    assert order.recipient.name == "Ann Example"
    assert order.recipient.email == "ann@example.com"
    assert order.recipient.is_deliverable()
    assert [(one.line_id, one.sku, one.quantity, one.unit_price_minor) for one in order.lines] == [
        ("1", "MUG-W", 2, 1250)
    ]
    assert not order.payment_pending
    assert not order.cancelled


@pytest.mark.skipif(not FIXTURES.exists(), reason="the published payloads are not beside this checkout")
def test_the_published_example_order_is_read() -> None:
    order = shopify.read_order(
        (FIXTURES / "order.json").read_bytes(), "orders/create", ShopifyOptions(), received_at=RECEIVED_AT
    )
    assert order.external_id == "450789469"
    assert order.total_minor == 40994
    assert [one.sku for one in order.lines] == ["IPOD2008GREEN", "IPOD2008RED", "IPOD2008BLACK"]
    assert order.lines[0].areas == (ReadArea(text="Happy Birthday"),)
    assert order.lines[1].areas == ()
    assert order.lines[1].instructions == "custom engraving: Happy Birthday\ncolour: green"
    assert order.recipient.country == "US"
    assert order.recipient.is_deliverable()


@pytest.mark.skipif(not FIXTURES.exists(), reason="the published payloads are not beside this checkout")
def test_published_payloads_that_are_no_order_are_named_so() -> None:
    for name in ("fulfillment.json", "refund.json", "product.json", "variant.json"):
        with pytest.raises(InputNotUsable):
            shopify.read_order(
                (FIXTURES / name).read_bytes(), "orders/create", ShopifyOptions(), received_at=RECEIVED_AT
            )


def test_the_order_of_the_send_test_notification_button_is_read_as_cancelled_and_test() -> None:
    # The shape that Shopify's administration sends: voided, cancelled, marked as a test, ids of 18 digits.
    order = read(
        body(
            test=True,
            financial_status="voided",
            cancelled_at="2024-03-01T10:00:05-05:00",
            line_items=[line(id=866550311766439020), line(id=141249953214522974)],
        )
    )
    assert order.test
    assert order.cancelled
    assert order.payment_pending
    assert [one.line_id for one in order.lines] == ["866550311766439020", "141249953214522974"]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("199.00", "USD", 19900),
        ("398.00", "JPY", 398),
        ("1.234", "KWD", 1234),
        ("0", "EUR", 0),
        ("-5.5", "EUR", -550),
        ("1e3", "EUR", 100000),
    ],
)
def test_money_becomes_minor_units_of_its_currency(amount: str, currency: str, minor: int) -> None:
    assert minor_units(amount, currency) == minor


@pytest.mark.parametrize(("amount", "currency"), [("1.005", "USD"), ("1.5", "JPY"), ("0.0001", "KWD")])
def test_money_that_would_lose_digits_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(MoneyNotExact, match="decimals"):
        minor_units(amount, currency)


@pytest.mark.parametrize("amount", ["", "ten", "NaN", "Infinity", "1,50", "9" * 40])
def test_money_that_is_no_number_is_refused(amount: str) -> None:
    with pytest.raises(FieldNotUsable):
        minor_units(amount, "USD")


def test_a_missing_shipping_address_leaves_nothing_to_deliver_to() -> None:
    for missing in ({"shipping_address": None}, {"shipping_address": {"city": "Louisville"}}):
        order = read(body(**missing))
        assert not order.recipient.is_deliverable()
        assert order.recipient.email == "ann@example.com"


@pytest.mark.parametrize(
    ("status", "pending"),
    [
        ("pending", True),
        ("voided", True),
        ("refunded", True),
        ("authorized", False),
        ("paid", False),
        ("partially_refunded", False),
        (None, False),
        ("PENDING", True),
    ],
)
def test_an_order_that_is_not_paid_waits(status: str | None, pending: bool) -> None:
    assert read(body(financial_status=status)).payment_pending is pending


def test_a_store_that_prints_cash_on_delivery_orders_says_so() -> None:
    assert not read(body(financial_status="pending"), unpaid_statuses=()).payment_pending


def test_a_cancelled_order_is_read_as_cancelled() -> None:
    assert read(body(cancelled_at="2024-03-02T00:00:00Z"), "orders/updated").cancelled
    assert read(body(), "orders/cancelled").cancelled
    assert read(body(line_items=[]), "orders/cancelled").lines == ()


def test_express_shipping_makes_the_order_express() -> None:
    assert read(body(shipping_lines=[{"code": "Express", "title": "x"}])).priority == "express"
    assert read(body(shipping_lines=[{"code": None, "title": "Overnight"}])).priority == "express"
    assert read(body(shipping_lines=[{"code": "Free Shipping"}])).priority == "standard"


def test_topics_that_carry_no_order_are_told_apart() -> None:
    with pytest.raises(NothingToDo, match="orders/updated"):
        read({"order_edit": {}}, "orders/edited")
    with pytest.raises(TopicNotKnown, match="products/create"):
        read(body(), "products/create")
    assert shopify.deleted_order_id(b'{"id": 820982911946154508}') == "820982911946154508"


@pytest.mark.parametrize(
    ("changes", "error", "path"),
    [
        ({"id": None}, FieldMissing, "id"),
        ({"id": {"a": 1}}, FieldNotUsable, "id"),
        ({"currency": None}, FieldMissing, "currency"),
        ({"currency": "dollars"}, FieldNotUsable, "currency"),
        ({"total_price": "much"}, FieldNotUsable, "total_price"),
        ({"total_price": []}, FieldNotUsable, "total_price"),
        ({"created_at": "yesterday"}, FieldNotUsable, "created_at"),
        ({"updated_at": 5}, FieldNotUsable, "updated_at"),
        ({"line_items": "none"}, FieldNotUsable, "line_items"),
        ({"line_items": ["x"]}, FieldNotUsable, "line_items"),
        ({"line_items": [{"id": 1, "sku": "a"}]}, FieldMissing, r"line_items\[0\].quantity"),
        ({"line_items": [{"id": 1, "quantity": -1}]}, FieldNotUsable, r"line_items\[0\].quantity"),
        ({"line_items": [{"id": 1, "quantity": 10**9}]}, FieldNotUsable, r"line_items\[0\].quantity"),
        ({"line_items": [{"id": 1, "quantity": 1.5}]}, FieldNotUsable, r"line_items\[0\].quantity"),
        ({"line_items": [{"quantity": 1, "title": "x"}]}, FieldMissing, r"line_items\[0\].id"),
        ({"shipping_address": "here"}, FieldNotUsable, "shipping_address"),
        ({"shipping_address": {"city": ["x"]}}, FieldNotUsable, "shipping_address.city"),
        ({"email": "x" * 300}, FieldNotUsable, "email"),
        ({"line_items": [{"id": n, "quantity": 1} for n in range(501)]}, FieldNotUsable, "line_items"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_by_its_path(
    changes: dict[str, Any], error: type[InputNotUsable], path: str
) -> None:
    with pytest.raises(error, match=rf"^{path}\b"):
        read(body(**changes))


def test_an_error_never_shows_the_value_that_it_found() -> None:
    with pytest.raises(FieldNotUsable) as caught:
        read(body(shipping_address={"city": ["Secret Town"]}))
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_named_so(raw: bytes) -> None:
    with pytest.raises(NotJson):
        shopify.read_order(raw, "orders/create", ShopifyOptions(), received_at=RECEIVED_AT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(body())), json_values, max_size=3),
    st.dictionaries(st.sampled_from([*sorted(line()), "current_quantity"]), json_values, max_size=3),
)
def test_whatever_a_field_holds_the_answer_is_an_order_or_a_named_error(
    changes: dict[str, Any], line_changes: dict[str, Any]
) -> None:
    try:
        order = read(body(line_items=[line(**line_changes)]) | changes)
    except (InputNotUsable, NothingToDo):
        return
    assert order.external_id
    assert all(one.sku and one.quantity > 0 for one in order.lines)


def test_the_signature_is_over_the_raw_bytes() -> None:
    secret, raw = b"hush", b'{"id": 1}\n'
    headers = {"x-shopify-hmac-sha256": shopify.sign(secret, raw)}
    shopify.verify(secret, headers, raw)
    for changed in (raw + b" ", raw.strip(), b""):
        with pytest.raises(WebhookNotGenuine):
            shopify.verify(secret, headers, changed)


@pytest.mark.parametrize("claimed", ["", "xx", "====", "AAAA", "é", "0" * 10_000])
def test_a_signature_that_is_none_is_refused(claimed: str) -> None:
    with pytest.raises(WebhookNotGenuine):
        shopify.verify(b"hush", {"x-shopify-hmac-sha256": claimed}, b"{}")
    with pytest.raises(WebhookNotGenuine):
        shopify.verify(b"hush", {}, b"{}")


def test_the_event_is_recognised_by_its_event_id_before_the_delivery_id() -> None:
    both = {"x-shopify-event-id": "event", "x-shopify-webhook-id": "delivery"}
    assert shopify.event_id(both, b"") == "event"
    assert shopify.event_id({"x-shopify-webhook-id": "delivery"}, b"") == "delivery"
    assert shopify.event_id({}, b"a") == shopify.event_id({}, b"a") != shopify.event_id({}, b"b")
