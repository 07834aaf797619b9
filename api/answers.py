"""What routes share: the answers that the description of the API names, path parameters, and an order's state."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypedDict

from fastapi import Depends, Header, Path, params

from api.dependencies import ApiDependencies
from api.models import ProblemOut, SubmissionOut, WithoutNul
from api.problems import MEDIA_TYPE, Problem
from api.submission import IDEMPOTENCY_KEY_CHARACTERS_MAX, WAIT_SECONDS_MAX
from events.order.state import Order
from processors.ports import ApiKey

Answers: TypeAlias = dict[int | str, dict[str, Any]]
"""Answers of a route beside its usual one, by status."""

OrderId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
LineIdPath = Annotated[str, Path(min_length=1, max_length=64), WithoutNul]


def problems(*statuses: int) -> Answers:
    """The answers with these statuses, each a problem (RFC 9457)."""
    return {status: {"model": ProblemOut, "content": {MEDIA_TYPE: {}}} for status in statuses}


ORDER_PROBLEMS = problems(400, 401, 403, 404, 409, 410, 413, 422, 429, 503)
"""What may go wrong on a route of orders."""

ANSWERED: Answers = {
    200: {"model": SubmissionOut, "description": "Decided while the caller waited (`Prefer: wait=N`)."},
    202: {"model": SubmissionOut, "description": "Stored; it will be decided."},
}


def _described_wait(
    prefer: Annotated[
        str | None,
        Header(description=f"`wait=N`: wait up to N seconds (at most {WAIT_SECONDS_MAX:g}) for what comes of it."),
    ] = None,
) -> None:
    """Describes the header; `api/submission.py` reads it."""


def _described_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description=f"A name of 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII characters that this request "
            "has for itself. Repeated with it, the request counts once and gets the first one's answer."
        ),
    ] = None,
) -> None:
    """Describes the header; `api/submission.py` reads it."""


WAITS: list[params.Depends] = [Depends(_described_wait)]
"""What a route declares that waits for the outcome of its command where the caller asks for it."""


class _Submission(TypedDict):
    """What a route declares."""

    response_model: type[SubmissionOut]
    status_code: int
    responses: Answers
    dependencies: list[params.Depends]


SUBMISSION = _Submission(
    response_model=SubmissionOut,
    status_code=202,
    responses={**ANSWERED, **ORDER_PROBLEMS},
    dependencies=[Depends(_described_key), *WAITS],
)
"""What a route declares that sends a command for somebody with an API key."""


def order_not_known() -> Problem:
    """The same answer for an order of another tenant: whether it exists is not told."""
    detail = "No order with this id is known for your account. One sent a moment ago may need a second to show."
    return Problem(404, "order_not_known", detail)


async def order_state(deps: ApiDependencies, key: ApiKey, order_id: str) -> Order:
    """The order as its facts say, for what no read model shows. Raises Problem (404)."""
    state = await deps.orders.state(key.tenant, order_id)
    if state is None:
        raise order_not_known()
    return state
