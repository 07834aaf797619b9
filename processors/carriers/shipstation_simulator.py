"""A simulator of ShipStation, API v2, over real HTTP: validation, rates, labels, voids, tracks, webhooks.

    python -m processors.carriers.shipstation_simulator --port 8476 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`); the private key signs the webhooks, and its public half is served as
`GET /jwks`. Answers are written after the vendor's published OpenAPI description. An address whose street has the word
`invalid` or `unknown street` is in error; `misspelt` is in error with a better one beside it. The control desk, which
needs no key, is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `OfficeFaults` now, and changes to them;
- `GET /control/jobs`: every shipment with how often its label was asked for and paid;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

import base64
from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI, Request, Response

from events.decoding import from_json
from processors.carriers import parcel_office
from processors.carriers import shipstation_shapes as shapes
from processors.carriers.easypost_shapes import millis
from processors.carriers.parcel_office import Label, ParcelOffice, spelled, undeliverable
from processors.simulation import WEBHOOK_SCHEMA, Store, WebhookSender
from processors.simulation_http import (
    BEHAVIOUR_SCHEMA,
    BODY_MAX_BYTES,
    Json,
    answer,
    json_object,
    new_app,
    run_simulator,
)

KEY_ID: Final = "demo-key-1"


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated ShipStation account."""

    store_file: str
    api_key: str
    #: PEM, PKCS 8, without a password.
    private_key: str
    webhook_url: str | None
    carrier_ids: tuple[str, ...] = ("se-1",)


def signature(key: RSAPrivateKey, timestamp: str, body: bytes) -> dict[str, str]:
    """The three headers of a signed webhook."""
    signed = key.sign(timestamp.encode() + b"." + body, PKCS1v15(), SHA256())
    return {
        "x-shipengine-rsa-sha256-key-id": KEY_ID,
        "x-shipengine-rsa-sha256-signature": base64.b64encode(signed).decode(),
        "x-shipengine-timestamp": timestamp,
    }


def key_set(key: RSAPrivateKey) -> Json:
    """The public half as a JSON Web Key Set."""
    numbers = key.public_key().public_numbers()

    def text(number: int) -> str:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return {"keys": [{"kid": KEY_ID, "kty": "RSA", "alg": "RS256", "n": text(numbers.n), "e": text(numbers.e)}]}


def refusal(status: int, source: str, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An answer in ShipStation's error shape."""
    return answer(status, shapes.errors(source, code, message), headers)


class Counter:
    """The HTTP face of the office: one method a request."""

    def __init__(self, office: ParcelOffice, config: SimulatorConfig) -> None:
        """`config` has the key and the carriers of the account."""
        self._office = office
        self._config = config

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("api-key", "").encode(), self._config.api_key.encode()):
            return refusal(401, "shipstation", "unauthorized", "The API key is invalid.")
        if self._office.is_down():
            return refusal(503, "shipstation", "unspecified", "The service is unavailable.")
        if self._office.use_up("server_error_next"):
            return refusal(500, "shipstation", "unspecified", "An error occurred.")
        if self._office.use_up("rate_limited_next"):
            wait = {"retry-after": str(self._office.behaviour.retry_after_s)}
            return refusal(429, "shipstation", "rate_limit_exceeded", "Too many requests.", wait)
        return None

    async def validate(self, request: Request) -> Response:
        """`POST /v2/addresses/validate`."""
        body = await request.body()
        try:
            given = from_json(body if len(body) <= BODY_MAX_BYTES else b"", list[dict[str, Any]])
        except msgspec.DecodeError:
            return refusal(400, "shipstation", "invalid_value", "The body must be a list of addresses.")
        return answer(200, [self._verdict(one) for one in given])

    def _verdict(self, given: Json) -> Json:
        place = shapes.place(given)
        if undeliverable(place.street1):
            return shapes.validation(
                "error", given, None, "Address not found", "street_does_not_match_unique_street_name"
            )
        if "misspelt" in place.street1.casefold():
            street = place.street1.casefold().replace("misspelt", "harbor")
            better = spelled(msgspec.structs.replace(place, street1=street))
            return shapes.validation(
                "error", given, better, "The street is spelt otherwise", "street_name_spelling_changed_or_added"
            )
        return shapes.validation("verified", given, spelled(place), None, None)

    async def rate(self, request: Request) -> Response:
        """`POST /v2/rates`."""
        given = await json_object(request)
        shipment, options = given.get("shipment"), given.get("rate_options")
        if not isinstance(shipment, dict) or not isinstance(options, dict) or not shipment.get("packages"):
            return refusal(400, "shipstation", "field_value_required", "shipment and rate_options are required.")
        if not set(options.get("carrier_ids") or ()) <= set(self._config.carrier_ids):
            return refusal(400, "shipstation", "carrier_not_connected", "A carrier is not connected.")
        shipment_id = f"se-{parcel_office.digest('shipment', self._office.count('parcels'))[:12]}"
        sender, recipient = shapes.place(shipment["ship_from"]), shapes.place(shipment["ship_to"])
        package = shipment["packages"][0]
        abroad = sender.country != recipient.country
        offers = self._office.rated(shipment_id, float(package["weight"]["value"]), abroad=abroad)
        body = shapes.rated(shipment_id, shipment, offers, self._config.carrier_ids[0])
        self._office.keep(shipment_id, (package.get("label_messages") or {}).get("reference1") or "", body)
        if self._office.use_up("create_silently_next"):
            await self._office.fall_silent(request)
        return answer(200, body)

    async def buy(self, request: Request, rate_id: str) -> Response:
        """`POST /v2/labels/rates/{rate_id}`."""
        given = await json_object(request)
        offer = self._office.offer(rate_id)
        held = None if offer is None else self._office.parcel(offer.parcel_id)
        if offer is None or held is None:
            return refusal(404, "shipstation", "not_found", "The rate does not exist.")
        reference = held["packages"][0]["label_messages"]["reference1"] or ""
        self._office.ask_to_pay(reference)
        if self._office.use_up("no_funds_next"):
            return refusal(400, "shipstation", "insufficient_funds", "The account has insufficient funds.")
        if self._office.use_up("purchase_failure_next"):
            return refusal(400, "carrier", "unspecified", "The carrier did not accept the shipment.")
        kind = "pdf" if given.get("label_format") == "pdf" else "png"
        ends = (shapes.place(held["ship_from"]), shapes.place(held["ship_to"]))
        label = self._office.buy(offer, reference, kind, *ends)
        if self._office.use_up("buy_silently_next"):
            await self._office.fall_silent(request)
        return answer(200, self._shown(label, request))

    def _shown(self, label: Label, request: Request) -> Json:
        return shapes.label(label, str(request.base_url), self._config.carrier_ids[0])

    def listed(self, request: Request, rate_id: str) -> Response:
        """`GET /v2/labels?rate_id=…`."""
        labels = [self._shown(label, request) for label in self._office.labels_of_rate(rate_id)]
        return answer(200, {"labels": labels, "total": len(labels), "page": 1, "pages": 1, "links": {}})

    def on_label(self, request: Request, label_id: str, action: str) -> Response:
        """`GET /v2/labels/{id}`, `GET …/track`."""
        label = self._office.label(label_id)
        if label is None:
            return refusal(404, "shipstation", "not_found", "The label does not exist.")
        if action == "track":
            return answer(200, shapes.track(label))
        return answer(200, self._shown(label, request))

    async def void(self, request: Request, label_id: str) -> Response:
        """`PUT /v2/labels/{id}/void`."""
        label = self._office.label(label_id)
        if label is None:
            return refusal(404, "shipstation", "not_found", "The label does not exist.")
        approved = self._office.refund(label, is_final=True).refund != "rejected"
        if self._office.use_up("refund_silently_next"):
            await self._office.fall_silent(request)
        message = "Request for refund submitted." if approved else "The label was used."
        reason = None if approved else "unspecified"
        return answer(200, {"approved": approved, "message": message, "reason_code": reason})


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA + parcel_office.SCHEMA)
    key = load_pem_private_key(config.private_key.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("ShipStation signs with RSA: give an RSA key")

    def address_of(_: str) -> str | None:
        return config.webhook_url if office.behaviour.delivery.enabled else None

    def signed(_channel: str, _event_id: str, body: bytes, at_ms: int) -> dict[str, str]:
        return signature(key, millis(at_ms), body)

    def event(label: Label) -> tuple[str, bytes]:
        event_id = parcel_office.digest("event", label.id, len(label.scans))
        return event_id, msgspec.json.encode(shapes.event(label))

    office = ParcelOffice(store, WebhookSender(store, address_of, signed, seed=20_263), event)
    app = new_app("ShipStation simulator", office, store)
    _add_routes(app, Counter(office, config), office)

    @app.get("/jwks")
    async def jwks() -> Response:
        return answer(200, key_set(key))

    return app


def _add_routes(app: FastAPI, counter: Counter, office: ParcelOffice) -> None:
    @app.post("/v2/addresses/validate")
    async def validate(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.validate(request)

    @app.post("/v2/rates")
    async def rate(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.rate(request)

    @app.post("/v2/labels/rates/{rate_id}")
    async def buy(rate_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or await counter.buy(request, rate_id)

    @app.get("/v2/labels")
    async def labels(request: Request, rate_id: str = "") -> Response:
        return counter.at_the_door(request) or counter.listed(request, rate_id)

    @app.get("/v2/labels/{label_id}")
    async def label(label_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.on_label(request, label_id, "read")

    @app.get("/v2/labels/{label_id}/track")
    async def track(label_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.on_label(request, label_id, "track")

    @app.put("/v2/labels/{label_id}/void")
    async def void(label_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or await counter.void(request, label_id)

    @app.get("/v2/downloads/{name}")
    async def file(name: str) -> Response:
        found = office.file(name)
        return Response(status_code=404) if found is None else Response(found[0], media_type=found[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("ShipStation", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
