"""The works behind the Gelato simulator: orders that are drafted, ordered, split, made and shipped.

Gelato's documentation names no stage between `passed` and `in_production` for what is printed directly, so an ordered
draft goes: created, passed, in_production, printed, shipped, delivered. Webhooks are tried three times, five seconds
apart, and then dropped.
"""

import uuid
from datetime import UTC, datetime
from typing import Final

import msgspec

from events.decoding import from_json
from processors.clock import now_ms
from processors.partners.order_works import OrderFaults, OrderWorks, request_of
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, reference TEXT NOT NULL, request BLOB NOT NULL,
    order_type TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    next_at INTEGER, orderings INTEGER NOT NULL DEFAULT 0, prints INTEGER NOT NULL DEFAULT 0,
    split_off TEXT, file_lost INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_reference ON orders (reference);
"""

CHANNEL: Final = "gelato"
WEBHOOK_TRIES: Final = 3
STOCK_REGION: Final = "US-CA"

#: The stage after each, as far as an order moves by itself.
FOLLOWING: Final = {
    "created": "passed",
    "passed": "in_production",
    "on_hold": "in_production",
    "awaiting_thread": "in_production",
    "in_production": "printed",
    "printed": "shipped",
    "shipped": "delivered",
}
#: Statuses in which an order cannot be cancelled any more.
TOO_LATE: Final = frozenset({"printed", "shipped", "in_transit", "delivered", "returned", "failed"})


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product of the simulated catalogue."""

    product_uid: str
    #: For one piece, in major units.
    price: float
    stock: str = "in-stock"


class WorksBehaviour(OrderFaults, frozen=True, kw_only=True):
    """How the works behave now; each field can be changed while it runs. Counters count down to 0."""

    #: The next drafts, or orderings of a draft, are carried out, but the line goes dead before the answer.
    draft_silently_next: int = 0
    order_silently_next: int = 0
    #: The next orderings of a draft are refused because the order is being changed (409).
    busy_next: int = 0
    #: The next questions about stock are answered with "out-of-stock".
    out_of_stock_next: int = 0
    #: The next drafts lose their print files.
    lose_file_next: int = 0
    #: The next ordered drafts are split into two orders with the same reference.
    split_next: int = 0


class GelatoWorks(OrderWorks[WorksBehaviour]):
    """All orders of one simulated Gelato account."""

    def __init__(self, store: Store, webhook_secret: str, webhook_url: str | None, webhook_retry_ms: int) -> None:
        """`store` was opened with `SCHEMA`, the behaviour's and the webhooks' schema."""
        self._webhook_url = webhook_url
        self._authorization = f"Bearer {webhook_secret}"
        sender = WebhookSender(
            store, self._address_of, self._sign, seed=20_263, tries_max=WEBHOOK_TRIES, retry_ms=webhook_retry_ms
        )
        super().__init__(store, WorksBehaviour, sender)

    def _address_of(self, _: str) -> str | None:
        return self._webhook_url if self.behaviour.delivery.enabled else None

    def _sign(self, _channel: str, _event_id: str, _body: bytes, _at: int) -> dict[str, str]:
        return {"authorization": self._authorization}

    # Orders

    def connected(self, order: Json) -> list[str]:
        """The orders that were made of the same one."""
        rows = self._store.rows(
            "SELECT id FROM orders WHERE id <> ? AND (split_off = ? OR id = ? OR (split_off = ? AND split_off <> ''))",
            order["id"], order["id"], order["split_off"] or "", order["split_off"] or "",
        )  # fmt: skip
        return [row["id"] for row in rows]

    def create(self, request: Json, *, split_off: str | None = None) -> Json:
        """Store an order or a draft."""
        at, order_id = now_ms(), str(uuid.uuid4())
        order_type = str(request.get("orderType", "order"))
        is_draft = order_type == "draft"
        self._store.run(
            "INSERT INTO orders (id, reference, request, order_type, status, created_at, updated_at, split_off,"
            " file_lost) VALUES (?, ?, ?, ?, 'draft', ?, ?, ?, ?)",
            order_id, request["orderReferenceId"], msgspec.json.encode(request), order_type, at, at, split_off,
            int(is_draft and self.use_up("lose_file_next")),
        )  # fmt: skip
        return self.stored(order_id) if is_draft else self.enter(order_id, "created")

    def order(self, draft: Json, request: Json) -> Json:
        """Turn a draft into an order, with the files that are named anew."""
        now = request_of(draft)
        renewed = {item.get("id"): item.get("files") for item in request.get("items", [])}
        for place, item in enumerate(now["items"]):
            item["files"] = renewed.get(item_id(draft, place)) or item.get("files", [])
        if self.use_up("split_next") and now["items"][0]["quantity"] > 1:
            other = from_json(msgspec.json.encode(now), Json) | {"orderType": "order"}
            now["items"][0]["quantity"] -= 1
            other["items"][0]["quantity"] = 1
            self.create(other, split_off=draft["id"])
        self._store.run(
            "UPDATE orders SET order_type = 'order', orderings = orderings + 1, request = ?, file_lost = 0"
            " WHERE id = ?",
            msgspec.json.encode(now), draft["id"],
        )  # fmt: skip
        return self.enter(draft["id"], "created")

    def delete(self, order: Json) -> None:
        """Remove a draft as if it had never been."""
        self._store.run("DELETE FROM orders WHERE id = ?", order["id"])

    def enter(self, order_id: str, status: str) -> Json:
        """Move the order to a status, say so by webhook, and set when it goes on."""
        at = now_ms()
        self._store.run(
            "UPDATE orders SET status = ?, updated_at = ?, next_at = ?, prints = prints + ? WHERE id = ?",
            status, at, at + self.behaviour.stage_ms if status in FOLLOWING else None, int(status == "printed"),
            order_id,
        )  # fmt: skip
        order = self.stored(order_id)
        self._tell(order)
        return order

    def _tell(self, order: Json) -> None:
        items = request_of(order)["items"]
        event_id = f"os_{uuid.uuid4().hex[:13]}"
        body = {
            "id": event_id,
            "event": "order_status_updated",
            "orderId": order["id"],
            "storeId": None,
            "orderReferenceId": order["reference"],
            "fulfillmentStatus": order["status"],
            "items": [
                {"itemReferenceId": item["itemReferenceId"], "fulfillmentStatus": order["status"], "fulfillments": []}
                for item in items
            ],
        }
        self._send(event_id, body)

    def _send(self, event_id: str, body: Json) -> None:
        self.webhooks.put(CHANNEL, event_id, msgspec.json.encode(body), self.behaviour.delivery)
        self.clockwork.poke()

    def tell_catalogue(self, before: Product, after: Product | None) -> None:
        """Say by webhook that stock changed. Of prices, and of products that vanish, Gelato's webhooks say nothing."""
        if after is None or after.stock == before.stock:
            return
        event_id = f"sra_{uuid.uuid4().hex[:13]}"
        region = {"stockRegionUid": STOCK_REGION, "status": after.stock}
        changed = {"productUid": after.product_uid, "availability": [region]}
        body = {"id": event_id, "event": "catalog_product_stock_availability_updated", "productAvailability": [changed]}
        self._send(event_id, body)

    # Time

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        order_id, status = order["id"], order["status"]
        if status in ("passed", "in_production", "printed") and self.behaviour.stuck_at == status:
            self.stay(order)
        elif status == "passed":
            problem = await self.problem_with_files(
                [file["url"] for item in request_of(order)["items"] for file in item["files"]]
            )
            if self.stored(order_id)["status"] == "passed":  # Else it was cancelled while the file was on its way.
                self.enter(order_id, "failed" if problem else "in_production")
        elif status == "in_production" and self.use_up("fail_next"):
            self.enter(order_id, "failed")
        elif status == "in_production" and self.use_up("hold_next"):
            self.enter(order_id, "on_hold")
        elif status == "in_production" and self.use_up("unknown_word_next"):
            self.enter(order_id, "awaiting_thread")
        else:
            self.enter(order_id, FOLLOWING[status])

    def listing(self) -> list[Json]:
        """Every order with how often it was ordered and printed."""
        return [
            {
                "id": row["id"],
                "external_id": row["reference"],
                "order_type": row["order_type"],
                "status": row["status"],
                "orderings": row["orderings"],
                "prints": row["prints"],
                "split_off": row["split_off"],
                "quantity": sum(i["quantity"] for i in from_json(row["request"], Json)["items"]),
            }
            for row in self._store.rows("SELECT * FROM orders ORDER BY number LIMIT 100000")
        ]


def item_id(order: Json, place: int) -> str:
    """Gelato's id of an item."""
    return str(uuid.uuid5(uuid.UUID(order["id"]), str(place)))


def moment(at_ms: int) -> str:
    """A moment as Gelato writes it."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
