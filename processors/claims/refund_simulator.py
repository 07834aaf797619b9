"""A made-up payment system over HTTP: it gives money back once a key, and can lose answers, fail, be slow or decline.

    python -m processors.claims.refund_simulator --port 8477 --data DIR --config FILE

The configuration is JSON (`SimulatorConfig`). It speaks the wire that `processors/claims/refunds.py` describes, for
tests, for the demonstration, and for whoever builds such a gateway. Beside it there is a control desk without a key,
which is why the process listens on loopback only:

- `GET /control/factory` and `PATCH /control/factory`: the `RefundBehaviour` now, and changes to it;
- `GET /control/jobs`: every refund that was made, with how often it was asked for; `GET /control/health`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response

from events.decoding import from_json
from processors.clock import now_ms
from processors.simulation import WEBHOOK_SCHEMA, Store, WebhookSender
from processors.simulation_http import (
    BEHAVIOUR_SCHEMA,
    Faults,
    Json,
    Works,
    answer,
    json_object,
    new_app,
    run_simulator,
)

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS refunds (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, body BLOB NOT NULL, made_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS asked (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""
LISTED_MAX: Final = 100_000


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated payment system."""

    store_file: str
    api_key: str


class RefundBehaviour(Faults, frozen=True, kw_only=True):
    """How it behaves now; counters count down to 0."""

    #: Made, and then answered with a failure: the caller cannot know.
    lost_next: int = 0
    #: The word with which every refund is declined; empty for none.
    declined: str = ""


class RefundDesk(Works[RefundBehaviour]):
    """The book of refunds: one a key, kept over restarts, with every request that asked for one."""

    def __init__(self, store: Store) -> None:
        """`store` was opened with `SCHEMA`, the behaviour's and the webhooks' schema. It sends no webhooks."""
        super().__init__(store, RefundBehaviour, WebhookSender(store, lambda _: None, lambda *_: {}, seed=20_269))

    async def advance(self) -> int | None:
        """Nothing moves by itself here."""
        return None

    def made(self, key: str) -> str | None:
        """The id of the refund under this key; None where there is none."""
        row = self._store.row("SELECT number FROM refunds WHERE key = ?", key)
        return None if row is None else f"rf_{row['number']}"

    def was_asked(self, key: str) -> None:
        """Count a request for a refund under this key."""
        self._store.run("INSERT INTO asked VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = asked.times + 1", key)

    def make(self, key: str, body: Json) -> str:
        """Give the money back unless it was given back under this key; returns the refund's id."""
        encoded = msgspec.json.encode(body)
        known = self.made(key)
        if known is None:
            self._store.run("INSERT INTO refunds (key, body, made_at) VALUES (?, ?, ?)", key, encoded, now_ms())
        return known or str(self.made(key))

    def listing(self) -> list[Json]:
        """Every refund that was made, with how often it was asked for."""
        rows = self._store.rows(
            "SELECT refunds.*, asked.times FROM refunds JOIN asked USING (key) ORDER BY number LIMIT ?", LISTED_MAX
        )
        return [
            from_json(row["body"], Json)
            | {"refund_id": f"rf_{row['number']}", "asked": row["times"], "made_at": row["made_at"]}
            for row in rows
        ]


class Counter:
    """The HTTP face of the book: one method a request."""

    def __init__(self, desk: RefundDesk, api_key: str) -> None:
        """`api_key` is what callers must show."""
        self._desk = desk
        self._key = api_key

    def at_the_door(self, request: Request) -> Response | None:
        """What every request meets first. None lets it in."""
        shown = request.headers.get("authorization", "").encode()
        if not compare_digest(shown, f"Bearer {self._key}".encode()):
            return answer(401, {"error": "unknown_caller"})
        return answer(503, {"error": "try_again"}) if self._desk.is_down() else None

    def look(self, key: str) -> Response:
        """`GET /refunds/{key}`."""
        made = self._desk.made(key)
        return answer(404, {"error": "not_found"}) if made is None else answer(200, {"refund_id": made})

    async def refund(self, request: Request) -> Response:
        """`POST /refunds`."""
        body = await json_object(request)
        key, amount = body.get("key"), body.get("amount_minor")
        if not isinstance(key, str) or not key or request.headers.get("idempotency-key") != key:
            return answer(422, {"error": "not_usable"})
        if not isinstance(amount, int) or amount <= 0:
            return answer(422, {"error": "not_usable"})
        self._desk.was_asked(key)
        if self._desk.use_up("server_error_next"):
            return answer(503, {"error": "try_again"})
        if word := self._desk.behaviour.declined:
            return answer(409 if word == "busy" else 402, {"error": word})
        made = self._desk.make(key, body)
        if self._desk.use_up("lost_next"):
            return answer(500, {"error": "lost"})
        return answer(201, {"refund_id": made})


def create_app(config: SimulatorConfig) -> FastAPI:
    """The gateway as an ASGI application."""
    store = Store(Path(config.store_file), SCHEMA + BEHAVIOUR_SCHEMA + WEBHOOK_SCHEMA)
    desk = RefundDesk(store)
    counter = Counter(desk, config.api_key)
    app = new_app("Refund simulator", desk, store)

    @app.get("/refunds/{key}")
    async def look(request: Request, key: str) -> Response:
        return counter.at_the_door(request) or counter.look(key)

    @app.post("/refunds")
    async def refund(request: Request) -> Response:
        return counter.at_the_door(request) or await counter.refund(request)

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator until it is told to stop."""
    run_simulator("a payment system that gives money back", SimulatorConfig, create_app, arguments)


if __name__ == "__main__":
    main()
