"""What users of print networks and store platforms complain about in public, and why it cannot happen to an order here.

Each test is one complaint. Those that need a vendor's wire format are in `tests/contract/test_partner_complaints.py`.
"""

from itertools import permutations

import pytest

from events.order.commands import CancelOrder, ReportCancellationAnswered
from events.order.facts import (
    ArtworkCheckRequested,
    CancellationRefused,
    EditRefused,
    EditRequested,
    ExceptionRaised,
    LabelPurchased,
    LineAmended,
    LineCancelled,
    OrderCancelled,
    OrderHeld,
    PartnerCancellationRequested,
    PartnerStatusObserved,
    RenderRequested,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.refusals import NothingToCancel
from events.order.values import Finding
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import a, answer_to, everybody_answers_until, given, report_on
from tests.unit.order.test_edits import seen
from tests.unit.order.test_parcels import two_parcels

WORLD = World()
ACCEPTED = (placed(a_store_order(lines=(a_line(quantity=2),))), everybody_answers_until(SubmissionAccepted))
CANCEL = CancelOrder(reason="changed my mind")
REPORTS = tuple(WORLD.status("1", 1, word, rank) for word, rank in (("queued", 10), ("printing", 20), ("printed", 50)))
BLOCKED = Finding(code="resolution_low", severity="block", message="Send a picture of at least 1,000 pixels.")


@pytest.mark.parametrize("order_of_arrival", tuple(permutations((*REPORTS, REPORTS[0]))))
def test_complaint_a_late_webhook_moves_an_order_backwards(order_of_arrival: tuple[object, ...]) -> None:
    """complaint: a webhook that comes late or twice sets a printed order back to "processing", where it stays."""
    history = given(*ACCEPTED).history
    for report in order_of_arrival:
        history.take(report)  # type: ignore[arg-type]
    run = history.order.lines["1"].runs[0]
    assert (run.stage, run.rank) == ("inspecting", 50)
    observed = [fact for fact in history.facts if isinstance(fact, PartnerStatusObserved)]
    assert len(observed) == 4, "what came late is kept all the same"


def test_complaint_a_second_parcel_erases_the_first_tracking_number() -> None:
    """complaint: the second shipment's webhook overwrites the tracking number of the first."""
    outcome = given(*two_parcels()).when(WORLD.tracking("P2", "in_transit", 20))  # type: ignore[arg-type]
    assert [parcel.tracking_number for parcel in outcome.order.parcels.values()] == ["EZP1", "EZP2"]


def test_complaint_only_one_of_several_items_reaches_the_printer() -> None:
    """complaint: an order of several items arrives at the vendor with one, the others were silently left out."""
    lines = tuple(a_line(str(number), quantity=number) for number in range(1, 6))
    history = given(placed(a_store_order(lines=lines)), everybody_answers_until(SubmissionRequested)).history
    asked = {f.line_id: f.units for f in history.facts if isinstance(f, SubmissionRequested)}
    assert asked == {line.line_id: tuple(range(1, line.quantity + 1)) for line in lines}


def test_complaint_an_item_whose_variant_is_not_mapped_is_dropped_and_the_rest_is_made() -> None:
    """complaint: a variant id of 0 makes automatic fulfilment fail for one item, and nobody is told."""
    lines = (a_line("1", artwork=None), a_line("2"))
    outcome = given().when(placed(a_store_order(lines=lines)))
    outcome.then_among_others(a(OrderHeld, reason="sku_unmapped", line_id="1"))
    outcome.then_not(ArtworkCheckRequested, SubmissionRequested).status_is("on_hold")


def test_complaint_a_garment_is_made_without_its_print() -> None:
    """complaint: a file is dropped on the way and the order is made blank."""
    history = given(*ACCEPTED).history
    asked = history.newest(SubmissionRequested)
    rendered = history.order.lines["1"].areas
    assert rendered
    assert [(one.area, one.file) for one in asked.print_files] == [(one.area, one.print_file) for one in rendered]


def test_complaint_a_changed_quantity_reaches_nobody() -> None:
    """complaint: a split or a changed quantity fires no event of its own, so the printer makes the old number."""
    edited = given(placed(), everybody_answers_until(RoutingRequested)).when(seen(a_line(quantity=3)))
    edited.then(a(LineCancelled, run=1, units=()), a(LineAmended, quantity=3), a(RoutingRequested, run=2))
    edited.history.take(everybody_answers_until(SubmissionRequested))
    assert edited.history.newest(SubmissionRequested).units == (1, 2, 3)


def test_complaint_a_change_that_comes_too_late_is_swallowed() -> None:
    """complaint: the store shows the changed quantity, the printer makes the old one, and nobody is told."""
    three = placed(a_store_order(lines=(a_line(quantity=3),)))
    late = given(three, everybody_answers_until(SubmissionAccepted)).when(seen(a_line(quantity=1)))
    late.then_among_others(a(EditRequested, line_id="1"), PartnerCancellationRequested)
    too_late = late.and_when(answer_to(PartnerCancellationRequested, confirmed=False, reason="on the press"))
    too_late.then_among_others(a(EditRefused, line_id="1"), a(ExceptionRaised, kind="edit_refused"))
    too_late.then_told("store: edit_refused-1", "support: exception_raised-edit_refused:1")


def test_complaint_a_partial_shipment_is_invisible_until_everything_ships() -> None:
    """complaint: the first of two parcels is on its way and the order still says "unfulfilled"."""
    given(*two_parcels()).when(WORLD.tracking("P1", "in_transit", 20)).status_is("partially_shipped")  # type: ignore[arg-type]


def test_complaint_an_order_that_no_one_place_can_make_is_not_split() -> None:
    """complaint: an order is refused because no single stock location has all of it."""
    facts = two_parcels()
    partners = {fact.partner_id for fact in facts if isinstance(fact, SubmissionAccepted)}
    parcels = [fact.parcel_id for fact in facts if isinstance(fact, LabelPurchased)]
    assert (partners, parcels) == ({"press-east", "press-west"}, ["P1", "P2"])


def test_complaint_an_order_is_cancelled_after_it_was_shipped() -> None:
    """complaint: an order that is on its way can be cancelled, and then counts as neither."""
    shipped = given(placed(), everybody_answers_until(LabelPurchased)).history
    shipped.take(WORLD.tracking("P1", "in_transit", 20))
    before = shipped.order
    with pytest.raises(NothingToCancel):
        shipped.take(CANCEL)
    assert shipped.order == before


def test_complaint_bad_artwork_is_found_only_at_the_press() -> None:
    """complaint: checkout passes, and the vendor's "image issue" comes days after the payment."""
    outcome = given(placed()).when(answer_to(ArtworkCheckRequested, verdict="block", findings=(BLOCKED,)))
    outcome.then_among_others(a(OrderHeld, reason="artwork_blocked", detail=BLOCKED.message))
    outcome.then_not(RenderRequested, RoutingRequested, SubmissionRequested).status_is("on_hold")


@pytest.mark.parametrize("confirmed", [True, False])
def test_complaint_cancelling_in_the_shop_does_not_cancel_the_print(confirmed: bool) -> None:
    """complaint: the shop says "cancelled", the press prints all the same, and the window for it is unknowable."""
    asked = given(*ACCEPTED).when(CANCEL)
    asked.then_among_others(a(PartnerCancellationRequested, partner_id="press-east")).then_not(OrderCancelled)
    answered = asked.and_when(
        report_on(
            PartnerCancellationRequested,
            lambda request: ReportCancellationAnswered(
                request_id=request.request_id, line_id="1", run=1, confirmed=confirmed, reason="on the press"
            ),
        )
    )
    if confirmed:
        answered.then_among_others(a(LineCancelled, units=(1, 2)), OrderCancelled).status_is("cancelled")
    else:
        answered.then(CancellationRefused(line_id="1", run=1, reason="on the press")).status_is("in_production")
        answered.then_told("buyer: cancellation_refused-1")


def test_complaint_one_failing_vendor_stops_all_orders() -> None:
    """complaint: a queue in which half of the calls fail holds up everything behind it."""
    history = given(placed(a_store_order(lines=(a_line("1"), a_line("2"))))).history
    history.take(everybody_answers_until(SubmissionRequested))
    first, second = (fact for fact in history.facts if isinstance(fact, SubmissionRequested))
    for command in WORLD.answer(second):
        history.take(command)
    stages = {line_id: line.runs[0].stage for line_id, line in history.order.lines.items()}
    assert stages == {first.line_id: "submitting", second.line_id: "accepted"}
    assert history.order.deadlines[f"submit:{first.line_id}:1"] > NOW
