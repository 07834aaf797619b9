"""A made-up payment system over HTTP: it gives money back once a key, and can lose answers, fail, be slow or decline.

It speaks the wire that `processors/claims/refunds.py` describes, for tests and for whoever builds such a gateway.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from processors.simulation_http import answer, json_object


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong next; counters count down to 0."""

    #: Made, and then answered with a failure: the caller cannot know.
    lost_next: int = 0
    server_error_next: int = 0
    #: The word with which every refund is declined; empty for none.
    declined: str = ""


class RefundDesk:
    """Refunds by key, and every request that asked for one."""

    def __init__(self, api_key: str) -> None:
        self.api_key = api_key
        self.trouble = Trouble()
        self.made: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def take(self, counter: str) -> bool:
        """Take one from a counter of the trouble; whether there was one."""
        left = int(getattr(self.trouble, counter))
        if left:
            self.trouble = msgspec.structs.replace(self.trouble, **{counter: left - 1})
        return left > 0


def create_app(desk: RefundDesk) -> FastAPI:
    """The gateway's application over a desk."""
    app = FastAPI(title="simulated refunds")

    def unknown_caller(request: Request) -> bool:
        return request.headers.get("authorization") != f"Bearer {desk.api_key}"

    @app.get("/refunds/{key}")
    async def look(request: Request, key: str) -> Response:
        if unknown_caller(request):
            return answer(401, {"error": "unknown_caller"})
        made = desk.made.get(key)
        return answer(404, {"error": "not_found"}) if made is None else answer(200, {"refund_id": made["refund_id"]})

    @app.post("/refunds")
    async def refund(request: Request) -> Response:
        if unknown_caller(request):
            return answer(401, {"error": "unknown_caller"})
        body = await json_object(request)
        key = str(body.get("key", ""))
        desk.asked.append(key)
        if not key or request.headers.get("idempotency-key") != key or int(body.get("amount_minor") or 0) <= 0:
            return answer(422, {"error": "not_usable"})
        if desk.take("server_error_next"):
            return answer(503, {"error": "try_again"})
        if desk.trouble.declined:
            return answer(409 if desk.trouble.declined == "busy" else 402, {"error": desk.trouble.declined})
        made = desk.made.setdefault(key, body | {"refund_id": f"rf_{len(desk.made) + 1}"})
        if desk.take("lost_next"):
            return answer(500, {"error": "lost"})
        return answer(201, {"refund_id": made["refund_id"]})

    return app
