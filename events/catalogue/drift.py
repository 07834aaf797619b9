"""What an offer's newest description says that a person should know before an order trips on it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from events.catalogue.facts import PartnerOfferChanged

VARIANT_VANISHED: Final = "variant_vanished"
OUT_OF_STOCK: Final = "out_of_stock"
PRICE_CHANGED: Final = "price_changed"

PRICE_DRIFT_PERCENT: Final = 5
"""So far a cost may go up or down from the agreed one before somebody is told.

It is a part of folding, hence a constant: read models of one history must not differ by a setting.
"""


def drift_of(offer: PartnerOfferChanged) -> Mapping[str, str]:
    """The exceptions that an offer is in, each with words for people; empty where all is well."""
    if offer.withdrawn:
        return {VARIANT_VANISHED: f"The partner no longer offers {offer.partner_variant}."}
    found: dict[str, str] = {}
    if offer.stock <= 0:
        found[OUT_OF_STOCK] = f"The partner has no {offer.partner_variant} in stock."
    if _costs_otherwise(offer):
        found[PRICE_CHANGED] = (
            f"{offer.partner_variant} costs {offer.cost_minor} {offer.currency} in minor units;"
            f" {offer.accepted_cost_minor} {offer.accepted_currency} were agreed to."
        )
    return found


def _costs_otherwise(offer: PartnerOfferChanged) -> bool:
    """Whether the cost is further from the agreed one than is borne in silence, or in another currency."""
    if not offer.accepted_currency:
        return False
    if offer.accepted_currency != offer.currency:
        return True
    difference = abs(offer.cost_minor - offer.accepted_cost_minor)
    return difference * 100 > offer.accepted_cost_minor * PRICE_DRIFT_PERCENT
