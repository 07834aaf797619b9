"""What is known of a partner when a line is routed: one `Candidate` an offer, before any rule has judged it.

Must-rules that follow from facts alone (it does not ship there, it is closed, nothing is in stock) are applied here,
because no version of the rules changes them; limits and weights that rules set are applied by `judge`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

import msgspec

from events.catalogue.facts import ShippingMethod
from events.order.facts import RoutingRequested
from events.order.values import Candidate, PrintedArea
from processors.routing.places import distance_km, place_of
from processors.routing.rules import EXPRESS
from projections.rows import Offer, Partner

EVERYWHERE = "*"
UNKNOWN_KM = -1
UNREACHABLE = "unreachable"
DAYS_NEVER_SAID = 366


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner is wanted for: some units of a variant, to a destination, at a moment (epoch milliseconds)."""

    units: int
    country: str
    region: str
    at: int
    printed: tuple[PrintedArea, ...] = ()
    excluded: frozenset[str] = frozenset()
    #: Whether somebody paid for haste: then the quickest way to the door is reckoned with, else the cheapest.
    in_haste: bool = False


def wanted_by(request: RoutingRequested) -> Wanted:
    """What the line of a request needs."""
    return Wanted(
        units=len(request.units),
        country=request.country,
        region=request.region,
        at=request.asked_at,
        printed=request.printed,
        excluded=frozenset(request.excluded_partner_ids),
        in_haste=request.priority == EXPRESS,
    )


def candidate_of(wanted: Wanted, offer: Offer) -> Candidate:
    """An offer with all that routing goes by; not eligible where a fact stands against it."""
    partner = offer.partner
    obstacle, reason = _obstacle(wanted, offer)
    way = _way(partner, wanted)
    return Candidate(
        partner_id=partner.partner_id,
        eligible=not obstacle,
        score=0,
        reason=reason,
        obstacle=obstacle,
        partner_variant=offer.partner_variant,
        cost_minor=offer.cost_minor,
        currency=offer.currency,
        shipping_minor=way.cost_minor if way else 0,
        shipping_currency=way.currency if way else "",
        shipping_method=way.method if way else "",
        country=partner.country,
        distance_km=_kilometres(wanted, partner),
        stock=offer.stock,
        daily_capacity=partner.daily_capacity,
        load_percent=offer.load_percent,
        production_days=offer.production_days,
        transit_days=_transit_days(partner, wanted.country, way),
        scale_percent=_scale_percent(wanted.printed, offer) or 0,
        inspected_units=partner.inspected_units,
        defective_units=partner.defective_units,
    )


def _obstacle(wanted: Wanted, offer: Offer) -> tuple[str, str]:
    """The first fact that stands against a partner: its name and the words for people; empty where there is none."""
    partner = offer.partner
    if partner.partner_id in wanted.excluded:
        return "gave_up", "it has given up on these units already"
    if partner.suspended:
        return "suspended", "it is suspended"
    for outage in partner.outages:
        if outage.begins_at <= wanted.at < outage.ends_at:
            until = datetime.fromtimestamp(outage.ends_at / 1_000, UTC)
            return "closed", f"it is closed until {until:%Y-%m-%d %H:%M} UTC"
    if not _reaches(partner, wanted.country):
        return "no_shipping", f"it does not ship to {wanted.country or 'an unknown country'}"
    if offer.stock < wanted.units:
        return "out_of_stock", f"it has {offer.stock} in stock and {wanted.units} are needed"
    if partner.daily_capacity < wanted.units:
        return "too_small", f"it makes {partner.daily_capacity} a day and {wanted.units} are needed"
    if _scale_percent(wanted.printed, offer) is None:
        return "no_print_area", "it cannot print where the artwork stands"
    # Last, because it is the one that passes by itself: who is out for this alone is asked where nobody else is left.
    if partner.unreachable:
        return UNREACHABLE, "calls to it fail at the moment"
    return "", ""


def _reaches(partner: Partner, country: str) -> bool:
    """Whether a partner sends to a country, by one of its ways where it has named them."""
    listed = EVERYWHERE in partner.ships_to or country in partner.ships_to
    methods = partner.shipping_methods
    return listed and (not methods or any(_goes_to(method, country) for method in methods))


def _goes_to(method: ShippingMethod, country: str) -> bool:
    return EVERYWHERE in method.countries or country in method.countries


def _way(partner: Partner, wanted: Wanted) -> ShippingMethod | None:
    """The way in which the parcel would go: the quickest in haste, else the cheapest; None where none is named.

    A way that names no currency has no price, and comes after those that have one.
    """

    def order(method: ShippingMethod) -> tuple[bool, int, int]:
        days = method.days_max or DAYS_NEVER_SAID
        return not method.currency, *((days, method.cost_minor) if wanted.in_haste else (method.cost_minor, days))

    ways = [method for method in partner.shipping_methods if _goes_to(method, wanted.country)]
    return min(ways, key=lambda method: (*order(method), method.method), default=None)


def _transit_days(partner: Partner, country: str, way: ShippingMethod | None) -> int:
    """Days on the road: what the partner says of the country, else those of the way; 0 where it never said."""
    if (said := partner.transit_days.get(country)) is not None:
        return said
    return (way.days_max if way else 0) or partner.transit_days.get(EVERYWHERE, 0)


def _kilometres(wanted: Wanted, partner: Partner) -> int:
    destination = place_of(wanted.country, wanted.region)
    return UNKNOWN_KM if destination is None else distance_km((partner.latitude, partner.longitude), destination)


def _scale_percent(printed: tuple[PrintedArea, ...], offer: Offer) -> int | None:
    """By how much the artwork must shrink to fit the partner's areas, in per cent; None where an area is missing.

    An offer without print areas is one of a partner that never told them: nothing stands against it.
    """
    if not offer.print_areas or not printed:
        return 0
    most = 0.0
    for wanted in printed:
        named = [area for area in offer.print_areas if not wanted.area or area.name == wanted.area]
        if not named:
            return None
        area = named[0]
        scale = min(area.width_um / max(wanted.width_um, 1), area.height_um / max(wanted.height_um, 1))
        most = max(most, 100 * (1 - scale))
    # A tenth of a per cent is the rounding of pixels.
    return max(0, ceil(most - 0.1))
