"""How long asking for a label again is in vain reaches the order from whoever knows it."""

from processors.carriers.protocol import LabelRefused
from processors.outbound import Deferred
from tests.unit.workers.test_suggested_address import failed_by


def test_a_purchase_that_may_be_under_way_says_until_when_nobody_may_pay() -> None:
    doubt = Deferred(reason="answer_lost", retry_after_ms=600_000, outcome_unknown=True)

    report, _ = failed_by(doubt)

    assert (report.reason, report.retryable, report.retry_after_ms) == ("answer_lost", True, 600_000)


def test_a_refusal_asks_for_no_wait_of_its_own() -> None:
    report, _ = failed_by(LabelRefused(reason="carrier_error", retryable=True))

    assert (report.retryable, report.retry_after_ms) == (True, 0)
