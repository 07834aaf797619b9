"""What the submitting worker reports of a suspended partner: never a second print, and never a wait for it."""

import asyncio
from typing import Any

import msgspec
import pytest

from events.order.commands import ReportSubmissionAccepted, ReportSubmissionRefused
from events.order.evolve_production import OUTCOME_UNKNOWN, PARTNER_SUSPENDED
from processors.partners.protocol import Accepted, CancelConfirmed, CancelTooLate, Refused
from tests.contract.claims import Claims
from tests.unit.workers.test_effects import ENVELOPE, SILENT, SNAPSHOT, SUBMISSION, UNREACHED, Partner, submit_worker


def submitted(partner: Partner, *, ask_first: bool = False, begun: Claims | None = None) -> Any:
    request = msgspec.structs.replace(SUBMISSION, ask_first=ask_first)
    return asyncio.run(submit_worker(begun, ("press",), press=partner).carry_out(request, ENVELOPE))


def test_what_it_surely_does_not_have_goes_to_another_and_it_is_not_even_asked() -> None:
    partner = Partner(answer=None)

    report = submitted(partner)

    assert isinstance(report, ReportSubmissionRefused)
    assert (report.reason, report.retryable) == (PARTNER_SUSPENDED, False)
    assert partner.jobs == []


def test_what_it_has_stays_with_it() -> None:
    report = submitted(Partner(answer=None, held=SNAPSHOT), ask_first=True)

    assert isinstance(report, ReportSubmissionAccepted)
    assert report.partner_order_id == "J-1"


def test_what_it_may_have_waits_while_it_cannot_be_asked() -> None:
    report = submitted(Partner(answer=None, held=SILENT), ask_first=True)

    assert isinstance(report, ReportSubmissionRefused)
    assert report.reason == OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (CancelConfirmed(confirmed_at=0, was_known=False), PARTNER_SUSPENDED),
        (CancelConfirmed(confirmed_at=1), PARTNER_SUSPENDED),
        (UNREACHED, OUTCOME_UNKNOWN),
        (Refused(reason="credentials", retryable=False), OUTCOME_UNKNOWN),
    ],
)
def test_an_attempt_that_may_still_be_on_its_way_is_stopped_before_another_partner_prints_it(
    answer: object, reason: str
) -> None:
    report = submitted(Partner(answer, held=None), ask_first=True)

    assert isinstance(report, ReportSubmissionRefused)
    assert report.reason == reason


def test_an_attempt_that_cannot_be_stopped_any_more_is_the_partners() -> None:
    late = CancelTooLate(raw_status="printing", canonical="printing")

    assert isinstance(submitted(Partner(late, held=None), ask_first=True), ReportSubmissionAccepted)


def test_a_request_that_a_dead_worker_had_begun_is_asked_about_before_it_goes_elsewhere() -> None:
    begun = Claims()
    asyncio.run(
        submit_worker(begun, press=Partner(Accepted(partner_reference="J-1", accepted_at=1))).carry_out(
            SUBMISSION, ENVELOPE
        )
    )

    report = submitted(Partner(answer=None, held=SNAPSHOT), begun=begun)

    assert isinstance(report, ReportSubmissionAccepted)
