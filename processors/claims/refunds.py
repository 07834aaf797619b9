"""Giving money back: what we need of whoever keeps the payments, and an adapter for a gateway over HTTP.

Payment lies outside this system, so the wire is our own and small: a shop's payment system, or a few lines in front of
it, answers two requests.

    POST /refunds            {"key", "store", "external_id", "amount_minor", "currency", "reason"}
                             Idempotency-Key: the effect key; 200 or 201 {"refund_id"}; 4xx {"error"} for a refusal
    GET  /refunds/{key}      200 {"refund_id"}, or 404 where none was made under the key

The effect key is in both, so that a refund whose answer was lost is found again and never made twice.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

import msgspec

from processors.outbound import Answer, Deferred, OutboundClient, OutboundError

REFERENCE_CHARACTERS_MAX: Final = 200


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money to be given back once. `amount_minor` is in minor units of `currency`."""

    effect_key: str
    store: str
    external_id: str
    amount_minor: int
    currency: str
    reason: str


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    """It was given back; `reference` is the payment system's own id."""

    reference: str


class RefundDeclined(msgspec.Struct, frozen=True, kw_only=True):
    """The payment system will not give it back, and nothing was."""

    reason: str


RefundOutcome: TypeAlias = Refunded | RefundDeclined | Deferred


class RefundGateway(Protocol):
    """Whoever keeps the payments. Safe for many calls at the same time."""

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back, once per effect key however often it is called."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class _Made(msgspec.Struct, frozen=True):
    refund_id: str


class _Declined(msgspec.Struct, frozen=True):
    error: str = ""


class HttpRefunds:
    """A gateway that speaks the wire above."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Ask whether it was made, then make it: also where the gateway forgot what an Idempotency-Key stood for."""
        try:
            known = await self._client.call(
                "GET", f"/refunds/{refund.effect_key}", idempotent=True, about=refund.effect_key
            )
            if known.status == 200:
                return _read(known)
            if known.status != 404:
                return _unexpected(known)
            body = {"key": refund.effect_key} | {
                name: getattr(refund, name) for name in ("store", "external_id", "amount_minor", "currency", "reason")
            }
            made = await self._client.call(
                "POST",
                "/refunds",
                json=body,
                idempotent=True,
                headers={"Idempotency-Key": refund.effect_key},
                about=refund.effect_key,
            )
        except OutboundError as error:
            return error.deferred()
        if made.status in {200, 201}:
            return _read(made)
        if 400 <= made.status < 500 and made.status not in {408, 409, 425}:
            # The gateway's own words may name the buyer, and facts are kept for ever: only a code is passed on.
            declined = made.read_as(_Declined)
            code = declined.error if declined is not None else ""
            return RefundDeclined(reason=code if _is_code(code) else "declined")
        return _unexpected(made)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _read(answer: Answer) -> RefundOutcome:
    made = answer.read_as(_Made)
    if made is None or not 0 < len(made.refund_id) <= REFERENCE_CHARACTERS_MAX:
        return _unexpected(answer)
    return Refunded(reference=made.refund_id)


def _unexpected(answer: Answer) -> Deferred:
    """An answer that says nothing usable: the key is asked about again after a wait."""
    return Deferred(
        reason="answer_lost", retry_after_ms=0, outcome_unknown=True, detail=f"unusable answer {answer.status}"
    )


def _is_code(word: str) -> bool:
    return 0 < len(word) <= 40 and word.replace("_", "").isascii() and word.replace("_", "").isalnum()
