"""What the vendors' simulators share at their doors: JSON in and out, faults that can be switched on, a control desk.

A vendor's simulator derives its behaviour from `Faults`, its works from `Works`, and gets the control desk, the
application's life and the command line from here. Nothing here is used by the workers.
"""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response

from events.decoding import convert, from_json
from processors.simulation import Clockwork, Delivery, Store, WebhookSender

Json = dict[str, Any]

BODY_MAX_BYTES = 256 * 1024

BEHAVIOUR_SCHEMA = """
CREATE TABLE IF NOT EXISTS behaviour (only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL);
"""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What can go wrong at any vendor; each field can be changed while it runs. Counters count down to 0."""

    stage_ms: int = 400
    down: bool = False
    #: So many requests are answered, and then it is down; None for never.
    down_after: int | None = None
    server_error_next: int = 0
    rate_limited_next: int = 0
    retry_after_s: int = 1
    silence_ms: int = 60_000
    #: No order leaves this status while it is set.
    stuck_at: str | None = None
    delivery: Delivery = Delivery()


B = TypeVar("B", bound=Faults)
C = TypeVar("C")


class Works(Generic[B]):
    """A vendor's works: orders in a store, a behaviour that survives a restart, a clockwork, webhooks."""

    def __init__(self, store: Store, behaviour: type[B], webhooks: WebhookSender) -> None:
        """`store` was opened with `BEHAVIOUR_SCHEMA`, the webhooks' schema and the vendor's own."""
        self._store = store
        self._kind = behaviour
        kept = store.row("SELECT body FROM behaviour")
        self.behaviour: B = from_json(kept["body"], behaviour) if kept else behaviour()
        self.webhooks = webhooks
        self._http = httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=False)
        self.clockwork = Clockwork(self.advance, webhooks.send_due)

    async def advance(self) -> int | None:
        """Move every order that is due by one step; return when the next is due."""
        raise NotImplementedError

    def listing(self) -> list[Json]:
        """Every order with how often it was ordered and printed."""
        raise NotImplementedError

    def behave(self, behaviour: B) -> None:
        """Behave so from now on, after a restart too."""
        self.behaviour = behaviour
        self._store.run(
            "INSERT INTO behaviour VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET body = excluded.body",
            msgspec.json.encode(behaviour),
        )
        self.clockwork.poke()

    def change_behaviour(self, changes: Json) -> None:
        """Behave otherwise in some respects. ValidationError for what is not known or not possible."""
        unknown = sorted(set(changes) - set(self._kind.__struct_fields__))
        if unknown:
            raise msgspec.ValidationError(f"no such fields: {unknown}")
        self.behave(convert(msgspec.to_builtins(self.behaviour) | changes, self._kind))

    def use_up(self, counter: str) -> bool:
        """Take one from a counter of the behaviour; whether there was one."""
        left = int(getattr(self.behaviour, counter))
        if left:
            self.behave(msgspec.structs.replace(self.behaviour, **{counter: left - 1}))
        return left > 0

    def is_down(self) -> bool:
        """Whether this request finds nobody at the door."""
        if self.behaviour.down_after is not None:
            if self.behaviour.down_after == 0:
                return True
            self.behave(msgspec.structs.replace(self.behaviour, down_after=self.behaviour.down_after - 1))
        return self.behaviour.down

    async def fall_silent(self, request: Request) -> None:
        """What was asked is done, but the line is dead: say nothing until the customer hangs up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.behaviour.silence_ms / 1000):
                while (await request.receive())["type"] != "http.disconnect":
                    pass

    async def aclose(self) -> None:
        """Stop; orders and webhooks go on after the next start."""
        await self.webhooks.aclose()
        await self._http.aclose()


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, "application/json")


async def json_object(request: Request) -> Json:
    """The JSON object of a body; an empty one when it is something else."""
    body = await request.body()
    with contextlib.suppress(msgspec.DecodeError):
        if len(body) <= BODY_MAX_BYTES:
            return from_json(body, Json)
    return {}


def new_app(title: str, works: Works[Any], store: Store) -> FastAPI:
    """An application whose clockwork turns while it runs, with the control desk under `/control`."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with works.clockwork.running():
            yield
        await works.aclose()
        store.close()

    app = FastAPI(title=title, lifespan=lifespan)
    routes: dict[str, Callable[[], object]] = {
        "health": lambda: {"ok": True},
        "factory": lambda: works.behaviour,
        "jobs": works.listing,
        "webhooks": works.webhooks.listing,
    }
    for name, found in routes.items():
        app.get(f"/control/{name}")(_answering(found))

    @app.patch("/control/factory")
    async def change_behaviour(request: Request) -> Response:
        try:
            works.change_behaviour(await json_object(request))
        except msgspec.ValidationError as error:
            return answer(422, {"message": str(error)})
        return answer(200, works.behaviour)

    return app


def _answering(found: Callable[[], object]) -> Callable[[], Awaitable[Response]]:
    async def look() -> Response:
        return answer(200, found())

    return look


def run_simulator(
    what: str, config_type: type[C], create_app: Callable[[C], FastAPI], arguments: Sequence[str] | None = None
) -> None:
    """Run a simulator from its configuration file until it is told to stop."""
    parser = argparse.ArgumentParser(description=f"Simulates {what} over HTTP.")
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--data", type=Path, required=True, help="folder for the orders' file")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the configuration")
    options = parser.parse_args(arguments)
    config = from_json(options.config.read_bytes(), config_type)
    options.data.mkdir(parents=True, exist_ok=True)
    uvicorn.run(create_app(config), host="127.0.0.1", port=options.port, log_level="warning")
