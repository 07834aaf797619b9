"""A complaint and the return of its goods can be open together: each unit is answered once, by money or by goods."""

from typing import Any

import pytest

from events.order.claim_commands import DecideClaim, ReportClaimReviewed
from events.order.facts import (
    ClaimGranted,
    ClaimReferred,
    ClaimReviewRequested,
    ExceptionRaised,
    LabelPurchased,
    RefundRequested,
)
from events.order.parcel_commands import WithdrawParcel
from events.order.refusals import UnitsClaimedAlready, UnitsMadeAgain, UnitsReplaced
from tests.unit.order.spec import Step, a, everybody_answers_until, given
from tests.unit.order.test_claims import DELIVERED, RETURNED, complaint

BOTH_OPEN = (*DELIVERED, complaint(1, 2, reason="not_arrived"), RETURNED)
"""C1 is the complaint, C2 the return, and neither was reviewed yet."""


def decided(claim_id: str, outcome: str) -> DecideClaim:
    return DecideClaim(claim_id=claim_id, outcome=outcome)


def rules_propose(claim_id: str, verdict: str) -> Step:
    def step(history: Any) -> ReportClaimReviewed:
        asked = next(f for f in history.facts if isinstance(f, ClaimReviewRequested) and f.claim_id == claim_id)
        return ReportClaimReviewed(
            request_id=asked.request_id,
            claim_id=claim_id,
            verdict=verdict,
            reason="within_rules",
            rules_version="r1",
        )

    return step


@pytest.mark.parametrize(
    ("first", "then", "refusal"),
    [
        (decided("C2", "reship"), decided("C1", "refund"), UnitsReplaced),
        (decided("C2", "reprint"), decided("C1", "refund"), UnitsReplaced),
        (decided("C2", "reship"), decided("C1", "reprint"), UnitsReplaced),
        (decided("C1", "refund"), decided("C2", "reprint"), UnitsClaimedAlready),
        (decided("C1", "refund"), decided("C2", "reship"), UnitsMadeAgain),
    ],
)
def test_a_person_is_refused_a_second_answer_for_the_same_units(
    first: DecideClaim, then: DecideClaim, refusal: Any
) -> None:
    given(*BOTH_OPEN, first).when(then).then_refused(refusal)


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (decided("C2", "reship"), rules_propose("C1", "refund"), "UnitsReplaced"),
        (decided("C2", "reprint"), rules_propose("C1", "refund"), "made_again"),
        (decided("C2", "reship"), rules_propose("C1", "reprint"), "UnitsReplaced"),
        (decided("C1", "refund"), rules_propose("C2", "reprint"), "UnitsClaimedAlready"),
    ],
)
def test_a_second_answer_that_the_rules_propose_is_left_to_a_person(
    first: DecideClaim, then: Step, reason: str
) -> None:
    given(*BOTH_OPEN, first).when(then).then(a(ClaimReferred, reason=reason), ExceptionRaised)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (decided("C1", "refund"), decided("C2", "keep")),
        (decided("C2", "reship"), decided("C1", "refuse")),
        (decided("C1", "refuse"), decided("C2", "refund")),
        (decided("C2", "keep"), decided("C1", "refund")),
    ],
)
def test_the_other_claim_ends_without_a_second_answer(first: DecideClaim, then: DecideClaim) -> None:
    outcome = given(*BOTH_OPEN, first).when(then)
    assert not any(claim.is_open for claim in outcome.order.claims.values())


def test_goods_that_were_sent_again_can_be_claimed_and_paid_back_like_any_others() -> None:
    arrived = (decided("C2", "reship"), decided("C1", "refuse"), everybody_answers_until(ClaimReviewRequested))
    outcome = given(*BOTH_OPEN, *arrived, complaint(1, 2)).when(decided("C3", "refund"))
    outcome.then(a(ClaimGranted, amount_minor=3_000), a(RefundRequested, amount_minor=3_000))


def test_money_is_given_back_once_the_goods_that_were_to_be_sent_again_were_taken_back() -> None:
    labelled = everybody_answers_until(ClaimReviewRequested, LabelPurchased)
    taken_back = WithdrawParcel(parcel_id="P2", send_again=False, reason="The buyer wants the money.")
    outcome = given(*BOTH_OPEN, decided("C2", "reship"), labelled, taken_back).when(decided("C1", "refund"))
    outcome.then_among_others(a(RefundRequested, claim_id="C1", amount_minor=3_000))
