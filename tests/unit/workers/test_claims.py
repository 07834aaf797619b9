"""The claim rules: what they propose, whose fault it is, and how a refund is asked for."""

import asyncio
from typing import Any

import msgspec
import pytest

from events.envelope import FactEnvelope
from events.identity import request_id
from events.order.claim_commands import ReportRefunded, ReportRefundFailed
from events.order.claims import COMPLAINT_REASONS, OUTCOMES, RETURNED_TO_SENDER, ClaimedUnits
from events.order.facts import ClaimReviewRequested, RefundRequested
from processors.claims.judge import DAY_MS, Verdict, judge
from processors.claims.refunds import Refund, RefundDeclined, Refunded, RefundOutcome
from processors.claims.rules import ClaimRulesNotUsable, read_claim_rules, shipped_claim_rules
from processors.outbound import Deferred
from processors.workers.refund import GiveBack
from tests.order_life import NOW

RULES = shipped_claim_rules()
EFFECT = "e" * 32


def a_claim(reason: str = "damaged", *, days: float = 3, pictures: int = 1, **fields: Any) -> ClaimReviewRequested:
    """A claim that was opened so many days after its unit was delivered."""
    item = ClaimedUnits(
        line_id="1",
        run=1,
        units=(1,),
        partner_id="press-east",
        parcel_id="P1",
        delivered_at=NOW,
        price_minor=fields.pop("price_minor", 1_500),
        reprints=fields.pop("reprints", 0),
    )
    return ClaimReviewRequested(
        effect_key=EFFECT,
        request_id=request_id(EFFECT, 1),
        attempt=1,
        due_at=NOW,
        claim_id="C1",
        kind=fields.pop("kind", "complaint"),
        reason=reason,
        items=fields.pop("items", (item,)),
        pictures=pictures,
        opened_at=NOW + round(days * DAY_MS),
        currency=fields.pop("currency", "EUR"),
        **fields,
    )


def judged(claim: ClaimReviewRequested, vendor: str = "printify") -> Verdict:
    return judge(claim, RULES, lambda _: vendor)


def undelivered(claim: ClaimReviewRequested) -> ClaimReviewRequested:
    items = tuple(msgspec.structs.replace(item, delivered_at=0) for item in claim.items)
    return msgspec.structs.replace(claim, items=items)


@pytest.mark.parametrize(
    ("claim", "outcome", "reason"),
    [
        (a_claim(), "reprint", "within_rules"),
        (a_claim(wish="refund"), "refund", "within_rules"),
        (a_claim(days=30), "reprint", "within_rules"),
        (a_claim(days=30.001), "refuse", "outside_window"),
        (a_claim(pictures=0), "refuse", "picture_missing"),
        (a_claim("changed_mind", wish="refund"), "refuse", "made_to_order"),
        (a_claim("other", pictures=0, wish="refund"), "person", "by_rule"),
        (a_claim(reprints=2), "person", "reprints_used_up"),
        (a_claim(wish="refund", price_minor=5_001), "person", "amount_above_limit"),
        (a_claim(wish="refund", currency="JPY"), "person", "amount_above_limit"),
        (undelivered(a_claim()), "person", "not_delivered"),
        (undelivered(a_claim("not_arrived", pictures=0)), "person", "by_rule"),
        (undelivered(a_claim(RETURNED_TO_SENDER, kind="return", pictures=0)), "person", "by_rule"),
        (a_claim("unheard_of"), "person", "reason_without_rule"),
    ],
)
def test_the_shipped_rules_propose(claim: ClaimReviewRequested, outcome: str, reason: str) -> None:
    verdict = judged(claim)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_every_reason_has_a_rule_and_every_rule_ends_in_what_its_claim_can_end_in() -> None:
    assert set(RULES.reasons) == {*COMPLAINT_REASONS, RETURNED_TO_SENDER}
    for reason, rule in RULES.reasons.items():
        kind = "return" if reason == RETURNED_TO_SENDER else "complaint"
        assert {rule.outcome, *rule.wishes} <= OUTCOMES[kind] | {"person"}, reason


@pytest.mark.parametrize(
    ("vendor", "reason", "word", "days"),
    [
        ("printify", "damaged", "stained_or_damaged_item", 30),
        ("printify", "wrong_size_or_colour", "wrong_color_or_size", 30),
        ("printful", "damaged", "", 30),
        ("gelato", "damaged", "", 0),
        ("house", "damaged", "", 0),
    ],
)
def test_a_partners_fault_is_told_in_its_own_word_and_time(vendor: str, reason: str, word: str, days: int) -> None:
    (fault,) = judged(a_claim(reason), vendor).faults
    assert (fault.vendor, fault.vendor_reason, fault.in_time) == (vendor, word, True)
    assert fault.file_by == (NOW + days * DAY_MS if days else 0)


def test_a_fault_that_the_vendor_no_longer_takes_is_told_as_such() -> None:
    short = read_claim_rules(
        "{version: v, reprints_max: 2, reasons: {damaged: {outcome: reprint, partner_fault: true}},"
        " vendors: {printful: {window_days: 2}}}",
        "test",
    )
    (fault,) = judge(a_claim(days=3), short, lambda _: "printful").faults
    assert not fault.in_time


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{version: v}",
        "{version: v, reprints_max: 2, reasons: {demaged: {outcome: reprint}}}",
        "{version: v, reprints_max: 2, reasons: {damaged: {outcome: give}}}",
        "{version: v, reprints_max: 2, reasons: {damaged: {outcome: refuse}}}",
        "{version: v, reprints_max: 2, reasons: {damaged: {outcome: reprint, window: 3}}}",
        "{version: &a v, reprints_max: 2, reasons: {}, vendors: {x: *a}}",
        "{",
        " " * 70_000,
    ],
)
def test_rules_that_mean_nothing_are_refused_with_their_place(text: str) -> None:
    with pytest.raises(ClaimRulesNotUsable, match=r"rules\.yaml"):
        read_claim_rules(text, "rules.yaml")


class Gateway:
    def __init__(self, outcome: RefundOutcome) -> None:
        self.outcome = outcome
        self.asked: list[Refund] = []

    async def refund(self, refund: Refund) -> RefundOutcome:
        self.asked.append(refund)
        return self.outcome

    async def aclose(self) -> None:
        """Nothing is open."""


ASKED = RefundRequested(
    effect_key=EFFECT, request_id=f"{EFFECT}.1", attempt=1, due_at=NOW, claim_id="C1", amount_minor=1_500,
    currency="EUR", store="demo-rest", external_id="1001", reason="damaged",
)  # fmt: skip
ENVELOPE = FactEnvelope(
    key="order", tenant="demo", fact_type="RefundRequested", seq=1, position=1, recorded_at=NOW, actor="a",
    causation_id="c",
)  # fmt: skip
FAILED: dict[str, Any] = {"request_id": ASKED.request_id, "claim_id": "C1"}


@pytest.mark.parametrize(
    ("outcome", "report"),
    [
        (Refunded(reference="rf_1"), ReportRefunded(**FAILED, reference="rf_1")),
        (
            RefundDeclined(reason="expired"),
            ReportRefundFailed(**FAILED, reason="expired", detail="The payment system declined it."),
        ),
        (
            Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True),
            ReportRefundFailed(
                **FAILED, reason="answer_lost", detail="The payment system gave no usable answer.", retryable=True
            ),
        ),
    ],
)
def test_what_the_payment_system_says_is_reported(outcome: RefundOutcome, report: Any) -> None:
    gateway = Gateway(outcome)
    assert asyncio.run(GiveBack(gateway=gateway).carry_out(ASKED, ENVELOPE)) == report
    assert (gateway.asked[0].effect_key, gateway.asked[0].amount_minor) == (EFFECT, 1_500)


def test_without_a_payment_system_a_refund_is_for_a_person() -> None:
    report = asyncio.run(GiveBack(gateway=None).carry_out(ASKED, ENVELOPE))
    assert isinstance(report, ReportRefundFailed)
    assert (report.reason, report.retryable) == ("no_gateway", False)
