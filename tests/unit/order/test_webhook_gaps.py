"""A webhook that did not come is a fact, and so is its coming after all."""

import msgspec
import pytest

from events.order.commands import OrderCommandUnion
from events.order.facts import (
    LabelPurchased,
    PartnerStatusObserved,
    SubmissionAccepted,
    WebhookGapClosed,
    WebhookGapFound,
)
from tests.order_life import NOW, World, placed
from tests.unit.order.spec import MINUTE_MS, a, everybody_answers_until, given

WORLD = World()
ACCEPTED = (placed(), everybody_answers_until(SubmissionAccepted))
LABELLED = (placed(), everybody_answers_until(LabelPurchased))


def polled(command: OrderCommandUnion) -> OrderCommandUnion:
    """The same word, said because we asked."""
    return msgspec.structs.replace(command, polled=True)


QUEUED = WORLD.status("1", 1, "queued", 10)
PRINTING = WORLD.status("1", 1, "printing", 20)
PRINTED = WORLD.status("1", 1, "printed", 50)
ON_HOLD = WORLD.status("1", 1, "on_hold", 0, at=NOW + 30)
IN_TRANSIT = WORLD.tracking("P1", "in_transit", 20)
OUT = WORLD.tracking("P1", "out_for_delivery", 30)
DELIVERED = WORLD.tracking("P1", "delivered", 40)


def test_what_a_question_finds_and_no_webhook_said_is_a_gap() -> None:
    outcome = given(*ACCEPTED).when(polled(PRINTING))
    outcome.then_among_others(
        a(WebhookGapFound, subject="run:1:1", who="press-east", expected="printing", polled="printing", rank=20)
    )
    gap = next(fact for fact in outcome.facts if isinstance(fact, WebhookGapFound))
    assert gap.silent_seconds == (outcome.history.now - PRINTING.partner_at) // 1_000
    assert outcome.order.webhook_gaps["run:1:1"].expected == "printing"


def test_a_webhook_that_told_it_before_leaves_no_gap() -> None:
    given(*ACCEPTED, PRINTING).when(polled(PRINTING)).then(a(PartnerStatusObserved, applied=False, polled=True))


def test_what_became_so_a_moment_ago_is_no_gap_because_its_webhook_may_be_on_the_way() -> None:
    scenario = given(*ACCEPTED)
    now = scenario.history.now + MINUTE_MS
    just_now = polled(WORLD.status("1", 1, "printing", 20, at=now - 1_000))
    scenario.when(just_now).then_not(WebhookGapFound)


def test_the_webhook_that_comes_after_all_closes_the_gap() -> None:
    outcome = given(*ACCEPTED, polled(PRINTING)).when(PRINTING)
    outcome.then(
        a(PartnerStatusObserved, applied=False, polled=False),
        WebhookGapClosed(subject="run:1:1", who="press-east", expected="printing", how="webhook", open_seconds=60),
    )
    assert not outcome.order.webhook_gaps
    outcome.and_when(PRINTING).then_not(WebhookGapClosed)


def test_a_run_that_goes_past_what_the_webhook_would_say_closes_the_gap() -> None:
    outcome = given(*ACCEPTED, polled(PRINTING)).when(PRINTED)
    outcome.then_among_others(a(WebhookGapClosed, how="passed", expected="printing")).then_not(WebhookGapFound)
    assert not outcome.order.webhook_gaps


def test_a_further_question_that_finds_more_closes_one_gap_and_opens_the_next() -> None:
    outcome = given(*ACCEPTED, polled(QUEUED)).when(polled(PRINTING))
    outcome.then_among_others(a(WebhookGapClosed, expected="queued", how="passed"), a(WebhookGapFound, rank=20))
    assert outcome.order.webhook_gaps["run:1:1"].rank == 20


def test_an_older_webhook_does_not_close_the_gap() -> None:
    given(*ACCEPTED, polled(PRINTING)).when(QUEUED).then(a(PartnerStatusObserved, applied=False))


def test_a_hold_that_no_webhook_told_is_a_gap_until_the_partner_goes_on() -> None:
    outcome = given(*ACCEPTED).when(polled(ON_HOLD))
    outcome.then_among_others(a(WebhookGapFound, expected="on_hold", rank=0))
    outcome.and_when(PRINTING).then_among_others(a(WebhookGapClosed, expected="on_hold", how="passed"))


def test_a_gap_ends_with_the_run_that_it_is_about() -> None:
    outcome = given(*ACCEPTED, polled(PRINTED), everybody_answers_until(SubmissionAccepted))
    assert not outcome.history.order.webhook_gaps
    closed = [fact for fact in outcome.history.facts if isinstance(fact, WebhookGapClosed)]
    assert [(fact.expected, fact.how) for fact in closed] == [("printed", "passed")]


@pytest.mark.parametrize(("later", "how"), [(IN_TRANSIT, "webhook"), (OUT, "passed"), (DELIVERED, "passed")])
def test_a_carriers_silence_is_a_gap_of_its_parcel(later: OrderCommandUnion, how: str) -> None:
    outcome = given(*LABELLED).when(polled(IN_TRANSIT))
    outcome.then_among_others(a(WebhookGapFound, subject="parcel:P1", who="easypost", expected="in_transit"))
    outcome.and_when(later).then_among_others(a(WebhookGapClosed, subject="parcel:P1", how=how))
