"""Scorecards over HTTP: shown to who has the scope, and to no tenant's ordinary key."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import problems
from api.dependencies import caller_of, dependencies_of
from api.routes import scorecards as routes
from processors.ports import ApiKey
from projections.rows import AlertView, AsOf
from projections.scorecard_figures import DayCount, scorecards, targets
from projections.scorecard_reader import AlertsPage, ScorecardsPage

DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS
AS_OF = AsOf(read_model="scorecards", version=1, recorded_at=5, complete_until=6, partitions=())
COUNT = DayCount(party_kind="partner", party_id="press-east", measure="on_time_start", day=20_000, things=100, total=93)
ALERT = AlertView(
    measure="on_time_start", party_kind="partner", party_id="press-east", number=1, raised_at=7, cleared_at=0,
    unit="ppm", value=930_000, target=950_000, at_least=True, sample=100, window_days=30,
)  # fmt: skip


class Reads:
    """Prepared pages; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def scorecards(self, now_ms: int, days: int) -> ScorecardsPage:
        self.asked.append((now_ms, days))
        cards = scorecards([COUNT], to_day=20_000, days=days, held_to=targets())
        return ScorecardsPage(scorecards=cards, to_day=20_000, days=days, targets_version="targets-1", as_of=AS_OF)

    def alerts(self, *, cleared: bool, limit: int) -> AlertsPage:
        self.asked.append((cleared, limit))
        return AlertsPage(alerts=(ALERT,), more=False, as_of=AS_OF)


class Clock:
    """What the route needs of the API's dependencies."""

    @staticmethod
    def now_ms() -> int:
        return NOW


def get(path: str, *scopes: str, reads: Reads | None = None) -> httpx.Response:
    """The answer to a key with these scopes."""
    app = FastAPI()
    problems.install(app)
    routes.mount(app, reads or Reads())
    key = ApiKey(prefix="p", tenant="demo", name="n", scopes=frozenset(scopes))
    clock: Any = Clock()
    app.dependency_overrides[caller_of] = lambda: key
    app.dependency_overrides[dependencies_of] = lambda: clock

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(send())


def test_an_operator_reads_each_partys_figures_beside_their_targets() -> None:
    reads = Reads()
    answer = get("/v1/scorecards?days=7", "operations:read", reads=reads)
    assert answer.status_code == 200
    (card,) = answer.json()["scorecards"]
    (figure,) = card["figures"]
    assert (card["party_id"], figure["measure"], figure["value"]) == ("press-east", "on_time_start", 930_000)
    assert (figure["target"], figure["is_met"], len(figure["by_day"])) == (950_000, False, 7)
    assert answer.json()["as_of"]["complete_until"] == 6
    assert reads.asked == [(NOW, 7)]


def test_an_operator_reads_which_targets_are_missed() -> None:
    reads = Reads()
    answer = get("/v1/alerts?cleared=true&limit=5", "operations:read", reads=reads)
    assert [one["measure"] for one in answer.json()["alerts"]] == ["on_time_start"]
    assert reads.asked == [(True, 5)]


@pytest.mark.parametrize("path", ["/v1/scorecards", "/v1/alerts"])
def test_a_tenants_ordinary_key_sees_no_figures_of_all_tenants(path: str) -> None:
    answer = get(path, "orders:read", "orders:personal")
    assert (answer.status_code, answer.json()["scope"]) == (403, "operations:read")


@pytest.mark.parametrize("path", ["/v1/scorecards?days=0", "/v1/scorecards?days=367", "/v1/alerts?limit=1001"])
def test_what_is_asked_for_is_bounded(path: str) -> None:
    assert get(path, "operations:read").status_code == 422
