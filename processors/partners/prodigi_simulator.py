"""A simulator of Prodigi, Print API v4.0, over real HTTP: orders by idempotency key, actions, quotes, callbacks.

    python -m processors.partners.prodigi_simulator --port 8476 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). Callbacks go to the address that an order names. Beside the API there is
a control desk without a key, for tests and demonstrations, which is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `WorksBehaviour` now, and changes to it;
- `GET /control/jobs`: every order with how often it was submitted and printed;
- `GET /control/webhooks`: every callback with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from processors.partners.order_works import SCHEMA
from processors.partners.prodigi_works import CANCELLABLE, PAUSED, ProdigiWorks, shown
from processors.simulation import WEBHOOK_SCHEMA, Store
from processors.simulation_http import BEHAVIOUR_SCHEMA, Json, answer, json_object, new_app, run_simulator

REQUIRED = ("shippingMethod", "recipient", "items", "idempotencyKey")
REQUIRED_OF_ADDRESS = ("line1", "postalOrZipCode", "countryCode", "townOrCity")
LISTED = 10


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product of the simulated catalogue; `unit_cost` is text in major units."""

    sku: str
    unit_cost: str


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated Prodigi account."""

    store_file: str
    api_key: str
    products: tuple[Product, ...]
    currency: str = "USD"


def refusal(status: int, words: str, outcome: str = "", headers: dict[str, str] | None = None) -> Response:
    """An answer in Prodigi's error shape."""
    return answer(status, {"outcome": outcome, "statusText": words, "statusCode": status, "data": {}}, headers)


class Desk:
    """The HTTP face of the works: one method a request."""

    def __init__(self, works: ProdigiWorks, config: SimulatorConfig) -> None:
        """`works` holds the orders, `config` the key and the products."""
        self._works = works
        self._key = config.api_key.encode()
        self._currency = config.currency
        self._products = {product.sku: product for product in config.products}

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("x-api-key", "").encode(), self._key):
            return refusal(401, "Your credentials are missing or incorrect.")
        trouble = self._works.trouble()
        return None if trouble is None else refusal(trouble[0], "Something went wrong", headers=trouble[1])

    async def create(self, request: Request) -> Response:
        """`POST /v4.0/orders`."""
        given = await json_object(request)
        held = self._works.find(str(given.get("idempotencyKey", "")), "external_id")
        if held is not None:
            self._works.count_submission(held["id"])
            return _envelope("AlreadyExists", held)
        problem = self._problem(given)
        if problem is not None:
            return refusal(400, problem, "ValidationFailed")
        order = self._works.create(given)
        if self._works.use_up("accept_silently_next"):
            await self._works.fall_silent(request)
        outcomes = {PAUSED: "OnHold", "ItemUnavailable": "CreatedWithIssues"}
        return _envelope(outcomes.get(order["status"], "Created"), order)

    def _problem(self, given: Json) -> str | None:
        missing = [name for name in REQUIRED if not given.get(name)]
        if missing:
            return f"missing: {', '.join(missing)}"
        address = given["recipient"].get("address") or {}
        absent = [name for name in REQUIRED_OF_ADDRESS if not address.get(name)]
        for item in given["items"]:
            if item.get("sku") not in self._products or not item.get("copies") or not item.get("assets"):
                return f"item {item.get('sku')} cannot be ordered"
        return f"missing: {', '.join(absent)}" if absent else None

    def listed(self, references: str) -> Response:
        """`GET /v4.0/orders?merchantReferences=…`: what is paused is not shown."""
        found = [self._works.find(one, "external_id") for one in references.split(",")[:LISTED]]
        orders = [shown(order) for order in found if order is not None and order["status"] != PAUSED]
        return answer(200, {"outcome": "Ok", "orders": orders, "hasMore": False, "nextUrl": None})

    def read(self, order: Json) -> Response:
        """`GET /v4.0/orders/{id}`."""
        return _envelope("Ok", order)

    def cancel(self, order: Json) -> Response:
        """`POST /v4.0/orders/{id}/actions/cancel`."""
        if order["status"] in CANCELLABLE:
            return _envelope("Cancelled", self._works.cancel(order["id"]))
        return _envelope("ActionNotAvailable" if order["status"] == "Cancelled" else "FailedToCancel", order)

    def actions(self, order: Json) -> Response:
        """`GET /v4.0/orders/{id}/actions`."""
        can = {"isAvailable": "Yes" if order["status"] in CANCELLABLE else "No"}
        names = ("cancel", "changeRecipientDetails", "changeShippingMethod")
        return answer(200, {"outcome": "Ok"} | dict.fromkeys(names, can) | {"changeMetaData": {"isAvailable": "Yes"}})

    async def quote(self, request: Request) -> Response:
        """`POST /v4.0/quotes`."""
        given = await json_object(request)
        skus = [item.get("sku") for item in given.get("items") or []]
        if not skus or not all(sku in self._products for sku in skus):
            return refusal(404, "The product is not known.", "EntityNotFound")
        items = [
            {"sku": sku, "unitCost": {"amount": self._products[sku].unit_cost, "currency": self._currency}}
            for sku in skus
        ]
        method = given.get("shippingMethod", "Standard")
        return answer(200, {"outcome": "Created", "quotes": [{"shipmentMethod": method, "items": items}]})


def _envelope(outcome: str, order: Json) -> Response:
    body = {"id": order["id"]} if order["status"] == PAUSED else shown(order)
    return answer(200, {"outcome": outcome, "order": body, "traceParent": "00-demo"})


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA)
    works = ProdigiWorks(store)
    desk = Desk(works, config)
    app = new_app("Prodigi simulator", works, store)

    @app.post("/v4.0/orders")
    async def create(request: Request) -> Response:
        return desk.at_the_door(request) or await desk.create(request)

    @app.get("/v4.0/orders")
    async def listed(request: Request) -> Response:
        asked = request.query_params.get("merchantReferences", "")
        return desk.at_the_door(request) or desk.listed(asked)

    @app.api_route("/v4.0/orders/{order_id}", methods=["GET"])
    @app.api_route("/v4.0/orders/{order_id}/{rest:path}", methods=["GET", "POST"])
    async def one(order_id: str, request: Request, rest: str = "") -> Response:
        order = works.find(order_id)
        refused = desk.at_the_door(request)
        if refused is not None or order is None or order["status"] == PAUSED:
            return refused or refusal(404, "The order is not known.", "EntityNotFound")
        match request.method, rest:
            case "GET", "":
                return desk.read(order)
            case "GET", "actions":
                return desk.actions(order)
            case "POST", "actions/cancel":
                return desk.cancel(order)
            case _:
                return refusal(404, "There is no such endpoint.", "EndpointDoesNotExist")

    @app.post("/v4.0/quotes")
    async def quote(request: Request) -> Response:
        return desk.at_the_door(request) or await desk.quote(request)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("Prodigi", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
