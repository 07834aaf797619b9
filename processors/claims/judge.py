"""What the claim rules propose for one claim: pure, so that the same claim under the same rules ends the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from events.order.claims import ClaimedUnits, PartnerFault
from events.order.facts.claims import ClaimReviewRequested
from processors.claims.rules import ClaimRules, ReasonRule, VendorTerms

DAY_MS: Final = 86_400_000
WITHIN_RULES: Final = "within_rules"
NO_TERMS: Final = VendorTerms()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed ('refund', 'reprint', 'keep', 'refuse' or 'person'), why, and what partners answer for."""

    outcome: str
    reason: str
    faults: tuple[PartnerFault, ...] = ()


def judge(claim: ClaimReviewRequested, rules: ClaimRules, vendor_of: Callable[[str], str]) -> Verdict:
    """Apply the rules. `vendor_of` names whose terms hold at a partner; an unknown one has none."""
    rule = rules.reasons.get(claim.reason)
    if rule is None:
        return Verdict(outcome="person", reason="reason_without_rule")
    if rule.outcome == "refuse":
        return Verdict(outcome="refuse", reason=rule.refusal)
    if rule.needs_picture and not claim.pictures:
        return Verdict(outcome="refuse", reason="picture_missing")
    if any(_is_late(claim, rule, item) for item in claim.items):
        return Verdict(outcome="refuse", reason="outside_window")
    faults = _faults(claim, rule, rules, vendor_of)
    if not rule.undelivered and any(not item.delivered_at for item in claim.items):
        return Verdict(outcome="person", reason="not_delivered", faults=faults)
    outcome = claim.wish if claim.wish in rule.wishes else rule.outcome
    if why_not := _beyond_limits(claim, rules, outcome):
        return Verdict(outcome="person", reason=why_not, faults=faults)
    return Verdict(outcome=outcome, reason="by_rule" if outcome == "person" else WITHIN_RULES, faults=faults)


def _is_late(claim: ClaimReviewRequested, rule: ReasonRule, item: ClaimedUnits) -> bool:
    ends_at = item.delivered_at + rule.window_days * DAY_MS
    return bool(rule.window_days and item.delivered_at) and claim.opened_at > ends_at


def _beyond_limits(claim: ClaimReviewRequested, rules: ClaimRules, outcome: str) -> str:
    """Why only a person may grant this; empty where the rules may."""
    if outcome == "reprint" and any(item.reprints >= rules.reprints_max for item in claim.items):
        return "reprints_used_up"
    if outcome == "refund":
        limit = rules.refund_max_minor.get(claim.currency)
        if limit is None or sum(item.price_minor for item in claim.items) > limit:
            return "amount_above_limit"
    return ""


def _faults(
    claim: ClaimReviewRequested, rule: ReasonRule, rules: ClaimRules, vendor_of: Callable[[str], str]
) -> tuple[PartnerFault, ...]:
    if not rule.partner_fault:
        return ()
    return tuple(_fault(claim, item, vendor_of(item.partner_id), rules) for item in claim.items)


def _fault(claim: ClaimReviewRequested, item: ClaimedUnits, vendor: str, rules: ClaimRules) -> PartnerFault:
    terms = rules.vendors.get(vendor, NO_TERMS)
    # What was never called delivered has no day to count from.
    file_by = item.delivered_at + terms.window_days * DAY_MS if terms.window_days and item.delivered_at else 0
    return PartnerFault(
        partner_id=item.partner_id,
        line_id=item.line_id,
        run=item.run,
        units=item.units,
        vendor=vendor,
        vendor_reason=terms.words.get(claim.reason, ""),
        file_by=file_by,
        in_time=not file_by or claim.opened_at <= file_by,
    )
