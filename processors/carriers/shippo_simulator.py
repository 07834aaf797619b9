"""A simulator of Shippo over real HTTP: addresses, shipments, rates, transactions, refunds, tracks, webhooks.

    python -m processors.carriers.shippo_simulator --port 8475 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). Its answers have the fields that the vendor's own recordings have, plus
`estimated_days` and `substatus`, which the current reference describes. An address whose street has the word
`invalid` or `unknown street` is not valid; `misspelt` is corrected in the answer that refuses it. Beside the API
there is a control desk without a key, for tests and demonstrations, which is why the process listens on loopback
only:

- `GET /control/factory` and `PATCH /control/factory`: the `OfficeFaults` now, and changes to them;
- `GET /control/jobs`: every shipment with how often its label was asked for and paid;
- `GET /control/webhooks`: every webhook with its attempts; `GET /control/health`.
"""

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
from fastapi import FastAPI, Request, Response

from processors.carriers import parcel_office, shippo_shapes
from processors.carriers.parcel_office import Label, ParcelOffice, Place, spelled, undeliverable
from processors.carriers.shippo import sign
from processors.clock import now_ms
from processors.simulation import WEBHOOK_SCHEMA, Store, WebhookSender
from processors.simulation_http import BEHAVIOUR_SCHEMA, Json, answer, json_object, new_app, run_simulator


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated Shippo account."""

    store_file: str
    token: str
    webhook_secret: str
    webhook_url: str | None


class Counter:
    """The HTTP face of the office: one method a request."""

    def __init__(self, office: ParcelOffice, token: str) -> None:
        """`token` comes as `Authorization: ShippoToken …`."""
        self._office = office
        self._authorization = f"ShippoToken {token}".encode()

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        if not compare_digest(request.headers.get("authorization", "").encode(), self._authorization):
            return answer(401, {"detail": "Invalid token"})
        if self._office.is_down():
            return answer(503, {"detail": "Service unavailable"})
        if self._office.use_up("server_error_next"):
            return answer(500, {"detail": "An error occurred"})
        if self._office.use_up("rate_limited_next"):
            wait = str(self._office.behaviour.retry_after_s)
            return answer(429, {"detail": "Request was throttled."}, {"retry-after": wait})
        return None

    def create_address(self, given: Json) -> Response:
        """`POST /addresses/`."""
        lacking = [name for name in ("country",) if not given.get(name)]
        if lacking:
            return answer(400, {name: ["This field is required."] for name in lacking})
        body = shippo_shapes.address(given, self._office.count("parcels"), now_ms())
        self._office.keep(body["object_id"], "", body)
        return answer(201, body)

    def validate(self, address_id: str) -> Response:
        """`GET /addresses/{id}/validate`."""
        held = self._office.parcel(address_id)
        if held is None:
            return answer(404, {"detail": "Not found."})
        street = f"{held['street_no']} {held['street1']}".strip()
        if undeliverable(street):
            body = shippo_shapes.validated(held, None, "Address Not Found", now_ms())
        elif "misspelt" in street.casefold():
            better = spelled(
                msgspec.structs.replace(_place(held), street1=street.casefold().replace("misspelt", "harbor"))
            )
            body = shippo_shapes.validated(held, better, "Street was corrected: please confirm", now_ms())
        else:
            body = shippo_shapes.validated(held, spelled(_place(held)), None, now_ms())
        return answer(200, body)

    async def create_shipment(self, request: Request, given: Json) -> Response:
        """`POST /shipments/`."""
        ends = [self._end(given.get(name)) for name in ("address_from", "address_to")]
        parcels = [p for p in given.get("parcels") or () if isinstance(p, dict)]
        if None in ends or not parcels:
            return answer(400, {"__all__": ["address_from, address_to and parcels are required."]})
        sender, recipient = (end for end in ends if end is not None)
        at, shipment_id = now_ms(), parcel_office.digest("shipment", self._office.count("parcels"))
        abroad = sender["country"] != recipient["country"]
        offers = self._office.rated(shipment_id, shippo_shapes.grams(parcels[0]), abroad=abroad)
        body = shippo_shapes.shipment(shipment_id, given, (sender, recipient), parcels, offers, at)
        self._office.keep(shipment_id, given.get("metadata") or "", body)
        if self._office.use_up("create_silently_next"):
            await self._office.fall_silent(request)
        return answer(201, body)

    def _end(self, given: object) -> Json | None:
        if isinstance(given, str):
            return self._office.parcel(given)
        return shippo_shapes.address(given, 0, now_ms()) if isinstance(given, dict) else None

    async def buy(self, request: Request, given: Json) -> Response:
        """`POST /transactions/`."""
        reference = str(given.get("metadata") or "")
        self._office.ask_to_pay(reference)
        offer = self._office.offer(str(given.get("rate")))
        if offer is None:
            return answer(400, {"rate": [f"Rate with supplied object_id {given.get('rate')} not found."]})
        for counter, text in (
            ("no_funds_next", "Insufficient funds on your account."),
            ("purchase_failure_next", "The carrier did not accept the shipment."),
        ):
            if self._office.use_up(counter):
                return answer(201, shippo_shapes.failed(offer, reference, text, now_ms()))
        held = self._office.parcel(offer.parcel_id) or {}
        kind = "pdf" if str(given.get("label_file_type", "")).startswith("PDF") else "png"
        label = self._office.buy(offer, reference, kind, _place(held["address_from"]), _place(held["address_to"]))
        if self._office.use_up("buy_silently_next"):
            await self._office.fall_silent(request)
        return answer(201, shippo_shapes.transaction(label, str(request.base_url)))

    def found(self, label_id: str, base_url: str) -> Response:
        """`GET /transactions/{id}`."""
        label = self._office.label(label_id)
        if label is None:
            return answer(404, {"detail": "Not found."})
        return answer(200, shippo_shapes.transaction(label, base_url))

    def listed(self, rate_id: str, base_url: str) -> Response:
        """`GET /transactions/?rate=…`."""
        labels = self._office.labels_of_rate(rate_id)
        return answer(200, shippo_shapes.page([shippo_shapes.transaction(label, base_url) for label in labels]))

    def rate(self, rate_id: str) -> Response:
        """`GET /rates/{id}`."""
        offer = self._office.offer(rate_id)
        if offer is None:
            return answer(404, {"detail": "Not found."})
        return answer(200, shippo_shapes.rate(offer, now_ms()))

    async def refund(self, request: Request, given: Json) -> Response:
        """`POST /refunds/`."""
        label = self._office.label(str(given.get("transaction")))
        if label is None:
            return answer(400, {"transaction": ["Transaction not found."]})
        label = self._office.refund(label, is_final=False)
        if self._office.use_up("refund_silently_next"):
            await self._office.fall_silent(request)
        return answer(201, shippo_shapes.refund(label, now_ms()))

    def track(self, carrier: str, number: str) -> Response:
        """`GET /tracks/{carrier}/{number}`."""
        label = self._office.by_number(number)
        if label is None or carrier != "usps":
            return answer(404, {"detail": "Not found."})
        return answer(200, shippo_shapes.track(label))


def _place(held: Json) -> Place:
    street = f"{held.get('street_no') or ''} {held.get('street1') or ''}".strip()
    names = ("name", "street2", "city", "state", "zip", "country")
    return Place(street1=street, **{name: held.get(name) or "" for name in names})


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA + parcel_office.SCHEMA)

    def address_of(_: str) -> str | None:
        return config.webhook_url if office.behaviour.delivery.enabled else None

    def signed(_channel: str, _event_id: str, body: bytes, at_ms: int) -> dict[str, str]:
        seconds = str(at_ms // 1000)
        return {"Shippo-Auth-Signature": f"t={seconds},v1={sign(config.webhook_secret.encode(), seconds, body)}"}

    def event(label: Label) -> tuple[str, bytes]:
        track = shippo_shapes.track(label)
        body = {"event": "track_updated", "test": True, "data": track}
        return track["tracking_status"]["object_id"], msgspec.json.encode(body)

    office = ParcelOffice(store, WebhookSender(store, address_of, signed, seed=20_262), event)
    app = new_app("Shippo simulator", office, store)
    _add_routes(app, Counter(office, config.token), office)
    return app


def _add_routes(app: FastAPI, counter: Counter, office: ParcelOffice) -> None:
    @app.post("/addresses/")
    async def create_address(request: Request) -> Response:
        return counter.at_the_door(request) or counter.create_address(await json_object(request))

    @app.get("/addresses/{address_id}/validate")
    async def validate(address_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.validate(address_id)

    @app.post("/shipments/")
    async def create_shipment(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.create_shipment(request, await json_object(request))

    @app.get("/rates/{rate_id}")
    async def rate(rate_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.rate(rate_id)

    @app.post("/transactions/")
    async def buy(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.buy(request, await json_object(request))

    @app.get("/transactions/")
    async def transactions(request: Request, rate: str = "") -> Response:
        return counter.at_the_door(request) or counter.listed(rate, str(request.base_url))

    @app.get("/transactions/{label_id}")
    async def transaction(label_id: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.found(label_id, str(request.base_url))

    @app.post("/refunds/")
    async def refund(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.refund(request, await json_object(request))

    @app.get("/tracks/{carrier}/{number}")
    async def track(carrier: str, number: str, request: Request) -> Response:
        return counter.at_the_door(request) or counter.track(carrier, number)

    @app.get("/files/{name}")
    async def file(name: str) -> Response:
        found = office.file(name)
        return Response(status_code=404) if found is None else Response(found[0], media_type=found[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("Shippo", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
