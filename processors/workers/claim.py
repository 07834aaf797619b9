"""Apply the claim rules to a return or a complaint; the ledger accepts what they propose, or asks a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from events.envelope import FactEnvelope
from events.order.claim_commands import ReportClaimReviewed
from events.order.facts.claims import ClaimReviewRequested
from processors.claims.judge import judge
from processors.claims.rules import ClaimRules


@dataclass(frozen=True, kw_only=True)
class ReviewClaim:
    """The effect of `ClaimReviewRequested`. `vendor_of` names whose terms hold at a partner."""

    rules: ClaimRules
    vendor_of: Callable[[str], str]
    at_once: int = 8

    name: ClassVar[str] = "claim"
    request: ClassVar[type[ClaimReviewRequested]] = ClaimReviewRequested

    async def carry_out(self, fact: ClaimReviewRequested, envelope: FactEnvelope) -> ReportClaimReviewed:
        """Judge; nothing outside is touched."""
        verdict = judge(fact, self.rules, self.vendor_of)
        return ReportClaimReviewed(
            request_id=fact.request_id,
            claim_id=fact.claim_id,
            verdict=verdict.outcome,
            reason=verdict.reason,
            rules_version=self.rules.version,
            faults=verdict.faults,
        )
