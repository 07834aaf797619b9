"""The warehouse behind the supplier simulator: orders are picked, packed and collected, and stock goes down."""

from typing import Final

import msgspec

from events.decoding import from_json
from processors.clock import now_ms
from processors.partners.order_works import OrderFaults, OrderWorks
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Json
from processors.suppliers import wire

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL, pieces BLOB NOT NULL,
    fingerprint TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', accepted_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, next_at INTEGER, submissions INTEGER NOT NULL DEFAULT 1,
    picks INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS unwanted (id TEXT PRIMARY KEY);
"""

CHANNEL: Final = "supplier"
FULL_STOCK_UNITS: Final = 100_000


class StockedArticle(msgspec.Struct, frozen=True, kw_only=True):
    """One article that the simulated supplier sells."""

    sku: str
    price_minor: int
    currency: str = "USD"
    stock: int = FULL_STOCK_UNITS


class WarehouseBehaviour(OrderFaults, frozen=True, kw_only=True):
    """How the warehouse behaves now; each field can be changed while it runs. Counters count down to 0."""

    #: The next orders are taken, but the line goes dead before the answer.
    accept_silently_next: int = 0
    #: The next orders are refused for now (`busy`), or for good (`sold_out`).
    busy_next: int = 0
    sold_out_next: int = 0


class Warehouse(OrderWorks[WarehouseBehaviour]):
    """All orders of one simulated supplier."""

    def __init__(
        self, store: Store, articles: tuple[StockedArticle, ...], webhook_secret: str, webhook_url: str | None
    ) -> None:
        """`store` was opened with `SCHEMA`, the behaviour's and the webhooks' schema."""
        self._articles = {article.sku: article for article in articles}
        self._webhook_url = webhook_url
        self._secret = webhook_secret
        super().__init__(store, WarehouseBehaviour, WebhookSender(store, self._address_of, self._sign, seed=20_268))

    def _address_of(self, _: str) -> str | None:
        return self._webhook_url if self.behaviour.delivery.enabled else None

    def _sign(self, _channel: str, _event_id: str, body: bytes, at: int) -> dict[str, str]:
        timestamp = str(at // 1000)
        return {wire.TIMESTAMP_HEADER: timestamp, wire.SIGNATURE_HEADER: wire.sign(self._secret, timestamp, body)}

    def article(self, sku: str) -> StockedArticle | None:
        """What is sold under this SKU."""
        return self._articles.get(sku)

    def on_hand(self, article: StockedArticle) -> int:
        """Units that nobody has ordered yet."""
        row = self._store.row(
            "SELECT COALESCE(sum(quantity), 0) AS taken FROM orders WHERE sku = ? AND status NOT IN (?, ?)",
            article.sku,
            wire.CANCELLED,
            wire.SHORT,
        )
        return max(0, article.stock - (int(row["taken"]) if row else 0))

    def stock_list(self) -> wire.StockList:
        """What is there now."""
        row = self._store.row(
            "SELECT COALESCE(sum(quantity), 0) AS pieces FROM orders WHERE status IN ('accepted', 'picking')"
        )
        return wire.StockList(
            country="US",
            ships_to=(),
            picks_per_day=5_000,
            open_pieces=int(row["pieces"]) if row else 0,
            picking_ms=self.behaviour.stage_ms * 2,
            listed_at=now_ms(),
            articles=tuple(
                wire.Article(
                    sku=one.sku,
                    on_hand=self.on_hand(one),
                    price_minor=one.price_minor,
                    currency=one.currency,
                )
                for one in self._articles.values()
            ),
        )

    def shown(self, row: Json) -> wire.SupplyOrder:
        """An order as the supplier tells of it."""
        return wire.SupplyOrder(
            reference=row["id"],
            number=f"S-{row['number']:06d}",
            sku=row["sku"],
            quantity=row["quantity"],
            pieces=from_json(row["pieces"], tuple[int, ...]),
            status=row["status"],
            accepted_at=row["accepted_at"],
            updated_at=row["updated_at"],
            price_minor=self._articles[row["sku"]].price_minor * row["quantity"],
            currency=self._articles[row["sku"]].currency,
            reason=row["reason"],
        )

    def accept(self, reference: str, request: wire.OrderRequest) -> Json:
        """Take an order in."""
        at = now_ms()
        with self._store.transaction():
            self._store.run(
                "INSERT INTO orders (id, number, sku, quantity, pieces, fingerprint, status, accepted_at, updated_at)"
                " VALUES (?, (SELECT count(*) + 1 FROM orders), ?, ?, ?, ?, '', ?, ?)",
                reference,
                request.sku,
                request.quantity,
                msgspec.json.encode(request.pieces),
                request.fingerprint(),
                at,
                at,
            )
            return self.enter(reference, wire.STAGES[0])

    def came_again(self, reference: str) -> None:
        """The same order was sent once more."""
        self._store.run("UPDATE orders SET submissions = submissions + 1 WHERE id = ?", reference)

    def mark_unwanted(self, reference: str) -> None:
        """An order under this reference is refused if it still comes."""
        self._store.run("INSERT OR IGNORE INTO unwanted VALUES (?)", reference)

    def is_unwanted(self, reference: str) -> bool:
        """Whether it was cancelled before it came."""
        return self._store.row("SELECT id FROM unwanted WHERE id = ?", reference) is not None

    def enter(self, reference: str, status: str, reason: str = "") -> Json:
        """Move an order to a status, say so by webhook, and set when it goes on."""
        before = self.stored(reference)
        # Two moves in one millisecond would have the same time, and their reports no order.
        at = max(now_ms(), before["updated_at"] + 1)
        ends = status in (wire.STAGES[-1], wire.SHORT, wire.CANCELLED)
        with self._store.transaction():
            self._store.run(
                "UPDATE orders SET status = ?, reason = ?, updated_at = ?, next_at = ?, picks = picks + ? WHERE id = ?",
                status,
                reason,
                at,
                None if ends else at + self.behaviour.stage_ms,
                int(status == "packed"),
                reference,
            )
            order = self.stored(reference)
            event_id = f"{reference}/{at}"
            body = {"id": event_id, "type": "order.status", "order": self.shown(order)}
            self.webhooks.put(CHANNEL, event_id, msgspec.json.encode(body), self.behaviour.delivery)
        self.clockwork.poke()
        return order

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        reference, status = order["id"], order["status"]
        if self.behaviour.stuck_at == status:
            self.stay(order)
        elif status == "picking" and self.use_up("fail_next"):
            self.enter(reference, wire.SHORT, "the shelf is empty")
        elif status == "picking" and self.use_up("hold_next"):
            self.enter(reference, wire.BACKORDERED, "the next delivery is awaited")
        elif status == "picking" and self.use_up("unknown_word_next"):
            self.enter(reference, "forklift_away")
        elif status in wire.STAGES:
            self.enter(reference, wire.STAGES[wire.STAGES.index(status) + 1])
        else:
            self.enter(reference, "packed")

    def listing(self) -> list[Json]:
        """Every order with how often it was sent and picked."""
        rows = self._store.rows("SELECT * FROM orders ORDER BY number LIMIT 100000")
        return [
            {
                "external_id": row["id"],
                "status": row["status"],
                "submissions": row["submissions"],
                "prints": row["picks"],
                "quantity": row["quantity"],
            }
            for row in rows
        ]
