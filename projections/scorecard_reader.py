"""Reads scorecards and alerts of all tenants, for operators, analysts and the alert checker. Every call may block."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.decoding import convert
from projections.reader import as_of_from
from projections.rows import AlertView, AsOf, Effect, SilentParcel
from projections.scorecard_figures import CARRIER, PARTNER, DayCount, Scorecard, Targets, scorecards, targets
from projections.scorecards import DAY_MS
from projections.sql import QUERIES

DAYS_MAX = 366
ALERTS_MAX = 1_000
ROWS_MAX = 1_000


class ScorecardsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All scorecards over a time: its last day (days since 1970, UTC), how many days, by which targets."""

    scorecards: tuple[Scorecard, ...]
    to_day: int
    days: int
    targets_version: str
    as_of: AsOf


class AlertsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, those that stand first; `more` where it is not all."""

    alerts: tuple[AlertView, ...]
    more: bool
    as_of: AsOf


class ScorecardReads:
    """Reads over all tenants: what it answers names no order but to the system's own processes."""

    def __init__(
        self, pool: ConnectionPool[Connection[TupleRow]], carriers: Collection[str], held_to: Targets | None = None
    ) -> None:
        """`carriers` are those that are set up: calls to them are a carrier's, also while it sells nothing."""
        self._pool = pool
        self._carriers = frozenset(carriers)
        self._held_to = held_to or targets()

    def scorecards(self, now_ms: int, days: int) -> ScorecardsPage:
        """The scorecards over the last so many days, today included."""
        days, to_day = max(1, min(days, DAYS_MAX)), now_ms // DAY_MS
        counts, as_of = self.counts(to_day, days), self._as_of("scorecards")
        found = scorecards(counts, to_day=to_day, days=days, held_to=self._held_to)
        return ScorecardsPage(
            scorecards=found, to_day=to_day, days=days, targets_version=self._held_to.version, as_of=as_of
        )

    def counts(self, to_day: int, days: int) -> list[DayCount]:
        """What was counted in these days, calls to vendors among it."""
        asked = {"from_day": to_day - days + 1, "to_day": to_day}
        counts = [_count(row) for row in self._rows("scorecard_days", **asked)]
        carriers = self._carriers | {count.party_id for count in counts if count.party_kind == CARRIER}
        for vendor, day, calls, answered in self._rows("outbound_days", **asked):
            kind = CARRIER if vendor in carriers else PARTNER
            counts.append(
                DayCount(party_kind=kind, party_id=vendor, measure="calls", day=day, things=calls, total=answered)
            )
        return counts

    def alerts(self, *, cleared: bool, limit: int) -> AlertsPage:
        """The alerts that stand, and where `cleared` those that ended too."""
        limit = max(1, min(limit, ALERTS_MAX))
        rows = self._rows("alerts", cleared=cleared, limit=limit + 1)
        return AlertsPage(alerts=_alerts(rows[:limit]), more=len(rows) > limit, as_of=self._as_of("alerts"))

    def newest_alerts(self) -> tuple[AlertView, ...]:
        """The newest alert about each measure of each party."""
        return _alerts(self._rows("newest_alerts"))

    def silent_parcels(
        self, heard_before: int, after: SilentParcel | None = None, limit: int = ROWS_MAX
    ) -> tuple[SilentParcel, ...]:
        """Labelled parcels on their way of which nothing was heard since a time, longest first, beginning after one."""
        rows = self._rows(
            "silent_parcels",
            heard_before=heard_before,
            after_heard_at=after.heard_at if after else -1,
            after_order=after.order_id if after else "",
            after_parcel=after.parcel_id if after else "",
            limit=min(limit, ROWS_MAX),
        )
        return tuple(SilentParcel(**dict(zip(SilentParcel.__struct_fields__, row, strict=True))) for row in rows)

    def labels_in_doubt(self, after: str, limit: int = ROWS_MAX) -> tuple[Effect, ...]:
        """Labels that were asked for and not bought as far as is known, by effect key, beginning after one.

        What is printed or sent again has such labels too, although its order was at the door before.
        """
        rows = self._rows("labels_in_doubt", after=after, limit=min(limit, ROWS_MAX))
        return tuple(convert(dict(zip(Effect.__struct_fields__, row, strict=True)), Effect) for row in rows)

    def _as_of(self, name: str) -> AsOf:
        return as_of_from(name, self._rows("as_of", name=name))

    def _rows(self, query: str, **parameters: Any) -> list[TupleRow]:
        with self._pool.connection() as connection:
            return connection.execute(QUERIES[query], parameters).fetchall()


def _count(row: TupleRow) -> DayCount:
    kind, party, measure, day, things, total, squares, most = row
    return DayCount(
        party_kind=kind,
        party_id=party,
        measure=measure,
        day=day,
        things=things,
        total=total,
        squares=int(squares),
        most=most,
    )


def _alerts(rows: Sequence[TupleRow]) -> tuple[AlertView, ...]:
    return tuple(AlertView(**dict(zip(AlertView.__struct_fields__, row, strict=True))) for row in rows)
