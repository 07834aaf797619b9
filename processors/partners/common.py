"""What vendors' adapters do alike: read times, sort refusals, say that nothing was ordered."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from processors.clock import millis
from processors.outbound import Answer, OutboundError, preview
from processors.partners.protocol import Deferred, Refused

#: Vendors that say whether a blank is there, and not how many, are taken to have so many.
UNCOUNTED_STOCK_UNITS: Final = 100_000

#: What is claimed for a run that was cancelled before it was submitted.
WITHDRAWN: Final = "withdrawn"

#: HTTP statuses in our words: (reason, retryable, needs a person).
BY_STATUS: Final[Mapping[int, tuple[str, bool, bool]]] = {
    400: ("invalid", False, True),
    401: ("credentials", False, True),
    402: ("funds", True, True),
    403: ("credentials", False, True),
    404: ("unknown_job", False, False),
    409: ("overloaded", True, False),
}

#: Conditions after which nothing more is made.
ENDS: Final = frozenset({"failed", "cancelled"})
SECOND_MS: Final = 1_000


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


def in_doubt(unread: Deferred) -> Deferred:
    """The vendor may have taken the order, and cannot be asked: nobody else may make it until it can."""
    return msgspec.structs.replace(unread, outcome_unknown=True)


def refusal(answer: Answer, said: str) -> Refused:
    """The vendor's no by its HTTP status, with what it `said`; a status without a rule needs a person."""
    reason, retryable, person = BY_STATUS.get(answer.status, ("invalid", False, True))
    detail = f"HTTP {answer.status}: {said or preview(answer.body)}"
    return Refused(reason=reason, retryable=retryable, needs_person=person, detail=detail)


def nonsense(answer: Answer, *, outcome_unknown: bool) -> Deferred:
    """The vendor answered with something that its own format does not allow."""
    return Deferred(
        reason="server_error",
        retry_after_ms=0,
        outcome_unknown=outcome_unknown,
        detail=f"HTTP {answer.status} with an unexpected body: {preview(answer.body)}",
    )


def millis_or_zero(moment: str | None) -> int:
    """A vendor's time, epoch milliseconds; 0 when it cannot be read."""
    try:
        return millis(moment or "")
    except (ValueError, OverflowError):
        return 0


def within_its_second(canonical: str | None, at: int) -> int:
    """A time of a vendor that tells whole seconds: what ended a run came after every stage of the same second."""
    return at + SECOND_MS - 1 if at and canonical in ENDS else at


def date_millis(answer: Answer) -> int:
    """The answer's own `Date`, epoch milliseconds; 0 without one."""
    try:
        return round(parsedate_to_datetime(answer.headers.get("date", "")).timestamp() * 1000)
    except ValueError:
        return 0
