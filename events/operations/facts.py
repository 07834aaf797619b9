"""The facts of the operations stream. A key is a measure, what kind of party it is of, and the party."""

from typing import Annotated, ClassVar, TypeAlias, get_args

from events.declare import Fact, Value
from events.types import Millis, described


class Measurement(Value, frozen=True, kw_only=True):
    """One measure of one party over a time, beside its target."""

    measure: Annotated[str, described("What was measured, such as 'on_time_start' or 'queue_lag'.")]
    party_kind: Annotated[str, described("'partner', 'carrier' or 'topic'.")]
    party_id: str
    unit: Annotated[str, described("Of value, target and clear_at: 'ppm' (parts per million) or 'ms'.")]
    value: int
    target: Annotated[int, described("The target is met by a value that is at least, or at most, this.")]
    clear_at: Annotated[
        int, described("An alert ends at this value: better than the target, so that it does not flicker.")
    ]
    at_least: Annotated[bool, described("More is better; false: less is better.")]
    sample: Annotated[int, described("From so many things.")]
    sample_min: Annotated[int, described("From fewer than so many, nothing is concluded.")]
    window_days: Annotated[int, described("Over so many days; 0 for what is so at the moment.")]
    measured_at: Millis


class OperationsFact(Fact, frozen=True, kw_only=True):
    """Base of all facts of the operations stream."""

    avro_namespace: ClassVar[str] = "pod.operations"


class AlertRaised(OperationsFact, frozen=True, kw_only=True):
    """A target is missed, and somebody should look."""

    number: Annotated[int, described("Which alert about this it is, counted from 1.")]
    measurement: Measurement


class AlertCleared(OperationsFact, frozen=True, kw_only=True):
    """The target is met again, with a margin."""

    number: int
    raised_at: Annotated[Millis, described("When the measurement was taken that raised it.")]
    measurement: Measurement


OperationsEvent: TypeAlias = AlertRaised | AlertCleared
"""Everything that can become true in operations: the union is the registry."""

OPERATIONS_FACTS: tuple[type[OperationsFact], ...] = get_args(OperationsEvent)
