"""A run whose partner was suspended before it had it: the next candidate is asked, and the partner may come back."""

import pytest

from events.order.claim_commands import DecideClaim, OpenClaim
from events.order.commands import (
    ApproveProof,
    CancelOrder,
    ErasePersonalData,
    HoldOrder,
    ReleaseHold,
    ReportArtworkChecked,
    ReportSubmissionRefused,
    RequestReprint,
)
from events.order.evolve_production import OUTCOME_UNKNOWN, PARTNER_SUSPENDED
from events.order.facts import (
    ArtworkCheckRequested,
    ClaimOpened,
    ClaimReviewRequested,
    DeadlineSet,
    HoldReleased,
    LabelRequested,
    LineCancelled,
    OrderCancelled,
    PartnerCancellationRequested,
    PersonalDataErased,
    ProofApprovalRequested,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.refusals import StillBeingMade
from events.order.values import LineUnits
from tests.order_life import World, a_line, a_store_order, placed
from tests.unit.order.spec import Given, Step, a, answer_to, deadline, everybody_answers_until, given, report_on

SUBMITTING = (placed(), everybody_answers_until(SubmissionRequested))
DELIVERED = (placed(), everybody_answers_until())
LOST = RequestReprint(line_id="1", units=(1,), reason_code="lost")
DAMAGED = OpenClaim(lines=(LineUnits(line_id="1", units=(1,)),), reason="damaged", wish="reprint")
ONE_DELIVERED = (
    placed(a_store_order(lines=(a_line("1"), a_line("2")))),
    report_on(
        ArtworkCheckRequested,
        lambda asked: ReportArtworkChecked(request_id=asked.request_id, line_id=asked.line_id, verdict="review"),
    ),
    everybody_answers_until(ProofApprovalRequested),
)


def refused(reason: str, *, retryable: bool = False) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id="1", run=asked.run, reason=reason, retryable=retryable
        ),
    )


def test_the_run_ends_and_its_units_are_routed_anew_without_excluding_the_partner_for_ever() -> None:
    given(*SUBMITTING).when(refused(PARTNER_SUSPENDED)).then(
        a(SubmissionRefused, reason=PARTNER_SUSPENDED),
        a(LineCancelled, run=1, units=(), reason=PARTNER_SUSPENDED),
        a(RoutingRequested, run=2, units=(1,), excluded_partner_ids=()),
    ).waits_for("route:1:2")


def test_a_run_that_waits_for_its_next_try_goes_elsewhere_at_that_try() -> None:
    waiting = (*SUBMITTING, refused("overloaded", retryable=True), deadline("submit:1:1"))
    given(*waiting).when(refused(PARTNER_SUSPENDED)).then_among_others(LineCancelled, a(RoutingRequested, run=2))


def test_a_run_of_which_nobody_knows_the_outcome_waits_for_the_partners_word() -> None:
    given(*SUBMITTING).when(refused(OUTCOME_UNKNOWN, retryable=True)).then(SubmissionRefused, DeadlineSet).waits_for(
        "submit:1:1"
    )


def test_an_acceptance_that_comes_all_the_same_is_stopped() -> None:
    given(*SUBMITTING, refused(PARTNER_SUSPENDED)).when(answer_to(SubmissionRequested)).then(
        a(PartnerCancellationRequested, run=1)
    )


def test_an_order_that_is_being_cancelled_ends_with_it() -> None:
    given(*SUBMITTING, CancelOrder(reason="r")).when(refused(PARTNER_SUSPENDED)).then_among_others(
        OrderCancelled
    ).status_is("cancelled")


@pytest.mark.parametrize(
    "promised",
    [(LOST,), (DAMAGED, DecideClaim(claim_id="C1", outcome="reprint", reason="seen"))],
    ids=["asked", "claim"],
)
def test_a_promised_reprint_of_a_good_unit_goes_elsewhere_like_a_first_run(promised: tuple[Given, ...]) -> None:
    given(*DELIVERED, *promised).when(refused(PARTNER_SUSPENDED)).then(
        a(SubmissionRefused, run=2, reason=PARTNER_SUSPENDED),
        a(LineCancelled, run=2, units=()),
        a(RoutingRequested, run=3, units=(1,), excluded_partner_ids=()),
    ).waits_for("route:1:3")


def test_a_reprint_of_a_held_order_is_routed_anew_once_nothing_holds_it() -> None:
    held = (*DELIVERED, LOST, HoldOrder(), refused(PARTNER_SUSPENDED))
    given(*held).when(ErasePersonalData()).then_refused(StillBeingMade)
    given(*held).when(ReleaseHold(reason="manual")).then(HoldReleased, a(RoutingRequested, run=3, units=(1,)))


def test_a_reprint_that_is_cancelled_is_not_routed_anew() -> None:
    outcome = given(*DELIVERED, LOST, CancelOrder(reason="r")).when(refused(PARTNER_SUSPENDED))
    outcome.then(SubmissionRefused, a(LineCancelled, run=2, units=())).status_is("delivered").waits_for()


def test_a_reprint_that_waits_to_be_routed_anew_ends_with_the_order() -> None:
    held = (*ONE_DELIVERED, LOST, HoldOrder(), refused(PARTNER_SUSPENDED))
    given(*held, CancelOrder(reason="r")).when(ReleaseHold(reason="manual")).then(HoldReleased)
    given(*held).when(ReleaseHold(reason="manual")).then(HoldReleased, a(RoutingRequested, line_id="1", run=3))


def test_a_reprint_that_went_elsewhere_does_not_keep_good_units_of_its_press_waiting() -> None:
    diverted = (*ONE_DELIVERED, LOST, refused(PARTNER_SUSPENDED), everybody_answers_until(SubmissionAccepted))
    other_line = (
        ApproveProof(line_id="2", version=1),
        everybody_answers_until(SubmissionAccepted, LabelRequested),
        World().status("2", 1, "printed", 50),
    )
    history = given(*diverted, *other_line).history
    assert history.order.lines["1"].runs[2].stage == "accepted"
    history.take(everybody_answers_until(SubmissionAccepted, LabelRequested))
    assert history.order.parcels["P2"].contents == {"2": (1,)}


def test_a_unit_whose_reprint_was_cancelled_is_claimed_of_the_run_that_made_it() -> None:
    cancelled = (*DELIVERED, LOST, CancelOrder(reason="r"), refused(PARTNER_SUSPENDED))
    outcome = given(*cancelled).when(DAMAGED).then(ClaimOpened, ClaimReviewRequested)
    (item,) = outcome.order.claims["C1"].items
    assert (item.run, item.parcel_id) == (1, "P1")


LOST_BY_AN_EARLIER_RELEASE = (
    *DELIVERED,
    LOST,
    SubmissionRefused(line_id="1", run=2, partner_id="press-east", reason=PARTNER_SUSPENDED),
    LineCancelled(line_id="1", units=(), reason=PARTNER_SUSPENDED, run=2),
)
LATE_SCAN = World().tracking("P1", "returned", 50)


def test_a_reprint_that_an_earlier_release_lost_is_routed_once_anything_is_heard_of_its_order() -> None:
    given(*LOST_BY_AN_EARLIER_RELEASE).when(LATE_SCAN).then_among_others(a(RoutingRequested, run=3, units=(1,)))


def test_nothing_is_printed_for_a_buyer_who_was_erased() -> None:
    erased = PersonalDataErased(by="store:demo-rest")
    given(*LOST_BY_AN_EARLIER_RELEASE, erased).when(LATE_SCAN).then_not(RoutingRequested)


def test_a_re_print_that_its_press_did_not_make_is_not_made_elsewhere_once_its_money_was_given_back() -> None:
    # given: a hold keeps the promised re-print from going to another press, and a person gives the money back
    promised = (DAMAGED, DecideClaim(claim_id="C1", outcome="reprint"), HoldOrder(), refused(PARTNER_SUSPENDED))
    paid = (DAMAGED, DecideClaim(claim_id="C2", outcome="refund"))
    # when
    released = given(*DELIVERED, *promised, *paid).when(ReleaseHold(reason="manual"))
    # then
    released.then(HoldReleased)
