"""How much a caller may send: bytes of one body, and requests over time."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

#: Largest body of any request. An order with all its lines and usual texts has less than half of that.
BODY_BYTES_MAX = 1024 * 1024


class _BodyTooLarge(Exception):
    """The body went over the limit while it arrived."""


class BodyLimit:
    """Answers 413 before a body is read that is too large, and while one is read that did not say so."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX, larger: Mapping[str, int] | None = None) -> None:
        """`larger` has the limits of paths that take files, each by a pattern of the whole path."""
        self._app = app
        self._bytes_max = bytes_max
        self._larger = {re.compile(pattern): limit for pattern, limit in (larger or {}).items()}

    def _limit(self, path: str) -> int:
        return next((limit for pattern, limit in self._larger.items() if pattern.fullmatch(path)), self._bytes_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bytes_max = self._limit(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > bytes_max:
            await self._refuse(scope, receive, send, bytes_max)
            return
        seen_bytes = 0
        started = False

        async def counted() -> Message:
            nonlocal seen_bytes
            message = await receive()
            seen_bytes += len(message.get("body", b""))
            if seen_bytes > bytes_max:
                raise _BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            # Whatever reads the body may turn the interruption into an answer of its own: it is not sent.
            if seen_bytes > bytes_max and not started:
                return
            started = True
            await send(message)

        with suppress(_BodyTooLarge):
            await self._app(scope, counted, noted)
        if seen_bytes > bytes_max and not started:
            await self._refuse(scope, receive, send, bytes_max)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, bytes_max: int) -> None:
        detail = f"A body has at most {bytes_max} bytes. Send the order in smaller parts, pictures as links."
        problem = Problem(413, "body_too_large", detail, headers={"Connection": "close"})
        await problem.response()(scope, receive, send)


class RateLimits:
    """Requests a minute, by API key and by tenant, so that one key cannot use up what others of a tenant need.

    Counted in this process: with several API processes each allows its share.
    """

    def __init__(self, per_minute: Mapping[str, int]) -> None:
        """`per_minute` names a limit for each kind of counter, such as `key`, `tenant` and `webhook`."""
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items = {kind: RateLimitItemPerMinute(count) for kind, count in per_minute.items()}

    def count(self, kind: str, name: str) -> None:
        """Count one request; raises a 429 Problem that says when to come back."""
        item = self._items.get(kind)
        if item is None or self._limiter.hit(item, kind, name):
            return
        window = self._limiter.get_window_stats(item, kind, name)
        wait_seconds = max(1, math.ceil(window.reset_time - time.time()))
        raise Problem(
            429,
            "too_many_requests",
            f"At most {item.amount} requests a minute. Wait {wait_seconds} seconds, then go on more slowly.",
            headers={"Retry-After": str(wait_seconds)},
        )
