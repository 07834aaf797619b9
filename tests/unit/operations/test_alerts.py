"""Alerts: raised once, with a sample that is large enough; ended with a margin; in any order of measurements."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.decider import Context, Ignored, Refusal
from events.operations.commands import ReportMeasurement
from events.operations.decide import (
    MarginOnTheWrongSide,
    MeasurementNotOfThisKey,
    OperationsDecider,
    alert_key,
    misses_target,
)
from events.operations.facts import AlertCleared, AlertRaised, Measurement, OperationsEvent
from events.operations.state import Alert

DECIDER = OperationsDecider()
ON_TIME = Measurement(
    measure="on_time_start", party_kind="partner", party_id="press-east", unit="ppm", value=970_000, target=950_000,
    clear_at=960_000, at_least=True, sample=200, sample_min=20, window_days=30, measured_at=1_000,
)  # fmt: skip
LAG = msgspec.structs.replace(
    ON_TIME, measure="queue_lag", party_kind="topic", party_id="pod.work.render.v1", unit="ms", value=1_000,
    target=300_000, clear_at=240_000, at_least=False, sample=1, sample_min=1, window_days=0,
)  # fmt: skip


def tell(state: Alert, measurement: Measurement, key: str = "") -> tuple[tuple[OperationsEvent, ...], Alert]:
    """What a measurement makes true; nothing where it is ignored."""
    context = Context(
        key=key or alert_key(measurement), tenant="shared", command_id="c", now=measurement.measured_at, actor="alerts"
    )
    try:
        return DECIDER.decide_and_evolve(state, ReportMeasurement(measurement=measurement), context)
    except Ignored:
        return (), state


def measured(of: Measurement, value: int, at: int = 2_000, sample: int = 200) -> Measurement:
    return msgspec.structs.replace(of, value=value, measured_at=at, sample=sample)


def test_a_missed_target_raises_one_alert_however_often_it_is_measured() -> None:
    facts, state = tell(Alert(), measured(ON_TIME, 940_000))
    assert facts == (AlertRaised(number=1, measurement=measured(ON_TIME, 940_000)),)
    assert state.is_open
    assert tell(state, measured(ON_TIME, 930_000, 3_000)) == ((), state)


def test_a_target_that_is_met_raises_nothing() -> None:
    assert tell(Alert(), measured(ON_TIME, 950_000))[0] == ()
    assert tell(Alert(), measured(LAG, 300_000))[0] == ()


def test_few_things_do_not_make_a_missed_target_and_do_not_end_one() -> None:
    assert tell(Alert(), measured(ON_TIME, 0, sample=19))[0] == ()
    _, state = tell(Alert(), measured(ON_TIME, 0))
    assert tell(state, measured(ON_TIME, 1_000_000, 3_000, sample=19))[0] == ()


@pytest.mark.parametrize(
    ("kind", "missed", "hardly_met", "met"), [(ON_TIME, 900_000, 955_000, 960_000), (LAG, 301_000, 290_000, 240_000)]
)
def test_an_alert_ends_with_a_margin_so_that_it_does_not_flicker(
    kind: Measurement, missed: int, hardly_met: int, met: int
) -> None:
    _, state = tell(Alert(), measured(kind, missed))
    assert tell(state, measured(kind, hardly_met, 3_000))[0] == ()
    facts, state = tell(state, measured(kind, met, 4_000))
    assert facts == (AlertCleared(number=1, raised_at=2_000, measurement=measured(kind, met, 4_000)),)
    assert not state.is_open
    assert tell(state, measured(kind, missed, 5_000))[1].number == 2


def test_a_measurement_that_is_older_than_the_alert_changes_nothing() -> None:
    _, state = tell(Alert(), measured(ON_TIME, 900_000))
    assert tell(state, measured(ON_TIME, 1_000_000, at=1_999))[0] == ()


def test_a_measurement_under_the_key_of_another_is_refused() -> None:
    with pytest.raises(MeasurementNotOfThisKey) as refused:
        tell(Alert(), ON_TIME, key=alert_key(LAG))
    assert isinstance(refused.value, Refusal)


def test_an_alert_that_would_end_at_a_missed_target_is_refused() -> None:
    with pytest.raises(MarginOnTheWrongSide):
        tell(Alert(), msgspec.structs.replace(ON_TIME, clear_at=940_000))


@given(values=st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 60)), max_size=40))
def test_alerts_are_raised_and_cleared_in_turn_and_each_for_its_reason(values: list[tuple[int, int]]) -> None:
    state, facts = Alert(), list[OperationsEvent]()
    for at, (value, sample) in enumerate(values):
        new, state = tell(state, measured(ON_TIME, value, at=at, sample=sample))
        facts += new
    assert [type(fact) for fact in facts] == [(AlertRaised, AlertCleared)[n % 2] for n in range(len(facts))]
    assert [fact.number for fact in facts] == [n // 2 + 1 for n in range(len(facts))]
    for fact in facts:
        assert fact.measurement.sample >= ON_TIME.sample_min
        assert misses_target(fact.measurement) == isinstance(fact, AlertRaised)
    replayed = Alert()
    for fact in facts:
        replayed = DECIDER.evolve(replayed, fact)
    assert replayed == state
