"""What a partner's own words about its offers change in the catalogue: pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from events.catalogue.commands import CatalogueCommandUnion, ReportPartnerLoad, ReportPartnerOffer
from processors.partners.protocol import PartnerOffer, PartnerOffers
from processors.ports import NamedError

DAY_MS: Final = 86_400_000
#: Load is told in such steps: every unit more is no news.
LOAD_STEP_PERCENT: Final = 5
INTEGER_MAX: Final = 2**31 - 1


class NothingOffered(NamedError):
    """The partner suddenly offers nothing at all. That is not believed: look at its account and our credentials."""


def changes(
    told: PartnerOffers,
    known: Sequence[ReportPartnerOffer],
    load: ReportPartnerLoad | None,
    variants: Collection[str],
    asked_at: int,
) -> tuple[CatalogueCommandUnion, ...]:
    """What to say to the catalogue after a partner was asked at `asked_at`; nothing where all is as it was.

    What the partner does not state (print areas, the cost that was agreed to) stays. One of the partner's blanks may
    be several of our variants, of which it names one. A variant whose blank it no longer names is withdrawn; one that
    is none of ours is left out. Raises NothingOffered.
    """
    before = {offer.variant_id: offer for offer in known}
    now = {offer.variant: offer for offer in reversed(told.offers) if offer.variant in variants}
    if not now and any(not offer.withdrawn for offer in known):
        raise NothingOffered(f"{told.partner}: {NothingOffered.__doc__}")
    blanks = {offer.partner_variant: offer for offer in reversed(told.offers)}
    said: list[CatalogueCommandUnion] = []
    for variant_id in sorted(now.keys() | before.keys()):
        last = before.get(variant_id)
        named = now.get(variant_id) or (blanks.get(last.partner_variant) if last is not None else None)
        if named is not None:
            after = _offered(told.partner, named, last)
        else:
            after = msgspec.structs.replace(before[variant_id], stock=0, withdrawn=True)
        if after != last:
            said.append(msgspec.structs.replace(after, source_version=asked_at))
    percent = _load_percent(told)
    if percent != (load.load_percent if load is not None else 0):
        said.append(ReportPartnerLoad(source_version=asked_at, partner_id=told.partner, load_percent=percent))
    return tuple(said)


def _offered(partner_id: str, offer: PartnerOffer, known: ReportPartnerOffer | None) -> ReportPartnerOffer:
    """The newest description of an offer, with the version of the known one."""
    stated: dict[str, Any] = {
        "partner_variant": offer.partner_variant,
        "cost_minor": offer.unit_cost_minor,
        "currency": offer.currency,
        "stock": max(0, min(offer.stock_units, INTEGER_MAX)),
        "production_days": max(0, -(-offer.production_ms // DAY_MS)),
        "withdrawn": False,
    }
    if known is None:
        # What was asked for at first is what later costs are compared with.
        agreed: dict[str, Any] = {"accepted_cost_minor": offer.unit_cost_minor, "accepted_currency": offer.currency}
        return ReportPartnerOffer(source_version=0, partner_id=partner_id, variant_id=offer.variant, **stated, **agreed)
    after = msgspec.structs.replace(known, **stated)
    if not known.accepted_currency and (after.cost_minor, after.currency) != (known.cost_minor, known.currency):
        return msgspec.structs.replace(after, accepted_cost_minor=known.cost_minor, accepted_currency=known.currency)
    return after


def _load_percent(told: PartnerOffers) -> int:
    percent = 100 * max(0, told.load_units) / max(1, told.capacity_units_per_day)
    return min(INTEGER_MAX, round(percent / LOAD_STEP_PERCENT) * LOAD_STEP_PERCENT)
