"""What is counted of partners and carriers, and the figures that come of it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.declare import Declared
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
    SubmissionAccepted,
    TrackingObserved,
    WebhookGapFound,
)
from projections.model import Row, Topics
from projections.scorecard_figures import DayCount, Figure, Target, Targets, scorecards, targets
from projections.scorecards import DAY_MS, ON_TIME_START_MS, Scorecards
from tests.order_life import a_file

DAY = 20_000
NOON = DAY * DAY_MS + DAY_MS // 2
HOUR = 3_600_000


class Told:
    """A record of a fact."""

    def __init__(self, content: Declared, at: int, key: str = "order-1") -> None:
        self.content, self.recorded_at, self.key = content, at, key


class Tables:
    """The model's tables in memory, merged as its SQL merges them."""

    def __init__(self) -> None:
        self.days: dict[Row, Row] = {}
        self.runs: dict[Row, Row] = {}
        self.parcels: dict[Row, Row] = {}
        self.model = Scorecards(Topics())

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        rows = self.runs if query == "scorecard_runs_of" else self.parcels
        return [(*key, *row) for key, row in rows.items() if key[0] in parameters["orders"]]

    def take(self, *records: Told) -> None:
        """Fold a batch."""
        days, runs, parcels = self.model.fold(records, self)  # type: ignore[arg-type]
        for kind, party, measure, day, things, total, squares, most in days.rows:
            known = self.days.get((kind, party, measure, day), (0, 0, 0, 0))
            self.days[kind, party, measure, day] = (
                known[0] + things, known[1] + total, known[2] + squares, max(known[3], most),
            )  # fmt: skip
        self.runs.update({row[:3]: row[3:] for row in runs.rows})
        self.parcels.update({row[:2]: row[2:] for row in parcels.rows})

    def figure(self, party: str, measure: str, days: int = 30) -> Figure:
        """One figure up to the day of the tests."""
        counts = [
            DayCount(party_kind=kind, party_id=who, measure=name, day=day, things=row[0], total=row[1],
                     squares=row[2], most=row[3])
            for (kind, who, name, day), row in self.days.items()
        ]  # fmt: skip
        for card in scorecards(counts, to_day=DAY, days=days, held_to=targets()):
            found = card.figure(measure)
            if card.party_id == party and found is not None:
                return found
        raise AssertionError(f"no {measure} of {party}")


def accepted(run: int = 1) -> SubmissionAccepted:
    return SubmissionAccepted(line_id="1", run=run, partner_id="press-east", partner_order_id="J-1")


def labelled(parcel: str = "P1") -> LabelPurchased:
    return LabelPurchased(
        parcel_id=parcel, contents=(), carrier="easypost", service="Ground", tracking_number="T", tracking_url="",
        cost_minor=1, currency="EUR", carrier_reference="shp_1", label=a_file("label.png"),
    )  # fmt: skip


def told(partner_at: int) -> PartnerStatusObserved:
    return PartnerStatusObserved(
        line_id="1", run=1, partner_id="press-east", raw="printing", canonical="printing", rank=20,
        partner_at=partner_at, partner_event_id="e", applied=True,
    )  # fmt: skip


STARTED = ProductionStarted(line_id="1", run=1)
PRINTED = LinePrinted(line_id="1", run=1, units=(1,))
PACKED = GoodsReady(line_id="1", run=1, units=(1,), partner_id="press-east")
LATE = ON_TIME_START_MS + 1


@pytest.mark.parametrize(
    ("facts", "value"),
    [
        ([(accepted(), 0), (STARTED, ON_TIME_START_MS)], 1_000_000),
        ([(accepted(), 0), (STARTED, LATE)], 0),
        ([(accepted(), 0), (PRINTED, 5)], 1_000_000),
        ([(accepted(), 0), (PACKED, ON_TIME_START_MS)], 1_000_000),
        ([(accepted(), 0), (PACKED, LATE)], 0),
        ([(accepted(), 0), (PartnerGaveUp(line_id="1", run=1, partner_id="press-east", reason="jam"), 5)], 0),
        ([(accepted(), 0), (DeadlinePassed(deadline_key="production:1:1", due_at=1), 5), (STARTED, 6)], 0),
    ],
)
def test_a_start_is_on_time_within_a_day_and_never_where_the_partner_gave_up(
    facts: list[tuple[Declared, int]], value: int
) -> None:
    tables = Tables()
    tables.take(*(Told(fact, NOON - LATE + at) for fact, at in facts))
    figure = tables.figure("press-east", "on_time_start")
    assert (figure.value, figure.sample, figure.target) == (value, 1, 950_000)


def test_a_run_that_was_stopped_started_neither_late_nor_on_time() -> None:
    tables = Tables()
    tables.take(Told(accepted(), NOON), Told(LineCancelled(line_id="1", units=(1,), reason="asked", run=1), NOON))
    assert ("partner", "press-east", "on_time_start", DAY) not in tables.days


@pytest.mark.parametrize("made", [PRINTED, PACKED])
def test_production_time_has_a_mean_and_a_spread_for_presses_and_suppliers(made: Declared) -> None:
    tables = Tables()
    for number, hours in enumerate((10, 20)):
        key = f"order-{number}"
        tables.take(Told(accepted(), NOON - hours * HOUR, key))
        tables.take(Told(made, NOON, key))
    figure = tables.figure("press-east", "production_time")
    assert (figure.value, figure.spread, figure.most, figure.sample) == (15 * HOUR, 5 * HOUR, 20 * HOUR, 2)


def test_exceptions_count_once_a_run_and_once_a_parcel() -> None:
    tables = Tables()
    about_run = ExceptionRaised(exception_id="production_late:1:1", kind="production_late", subject="1:1")
    about_parcel = ExceptionRaised(exception_id="parcel_in_trouble:P1", kind="parcel_in_trouble", subject="P1")
    tables.take(Told(accepted(), NOON), Told(about_run, NOON), Told(about_run, NOON))
    tables.take(Told(accepted(), NOON, "order-2"), Told(labelled(), NOON), Told(about_parcel, NOON))
    tables.take(Told(about_parcel, NOON))
    assert tables.figure("press-east", "exception_rate").value == 500_000
    assert tables.figure("easypost", "exception_rate").value == 1_000_000


def test_an_exception_of_the_whole_order_is_nobodys() -> None:
    tables = Tables()
    tables.take(Told(ExceptionRaised(exception_id="x", kind="x", subject=""), NOON))
    assert not tables.days


def test_defects_are_units_and_a_target_is_missed_only_by_enough_of_them() -> None:
    tables = Tables()
    good = InspectionPassed(line_id="1", run=1, units=tuple(range(1, 199)), by="x", partner_id="press-east")
    bad = InspectionFailed(line_id="1", run=1, units=(199,), defects=(), by="x", partner_id="press-east")
    tables.take(Told(good, NOON), Told(bad, NOON))
    figure = tables.figure("press-east", "defect_rate")
    assert (figure.value, figure.sample, figure.is_met) == (5_025, 199, None)
    tables.take(Told(bad, NOON))
    assert tables.figure("press-east", "defect_rate").is_met is False


def test_labels_that_failed_are_their_carriers() -> None:
    tables = Tables()
    failed = LabelFailed(parcel_id="P1", reason="carrier_error", retryable=True, carrier="easypost")
    tables.take(Told(failed, NOON), Told(labelled(), NOON))
    assert tables.figure("easypost", "label_success").value == 500_000


def test_transit_is_measured_from_hand_over_to_door_and_a_parcel_ends_there() -> None:
    tables = Tables()
    tables.take(Told(labelled(), NOON - 50 * HOUR))
    tables.take(Told(ShipmentDispatched(parcel_id="P1", contents=()), NOON - 48 * HOUR))
    tables.take(Told(ShipmentDelivered(parcel_id="P1", contents=()), NOON))
    assert tables.figure("easypost", "transit_time").value == 48 * HOUR
    assert tables.parcels["order-1", "P1"][5] is True


def test_a_parcel_that_was_taken_back_has_ended() -> None:
    tables = Tables()
    taken_back = ParcelWithdrawn(parcel_id="P1", contents=(), send_again=True, reason="address", by="user:demo")
    tables.take(Told(labelled(), NOON), Told(taken_back, NOON))
    assert tables.parcels["order-1", "P1"][5] is True


def test_the_lag_of_webhooks_is_measured_and_what_was_asked_for_is_not() -> None:
    tables = Tables()
    tables.take(Told(told(partner_at=NOON - 4_000), NOON))
    tables.take(Told(replace(told(partner_at=NOON - HOUR), polled=True), NOON))
    figure = tables.figure("press-east", "webhook_lag")
    assert (figure.value, figure.sample) == (4_000, 1)
    gap = WebhookGapFound(
        subject="run:1:1", who="press-east", expected="printing", polled="printing", rank=20, said_at=1, asked_at=2,
        silent_seconds=3_600,
    )  # fmt: skip
    tables.take(Told(gap, NOON))
    assert tables.figure("press-east", "webhook_gaps").value == HOUR


def test_a_carriers_word_that_overtakes_its_label_is_nobodys_and_keeps_the_parcel_under_way() -> None:
    tables = Tables()
    seen = TrackingObserved(
        parcel_id="P1", raw="x", canonical="in_transit", rank=20, carrier_at=NOON - 5, tracking_event_id="t",
        applied=True,
    )  # fmt: skip
    tables.take(Told(seen, NOON))
    tables.take(Told(labelled(), NOON + 1))
    assert tables.parcels["order-1", "P1"][:2] == ("easypost", "shp_1")
    assert tables.parcels["order-1", "P1"][5] is False


FACTS = st.sampled_from(
    [accepted(), accepted(2), STARTED, PRINTED, PACKED, labelled(), ShipmentDispatched(parcel_id="P1", contents=()),
     ShipmentDelivered(parcel_id="P1", contents=()), ExceptionRaised(exception_id="e", kind="e", subject="1:1"),
     LabelFailed(parcel_id="P1", reason="x"), ExceptionRaised(exception_id="e", kind="e", subject="P1")]
)  # fmt: skip


@given(told=st.lists(st.tuples(FACTS, st.sampled_from(["order-1", "order-2"])), max_size=30), cut=st.integers(0, 30))
def test_batches_make_no_difference(told: list[tuple[Declared, str]], cut: int) -> None:
    records = [Told(fact, NOON + number * HOUR, key) for number, (fact, key) in enumerate(told)]
    whole, parts = Tables(), Tables()
    whole.take(*records)
    parts.take(*records[:cut])
    parts.take(*records[cut:])
    assert (whole.days, whole.runs, whole.parcels) == (parts.days, parts.runs, parts.parcels)


def test_a_window_counts_its_days_alone_and_shows_each() -> None:
    counts = [
        DayCount(party_kind="partner", party_id="p", measure="calls", day=day, things=100, total=total)
        for day, total in ((DAY - 2, 0), (DAY - 1, 50), (DAY, 100))
    ]
    (card,) = scorecards(counts, to_day=DAY, days=2, held_to=targets())
    figure = card.figure("uptime")
    assert figure is not None
    assert (figure.value, figure.by_day, figure.is_met) == (750_000, (500_000, 1_000_000), False)


def test_the_missions_targets_stand_in_the_data() -> None:
    said = {(one.measure, one.bound) for one in targets().targets if one.source == "mission"}
    assert said == {
        ("on_time_start", 950_000), ("defect_rate", 5_000), ("label_success", 990_000), ("queue_lag", 300_000)
    }  # fmt: skip


@pytest.mark.parametrize("one", targets().targets, ids=lambda one: f"{one.measure}-{one.of}")
def test_an_alert_ends_on_the_better_side_of_its_target(one: Target) -> None:
    assert one.is_met(one.clear_at)
    assert Targets(version="x", targets=(one,)).of(one.measure, one.of) is one


def test_a_target_has_one_side() -> None:
    with pytest.raises(ValueError, match="either at_least or at_most"):
        Target(measure="x", of="partner", unit="ppm", clear_at=1, sample_min=1, window_days=1, source="ours")
