"""A simulator of Printful, API v2 (beta), over real HTTP: drafts, confirmation, items, cancelling, prices, webhooks.

    python -m processors.partners.printful_simulator --port 8473 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). Beside the API there is a control desk without a key, for tests and
demonstrations, which is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `FactoryBehaviour` now, and changes to it;
- `PATCH` and `DELETE /control/catalogue/{variant}`: a blank's stock and price, and its end, of which webhooks tell;
- `GET /control/jobs`: every order with how often it was created, confirmed and printed;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from events.decoding import from_json
from processors.partners import catalogue_shelf
from processors.partners import printful_factory as factory_module
from processors.partners.catalogue_shelf import CatalogueShelf
from processors.partners.printful_factory import CANCELLABLE, DELETABLE, Blank, Factory, availability, seconds
from processors.simulation import WEBHOOK_SCHEMA, Store
from processors.simulation_http import BEHAVIOUR_SCHEMA, Json, answer, json_object, new_app, run_simulator

EXTERNAL_ID_MAX = 32
ROOT = "https://api.printful.com/v2"


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated Printful store."""

    store_file: str
    token: str
    webhook_secret_hex: str
    webhook_url: str | None
    blanks: tuple[Blank, ...]


def refusal(status: int, reason: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer in Printful's error shape."""
    return answer(status, {"code": status, "result": message, "error": {"reason": reason, "message": message}}, headers)


def links(**paths: str) -> Json:
    """HATEOAS links."""
    return {name: {"href": f"{ROOT}{path}"} for name, path in paths.items()}


class Desk:
    """The HTTP face of the factory: one method a request."""

    def __init__(self, factory: Factory, token: str, shelf: CatalogueShelf[Blank]) -> None:
        """`factory` holds the orders, `shelf` the blanks by their variant's number."""
        self._factory = factory
        self._authorization = f"Bearer {token}"
        self._shelf = shelf

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._authorization.encode()):
            return refusal(401, "Unauthorized", "The access token is not valid.")
        if self._factory.is_down():
            return refusal(503, "ServiceUnavailable", "The service is unavailable.")
        if self._factory.use_up("server_error_next"):
            return refusal(500, "InternalServerError", "An error occurred.")
        if self._factory.use_up("rate_limited_next"):
            wait = str(self._factory.behaviour.retry_after_s)
            headers = {"retry-after": wait, "x-ratelimit-remaining": "0", "x-ratelimit-reset": wait}
            return refusal(429, "TooManyRequests", "The rate limit is used up.", headers)
        return None

    async def create(self, request: Request) -> Response:
        """`POST /v2/orders`."""
        given = await json_object(request)
        problem = self._problem(given)
        if problem is not None:
            return refusal(400, "BadRequest", problem)
        held = self._factory.find(f"@{given['external_id']}")
        if held is not None:
            self._factory.count_creation(held["id"])
            return refusal(400, "BadRequest", "Order with this External ID already exists.")
        order = self._factory.create(given)
        if self._factory.use_up("create_silently_next"):
            await self._factory.fall_silent(request)
        return answer(200, {"data": self._order(order)})

    def _problem(self, given: Json) -> str | None:
        external_id, items = given.get("external_id"), given.get("order_items")
        if not given.get("recipient") or not items:
            return "Missing required parameters"
        if not isinstance(external_id, str) or not 0 < len(external_id) <= EXTERNAL_ID_MAX:
            return f"external_id must have 1 to {EXTERNAL_ID_MAX} characters"
        for item in items:
            blank = self._shelf.find(str(item.get("catalog_variant_id")))
            if blank is None:
                return f"Variant {item.get('catalog_variant_id')} does not exist"
            known = self._factory.find(f"@{external_id}") is not None
            if not known and (not blank.in_stock or self._factory.use_up("out_of_stock_next")):
                return f"Variant {blank.catalog_variant_id} is out of stock"
        return None

    async def confirm(self, request: Request, order: Json) -> Response:
        """`POST /v2/orders/{id}/confirmation`."""
        if self._factory.use_up("busy_next"):
            return refusal(409, "Conflict", "Attempting to update a resource that is already being updated.")
        if order["status"] != "draft":
            return refusal(400, "BadRequest", "Only draft orders can be confirmed.")
        confirmed = self._factory.confirm(order)
        if self._factory.use_up("confirm_silently_next"):
            await self._factory.fall_silent(request)
        path = f"/orders/{order['id']}"
        found = links(
            self=f"{path}/confirmation", order=path, order_items=f"{path}/order-items", shipments=f"{path}/shipments"
        )
        return answer(200, {"data": self._order(confirmed), "_links": found})

    def delete(self, order: Json) -> Response:
        """`DELETE /v2/orders/{id}`: away with it."""
        if order["status"] not in DELETABLE:
            return refusal(409, "Conflict", f"An order that is {order['status']} cannot be deleted.")
        self._factory.delete(order)
        return Response(status_code=204)

    def cancel(self, order: Json) -> Response:
        """Version 1's `DELETE /orders/{id}`: cancel it."""
        if order["status"] not in CANCELLABLE:
            return refusal(400, "BadRequest", f"An order that is {order['status']} cannot be cancelled.")
        cancelled = self._factory.enter(order["id"], "canceled", "order_canceled", "cancelled through the API")
        result = {name: cancelled[name] for name in ("id", "external_id", "status")}
        return answer(200, {"code": 200, "result": result})

    def items(self, order: Json) -> Response:
        """`GET /v2/orders/{id}/order-items`."""
        path = f"/orders/{order['id']}/order-items"
        entries = [
            {
                "id": order["id"] * 100 + place,
                "external_id": None,
                "source": "catalog",
                "catalog_variant_id": item["catalog_variant_id"],
                "quantity": item["quantity"],
                "retail_price": "0.00",
                "name": f"Variant {item['catalog_variant_id']}",
                "placements": []
                if order["file_lost"]
                else [{**p, "status": "ok", "status_explanation": ""} for p in item["placements"]],
                "product_options": [],
                "_links": links(self=f"{path}/{order['id'] * 100 + place}"),
            }
            for place, item in enumerate(from_json(order["request"])["order_items"])
        ]
        return answer(200, {"data": entries, "_links": links(self=path, order=f"/orders/{order['id']}")})

    def read(self, order: Json) -> Response:
        """`GET /v2/orders/{id}`."""
        return answer(200, {"data": self._order(order)})

    def _order(self, order: Json) -> Json:
        request = from_json(order["request"])
        recipient = dict.fromkeys(
            (
                *("name", "company", "address1", "address2", "city", "state_code", "state_name"),
                *("country_code", "country_name", "zip", "phone", "email", "tax_number"),
            ),
            "",
        )
        prices = [float(self._price(i)) * i["quantity"] for i in request["order_items"]]
        done = order["status"] != "draft"
        total = f"{sum(prices):.2f}" if done else None
        calculated = {"calculation_status": "done" if done else "calculating", "subtotal": total, "total": total}
        fees = ("discount", "shipping", "digitization", "additional_fee", "fulfillment_fee")
        taxes = ("retail_delivery_fee", "vat", "tax")
        path = f"/orders/{order['id']}"
        return {
            "id": order["id"],
            "external_id": order["external_id"],
            "store_id": factory_module.STORE_ID,
            "shipping": request.get("shipping", "STANDARD"),
            "status": order["status"],
            "created_at": seconds(order["created_at"]),
            "updated_at": seconds(order["updated_at"]),
            "recipient": recipient | request["recipient"],
            "costs": calculated
            | {"currency": "USD" if done else None}
            | dict.fromkeys(fees + taxes, "0.00" if done else None),
            "retail_costs": calculated
            | {"currency": "USD", "discount": "0.00", "shipping": "0.00"}
            | {"vat": "0.00", "tax": "0.00"},
            "order_items": [
                {
                    "id": order["id"] * 100 + place,
                    "type": "order_item",
                    "source": "catalog",
                    "catalog_variant_id": item["catalog_variant_id"],
                    "external_id": None,
                    "quantity": item["quantity"],
                    "name": f"Variant {item['catalog_variant_id']}",
                    "price": self._price(item),
                    "retail_price": "0.00",
                    "currency": "USD",
                    "retail_currency": "USD",
                    "_links": links(self=f"{path}/order-items/{order['id'] * 100 + place}"),
                }
                for place, item in enumerate(request["order_items"])
            ],
            "_links": links(
                self=path,
                order_confirmation=f"{path}/confirmation",
                order_invoices=f"{path}/invoices",
                order_items=f"{path}/order-items",
                shipments=f"{path}/shipments",
            ),
        }

    def _price(self, item: Json) -> str:
        blank = self._shelf.known(str(item["catalog_variant_id"]))
        if blank is None:
            raise KeyError(item["catalog_variant_id"])
        return blank.price

    def catalogue(self, variant_id: int, what: str) -> Response:
        """`GET /v2/catalog-variants/{id}/availability` and `…/prices`."""
        blank = self._shelf.find(str(variant_id))
        if blank is None:
            return refusal(404, "NotFound", "Not found")
        path = f"/catalog-variants/{variant_id}"
        if what == "availability":
            region = {"name": "worldwide", "availability": availability(blank), "placement_option_availability": []}
            technique = {"technique": blank.technique, "selling_regions": [region]}
            data = {"catalog_variant_id": variant_id, "techniques": [technique], "_links": links(variant=path)}
            found = links(self=f"{path}/availability", variant=path)
            return answer(200, {"data": data, "filter_settings": [], "_links": found})
        # The retail prices are required by the vendor's text without being described there.
        prices = ("price", "discounted_price", "retail_price", "retail_discounted_price")
        price: Json = {
            "technique_key": blank.technique,
            "technique_display_name": blank.technique,
            **dict.fromkeys(prices, blank.price),
        }
        product = f"/catalog-products/{blank.product_id}"
        return answer(
            200,
            {
                "data": {
                    "currency": "USD",
                    "product": {"id": blank.product_id, "placements": []},
                    "variant": {"id": variant_id, "techniques": [price]},
                },
                "_links": links(self=f"{path}/prices", product_prices=f"{product}/prices", product_details=product),
            },
        )


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    schema = factory_module.SCHEMA + catalogue_shelf.SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA
    store = Store(Path(config.store_file), schema)
    factory = Factory(store, config.webhook_secret_hex, config.webhook_url)
    blanks = {str(blank.catalog_variant_id): blank for blank in config.blanks}
    shelf = CatalogueShelf(store, blanks, factory.tell_catalogue)
    desk = Desk(factory, config.token, shelf)
    app = new_app("Printful simulator", factory, store)
    catalogue_shelf.attach(app, shelf)

    @app.post("/v2/orders")
    async def create(request: Request) -> Response:
        return desk.at_the_door(request) or await desk.create(request)

    @app.api_route("/{version}/orders/{reference}", methods=["GET", "DELETE"])
    @app.api_route("/orders/{reference}", methods=["DELETE"])
    async def one(reference: str, request: Request, version: str = "v1") -> Response:
        order = factory.find(reference)
        refused = desk.at_the_door(request)
        if refused is not None or order is None:
            return refused or refusal(404, "NotFound", "Not found")
        if request.method == "GET":
            return desk.read(order)
        return desk.delete(order) if version == "v2" else desk.cancel(order)

    @app.get("/v2/orders/{reference}/order-items")
    async def items(reference: str, request: Request) -> Response:
        order = factory.find(reference)
        refused = desk.at_the_door(request)
        return refused or (refusal(404, "NotFound", "Not found") if order is None else desk.items(order))

    @app.post("/v2/orders/{reference}/confirmation")
    async def confirm(reference: str, request: Request) -> Response:
        order = factory.find(reference)
        refused = desk.at_the_door(request)
        return refused or (
            refusal(404, "NotFound", "Not found") if order is None else await desk.confirm(request, order)
        )

    @app.get("/v2/catalog-variants/{variant_id}/{what}")
    async def catalogue(variant_id: int, what: str, request: Request) -> Response:
        return desk.at_the_door(request) or desk.catalogue(variant_id, what)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("Printful", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
