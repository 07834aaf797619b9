"""Propose a partner for a print run: first what a partner must be able to do, then what is best about it.

Must-rules say no with a reason; scores compare those that are left by cost, distance, load and promise. Everything that
went in stands in the candidates, so that a proposal can be re-derived, and another rule version tried on old orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from events.order.facts import RoutingRequested
from events.order.values import Candidate
from processors.routing.places import FARTHEST_KM, distance_km, place_of
from projections.rows import Offer

EVERYWHERE = "*"


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What counts how much; the four parts add up to 1."""

    cost: float
    distance: float
    load: float
    promise: float


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the rules. A change of any number is a new version: facts name it for ever."""

    version: str = "routing-1"
    standard: Weights = Weights(cost=0.45, distance=0.2, load=0.15, promise=0.2)
    #: Whoever pays for haste gets the quick and near partner, dearer or not.
    express: Weights = Weights(cost=0.2, distance=0.25, load=0.15, promise=0.4)
    #: A partner this full takes no more.
    load_percent_max: int = 99

    def weights(self, priority: str) -> Weights:
        """The weights for an order's priority."""
        return self.express if priority == "express" else self.standard


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of routing. `partner_id` is empty where nobody can make the run; `reason` then says why.

    `candidates` are all partners that offer the variant, best first, then those that cannot, by name.
    """

    partner_id: str
    partner_variant: str
    candidates: tuple[Candidate, ...]
    rule_version: str
    reason: str = ""


def propose(request: RoutingRequested, offers: Iterable[Offer], rules: Rules) -> Proposal:
    """The best partner by the rules. Pure, and the order of the offers does not matter."""
    judged = [(offer, _obstacle(request, offer, rules)) for offer in offers]
    able = [offer for offer, obstacle in judged if not obstacle]
    scored = sorted(
        (_scored(request, offer, able, rules) for offer in able),
        key=lambda candidate: (-candidate.score, candidate.partner_id),
    )
    unable = sorted(
        (_refused(request, offer, obstacle) for offer, obstacle in judged if obstacle),
        key=lambda candidate: candidate.partner_id,
    )
    variants = {offer.partner.partner_id: offer.partner_variant for offer in able}
    best = scored[0].partner_id if scored else ""
    return Proposal(
        partner_id=best,
        partner_variant=variants.get(best, ""),
        candidates=(*scored, *unable),
        rule_version=rules.version,
        reason="" if best else _why_nobody(unable),
    )


def _obstacle(request: RoutingRequested, offer: Offer, rules: Rules) -> str:
    """The first must-rule that the partner breaks, in words; empty where it breaks none."""
    partner, units = offer.partner, len(request.units)
    if partner.partner_id in request.excluded_partner_ids:
        return "it has given up on these units already"
    if partner.suspended:
        return "it is suspended"
    if EVERYWHERE not in partner.ships_to and request.country not in partner.ships_to:
        return f"it does not ship to {request.country or 'an unknown country'}"
    if offer.stock < units:
        return f"it has {offer.stock} in stock and {units} are needed"
    if offer.load_percent > rules.load_percent_max:
        return f"it is full ({offer.load_percent} % load)"
    if partner.daily_capacity < units:
        return f"it makes {partner.daily_capacity} a day and {units} are needed"
    return ""


def _kilometres(request: RoutingRequested, offer: Offer) -> int | None:
    destination = place_of(request.country, request.region)
    if destination is None:
        return None
    return distance_km((offer.partner.latitude, offer.partner.longitude), destination)


def _scored(request: RoutingRequested, offer: Offer, able: list[Offer], rules: Rules) -> Candidate:
    """Each part lies from 0 to 1; the cheapest and the quickest partner set the measure for the others."""
    weights = rules.weights(request.priority)
    currency = _common_currency(able)
    cheapest = min(other.cost_minor for other in able if other.currency == currency)
    quickest = min(other.production_days for other in able)
    kilometres = _kilometres(request, offer)
    comparable = offer.currency == currency
    parts = {
        f"cost {offer.cost_minor} {offer.currency}"
        + ("" if comparable else f", not comparable with {currency}"): weights.cost
        * (_ratio(cheapest, offer.cost_minor) if comparable else 0.0),
        # Where the destination is not known, distance tells nobody apart.
        "distance not known" if kilometres is None else f"distance {kilometres} km": weights.distance
        * (1 - min(kilometres, FARTHEST_KM) / FARTHEST_KM if kilometres is not None else 1.0),
        f"load {offer.load_percent} %": weights.load * (1 - min(max(offer.load_percent, 0), 100) / 100),
        f"promise {offer.production_days} days": weights.promise * _ratio(quickest + 1, offer.production_days + 1),
    }
    return Candidate(
        partner_id=offer.partner.partner_id,
        eligible=True,
        score=round(sum(parts.values()), 6),
        reason="; ".join(f"{what}: {points:.3f}" for what, points in parts.items()),
        cost_minor=offer.cost_minor,
        currency=offer.currency,
        distance_km=kilometres or 0,
        load_percent=offer.load_percent,
        production_days=offer.production_days,
    )


def _ratio(best: int, this: int) -> float:
    """1 for the best, less for what is dearer or slower; nothing costs less than nothing."""
    return 1.0 if this <= 0 else max(best, 0) / this


def _common_currency(offers: list[Offer]) -> str:
    """The currency of most offers. Costs in others are not converted: a rate would be an input nobody recorded."""
    counted = Counter(offer.currency for offer in offers)
    return min(counted, key=lambda currency: (-counted[currency], currency))


def _refused(request: RoutingRequested, offer: Offer, obstacle: str) -> Candidate:
    return Candidate(
        partner_id=offer.partner.partner_id,
        eligible=False,
        score=0.0,
        reason=obstacle,
        cost_minor=offer.cost_minor,
        currency=offer.currency,
        distance_km=_kilometres(request, offer) or 0,
        load_percent=offer.load_percent,
        production_days=offer.production_days,
    )


def _why_nobody(unable: list[Candidate]) -> str:
    if not unable:
        return "no partner offers this variant"
    told = "; ".join(f"{candidate.partner_id}: {candidate.reason}" for candidate in unable[:10])
    return f"no partner can make it ({told})"
