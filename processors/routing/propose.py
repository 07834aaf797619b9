"""Propose a partner for a print run: first what a partner must be able to do, then what is best for the whole order.

Must-rules say no with a reason; points compare those that are left by cost, distance, border, load, time, promise,
quality and splits. Everything that went in stands in the candidates, so that a proposal can be re-derived, and other
rules tried on old orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from events.order.facts import RoutingRequested
from events.order.values import Candidate
from processors.routing.candidates import UNKNOWN_KM, Wanted, candidate_of, wanted_by
from processors.routing.judge import Judge, Judged, Terms
from projections.rows import Offer

#: An order whose words name more partners than this is told shorter; all of them stand in the candidates.
TOLD_MAX = 10


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of routing. `partner_id` is empty where nobody can make the run; `reason` then says why.

    `candidates` are all partners that offer the variant, best first, then those that cannot, by name. `priority` and
    `promised_by` (epoch milliseconds) are what the rules made of the order's haste.
    """

    partner_id: str
    partner_variant: str
    candidates: tuple[Candidate, ...]
    rule_version: str
    priority: str
    promised_by: int
    reason: str = ""


def propose(request: RoutingRequested, offers: Mapping[str, Sequence[Offer]], judge: Judge) -> Proposal:
    """The best partner by the rules. Pure, and the order of the offers (by variant) does not matter."""
    terms, wanted = judge.terms(request), wanted_by(request)
    candidates = sorted(
        (candidate_of(wanted, offer) for offer in offers.get(request.variant_id, ())),
        key=lambda candidate: candidate.partner_id,
    )
    others = [
        (line.units, [candidate_of(_other(wanted, line.units, line.excluded_partner_ids), offer) for offer in found])
        for line in request.others
        if not line.partner_id and (found := offers.get(line.variant_id, ()))
    ]
    placed = frozenset(line.partner_id for line in request.others if line.partner_id)
    ranked = judge.rank(request, candidates, others, placed, terms)
    scored = [_scored(judged, terms, placed, bool(others)) for judged in ranked]
    able = {judged.candidate.partner_id for judged in ranked}
    unable = [_refused(candidate, judge) for candidate in candidates if candidate.partner_id not in able]
    best = scored[0] if scored else None
    return Proposal(
        partner_id=best.partner_id if best else "",
        partner_variant=best.partner_variant if best else "",
        candidates=(*scored, *unable),
        rule_version=judge.version,
        priority=terms.priority,
        promised_by=terms.promised_by,
        reason="" if best else _why_nobody(unable),
    )


def _other(wanted: Wanted, units: int, excluded: tuple[str, ...]) -> Wanted:
    """Another line of the same order; how large it is printed is known only when it is its turn."""
    return msgspec.structs.replace(wanted, units=units, printed=(), excluded=frozenset(excluded))


def _scored(judged: Judged, terms: Terms, placed: frozenset[str], has_others: bool) -> Candidate:
    candidate, parts = judged.candidate, judged.parts
    told = [f"cost {parts.cost} ({candidate.cost_minor} {candidate.currency} a unit)"]
    if parts.shipping:
        told.append(f"shipping {parts.shipping} ({_shipping_words(candidate)})")
    if candidate.distance_km == UNKNOWN_KM:
        told.append("distance not known")
    elif parts.distance:
        told.append(f"distance {parts.distance} ({candidate.distance_km} km)")
    told += [
        f"{words} {points}"
        for words, points in (
            ("customs border", parts.border),
            (f"load of {candidate.load_percent} %", parts.load),
            (f"{parts.days} days", parts.time),
            (f"{parts.late_days} days late", parts.lateness),
            ("misprints", parts.misprints),
            ("the line's other units come from another press", parts.other_press),
        )
        if points
    ]
    if beside := judged.order_points - parts.total:
        told.append(f"the order's other lines {beside}" if has_others else f"a further partner {beside}")
    elif candidate.partner_id in placed:
        told.append("it makes other lines of the order")
    if candidate.obstacle:
        told.append("calls to it fail at the moment, and nobody else can make it")
    haste = "" if terms.priority == "standard" else f"{terms.priority}: "
    return msgspec.structs.replace(
        candidate, eligible=True, obstacle="", score=judged.order_points, reason=haste + "; ".join(told)
    )


def _shipping_words(candidate: Candidate) -> str:
    if not candidate.shipping_currency:
        return "it never said what shipping costs"
    return f"{candidate.shipping_minor} {candidate.shipping_currency} a parcel, {candidate.shipping_method}"


def _refused(candidate: Candidate, judge: Judge) -> Candidate:
    if candidate.obstacle:
        return candidate
    obstacle, words = judge.obstacle(candidate)
    return msgspec.structs.replace(candidate, eligible=False, obstacle=obstacle, reason=words)


def _why_nobody(unable: list[Candidate]) -> str:
    if not unable:
        return "no partner offers this variant"
    told = "; ".join(f"{candidate.partner_id}: {candidate.reason}" for candidate in unable[:TOLD_MAX])
    return f"no partner can make it ({told})"
