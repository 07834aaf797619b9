"""What the carriers' adapters have in common."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from processors.carriers.protocol import Rate
from processors.fetch import Fetched
from processors.inbound.reading import InputNotUsable, minor_units
from processors.outbound import Deferred

#: In these states the place is the buyer's own town, so it is left out of the report.
AT_THE_BUYER: Final = frozenset({"out_for_delivery", "available_for_pickup", "delivered"})


def millis(moment: str | None) -> int:
    """RFC 3339 as epoch milliseconds. `ValueError` for anything else, or without a time zone."""
    if moment is None:
        raise ValueError("a time is missing")
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return round(parsed.timestamp() * 1000)


class LabelFetcher(Protocol):
    """Fetches a label's file. The address comes from outside, so it must be a bounded, guarded fetcher."""

    async def fetch(self, url: str) -> Fetched:
        """The file, or `FetchRefused`."""
        ...


def answer_incomplete(detail: str) -> Deferred:
    """What was bought is there, but not all of it can be read yet: the next try reads it again."""
    return Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True, detail=detail)


def price_in_minor_units(amount: str, currency: str) -> int | None:
    """A price in major units as minor ones; None for what is no price."""
    try:
        price = Decimal(amount)
        if not price.is_finite() or price < 0:
            return None
        return minor_units(amount, currency)
    except (InvalidOperation, InputNotUsable):
        return None


def offered_rate(
    *, carrier: str, carrier_code: str, service: str, amount: str, currency: str, delivery_days: int | None
) -> Rate | None:
    """A rate in our shape; None for one whose price cannot be read. `amount` is decimal text in major units."""
    cost_minor = price_in_minor_units(amount, currency)
    if cost_minor is None:
        return None
    return Rate(
        carrier=carrier,
        carrier_code=carrier_code,
        service=service,
        cost_minor=cost_minor,
        currency=currency,
        delivery_days=delivery_days,
    )
