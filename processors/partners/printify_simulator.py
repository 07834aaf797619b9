"""A simulator of Printify, API v1, over real HTTP: orders on hold, production, cancelling, products, signed webhooks.

    python -m processors.partners.printify_simulator --port 8475 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). Answers have the shapes of the vendor's documentation; an error has a
code only where the documentation names one. Beside the API there is a control desk without a key, for tests and
demonstrations, which is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `WorksBehaviour` now, and changes to it;
- `GET /control/jobs`: every order with how often it was submitted, sent and printed;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from processors.partners.order_works import SCHEMA, request_of
from processors.partners.printify import TAKEN
from processors.partners.printify_works import CANCELLABLE, SENDABLE, PrintifyWorks, moment
from processors.simulation import WEBHOOK_SCHEMA, Store
from processors.simulation_http import BEHAVIOUR_SCHEMA, Json, answer, json_object, new_app, run_simulator

REQUIRED = ("external_id", "line_items", "shipping_method", "address_to")
REQUIRED_OF_ADDRESS = ("first_name", "last_name", "country", "address1", "city", "zip")
ADDRESS_INVALID = 8103


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product of the simulated shop, with one variant; `cost` is in cents."""

    product_id: str
    blueprint_id: int
    print_provider_id: int
    variant_id: int
    cost: int


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated Printify shop."""

    store_file: str
    token: str
    shop_id: int
    webhook_secret: str
    webhook_url: str | None
    products: tuple[Product, ...]
    webhook_retry_ms: int = 5_000


def refusal(
    status: int, message: str, code: int | None = None, headers: dict[str, str] | None = None, **more: object
) -> Response:
    """An answer in Printify's error shape."""
    named: Json = {} if code is None else {"code": code}
    body = {"status": "error", "message": message, "errors": {"reason": message} | named} | named | more
    return answer(status, body, headers)


class Desk:
    """The HTTP face of the works: one method a request."""

    def __init__(self, works: PrintifyWorks, config: SimulatorConfig) -> None:
        """`works` holds the orders, `config` the token and the products."""
        self._works = works
        self._shop_id = config.shop_id
        self._authorization = f"Bearer {config.token}".encode()
        self._products = {product.product_id: product for product in config.products}
        self._made = {(p.blueprint_id, p.print_provider_id, p.variant_id): p for p in config.products}

    def at_the_door(self, request: Request, shop_id: int) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._authorization):
            return refusal(401, "Unauthenticated.")
        trouble = self._works.trouble()
        if trouble is not None:
            return refusal(trouble[0], "The service does not answer now.", headers=trouble[1])
        return None if shop_id == self._shop_id else refusal(404, "Not found")

    async def create(self, request: Request) -> Response:
        """`POST /v1/shops/{shop}/orders.json`."""
        given = await json_object(request)
        held = self._works.find(str(given.get("external_id", "")), "external_id")
        if held is not None:
            self._works.count_submission(held["id"])
            named = {"id": held["id"], "external_id": held["external_id"]}
            return refusal(409, "Order already exists for the given external_id.", TAKEN, order=named)
        problem = self._problem(given)
        if problem is not None:
            return problem
        order = self._works.create(given)
        if self._works.use_up("create_silently_next"):
            await self._works.fall_silent(request)
        return answer(200, {"id": order["id"]})

    def _problem(self, given: Json) -> Response | None:
        missing = [name for name in REQUIRED if not given.get(name)]
        if missing:
            return refusal(400, f"missing: {', '.join(missing)}")
        absent = [name for name in REQUIRED_OF_ADDRESS if not given["address_to"].get(name)]
        if absent:
            return refusal(400, f"The fields are required: {', '.join(absent)}", ADDRESS_INVALID)
        for item in given["line_items"]:
            made_of = (item.get("blueprint_id"), item.get("print_provider_id"), item.get("variant_id"))
            if made_of not in self._made or not item.get("print_areas") or not item.get("quantity"):
                return refusal(400, "A line item cannot be made.")
        return None

    async def send(self, request: Request, order: Json) -> Response:
        """`POST /v1/shops/{shop}/orders/{id}/send_to_production.json`."""
        if self._works.use_up("busy_next"):
            self._works.keep_pending(order["id"])
            return refusal(400, "The order is still being processed.")
        if order["status"] not in SENDABLE:
            return refusal(400, f"An order that is {order['status']} cannot be sent to production.")
        sent = self._works.send(order["id"])
        if self._works.use_up("send_silently_next"):
            await self._works.fall_silent(request)
        return answer(200, self._order(sent))

    def cancel(self, order: Json) -> Response:
        """`POST /v1/shops/{shop}/orders/{id}/cancel.json`."""
        if order["status"] not in CANCELLABLE:
            return refusal(400, f"An order that is {order['status']} cannot be canceled.")
        return answer(200, self._order(self._works.enter(order["id"], "canceled")))

    def read(self, order: Json) -> Response:
        """`GET /v1/shops/{shop}/orders/{id}.json`."""
        return answer(200, self._order(order))

    def _order(self, order: Json) -> Json:
        request = request_of(order)
        sent_at = None if order["sent_at"] is None else moment(order["sent_at"])
        done_at = moment(order["updated_at"]) if order["status"] == "fulfilled" else None
        items = [
            {
                "product_id": product_of(order["id"]),
                "quantity": item["quantity"],
                "variant_id": item["variant_id"],
                "print_provider_id": item["print_provider_id"],
                "cost": self._made[item["blueprint_id"], item["print_provider_id"], item["variant_id"]].cost,
                "shipping_cost": 400,
                "status": order["status"],
                "metadata": {"title": f"API {order['external_id']}", "sku": "demo", "country": "United States"},
                "sent_to_production_at": sent_at,
                "fulfilled_at": done_at,
            }
            for item in request["line_items"]
        ]
        return {
            "id": order["id"],
            "address_to": request["address_to"],
            "line_items": items,
            "metadata": {
                "order_type": "api",
                "shop_order_id": order["external_id"],
                "shop_order_label": request.get("label", order["external_id"]),
                "shop_fulfilled_at": "1970-01-01 00:00:00+00:00",
            },
            "total_price": 0,
            "total_shipping": 400,
            "total_tax": 0,
            "status": order["status"],
            "shipping_method": request["shipping_method"],
            "is_printify_express": False,
            "is_economy_shipping": False,
            "created_at": moment(order["created_at"]),
            "sent_to_production_at": sent_at,
            "fulfilled_at": done_at,
        }

    def product(self, product_id: str) -> Response:
        """`GET /v1/shops/{shop}/products/{id}.json`: of the shop, or made with an order."""
        own = self._products.get(product_id)
        if own is not None:
            is_there = not self._works.use_up("out_of_stock_next")
            return answer(200, _product(product_id, own, ["front"], is_there=is_there))
        order = self._works.find(product_of(product_id))
        if order is None:
            return refusal(404, "Not found")
        item = request_of(order)["line_items"][0]
        made = self._made[item["blueprint_id"], item["print_provider_id"], item["variant_id"]]
        positions = [] if order["file_lost"] else list(item["print_areas"])
        return answer(200, _product(product_id, made, positions, is_there=True))


def product_of(order_id: str) -> str:
    """The product that was made with an order; and the order of such a product."""
    return order_id[::-1]


def _product(product_id: str, made: Product, positions: list[str], *, is_there: bool) -> Json:
    variant = {"id": made.variant_id, "sku": "demo", "cost": made.cost, "price": made.cost * 2, "is_enabled": True}
    placeholders = [{"position": position, "images": [{"id": "demo", "x": 0.5, "y": 0.5}]} for position in positions]
    return {
        "id": product_id,
        "title": "Demo product",
        "variants": [variant | {"is_default": True, "is_available": is_there}],
        "blueprint_id": made.blueprint_id,
        "print_provider_id": made.print_provider_id,
        "print_areas": [{"variant_ids": [made.variant_id], "placeholders": placeholders}],
    }


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA)
    works = PrintifyWorks(store, config.shop_id, config.webhook_secret, config.webhook_url, config.webhook_retry_ms)
    desk = Desk(works, config)
    app = new_app("Printify simulator", works, store)

    @app.post("/v1/shops/{shop_id}/orders.json")
    async def create(shop_id: int, request: Request) -> Response:
        return desk.at_the_door(request, shop_id) or await desk.create(request)

    @app.get("/v1/shops/{shop_id}/orders/{order_id}.json")
    async def read(shop_id: int, order_id: str, request: Request) -> Response:
        order = works.find(order_id)
        refused = desk.at_the_door(request, shop_id)
        return refused or (refusal(404, "Not found") if order is None else desk.read(order))

    @app.post("/v1/shops/{shop_id}/orders/{order_id}/{action}.json")
    async def act(shop_id: int, order_id: str, action: str, request: Request) -> Response:
        order = works.find(order_id)
        refused = desk.at_the_door(request, shop_id)
        if refused is not None or order is None:
            return refused or refusal(404, "Not found")
        match action:
            case "send_to_production":
                return await desk.send(request, order)
            case "cancel":
                return desk.cancel(order)
            case _:
                return refusal(404, "Not found")

    @app.get("/v1/shops/{shop_id}/products/{product_id}.json")
    async def product(shop_id: int, product_id: str, request: Request) -> Response:
        return desk.at_the_door(request, shop_id) or desk.product(product_id)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("Printify", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
