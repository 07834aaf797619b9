"""What a version of the rules makes of candidates: who is out, how many points each is worth, and who is best.

Pure, and the same for a decision of today and for one of last year that is tried again under other rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from events.order.facts import RoutingRequested
from events.order.values import Candidate
from processors.routing.candidates import UNREACHABLE
from processors.routing.plan import TOGETHER_MAX, Scores, totals
from processors.routing.rules import (
    DATED,
    DAY_MS,
    EXPRESS,
    HIGH_VALUE,
    STANDARD,
    Rules,
    Weights,
    canonical,
    holiday_deadline,
)

HOLIDAYS_KEPT: Final = 10_000
UNKNOWN: Final = -1


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an order's lines are judged by: priority and weights, and the days that are left until what was promised."""

    priority: str
    promised_by: int
    days_left: int
    country: str
    near: frozenset[str]
    weights: Weights


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The points of one candidate for one line, their sum, and the days that were reckoned with."""

    total: int
    cost: int
    shipping: int
    distance: int
    border: int
    load: int
    time: int
    lateness: int
    misprints: int
    other_press: int
    days: int
    late_days: int


def _points(amount: float) -> int:
    """Whole points of an amount; nothing is worth less than nothing."""
    return int(amount + 0.5) if amount > 0 else 0


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that can make the line: its own points, and those of the whole order with the line made there."""

    candidate: Candidate
    parts: Parts
    order_points: int


class Judge:
    """Applies one version of the rules. Keeps what it has worked out about dates; threads may share it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        #: The version's own name, and what tells two files of one name apart.
        self.version = f"{rules.version}@{hashlib.sha256(canonical(rules)).hexdigest()[:8]}"
        self._deadlines: dict[tuple[int, str], int | None] = {}
        self._near: dict[str, frozenset[str]] = {}
        self._denied = frozenset(rules.partners.denied)
        self._allowed = frozenset(rules.partners.allowed)

    def terms(self, request: RoutingRequested) -> Terms:
        """What the request's order is judged by. Who paid for haste gets it; then a date counts, then the value."""
        rules, placed_at = self.rules, request.placed_at or request.asked_at
        dated_by = self._deadline(placed_at, request.country)
        if request.priority == EXPRESS:
            priority = EXPRESS
        elif dated_by is not None:
            priority = DATED
        elif 0 < rules.high_value_minor <= (rules.in_currency(request.total_minor, request.currency) or 0):
            priority = HIGH_VALUE
        else:
            priority = STANDARD
        weights = rules.weights(priority)
        promised_by = placed_at + weights.promise_days * DAY_MS
        if dated_by is not None:
            promised_by = min(promised_by, dated_by)
        return Terms(
            priority=priority,
            promised_by=promised_by,
            days_left=max(0, (promised_by - request.asked_at) // DAY_MS),
            country=request.country,
            near=self._region(request.country),
            weights=weights,
        )

    def obstacle(self, candidate: Candidate) -> tuple[str, str]:
        """The limit of these rules that a candidate breaks: its name and words; empty where it breaks none."""
        must = self.rules.must
        if candidate.partner_id in self._denied or (self._allowed and candidate.partner_id not in self._allowed):
            return "not_allowed", "the rules do not let it print"
        if candidate.load_percent > must.load_percent_max:
            return "full", f"it is full ({candidate.load_percent} % load)"
        if candidate.scale_percent > must.scale_percent_max:
            return "area_too_small", f"the artwork would have to shrink by {candidate.scale_percent} %"
        return "", ""

    def able(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those against whom neither a fact nor these rules stand, whatever earlier rules made of them.

        Where nobody is left, those to whom calls fail at the moment: an order is given to them again and again until
        they answer, which is better than to nobody.
        """
        allowed = [found for found in candidates if not self.obstacle(found)[0]]
        free = [found for found in allowed if not found.obstacle or found.obstacle in OF_RULES]
        return free or [found for found in allowed if found.obstacle == UNREACHABLE]

    def parcel(self, candidate: Candidate, terms: Terms) -> int:
        """The points of a candidate's parcel to the door, however much is in it."""
        said = candidate.shipping_currency
        cost = self.rules.in_currency(candidate.shipping_minor, said) if said else self.rules.unpriced_parcel
        return _points((self.rules.unpriced if cost is None else cost) * terms.weights.cost_percent / 100)

    def parts(
        self, candidate: Candidate, units: int, terms: Terms, made_by: str = "", placed: frozenset[str] = frozenset()
    ) -> Parts:
        """The points of a candidate for so many units of a line, its parcel included.

        A partner that is `placed` makes lines of the order already, and one parcel holds all that it makes.
        """
        shipping = 0 if candidate.partner_id in placed else self.parcel(candidate, terms)
        return self._line(candidate, units, terms, made_by, shipping)

    def _line(self, candidate: Candidate, units: int, terms: Terms, made_by: str, shipping: int) -> Parts:
        weights, rules, quality = terms.weights, self.rules, self.rules.quality
        cost = rules.in_currency(candidate.cost_minor * units, candidate.currency)
        cost_points = _points((rules.unpriced if cost is None else cost) * weights.cost_percent / 100)
        distance = _points(candidate.distance_km * weights.per_1000_km / 1_000)
        at_home = candidate.country == terms.country
        nearby = at_home or candidate.country in terms.near
        border = 0 if nearby else _points(weights.abroad)
        busy_percent = (
            candidate.load_percent + 100 * units / (candidate.daily_capacity or 1) - weights.busy_from_percent
        )
        load = _points(busy_percent * weights.per_busy_percent)
        road = rules.road
        usual_days = road.same_country if at_home else road.same_region if nearby else road.abroad
        days = candidate.production_days + (candidate.transit_days or usual_days)
        late_days = days - terms.days_left if days > terms.days_left else 0
        time = _points(days * weights.per_day)
        lateness = _points(late_days * weights.per_late_day)
        expected = candidate.defective_units + quality.expected_units * quality.expected_per_mille / 1_000
        share = expected / (candidate.inspected_units + quality.expected_units)
        misprints = _points(share * units * weights.per_defect)
        other_press = _points(weights.other_press) if made_by and made_by != candidate.partner_id else 0
        return Parts(
            total=cost_points + shipping + distance + border + load + time + lateness + misprints + other_press,
            cost=cost_points,
            shipping=shipping,
            distance=distance,
            border=border,
            load=load,
            time=time,
            lateness=lateness,
            misprints=misprints,
            other_press=other_press,
            days=days,
            late_days=late_days,
        )

    def scores(self, candidates: Sequence[Candidate], units: int, terms: Terms) -> Scores:
        """The points of a line at each partner that can make it, without the parcel."""
        return {
            candidate.partner_id: self._line(candidate, units, terms, "", 0).total
            for candidate in self.able(candidates)
        }

    def rank(
        self,
        request: RoutingRequested,
        candidates: Sequence[Candidate],
        others: Sequence[tuple[int, Sequence[Candidate]]],
        placed: frozenset[str],
        terms: Terms,
    ) -> list[Judged]:
        """Who can make the line, best first; equal ones by name.

        `others` are units and candidates of the order's lines without a partner, `placed` the partners of the rest.
        """
        units = len(request.units)
        able = self.able(candidates)
        parts = {found.partner_id: self.parts(found, units, terms, request.made_by, placed) for found in able}
        waiting = [self.scores(found, count, terms) for count, found in others[: 4 * TOGETHER_MAX]]
        own = {partner: found.total for partner, found in parts.items()}
        points = totals(own, waiting, placed, round(terms.weights.split), self._parcels(others, terms))
        ranked = [
            Judged(candidate=found, parts=parts[found.partner_id], order_points=points[found.partner_id])
            for found in able
        ]
        ranked.sort(key=lambda judged: (judged.order_points, judged.candidate.partner_id))
        return ranked

    def _parcels(self, others: Sequence[tuple[int, Sequence[Candidate]]], terms: Terms) -> dict[str, int]:
        """The points of the parcel of each partner that could make one of the other lines."""
        found: dict[str, int] = {}
        for _, candidates in others[: 4 * TOGETHER_MAX]:
            for candidate in candidates:
                if candidate.partner_id not in found:
                    found[candidate.partner_id] = self.parcel(candidate, terms)
        return found

    def _deadline(self, placed_at: int, country: str) -> int | None:
        key = (placed_at // DAY_MS, country)
        known = self._deadlines.get(key, UNKNOWN)
        if known == UNKNOWN:
            if len(self._deadlines) >= HOLIDAYS_KEPT:
                self._deadlines.clear()
            known = self._deadlines[key] = holiday_deadline(self.rules, placed_at, country)
        return known

    def _region(self, country: str) -> frozenset[str]:
        """Countries that no customs border lies between."""
        near = self._near.get(country)
        if near is None:
            regions = self.rules.regions.values()
            near = self._near[country] = frozenset(found for region in regions if country in region for found in region)
        return near


OF_RULES: Final = frozenset({"not_allowed", "full", "area_too_small"})
"""Obstacles that rules set: under other rules they may be none."""
