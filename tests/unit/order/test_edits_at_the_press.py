"""A change of a line that a partner has: the partner is asked to stop, its answer decides, and nobody prints twice."""

from typing import Any

import msgspec
import pytest

from events.order.commands import (
    CancelOrder,
    HoldOrder,
    ObserveStoreOrder,
    ReplaceArtwork,
    ReportCancellationAnswered,
    ReportSubmissionRefused,
)
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import (
    ArtworkCheckRequested,
    ArtworkReplaced,
    CancellationRefused,
    CancellationRequested,
    DeadlineSet,
    EditRefused,
    EditRequested,
    EditWithdrawn,
    ExceptionRaised,
    HoldReleased,
    InspectionRequested,
    LineCancelled,
    OrderCancelled,
    OrderEdited,
    OrderHeld,
    OrderSeenAgain,
    PartnerCancellationRequested,
    PartnerGaveUp,
    PartnerStatusObserved,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.refusals import EditUnderWay, TooLateToEdit
from events.order.values import AreaContent, OrderedLine
from projections.sentences import describe
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import History, Step, a, answer_to, deadline, everybody_answers_until, given, report_on

OTHER = a_line(content="other text")
SUBMITTING = (placed(), everybody_answers_until(SubmissionRequested))
ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
PRINTED = (placed(), everybody_answers_until(InspectionRequested))
NEW_FILE = ReplaceArtwork(line_id="1", contents=(AreaContent(text=b"sealed"),), content_digest="new file")


def seen(*lines: OrderedLine, at: int = NOW + 1, **changes: Any) -> ObserveStoreOrder:
    order = msgspec.structs.replace(a_store_order(lines=lines or (a_line(),)), **changes)
    return ObserveStoreOrder(order=order, store_updated_at=at)


def answered(*, confirmed: bool) -> Step:
    return report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, confirmed=confirmed, reason="answered"
        ),
    )


def refused(reason: str, *, retryable: bool) -> Step:
    return report_on(
        SubmissionRequested,
        lambda asked: ReportSubmissionRefused(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, reason=reason, retryable=retryable
        ),
    )


def submissions(history: History) -> list[tuple[int, int, str]]:
    """Run, version and effect key of each run that was submitted."""
    asked = [fact for fact in history.facts if isinstance(fact, SubmissionRequested)]
    return list(dict.fromkeys((fact.run, fact.version, fact.effect_key) for fact in asked))


def test_the_partner_is_asked_to_stop_and_nothing_is_made_anew_before_it_answers() -> None:
    outcome = given(*ACCEPTED).when(seen(OTHER))
    outcome.then(
        a(EditRequested, line_id="1", changed=OTHER, by="store:demo-rest"),
        a(PartnerCancellationRequested, run=1, reason="the line is changed"),
    ).waits_for("production:1:1", "cancel:1:1").line_is("1", "accepted")


def test_a_confirmed_stop_lets_the_line_go_on_with_the_new_content_under_a_new_run_version_and_key() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(answered(confirmed=True))
    outcome.then(
        a(LineCancelled, units=(), run=1),
        a(OrderEdited, changed_lines=(OTHER,), by="store:demo-rest"),
        a(ArtworkCheckRequested, line_id="1"),
    ).waits_for("check:1")
    history = outcome.history
    history.take(everybody_answers_until())
    (_, _, old_key), (run, version, new_key) = submissions(history)
    assert (run, version) == (2, 2)
    assert new_key != old_key
    assert history.order.parcels["P1"].stage == "delivered"
    assert not history.order.deadlines


def test_a_partner_that_says_too_late_makes_it_as_it_was_and_the_sender_is_told_why() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(answered(confirmed=False))
    outcome.then(
        a(CancellationRefused, run=1),
        a(EditRefused, line_id="1", reason="partner_refused", by="store:demo-rest"),
        a(ExceptionRaised, kind="edit_refused", subject="1", blocking=False, what_to_do=TooLateToEdit().detail),
    )
    outcome.then_told("store: edit_refused-1", "support: exception_raised-edit_refused:1")
    outcome.waits_for("production:1:1").status_is("in_production")
    shown = [describe(fact).title for fact in outcome.facts]
    assert "Too late to change line 1: partner_refused" in shown
    history = outcome.history
    history.take(everybody_answers_until())
    assert len(submissions(history)) == 1
    assert history.order.parcels["P1"].stage == "delivered"


def test_goods_that_exist_are_not_changed_and_the_partner_is_not_asked() -> None:
    given(*PRINTED).when(seen(OTHER)).then(
        EditRequested, a(EditRefused, reason="made_already"), a(ExceptionRaised, kind="edit_refused")
    ).waits_for("inspect:1:1")


def test_a_picture_that_says_the_same_as_a_refused_change_asks_nobody_again() -> None:
    given(*PRINTED, seen(OTHER)).when(seen(OTHER, at=NOW + 3)).then(OrderSeenAgain)
    given(*ACCEPTED, seen(OTHER)).when(seen(OTHER, at=NOW + 3)).then(OrderSeenAgain)


def test_a_printing_report_before_the_answer_leaves_the_decision_to_the_partner() -> None:
    given(*ACCEPTED, seen(OTHER), World().status("1", 1, "printing", 20)).when(answered(confirmed=True)).then(
        a(LineCancelled, units=(), run=1), OrderEdited, ArtworkCheckRequested
    )


def test_goods_that_are_printed_before_the_answer_are_sent_as_they_are() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(World().status("1", 1, "printed", 50))
    outcome.then_among_others(CancellationRefused, a(EditRefused, reason="made_already"))
    outcome.then_not(OrderEdited, SubmissionRequested)
    outcome.and_when(answered(confirmed=True)).then_ignored()


def test_an_edit_waits_for_the_answer_to_the_submission() -> None:
    outcome = given(*SUBMITTING).when(seen(OTHER)).then(EditRequested).waits_for("submit:1:1")
    outcome.and_when(answer_to(SubmissionRequested)).then(SubmissionAccepted, DeadlineSet, PartnerCancellationRequested)


@pytest.mark.parametrize("retryable", [True, False])
def test_a_refused_submission_lets_the_edit_go_on_at_once(retryable: bool) -> None:
    gave_up = () if retryable else (PartnerGaveUp,)
    outcome = given(*SUBMITTING, seen(OTHER)).when(refused("overloaded", retryable=retryable))
    outcome.then_among_others(SubmissionRefused, *gave_up, OrderEdited, ArtworkCheckRequested)
    outcome.waits_for("check:1")


def test_a_submission_of_which_nobody_knows_is_stopped_by_its_key_before_the_new_content_is_made() -> None:
    unknown = (*SUBMITTING, seen(OTHER), refused(OUTCOME_UNKNOWN, retryable=False))
    outcome = given(*unknown).when(deadline("submit:1:1"))
    outcome.then_among_others(PartnerCancellationRequested).then_not(SubmissionRequested, OrderEdited)
    outcome.and_when(answered(confirmed=True)).then_among_others(a(LineCancelled, units=()), OrderEdited)


def test_a_partner_that_does_not_answer_is_asked_again_and_nothing_new_is_made_meanwhile() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(deadline("cancel:1:1"))
    outcome.then_among_others(a(PartnerCancellationRequested, attempt=2)).then_not(OrderEdited, RoutingRequested)


def test_an_acceptance_that_comes_after_the_stop_is_stopped_too() -> None:
    unknown = (*SUBMITTING, seen(OTHER), refused(OUTCOME_UNKNOWN, retryable=False), deadline("submit:1:1"))
    stopped = (*unknown, answered(confirmed=True))
    outcome = given(*stopped).when(answer_to(SubmissionRequested))
    outcome.then(a(PartnerCancellationRequested, run=1, attempt=2))
    outcome.and_when(answered(confirmed=False)).then_among_others(a(ExceptionRaised, kind="unwanted_print"))


def test_a_print_of_what_a_partner_said_it_had_stopped_needs_a_person() -> None:
    stopped = (*ACCEPTED, seen(OTHER), answered(confirmed=True))
    given(*stopped).when(World().status("1", 1, "printed", 50)).then_among_others(
        a(ExceptionRaised, kind="unwanted_print", subject="1:1")
    )
    given(*stopped).when(World().status("1", 1, "queued", 10)).then_not(ExceptionRaised)


def test_a_newer_change_replaces_the_one_that_waits() -> None:
    newest = a_line(content="newest text")
    outcome = given(*ACCEPTED, seen(OTHER)).when(seen(newest, at=NOW + 2))
    outcome.then(a(EditRequested, changed=newest))
    outcome.and_when(answered(confirmed=True)).then_among_others(a(OrderEdited, changed_lines=(newest,)))


def test_a_change_that_is_taken_back_is_withdrawn_and_what_was_stopped_is_submitted_again_as_it_was() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(seen(a_line(), at=NOW + 2)).then(EditWithdrawn)
    stopped = outcome.and_when(answered(confirmed=True))
    stopped.then(a(LineCancelled, units=()), a(RoutingRequested, run=2)).then_not(ArtworkCheckRequested)
    again = given(*ACCEPTED, seen(OTHER), seen(a_line(), at=NOW + 2)).when(answered(confirmed=False))
    again.then(CancellationRefused).waits_for("production:1:1")


def test_a_quantity_that_changes_is_printed_as_the_new_quantity_or_refused() -> None:
    three = placed(a_store_order(lines=(a_line(quantity=3),)))
    history = given(three, everybody_answers_until(SubmissionAccepted), seen(a_line(quantity=2))).history
    history.take(answered(confirmed=True))
    history.take(everybody_answers_until(SubmissionRequested))
    assert history.newest(SubmissionRequested).units == (1, 2)


def test_a_line_that_the_store_takes_out_is_stopped_at_its_partner() -> None:
    two = placed(a_store_order(lines=(a_line("1"), a_line("2"))))
    asked = given(two, everybody_answers_until(SubmissionAccepted)).when(seen(a_line("2")))
    asked.then(a(EditRequested, line_id="1", changed=None), a(PartnerCancellationRequested, line_id="1"))
    asked.and_when(seen(a_line("2"), at=NOW + 3)).then(OrderSeenAgain)
    asked.and_when(answered(confirmed=True)).then(
        a(LineCancelled, line_id="1", units=()), a(OrderEdited, removed_line_ids=("1",))
    ).line_is("1", "cancelled").waits_for("production:2:1")


def test_a_line_that_could_not_be_taken_out_is_made_and_asks_nobody_again() -> None:
    two = placed(a_store_order(lines=(a_line("1"), a_line("2"))))
    gone = seen(a_line("2"))
    late = given(two, everybody_answers_until(SubmissionAccepted), gone).when(answered(confirmed=False))
    late.then_among_others(a(EditRefused, line_id="1"))
    late.and_when(seen(a_line("2"), at=NOW + 3)).then(OrderSeenAgain)
    late.and_when(seen(a_line("1"), a_line("2"), at=NOW + 3)).then(EditWithdrawn)


def test_a_free_line_changes_at_once_while_the_other_waits_for_its_partner() -> None:
    history = given(placed(), everybody_answers_until(SubmissionAccepted)).history
    added = a_line("2", artwork=None)
    history.take(seen(a_line("1"), added))
    both = seen(OTHER, a_line("2", artwork=None, content="changed"), at=NOW + 2)
    facts = history.take(both)
    kinds = [type(fact) for fact in facts]
    assert OrderEdited in kinds
    assert EditRequested in kinds
    assert history.newest(OrderEdited).changed_lines[0].line_id == "2"
    assert history.newest(PartnerCancellationRequested).line_id == "1"


def test_another_street_does_not_need_the_press() -> None:
    outcome = given(*ACCEPTED).when(seen(recipient=b"sealed elsewhere", recipient_digest="elsewhere"))
    outcome.then(a(OrderEdited, recipient=b"sealed elsewhere")).then_not(PartnerCancellationRequested)


def test_a_held_order_still_asks_its_partner_to_stop() -> None:
    outcome = given(*ACCEPTED, HoldOrder()).when(seen(OTHER)).then(EditRequested, PartnerCancellationRequested)
    outcome.and_when(answered(confirmed=True)).then(LineCancelled, OrderEdited).status_is("on_hold")


def test_a_change_to_an_unknown_sku_holds_the_order_once_the_partner_has_stopped() -> None:
    other_sku = msgspec.structs.replace(a_line(artwork=None, content="other"), sku="SKU-NEW")
    given(*ACCEPTED, seen(other_sku)).when(answered(confirmed=True)).then(
        LineCancelled, OrderEdited, a(OrderHeld, reason="sku_unmapped")
    ).status_is("on_hold")


def test_a_hold_of_the_old_content_goes_with_it() -> None:
    history = given(*ACCEPTED, seen(OTHER)).history
    history.fold(OrderHeld(reason="artwork_unavailable", line_id="1"))
    history.take(answered(confirmed=True))
    assert history.newest(HoldReleased).reason == "artwork_unavailable"
    assert not history.order.holds


def test_a_cancellation_takes_the_place_of_a_change() -> None:
    outcome = given(*ACCEPTED, seen(OTHER)).when(CancelOrder(reason="no more"))
    outcome.then(CancellationRequested)
    outcome.and_when(answered(confirmed=True)).then(a(LineCancelled, units=(1,)), OrderCancelled)


def test_a_cancellation_after_a_refused_change_asks_the_partner_anew() -> None:
    late = (*ACCEPTED, seen(OTHER), answered(confirmed=False))
    given(*late).when(CancelOrder(reason="no more")).then(
        CancellationRequested, a(PartnerCancellationRequested, attempt=2, reason="no more")
    )


def test_a_partner_that_reports_a_failure_while_it_is_asked_to_stop_ends_the_old_run() -> None:
    given(*ACCEPTED, seen(OTHER)).when(World().status("1", 1, "failed", 0, at=NOW + 50)).then_among_others(
        a(LineCancelled, units=(), run=1), OrderEdited, ArtworkCheckRequested
    )


def test_another_file_for_a_line_at_a_partner_waits_for_its_answer_too() -> None:
    asked = given(*ACCEPTED).when(NEW_FILE).then(a(EditRequested, from_store=False), PartnerCancellationRequested)
    asked.and_when(NEW_FILE).then_refused(EditUnderWay)
    done = asked.and_when(answered(confirmed=True))
    done.then(LineCancelled, a(ArtworkReplaced, content_digest="new file"), ArtworkCheckRequested)
    done.and_when(seen(at=NOW + 6)).then(OrderSeenAgain)


def test_another_file_that_comes_too_late_is_refused_and_stays_refused() -> None:
    late = given(*ACCEPTED, NEW_FILE).when(answered(confirmed=False))
    late.then_among_others(a(EditRefused, line_id="1", reason="partner_refused"))
    late.and_when(NEW_FILE).then_refused(TooLateToEdit)


def test_a_partner_that_stopped_for_a_change_that_was_taken_back_has_not_failed_however_it_says_so() -> None:
    taken_back = (*ACCEPTED, seen(OTHER), seen(a_line(), at=NOW + 2))
    stopped = given(*taken_back).when(World().status("1", 1, "cancelled", 0, at=NOW + 50))
    stopped.then(PartnerStatusObserved, a(LineCancelled, units=()), a(RoutingRequested, excluded_partner_ids=()))
    failed = given(*taken_back).when(World().status("1", 1, "failed", 0, at=NOW + 50))
    failed.then_among_others(PartnerGaveUp, a(RoutingRequested, excluded_partner_ids=("press-east",)))
