"""Ask a partner to stop a print run, and tell the truth about its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import structlog

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportCancellationAnswered
from events.order.facts import PartnerCancellationRequested
from processors.outbound import Deferred
from processors.partners.protocol import CancelConfirmed, CancelTooLate, PrintPartner, Refused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """The effect of `PartnerCancellationRequested`. Asking a partner again gives the same answer."""

    partners: Mapping[str, PrintPartner]
    at_once: int = 8

    name: ClassVar[str] = "cancel"
    request: ClassVar[type[PartnerCancellationRequested]] = PartnerCancellationRequested

    async def carry_out(self, fact: PartnerCancellationRequested, envelope: FactEnvelope) -> OrderCommand | None:
        """Ask. Without an answer nothing is reported: the ledger's deadline asks again, and tells a person."""
        partner = self.partners.get(fact.partner_id)
        if partner is None:
            log.warning("cancel_without_adapter", partner=fact.partner_id, order_id=envelope.key)
            return None
        outcome = await partner.cancel(fact.submission_key, fact.reason)
        match outcome:
            case CancelConfirmed():
                return _answered(fact, confirmed=True, reason=fact.reason)
            case CancelTooLate():
                return _answered(
                    fact, confirmed=False, reason=f"The partner is too far with it ({outcome.raw_status})."
                )
            case Refused() | Deferred():
                log.warning(
                    "cancel_not_answered",
                    partner=fact.partner_id,
                    order_id=envelope.key,
                    reason=outcome.reason,
                    detail=outcome.detail[:300],
                )
                return None


def _answered(fact: PartnerCancellationRequested, *, confirmed: bool, reason: str) -> ReportCancellationAnswered:
    return ReportCancellationAnswered(
        request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=confirmed, reason=reason
    )
