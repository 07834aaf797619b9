"""The works behind the Printify simulator: orders that are made on hold, sent to production, made and shipped.

A sent order goes: sending-to-production, in-production, fulfilled. Webhooks are tried four times and then dropped.
"""

import uuid
from datetime import UTC, datetime
from typing import Final

import msgspec

from processors.clock import now_ms
from processors.partners.order_works import LISTED_MAX, OrderFaults, OrderWorks, request_of
from processors.partners.printify import sign
from processors.partners.printify_events import SENT, SHIPPED, UPDATED
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Json

CHANNEL: Final = "printify"
#: The first and "up to 3" more.
WEBHOOK_TRIES: Final = 4
#: Statuses in which an order can be cancelled, and those from which it can be sent.
CANCELLABLE: Final = frozenset({"on-hold", "payment-not-received"})
SENDABLE: Final = CANCELLABLE | {"pending"}
#: The status after each, as far as an order moves by itself.
FOLLOWING: Final = {
    "sending-to-production": "in-production",
    "in-production": "fulfilled",
    "had-issues": "in-production",
    "awaiting-thread": "in-production",
}


class WorksBehaviour(OrderFaults, frozen=True, kw_only=True):
    """How the works behave now; each field can be changed while it runs. Counters count down to 0."""

    #: The next orders are made, or sent, but the line goes dead before the answer.
    create_silently_next: int = 0
    send_silently_next: int = 0
    #: The next sendings are refused because the order is still being put together.
    busy_next: int = 0
    #: The next sendings end at an account without money.
    unpaid_next: int = 0
    #: The next questions about a product of the shop find its blank out of stock.
    out_of_stock_next: int = 0
    #: The next orders lose their pictures.
    lose_file_next: int = 0


class PrintifyWorks(OrderWorks[WorksBehaviour]):
    """All orders of one simulated Printify shop."""

    def __init__(
        self, store: Store, shop_id: int, webhook_secret: str, webhook_url: str | None, webhook_retry_ms: int
    ) -> None:
        """`store` was opened with the orders', the behaviour's and the webhooks' schema."""
        self._shop_id = shop_id
        self._webhook_url = webhook_url
        self._secret = webhook_secret
        sender = WebhookSender(
            store, self._address_of, self._sign, seed=20_264, tries_max=WEBHOOK_TRIES, retry_ms=webhook_retry_ms
        )
        super().__init__(store, WorksBehaviour, sender)

    def _address_of(self, _: str) -> str | None:
        return self._webhook_url if self.behaviour.delivery.enabled else None

    def _sign(self, _channel: str, _event_id: str, body: bytes, _at: int) -> dict[str, str]:
        return {"x-pfy-signature": sign(self._secret, body)}

    # Orders

    def create(self, request: Json) -> Json:
        """Store an order on hold."""
        at, order_id = now_ms(), uuid.uuid4().hex[:24]
        self._store.run(
            "INSERT INTO orders (id, external_id, request, status, created_at, updated_at, file_lost)"
            " VALUES (?, ?, ?, 'on-hold', ?, ?, ?)",
            order_id, request["external_id"], msgspec.json.encode(request), at, at,
            int(self.use_up("lose_file_next")),
        )  # fmt: skip
        self._tell(order_id, "order:created")
        return self.stored(order_id)

    def count_submission(self, order_id: str) -> None:
        """The same external id came again."""
        self._store.run("UPDATE orders SET submissions = submissions + 1 WHERE id = ?", order_id)

    def keep_pending(self, order_id: str) -> None:
        """The order is still being put together."""
        self._store.run("UPDATE orders SET status = 'pending' WHERE id = ?", order_id)

    def send(self, order_id: str) -> Json:
        """Send the order to production, if the account can pay."""
        self._store.run("UPDATE orders SET sends = sends + 1 WHERE id = ?", order_id)
        if self.use_up("unpaid_next"):
            return self.enter(order_id, "payment-not-received")
        self._store.run("UPDATE orders SET sent_at = ? WHERE id = ?", now_ms(), order_id)
        sent = self.enter(order_id, "sending-to-production")
        self._tell(order_id, SENT)
        return sent

    def enter(self, order_id: str, status: str, *, prints: int = 0) -> Json:
        """Move the order to a status, say so by webhook, and set when it goes on."""
        at = now_ms()
        self._store.run(
            "UPDATE orders SET status = ?, updated_at = ?, next_at = ?, prints = prints + ? WHERE id = ?",
            status, at, at + self.behaviour.stage_ms if status in FOLLOWING else None, prints, order_id,
        )  # fmt: skip
        self._tell(order_id, UPDATED, {"status": status})
        return self.stored(order_id)

    def _tell(self, order_id: str, event: str, data: Json | None = None) -> None:
        event_id = str(uuid.uuid4())
        body = {
            "id": event_id,
            "type": event,
            "created_at": moment(now_ms()),
            "resource": {"id": order_id, "type": "order", "data": {"shop_id": self._shop_id} | (data or {})},
        }
        self.webhooks.put(CHANNEL, event_id, msgspec.json.encode(body), self.behaviour.delivery)
        self.clockwork.poke()

    # Time

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        order_id, status = order["id"], order["status"]
        if self.behaviour.stuck_at == status:
            self.stay(order)
        elif status == "sending-to-production":
            areas = request_of(order)["line_items"][0]["print_areas"]
            problem = await self.problem_with_files(list(areas.values()))
            # Nobody could cancel it meanwhile: what is sent cannot be called back.
            self.enter(order_id, "unfulfillable" if problem else "in-production", prints=0 if problem else 1)
        elif status == "in-production" and self.use_up("fail_next"):
            self.enter(order_id, "unfulfillable")
        elif status == "in-production" and self.use_up("hold_next"):
            self.enter(order_id, "had-issues")
        elif status == "in-production" and self.use_up("unknown_word_next"):
            self.enter(order_id, "awaiting-thread")
        else:
            if FOLLOWING[status] == "fulfilled":
                carrier = {"code": "USPS", "tracking_number": f"94{order['number']:020d}"}
                self._tell(order_id, SHIPPED, {"shipped_at": moment(now_ms()), "carrier": carrier, "skus": []})
            self.enter(order_id, FOLLOWING[status])

    def listing(self) -> list[Json]:
        """Every order with how often it was submitted, sent and printed."""
        return [
            {
                "id": row["id"],
                "external_id": row["external_id"],
                "status": row["status"],
                "submissions": row["submissions"] + row["sends"],
                "sends": row["sends"],
                "prints": row["prints"],
                "quantity": sum(item["quantity"] for item in request_of(dict(row))["line_items"]),
            }
            for row in self._store.rows("SELECT * FROM orders ORDER BY number LIMIT ?", LISTED_MAX)
        ]


def moment(at_ms: int) -> str:
    """A moment as Printify writes it."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")
