"""A simulator of EasyPost, API v2, over real HTTP: addresses, shipments, labels, refunds, tracker webhooks.

    python -m processors.carriers.easypost_simulator --port 8472 --data DIR \
        --webhook-url http://127.0.0.1:8000/webhooks/carriers/easypost

The API key and the webhook secret come from the environment (`EASYPOST_API_KEY`, `EASYPOST_WEBHOOK_SECRET`)
or from a `--config` file in JSON (`SimulatorConfig`). An address whose street has the word `invalid` or
`unknown street` cannot be verified, like the two in EasyPost's own test data; `misspelt` is refused with a better one.
Beside the API there is a control desk without a key, for tests and demonstrations, which is why the process listens on
loopback only:

- `GET /control/office` and `PATCH /control/office`: the `OfficeBehaviour` now, and changes to it;
- `GET /control/labels`: every shipment with how often its label was asked for and paid;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

import argparse
import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response

from events.decoding import convert, from_json
from processors.carriers import easypost_office as office_module
from processors.carriers import easypost_shapes as shapes
from processors.carriers.easypost_office import Office, OfficeBehaviour, draw_label
from processors.simulation import WEBHOOK_SCHEMA, Store

BODY_MAX_BYTES = 256 * 1024
UNDELIVERABLE = ("invalid", "unknown street")


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulator process."""

    store_file: str
    api_key: str
    webhook_secret: str
    webhook_url: str | None


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, "application/json; charset=utf-8")


def refusal(status: int, code: str, message: str, errors: list[shapes.Json] | None = None) -> Response:
    """An answer in EasyPost's error shape."""
    return answer(status, shapes.error(code, message, errors))


class Counter:
    """The HTTP face of the office: one method a request."""

    def __init__(self, office: Office, api_key: str) -> None:
        """`api_key` is the basic-authentication user; the password is empty."""
        self._office = office
        self._authorization = "Basic " + base64.b64encode(f"{api_key}:".encode()).decode()

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._authorization.encode()):
            return refusal(401, "APIKEY.INACTIVE", "This api key is no longer active.")
        behaviour = self._office.behaviour()
        if behaviour.down:
            return refusal(503, "SERVICE.UNAVAILABLE", "The service is unavailable.")
        if self._office.use_up("server_error_next"):
            return refusal(500, "INTERNAL_SERVER_ERROR", "Something broke.")
        if self._office.use_up("rate_limited_next"):
            body = shapes.error("RATE_LIMITED", "Too many requests.")
            return answer(429, body, {"retry-after": str(behaviour.retry_after_s)})
        return None

    async def _fall_silent(self, request: Request) -> None:
        """It is done, but the line is dead: say nothing until the customer hangs up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._office.behaviour().silence_ms / 1000):
                while (await request.receive())["type"] != "http.disconnect":
                    pass

    def verify(self, address_id: str) -> Response:
        """`GET /v2/addresses/{id}/verify`."""
        held = self._office.address(address_id)
        if held is None:
            return refusal(404, "NOT_FOUND", "The requested resource could not be found.")
        street = (held["street1"] or "").casefold()
        if not street or any(word in street for word in UNDELIVERABLE):
            missing = {"field": "street1", "message": "House number is missing", "suggestion": None}
            return refusal(
                422,
                "ADDRESS.VERIFY.FAILURE",
                "Unable to verify address.",
                [
                    {
                        "code": "E.ADDRESS.NOT_FOUND",
                        "field": "address",
                        "message": "Address not found",
                        "suggestion": None,
                    },
                    {"code": "E.HOUSE_NUMBER.MISSING", **missing},
                ],
            )
        if "misspelt" in street:
            better = street.replace("misspelt", "harbor")
            misspelt = {"code": "E.STREET.MISSPELT", "field": "street1", "message": "Misspelt", "suggestion": better}
            return refusal(422, "ADDRESS.VERIFY.FAILURE", "Unable to verify address.", [misspelt])
        return answer(200, {"address": shapes.verified(held)})

    async def create_shipment(self, request: Request, given: shapes.Json) -> Response:
        """`POST /v2/shipments`."""
        lacking = [name for name in ("from_address", "to_address", "parcel") if not given.get(name)]
        if lacking:
            errors = [{"field": name, "message": "is required"} for name in lacking]
            return refusal(422, "PARAMETER.REQUIRED", "Missing required parameter.", errors)
        body = self._office.create_shipment(given)
        if self._office.use_up("create_silently_next"):
            await self._fall_silent(request)
        return answer(201, body, {"location": f"/api/v2/shipments/{body['id']}"})

    async def buy(self, request: Request, shipment_id: str, given: shapes.Json) -> Response:
        """`POST /v2/shipments/{id}/buy`."""
        held = self._office.shipment(shipment_id)
        if held is None:
            return refusal(404, "NOT_FOUND", "The requested resource could not be found.")
        self._office.count_purchase_request(held["id"])
        if held["postage_label"] is not None:
            return refusal(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        rate = next((rate for rate in held["rates"] if rate["id"] == (given.get("rate") or {}).get("id")), None)
        if rate is None or self._office.use_up("rate_gone_next"):
            return refusal(422, "RATE.NOT_FOUND", "The rate is not one of this shipment's rates.")
        if self._office.use_up("no_funds_next"):
            return refusal(402, "PAYMENT_REQUIRED", "Insufficient funds.")
        if self._office.use_up("purchase_failure_next"):
            return refusal(422, "SHIPMENT.PURCHASE.FAILURE", "The carrier did not accept the shipment.")
        body = self._office.buy(held["id"], rate, str(request.base_url))
        if self._office.use_up("buy_silently_next"):
            await self._fall_silent(request)
        return answer(200, body)

    def on_shipment(self, shipment_id: str, action: str) -> Response:
        """`GET /v2/shipments/{id}`, `POST …/rerate`."""
        held = self._office.shipment(shipment_id)
        if held is None:
            return refusal(404, "NOT_FOUND", "The requested resource could not be found.")
        if action == "rerate":
            return answer(200, self._office.rerate(held["id"]))
        return answer(200, held)

    async def refund(self, request: Request, shipment_id: str) -> Response:
        """`POST /v2/shipments/{id}/refund`."""
        held = self._office.shipment(shipment_id)
        if held is None:
            return refusal(404, "NOT_FOUND", "The requested resource could not be found.")
        if held["postage_label"] is None:
            return refusal(422, "SHIPMENT.REFUND.UNAVAILABLE", "Only bought postage can be refunded.")
        body = self._office.refund(held["id"])
        if self._office.use_up("refund_silently_next"):
            await self._fall_silent(request)
        return answer(200, body)

    def label(self, name: str) -> Response:
        """The label's file, under an address that nobody can guess and that needs no key."""
        shipment_id, _, kind = name.partition(".")
        held = self._office.shipment(shipment_id)
        if held is None or held["postage_label"] is None or self._office.use_up("label_missing_next"):
            return Response(status_code=404)
        media_type = "application/pdf" if kind == "pdf" else "image/png"
        return Response(draw_label(held, kind), media_type=media_type)


async def json_object(request: Request, name: str) -> shapes.Json | None:
    """The named object of a JSON body (the whole body when the name is empty); None when there is none."""
    body = await request.body()
    if len(body) > BODY_MAX_BYTES:
        return None
    try:
        whole = from_json(body, dict[str, Any])
    except msgspec.DecodeError:
        return None
    found = whole.get(name) if name else whole
    return found if isinstance(found, dict) else None


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), office_module.SCHEMA + WEBHOOK_SCHEMA)
    office = Office(store, config.webhook_secret, config.webhook_url)
    counter = Counter(office, config.api_key)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with office.clockwork.running():
            yield
        await office.aclose()
        store.close()

    app = FastAPI(title="EasyPost simulator", lifespan=lifespan)
    _add_control_routes(app, office)

    def malformed(name: str) -> Response:
        return refusal(422, "PARAMETER.INVALID", f"The body must be JSON with an object {name}.")

    @app.post("/v2/addresses")
    async def create_address(request: Request) -> Response:
        given = await json_object(request, "address")
        refused = counter.at_the_door(request)
        return refused or (malformed("address") if given is None else answer(201, office.create_address(given)))

    @app.get("/v2/addresses/{address_id}/verify")
    async def verify_address(address_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.verify(address_id)

    @app.post("/v2/shipments")
    async def create_shipment(request: Request) -> Response:
        given = await json_object(request, "shipment")
        refused = counter.at_the_door(request)
        return refused or (malformed("shipment") if given is None else await counter.create_shipment(request, given))

    @app.get("/v2/shipments/{shipment_id}")
    async def read_shipment(shipment_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.on_shipment(shipment_id, "read")

    @app.post("/v2/shipments/{shipment_id}/buy")
    async def buy(shipment_id: str, request: Request) -> Response:
        given = await json_object(request, "")
        refused = counter.at_the_door(request)
        return refused or (malformed("rate") if given is None else await counter.buy(request, shipment_id, given))

    @app.post("/v2/shipments/{shipment_id}/rerate")
    async def rerate(shipment_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.on_shipment(shipment_id, "rerate")

    @app.post("/v2/shipments/{shipment_id}/refund")
    async def refund(shipment_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or await counter.refund(request, shipment_id)

    @app.get("/files/postage_label/{name}")
    async def label(name: str) -> Response:
        return counter.label(name)

    return app


def _add_control_routes(app: FastAPI, office: Office) -> None:
    @app.get("/control/health")
    async def health() -> Response:
        return answer(200, {"ok": True})

    @app.get("/control/office")
    async def behaviour() -> Response:
        return answer(200, office.behaviour())

    @app.patch("/control/office")
    async def change_behaviour(request: Request) -> Response:
        changes = await json_object(request, "")
        if changes is None or set(changes) - set(OfficeBehaviour.__struct_fields__):
            return refusal(422, "PARAMETER.INVALID", f"known fields: {OfficeBehaviour.__struct_fields__}")
        try:
            office.behave(convert(msgspec.to_builtins(office.behaviour()) | changes, OfficeBehaviour))
        except msgspec.ValidationError as error:
            return refusal(422, "PARAMETER.INVALID", str(error))
        office.clockwork.poke()
        return answer(200, office.behaviour())

    @app.get("/control/labels")
    async def labels() -> Response:
        return answer(200, office.listing())

    @app.get("/control/webhooks")
    async def webhooks() -> Response:
        return answer(200, office.webhooks.listing())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    parser = argparse.ArgumentParser(description="Simulates EasyPost over HTTP.")
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--data", type=Path, required=True, help="folder for the shipments' file")
    parser.add_argument("--webhook-url", help="where tracker webhooks go")
    parser.add_argument("--config", type=Path, help="JSON file with the whole configuration instead")
    options = parser.parse_args(arguments)
    if options.config is not None:
        config = from_json(options.config.read_bytes(), SimulatorConfig)
    else:
        missing = [name for name in ("EASYPOST_API_KEY", "EASYPOST_WEBHOOK_SECRET") if not os.environ.get(name)]
        if missing:
            parser.error(f"set {' and '.join(missing)} in the environment, or give --config")
        config = SimulatorConfig(
            store_file=str(options.data / "easypost.sqlite"),
            api_key=os.environ["EASYPOST_API_KEY"],
            webhook_secret=os.environ["EASYPOST_WEBHOOK_SECRET"],
            webhook_url=options.webhook_url,
        )
    uvicorn.run(create_app(config), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
