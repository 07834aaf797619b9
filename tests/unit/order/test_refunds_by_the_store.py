"""The store gives money back while goods are made: no press stops for it, and nobody is called in vain."""

from events.order.commands import ReportPayment
from events.order.facts import (
    EditRefused,
    EditRequested,
    ExceptionRaised,
    LabelPurchased,
    PartnerCancellationRequested,
    PaymentRefunded,
    SubmissionAccepted,
)
from projections.sentences import describe
from tests.order_life import a_line, a_store_order, placed
from tests.unit.order.spec import a, everybody_answers_until, given
from tests.unit.order.test_edits_at_the_press import answered, seen

TWO = placed(a_store_order(lines=(a_line(quantity=2), a_line("2"))))
MADE = (TWO, everybody_answers_until(LabelPurchased))
REFUNDED = ReportPayment(kind="refunded", amount_minor=1_500, currency="USD", reference="shopify-refund-1")


def test_a_refund_of_one_unit_of_made_goods_is_noted_told_to_the_store_and_raised_to_nobody() -> None:
    outcome = given(*MADE).when(seen(a_line(quantity=1), a_line("2")))
    outcome.then(a(EditRequested, line_id="1"), a(EditRefused, line_id="1", reason="made_already"))
    outcome.then_told("store: edit_refused-1")
    assert "Too late to change line 1: made_already" in [describe(fact).title for fact in outcome.facts]
    refunded = outcome.and_when(REFUNDED)
    refunded.then(a(PaymentRefunded, amount_minor=1_500))
    refunded.then_not(ExceptionRaised, PartnerCancellationRequested)


def test_the_refund_may_be_told_before_the_order_that_shows_it() -> None:
    outcome = given(*MADE, REFUNDED).when(seen(a_line(quantity=1), a_line("2")))
    outcome.then(EditRequested, a(EditRefused, reason="made_already"))


def test_a_line_that_was_refunded_as_a_whole_after_it_was_made_is_sent_and_raised_to_nobody() -> None:
    outcome = given(*MADE).when(seen(a_line(quantity=2)))
    outcome.then(a(EditRequested, line_id="2"), a(EditRefused, line_id="2", reason="made_already"))


def test_everything_is_still_delivered_as_it_was_made() -> None:
    history = given(*MADE, seen(a_line(quantity=1), a_line("2")), REFUNDED).history
    history.take(everybody_answers_until())
    assert {parcel.stage for parcel in history.order.parcels.values()} == {"delivered"}
    assert not history.order.exceptions


def test_a_partner_that_cannot_stop_what_the_store_called_off_is_still_shown_to_a_person() -> None:
    at_press = given(TWO, everybody_answers_until(SubmissionAccepted))
    asked = at_press.when(seen(a_line(quantity=1), a_line("2")))
    asked.then_among_others(PartnerCancellationRequested)
    late = asked.and_when(answered(confirmed=False))
    late.then_among_others(a(EditRefused, reason="partner_refused"), a(ExceptionRaised, kind="edit_refused"))


def test_goods_that_were_to_become_others_are_still_shown_to_a_person() -> None:
    outcome = given(*MADE).when(seen(a_line(quantity=1, content="other text"), a_line("2")))
    outcome.then(EditRequested, a(EditRefused, reason="made_already"), a(ExceptionRaised, kind="edit_refused"))
