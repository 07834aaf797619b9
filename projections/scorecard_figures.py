"""Scorecards: from what was counted a day to figures over a time, beside their targets. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from math import isqrt
from typing import Annotated

import msgspec
import yaml

from events.decoding import convert

PARTNER, CARRIER = "partner", "carrier"
PPM = 1_000_000


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a measure should be, for one kind of party: `scorecard_targets.yaml` says what each field means."""

    measure: str
    of: str
    unit: str
    clear_at: int
    sample_min: Annotated[int, msgspec.Meta(ge=1)]
    window_days: Annotated[int, msgspec.Meta(ge=0, le=366)]
    source: str
    at_least: int | None = None
    at_most: int | None = None

    def __post_init__(self) -> None:
        """Refuse a target without a side, or with two."""
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.measure}: give either at_least or at_most")

    @property
    def bound(self) -> int:
        """The value that is just good enough."""
        return self.at_most if self.at_least is None else self.at_least  # type: ignore[return-value]

    def is_met(self, value: int) -> bool:
        """Whether the value is on the right side."""
        return value <= self.bound if self.at_least is None else value >= self.bound


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All targets, with their version."""

    version: str
    targets: tuple[Target, ...]

    def of(self, measure: str, kind: str) -> Target | None:
        """The target of a measure for a kind of party."""
        return next((one for one in self.targets if (one.measure, one.of) == (measure, kind)), None)


@cache
def targets() -> Targets:
    """The shipped targets."""
    text = files("projections").joinpath("scorecard_targets.yaml").read_text(encoding="utf-8")
    return convert(yaml.safe_load(text), Targets)


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one party, a measure and day (days since 1970, UTC): how many, the sum, that of squares."""

    party_kind: str
    party_id: str
    measure: str
    day: int
    things: int
    total: int
    squares: int = 0
    most: int = 0


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of one party over a time. `value` is None where nothing was counted.

    `unit` is ppm (parts per million) or ms. `spread` is the standard deviation, `most` the largest, both of ms and 0
    for shares. `is_met` is None without a target, or from fewer things than `sample_min`. `by_day` has the value of
    each day of the time, oldest first, None where nothing was counted.
    """

    measure: str
    unit: str
    value: int | None
    sample: int
    target: int | None
    is_met: bool | None
    spread: int = 0
    most: int = 0
    by_day: tuple[int | None, ...] = ()


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one print partner or carrier."""

    party_kind: str
    party_id: str
    figures: tuple[Figure, ...]

    def figure(self, measure: str) -> Figure | None:
        """One of its figures."""
        return next((one for one in self.figures if one.measure == measure), None)


class _Measure(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure is made of what was counted: `share` of the things that were so, or their `mean`."""

    name: str
    counted: str
    unit: str = "ppm"


MEASURES: tuple[_Measure, ...] = (
    _Measure(name="on_time_start", counted="on_time_start"),
    _Measure(name="production_time", counted="production_ms", unit="ms"),
    _Measure(name="transit_time", counted="transit_ms", unit="ms"),
    _Measure(name="exception_rate", counted="exceptions"),
    _Measure(name="defect_rate", counted="defects"),
    _Measure(name="acceptance", counted="submissions"),
    _Measure(name="label_success", counted="labels"),
    _Measure(name="webhook_lag", counted="webhook_lag_ms", unit="ms"),
    _Measure(name="webhook_gaps", counted="webhook_gaps_ms", unit="ms"),
    _Measure(name="uptime", counted="calls"),
)
"""Every figure of a scorecard, in the order in which they are shown."""


def scorecards(counts: Iterable[DayCount], *, to_day: int, days: int, held_to: Targets) -> tuple[Scorecard, ...]:
    """The scorecards over so many days, `to_day` the last of them; partners first, each kind by name."""
    parties: defaultdict[tuple[str, str], list[DayCount]] = defaultdict(list)
    for count in counts:
        if to_day - days < count.day <= to_day:
            parties[count.party_kind, count.party_id].append(count)
    return tuple(
        Scorecard(party_kind=kind, party_id=party, figures=_figures(kind, counted, to_day, days, held_to))
        for (kind, party), counted in sorted(parties.items(), key=lambda item: (item[0][0] != PARTNER, *item[0]))
    )


def _figures(kind: str, counted: Sequence[DayCount], to_day: int, days: int, held_to: Targets) -> tuple[Figure, ...]:
    found = []
    for measure in MEASURES:
        own = [count for count in counted if count.measure == measure.counted]
        if own:
            found.append(_figure(measure, own, to_day, days, held_to.of(measure.name, kind)))
    return tuple(found)


def _figure(measure: _Measure, own: Sequence[DayCount], to_day: int, days: int, target: Target | None) -> Figure:
    things, total = sum(count.things for count in own), sum(count.total for count in own)
    value = _value(measure, things, total)
    by_day = {count.day: _value(measure, count.things, count.total) for count in own}
    is_judged = target is not None and value is not None and things >= target.sample_min
    return Figure(
        measure=measure.name,
        unit=measure.unit,
        value=value,
        sample=things,
        target=None if target is None else target.bound,
        is_met=target.is_met(value) if is_judged and target is not None and value is not None else None,
        spread=_spread(things, total, sum(count.squares for count in own)) if measure.unit == "ms" else 0,
        most=max(count.most for count in own),
        by_day=tuple(by_day.get(day) for day in range(to_day - days + 1, to_day + 1)),
    )


def _value(measure: _Measure, things: int, total: int) -> int | None:
    """A share in parts per million, at most all of them, or a mean; None of nothing."""
    if not things:
        return None
    return min(PPM, total * PPM // things) if measure.unit == "ppm" else total // things


def _spread(things: int, total: int, squares: int) -> int:
    """The standard deviation: the root of the mean square without the square of the mean, in whole numbers."""
    return isqrt(max(0, things * squares - total * total)) // things if things else 0
