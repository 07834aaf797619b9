"""What is reported of a label that is to be given back, for each answer that carriers can give."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from events.order.facts import LabelRefundRequested
from events.order.parcel_commands import ReportLabelRefundAnswered
from processors.carriers.protocol import LabelBought, LabelRefused, RefundConfirmed, TrackingReport
from processors.outbound import Deferred
from processors.workers.void import GiveLabelBack
from tests.unit.workers.test_effects import ENVELOPE

REQUEST = LabelRefundRequested(
    effect_key="e" * 32,
    request_id=f"{'e' * 32}.1",
    attempt=1,
    due_at=0,
    parcel_id="P1",
    carrier="easypost",
    carrier_reference="shp_1",
    tracking_number="T1",
    label_effect_key="f" * 32,
)
SILENT = Deferred(reason="not_reached", retry_after_ms=1, outcome_unknown=False)
TAKEN = RefundConfirmed(carrier_reference="shp_1", state="submitted")
BOUGHT = LabelBought(
    tracking_number="T1", carrier_code="USPS", service="Ground", cost_minor=1, currency="USD", label_bytes=b"label",
    label_media_type="image/png", tracking_url=None, carrier_reference="shp_read_back",
)  # fmt: skip


def scan(canonical: str, rank: int) -> tuple[TrackingReport, ...]:
    return (
        TrackingReport(
            effect_key=None, tracking_number="T1", carrier_reference="shp_1", carrier_code="USPS", raw_status=canonical,
            canonical=canonical, rank=rank, carrier_timestamp_at=1, tracking_event_id="t", provenance="test/1",
        ),
    )  # fmt: skip


class Office:
    """A carrier with prepared answers that remembers which labels it was asked to take back."""

    def __init__(self, refund: object = TAKEN, seen: object = (), held: object = None) -> None:
        self._refund, self._seen, self._held = refund, seen, held
        self.asked: list[str] = []

    async def track(self, carrier_reference: str) -> Any:
        return self._seen

    async def read_back(self, effect_key: str) -> Any:
        assert effect_key == REQUEST.label_effect_key
        return self._held

    async def refund(self, carrier_reference: str) -> Any:
        self.asked.append(carrier_reference)
        return self._refund


def report(office: Office, **changes: Any) -> ReportLabelRefundAnswered:
    request = msgspec.structs.replace(REQUEST, **changes)
    carriers: Any = {"easypost": office}
    answer = asyncio.run(GiveLabelBack(carriers=carriers).carry_out(request, ENVELOPE))
    assert isinstance(answer, ReportLabelRefundAnswered)
    assert (answer.request_id, answer.parcel_id) == (request.request_id, "P1")
    return answer


@pytest.mark.parametrize(("state", "told"), [("submitted", "pending"), ("refunded", "refunded")])
def test_a_label_that_the_carrier_takes_back_is_pending_or_refunded(state: str, told: str) -> None:
    office = Office(msgspec.structs.replace(TAKEN, state=state), scan("pre_transit", 10))
    assert report(office).state == told
    assert office.asked == ["shp_1"]


@pytest.mark.parametrize(("canonical", "rank"), [("in_transit", 20), ("delivered", 40), ("returned", 60)])
def test_a_label_whose_parcel_is_on_its_way_is_never_asked_about(canonical: str, rank: int) -> None:
    office = Office(seen=scan(canonical, rank))
    answer = report(office)
    assert (answer.state, answer.reason, office.asked) == ("refused", "in_transit", [])


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (LabelRefused(reason="refund_refused", retryable=False, needs_person=True), "refused", "refund_refused"),
        (LabelRefused(reason="credentials", retryable=False, needs_person=True), "refused", "credentials"),
        (LabelRefused(reason="unavailable", retryable=True), "unanswered", "unavailable"),
        (SILENT, "unanswered", "not_reached"),
    ],
)
def test_a_refusal_is_told_and_what_may_change_is_asked_again(outcome: object, state: str, reason: str) -> None:
    answer = report(Office(outcome))
    assert (answer.state, answer.reason) == (state, reason)


def test_what_the_carrier_wrote_is_not_kept() -> None:
    refused = LabelRefused(reason="refund_refused", retryable=False, detail="179 N Harbor Dr: used")
    assert "Harbor" not in report(Office(refused)).detail


def test_a_parcel_of_which_nobody_can_be_asked_is_left_alone() -> None:
    office = Office(seen=SILENT)
    assert (report(office).state, office.asked) == ("unanswered", [])


def test_a_label_of_which_only_the_key_is_known_is_read_back_first() -> None:
    office = Office(held=BOUGHT)
    assert (report(office, carrier_reference="").state, office.asked) == ("pending", ["shp_read_back"])
    unknown = report(Office(), carrier_reference="")
    assert (unknown.state, unknown.reason) == ("refused", "not_known")
    assert report(Office(held=SILENT), carrier_reference="").state == "unanswered"


def test_a_carrier_that_is_not_set_up_any_more_is_shown() -> None:
    answer = report(Office(), carrier="pigeon")
    assert (answer.state, answer.reason) == ("refused", "not_set_up")
    assert "CARRIERS" in answer.detail
