"""A change that leaves the print as it is stops nobody: a note is noted, and more units get a run of their own."""

import msgspec
import pytest

from events.order.commands import CancelOrder, ObserveStoreOrder, ReplaceArtwork
from events.order.facts import (
    ArtworkCheckRequested,
    EditRequested,
    EditWithdrawn,
    InspectionRequested,
    LabelRequested,
    LineAmended,
    LineCancelled,
    OrderEdited,
    OrderSeenAgain,
    PartnerCancellationRequested,
    ProofApprovalRequested,
    RenderRequested,
    RoutingRequested,
    ShipmentDelivered,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.values import AreaContent, OrderedLine, OrderPolicy
from projections.sentences import describe
from tests.order_life import NOW, a_line, a_store_order, placed
from tests.unit.order.spec import a, answer_to, everybody_answers_until, given

ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
PRINTED = (placed(), everybody_answers_until(InspectionRequested))
NEW_FILE = ReplaceArtwork(line_id="1", contents=(AreaContent(text=b"sealed"),), content_digest="new file")


def seen(*lines: OrderedLine, at: int = NOW + 1) -> ObserveStoreOrder:
    return ObserveStoreOrder(order=a_store_order(lines=lines), store_updated_at=at)


@pytest.mark.parametrize(
    "waiting",
    [ArtworkCheckRequested, RenderRequested, RoutingRequested, SubmissionRequested, SubmissionAccepted,
     InspectionRequested, LabelRequested],
)  # fmt: skip
def test_another_note_changes_nothing_that_is_under_way(waiting: type) -> None:
    before = given(placed(), everybody_answers_until(waiting)).history
    runs, deadlines = before.order.lines["1"].runs, before.order.deadlines
    amended = given(placed(), everybody_answers_until(waiting)).when(seen(a_line(note="gift")))
    amended.then(a(LineAmended, line_id="1", quantity=1, instructions=b"gift", by="store:demo-rest"))
    assert (amended.order.lines["1"].runs, amended.order.deadlines) == (runs, deadlines)
    amended.history.take(everybody_answers_until())
    assert amended.history.order.parcels["P1"].stage == "delivered"


def test_an_amended_line_is_told_in_words() -> None:
    amended = given(*ACCEPTED).when(seen(a_line(quantity=2)))
    told = describe(amended.history.newest(LineAmended))
    assert told.title == "Line 1 amended"
    assert told.detail == "2 units; what is printed stays as it is. By store:demo-rest."


def test_a_picture_with_the_same_note_edits_nothing() -> None:
    given(*ACCEPTED, seen(a_line(note="gift"))).when(seen(a_line(note="gift"), at=NOW + 3)).then(OrderSeenAgain)


def test_more_units_of_a_line_at_its_press_are_routed_and_submitted_as_a_run_of_their_own() -> None:
    grown = given(*ACCEPTED).when(seen(a_line(quantity=3)))
    grown.then(
        a(LineAmended, line_id="1", quantity=3),
        a(RoutingRequested, run=2, units=(2, 3), made_by="press-east"),
    ).then_not(PartnerCancellationRequested)
    history = grown.history
    history.take(everybody_answers_until())
    submitted = [(fact.run, fact.units) for fact in history.facts if isinstance(fact, SubmissionRequested)]
    assert submitted == [(1, (1,)), (2, (2, 3))]


def test_more_units_that_no_press_has_yet_are_made_with_the_others_and_nothing_is_checked_anew() -> None:
    grown = given(placed(), everybody_answers_until(RoutingRequested)).when(seen(a_line(quantity=3)))
    grown.then(
        a(LineCancelled, run=1, units=(), reason="edited"),
        a(LineAmended, quantity=3),
        a(RoutingRequested, run=2, units=(1, 2, 3)),
    ).then_not(ArtworkCheckRequested)


def test_more_units_keep_the_proof_that_waits_for_its_answer() -> None:
    strict = placed(a_store_order(policy=OrderPolicy(approval="always", spot_check_per_mille=0)))
    given(strict, everybody_answers_until(ProofApprovalRequested)).when(seen(a_line(quantity=2))).then(
        LineAmended
    ).line_is("1", "awaiting_approval")


def test_more_units_of_goods_that_exist_are_made_beside_them() -> None:
    given(*PRINTED).when(seen(a_line(quantity=2))).then(
        LineAmended, a(RoutingRequested, run=2, units=(2,), made_by="press-east")
    )


def test_an_order_that_has_arrived_is_not_made_longer() -> None:
    arrived = given(placed(), everybody_answers_until())
    assert arrived.history.newest(ShipmentDelivered)
    arrived.when(seen(a_line(quantity=2))).then_among_others(EditRequested).then_not(LineAmended)


def test_an_order_that_somebody_wanted_to_cancel_is_not_made_longer() -> None:
    late = (*ACCEPTED, CancelOrder(reason="r"), answer_to(PartnerCancellationRequested, confirmed=False))
    given(*late).when(seen(a_line(quantity=2))).then_among_others(EditRequested).then_not(LineAmended)


def test_fewer_units_and_another_print_are_asked_of_the_press_as_ever() -> None:
    three = (placed(a_store_order(lines=(a_line(quantity=3),))), everybody_answers_until(SubmissionAccepted))
    given(*three).when(seen(a_line(quantity=2))).then(EditRequested, PartnerCancellationRequested)
    given(*ACCEPTED).when(seen(a_line(quantity=2, content="other"))).then(EditRequested, PartnerCancellationRequested)


def test_a_line_whose_print_nobody_can_compare_is_edited_as_ever() -> None:
    unknown = msgspec.structs.replace(a_line(note="gift"), printed_digest="")
    given(*ACCEPTED).when(seen(unknown)).then(EditRequested, PartnerCancellationRequested)
    given(placed()).when(seen(unknown)).then(OrderEdited, ArtworkCheckRequested)


def test_the_old_print_in_more_units_withdraws_a_change_that_waits() -> None:
    waiting = (*ACCEPTED, seen(a_line(content="other")))
    given(*waiting).when(seen(a_line(quantity=2, note="gift"), at=NOW + 2)).then(
        EditWithdrawn, a(LineAmended, quantity=2), a(RoutingRequested, run=2, units=(2,))
    )


def test_a_line_that_was_amended_can_be_changed_and_changed_back() -> None:
    amended = (*ACCEPTED, seen(a_line(note="gift")), seen(a_line(content="other"), at=NOW + 2))
    back = given(*amended).when(seen(a_line(note="gift"), at=NOW + 3)).then(EditWithdrawn)
    back.and_when(seen(a_line(note="gift"), at=NOW + 5)).then(OrderSeenAgain)


def test_another_file_that_waits_for_its_press_is_not_lost_by_a_note() -> None:
    waiting = given(*ACCEPTED, NEW_FILE).when(seen(a_line(note="gift"))).then(LineAmended)
    edit = waiting.order.lines["1"].edit
    assert edit is not None
    assert not edit.from_store


def test_a_file_that_took_the_stores_place_stays_when_the_note_changes() -> None:
    replaced = (placed(), NEW_FILE, everybody_answers_until(SubmissionAccepted))
    given(*replaced).when(seen(a_line(note="gift"))).then(LineAmended)
