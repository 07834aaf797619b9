"""Sending one command for a caller: once per Idempotency-Key, and waiting for its outcome when asked to."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.command_ids import unnamed_command_id
from api.dependencies import ApiDependencies
from api.models import SubmissionOut
from api.problems import MEDIA_TYPE, Problem
from events.envelope import CommandEnvelope, traceparent_of
from events.identity import command_id
from events.order.commands import OrderCommand

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
WAIT_SECONDS_MAX = 30.0
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")


class Caller(Protocol):
    """Whoever sends a command: somebody with an API key, or the holder of a signed link."""

    @property
    def tenant(self) -> str:
        """Whose orders it is about."""
        ...

    @property
    def actor(self) -> str:
        """Who acts, as facts name it."""
        ...


Prepare = Callable[[], tuple[str, OrderCommand]]
"""Makes the order's id and the command; may block, so it runs in a thread."""


class Answer(msgspec.Struct, frozen=True):
    """Status and body, as they are kept for a repeated request."""

    status: int
    body: dict[str, Any]

    def response(self, *, replayed: bool = False, waited: int | None = None) -> JSONResponse:
        """The HTTP answer."""
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        if waited is not None:
            headers["Preference-Applied"] = f"wait={waited}"
        media_type = MEDIA_TYPE if self.status >= 400 else None
        return JSONResponse(self.body, self.status, headers=headers, media_type=media_type)


async def submit(
    request: Request,
    deps: ApiDependencies,
    caller: Caller,
    prepare: Prepare,
    *,
    keyed: bool = True,
    wait_seconds: int | None = None,
) -> JSONResponse:
    """Prepare and send the command, or give the answer that the same request got before.

    `keyed` says whether an Idempotency-Key of the caller counts: the holder of a link shares no keys with the tenant.
    `wait_seconds` is waited for the outcome where the request names no time of its own. Raises Problem. What fails
    before the command is sent leaves the Idempotency-Key free for a corrected request.
    """
    body = await request.body()
    named = idempotency_key_of(request) if keyed else None
    preferred = preferred_wait(request)
    wait_seconds = wait_seconds if preferred is None else preferred
    content = b"\n".join((request.method.encode(), request.url.path.encode(), request.url.query.encode(), body))
    digest = await run_in_threadpool(deps.vault.digest, caller.tenant, "request", content)
    if named is not None:
        known = await run_in_threadpool(deps.idempotency.begin, caller.tenant, named, digest)
        if known is not None and known.request_digest != digest:
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Use a new key for each new request.",
            )
        if known is not None and known.status_code is not None:
            return Answer(known.status_code, known.response).response(replayed=True)
        # Known without an answer: the first try is still running or broke off. Sending the command again is
        # safe, because its id is derived from the key.

    async def carry_out() -> Answer:
        order_id, command = await run_in_threadpool(prepare)
        derived_id = (
            command_id("rest", caller.tenant, named)
            if named is not None
            else await unnamed_command_id(deps, caller.tenant, order_id, command, digest)
        )
        await deps.commands.send(command, _envelope(deps, caller, request, command, order_id, derived_id))
        return await _outcome(deps, caller, order_id, derived_id, wait_seconds)

    answer = await _forgetting_failures(deps, caller, named, carry_out)
    if named is not None:
        await run_in_threadpool(deps.idempotency.finish, caller.tenant, named, answer.status, answer.body)
    return answer.response(waited=preferred)


async def _forgetting_failures(
    deps: ApiDependencies, caller: Caller, named: str | None, carry_out: Callable[[], Awaitable[Answer]]
) -> Answer:
    try:
        return await carry_out()
    except Exception:
        if named is not None:
            await run_in_threadpool(deps.idempotency.forget, caller.tenant, named)
        raise


def idempotency_key_of(request: Request) -> str | None:
    """The Idempotency-Key, None when there is none; a Problem for one that cannot be kept."""
    named = request.headers.get("idempotency-key")
    if named is None:
        return None
    if not 1 <= len(named) <= IDEMPOTENCY_KEY_CHARACTERS_MAX or not named.isascii() or not named.isprintable():
        raise Problem(
            400,
            "idempotency_key_not_usable",
            f"An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII characters.",
        )
    return named


def preferred_wait(request: Request) -> int | None:
    """Seconds of `Prefer: wait=N` (RFC 7240), at most WAIT_SECONDS_MAX; None when not asked for."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(int(found.group(1)), int(WAIT_SECONDS_MAX)) if found else None


def _envelope(
    deps: ApiDependencies, caller: Caller, request: Request, command: OrderCommand, order_id: str, derived_id: str
) -> CommandEnvelope:
    return CommandEnvelope(
        command_id=derived_id,
        key=order_id,
        tenant=caller.tenant,
        command_type=type(command).__name__,
        sent_at=deps.now_ms(),
        actor=caller.actor,
        correlation_id=order_id,
        traceparent=traceparent_of(request.headers.get("traceparent", "")),
    )


async def _outcome(
    deps: ApiDependencies, caller: Caller, order_id: str, derived_id: str, wait_seconds: int | None
) -> Answer:
    outcome = (
        await deps.orders.wait_for_outcome(caller.tenant, derived_id, wait_seconds)
        if wait_seconds is not None
        else None
    )
    if outcome is not None and outcome.outcome == "refused":
        extra = {"order_id": order_id, "command_id": derived_id}
        return Answer(409, Problem(409, outcome.reason, outcome.detail, extra=extra).document())
    answer = SubmissionOut.model_validate(
        {
            "order_id": order_id,
            "command_id": derived_id,
            "outcome": outcome.outcome if outcome is not None else "pending",
            "reason": outcome.reason if outcome is not None else "",
            "detail": outcome.detail if outcome is not None else "",
            "order_url": f"/v1/orders/{order_id}",
            "timeline_url": f"/v1/orders/{order_id}/timeline",
        }
    )
    return Answer(200 if outcome is not None else 202, answer.model_dump())
