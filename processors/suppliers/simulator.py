"""A simulator of the demo supplier of ready-made goods, over real HTTP.

    python -m processors.suppliers.simulator --port 8476 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). It speaks the wire format that `supplier` describes. Beside it there is a
control desk without a key, for tests and demonstrations, which is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `WarehouseBehaviour` now, and changes to it;
- `GET /control/jobs`: every order with how often it was sent and picked;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from events.decoding import from_json
from processors.simulation import WEBHOOK_SCHEMA, Store
from processors.simulation_http import BEHAVIOUR_SCHEMA, BODY_MAX_BYTES, answer, new_app, run_simulator
from processors.suppliers import wire
from processors.suppliers.warehouse import SCHEMA, StockedArticle, Warehouse


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated supplier."""

    store_file: str
    key: str
    webhook_secret: str
    #: None while nobody has subscribed.
    webhook_url: str | None
    articles: tuple[StockedArticle, ...]


def problem(
    status: int,
    code: str,
    message: str,
    order: wire.SupplyOrder | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """An answer that says what is wrong."""
    return answer(status, wire.Problem(code=code, message=message, order=order), headers)


class Counter:
    """The HTTP face of the warehouse: one method a request."""

    def __init__(self, warehouse: Warehouse, key: str) -> None:
        """`key` is what customers must show."""
        self._warehouse = warehouse
        self._key = key

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("x-supplier-key", "").encode(), self._key.encode()):
            return problem(401, "unauthorised", "send X-Supplier-Key")
        if trouble := self._warehouse.trouble():
            status, headers = trouble
            return problem(status, "trouble", "not now", headers=headers)
        return None

    async def put(self, reference: str, request: Request) -> Response:
        """`PUT /v1/orders/{reference}`."""
        body = await request.body()
        try:
            asked = from_json(body[:BODY_MAX_BYTES], wire.OrderRequest)
        except msgspec.DecodeError as error:
            return problem(422, "invalid", str(error))
        held = self._warehouse.find(reference)
        if held is not None:
            if held["fingerprint"] != asked.fingerprint():
                return problem(409, "conflict", "this reference was used for something else")
            self._warehouse.came_again(reference)
            return answer(200, self._warehouse.shown(held))
        if refusal := self._refusal(reference, asked):
            return refusal
        taken = self._warehouse.accept(reference, asked)
        if self._warehouse.use_up("accept_silently_next"):
            await self._warehouse.fall_silent(request)
        return answer(201, self._warehouse.shown(taken))

    def _refusal(self, reference: str, asked: wire.OrderRequest) -> Response | None:
        if self._warehouse.is_unwanted(reference):
            return problem(422, "cancelled", "this reference was cancelled before it came")
        if asked.quantity < 1 or len(set(asked.pieces)) != asked.quantity:
            return problem(422, "invalid", "pieces must name each of quantity pieces once")
        article = self._warehouse.article(asked.sku)
        if article is None:
            return problem(422, "unknown_sku", f"we do not sell {asked.sku[:100]}")
        if self._warehouse.use_up("busy_next"):
            return problem(422, "busy", "all pickers are at work, try later")
        if self._warehouse.use_up("sold_out_next") or self._warehouse.on_hand(article) < asked.quantity:
            return problem(422, "sold_out", f"{asked.sku} is sold out")
        return None

    def read(self, reference: str) -> Response:
        """`GET /v1/orders/{reference}`."""
        held = self._warehouse.find(reference)
        if held is None:
            return problem(404, "unknown_order", f"no order {reference}")
        return answer(200, self._warehouse.shown(held))

    def cancel(self, reference: str) -> Response:
        """`POST /v1/orders/{reference}/cancel`."""
        held = self._warehouse.find(reference)
        if held is None:
            self._warehouse.mark_unwanted(reference)
            return problem(404, "unknown_order", f"no order {reference}; it is refused if it comes")
        status = held["status"]
        if status in ("accepted", wire.BACKORDERED):
            held = self._warehouse.enter(reference, wire.CANCELLED, "cancelled by the customer")
        elif status not in (wire.CANCELLED, wire.SHORT):
            return problem(409, "too_late", f"the order is {status}", self._warehouse.shown(held))
        return answer(200, self._warehouse.shown(held))


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA)
    warehouse = Warehouse(store, config.articles, config.webhook_secret, config.webhook_url)
    counter = Counter(warehouse, config.key)
    app = new_app("Supplier simulator", warehouse, store)

    @app.put("/v1/orders/{reference}")
    async def put(reference: str, request: Request) -> Response:
        return counter.at_the_door(request) or await counter.put(reference, request)

    @app.get("/v1/orders/{reference}")
    async def read(reference: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.read(reference)

    @app.post("/v1/orders/{reference}/cancel")
    async def cancel(reference: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.cancel(reference)

    @app.get("/v1/stock")
    async def stock(request: Request) -> Response:
        return counter.at_the_door(request) or answer(200, warehouse.stock_list())

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("a supplier of ready-made goods", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
