"""What the carriers' adapters have in common."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Final, Protocol

import msgspec

from processors.carriers.protocol import Address, LabelRefused, Rate, TrackingOutcome
from processors.fetch import Fetched
from processors.inbound.reading import minor_units
from processors.outbound import Answer, Deferred, preview

#: In these states the place is the buyer's own town, so it is left out of the report.
AT_THE_BUYER: Final = frozenset({"out_for_delivery", "available_for_pickup", "delivered"})
#: A track with a long journey is some tens of kilobytes.
WEBHOOK_MAX_BYTES: Final = 512 * 1024
#: What costs so much, in major units, is no label.
PRICE_END: Final = 1_000_000_000


class LabelFetcher(Protocol):
    """Fetches a label's file. The address comes from outside, so it must be a bounded, guarded fetcher."""

    async def fetch(self, url: str) -> Fetched:
        """The file, or `FetchRefused`."""
        ...


def answer_incomplete(detail: str) -> Deferred:
    """What was bought is there, but not all of it can be read yet: the next try reads it again."""
    return Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True, detail=detail)


def price_in_minor_units(amount: str, currency: str) -> int | None:
    """A price in major units as minor ones; None for what is no price.

    A part of a minor unit counts as a whole one, because a label that is paid for must not hang on its price.
    """
    try:
        price = Decimal(amount)
    except InvalidOperation:
        return None
    if not price.is_finite() or not 0 <= price < PRICE_END:
        return None
    return ceil(price * minor_units("1", currency))


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


#: Our word for a shipment that the carrier does not know.
UNKNOWN_SHIPMENT: Final = "unknown_shipment"
#: HTTP statuses of a refusal in our words: (reason, retryable, needs a person).
BY_STATUS: Final[Mapping[int, tuple[str, bool, bool]]] = {
    401: ("credentials", False, True),
    402: ("funds", True, True),
    403: ("credentials", False, True),
    404: (UNKNOWN_SHIPMENT, False, True),
    408: ("unavailable", True, False),
}


def refused_by_status(answer: Answer) -> LabelRefused:
    """A refusal by its HTTP status, with the start of what the carrier wrote."""
    reason, retryable, person = BY_STATUS.get(answer.status, ("invalid", False, True))
    detail = f"HTTP {answer.status}: {preview(answer.body)}"
    return LabelRefused(reason=reason, retryable=retryable, needs_person=person, detail=detail)


def nonsense(answer: Answer, *, outcome_unknown: bool) -> Deferred:
    """The carrier answered with something that its own format does not allow."""
    detail = f"HTTP {answer.status}: {preview(answer.body)}"
    return Deferred(reason="server_error", retry_after_ms=0, outcome_unknown=outcome_unknown, detail=detail)


def untracked(answer: Answer) -> TrackingOutcome:
    """What an answer without a track says of a parcel: a carrier that does not know the parcel saw nothing of it."""
    return () if answer.status == 404 else nonsense(answer, outcome_unknown=False)


def corrected(
    address: Address, street1: str | None, street2: str | None, city: str | None, region: str | None, code: str | None
) -> Address:
    """The address in the carrier's spelling; what the carrier leaves empty stays, but for the second street line."""
    return msgspec.structs.replace(
        address,
        street1=street1 or address.street1,
        street2=street2 or None,
        city=city or address.city,
        region=region or address.region,
        postal_code=code or address.postal_code,
    )
