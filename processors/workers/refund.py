"""Give money back, once: the payment system knows each refund by its effect key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from events.envelope import FactEnvelope
from events.order.claim_commands import ReportRefunded, ReportRefundFailed
from events.order.command_base import OrderCommand
from events.order.facts.claims import RefundRequested
from processors.claims.refunds import Refund, RefundDeclined, Refunded, RefundGateway
from processors.outbound import Deferred

NO_GATEWAY = "No payment system is set up (REFUND_BASE_URL): give the money back at the store by hand, and report it."


@dataclass(frozen=True, kw_only=True)
class GiveBack:
    """The effect of `RefundRequested`. Without a gateway each refund is shown to a person."""

    gateway: RefundGateway | None
    at_once: int = 8

    name: ClassVar[str] = "refund"
    request: ClassVar[type[RefundRequested]] = RefundRequested

    async def carry_out(self, fact: RefundRequested, envelope: FactEnvelope) -> OrderCommand:
        """Ask for the refund under its effect key: however often this is called, it is made once."""
        if self.gateway is None:
            return _failed(fact, "no_gateway", NO_GATEWAY, retryable=False)
        outcome = await self.gateway.refund(
            Refund(
                effect_key=fact.effect_key,
                store=fact.store,
                external_id=fact.external_id,
                amount_minor=fact.amount_minor,
                currency=fact.currency,
                reason=fact.reason,
            )
        )
        match outcome:
            case Refunded():
                return ReportRefunded(request_id=fact.request_id, claim_id=fact.claim_id, reference=outcome.reference)
            case RefundDeclined():
                return _failed(fact, outcome.reason, "The payment system declined it.", retryable=False)
            case Deferred():
                return _failed(fact, outcome.reason, "The payment system gave no usable answer.", retryable=True)


def _failed(fact: RefundRequested, reason: str, detail: str, *, retryable: bool) -> ReportRefundFailed:
    return ReportRefundFailed(
        request_id=fact.request_id, claim_id=fact.claim_id, reason=reason, detail=detail, retryable=retryable
    )
