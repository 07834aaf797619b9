"""The rules of routing as data: what a partner must fulfil, and what counts how much. Read from YAML or JSON, bounded.

Every number of `Weights` is in points, and a point is one minor unit of the rules' currency: a day is worth so many
cents, a second parcel so many. So a score is an amount that a person can add up, it does not depend on who else was
looked at, and the scores of an order's lines may be summed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, TypeAlias

import msgspec
import yaml

from events.decoding import convert
from processors.ports import NamedError

RULES_BYTES_MAX: Final = 64 * 1024
#: A file nested deeper than this is no rules file; the reader would spend its stack on it.
NESTING_MAX: Final = 12
DAY_MS: Final = 86_400_000

STANDARD, EXPRESS, HIGH_VALUE, DATED = "standard", "express", "high_value", "dated"

Points: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=10_000_000)]
Percent: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Days: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=365)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
Country: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
MonthDay: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}-[0-9]{2}$")]
Rate: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Countries: TypeAlias = Annotated[tuple[Country, ...], msgspec.Meta(max_length=300)]
PartnerIds: TypeAlias = Annotated[
    tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...], msgspec.Meta(max_length=1_000)
]


class RulesNotUsable(NamedError):
    """This is no usable rules file. Mend the place that is named; the shipped file shows every field."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rules file: a field that nobody knows is a typing error, and is told as such."""


class Weights(_Part, frozen=True, kw_only=True):
    """What counts how much for one priority, in points."""

    #: Days from placing an order to the door that the store promises.
    promise_days: Days
    #: How much of the partner's prices (goods, parcel) counts; less than 100 where time is worth more than money.
    cost_percent: Percent = 100
    per_1000_km: Points = 0
    #: For a partner beyond a customs border.
    abroad: Points = 0
    #: From this load on each further per cent costs `per_busy_percent`.
    busy_from_percent: Percent = 50
    per_busy_percent: Points = 0
    #: For each day of production and of the road.
    per_day: Points = 0
    #: For each day beyond the promise, on top of it.
    per_late_day: Points = 0
    #: For each unit that is expected to be misprinted.
    per_defect: Points = 0
    #: For each further partner among whom an order is split, beside what its parcel costs.
    split: Points = 0
    #: Where other units of the same line were made elsewhere, so that colours may differ.
    other_press: Points = 0


class Must(_Part, frozen=True, kw_only=True):
    """Limits beyond which a partner is not asked at all."""

    #: A partner this full takes no more.
    load_percent_max: Percent = 99
    #: By so much the artwork may be scaled to fit the partner's print area.
    scale_percent_max: Percent = 7


class Road(_Part, frozen=True, kw_only=True):
    """Days on the road that are reckoned with where a partner never said how many it needs."""

    same_country: Days = 4
    same_region: Days = 6
    abroad: Days = 12


class Quality(_Part, frozen=True, kw_only=True):
    """How a partner's history of inspections becomes an expected share of misprints.

    A partner without history is expected to misprint `expected_per_mille`; this counts like `expected_units` looked at,
    so that one misprint among the first ten units condemns nobody.
    """

    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 90
    expected_per_mille: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 5
    expected_units: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200


class Holiday(_Part, frozen=True, kw_only=True):
    """A date by which what is ordered from another date on must have arrived. Dates are MM-DD and recur."""

    name: Name
    order_from: MonthDay
    arrive_by: MonthDay
    #: Where it is kept; empty is everywhere.
    countries: Countries = ()


class Partners(_Part, frozen=True, kw_only=True):
    """Whom a tenant lets print. `allowed` empty is everybody whom the catalogue offers; `denied` counts above it."""

    allowed: PartnerIds = ()
    denied: PartnerIds = ()


class Rules(_Part, frozen=True, kw_only=True):
    """One version of the rules. A change of any number is a new version: facts name it for ever."""

    version: Name
    currency: Currency
    #: Minor units of `currency` for one minor unit of another.
    rates: Annotated[dict[Currency, Rate], msgspec.Meta(max_length=200)] = {}
    #: Points for a price in a currency without a rate: it cannot be compared, so it is taken for a high one.
    unpriced: Points = 5_000
    #: Minor units for the parcel of a partner that never said what shipping costs: for nothing it ships nothing.
    unpriced_parcel: Points = 0
    #: An order of at least this total, in minor units of `currency`, is of high value; 0 is never.
    high_value_minor: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    must: Must = Must()
    partners: Partners = Partners()
    road: Road = Road()
    quality: Quality = Quality()
    #: Countries without a customs border between them, by the name of their region.
    regions: Annotated[dict[Name, Countries], msgspec.Meta(max_length=50)] = {}
    holidays: Annotated[tuple[Holiday, ...], msgspec.Meta(max_length=100)] = ()
    standard: Weights
    express: Weights | None = None
    high_value: Weights | None = None
    dated: Weights | None = None

    def weights(self, priority: str) -> Weights:
        """The weights for a priority; those of `standard` where the file has none of its own."""
        own = {EXPRESS: self.express, HIGH_VALUE: self.high_value, DATED: self.dated}.get(priority)
        return own or self.standard

    def in_currency(self, amount_minor: int, currency: str) -> float | None:
        """An amount in minor units of the rules' currency; None where the rules have no rate."""
        if currency == self.currency:
            return amount_minor
        rate = self.rates.get(currency)
        return None if rate is None else amount_minor * rate


def read_rules(content: bytes | str, where: str = "rules") -> Rules:
    """Rules from YAML or JSON. Raises `RulesNotUsable`, which says where and why."""
    if len(content) > RULES_BYTES_MAX:
        raise RulesNotUsable(f"{where} is larger than {RULES_BYTES_MAX // 1024} KiB. {RulesNotUsable.__doc__}")
    try:
        rules = convert(_plain(content), Rules)
        for holiday in rules.holidays:
            _on(2028, holiday.order_from), _on(2028, holiday.arrive_by)
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise RulesNotUsable(f"{where} is neither YAML nor JSON: {told}. {RulesNotUsable.__doc__}") from error
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        hint = ' YAML reads a bare NO as false: write "NO".' if "got `bool`" in str(error) else ""
        raise RulesNotUsable(f"{where}: {error}.{hint} {RulesNotUsable.__doc__}") from error
    return rules


def _plain(content: bytes | str) -> object:
    """The document of a rules file. Aliases are refused: with them a small file becomes an endless one."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("a rules file refers to no other place of itself (`*name`)")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > NESTING_MAX:
            raise ValueError(f"it is nested more than {NESTING_MAX} levels deep")
    return yaml.safe_load(content)


def canonical(rules: Rules) -> bytes:
    """The rules as JSON, the same bytes for the same rules: what is published."""
    return msgspec.json.encode(rules, order="deterministic")


@cache
def shipped_rules() -> Rules:
    """The rules that come with the project: what counts where a tenant has published none of its own."""
    return read_rules(shipped_text(), "the shipped rules")


def shipped_text() -> str:
    """The shipped rules as they are written, with their comments."""
    return files("processors.routing").joinpath("rules.yaml").read_text(encoding="utf-8")


def holiday_deadline(rules: Rules, placed_at: int, country: str) -> int | None:
    """The end of the day of the nearest holiday for which an order was placed in time (epoch milliseconds)."""
    if not rules.holidays or placed_at <= 0:
        return None
    placed = datetime.fromtimestamp(placed_at / 1_000, UTC).date()
    found = []
    for holiday in rules.holidays:
        if holiday.countries and country not in holiday.countries:
            continue
        for year in (placed.year, placed.year + 1):
            arrive_by = _on(year, holiday.arrive_by)
            begins = _on(year, holiday.order_from)
            if begins > arrive_by:
                begins = _on(year - 1, holiday.order_from)
            if begins <= placed <= arrive_by:
                end = datetime.combine(arrive_by + timedelta(days=1), datetime.min.time(), UTC)
                found.append(int(end.timestamp() * 1_000))
    return min(found, default=None)


def _on(year: int, month_day: str) -> date:
    """A recurring date in a year; 29 February is the 28th where there is none."""
    month, day = int(month_day[:2]), int(month_day[3:])
    try:
        return date(year, month, day)
    except ValueError:
        if (month, day) == (2, 29):
            return date(year, 2, 28)
        raise ValueError(f"{month_day} is no day of the year (MM-DD)") from None
