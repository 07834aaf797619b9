"""Parcels: labelled, tracked, delivered, returned; they add up and never overwrite each other."""

import pytest

from events.order.commands import ReportLabelFailed, ResolveException
from events.order.facts import (
    ClaimReviewRequested,
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    InspectionPassed,
    LabelFailed,
    LabelPurchased,
    LabelRequested,
    ReturnOpened,
    RoutingRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    SubmissionAccepted,
    TrackingObserved,
)
from events.order.refusals import ParcelUnknown
from events.order.values import LineUnits, OrderPolicy
from tests.order_life import NOW, World, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

WORLD = World()
POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, attempts_max=2)
LABELLING = (placed(a_store_order(policy=POLICY)), everybody_answers_until(LabelRequested))
LABELLED = (placed(), everybody_answers_until(LabelPurchased))
IN_TRANSIT = WORLD.tracking("P1", "in_transit", 20)
DELIVERED = WORLD.tracking("P1", "delivered", 40)
RETURNED = WORLD.tracking("P1", "returned", 50)
TROUBLE = WORLD.tracking("P1", "failure", 0, at=NOW + 30)


def label_failed(*, retryable: bool, retry_after_ms: int = 0) -> Step:
    return report_on(
        LabelRequested,
        lambda asked: ReportLabelFailed(
            request_id=asked.request_id,
            parcel_id="P1",
            reason="address",
            detail="No such street.",
            retryable=retryable,
            retry_after_ms=retry_after_ms,
        ),
    )


def test_a_bought_label_gives_the_parcel_its_tracking_number() -> None:
    outcome = given(*LABELLING).when(answer_to(LabelRequested))
    outcome.then(a(LabelPurchased, parcel_id="P1", tracking_number="EZP1", carrier="easypost"))
    outcome.waits_for().then_told("store: parcel_ready-P1").line_is("1", "labelled").status_is("in_production")


def test_a_label_is_bought_once() -> None:
    given(*LABELLED).when(answer_to(LabelRequested)).then_ignored()


def test_the_label_of_another_request_is_ignored() -> None:
    given(*LABELLING).when(answer_to(LabelRequested, request_id="f" * 32 + ".1")).then_ignored()


def test_a_parcel_that_is_not_there_is_refused() -> None:
    given(*LABELLED).when(WORLD.tracking("P9", "delivered", 40)).then_refused(ParcelUnknown)
    given(*LABELLING).when(answer_to(LabelRequested, parcel_id="P9")).then_refused(ParcelUnknown)


def test_a_label_that_cannot_be_bought_is_tried_again_and_then_shown_to_a_person() -> None:
    scenario = given(*LABELLING)
    scenario.when(label_failed(retryable=True)).then(LabelFailed, DeadlineSet).waits_for("label:P1")
    scenario.when(label_failed(retryable=True)).then_ignored()
    scenario.when(deadline("label:P1")).then(DeadlinePassed, a(LabelRequested, parcel_id="P1", attempt=2))
    scenario.when(label_failed(retryable=True)).then(
        LabelFailed, a(ExceptionRaised, exception_id="label_failed:P1", detail="No such street.")
    ).status_is("exception").waits_for()


@pytest.mark.parametrize(("asked_ms", "waited_ms"), [(0, 30_000), (5, 30_000), (600_000, 600_000), (10**12, 3_600_000)])
def test_a_label_is_asked_for_again_when_the_carrier_may_be_asked_and_within_an_hour(
    asked_ms: int, waited_ms: int
) -> None:
    history = given(*LABELLING, label_failed(retryable=True, retry_after_ms=asked_ms)).history
    assert history.order.deadlines["label:P1"] - history.now == waited_ms


def test_resolving_a_failed_label_buys_it_again_under_the_same_key() -> None:
    first = given(*LABELLING).history.newest(LabelRequested)
    outcome = given(*LABELLING, label_failed(retryable=False)).when(
        ResolveException(exception_id="label_failed:P1", how="address mended")
    )
    outcome.then(ExceptionResolved, a(LabelRequested, attempt=2, effect_key=first.effect_key))
    outcome.waits_for("label:P1")


def test_a_label_that_nobody_answers_for_is_asked_for_again() -> None:
    given(*LABELLING).when(deadline("label:P1")).then_among_others(DeadlinePassed, a(LabelRequested, attempt=2))


def test_a_parcel_on_its_way_is_dispatched_and_the_buyer_told_once() -> None:
    outcome = given(*LABELLED).when(IN_TRANSIT)
    contents = (LineUnits(line_id="1", units=(1,)),)
    outcome.then(
        a(TrackingObserved, canonical="in_transit", applied=True), ShipmentDispatched(parcel_id="P1", contents=contents)
    ).status_is("shipped").then_told("buyer: shipped-P1")
    outcome.and_when(WORLD.tracking("P1", "out_for_delivery", 30)).then(TrackingObserved).then_told()


def test_the_first_scan_before_transit_dispatches_nothing() -> None:
    given(*LABELLED).when(WORLD.tracking("P1", "pre_transit", 10)).then(TrackingObserved).status_is("in_production")


def test_a_parcel_that_is_first_seen_at_the_door_was_also_dispatched() -> None:
    given(*LABELLED).when(DELIVERED).then(TrackingObserved, ShipmentDispatched, ShipmentDelivered).status_is(
        "delivered"
    )


def test_a_late_scan_never_brings_a_parcel_back_from_the_door() -> None:
    given(*LABELLED, DELIVERED).when(IN_TRANSIT).then(a(TrackingObserved, applied=False)).status_is("delivered")


def test_a_scan_told_twice_changes_nothing() -> None:
    given(*LABELLED, IN_TRANSIT).when(IN_TRANSIT).then(a(TrackingObserved, applied=False)).then_nothing_happens()


def test_a_returned_parcel_is_shown_to_a_person() -> None:
    given(*LABELLED, IN_TRANSIT).when(RETURNED).then(
        TrackingObserved,
        ShipmentReturned,
        a(ExceptionRaised, exception_id="parcel_returned:P1", blocking=False),
        a(ReturnOpened, parcel_id="P1"),
        ClaimReviewRequested,
    ).status_is("returned")


def test_a_parcel_that_came_back_stays_returned_when_an_older_delivery_is_told_late() -> None:
    given(*LABELLED, RETURNED).when(DELIVERED).then(a(TrackingObserved, applied=False)).status_is("returned")


def test_trouble_at_the_carrier_is_shown_until_the_parcel_goes_on() -> None:
    outcome = given(*LABELLED, IN_TRANSIT).when(TROUBLE)
    outcome.then(
        a(TrackingObserved, applied=True), a(ExceptionRaised, exception_id="parcel_in_trouble:P1", blocking=False)
    ).status_is("shipped")
    outcome.and_when(WORLD.tracking("P1", "delivered", 40, at=NOW + 60)).then_among_others(
        ShipmentDelivered, a(ExceptionResolved, exception_id="parcel_in_trouble:P1")
    )


def test_trouble_that_is_older_than_the_newest_scan_is_kept_and_not_applied() -> None:
    given(*LABELLED, WORLD.tracking("P1", "in_transit", 20, at=NOW + 60)).when(TROUBLE).then(
        a(TrackingObserved, applied=False)
    )


def test_a_word_of_the_carrier_that_is_not_known_is_kept() -> None:
    given(*LABELLED).when(WORLD.tracking("P1", "", 0, at=NOW + 99)).then(a(TrackingObserved, applied=False))


def test_a_scan_that_overtakes_the_news_of_the_label_loses_no_tracking_number() -> None:
    outcome = given(*LABELLING).when(IN_TRANSIT)
    outcome.then(TrackingObserved, ShipmentDispatched).waits_for("label:P1")
    outcome.and_when(answer_to(LabelRequested)).then(LabelPurchased).waits_for().status_is("shipped")
    assert outcome.order.parcels["P1"].tracking_number == "EZP1"


def two_parcels() -> tuple[object, ...]:
    lines = placed(a_store_order(lines=(a_line("1"), a_line("2"))))
    history = given(lines, everybody_answers_until(RoutingRequested)).history
    east, west = (fact for fact in history.facts if isinstance(fact, RoutingRequested))
    history.take(World("press-east").answer(east)[0])
    history.take(World("press-west").answer(west)[0])
    history.take(everybody_answers_until(RoutingRequested, LabelPurchased))
    return tuple(history.facts)


def test_two_partners_send_two_parcels_and_the_order_is_done_with_both() -> None:
    scenario = given(*two_parcels())  # type: ignore[arg-type]  # facts
    scenario.when(IN_TRANSIT).status_is("partially_shipped")
    scenario.when(WORLD.tracking("P2", "in_transit", 20)).status_is("shipped")
    scenario.when(DELIVERED).status_is("partially_delivered")
    done = scenario.when(WORLD.tracking("P2", "delivered", 40)).status_is("delivered")
    numbers = {key: parcel.tracking_number for key, parcel in done.order.parcels.items()}
    assert numbers == {"P1": "EZP1", "P2": "EZP2"}
    assert [parcel.contents for parcel in done.order.parcels.values()] == [{"1": (1,)}, {"2": (1,)}]


def test_lines_of_one_partner_travel_together() -> None:
    lines = placed(a_store_order(lines=(a_line("1"), a_line("2", quantity=2))))
    history = given(lines, everybody_answers_until(InspectionPassed)).history
    assert {key: parcel.contents for key, parcel in history.order.parcels.items()} == {"P1": {"1": (1,), "2": (1, 2)}}


def test_a_parcel_waits_for_a_line_whose_submission_is_tried_again_at_the_same_partner() -> None:
    lines = placed(a_store_order(lines=(a_line("1"), a_line("2"))))
    history = given(lines, everybody_answers_until(SubmissionAccepted)).history
    history.take(WORLD.status("1", 1, "printed", 50))
    history.take(everybody_answers_until(SubmissionAccepted))
    assert history.order.lines["1"].runs[0].stage == "passed"
    assert not history.order.parcels


@pytest.mark.parametrize("stage", ["dispatched", "delivered"])
def test_a_failed_label_report_never_takes_a_parcel_back(stage: str) -> None:
    scan = IN_TRANSIT if stage == "dispatched" else DELIVERED
    outcome = given(*LABELLING, scan).when(label_failed(retryable=True))
    assert outcome.order.parcels["P1"].stage == stage
