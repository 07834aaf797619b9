"""A house press asks each order before its line is imaged: a cancelled, held or changed line is not printed."""

from events.order.commands import CancelOrder, HoldOrder, StartProduction
from events.order.facts import InspectionRequested, PartnerCancellationRequested, ProductionStarted, SubmissionRequested
from events.order.refusals import NotToBePrinted
from tests.order_life import World, placed
from tests.unit.order.spec import answer_to, everybody_answers_until, given

ASK = StartProduction(line_id="1", run=1, version=1, batch_id="batch-1")
SUBMITTED = (placed(), everybody_answers_until(SubmissionRequested))
ACCEPTED = (*SUBMITTED, answer_to(SubmissionRequested))


def test_an_order_says_yes_to_what_its_partner_has() -> None:
    given(*ACCEPTED).when(ASK).then(ProductionStarted(line_id="1", run=1, batch_id="batch-1")).then_told(
        "buyer: production_started"
    )


def test_a_line_that_is_to_be_cancelled_is_not_printed() -> None:
    cancelling = (*ACCEPTED, CancelOrder(reason="changed my mind"))
    given(*cancelling).when(ASK).then_refused(NotToBePrinted)
    given(*cancelling, answer_to(PartnerCancellationRequested)).when(ASK).then_refused(NotToBePrinted)


def test_a_held_order_is_not_printed() -> None:
    given(*ACCEPTED, HoldOrder()).when(ASK).then_refused(NotToBePrinted)


def test_other_files_than_those_that_were_submitted_are_not_printed() -> None:
    other = StartProduction(line_id="1", run=1, version=2, batch_id="batch-1")
    given(*ACCEPTED).when(other).then_refused(NotToBePrinted)


def test_what_the_partner_does_not_have_yet_is_not_printed() -> None:
    given(*SUBMITTED).when(ASK).then_refused(NotToBePrinted)


def test_what_is_on_the_press_is_not_started_twice() -> None:
    given(*ACCEPTED, ASK).when(StartProduction(line_id="1", run=1, version=1, batch_id="batch-2")).then_ignored()


def test_what_is_printed_is_not_started() -> None:
    given(placed(), everybody_answers_until(InspectionRequested, world=World())).when(ASK).then_ignored()
