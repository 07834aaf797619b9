"""Returns and complaints: opened for what was sent, decided once by rules or a person, paid once."""

from typing import Any

import msgspec
import pytest

from events.order.claim_commands import (
    DecideClaim,
    OpenClaim,
    ReportClaimReviewed,
    ReportRefunded,
    ReportRefundFailed,
)
from events.order.claims import CLAIMS_MAX, ClaimedUnits, PartnerFault
from events.order.commands import ErasePersonalData, RequestReprint, ResolveException
from events.order.facts import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    LabelRequested,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    RefundRequested,
    ReprintRequested,
    ReturnOpened,
    ShipmentReturned,
    SubmissionRequested,
    TrackingObserved,
)
from events.order.refusals import (
    AlreadyErased,
    ClaimDecidedAlready,
    ClaimOutcomeUnfit,
    ClaimReasonUnknown,
    ClaimUnknown,
    LineUnknown,
    RefundOutOfRange,
    TooManyClaims,
    UnitsBeingMade,
    UnitsClaimedAlready,
    UnitsMadeAgain,
    UnitsNotSent,
)
from events.order.values import LineUnits
from tests.order_life import World, a_file, a_line, a_store_order, placed
from tests.unit.order.spec import Given, Step, a, answer_to, deadline, everybody_answers_until, given, report_on

WORLD = World()
TWO = placed(a_store_order(lines=(a_line(quantity=2),)))
DELIVERED = (TWO, everybody_answers_until(ClaimReviewRequested, RefundRequested))
RETURNED = WORLD.tracking("P1", "returned", 50)
FAULT = PartnerFault(
    partner_id="press-east", line_id="1", run=1, units=(1,), vendor="printify", vendor_reason="image_quality"
)


def complaint(*units: int, reason: str = "damaged", line_id: str = "1", wish: str = "") -> OpenClaim:
    lines = (LineUnits(line_id=line_id, units=units),)
    return OpenClaim(lines=lines, reason=reason, wish=wish, note=b"sealed", pictures=(a_file("picture"),))


def reviewed(verdict: str, reason: str = "within_rules", faults: tuple[PartnerFault, ...] = ()) -> Step:
    return report_on(
        ClaimReviewRequested,
        lambda asked: ReportClaimReviewed(
            request_id=asked.request_id,
            claim_id=asked.claim_id,
            verdict=verdict,
            reason=reason,
            rules_version="r1",
            faults=faults,
        ),
    )


def refund_failed(*, retryable: bool) -> Step:
    return report_on(
        RefundRequested,
        lambda asked: ReportRefundFailed(
            request_id=asked.request_id, claim_id=asked.claim_id, reason="declined", retryable=retryable
        ),
    )


def decide(outcome: str, **fields: Any) -> DecideClaim:
    return DecideClaim(claim_id="C1", outcome=outcome, **fields)


def complained(*steps: Given) -> tuple[Given, ...]:
    return (*DELIVERED, complaint(1), *steps)


def test_a_complaint_names_run_parcel_and_price_of_its_units_and_is_reviewed() -> None:
    outcome = given(*DELIVERED).when(complaint(1))
    item = ClaimedUnits(
        line_id="1", run=1, units=(1,), partner_id="press-east", parcel_id="P1", delivered_at=1_790_000_000_040,
        price_minor=1_500,
    )  # fmt: skip
    outcome.then(
        a(ClaimOpened, claim_id="C1", items=(item,), note=b"sealed"), a(ClaimReviewRequested, items=(item,), pictures=1)
    )
    outcome.waits_for("claim:C1").status_is("delivered").then_told("buyer: claim_opened-C1", "store: claim_to_store-C1")


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (complaint(3), UnitsNotSent),
        (complaint(), UnitsNotSent),
        (complaint(1, line_id="9"), LineUnknown),
        (complaint(1, reason="bored"), ClaimReasonUnknown),
        (complaint(1, wish="a pony"), ClaimReasonUnknown),
        (msgspec.structs.replace(complaint(1), pictures=(a_file("p"),) * 6), TooManyClaims),
        (msgspec.structs.replace(complaint(1), lines=()), UnitsNotSent),
    ],
)
def test_a_complaint_that_cannot_be_looked_at_is_refused(command: OpenClaim, refusal: Any) -> None:
    given(*DELIVERED).when(command).then_refused(refusal)


def test_what_has_not_left_cannot_be_claimed() -> None:
    given(TWO, everybody_answers_until(LabelRequested)).when(complaint(1)).then_refused(UnitsNotSent)
    given(TWO).when(complaint(1)).then_refused(UnitsNotSent)


def test_a_unit_has_one_open_claim_and_is_paid_once() -> None:
    scenario = given(*complained())
    scenario.when(complaint(1, 2)).then_refused(UnitsClaimedAlready)
    scenario.when(complaint(2)).then(a(ClaimOpened, claim_id="C2"), ClaimReviewRequested)
    paid = given(*complained(reviewed("refund"), answer_to(RefundRequested)))
    paid.when(complaint(1)).then_refused(UnitsClaimedAlready)


def test_an_order_has_a_bounded_number_of_claims() -> None:
    refused = [step for _ in range(CLAIMS_MAX) for step in (complaint(1), reviewed("refuse", "as_ordered"))]
    given(*DELIVERED, *refused).when(complaint(1)).then_refused(TooManyClaims)


def test_rules_that_refund_ask_for_the_money_once() -> None:
    outcome = given(*complained()).when(reviewed("refund"))
    outcome.then(
        a(ClaimGranted, outcome="refund", amount_minor=1_500, currency="EUR", rules_version="r1"),
        a(RefundRequested, attempt=1, amount_minor=1_500, external_id="1001"),
    )
    outcome.waits_for("refund:C1").then_told("buyer: claim_refund-C1", "store: claim_granted-C1")
    paid = outcome.and_when(answer_to(RefundRequested))
    paid.then(a(RefundMade, claim_id="C1", amount_minor=1_500)).waits_for()
    paid.and_when(answer_to(RefundRequested)).then_ignored()


def test_a_review_that_comes_twice_or_late_is_ignored() -> None:
    given(*complained(reviewed("refund"))).when(reviewed("reprint")).then_ignored()
    given(*complained(decide("refuse"))).when(reviewed("refund")).then_ignored()


def test_rules_that_reprint_print_the_same_files_again_with_the_claim_as_reason() -> None:
    outcome = given(*complained()).when(reviewed("reprint", faults=(FAULT,)))
    outcome.then(
        a(ClaimGranted, outcome="reprint", amount_minor=0),
        PartnerClaimNoted(claim_id="C1", fault=FAULT),
        a(ReprintRequested, run=2, of_run=1, units=(1,), reason_code="damaged", claim_id="C1"),
        a(SubmissionRequested, run=2, version=1),
    )


def test_each_claimed_run_is_printed_again_in_a_run_of_its_own() -> None:
    runs = (complaint(1), reviewed("reprint"), everybody_answers_until(ClaimReviewRequested))
    outcome = given(*DELIVERED, *runs, complaint(1, 2)).when(reviewed("person"))
    outcome.and_when(DecideClaim(claim_id="C2", outcome="reprint")).then_among_others(
        a(ReprintRequested, run=3, of_run=2, units=(1,)), a(ReprintRequested, run=4, of_run=1, units=(2,))
    )


def test_rules_that_refuse_tell_buyer_and_store_why() -> None:
    outcome = given(*complained()).when(reviewed("refuse", "outside_window"))
    outcome.then(a(ClaimRefused, reason="outside_window", detail="The time within which this can be claimed is over."))
    outcome.then_told("buyer: claim_refused-C1", "store: claim_refused_store-C1").waits_for()


def test_what_rules_leave_to_a_person_is_shown_until_it_is_decided() -> None:
    outcome = given(*complained()).when(reviewed("person", "amount_above_limit", faults=(FAULT,)))
    outcome.then(
        a(ClaimReferred, reason="amount_above_limit", faults=(FAULT,)),
        a(ExceptionRaised, exception_id="claim_open:C1", blocking=False),
    ).status_is("delivered")
    outcome.and_when(decide("refund", amount_minor=700)).then(
        a(ClaimGranted, outcome="refund", amount_minor=700, rules_version=""),
        PartnerClaimNoted(claim_id="C1", fault=FAULT),
        a(RefundRequested, amount_minor=700),
        a(ExceptionResolved, exception_id="claim_open:C1"),
    )


@pytest.mark.parametrize("verdict", ["keep", "reship", "nonsense", ""])
def test_a_verdict_that_does_not_fit_a_complaint_goes_to_a_person(verdict: str) -> None:
    given(*complained()).when(reviewed(verdict)).then(ClaimReferred, ExceptionRaised)


def test_a_claim_is_decided_once() -> None:
    given(*complained(decide("refund"))).when(decide("reprint")).then_refused(ClaimDecidedAlready)
    given(*complained(decide("reprint"))).when(decide("refund")).then_refused(ClaimDecidedAlready)
    given(*complained(decide("refuse"))).when(decide("refuse")).then_refused(ClaimDecidedAlready)
    given(*complained()).when(DecideClaim(claim_id="C9", outcome="refund")).then_refused(ClaimUnknown)
    given(*complained()).when(decide("keep")).then_refused(ClaimOutcomeUnfit)


@pytest.mark.parametrize("amount_minor", [-1, 1_501, 2**62])
def test_nobody_gives_back_more_than_the_units_cost(amount_minor: int) -> None:
    given(*complained()).when(decide("refund", amount_minor=amount_minor)).then_refused(RefundOutOfRange)


def test_refunds_together_never_exceed_what_the_order_cost() -> None:
    reduced = msgspec.structs.replace(a_store_order(lines=(a_line(quantity=2),)), total_minor=2_000)
    scenario = given(placed(reduced), *DELIVERED[1:], complaint(1), reviewed("refund"), complaint(2))
    scenario.when(reviewed("refund")).then(a(ClaimGranted, amount_minor=500), a(RefundRequested, amount_minor=500))


def test_a_refund_that_fails_for_now_is_tried_again_under_the_same_key() -> None:
    scenario = given(*complained(reviewed("refund")))
    first = scenario.history.newest(RefundRequested)
    scenario.when(refund_failed(retryable=True)).then(a(RefundFailed, retryable=True), DeadlineSet)
    scenario.when(refund_failed(retryable=True)).then_ignored()
    scenario.when(deadline("refund:C1")).then(
        DeadlinePassed, a(RefundRequested, attempt=2, effect_key=first.effect_key, amount_minor=1_500)
    )


def test_a_refund_that_was_declined_waits_for_a_person() -> None:
    outcome = given(*complained(reviewed("refund"))).when(refund_failed(retryable=False))
    outcome.then(a(RefundFailed, retryable=False), a(ExceptionRaised, exception_id="refund_failed:C1"))
    again = outcome.and_when(ResolveException(exception_id="refund_failed:C1", how="mended"))
    again.then(ExceptionResolved, a(RefundRequested, attempt=2)).waits_for("refund:C1")


def test_money_that_a_person_gave_back_settles_a_refund_that_was_declined() -> None:
    by_hand = report_on(
        RefundRequested, lambda asked: ReportRefunded(request_id=asked.request_id, claim_id="C1", reference="by hand")
    )
    outcome = given(*complained(reviewed("refund"), refund_failed(retryable=False))).when(by_hand)
    outcome.then(a(RefundMade, reference="by hand"), a(ExceptionResolved, exception_id="refund_failed:C1"))


@pytest.mark.parametrize("key", ["claim:C1", "refund:C1"])
def test_work_that_nobody_answers_is_asked_for_again(key: str) -> None:
    steps = complained() if key == "claim:C1" else complained(reviewed("refund"))
    asked = ClaimReviewRequested if key == "claim:C1" else RefundRequested
    given(*steps).when(deadline(key)).then(DeadlinePassed, a(asked, attempt=2)).waits_for(key)


def test_a_parcel_that_comes_back_opens_a_return() -> None:
    outcome = given(*DELIVERED).when(RETURNED)
    outcome.then(
        TrackingObserved,
        ShipmentReturned,
        a(ExceptionRaised, exception_id="parcel_returned:P1"),
        a(ReturnOpened, claim_id="C1", parcel_id="P1"),
        a(ClaimReviewRequested, kind="return", reason="returned_to_sender"),
    ).status_is("returned")


def test_goods_that_were_paid_back_are_not_part_of_a_return() -> None:
    outcome = given(*complained(reviewed("refund"))).when(RETURNED)
    (item,) = outcome.history.newest(ReturnOpened).items
    assert item.units == (2,)
    everything = given(*DELIVERED, complaint(1, 2), reviewed("refund")).when(RETURNED)
    everything.then_not(ReturnOpened)


def test_a_return_is_sent_again_to_a_mended_address_in_a_parcel_of_its_own() -> None:
    outcome = given(*DELIVERED, RETURNED, reviewed("person")).when(
        decide("reship", recipient=b"mended", country="AT", postal_prefix="50")
    )
    outcome.then(
        a(ClaimGranted, outcome="reship", parcel_id="P2", recipient=b"mended", country="AT"),
        a(LabelRequested, parcel_id="P2", recipient=b"mended", country="AT"),
        a(ExceptionResolved, exception_id="parcel_returned:P1"),
        a(ExceptionResolved, exception_id="claim_open:C1"),
    )
    assert (outcome.order.recipient, outcome.order.postal_prefix) == (b"mended", "50")
    arrived = outcome.and_when(everybody_answers_until(ClaimReviewRequested))
    arrived.status_is("delivered").line_is("1", "delivered")


def test_a_return_can_be_refunded_or_kept_by_the_rules() -> None:
    given(*DELIVERED, RETURNED).when(reviewed("refund")).then(
        a(ClaimGranted, outcome="refund", amount_minor=3_000),
        a(RefundRequested, amount_minor=3_000),
        a(ExceptionResolved, exception_id="parcel_returned:P1"),
    )
    kept = given(*DELIVERED, RETURNED).when(reviewed("keep"))
    kept.then(a(ClaimGranted, outcome="keep"), ExceptionResolved).then_told("store: claim_granted-C1")
    given(*DELIVERED, RETURNED).when(decide("refuse")).then_refused(ClaimOutcomeUnfit)


def test_a_return_of_goods_that_were_printed_again_is_left_to_a_person() -> None:
    steps = (complaint(1), reviewed("reprint"), everybody_answers_until(ClaimReviewRequested))
    scenario = given(*DELIVERED, *steps, RETURNED)
    scenario.when(reviewed("refund")).then(a(ClaimReferred, reason="made_again"), ExceptionRaised)
    scenario.when(DecideClaim(claim_id="C2", outcome="reship")).then_refused(UnitsMadeAgain)


def test_units_that_are_being_made_again_are_not_printed_a_third_time() -> None:
    by_a_person = RequestReprint(line_id="1", units=(1,), reason_code="lost")
    scenario = given(*DELIVERED, RETURNED, reviewed("person"), by_a_person)
    scenario.when(decide("reprint")).then_refused(UnitsBeingMade)


def test_nothing_is_claimed_or_made_for_an_erased_order() -> None:
    everybody_is_told = everybody_answers_until(ClaimReviewRequested, RefundRequested)
    erased = given(*DELIVERED, ErasePersonalData())
    erased.when(complaint(1)).then_refused(AlreadyErased)
    referred = given(*complained(reviewed("person"), everybody_is_told, ErasePersonalData()))
    referred.when(decide("reprint")).then_refused(AlreadyErased)
    referred.when(decide("refund")).then_among_others(ClaimGranted, RefundRequested)
