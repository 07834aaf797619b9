"""What other rules would have made of decisions that were made: history tried again, and the difference counted.

Each decision carries what was known of every partner when it was made, so nothing is asked of anybody. Both sides, what
was decided and what would have been, are measured by the rules that are tried: one currency, one promise, one road.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from events.order.values import Candidate
from processors.routing.judge import Judge, Judged, Terms
from projections.rows import RoutingDecision

EXAMPLES_MAX: Final = 20
PROGRESS_EVERY: Final = 1_000


class Side(msgspec.Struct, kw_only=True):
    """Sums of one side: what was decided, or what would have been.

    `cost_minor` is in the tried rules' currency; what has no rate is left out and counted in `unpriced`. `distance_km`
    sums over decisions whose destination is known. `splits` are partners beyond the first of an order. `shipping_minor`
    is apart from `cost_minor`: one parcel for each partner of an order; those without a price are `unpriced_parcels`.
    """

    routed: int = 0
    unroutable: int = 0
    cost_minor: int = 0
    unpriced: int = 0
    shipping_minor: int = 0
    unpriced_parcels: int = 0
    distance_km: int = 0
    splits: int = 0
    late: int = 0
    late_days: int = 0
    partners: dict[str, int] = msgspec.field(default_factory=dict)


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that would have been another."""

    order_id: str
    line_id: str
    before: str
    after: str


class Difference(msgspec.Struct, kw_only=True):
    """What other rules change over a stretch of history."""

    rule_version: str
    currency: str
    orders: int = 0
    decisions: int = 0
    changed: int = 0
    before: Side = msgspec.field(default_factory=Side)
    after: Side = msgspec.field(default_factory=Side)
    examples: list[Example] = msgspec.field(default_factory=list)


def by_order(decisions: Iterable[RoutingDecision]) -> Iterator[list[RoutingDecision]]:
    """The decisions of each order in the order of time; they must come sorted by order id."""
    found: list[RoutingDecision] = []
    for decision in decisions:
        if found and found[0].order_id != decision.order_id:
            yield sorted(found, key=_when)
            found = []
        found.append(decision)
    if found:
        yield sorted(found, key=_when)


def _when(decision: RoutingDecision) -> tuple[int, str, int]:
    return decision.decided_at, decision.request.line_id, decision.request.run


def simulate(
    orders: Iterable[Sequence[RoutingDecision]], judge: Judge, progress: Callable[[int], None] = lambda done: None
) -> Difference:
    """Decide every order of a stretch of history again. `progress` hears now and then how many decisions are done."""
    difference = Difference(rule_version=judge.version, currency=judge.rules.currency)
    told = 0
    for decisions in orders:
        _order(decisions, judge, difference)
        if difference.decisions - told >= PROGRESS_EVERY:
            told = difference.decisions
            progress(told)
    progress(difference.decisions)
    return difference


def _order(decisions: Sequence[RoutingDecision], judge: Judge, difference: Difference) -> None:
    """Decide one order's lines again in their order: each goes by where the tried rules put those before it."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for decision in decisions:
        request = decision.request
        terms = judge.terms(request)
        ranked = judge.rank(request, decision.candidates, *_company(decision, decisions, after), terms)
        best = ranked[0] if ranked else None
        chosen = best.candidate.partner_id if best else ""
        _measure(difference.before, decision, decision.partner_id, ranked, judge, terms)
        _measure(difference.after, decision, chosen, ranked, judge, terms)
        before[request.line_id], after[request.line_id] = decision.partner_id, chosen
        if chosen != decision.partner_id:
            difference.changed += 1
            if len(difference.examples) < EXAMPLES_MAX:
                difference.examples.append(
                    Example(
                        order_id=decision.order_id, line_id=request.line_id, before=decision.partner_id, after=chosen
                    )
                )
    difference.orders += 1
    difference.decisions += len(decisions)
    for side, placed in ((difference.before, before), (difference.after, after)):
        partners = {partner for partner in placed.values() if partner}
        side.splits += max(0, len(partners) - 1)
        for partner in partners:
            _measure_parcel(side, decisions, partner, judge)


def _company(
    decision: RoutingDecision, decisions: Sequence[RoutingDecision], placed: dict[str, str]
) -> tuple[list[tuple[int, tuple[Candidate, ...]]], frozenset[str]]:
    """The order's other lines: those that wait with what was known of their partners, and the partners of the rest."""
    others = decision.request.others
    if not others:
        return [], frozenset()
    waiting, partners = [], set()
    for other in others:
        partner = placed.get(other.line_id, other.partner_id)
        if partner:
            partners.add(partner)
            continue
        known = next((found for found in decisions if found.request.line_id == other.line_id), None)
        if known is not None and known is not decision:
            waiting.append((other.units, known.candidates))
    return waiting, frozenset(partners)


def _measure_parcel(side: Side, decisions: Sequence[RoutingDecision], partner_id: str, judge: Judge) -> None:
    """Add a partner's parcel to the sums of a side, at the price that was known of it last."""
    known = [found for decision in decisions for found in decision.candidates if found.partner_id == partner_id]
    said = known[-1].shipping_currency if known else ""
    cost = judge.rules.in_currency(known[-1].shipping_minor, said) if said else None
    side.shipping_minor += round(cost or 0)
    side.unpriced_parcels += cost is None


def _measure(
    side: Side, decision: RoutingDecision, partner_id: str, ranked: Sequence[Judged], judge: Judge, terms: Terms
) -> None:
    """Add one decision to the sums of a side."""
    candidate = next((found for found in decision.candidates if found.partner_id == partner_id), None)
    if candidate is None:
        side.unroutable += 1
        return
    units = len(decision.request.units)
    judged = next((found for found in ranked if found.candidate is candidate), None)
    parts = judged.parts if judged else judge.parts(candidate, units, terms)
    cost = judge.rules.in_currency(candidate.cost_minor * units, candidate.currency)
    side.routed += 1
    side.unpriced += cost is None
    side.cost_minor += round(cost or 0)
    side.distance_km += max(0, candidate.distance_km)
    side.late += parts.late_days > 0
    side.late_days += parts.late_days
    side.partners[partner_id] = side.partners.get(partner_id, 0) + 1
