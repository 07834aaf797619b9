"""Artwork: checked, blocked, unavailable, rendered, proofed, approved."""

import msgspec
import pytest

from events.order.commands import (
    ApproveProof,
    ObserveStoreOrder,
    OrderCommandUnion,
    ReleaseHold,
    ReplaceArtwork,
    ReportArtworkUnavailable,
    ReportRenderFailed,
    RequestProofChanges,
    ResolveException,
)
from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    HoldReleased,
    LineRendered,
    OrderHeld,
    OrderSeenAgain,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RenderFailed,
    RenderRequested,
    RoutingRequested,
)
from events.order.refusals import LineUnknown, ProofNotWaiting, ProofOutdated, StillBlocked, TooManyAreas
from events.order.values import AreaContent, Finding, OrderPolicy
from tests.order_life import NOW, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

BLOCKED = Finding(code="resolution_low", severity="block", message="Send a picture of at least 1,000 pixels.")
WARNED = Finding(code="resolution_medium", severity="warn", message="The picture is a little small.")
REVIEWED = Finding(code="text_long", severity="review", message="The text is long.")
OTHER = AreaContent(artwork_url=b"sealed other address")
NEW_PICTURE = ReplaceArtwork(line_id="1", contents=(OTHER,), content_digest="other")
RENDERING = (placed(), answer_to(ArtworkCheckRequested))


def with_policy(**rules: object) -> ObserveStoreOrder:
    policy = OrderPolicy(**{"approval": "always", "spot_check_per_mille": 0, **rules})  # type: ignore[arg-type]
    return placed(a_store_order(policy=policy))


PROOFED = (with_policy(), everybody_answers_until(ProofApprovalRequested))


def unavailable(*, retryable: bool) -> Step:
    return report_on(
        ArtworkCheckRequested,
        lambda asked: ReportArtworkUnavailable(
            request_id=asked.request_id, line_id=asked.line_id, reason="404", retryable=retryable
        ),
    )


def render_failed(*, retryable: bool) -> Step:
    return report_on(
        RenderRequested,
        lambda asked: ReportRenderFailed(
            request_id=asked.request_id,
            line_id=asked.line_id,
            version=asked.version,
            reason="no glyph",
            retryable=retryable,
        ),
    )


def test_checked_artwork_is_rendered() -> None:
    given(placed()).when(answer_to(ArtworkCheckRequested)).then(
        a(ArtworkChecked, line_id="1", verdict="pass"), a(RenderRequested, line_id="1", version=1, attempt=1)
    ).waits_for("render:1")


def test_blocked_artwork_holds_the_order_and_says_why() -> None:
    outcome = given(placed()).when(answer_to(ArtworkCheckRequested, verdict="block", findings=(BLOCKED, REVIEWED)))
    outcome.then(ArtworkChecked, a(OrderHeld, reason="artwork_blocked", line_id="1", detail=BLOCKED.message)).status_is(
        "on_hold"
    ).line_is("1", "blocked").waits_for()


def test_blocked_artwork_is_not_printed_by_releasing_its_hold() -> None:
    blocked = answer_to(ArtworkCheckRequested, verdict="block", findings=(BLOCKED,))
    given(placed(), blocked).when(ReleaseHold(reason="artwork_blocked", line_id="1")).then_refused(StillBlocked)


def test_replacing_blocked_artwork_releases_the_order_and_checks_the_new_picture() -> None:
    blocked = answer_to(ArtworkCheckRequested, verdict="block", findings=(BLOCKED,))
    given(placed(), blocked).when(NEW_PICTURE).then(
        a(ArtworkReplaced, line_id="1", contents=(OTHER,)),
        a(HoldReleased, reason="artwork_blocked", line_id="1"),
        a(ArtworkCheckRequested, contents=(OTHER,), attempt=1),
    ).status_is("received")


def test_artwork_that_cannot_be_fetched_is_tried_again_after_growing_waits_and_then_holds_the_order() -> None:
    scenario = given(placed())
    waits = []
    for _ in range(3):
        outcome = scenario.when(unavailable(retryable=True)).then(a(DeadlineSet, deadline_key="check:1", reason="404"))
        waits.append(outcome.order.deadlines["check:1"] - outcome.history.now)
        scenario.when(deadline("check:1")).then(DeadlinePassed, ArtworkCheckRequested)
    assert waits == [30_000, 60_000, 120_000]
    scenario.when(unavailable(retryable=True)).then_among_others(OrderHeld).waits_for().status_is("on_hold")


def test_the_same_failure_told_twice_waits_once() -> None:
    given(placed(), unavailable(retryable=True)).when(unavailable(retryable=True)).then_ignored()


def test_artwork_that_is_not_there_holds_the_order_at_once() -> None:
    outcome = given(placed()).when(unavailable(retryable=False))
    outcome.then(a(OrderHeld, reason="artwork_unavailable", line_id="1", detail="404")).waits_for()
    outcome.and_when(ReleaseHold(reason="artwork_unavailable", line_id="1")).then(
        HoldReleased, a(ArtworkCheckRequested, attempt=2)
    )


def test_the_answer_to_a_check_of_older_artwork_is_ignored() -> None:
    late = answer_to(ArtworkCheckRequested)
    history = given(placed()).history
    answer = late(history)
    assert answer is not None
    history.take(NEW_PICTURE)
    given(*history.facts).when(answer).then_ignored()


def test_the_rendering_of_older_artwork_is_never_taken_for_the_new_one() -> None:
    history = given(*RENDERING).history
    late = answer_to(RenderRequested)(history)
    assert late is not None
    history.take(NEW_PICTURE)
    history.take(answer_to(ArtworkCheckRequested))
    given(*history.facts).when(late).then_ignored()
    assert history.newest(RenderRequested).version == 2


def test_artwork_that_is_changed_and_changed_back_is_asked_for_under_new_ids() -> None:
    first = given(placed()).history.newest(ArtworkCheckRequested)
    back = ReplaceArtwork(line_id="1", contents=a_line().contents, content_digest="digest-1-1")
    history = given(placed(), NEW_PICTURE, back).history
    assert history.newest(ArtworkCheckRequested).request_id != first.request_id


def test_a_rendering_that_fails_is_tried_again_and_then_shown_to_a_person() -> None:
    scenario = given(with_policy(attempts_max=2), answer_to(ArtworkCheckRequested))
    scenario.when(render_failed(retryable=True)).then(RenderFailed, DeadlineSet).waits_for("render:1")
    scenario.when(render_failed(retryable=True)).then_ignored()
    scenario.when(deadline("render:1")).then_among_others(a(RenderRequested, attempt=2))
    scenario.when(render_failed(retryable=True)).then(
        RenderFailed, a(ExceptionRaised, exception_id="render_failed:1", blocking=True)
    ).status_is("exception").waits_for()


def test_resolving_a_failed_rendering_renders_again() -> None:
    outcome = given(*RENDERING, render_failed(retryable=False)).when(
        ResolveException(exception_id="render_failed:1", how="template mended")
    )
    outcome.then(ExceptionResolved, a(RenderRequested, attempt=2)).status_is("received")


def test_a_failed_rendering_whose_artwork_is_replaced_is_over() -> None:
    given(*RENDERING, render_failed(retryable=False)).when(NEW_PICTURE).then_among_others(
        a(ExceptionResolved, exception_id="render_failed:1"), ArtworkCheckRequested
    ).status_is("received")


def test_a_late_rendering_ends_the_exception_about_it() -> None:
    given(*RENDERING, render_failed(retryable=False)).when(answer_to(RenderRequested)).then_among_others(
        LineRendered, a(ExceptionResolved, exception_id="render_failed:1")
    )


def test_a_clean_proof_approves_itself_where_the_store_says_so() -> None:
    given(*RENDERING).when(answer_to(RenderRequested)).then(
        LineRendered,
        a(ProofApproved, line_id="1", version=1, by="policy:when_clean"),
        a(RoutingRequested, run=1, units=(1,), attempt=1),
    ).status_is("ready")


@pytest.mark.parametrize(
    ("findings", "reason"), [((), "The check found nothing"), ((WARNED,), "The check only warned (resolution_medium)")]
)
def test_a_proof_that_approved_itself_says_why(findings: tuple[Finding, ...], reason: str) -> None:
    checked = answer_to(ArtworkCheckRequested, findings=findings)
    history = given(placed(), checked, answer_to(RenderRequested)).history
    assert history.newest(ProofApproved).reason.startswith(reason)


def test_a_finding_that_asks_for_a_person_is_never_approved_by_policy_whatever_the_verdict_says() -> None:
    given(placed(), answer_to(ArtworkCheckRequested, verdict="pass", findings=(REVIEWED,))).when(
        answer_to(RenderRequested)
    ).then(LineRendered, ProofApprovalRequested)


def test_a_proof_with_findings_waits_for_a_person_even_then() -> None:
    reviewed = answer_to(ArtworkCheckRequested, verdict="review", findings=(REVIEWED,))
    given(placed(), reviewed).when(answer_to(RenderRequested)).then(
        LineRendered, a(ProofApprovalRequested, line_id="1", version=1, approver="store")
    ).status_is("awaiting_approval").waits_for("approval:1")


def test_every_proof_waits_where_the_store_says_always() -> None:
    given(with_policy(approver="buyer"), answer_to(ArtworkCheckRequested)).when(answer_to(RenderRequested)).then(
        LineRendered, a(ProofApprovalRequested, approver="buyer")
    ).then_told("buyer: proof_ready-1-v1")


def test_an_approved_proof_is_routed() -> None:
    given(*PROOFED).when(ApproveProof(line_id="1", version=1)).then(
        ProofApproved(line_id="1", version=1, by="store:demo-rest"), RoutingRequested
    ).status_is("ready").waits_for("route:1:1")


def test_a_proof_that_is_not_accepted_waits_for_other_artwork() -> None:
    outcome = given(*PROOFED).when(RequestProofChanges(line_id="1", version=1, note=b"sealed note"))
    outcome.then(a(ProofChangesRequested, version=1, note=b"sealed note", by="store:demo-rest"))
    outcome.waits_for().status_is("awaiting_approval").then_told("store: proof_changes_requested-1-v1")
    outcome.and_when(NEW_PICTURE).then(ArtworkReplaced, ArtworkCheckRequested)


@pytest.mark.parametrize("answer", [ApproveProof(line_id="1", version=1), RequestProofChanges(line_id="1", version=1)])
def test_a_proof_that_is_not_waiting_cannot_be_answered(answer: OrderCommandUnion) -> None:
    given(placed()).when(answer).then_refused(ProofNotWaiting)


@pytest.mark.parametrize("answer", [ApproveProof(line_id="1", version=2), RequestProofChanges(line_id="1", version=2)])
def test_another_version_of_the_proof_than_the_one_that_waits_cannot_be_answered(answer: OrderCommandUnion) -> None:
    given(*PROOFED).when(answer).then_refused(ProofOutdated)


def test_a_line_that_is_not_there_has_no_proof() -> None:
    given(*PROOFED).when(ApproveProof(line_id="9", version=1)).then_refused(LineUnknown)


def test_new_artwork_after_a_proof_gets_a_proof_of_its_own() -> None:
    history = given(*PROOFED, NEW_PICTURE, everybody_answers_until(ProofApprovalRequested)).history
    assert history.newest(ProofApprovalRequested).version == 2
    given(*history.facts).when(ApproveProof(line_id="1", version=1)).then_refused(ProofOutdated)


def test_whoever_does_not_answer_a_proof_is_reminded_a_few_times_and_then_a_person_is_told() -> None:
    scenario = given(with_policy(approval_reminders_max=2), everybody_answers_until(ProofApprovalRequested))
    order = scenario.history.order
    waits = [order.deadlines["approval:1"] - scenario.history.now]
    for number in (1, 2):
        reminded = scenario.when(deadline("approval:1"))
        reminded.then_told(f"store: proof_reminder-1-v1-{number}").waits_for("approval:1")
        waits.append(reminded.order.deadlines["approval:1"] - reminded.history.now)
    hours = [round(wait / 3_600_000) for wait in waits]
    assert hours == [48, 96, 192], "the waits grow"
    late = scenario.when(deadline("approval:1"))
    late.then(DeadlinePassed, a(ExceptionRaised, exception_id="proof_unanswered:1", blocking=False), DeadlineSet)
    late.and_when(ApproveProof(line_id="1", version=1)).then_among_others(
        a(ExceptionResolved, exception_id="proof_unanswered:1")
    )


def test_replacing_one_area_keeps_what_is_printed_on_the_others() -> None:
    back, other_back = (AreaContent(area="back", text=text) for text in (b"sealed", b"sealed anew"))
    line = msgspec.structs.replace(a_line(), contents=(OTHER, back))
    given(placed(a_store_order(lines=(line,)))).when(
        ReplaceArtwork(line_id="1", contents=(other_back,), content_digest="new")
    ).then(a(ArtworkReplaced, contents=(OTHER, other_back)), a(ArtworkCheckRequested, contents=(OTHER, other_back)))


def test_replaced_artwork_may_not_have_more_areas_than_can_be_made() -> None:
    many = tuple(AreaContent(area=f"area-{number}") for number in range(8))
    given(placed()).when(ReplaceArtwork(line_id="1", contents=many, content_digest="new")).then_refused(TooManyAreas)


def test_a_store_that_repeats_itself_does_not_undo_replaced_artwork() -> None:
    repeated = ObserveStoreOrder(order=a_store_order(), store_updated_at=NOW + 2)
    given(placed(), NEW_PICTURE).when(repeated).then(OrderSeenAgain)


def test_what_a_superseded_proof_showed_cannot_be_approved_while_the_new_one_is_made() -> None:
    given(*PROOFED, NEW_PICTURE).when(ApproveProof(line_id="1", version=1)).then_refused(ProofNotWaiting)


def test_a_buyer_who_is_not_to_be_told_is_not_reminded_either() -> None:
    observed = with_policy(approver="buyer", notify_buyer=False)
    given(observed, everybody_answers_until(ProofApprovalRequested)).when(deadline("approval:1")).then_told(
        "support: exception_raised-proof_unanswered:1"
    ).waits_for("approval:1")
