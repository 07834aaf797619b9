"""Fold facts about returns and claims. A claim is decided once, and what is paid for it is paid once."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from events.order import claims
from events.order.addresses import readdressed
from events.order.claims import Claim
from events.order.facts.claims import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    RefundRequested,
    ReturnOpened,
)
from events.order.state import Order, Run

ClaimEvent: TypeAlias = (
    ClaimOpened
    | ReturnOpened
    | ClaimReviewRequested
    | ClaimReferred
    | ClaimGranted
    | ClaimRefused
    | PartnerClaimNoted
    | RefundRequested
    | RefundMade
    | RefundFailed
)

STAGE_AFTER = {
    claims.REFUND: "refunding",
    claims.REPRINT: "reprinted",
    claims.RESHIP: "reshipped",
    claims.KEEP: "kept",
}
"""The stage of a claim by what was granted."""


def evolve_claims(order: Order, fact: ClaimEvent) -> Order:
    """The order after a fact about one of its claims."""
    if isinstance(fact, PartnerClaimNoted):
        return order
    claim = (
        _opened(fact) if isinstance(fact, ClaimOpened | ReturnOpened) else _evolve(order.claims[fact.claim_id], fact)
    )
    order = replace(order, claims={**order.claims, claim.claim_id: claim})
    if isinstance(fact, ClaimGranted) and fact.parcel_id:
        return _sent_again(order, fact)
    return order


def _opened(fact: ClaimOpened | ReturnOpened) -> Claim:
    complained = isinstance(fact, ClaimOpened)
    return Claim(
        claim_id=fact.claim_id,
        kind=claims.COMPLAINT if complained else claims.RETURN,
        reason=fact.reason if isinstance(fact, ClaimOpened) else claims.RETURNED_TO_SENDER,
        wish=fact.wish if isinstance(fact, ClaimOpened) else "",
        items=fact.items,
        pictures=len(fact.pictures) if isinstance(fact, ClaimOpened) else 0,
        opened_at=fact.opened_at,
    )


def _evolve(
    claim: Claim,
    fact: ClaimReviewRequested
    | ClaimReferred
    | ClaimGranted
    | ClaimRefused
    | RefundRequested
    | RefundMade
    | RefundFailed,
) -> Claim:
    match fact:
        case ClaimReviewRequested():
            return replace(claim, attempt=fact.attempt, effect_key=fact.effect_key)
        case ClaimReferred():
            return replace(claim, stage="referred", faults=fact.faults)
        case ClaimGranted():
            settled = replace(claim, stage=STAGE_AFTER[fact.outcome], amount_minor=fact.amount_minor, faults=())
            return replace(settled, attempt=0, effect_key="")
        case ClaimRefused():
            return replace(claim, stage="refused", faults=())
        case RefundRequested():
            asked = replace(claim, attempt=fact.attempt, effect_key=fact.effect_key)
            return replace(asked, waiting=False, failed=False)
        case RefundMade():
            return replace(claim, stage="refunded", waiting=False, failed=False)
        case RefundFailed():
            return replace(claim, waiting=fact.retryable, failed=not fact.retryable)
        case _:
            assert_never(fact)


def _sent_again(order: Order, fact: ClaimGranted) -> Order:
    """The runs are in their new parcel from now on, and a mended address is the order's."""
    runs = {(item.line_id, item.run) for item in fact.items}
    lines = {
        key: replace(line, runs=tuple(_moved(run, (key, run.run) in runs, fact.parcel_id) for run in line.runs))
        if any(line_id == key for line_id, _ in runs)
        else line
        for key, line in order.lines.items()
    }
    return readdressed(replace(order, lines=lines), fact)


def _moved(run: Run, is_sent_again: bool, parcel_id: str) -> Run:
    return replace(run, parcel_id=parcel_id) if is_sent_again else run
