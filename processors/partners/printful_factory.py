"""The factory behind the Printful simulator: orders that are drafted, confirmed, made and shipped.

Answers carry every field that the vendor's OpenAPI text requires; a contract test checks them against it.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from events.decoding import from_json
from processors.clock import now_ms
from processors.partners.order_works import OrderFaults, OrderWorks, request_of
from processors.partners.printful import sign
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, external_id TEXT UNIQUE, request BLOB NOT NULL, status TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, next_at INTEGER, creations INTEGER NOT NULL DEFAULT 1,
    confirmations INTEGER NOT NULL DEFAULT 0, prints INTEGER NOT NULL DEFAULT 0, shipped_at INTEGER,
    file_lost INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
"""

STORE_ID: Final = 1
CHANNEL: Final = "printful"
#: Statuses in which version 1's DELETE still cancels.
CANCELLABLE: Final = frozenset({"inreview", "pending"})
#: Statuses in which version 2's DELETE removes the order.
DELETABLE: Final = frozenset({"draft", "failed", "canceled"})


class Blank(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of the simulated catalogue."""

    catalog_variant_id: int
    product_id: int
    technique: str
    placement: str
    price: str
    in_stock: bool = True


def availability(blank: Blank) -> str:
    """Printful's word for whether there are blanks."""
    return "in stock" if blank.in_stock else "out of stock"


class FactoryBehaviour(OrderFaults, frozen=True, kw_only=True):
    """How the factory behaves now; each field can be changed while it runs. Counters count down to 0."""

    #: The next creations, or confirmations, are carried out, but the line goes dead before the answer.
    create_silently_next: int = 0
    confirm_silently_next: int = 0
    #: The next confirmations are refused because the order is still being updated (409).
    busy_next: int = 0
    #: The next creations are refused because the blank is out of stock (400).
    out_of_stock_next: int = 0
    #: The next orders lose their print file between creation and confirmation.
    lose_file_next: int = 0


class Factory(OrderWorks[FactoryBehaviour]):
    """All orders of one simulated Printful store."""

    def __init__(self, store: Store, webhook_secret_hex: str, webhook_url: str | None) -> None:
        """`store` was opened with `SCHEMA`, the behaviour's and the webhooks' schema."""
        self._webhook_url = webhook_url
        self._key = bytes.fromhex(webhook_secret_hex)
        super().__init__(store, FactoryBehaviour, WebhookSender(store, self._address_of, self._sign, seed=20_262))

    def _address_of(self, _: str) -> str | None:
        return self._webhook_url if self.behaviour.delivery.enabled else None

    def _sign(self, _channel: str, _event_id: str, body: bytes, _at: int) -> dict[str, str]:
        return {"x-pf-webhook-signature": sign(self._key, body), "x-pf-webhook-public-key": "demo"}

    # Orders

    def find(self, order_id: str, column: str = "id") -> Json | None:
        """The row of an order, by its number or by `@` and its external id."""
        is_ours = order_id.startswith("@")
        return super().find(order_id.removeprefix("@"), "external_id" if is_ours else column)

    def create(self, request: Json) -> Json:
        """Store a draft."""
        at = now_ms()
        self._store.run(
            "INSERT INTO orders (external_id, request, status, created_at, updated_at, file_lost)"
            " VALUES (?, ?, 'draft', ?, ?, ?)",
            request.get("external_id"),
            msgspec.json.encode(request),
            at,
            at,
            int(self.use_up("lose_file_next")),
        )
        row = self._store.row("SELECT * FROM orders ORDER BY id DESC LIMIT 1")
        if row is None:
            raise AssertionError("the draft was just stored")
        self._tell(dict(row), "order_created")
        return dict(row)

    def count_creation(self, order_id: int) -> None:
        """The same external id came again."""
        self._store.run("UPDATE orders SET creations = creations + 1 WHERE id = ?", order_id)

    def confirm(self, order: Json) -> Json:
        """Submit a draft for fulfilment."""
        self._store.run("UPDATE orders SET confirmations = confirmations + 1 WHERE id = ?", order["id"])
        return self.enter(order["id"], "pending", "order_updated")

    def delete(self, order: Json) -> None:
        """Remove the order as if it had never been."""
        self._store.run("DELETE FROM orders WHERE id = ?", order["id"])

    def enter(self, order_id: int, status: str, event: str, reason: str | None = None) -> Json:
        """Move the order to a status, say so by webhook, and set when it goes on."""
        at = now_ms()
        ends = status in ("fulfilled", "failed", "canceled")
        self._store.run(
            "UPDATE orders SET status = ?, updated_at = ?, next_at = ?, prints = prints + ?, shipped_at = ?"
            " WHERE id = ?",
            status,
            at,
            None if ends else at + self.behaviour.stage_ms,
            int(event == "order_updated" and status == "inprocess"),
            at if status == "fulfilled" else None,
            order_id,
        )
        order = self.find(str(order_id))
        if order is None:
            raise KeyError(order_id)
        self._tell(order, event, reason)
        return order

    def _tell(self, order: Json, event: str, reason: str | None = None) -> None:
        at = now_ms()
        about = {
            "id": order["id"],
            "external_id": order["external_id"],
            "status": order["status"],
            "store_id": STORE_ID,
            "dashboard_url": f"https://www.printful.com/dashboard?order_id={order['id']}",
            "created_at": seconds(order["created_at"]),
            "updated_at": seconds(order["updated_at"]),
        }
        data: Json = {"order": about} | ({} if reason is None else {"reason": reason})
        if event.startswith("shipment_"):
            data["shipment"] = {
                "id": order["id"] * 10,
                "status": "shipped",
                "store_id": STORE_ID,
                "tracking_number": f"PF{order['id']:010d}",
                "tracking_url": "https://www.printful.com/tracking",
                "created_at": seconds(at),
                "ship_date": seconds(at)[:10],
                "shipped_at": seconds(at),
                "delivered_at": None,
                "reshipment": False,
            }
        self._send(event, data, at, f"{order['id']}/{event}/{at}")

    def _send(self, event: str, data: object, at: int, event_id: str) -> None:
        body = {"type": event, "occurred_at": seconds(at), "retries": 0, "store_id": STORE_ID, "data": data}
        self.webhooks.put(CHANNEL, event_id, msgspec.json.encode(body), self.behaviour.delivery)
        self.clockwork.poke()

    def tell_catalogue(self, before: Blank, after: Blank | None) -> None:
        """Say by webhook what changed about a blank: news of stock name the variant, those of prices its product."""
        at = now_ms()
        about = f"{before.catalog_variant_id}/{at}"
        if after is None or after.in_stock != before.in_stock:
            word = "discontinued" if after is None else availability(after)
            changed = {
                "catalog_product_id": before.product_id,
                "catalog_variant_id": before.catalog_variant_id,
                "techniques": [before.technique],
                "availability": word,
            }
            self._send("catalog_stock_updated", [changed], at, f"{about}/stock")
        if after is not None and after.price != before.price:
            changed_products = {"catalog_product_ids": [before.product_id]}
            self._send("catalog_price_changed", changed_products, at, f"{about}/price")

    # Time

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        order_id, status = order["id"], order["status"]
        if self.behaviour.stuck_at == status:
            self.stay(order)
        elif status == "pending":
            placements = request_of(order)["order_items"][0]["placements"]
            problem = await self.problem_with_files([one["layers"][0]["url"] for one in placements])
            current = self.find(str(order_id))
            if current is None or current["status"] != "pending":
                return  # Cancelled while the file was on its way.
            if problem is None:
                self.enter(order_id, "inprocess", "order_updated")
            else:
                self.enter(order_id, "failed", "order_failed", f"print file: {problem}")
        elif status == "inprocess" and self.use_up("fail_next"):
            self.enter(order_id, "failed", "order_failed", "the garment tore")
        elif status == "inprocess" and self.use_up("hold_next"):
            self.enter(order_id, "onhold", "order_put_hold", "the picture needs a look")
        elif status == "inprocess" and self.use_up("unknown_word_next"):
            self.enter(order_id, "awaitingthread", "order_updated")
        elif status == "onhold":
            self.enter(order_id, "inprocess", "order_remove_hold", "released")
        else:
            self.enter(order_id, "fulfilled", "shipment_sent")

    def listing(self) -> list[Json]:
        """Every order with how often it was created, confirmed and printed."""
        return [
            {
                "external_id": row["external_id"],
                "status": row["status"],
                "submissions": row["creations"] + row["confirmations"],
                "confirmations": row["confirmations"],
                "prints": row["prints"],
                "quantity": sum(i["quantity"] for i in from_json(row["request"])["order_items"]),
            }
            for row in self._store.rows("SELECT * FROM orders ORDER BY id LIMIT 100000")
        ]


def seconds(at_ms: int) -> str:
    """A moment as Printful writes it."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
