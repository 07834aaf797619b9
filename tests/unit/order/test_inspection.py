"""Printed units: judged, printed again, until a person decides."""

from events.order.commands import ReportInspected, RequestReprint, ResolveException
from events.order.facts import (
    ExceptionRaised,
    ExceptionResolved,
    InspectionFailed,
    InspectionPassed,
    InspectionRequested,
    LabelPurchased,
    LabelRequested,
    PersonalDataErased,
    ReprintRequested,
    ShipmentDelivered,
    SubmissionRequested,
)
from events.order.refusals import AlreadyErased, PrintedTooOften, UnitsBeingMade, UnitsNotPrinted
from events.order.values import Defect, OrderPolicy
from tests.order_life import a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, deadline, everybody_answers_until, given, report_on

MISPRINT = Defect(code="misprint", description="Colours are off.")
POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0, reprints_max=1)
TWO_MUGS = placed(a_store_order(lines=(a_line(quantity=2),), policy=POLICY))
INSPECTING = (TWO_MUGS, everybody_answers_until(InspectionRequested))
DELIVERED = (TWO_MUGS, everybody_answers_until())


def judged(passed: tuple[int, ...], failed: tuple[int, ...], *defects: Defect) -> Step:
    return report_on(
        InspectionRequested,
        lambda asked: ReportInspected(
            request_id=asked.request_id,
            line_id=asked.line_id,
            run=asked.run,
            passed_units=passed,
            failed_units=failed,
            defects=defects,
        ),
    )


def test_good_units_are_packed() -> None:
    given(*INSPECTING).when(judged((1, 2), ())).then(
        InspectionPassed(line_id="1", run=1, units=(1, 2), by="store:demo-rest", partner_id="press-east"),
        a(LabelRequested, parcel_id="P1"),
    ).then_told("buyer: quality_passed")


def test_a_misprinted_unit_is_printed_again_at_the_same_partner_with_the_reason_and_ships_separately() -> None:
    outcome = given(*INSPECTING).when(judged((1,), (2,), MISPRINT))
    outcome.then(
        a(InspectionPassed, units=(1,)),
        a(InspectionFailed, units=(2,), defects=(MISPRINT,)),
        a(ReprintRequested, run=2, of_run=1, units=(2,), partner_id="press-east", reason_code="misprint"),
        a(SubmissionRequested, run=2, units=(2,), partner_id="press-east"),
        a(LabelRequested, parcel_id="P1"),
    ).waits_for("submit:1:2", "label:P1")
    history = outcome.history
    history.take(everybody_answers_until())
    contents = {key: parcel.contents for key, parcel in history.order.parcels.items()}
    assert contents == {"P1": {"1": (1,)}, "P2": {"1": (2,)}}


def test_the_buyer_hears_that_the_order_passed_once_all_of_it_did() -> None:
    scenario = given(*INSPECTING)
    scenario.when(judged((1,), (2,), MISPRINT)).then_told()
    scenario.when(everybody_answers_until(InspectionRequested))
    scenario.when(judged((2,), ())).then_told("buyer: quality_passed")


def test_a_reprint_uses_the_very_same_files() -> None:
    history = given(*INSPECTING).history
    first = history.newest(SubmissionRequested).print_files
    history.take(judged((), (1, 2), MISPRINT))
    assert history.newest(SubmissionRequested).print_files == first


def test_a_unit_of_which_the_inspection_says_nothing_is_not_good() -> None:
    given(*INSPECTING).when(judged((1,), ())).then_among_others(
        a(InspectionFailed, units=(2,)), a(ReprintRequested, units=(2,), reason_code="not_reported")
    )


def test_an_inspection_says_nothing_about_units_that_the_run_does_not_have() -> None:
    given(*INSPECTING).when(judged((1, 2, 3), ())).then_among_others(a(InspectionPassed, units=(1, 2)))


def test_a_second_verdict_is_ignored() -> None:
    given(*INSPECTING, judged((1, 2), ())).when(judged((), (1, 2), MISPRINT)).then_ignored()


def test_a_run_that_is_not_at_its_inspection_has_no_verdict() -> None:
    given(TWO_MUGS, everybody_answers_until(SubmissionRequested)).when(
        ReportInspected(request_id="r", line_id="1", run=1, passed_units=(1, 2), failed_units=())
    ).then_ignored()


def test_after_the_policys_limit_a_person_decides() -> None:
    again = (judged((1,), (2,), MISPRINT), everybody_answers_until(InspectionRequested))
    scenario = given(*INSPECTING, *again)
    outcome = scenario.when(judged((), (2,), MISPRINT))
    outcome.then(InspectionFailed, a(ExceptionRaised, exception_id="reprint_limit:1:2", blocking=True))
    outcome.status_is("exception")
    scenario.when(ResolveException(exception_id="reprint_limit:1:2", how="one more")).then(
        ExceptionResolved,
        a(ReprintRequested, run=3, of_run=2, units=(2,), reason_code="person_decided"),
        SubmissionRequested,
    )


def test_a_person_has_good_units_printed_again() -> None:
    given(*DELIVERED).when(RequestReprint(line_id="1", units=(2,), reason_code="lost")).then(
        a(ReprintRequested, run=2, of_run=1, units=(2,), reason_code="lost", by="store:demo-rest"),
        a(SubmissionRequested, run=2, units=(2,)),
    )


def test_a_unit_that_was_sent_again_leaves_the_first_parcel_as_it_was() -> None:
    reprint = RequestReprint(line_id="1", units=(2,), reason_code="lost")
    order = given(*DELIVERED, reprint, everybody_answers_until()).history.order
    assert {key: parcel.contents for key, parcel in order.parcels.items()} == {"P1": {"1": (1, 2)}, "P2": {"1": (2,)}}
    assert [run.parcel_id for run in order.lines["1"].runs] == ["P1", "P2"]


def test_good_units_that_are_printed_again_before_they_are_packed_are_packed_once() -> None:
    lines = (a_line("1", quantity=2), a_line("2"))
    order = placed(a_store_order(lines=lines, policy=POLICY))
    first = (order, everybody_answers_until(InspectionRequested))
    history = given(*first).history
    answers = [fact for fact in history.facts if isinstance(fact, InspectionRequested)]
    one, two = sorted(answers, key=lambda asked: asked.line_id)
    history.take(ReportInspected(request_id=one.request_id, line_id="1", run=1, passed_units=(1, 2), failed_units=()))
    history.take(RequestReprint(line_id="1", units=(2,), reason_code="scratched"))
    history.take(ReportInspected(request_id=two.request_id, line_id="2", run=1, passed_units=(1,), failed_units=()))
    history.take(everybody_answers_until())
    packed = [(line, unit) for p in history.order.parcels.values() for line, us in p.contents.items() for unit in us]
    assert sorted(packed) == [("1", 1), ("1", 2), ("2", 1)]


def test_units_that_are_being_made_are_not_printed_a_second_time() -> None:
    reprint = RequestReprint(line_id="1", units=(2,), reason_code="lost")
    given(*DELIVERED, reprint).when(reprint).then_refused(UnitsBeingMade)
    given(*INSPECTING).when(reprint).then_refused(UnitsBeingMade)


def test_units_that_were_never_printed_cannot_be_printed_again() -> None:
    given(TWO_MUGS).when(RequestReprint(line_id="1", units=(1,), reason_code="lost")).then_refused(UnitsNotPrinted)
    given(*DELIVERED).when(RequestReprint(line_id="1", units=(3,), reason_code="lost")).then_refused(UnitsNotPrinted)
    given(*DELIVERED).when(RequestReprint(line_id="1", units=(), reason_code="lost")).then_refused(UnitsNotPrinted)


def test_a_line_is_not_printed_without_end() -> None:
    scenario = given(*DELIVERED)
    reprint = RequestReprint(line_id="1", units=(2,), reason_code="lost")
    for _ in range(49):
        scenario.history.take(reprint)
        scenario.history.take(everybody_answers_until(LabelPurchased))
    scenario.when(reprint).then_refused(PrintedTooOften)


def test_nothing_is_printed_again_for_a_buyer_who_is_erased() -> None:
    given(*DELIVERED, PersonalDataErased(by="operator:1")).when(
        RequestReprint(line_id="1", units=(2,), reason_code="lost")
    ).then_refused(AlreadyErased)


def test_a_share_of_the_runs_is_inspected_by_a_person() -> None:
    everyone = OrderPolicy(approval="when_clean", spot_check_per_mille=1000)
    history = given(placed(a_store_order(policy=everyone)), everybody_answers_until(InspectionRequested)).history
    assert history.newest(InspectionRequested).mode == "person"


def test_an_inspection_that_nobody_does_is_asked_for_again() -> None:
    given(*INSPECTING).when(deadline("inspect:1:1")).then_among_others(a(InspectionRequested, attempt=2))


def test_the_verdict_of_an_inspection_that_was_asked_for_twice_counts_once() -> None:
    outcome = given(*INSPECTING, deadline("inspect:1:1")).when(answer_to(InspectionRequested))
    outcome.then_among_others(InspectionPassed).and_when(answer_to(InspectionRequested)).then_ignored()


def test_a_delivered_order_stays_delivered_while_a_unit_is_printed_again() -> None:
    outcome = given(*DELIVERED).when(RequestReprint(line_id="1", units=(2,), reason_code="lost"))
    outcome.status_is("delivered")
    history = outcome.history
    history.take(everybody_answers_until())
    assert [fact.parcel_id for fact in history.facts if isinstance(fact, ShipmentDelivered)] == ["P1", "P2"]
