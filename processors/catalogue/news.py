"""Which of a partner's webhooks speak of its offers.

They name products without prices, or stock without numbers, so each only means: ask the partner again, soon. What it
answers then is believed, and ten webhooks are one question.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.decoding import json_decoder

#: The word of the event, as each vendor's documentation of webhooks has it: Printful v2, Gelato, the house shop.
EVENTS_OF_OFFERS: Final = frozenset(
    {
        "catalog_stock_updated",
        "catalog_price_changed",
        "catalog_product_stock_availability_updated",
        "offers.changed",
    }
)


class _Event(msgspec.Struct):
    type: str = ""
    event: str = ""


_decode = json_decoder(_Event)


def tells_of_offers(body: bytes) -> bool:
    """Whether a webhook says that stock or prices changed. False for every other body, also for one that is none."""
    try:
        event = _decode(body)
    except msgspec.MsgspecError:
        return False
    return event.type in EVENTS_OF_OFFERS or event.event in EVENTS_OF_OFFERS
