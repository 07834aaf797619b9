"""The works behind the Prodigi simulator: orders that are fetched, given to a lab, made and shipped.

A status of an order here is the step that it is at, or the issue that keeps it waiting. Callbacks are sent where the
vendor's reference has them: when the stage changes, and when a parcel leaves.
"""

import uuid
from datetime import UTC, datetime
from typing import Final

import msgspec

from processors.clock import now_ms
from processors.partners.order_works import LISTED_MAX, OrderFaults, OrderWorks, request_of
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Json

PAUSED: Final = "paused"
FETCHING: Final = "downloadAssets"
MAKING: Final = "inProduction"
BROKEN: Final = "inProduction/Error"
#: Kinds of issues, each a status of its own here.
ISSUES: Final = {
    "RequiresPaymentAuthorisation": "Payment authorisation required",
    "AwaitingThread": "A word that nobody has heard yet",
    "ItemUnavailable": "The SKU is currently unavailable",
    "FailedToDownloaded": "Download attempt 10 of 10 failed",
}
#: The status after each, as far as an order moves by itself.
FOLLOWING: Final = {
    PAUSED: FETCHING,
    FETCHING: MAKING,
    "RequiresPaymentAuthorisation": MAKING,
    "AwaitingThread": MAKING,
    MAKING: "Complete",
}
#: Statuses in which an order can still be cancelled.
CANCELLABLE: Final = frozenset({FETCHING, *ISSUES})
_STEPS: Final = (FETCHING, "allocateProductionLocation", "printReadyAssetsPrepared", MAKING, "shipping")


class WorksBehaviour(OrderFaults, frozen=True, kw_only=True):
    """How the works behave now; each field can be changed while it runs. Counters count down to 0."""

    #: The next orders are taken, but the line goes dead before the answer.
    accept_silently_next: int = 0
    #: The next orders name an item that is unavailable; fall into the account's pause window.
    out_of_stock_next: int = 0
    pause_next: int = 0


class ProdigiWorks(OrderWorks[WorksBehaviour]):
    """All orders of one simulated Prodigi account."""

    def __init__(self, store: Store) -> None:
        """`store` was opened with the orders', the behaviour's and the webhooks' schema."""
        super().__init__(store, WorksBehaviour, WebhookSender(store, self._address_of, _unsigned, seed=20_265))

    def _address_of(self, channel: str) -> str | None:
        # The channel is the callback address that the order named.
        return channel if channel and self.behaviour.delivery.enabled else None

    # Orders

    def create(self, request: Json) -> Json:
        """Take an order."""
        at, order_id = now_ms(), f"ord_{uuid.uuid4().hex[:12]}"
        self._store.run(
            "INSERT INTO orders (id, external_id, request, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            order_id, request["idempotencyKey"], msgspec.json.encode(request), PAUSED, at, at,
        )  # fmt: skip
        if self.use_up("pause_next"):
            return self.enter(order_id, PAUSED)
        taken = self.enter(order_id, "ItemUnavailable" if self.use_up("out_of_stock_next") else FETCHING)
        self._tell(taken, "status.stage.changed#InProgress")
        return taken

    def count_submission(self, order_id: str) -> None:
        """The same idempotency key came again."""
        self._store.run("UPDATE orders SET submissions = submissions + 1 WHERE id = ?", order_id)

    def cancel(self, order_id: str) -> Json:
        """Cancel an order that can be cancelled."""
        cancelled = self.enter(order_id, "Cancelled")
        self._tell(cancelled, "status.stage.changed#Cancelled")
        return cancelled

    def enter(self, order_id: str, status: str) -> Json:
        """Move the order to a status and set when it goes on."""
        at = now_ms()
        self._store.run(
            "UPDATE orders SET status = ?, updated_at = ?, next_at = ?, prints = prints + ? WHERE id = ?",
            status, at, at + self.behaviour.stage_ms if status in FOLLOWING else None, int(status == MAKING),
            order_id,
        )  # fmt: skip
        return self.stored(order_id)

    def _tell(self, order: Json, change: str, status: Json | None = None) -> None:
        event_id = f"evt_{uuid.uuid4().hex[:12]}"
        body = {
            "specversion": "1.0",
            "type": f"com.prodigi.order.{change}",
            "source": "http://127.0.0.1/v4.0/Orders/",
            "id": event_id,
            "time": moment(now_ms()),
            "datacontenttype": "application/json",
            "data": {"order": shown(order) | ({} if status is None else {"status": status})},
            "subject": order["id"],
        }
        address = str(request_of(order).get("callbackUrl") or "")
        self.webhooks.put(address, event_id, msgspec.json.encode(body), self.behaviour.delivery)
        self.clockwork.poke()

    # Time

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        order_id, status = order["id"], order["status"]
        if self.behaviour.stuck_at == status:
            self.stay(order)
        elif status == PAUSED:
            self._tell(self.enter(order_id, FETCHING), "status.stage.changed#InProgress")
        elif status == FETCHING:
            assets = [asset for item in request_of(order)["items"] for asset in item["assets"]]
            problem = await self.problem_with_files([asset["url"] for asset in assets])
            if self.stored(order_id)["status"] == FETCHING:  # Else it was cancelled while the file was on its way.
                self.enter(order_id, "FailedToDownloaded" if problem else self._after_fetching())
        elif status == MAKING and self.use_up("fail_next"):
            self.enter(order_id, BROKEN)
        elif status == MAKING:
            self._tell(order, "shipments.shipment#Complete", status_of("shipping"))
            self._tell(self.enter(order_id, "Complete"), "status.stage.changed#Complete")
        else:
            self.enter(order_id, FOLLOWING[status])

    def _after_fetching(self) -> str:
        if self.use_up("hold_next"):
            return "RequiresPaymentAuthorisation"
        return "AwaitingThread" if self.use_up("unknown_word_next") else MAKING

    def listing(self) -> list[Json]:
        """Every order with how often it was submitted and printed."""
        return [
            {
                "id": row["id"],
                "external_id": row["external_id"],
                "status": row["status"],
                "submissions": row["submissions"],
                "prints": row["prints"],
                "quantity": sum(item["copies"] for item in request_of(dict(row))["items"]),
            }
            for row in self._store.rows("SELECT * FROM orders ORDER BY number LIMIT ?", LISTED_MAX)
        ]


def _unsigned(_channel: str, _event_id: str, _body: bytes, _at: int) -> dict[str, str]:
    return {}


def status_of(status: str) -> Json:
    """The status object of the reference for a status of the works."""
    issues: list[Json] = []
    if status in ISSUES:
        code = status if status.startswith("Requires") else f"order.items.assets.{status}"
        issues = [{"objectId": "ori_1", "errorCode": code, "description": ISSUES[status]}]
    if status == BROKEN:
        issues = [{"objectId": "ori_1", "errorCode": "order.items.Failed", "description": "the lab's press broke down"}]
    at = MAKING if status == BROKEN else FETCHING if status in ISSUES else status
    stage = at if at in ("Complete", "Cancelled") else "InProgress"
    begun = _STEPS.index(at) if at in _STEPS else 0
    details = {step: "Complete" if place < begun else "NotStarted" for place, step in enumerate(_STEPS)}
    if stage == "Complete":
        details = dict.fromkeys(_STEPS, "Complete")
    elif stage == "InProgress":
        details[_STEPS[begun]] = "Error" if status == BROKEN else "InProgress"
        # The labs go on making while the first parcel leaves.
        details[MAKING] = "InProgress" if at == "shipping" else details[MAKING]
    return {"stage": stage, "issues": issues, "details": details}


def shown(order: Json) -> Json:
    """An order as the API shows it."""
    request = request_of(order)
    items = [
        item
        | {
            "id": f"ori_{order['number']}{place}",
            "status": "Ok",
            "assets": [asset | {"id": "ast_1", "status": "Complete"} for asset in item["assets"]],
        }
        for place, item in enumerate(request["items"])
    ]
    return {
        "id": order["id"],
        "created": moment(order["created_at"]),
        "lastUpdated": moment(order["updated_at"]),
        "callbackUrl": request.get("callbackUrl"),
        "merchantReference": request.get("merchantReference"),
        "shippingMethod": request["shippingMethod"],
        "idempotencyKey": order["external_id"],
        "status": status_of(order["status"]),
        "charges": [],
        "shipments": [],
        "recipient": request["recipient"],
        "items": items,
        "packingSlip": None,
        "metadata": None,
    }


def moment(at_ms: int) -> str:
    """A moment as Prodigi writes it, with seven decimals."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
