"""How partners and carriers do against their targets, and which targets are missed: for operators and analysts.

These figures are of all tenants together, so they need a scope of their own, which no tenant's key has by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from starlette.concurrency import run_in_threadpool

from api.answers import problems
from api.dependencies import Dependencies, require
from api.models import AnswerModel, AsOfOut
from processors.ports import ApiKey
from projections.scorecard_reader import AlertsPage, ScorecardsPage

router = APIRouter(prefix="/v1", tags=["operations"])

DAYS_MAX = 366
ALERTS_MAX = 1_000
Operator = Annotated[ApiKey, require("operations:read")]

_PROBLEMS = problems(401, 403, 422, 429, 503)


class ScorecardReads(Protocol):
    """Reads scorecards and alerts of all tenants. May block."""

    def scorecards(self, now_ms: int, days: int) -> ScorecardsPage:
        """The scorecards over the last so many days, today included."""
        ...

    def alerts(self, *, cleared: bool, limit: int) -> AlertsPage:
        """The alerts that stand, and where `cleared` those that ended too."""
        ...


class FigureOut(AnswerModel):
    """A measure over the time that was asked for; `value`, `spread` and `most` in `unit`: ppm (a millionth) or ms.

    `is_met` is null without a target, or where too few things were counted to say. `by_day` is oldest first.
    """

    measure: str
    unit: str
    value: int | None
    sample: int
    target: int | None
    is_met: bool | None
    spread: int
    most: int
    by_day: tuple[int | None, ...]


class ScorecardOut(AnswerModel):
    """The figures of one print partner or carrier."""

    party_kind: Literal["partner", "carrier"]
    party_id: str
    figures: tuple[FigureOut, ...]


class ScorecardsOut(AnswerModel):
    """All scorecards; `to_day` in days since 1970-01-01, UTC."""

    scorecards: tuple[ScorecardOut, ...]
    to_day: int
    days: int
    targets_version: str
    as_of: AsOfOut


class AlertOut(AnswerModel):
    """A missed target. Times are epoch milliseconds; `cleared_at` is 0 while it stands."""

    measure: str
    party_kind: str
    party_id: str
    number: int
    raised_at: int
    cleared_at: int
    unit: str
    value: int
    target: int
    at_least: bool
    sample: int
    window_days: int


class AlertsOut(AnswerModel):
    """Alerts, those that stand first; `more` where it is not all."""

    alerts: tuple[AlertOut, ...]
    more: bool
    as_of: AsOfOut


def mount(app: FastAPI, reads: ScorecardReads) -> None:
    """Add the routes to the application."""
    app.state.scorecard_reads = reads
    app.include_router(router)


def _reads_of(request: Request) -> ScorecardReads:
    found: ScorecardReads = request.app.state.scorecard_reads
    return found


Reads = Annotated[ScorecardReads, Depends(_reads_of)]


@router.get("/scorecards", response_model=ScorecardsOut, responses=_PROBLEMS)
async def list_scorecards(
    deps: Dependencies,
    key: Operator,
    reads: Reads,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX)] = 30,
) -> ScorecardsOut:
    """Every print partner's and carrier's figures over the last so many days, today included."""
    page = await run_in_threadpool(reads.scorecards, deps.now_ms(), days)
    return ScorecardsOut.model_validate(page)


@router.get("/alerts", response_model=AlertsOut, responses=_PROBLEMS)
async def list_alerts(
    key: Operator,
    reads: Reads,
    cleared: Annotated[bool, Query()] = False,
    limit: Annotated[int, Query(ge=1, le=ALERTS_MAX)] = 200,
) -> AlertsOut:
    """Targets that are missed now; with `cleared` also those that were."""
    page = await run_in_threadpool(lambda: reads.alerts(cleared=cleared, limit=limit))
    return AlertsOut.model_validate(page)
