"""Ready-made lines beside printed ones: nothing to check, approve or inspect, and the same road to the door."""

import msgspec

from events.order.commands import (
    CancelOrder,
    MapLine,
    ObserveStoreOrder,
    OrderCommandUnion,
    ReleaseHold,
    ReplaceArtwork,
    ReportCancellationAnswered,
    RequestReprint,
)
from events.order.facts import (
    ArtworkCheckRequested,
    GoodsReady,
    HoldReleased,
    InspectionPassed,
    InspectionRequested,
    LabelRequested,
    LineCancelled,
    LineMapped,
    LinePrinted,
    OrderCancelled,
    OrderHeld,
    OrderPlaced,
    PartnerCancellationRequested,
    ProductionStarted,
    ProofApprovalRequested,
    ReprintRequested,
    RoutingRequested,
    ShipmentDelivered,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.refusals import NothingPrinted
from events.order.status import line_status
from events.order.values import OrderedLine, OrderPolicy
from projections.sentences import describe
from tests.order_life import COASTER, NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, everybody_answers_until, given, report_on


class TwoMakers(World):
    """Printed lines go to a press, ready-made ones to a supplier."""

    def _routed(self, fact: RoutingRequested) -> tuple[OrderCommandUnion, ...]:
        self.partner_id = "supplier-north" if fact.variant_id == COASTER.variant_id else "press-east"
        return super()._routed(fact)


def ready_made(line_id: str = "2", *, quantity: int = 1) -> OrderedLine:
    line = a_line(line_id, quantity=quantity, artwork=COASTER)
    return msgspec.structs.replace(line, contents=(), title="Coaster")


def only_ready_made(*, quantity: int = 1) -> ObserveStoreOrder:
    return placed(a_store_order(lines=(ready_made("1", quantity=quantity),)))


MIXED = placed(a_store_order(lines=(a_line("1"), ready_made("2", quantity=2))))


def stopped(*, confirmed: bool) -> Step:
    return report_on(
        PartnerCancellationRequested,
        lambda asked: ReportCancellationAnswered(
            request_id=asked.request_id, line_id=asked.line_id, run=asked.run, confirmed=confirmed, reason="asked"
        ),
    )


def test_a_ready_made_line_is_routed_at_once_and_nobody_checks_renders_or_approves_anything() -> None:
    outcome = (
        given()
        .when(only_ready_made())
        .then(OrderPlaced, a(RoutingRequested, line_id="1", variant_id=COASTER.variant_id, printed=()))
    )
    outcome.status_is("ready").line_is("1", "routing").waits_for("route:1:1")


def test_the_supplier_gets_no_files() -> None:
    history = given(only_ready_made(), everybody_answers_until(SubmissionRequested)).history
    asked = history.newest(SubmissionRequested)
    assert (asked.print_files, asked.version, asked.units) == ((), 0, (1,))


def test_packed_goods_need_no_inspection_and_get_their_label() -> None:
    outcome = given(only_ready_made(), everybody_answers_until(SubmissionAccepted)).when(
        World().status("1", 1, "printed", 50)
    )
    outcome.then_among_others(a(GoodsReady, units=(1,), partner_id="press-east"), a(LabelRequested, parcel_id="P1"))
    outcome.then_not(LinePrinted).then_not(InspectionRequested).then_not(ProductionStarted)
    outcome.waits_for("label:P1")
    assert describe(outcome.history.newest(GoodsReady)).title == "Line 1, run 1: unit 1 packed at press-east"


def test_a_mixed_order_comes_to_the_door_in_a_parcel_from_each_maker() -> None:
    history = given(MIXED, everybody_answers_until(world=TwoMakers())).history
    parcels = {parcel.partner_id: parcel.contents for parcel in history.order.parcels.values()}
    assert parcels == {"press-east": {"1": (1,)}, "supplier-north": {"2": (1, 2)}}
    assert {parcel.stage for parcel in history.order.parcels.values()} == {"delivered"}
    about_the_coaster = {type(fact) for fact in history.facts if getattr(fact, "line_id", "") == "2"}
    assert not about_the_coaster & {ArtworkCheckRequested, ProofApprovalRequested, InspectionPassed, LinePrinted}
    assert not history.order.deadlines


def test_the_status_of_a_mixed_order_is_derived_from_both_kinds_of_lines() -> None:
    strict = OrderPolicy(approval="always", spot_check_per_mille=0)
    order = a_store_order(lines=(a_line("1"), ready_made("2")), policy=strict)
    outcome = given(placed(order), everybody_answers_until(ProofApprovalRequested, SubmissionRequested))
    waiting = outcome.history.order
    assert (line_status(waiting, waiting.lines["1"]), line_status(waiting, waiting.lines["2"])) == (
        "awaiting_approval",
        "submitting",
    )
    outcome.history.take(everybody_answers_until(ProofApprovalRequested))
    sent = outcome.history.order
    assert line_status(sent, sent.lines["2"]) == "delivered"
    outcome.when(MapLine(line_id="1", artwork=COASTER)).then_ignored().status_is("partially_delivered")


def test_a_line_that_is_mapped_to_a_ready_made_product_goes_on_at_once() -> None:
    unmapped = msgspec.structs.replace(ready_made("1"), artwork=None)
    given(placed(a_store_order(lines=(unmapped,)))).when(MapLine(line_id="1", artwork=COASTER)).then(
        LineMapped, HoldReleased, RoutingRequested
    )


def test_what_a_buyer_wrote_for_a_ready_made_product_is_not_dropped_in_silence() -> None:
    personal = msgspec.structs.replace(a_line("1"), artwork=COASTER)
    held = (
        given()
        .when(placed(a_store_order(lines=(personal,))))
        .then(OrderPlaced, a(OrderHeld, reason="nothing_printed", line_id="1"))
    )
    held.status_is("on_hold")
    held.and_when(ReleaseHold(reason="nothing_printed", line_id="1")).then(HoldReleased, RoutingRequested)


def test_what_a_buyer_wrote_holds_a_line_that_is_mapped_later_too() -> None:
    unmapped = placed(a_store_order(lines=(a_line("1", artwork=None),)))
    given(unmapped).when(MapLine(line_id="1", artwork=COASTER)).then_among_others(
        LineMapped, a(OrderHeld, reason="nothing_printed"), HoldReleased
    ).status_is("on_hold")


def test_nothing_can_be_printed_on_it_later() -> None:
    given(only_ready_made()).when(ReplaceArtwork(line_id="1", content_digest="new")).then_refused(NothingPrinted)


def test_more_units_are_a_run_of_their_own_and_fewer_are_asked_of_the_supplier() -> None:
    accepted = (only_ready_made(quantity=2), everybody_answers_until(SubmissionAccepted))
    more = ObserveStoreOrder(order=a_store_order(lines=(ready_made("1", quantity=3),)), store_updated_at=NOW + 1)
    fewer = ObserveStoreOrder(order=a_store_order(lines=(ready_made("1", quantity=1),)), store_updated_at=NOW + 1)
    given(*accepted).when(more).then_among_others(a(RoutingRequested, run=2, units=(3,)))
    outcome = given(*accepted).when(fewer).then_among_others(PartnerCancellationRequested)
    outcome.and_when(stopped(confirmed=True)).then_among_others(a(RoutingRequested, run=2, units=(1,)))


def test_it_is_cancelled_by_asking_its_supplier() -> None:
    accepted = (only_ready_made(), everybody_answers_until(SubmissionAccepted))
    asked = given(*accepted).when(CancelOrder(reason="r")).then_among_others(PartnerCancellationRequested)
    asked.and_when(stopped(confirmed=True)).then_among_others(a(LineCancelled, units=(1,)), OrderCancelled)


def test_units_that_got_lost_are_sent_again_by_the_same_supplier() -> None:
    arrived = given(only_ready_made(), everybody_answers_until())
    assert arrived.history.newest(ShipmentDelivered)
    arrived.when(RequestReprint(line_id="1", units=(1,), reason_code="lost")).then(
        a(ReprintRequested, run=2), a(SubmissionRequested, run=2, print_files=())
    )
