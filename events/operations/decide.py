"""The decider of alerts: one at a time for each measure of each party, with a margin before it ends.

The margin keeps a value that moves about its target from raising an alert with every look, and a minimum sample keeps
one unlucky parcel of a day from being a missed target.
"""

from typing import assert_never

from msgspec.structs import replace

from events.decider import Context, Ignored, Refusal
from events.operations.commands import OperationsCommandUnion
from events.operations.facts import AlertCleared, AlertRaised, Measurement, OperationsEvent
from events.operations.state import Alert

RAISE, CLEAR = "raise", "clear"


class MeasurementNotOfThisKey(Refusal):
    """The measurement is of another measure or party than the key says: send it under `alert_key` of its own."""


class MarginOnTheWrongSide(Refusal):
    """The value at which an alert ends is worse than the target: give one that meets the target."""


def alert_key(measurement: Measurement) -> str:
    """The key of the alerts about this measure of this party."""
    return f"{measurement.measure}:{measurement.party_kind}:{measurement.party_id}"


def misses_target(measurement: Measurement) -> bool:
    """Whether the value is on the wrong side of the target."""
    if measurement.at_least:
        return measurement.value < measurement.target
    return measurement.value > measurement.target


def consequence(measurement: Measurement, *, is_open: bool) -> str:
    """What the measurement means for its alert: `RAISE`, `CLEAR`, or nothing."""
    if measurement.sample < measurement.sample_min:
        return ""
    if not is_open:
        return RAISE if misses_target(measurement) else ""
    if measurement.at_least:
        return CLEAR if measurement.value >= measurement.clear_at else ""
    return CLEAR if measurement.value <= measurement.clear_at else ""


class OperationsDecider:
    """Decide and evolve for the alerts about one measure of one party."""

    def initial_state(self) -> Alert:
        """There never was an alert."""
        return Alert()

    def exists(self, state: Alert) -> bool:
        """Whether there ever was one."""
        return state.number > 0

    def decide(self, state: Alert, command: OperationsCommandUnion, context: Context) -> tuple[OperationsEvent, ...]:
        """The facts of the command; raises a `Refusal` or `Ignored`."""
        return self.decide_and_evolve(state, command, context)[0]

    def decide_and_evolve(
        self, state: Alert, command: OperationsCommandUnion, context: Context
    ) -> tuple[tuple[OperationsEvent, ...], Alert]:
        """The facts of the command and the alert after them."""
        measurement = command.measurement
        if alert_key(measurement) != context.key:
            raise MeasurementNotOfThisKey
        if misses_target(replace(measurement, value=measurement.clear_at)):
            raise MarginOnTheWrongSide
        if measurement.measured_at < max(state.raised_at, state.cleared_at):
            raise Ignored("something newer was measured already")
        match consequence(measurement, is_open=state.is_open):
            case "raise":
                fact: OperationsEvent = AlertRaised(number=state.number + 1, measurement=measurement)
            case "clear":
                fact = AlertCleared(number=state.number, raised_at=state.raised_at, measurement=measurement)
            case _:
                raise Ignored("it changes nothing about the alert")
        return (fact,), evolve(state, fact)

    def evolve(self, state: Alert, fact: OperationsEvent) -> Alert:
        """The alert after one more fact."""
        return evolve(state, fact)


def evolve(alert: Alert, fact: OperationsEvent) -> Alert:
    """The alert after one more fact; never refuses."""
    at = max(1, fact.measurement.measured_at)
    match fact:
        case AlertRaised():
            return replace(alert, number=fact.number, raised_at=at, raised_by=fact.measurement)
        case AlertCleared():
            return replace(alert, raised_at=0, cleared_at=at)
        case _:
            assert_never(fact)
