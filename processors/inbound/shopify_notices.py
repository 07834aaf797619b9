"""What Shopify tells beside orders: refunds, and what buyers and shops may ask for under privacy laws.

`refunds/create` carries one refund with its transactions. The three privacy topics name orders and nobody else's data:
`customers/data_request` and `customers/redact` list a customer's orders, `shop/redact` comes 48 hours after a shop
removed the app and means all of them. Customers' names and ids in them are not kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from events.order.commands import RaiseException, ReportPayment
from processors.inbound.reading import FieldNotUsable, JsonObject, NothingToDo, currency_code

REFUND_TOPIC = "refunds/create"
DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
PRIVACY_TOPICS = frozenset({DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT})

ORDERS_MAX = 1_000
#: So long Shopify gives an app to carry out what a privacy topic asks for.
ANSWER_DAYS = 30

PRIVACY_KIND = "privacy_request"
_ORDERS_FIELD = {DATA_REQUEST: "orders_requested", CUSTOMER_REDACT: "orders_to_redact"}
_ASKED = {
    DATA_REQUEST: "The buyer asks the store for the data that is kept about them.",
    CUSTOMER_REDACT: "The buyer's personal data is to be erased.",
    SHOP_REDACT: "The shop has left; the personal data of all its orders is to be erased. Shown at its newest order.",
}
_WHAT_TO_DO = {
    DATA_REQUEST: "Give the store what the order holds of its buyer, then resolve this.",
    CUSTOMER_REDACT: "Erase the order's personal data once it has ended, then resolve this.",
    SHOP_REDACT: "Erase the personal data of all orders of this store once they have ended, then resolve this.",
}


class ShopifyRefund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund, of which `amount_minor` of `currency` went back to the buyer."""

    refund_id: str
    order_external_id: str
    amount_minor: int
    currency: str

    def report(self) -> ReportPayment:
        """The refund as the order hears of it. Units that are not wanted any more come with `orders/updated`."""
        return ReportPayment(
            kind="refunded",
            amount_minor=self.amount_minor,
            currency=self.currency,
            reference=f"shopify-refund-{self.refund_id}",
        )


def read_refund(body: bytes) -> ShopifyRefund:
    """Read `refunds/create`. NothingToDo where no money moved, else an InputNotUsable that names the field."""
    refund = JsonObject.parse(body)
    # As with orders: the REST resource wraps it, a webhook does not.
    refund = refund.object("refund") or refund
    paid_back = [
        transaction
        for transaction in refund.objects("transactions")
        if transaction.text("kind") == "refund" and transaction.text("status") == "success"
    ]
    refund_id, order_external_id = refund.identifier("id"), refund.identifier("order_id")
    if not paid_back:
        raise NothingToDo("The refund gave no money back; orders/updated says which units are still wanted.")
    currencies = {currency_code(transaction) for transaction in paid_back}
    if len(currencies) > 1:
        raise FieldNotUsable(f"transactions are in {len(currencies)} currencies; one refund is in one.")
    (currency,) = currencies
    amounts = [transaction.minor("amount", currency) or 0 for transaction in paid_back]
    if min(amounts) < 0:
        raise FieldNotUsable("transactions have an amount below zero.")
    return ShopifyRefund(
        refund_id=refund_id, order_external_id=order_external_id, amount_minor=sum(amounts), currency=currency
    )


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for under a privacy law, and about which orders of the store; all of them where none is named."""

    topic: str
    #: Shopify's own number of the request where it has one.
    number: str = ""
    order_external_ids: tuple[str, ...] = ()

    def exception(self, received_at: int) -> RaiseException:
        """The request as an operator sees it; `received_at` is epoch milliseconds."""
        due = datetime.fromtimestamp(received_at / 1000, tz=UTC) + timedelta(days=ANSWER_DAYS)
        topic = self.topic
        return RaiseException(
            kind=PRIVACY_KIND,
            subject=f"{topic}/{self.number}" if self.number else topic,
            detail=f"{_ASKED[topic]} Shopify expects it by {due:%Y-%m-%d}.",
            what_to_do=_WHAT_TO_DO[topic],
            blocking=False,
        )


def read_privacy_request(body: bytes, topic: str) -> PrivacyRequest:
    """Read one of `PRIVACY_TOPICS`. NothingToDo where a customer has no orders, else an InputNotUsable."""
    fields = JsonObject.parse(body)
    if topic == SHOP_REDACT:
        return PrivacyRequest(topic=topic)
    external_ids = _external_ids(fields, _ORDERS_FIELD[topic])
    if not external_ids:
        raise NothingToDo("The customer has no orders at this store, so nothing is kept about them.")
    asked = fields.object("data_request")
    return PrivacyRequest(
        topic=topic, number=asked.text("id") if asked is not None else "", order_external_ids=external_ids
    )


def _external_ids(fields: JsonObject, name: str) -> tuple[str, ...]:
    """A list of order ids, each once and in its order; empty when absent."""
    found: Any = fields.raw(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(entry, int | str) for entry in found):
        raise fields.unusable(name, "a list of ids")
    if len(found) > ORDERS_MAX:
        raise FieldNotUsable(f"{fields.path(name)} has {len(found)} entries; at most {ORDERS_MAX} are taken.")
    return tuple(dict.fromkeys(str(entry) for entry in found))
