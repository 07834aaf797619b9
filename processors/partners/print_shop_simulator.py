"""A simulator of house print shops: several shops in one process, over real HTTP.

    python -m processors.partners.print_shop_simulator --port 8471 --data DIR --shops press-east,press-west \
        --webhook-url 'http://127.0.0.1:8000/webhooks/partners/{shop}'

Each shop lives under `/{shop}` and speaks the wire format that `print_shop` describes. Keys come from the
environment (`PRINT_SHOP_API_KEY`, `PRINT_SHOP_WEBHOOK_SECRET`) or, one set a shop, from a `--config` file in
JSON (`SimulatorConfig`). Beside the shops' API there is a control desk without a key, for tests and
demonstrations, which is why the process listens on loopback only:

- `GET /control/shops/{shop}` and `PATCH /control/shops/{shop}`: the `Behaviour` now, and changes to it;
- `PUT /control/shops/{shop}/stock/{variant}`: `{"units"}`;
- `GET /control/jobs[?shop=]`: every job with how often it was submitted and printed;
- `GET /control/webhooks[?shop=]`: every webhook with its attempts; `GET /control/health`.
"""

import argparse
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from hmac import compare_digest
from pathlib import Path

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response

from events.decoding import convert, from_json
from processors.clock import now_ms
from processors.partners import print_shop_press as press_module
from processors.partners import print_shop_wire as wire
from processors.partners.print_shop_press import Press
from processors.partners.print_shop_setup import Behaviour, Offer, Shop
from processors.simulation import WEBHOOK_SCHEMA, Store

#: A job request is a few hundred bytes.
BODY_MAX_BYTES = 64 * 1024

#: What the demonstration's shops sell; prices are made up for the demonstration.
DEMO_OFFERS = (
    Offer(variant="MUG-11-WHT", customer_variant="mug-11oz-white", unit_cost_minor=420),
    Offer(variant="MUG-11-BLK", customer_variant="mug-11oz-black", unit_cost_minor=460),
    Offer(variant="TEE-BLK-M", customer_variant="tee-black-m", unit_cost_minor=890),
    Offer(variant="TEE-WHT-L", customer_variant="tee-white-l", unit_cost_minor=850),
    Offer(variant="POSTER-3040", customer_variant="poster-30x40", unit_cost_minor=610),
)


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulator process: its shops and the file that keeps their jobs."""

    store_file: str
    shops: tuple[Shop, ...]


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def problem(
    status: int,
    code: str,
    message: str,
    *,
    retryable: bool = False,
    job: wire.Job | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """An answer that says what is wrong."""
    return answer(status, wire.Problem(code=code, message=message, retryable=retryable, job=job), headers)


class ShopFloor:
    """The HTTP face of the press: one method a request."""

    def __init__(self, press: Press, shops: tuple[Shop, ...]) -> None:
        """`shops` are those that the press holds."""
        self._press = press
        self._shops = {shop.name: shop for shop in shops}

    def at_the_door(self, shop: str, request: Request) -> Response | None:
        """What every request meets first: wrong shop, wrong key, a server that is down. None lets it in."""
        known = self._shops.get(shop)
        if known is None:
            return problem(404, "unknown_shop", f"there is no shop {shop}")
        key = request.headers.get("authorization", "")
        if not compare_digest(key.encode(), f"Bearer {known.api_key}".encode()):
            return problem(401, "unauthorised", "send Authorization: Bearer and the shop's API key")
        behaviour = self._press.behaviour(shop)
        if behaviour.down:
            return problem(503, "down", "the shop's server is down", retryable=True)
        if self._press.use_up(shop, "server_error_next"):
            return problem(500, "internal", "something broke", retryable=True)
        if self._press.use_up(shop, "rate_limited_next"):
            wait = {"retry-after": str(behaviour.retry_after_s)}
            return problem(429, "rate_limited", "too many requests", retryable=True, headers=wait)
        return None

    async def submit(self, shop: str, request: Request) -> Response:
        """`POST /v1/jobs`."""
        body = await request.body()
        if len(body) > BODY_MAX_BYTES:
            return problem(413, "invalid", f"at most {BODY_MAX_BYTES} bytes")
        try:
            job = from_json(body, wire.JobRequest)
        except msgspec.DecodeError as error:
            return problem(422, "invalid", str(error))
        self._press.photos.reached_at(shop, str(request.base_url))
        known = self._press.fingerprint(shop, job.external_id)
        if known is not None:
            if known != job.fingerprint():
                return problem(
                    409, "conflict", "this external_id was accepted with other content",
                    job=self._press.job(shop, job.external_id),
                )  # fmt: skip
            self._press.resubmitted(shop, job)
            return answer(200, self._press.job(shop, job.external_id))
        refusal = self._refusal(shop, job)
        if refusal is not None:
            return refusal
        self._press.accept(shop, job)
        if self._press.use_up(shop, "accept_silently_next"):
            await self._fall_silent(shop, request)
        return answer(201, self._press.job(shop, job.external_id))

    def _refusal(self, shop: str, job: wire.JobRequest) -> Response | None:
        if self._press.is_marked_cancelled(shop, job.external_id):
            return problem(422, "cancelled", "this external_id was cancelled before it came")
        if job.quantity != len(job.units) or job.quantity < 1 or len(set(job.units)) != job.quantity:
            return problem(422, "invalid", "units must name each of quantity units once")
        if self._press.offer(shop, job.variant) is None:
            return problem(422, "variant_unknown", f"we do not print on {job.variant}")
        if self._press.use_up(shop, "refuse_retryable_next"):
            return problem(422, "overloaded", "the presses are full, try later", retryable=True)
        if self._press.use_up(shop, "refuse_next") or self._press.shelf.units(shop, job.variant) < job.quantity:
            return problem(422, "out_of_stock", f"{job.variant} is out of stock")
        return None

    async def _fall_silent(self, shop: str, request: Request) -> None:
        """The job is in the book, but the line is dead: say nothing until the customer hangs up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._press.behaviour(shop).silence_ms / 1000):
                while (await request.receive())["type"] != "http.disconnect":
                    pass

    def read(self, shop: str, external_id: str) -> Response:
        """`GET /v1/jobs/{external_id}`."""
        job = self._press.job(shop, external_id)
        if job is None:
            return problem(404, "unknown_job", f"no job {external_id}")
        return answer(200, job)

    def cancel(self, shop: str, external_id: str) -> Response:
        """`POST /v1/jobs/{external_id}/cancel`."""
        job = self._press.job(shop, external_id)
        if job is None:
            self._press.mark_cancelled(shop, external_id)
            return problem(404, "unknown_job", f"no job {external_id}; it is refused if it comes")
        if job.status == wire.CANCELLED:
            return answer(200, job)
        limit = self._press.behaviour(shop).cancel_too_late_from
        reached = wire.STAGES.index(job.status) if job.status in wire.STAGES else wire.STAGES.index("printing")
        if job.status == wire.FAILED or reached < wire.STAGES.index(limit):
            self._press.enter(shop, external_id, wire.CANCELLED, reason="cancelled by the customer")
            return answer(200, self._press.job(shop, external_id))
        return problem(409, "too_late", f"the job is {job.status}", job=job)

    def offers(self, shop: str) -> Response:
        """`GET /v1/offers`."""
        known = self._shops[shop]
        behaviour = self._press.behaviour(shop)
        production_ms = sum(behaviour.stage_ms.get(stage, 0) for stage in wire.STAGES[:4])
        return answer(
            200,
            wire.Offers(
                shop=shop,
                country=known.country,
                ships_to=known.ships_to,
                capacity_units_per_day=known.capacity_units_per_day,
                load_units=self._press.load_units(shop),
                observed_at=now_ms(),
                offers=tuple(
                    wire.OfferWire(
                        variant=offer.variant,
                        customer_variant=offer.customer_variant,
                        stock=self._press.shelf.units(shop, offer.variant),
                        unit_cost_minor=offer.unit_cost_minor,
                        currency=offer.currency,
                        production_ms=production_ms,
                    )
                    for offer in known.offers
                ),
            ),
        )


def create_app(config: SimulatorConfig) -> FastAPI:
    """The simulator as an ASGI application; its clockwork turns while the application runs."""
    store = Store(Path(config.store_file), press_module.SCHEMA + WEBHOOK_SCHEMA)
    press = Press(store, config.shops)
    floor = ShopFloor(press, config.shops)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with press.clockwork.running():
            yield
        await press.aclose()
        store.close()

    app = FastAPI(title="Print shop simulator", lifespan=lifespan)
    _add_control_routes(app, press, {shop.name for shop in config.shops})

    @app.post("/{shop}/v1/jobs")
    async def submit(shop: str, request: Request) -> Response:
        return floor.at_the_door(shop, request) or await floor.submit(shop, request)

    @app.get("/{shop}/v1/jobs/{external_id}")
    async def read(shop: str, external_id: str, request: Request) -> Response:
        return floor.at_the_door(shop, request) or floor.read(shop, external_id)

    @app.post("/{shop}/v1/jobs/{external_id}/cancel")
    async def cancel(shop: str, external_id: str, request: Request) -> Response:
        return floor.at_the_door(shop, request) or floor.cancel(shop, external_id)

    @app.get("/{shop}/v1/offers")
    async def offers(shop: str, request: Request) -> Response:
        return floor.at_the_door(shop, request) or floor.offers(shop)

    @app.get("/{shop}/photos/{digest}.jpg")
    async def photo(shop: str, digest: str) -> Response:
        content = press.photos.content(shop, digest)
        return (
            problem(404, "unknown_photo", "no such photograph")
            if content is None
            else Response(content, media_type="image/jpeg")
        )

    return app


def _add_control_routes(app: FastAPI, press: Press, shops: set[str]) -> None:
    @app.get("/control/health")
    async def health() -> Response:
        return answer(200, {"ok": True})

    @app.get("/control/shops/{shop}")
    async def behaviour(shop: str) -> Response:
        return answer(200, press.behaviour(shop))

    @app.patch("/control/shops/{shop}")
    async def change_behaviour(shop: str, request: Request) -> Response:
        if shop not in shops:
            return problem(404, "unknown_shop", f"there is no shop {shop}")
        try:
            changes = from_json(await request.body(), dict[str, object])
            unknown = set(changes) - set(Behaviour.__struct_fields__)
            if unknown:
                return problem(422, "invalid", f"no such fields: {sorted(unknown)}")
            now = msgspec.to_builtins(press.behaviour(shop))
            press.behave(shop, convert(now | changes, Behaviour))
        except msgspec.DecodeError as error:
            return problem(422, "invalid", str(error))
        press.clockwork.poke()
        return answer(200, press.behaviour(shop))

    @app.put("/control/shops/{shop}/stock/{variant}")
    async def set_stock(shop: str, variant: str, request: Request) -> Response:
        press.shelf.count(shop, variant, from_json(await request.body(), dict[str, int])["units"])
        return answer(200, {"units": press.shelf.units(shop, variant)})

    @app.get("/control/jobs")
    async def jobs(shop: str | None = None) -> Response:
        return answer(200, press.listing(shop))

    @app.get("/control/webhooks")
    async def webhooks(shop: str | None = None) -> Response:
        return answer(200, press.webhooks.listing(shop))


def demo_shops(names: Sequence[str], webhook_url: str | None, api_key: str, webhook_secret: str) -> tuple[Shop, ...]:
    """Shops of the demonstration, alike but for their prices: each next one is 4 % dearer."""
    return tuple(
        Shop(
            name=name,
            api_key=api_key,
            webhook_secret=webhook_secret,
            webhook_url=webhook_url.replace("{shop}", name) if webhook_url else None,
            offers=tuple(
                msgspec.structs.replace(o, unit_cost_minor=o.unit_cost_minor * (100 + 4 * place) // 100)
                for o in DEMO_OFFERS
            ),
        )
        for place, name in enumerate(names)
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    parser = argparse.ArgumentParser(description="Simulates house print shops over HTTP.")
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--data", type=Path, required=True, help="folder for the jobs' file")
    parser.add_argument("--shops", default="press-east,press-west", help="names, separated by commas")
    parser.add_argument("--webhook-url", help="where webhooks go; {shop} stands for the shop's name")
    parser.add_argument("--config", type=Path, help="JSON file with the whole configuration instead")
    options = parser.parse_args(arguments)
    if options.config is not None:
        config = from_json(options.config.read_bytes(), SimulatorConfig)
    else:
        missing = [n for n in ("PRINT_SHOP_API_KEY", "PRINT_SHOP_WEBHOOK_SECRET") if not os.environ.get(n)]
        if missing:
            parser.error(f"set {' and '.join(missing)} in the environment, or give --config")
        config = SimulatorConfig(
            store_file=str(options.data / "print-shops.sqlite"),
            shops=demo_shops(
                options.shops.split(","),
                options.webhook_url,
                os.environ["PRINT_SHOP_API_KEY"],
                os.environ["PRINT_SHOP_WEBHOOK_SECRET"],
            ),
        )
    uvicorn.run(create_app(config), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
