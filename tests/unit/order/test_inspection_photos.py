"""Photographs of printed units: sent by the partner or added by a person, compared by rules, judged."""

from msgspec.structs import replace

from events.order.commands import ReportInspected
from events.order.facts import (
    InspectionFailed,
    InspectionPassed,
    InspectionPhotoAdded,
    InspectionRequested,
    PrintCompared,
    ReprintRequested,
    SubmissionAccepted,
)
from events.order.inspection_commands import AddInspectionPhoto, ReportPrintCompared
from events.order.refusals import NotAtInspection, TooManyPhotos, UnitsNotPrinted
from events.order.values import Defect, OrderPolicy, PhotoComparison, PrintPhoto, QualityReport
from tests.order_life import World, a_file, a_line, a_store_order, placed
from tests.unit.order.spec import Step, a, answer_to, everybody_answers_until, given, report_on

POLICY = OrderPolicy(approval="when_clean", spot_check_per_mille=0)
DRAWN = OrderPolicy(approval="when_clean", spot_check_per_mille=1000)
TWO_MUGS = placed(a_store_order(lines=(a_line(quantity=2),), policy=POLICY))
FOR_A_PERSON = (
    placed(a_store_order(lines=(a_line(quantity=2),), policy=DRAWN)),
    everybody_answers_until(InspectionRequested),
)
PHOTO = PrintPhoto(unit=1, file=a_file("photo"))
SENT = PrintPhoto(unit=2, area="front", url="https://press.example/2.jpg", area_share_permille=800)
MISSING = Defect(code="part_missing", measured=0.1, threshold=0.4)
GOOD = PhotoComparison(unit=1, photo=PHOTO.file)
BAD = PhotoComparison(unit=2, photo=PHOTO.file, defects=(MISSING,))
UNREADABLE = PhotoComparison(unit=2, problem="The file is damaged.")


def compared(*comparisons: PhotoComparison, needs_person: bool = False) -> Step:
    return report_on(
        InspectionRequested,
        lambda asked: ReportPrintCompared(
            request_id=asked.request_id,
            line_id=asked.line_id,
            run=asked.run,
            comparisons=comparisons,
            rules_version="rules-1",
            needs_person=needs_person,
        ),
    )


def test_what_rules_say_stands_beside_the_verdict_that_follows_from_it() -> None:
    asked = given(TWO_MUGS, everybody_answers_until(InspectionRequested))
    verdict = answer_to(
        InspectionRequested,
        passed_units=(1,),
        failed_units=(2,),
        defects=(MISSING,),
        comparisons=(GOOD, BAD),
        rules_version="rules-1",
    )
    asked.when(verdict).then_among_others(
        a(PrintCompared, comparisons=(GOOD, BAD), rules_version="rules-1", partner_id="press-east"),
        a(InspectionPassed, units=(1,)),
        a(InspectionFailed, units=(2,), defects=(MISSING,)),
        a(ReprintRequested, units=(2,), reason_code="part_missing", of_run=1),
    )


def test_a_verdict_without_photographs_says_nothing_of_rules() -> None:
    given(TWO_MUGS, everybody_answers_until(InspectionRequested)).when(answer_to(InspectionRequested)).then_not(
        PrintCompared
    )


def test_a_comparison_leaves_the_verdict_to_the_person_who_was_asked() -> None:
    outcome = given(*FOR_A_PERSON).when(compared(GOOD, BAD))
    outcome.then(a(PrintCompared, comparisons=(GOOD, BAD))).waits_for("inspect:1:1")


def test_a_photograph_that_cannot_be_compared_brings_a_person() -> None:
    asked = given(TWO_MUGS, everybody_answers_until(InspectionRequested))
    asked.when(compared(UNREADABLE, needs_person=True)).then(
        a(PrintCompared, comparisons=(UNREADABLE,)), a(InspectionRequested, mode="person", attempt=2)
    ).waits_for("inspect:1:1")


def test_a_comparison_that_comes_after_the_verdict_is_ignored() -> None:
    judged = given(TWO_MUGS, everybody_answers_until(InspectionRequested), answer_to(InspectionRequested))
    judged.when(compared(GOOD)).then_ignored()


def test_a_photograph_that_a_person_adds_is_compared_at_once_with_the_print_file() -> None:
    scenario = given(*FOR_A_PERSON)
    outcome = scenario.when(AddInspectionPhoto(line_id="1", run=1, photo=PHOTO))
    outcome.then(
        InspectionPhotoAdded(line_id="1", run=1, photo=PHOTO, by="store:demo-rest"),
        a(InspectionRequested, mode="person", attempt=2, photos=(PHOTO,)),
    )
    asked = scenario.history.newest(InspectionRequested)
    assert [one.file.key for one in asked.print_files] == [
        one.print_file.key for one in scenario.history.order.lines["1"].areas
    ]
    second = replace(PHOTO, unit=2)
    scenario.when(AddInspectionPhoto(line_id="1", run=1, photo=second)).then_among_others(
        a(InspectionRequested, attempt=3, photos=(PHOTO, second))
    )


def test_the_same_photograph_counts_once() -> None:
    added = AddInspectionPhoto(line_id="1", run=1, photo=PHOTO)
    given(*FOR_A_PERSON, added).when(added).then_ignored()


def test_a_photograph_of_a_unit_that_the_run_has_not_is_refused() -> None:
    other = replace(PHOTO, unit=3)
    given(*FOR_A_PERSON).when(AddInspectionPhoto(line_id="1", run=1, photo=other)).then_refused(UnitsNotPrinted)


def test_a_photograph_is_of_no_use_when_nobody_waits_for_a_verdict() -> None:
    judged = given(TWO_MUGS, everybody_answers_until())
    judged.when(AddInspectionPhoto(line_id="1", run=1, photo=PHOTO)).then_refused(NotAtInspection)


def test_photographs_of_a_run_are_bounded() -> None:
    scenario = given(*FOR_A_PERSON)
    for number in range(16):
        photo = replace(PHOTO, area_share_permille=number)
        scenario.when(AddInspectionPhoto(line_id="1", run=1, photo=photo)).then_among_others(InspectionPhotoAdded)
    one_more = replace(PHOTO, area_share_permille=99)
    scenario.when(AddInspectionPhoto(line_id="1", run=1, photo=one_more)).then_refused(TooManyPhotos)


def test_photographs_of_the_partners_report_are_compared() -> None:
    report = QualityReport(photos=(SENT, replace(SENT, unit=9)))
    printed = World().status("1", 1, "printed", 50, quality=report)
    accepted = given(TWO_MUGS, everybody_answers_until(SubmissionAccepted), printed)
    asked = accepted.history.newest(InspectionRequested)
    assert (asked.mode, asked.photos) == ("automatic", (SENT,))
    assert asked.print_files


def test_a_persons_verdict_ends_it() -> None:
    given(*FOR_A_PERSON, compared(GOOD, BAD)).when(
        ReportInspected(request_id="", line_id="1", run=1, passed_units=(1, 2), failed_units=())
    ).then_among_others(a(InspectionPassed, units=(1, 2)))
