"""What claims ask for: a review by the rules, and money given back, each with its effect key, attempt and deadline."""

from msgspec.structs import replace

from events.decider import Context
from events.identity import effect_key, request_id
from events.order.claims import Claim
from events.order.facts.claims import ClaimReviewRequested, RefundRequested
from events.order.state import Order
from events.order.work import answer_due_at


def claim_review_requested(order: Order, claim: Claim, context: Context) -> ClaimReviewRequested:
    """Ask for the claim rules to be applied."""
    effect = effect_key(context.key, "claim", claim.claim_id, "", 1)
    attempt = claim.attempt + 1
    return ClaimReviewRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        claim_id=claim.claim_id,
        kind=claim.kind,
        reason=claim.reason,
        wish=claim.wish,
        items=claim.items,
        pictures=claim.pictures,
        opened_at=claim.opened_at,
        currency=order.currency,
    )


def refund_requested(order: Order, claim: Claim, context: Context) -> RefundRequested:
    """Ask for a claim's money to be given back: the same effect key over every attempt, so that it is given once."""
    effect = effect_key(context.key, "refund", claim.claim_id, "", 1)
    attempt = claim.attempt + 1
    return RefundRequested(
        effect_key=effect,
        request_id=request_id(effect, attempt),
        attempt=attempt,
        due_at=answer_due_at(order, context, attempt),
        claim_id=claim.claim_id,
        amount_minor=claim.amount_minor,
        currency=order.currency,
        store=order.store,
        external_id=order.external_id,
        reason=claim.reason,
    )


def refund_requested_first(order: Order, claim: Claim, amount_minor: int, context: Context) -> RefundRequested:
    """Ask for the first time for this much of a claim's money."""
    return refund_requested(order, replace(claim, amount_minor=amount_minor, attempt=0), context)
