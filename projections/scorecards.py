"""Read model `scorecards`: what was counted of every print partner and carrier, a measure and day.

Every figure is a sum of what facts say, so a rebuild gives the same; days are of the time at which the ledger recorded
the fact. Who pays for what: a start and a production time count for the day on which they end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from events.order.facts import (
    DeadlinePassed,
    ExceptionRaised,
    GoodsReady,
    InspectionFailed,
    InspectionPassed,
    LabelFailed,
    LabelPurchased,
    LineCancelled,
    LinePrinted,
    ParcelWithdrawn,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    SubmissionAccepted,
    SubmissionRefused,
    TrackingObserved,
    WebhookGapFound,
)
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

DAY_MS = 86_400_000
ON_TIME_START_MS = DAY_MS
"""A print run starts on time when its press begins within a day after the partner took it. The target (95 %) is the
mission's; it names no time, and a day is what most vendors' production promises begin with. A supplier begins to make
nothing: ready-made goods start on time when they are packed by then. A change raises `version`.
"""

PARTNER, CARRIER = "partner", "carrier"
UNKNOWN = "unknown"


class RunRow(msgspec.Struct, kw_only=True):
    """A print run that a partner took."""

    partner_id: str
    accepted_at: int
    judged: bool = False
    excepted: bool = False


class ParcelRow(msgspec.Struct, kw_only=True):
    """A parcel with a label."""

    carrier: str = ""
    carrier_reference: str = ""
    labelled_at: int = 0
    dispatched_at: int = 0
    heard_at: int = 0
    ended: bool = False
    excepted: bool = False


RunKey = tuple[str, str, int]
ParcelKey = tuple[str, str]


class _Sums:
    """What a batch adds to the days."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[str, str, str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def count(self, kind: str, party: str, measure: str, at: int, things: int, so: int) -> None:
        """Some things more, of which so many were so."""
        row = self._found[kind, party or UNKNOWN, measure, at // DAY_MS]
        row[0] += things
        row[1] += so

    def measure(self, kind: str, party: str, measure: str, at: int, value: int) -> None:
        """One thing more, of this size."""
        row = self._found[kind, party or UNKNOWN, measure, at // DAY_MS]
        row[0] += 1
        row[1] += value
        row[2] += value * value
        row[3] = max(row[3], value)

    def rows(self) -> list[Row]:
        """In one order always: two processes of a rebuild may write the same rows, and must not wait for each other."""
        return [(*key, *row) for key, row in sorted(self._found.items())]


class _Batch:
    """What is known of the runs and parcels of a batch, and what it adds."""

    def __init__(self, runs: dict[RunKey, RunRow], parcels: dict[ParcelKey, ParcelRow]) -> None:
        self.runs, self.parcels, self.sums = runs, parcels, _Sums()
        self.changed_runs: dict[RunKey, RunRow] = {}
        self.changed_parcels: dict[ParcelKey, ParcelRow] = {}

    def run(self, order: str, line_id: str, run: int) -> RunRow | None:
        """A run that a partner took, about to be changed."""
        row = self.runs.get((order, line_id, run))
        if row is not None:
            self.changed_runs[order, line_id, run] = row
        return row

    def parcel(self, order: str, parcel_id: str) -> ParcelRow:
        """A parcel, about to be changed; one that a scan tells of before its label is known yet."""
        row = self.parcels.setdefault((order, parcel_id), ParcelRow())
        self.changed_parcels[order, parcel_id] = row
        return row

    def judge(self, row: RunRow | None, at: int, *, started: bool) -> None:
        """Whether its production started on time; once a run."""
        if row is not None and not row.judged:
            row.judged = True
            on_time = started and at - row.accepted_at <= ON_TIME_START_MS
            self.sums.count(PARTNER, row.partner_id, "on_time_start", at, 1, int(on_time))


class Scorecards:
    """Folds facts into sums. Runs and parcels are read back, because their facts come days apart."""

    name = "scorecards"
    version = 2
    tables = (
        Table(
            name="scorecard_days",
            columns=("party_kind", "party_id", "measure", "day", "things", "total", "squares", "most"),
            key=("party_kind", "party_id", "measure", "day"),
        ),
        Table(
            name="scorecard_runs",
            columns=("order_id", "line_id", "run", *RunRow.__struct_fields__),
            key=("order_id", "line_id", "run"),
        ),
        Table(
            name="scorecard_parcels",
            columns=("order_id", "parcel_id", *ParcelRow.__struct_fields__),
            key=("order_id", "parcel_id"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names(tuple(_FOLDED_BY))),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """How much more of everything, and where runs and parcels stand."""
        orders = sorted({record.key for record in records})
        runs = {
            (order, line_id, run): RunRow(partner_id=partner, accepted_at=at, judged=judged, excepted=excepted)
            for order, line_id, run, partner, at, judged, excepted in stored.fetch(
                "scorecard_runs_of", {"orders": orders}
            )
        }
        parcels = {(row[0], row[1]): ParcelRow(**_parcel_fields(row)) for row in _parcels_of(stored, orders)}
        batch = _Batch(runs, parcels)
        for record in records:
            _FOLDED_BY[type(record.content)](batch, record.content, record.key, record.recorded_at)
        return (
            Change(table="scorecard_days", rows=batch.sums.rows()),
            Change(table="scorecard_runs", rows=_rows(batch.changed_runs.items())),
            Change(table="scorecard_parcels", rows=_rows(batch.changed_parcels.items())),
        )

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _parcels_of(stored: StoredRows, orders: list[str]) -> list[Row]:
    return stored.fetch("scorecard_parcels_of", {"orders": orders})


def _parcel_fields(row: Row) -> dict[str, Any]:
    return dict(zip(ParcelRow.__struct_fields__, row[2:], strict=True))


def _rows(changed: Iterable[tuple[tuple[Any, ...], msgspec.Struct]]) -> list[Row]:
    return [(*key, *msgspec.structs.astuple(row)) for key, row in sorted(changed, key=lambda item: item[0])]


def _accepted(batch: _Batch, fact: SubmissionAccepted, order: str, at: int) -> None:
    key = (order, fact.line_id, fact.run)
    batch.sums.count(PARTNER, fact.partner_id, "submissions", at, 1, 1)
    if key not in batch.runs:
        batch.runs[key] = batch.changed_runs[key] = RunRow(partner_id=fact.partner_id, accepted_at=at)
        batch.sums.count(PARTNER, fact.partner_id, "exceptions", at, 1, 0)


def _refused(batch: _Batch, fact: SubmissionRefused, order: str, at: int) -> None:
    batch.sums.count(PARTNER, fact.partner_id, "submissions", at, 1, 0)


def _started(batch: _Batch, fact: ProductionStarted, order: str, at: int) -> None:
    batch.judge(batch.run(order, fact.line_id, fact.run), at, started=True)


def _made(batch: _Batch, fact: LinePrinted | GoodsReady, order: str, at: int) -> None:
    row = batch.run(order, fact.line_id, fact.run)
    if row is not None:
        batch.judge(row, at, started=True)
        batch.sums.measure(PARTNER, row.partner_id, "production_ms", at, max(0, at - row.accepted_at))


def _gave_up(batch: _Batch, fact: PartnerGaveUp, order: str, at: int) -> None:
    batch.judge(batch.run(order, fact.line_id, fact.run), at, started=False)


def _cancelled(batch: _Batch, fact: LineCancelled, order: str, at: int) -> None:
    """Who was told to stop neither started late nor on time."""
    row = batch.run(order, fact.line_id, fact.run) if fact.run else None
    if row is not None:
        row.judged = True


def _deadline(batch: _Batch, fact: DeadlinePassed, order: str, at: int) -> None:
    kind, _, subject = fact.deadline_key.partition(":")
    line_id, _, run = subject.rpartition(":")
    if kind == "production" and run.isdecimal():
        batch.judge(batch.run(order, line_id, int(run)), at, started=False)


def _excepted(batch: _Batch, fact: ExceptionRaised, order: str, at: int) -> None:
    """An exception of a run is its partner's, one of a parcel its carrier's; each counts once a run or parcel."""
    line_id, _, run = fact.subject.rpartition(":")
    row = batch.run(order, line_id, int(run)) if run.isdecimal() else None
    if row is not None:
        batch.sums.count(PARTNER, row.partner_id, "exceptions", at, 0, int(not row.excepted))
        row.excepted = True
    elif (order, fact.subject) in batch.parcels:
        parcel = batch.parcel(order, fact.subject)
        if parcel.labelled_at:
            batch.sums.count(CARRIER, parcel.carrier, "exceptions", at, 0, int(not parcel.excepted))
            parcel.excepted = True


def _passed(batch: _Batch, fact: InspectionPassed, order: str, at: int) -> None:
    if fact.partner_id:
        batch.sums.count(PARTNER, fact.partner_id, "defects", at, len(fact.units), 0)


def _failed(batch: _Batch, fact: InspectionFailed, order: str, at: int) -> None:
    if fact.partner_id:
        batch.sums.count(PARTNER, fact.partner_id, "defects", at, len(fact.units), len(fact.units))


def _partner_said(batch: _Batch, fact: PartnerStatusObserved, order: str, at: int) -> None:
    if not fact.polled and fact.partner_at:
        batch.sums.measure(PARTNER, fact.partner_id, "webhook_lag_ms", at, max(0, at - fact.partner_at))


def _labelled(batch: _Batch, fact: LabelPurchased, order: str, at: int) -> None:
    row = batch.parcel(order, fact.parcel_id)
    batch.sums.count(CARRIER, fact.carrier, "labels", at, 1, 1)
    if not row.labelled_at:
        batch.sums.count(CARRIER, fact.carrier, "exceptions", at, 1, 0)
    row.carrier, row.carrier_reference = fact.carrier, fact.carrier_reference
    row.labelled_at, row.heard_at = at, max(at, row.heard_at)


def _label_failed(batch: _Batch, fact: LabelFailed, order: str, at: int) -> None:
    batch.sums.count(CARRIER, fact.carrier, "labels", at, 1, 0)


def _carrier_said(batch: _Batch, fact: TrackingObserved, order: str, at: int) -> None:
    row = batch.parcel(order, fact.parcel_id)
    row.heard_at = max(row.heard_at, at)
    if not fact.polled and fact.carrier_at:
        batch.sums.measure(CARRIER, row.carrier, "webhook_lag_ms", at, max(0, at - fact.carrier_at))


def _dispatched(batch: _Batch, fact: ShipmentDispatched, order: str, at: int) -> None:
    batch.parcel(order, fact.parcel_id).dispatched_at = at


def _delivered(batch: _Batch, fact: ShipmentDelivered, order: str, at: int) -> None:
    row = batch.parcel(order, fact.parcel_id)
    if row.dispatched_at and not row.ended:
        batch.sums.measure(CARRIER, row.carrier, "transit_ms", at, max(0, at - row.dispatched_at))
    row.ended = True


def _returned(batch: _Batch, fact: ShipmentReturned, order: str, at: int) -> None:
    batch.parcel(order, fact.parcel_id).ended = True


def _withdrawn(batch: _Batch, fact: ParcelWithdrawn, order: str, at: int) -> None:
    """Nobody waits for a carrier's word on a parcel that it never gets."""
    batch.parcel(order, fact.parcel_id).ended = True


def _gap(batch: _Batch, fact: WebhookGapFound, order: str, at: int) -> None:
    kind = PARTNER if fact.subject.startswith("run:") else CARRIER
    batch.sums.measure(kind, fact.who, "webhook_gaps_ms", at, fact.silent_seconds * 1_000)


_FOLDED_BY: dict[type, Callable[[_Batch, Any, str, int], None]] = {
    SubmissionAccepted: _accepted,
    SubmissionRefused: _refused,
    ProductionStarted: _started,
    LinePrinted: _made,
    GoodsReady: _made,
    PartnerGaveUp: _gave_up,
    LineCancelled: _cancelled,
    DeadlinePassed: _deadline,
    ExceptionRaised: _excepted,
    InspectionPassed: _passed,
    InspectionFailed: _failed,
    PartnerStatusObserved: _partner_said,
    LabelPurchased: _labelled,
    LabelFailed: _label_failed,
    TrackingObserved: _carrier_said,
    ShipmentDispatched: _dispatched,
    ShipmentDelivered: _delivered,
    ShipmentReturned: _returned,
    ParcelWithdrawn: _withdrawn,
    WebhookGapFound: _gap,
}
