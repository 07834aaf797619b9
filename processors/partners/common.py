"""What vendors' adapters do alike: read times, say that nothing was ordered, keep hostile webhooks small."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from processors.outbound import Answer, OutboundError, preview
from processors.partners.protocol import Deferred, WebhookNotGenuine


class ReceivingAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vendor that ships by itself sends what it printed: our own door."""

    name: str
    address1: str
    city: str
    country_code: str
    zip: str
    state_code: str | None = None
    phone: str | None = None
    #: Some vendors' carriers ask for one.
    email: str | None = None


def nothing_ordered(error: OutboundError) -> Deferred:
    """A draft is not made: whatever became of the request, nothing is being printed by it."""
    return msgspec.structs.replace(error.deferred(), outcome_unknown=False)


def nonsense(answer: Answer, *, outcome_unknown: bool) -> Deferred:
    """The vendor answered with something that its own format does not allow."""
    return Deferred(
        reason="server_error",
        retry_after_ms=0,
        outcome_unknown=outcome_unknown,
        detail=f"HTTP {answer.status} with an unexpected body: {preview(answer.body)}",
    )


def millis(moment: str) -> int:
    """RFC 3339 as epoch milliseconds. `ValueError` for anything else, or without a time zone."""
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return round(parsed.timestamp() * 1000)


def millis_or_zero(moment: str | None) -> int:
    """A vendor's time, epoch milliseconds; 0 when it cannot be read."""
    try:
        return millis(moment or "")
    except (ValueError, OverflowError):
        return 0


def date_millis(answer: Answer) -> int:
    """The answer's own `Date`, epoch milliseconds; 0 without one."""
    try:
        return round(parsedate_to_datetime(answer.headers.get("date", "")).timestamp() * 1000)
    except ValueError:
        return 0


def header_of(headers: Mapping[str, str], name: str) -> str | None:
    """A header, whatever its case."""
    return next((value for found, value in headers.items() if found.lower() == name), None)


def refuse_large(body: bytes, bytes_max: int) -> None:
    """WebhookNotGenuine when a body is larger than is read."""
    if len(body) > bytes_max:
        raise WebhookNotGenuine(f"{len(body)} bytes, at most {bytes_max} are read")
