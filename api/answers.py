"""What routes share: the answers that the description of the API names, path parameters, and an order's state."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Path

from api.dependencies import ApiDependencies
from api.models import ProblemOut, SubmissionOut, WithoutNul
from api.problems import MEDIA_TYPE, Problem
from events.order.state import Order
from processors.ports import ApiKey

Answers: TypeAlias = dict[int | str, dict[str, Any]]
"""Answers of a route beside its usual one, by status."""

OrderId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
LineIdPath = Annotated[str, Path(min_length=1, max_length=64), WithoutNul]


def problems(*statuses: int) -> Answers:
    """The answers with these statuses, each a problem (RFC 9457)."""
    return {status: {"model": ProblemOut, "content": {MEDIA_TYPE: {}}} for status in statuses}


ORDER_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)
"""What may go wrong on a route of orders."""

SUBMISSION: Answers = {
    200: {"model": SubmissionOut, "description": "Decided while the caller waited (`Prefer: wait=N`)."},
    202: {"model": SubmissionOut, "description": "Stored; it will be decided."},
    **ORDER_PROBLEMS,
}
"""Answers of a route that sends a command."""


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
