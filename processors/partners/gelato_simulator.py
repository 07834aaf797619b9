"""A simulator of Gelato, API v4, over real HTTP: drafts, ordering, reading, cancelling, stock, prices, webhooks.

    python -m processors.partners.gelato_simulator --port 8474 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). Gelato's order and product APIs, which have a host each, are both
answered here. Beside them there is a control desk without a key, for tests and demonstrations, which is why the process
listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `WorksBehaviour` now, and changes to it;
- `PATCH` and `DELETE /control/catalogue/{product}`: a product's stock and price, and its end; webhooks tell of stock;
- `GET /control/jobs`: every order with how often it was ordered and printed;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from events.decoding import from_json
from processors.partners import catalogue_shelf
from processors.partners import gelato_works as works_module
from processors.partners.catalogue_shelf import CatalogueShelf
from processors.partners.gelato_works import STOCK_REGION, TOO_LATE, GelatoWorks, Product, item_id, moment
from processors.simulation import WEBHOOK_SCHEMA, Store
from processors.simulation_http import BEHAVIOUR_SCHEMA, Json, answer, json_object, new_app, run_simulator

STOCK_PRODUCTS_MAX = 250
REQUIRED = ("orderReferenceId", "customerReferenceId", "currency", "items", "shippingAddress")
REQUIRED_OF_ITEM = ("itemReferenceId", "productUid", "quantity")
REQUIRED_OF_ADDRESS = ("firstName", "lastName", "addressLine1", "city", "postCode", "country")


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated Gelato account."""

    store_file: str
    api_key: str
    webhook_secret: str
    webhook_url: str | None
    products: tuple[Product, ...]
    #: Between two tries of a webhook; Gelato's own wait is five seconds.
    webhook_retry_ms: int = 5_000


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that is a refusal."""
    return answer(status, {"code": code, "message": message}, headers)


class Desk:
    """The HTTP face of the works: one method a request."""

    def __init__(self, works: GelatoWorks, api_key: str, shelf: CatalogueShelf[Product]) -> None:
        """`works` holds the orders, `shelf` the products."""
        self._works = works
        self._key = api_key.encode()
        self._shelf = shelf

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("x-api-key", "").encode(), self._key):
            return refusal(401, "unauthorized", "The API key is not valid.")
        if self._works.is_down():
            return refusal(503, "service_unavailable", "The service is unavailable.")
        if self._works.use_up("server_error_next"):
            return refusal(500, "internal_error", "An error occurred.")
        if self._works.use_up("rate_limited_next"):
            wait = str(self._works.behaviour.retry_after_s)
            return refusal(429, "too_many_requests", "Too many requests.", {"retry-after": wait})
        return None

    async def create(self, request: Request) -> Response:
        """`POST /v4/orders`."""
        given = await json_object(request)
        problem = self._problem(given)
        if problem is not None:
            return refusal(400, "invalid_request", problem)
        order = self._works.create(given)
        if self._works.use_up("draft_silently_next"):
            await self._works.fall_silent(request)
        return answer(201, self._order(order))

    def _problem(self, given: Json) -> str | None:
        missing = [name for name in REQUIRED if not given.get(name)]
        if missing:
            return f"missing: {', '.join(missing)}"
        absent = [name for name in REQUIRED_OF_ADDRESS if not given["shippingAddress"].get(name)]
        for item in given["items"]:
            absent += [name for name in REQUIRED_OF_ITEM if not item.get(name)]
            if self._shelf.find(str(item.get("productUid"))) is None:
                return f"product {item.get('productUid')} is not known"
        if absent:
            return f"missing: {', '.join(absent)}"
        return None if given.get("orderType", "order") in ("order", "draft") else "orderType is order or draft"

    async def patch(self, request: Request, order: Json) -> Response:
        """`PATCH /v4/orders/{id}`: only a draft can be patched."""
        given = await json_object(request)
        if self._works.use_up("busy_next"):
            return refusal(409, "conflict", "The order is being changed.")
        if order["order_type"] != "draft" or given.get("orderType") != "order":
            return refusal(400, "invalid_request", "Only draft orders can be patched.")
        ordered = self._works.order(order, given)
        if self._works.use_up("order_silently_next"):
            await self._works.fall_silent(request)
        return answer(200, self._order(ordered))

    def delete(self, order: Json) -> Response:
        """`DELETE /v4/orders/{id}`: only a draft can be deleted."""
        if order["order_type"] != "draft":
            return refusal(409, "conflict", "Only draft orders can be deleted.")
        self._works.delete(order)
        return Response(status_code=204)

    def cancel(self, order: Json) -> Response:
        """`POST /v4/orders/{id}:cancel`."""
        if order["status"] in TOO_LATE:
            return refusal(409, "conflict", f"The order cannot be canceled, it is '{order['status']}'.")
        if order["status"] != "canceled":
            self._works.enter(order["id"], "canceled")
        return answer(200, {})

    def read(self, order: Json) -> Response:
        """`GET /v4/orders/{id}`."""
        return answer(200, self._order(order))

    def _order(self, order: Json) -> Json:
        request = from_json(order["request"], Json)
        prices = [self._price(item["productUid"]) * item["quantity"] for item in request["items"]]
        total = round(sum(prices), 2)
        is_draft = order["order_type"] == "draft"
        receipt = {"orderId": order["id"], "transactionType": "purchase", "currency": request["currency"]}
        return {
            "id": order["id"],
            "orderType": order["order_type"],
            "orderReferenceId": order["reference"],
            "customerReferenceId": request["customerReferenceId"],
            "fulfillmentStatus": order["status"],
            "financialStatus": "draft" if is_draft else "paid",
            "currency": request["currency"],
            "channel": "api",
            "createdAt": moment(order["created_at"]),
            "updatedAt": moment(order["updated_at"]),
            "orderedAt": None if is_draft else moment(order["created_at"]),
            "connectedOrderIds": self._works.connected(order),
            "items": [
                {
                    "id": item_id(order, place),
                    "itemReferenceId": item["itemReferenceId"],
                    "productUid": item["productUid"],
                    "files": [] if order["file_lost"] else item.get("files", []),
                    "quantity": item["quantity"],
                    "fulfillmentStatus": order["status"],
                    "previews": [],
                }
                for place, item in enumerate(request["items"])
            ],
            "shippingAddress": request["shippingAddress"],
            "receipts": [] if is_draft else [receipt | {"totalInitial": total, "total": total}],
        }

    def _price(self, product_uid: str) -> float:
        product = self._shelf.known(product_uid)
        if product is None:
            raise KeyError(product_uid)
        return product.price

    async def stock(self, request: Request) -> Response:
        """`POST /v3/stock/region-availability`."""
        asked = (await json_object(request)).get("products") or []
        if not 1 <= len(asked) <= STOCK_PRODUCTS_MAX:
            return refusal(400, "invalid_request", f"1 to {STOCK_PRODUCTS_MAX} products")
        is_out = self._works.use_up("out_of_stock_next")
        found = []
        for uid in asked:
            product = self._shelf.find(str(uid))
            word = "not-supported" if product is None else "out-of-stock" if is_out else product.stock
            region = {"stockRegionUid": STOCK_REGION, "status": word, "replenishmentDate": None}
            found.append({"productUid": uid, "availability": [region]})
        return answer(200, {"productsAvailability": found})

    def prices(self, product_uid: str, currency: str) -> Response:
        """`GET /v3/products/{uid}/prices`."""
        product = self._shelf.find(product_uid)
        if product is None:
            return refusal(404, "not_found", "Product not found.")
        one = {"productUid": product_uid, "country": "US", "currency": currency, "pageCount": None}
        counted = [one | {"quantity": count, "price": round(product.price * count, 2)} for count in (1, 10)]
        return answer(200, counted)


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    schema = works_module.SCHEMA + catalogue_shelf.SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA
    store = Store(Path(config.store_file), schema)
    works = GelatoWorks(store, config.webhook_secret, config.webhook_url, config.webhook_retry_ms)
    products = {product.product_uid: product for product in config.products}
    shelf = CatalogueShelf(store, products, works.tell_catalogue)
    desk = Desk(works, config.api_key, shelf)
    app = new_app("Gelato simulator", works, store)
    catalogue_shelf.attach(app, shelf)

    @app.post("/v4/orders")
    async def create(request: Request) -> Response:
        return desk.at_the_door(request) or await desk.create(request)

    @app.api_route("/v4/orders/{order_id}", methods=["GET", "PATCH", "DELETE", "POST"])
    async def one(order_id: str, request: Request) -> Response:
        wanted, _, action = order_id.partition(":")
        order = works.find(wanted)
        refused = desk.at_the_door(request)
        if refused is not None or order is None:
            return refused or refusal(404, "not_found", "Order not found.")
        match request.method, action:
            case "GET", "":
                return desk.read(order)
            case "PATCH", "":
                return await desk.patch(request, order)
            case "DELETE", "":
                return desk.delete(order)
            case "POST", "cancel":
                return desk.cancel(order)
            case _:
                return refusal(405, "method_not_allowed", "There is no such call.")

    @app.post("/v3/stock/region-availability")
    async def stock(request: Request) -> Response:
        return desk.at_the_door(request) or await desk.stock(request)

    @app.get("/v3/products/{product_uid}/prices")
    async def prices(product_uid: str, request: Request, currency: str = "USD") -> Response:
        return desk.at_the_door(request) or desk.prices(product_uid, currency)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("Gelato", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
