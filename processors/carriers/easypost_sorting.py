"""EasyPost's refusals sorted into ours: try again, never, or ask a person."""

from collections.abc import Mapping
from typing import Final

import msgspec

from events.decoding import convert
from processors.carriers import easypost_wire as wire
from processors.carriers.protocol import Address, LabelRefused
from processors.outbound import Answer, preview

#: HTTP statuses in our words, where EasyPost's code says no more: (reason, retryable, needs a person).
BY_STATUS: Final[Mapping[int, tuple[str, bool, bool]]] = {
    401: ("credentials", False, True),
    402: ("funds", True, True),
    403: ("credentials", False, True),
    404: ("unknown_shipment", False, True),
    408: ("unavailable", True, False),
    422: ("invalid", False, True),
}

#: Field errors that mean that the address lacks something that its sender can add.
INCOMPLETE_ADDRESS: Final = ("MISSING", "REQUIRED", "BLANK")


def refused(answer: Answer) -> LabelRefused:
    """A refusal in our words, with everything that EasyPost wrote about it."""
    body = answer.read_as(wire.ErrorAnswer)
    if body is None:
        reason, retryable, person = BY_STATUS.get(answer.status, ("invalid", False, True))
        return LabelRefused(
            reason=reason,
            retryable=retryable,
            needs_person=person,
            detail=f"HTTP {answer.status}: {preview(answer.body)}",
        )
    error = body.error
    reason, retryable, person = _sorted(answer.status, error)
    said = [f"{error.code}: {error.message}"]
    for detail in error.errors:
        if isinstance(detail, str):
            said.append(detail)
        else:
            hint = f" (try {detail.suggestion})" if detail.suggestion else ""
            said.append(f"{detail.field}: {detail.message}{hint}")
    return LabelRefused(reason=reason, retryable=retryable, needs_person=person, detail="; ".join(said)[:1000])


#: EasyPost's names of an address's parts, and ours.
PARTS: Final[Mapping[str, str]] = {
    "street1": "street1", "street2": "street2", "city": "city", "state": "region", "zip": "postal_code",
}  # fmt: skip


def refused_address(answer: Answer, address: Address) -> LabelRefused:
    """A refusal of an address, with the better one that EasyPost suggests part by part."""
    refusal, body = refused(answer), answer.read_as(wire.ErrorAnswer)
    details = () if body is None else tuple(d for d in body.error.errors if isinstance(d, wire.ErrorDetail))
    better = {
        PARTS[detail.field or ""]: detail.suggestion
        for detail in details
        if detail.field in PARTS and isinstance(detail.suggestion, str) and detail.suggestion
    }
    if not better:
        return refusal
    suggested = convert(msgspec.to_builtins(address) | better, Address)
    return msgspec.structs.replace(refusal, suggested_address=suggested)


def _sorted(status: int, error: wire.ErrorBody) -> tuple[str, bool, bool]:
    code = error.code.upper()
    if code.startswith(("ADDRESS.", "E.ADDRESS")):
        fields = [d.code or "" for d in error.errors if isinstance(d, wire.ErrorDetail)]
        if any("NOT_FOUND" in field for field in fields) or not fields:
            return "address_not_found", False, True
        incomplete = all(any(word in field for word in INCOMPLETE_ADDRESS) for field in fields)
        return ("address_incomplete" if incomplete else "address_not_found"), False, True
    if code.startswith(("SHIPMENT.POSTAGE.FAILURE", "SHIPMENT.PURCHASE.FAILURE")):
        # The transporting company said no this time; nothing was paid.
        return "carrier_error", True, False
    if "RATES" in code or code.startswith("RATE."):
        return "no_service", True, False
    if code in ("INSUFFICIENT_FUNDS", "BILLING.INSUFFICIENT_FUNDS", "PAYMENT_REQUIRED"):
        return "funds", True, True
    return BY_STATUS.get(status, ("invalid", False, True))
