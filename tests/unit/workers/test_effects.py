"""What workers report, for each answer that partners, carriers and people can give."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from events.envelope import FactEnvelope
from events.order.commands import (
    ReportCancellationAnswered,
    ReportInspected,
    ReportSubmissionAccepted,
    ReportSubmissionRefused,
)
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import InspectionRequested, LabelRequested, PartnerCancellationRequested, SubmissionRequested
from events.order.values import AreaFile, Defect, LineUnits, QualityReport, StoredFile
from processors.carriers.protocol import Address
from processors.links import LinkSigner
from processors.outbound import Deferred
from processors.partners.protocol import Accepted, CancelConfirmed, CancelTooLate, JobSnapshot, Refused
from processors.personal import Recipient
from processors.worker import Answer
from processors.workers.cancel import Cancel
from processors.workers.files import line_folder, path_part
from processors.workers.inspect import SIMULATED_INSPECTOR, Inspect
from processors.workers.label import PACKAGING_GRAMS, UNIT_WEIGHT_GRAMS, shipment
from processors.workers.submit import Submit
from projections.rows import Goods
from projections.rows import Partner as KnownPartner
from tests.contract.claims import Claims

ENVELOPE = FactEnvelope(
    key="order",
    tenant="demo",
    fact_type="",
    seq=1,
    position=1,
    recorded_at=1_800_000_000_000,
    actor="test",
    causation_id="c",
)
EFFECT = "e" * 32
FILE = StoredFile(key="demo/order/1/front/v1/print.png", version_id="1", sha256="keyed", size_bytes=1, media_type="x")
SUBMISSION = SubmissionRequested(
    effect_key=EFFECT,
    request_id=f"{EFFECT}.1",
    attempt=1,
    due_at=0,
    line_id="1",
    run=1,
    units=(1, 2),
    partner_id="press",
    partner_variant="MUG",
    print_files=(AreaFile(area="front", file=FILE), AreaFile(area="back", file=FILE)),
    country="US",
    priority="standard",
)
CANCELLATION = PartnerCancellationRequested(
    effect_key="c" * 32,
    request_id="c.1",
    attempt=1,
    due_at=0,
    line_id="1",
    run=1,
    partner_id="press",
    submission_key=EFFECT,
    reason="changed their mind",
)
SNAPSHOT = JobSnapshot(
    effect_key=EFFECT,
    partner_reference="J-1",
    raw_status="printing",
    canonical="printing",
    rank=20,
    accepted_at=1,
    updated_at=1,
    units=(1, 2),
    quantity=2,
    provenance="test/1",
)
UNREACHED = Deferred(reason="not_reached", retry_after_ms=7_000, outcome_unknown=False)
SILENT = Deferred(reason="server_error", retry_after_ms=0, outcome_unknown=True)


class Partner:
    """A partner that gives prepared answers and remembers what it was asked."""

    name = "press"

    def __init__(self, answer: object, held: object = None) -> None:
        self.answer, self.held = answer, held
        self.jobs: list[Any] = []

    async def submit(self, job: object) -> Any:
        self.jobs.append(job)
        return self.answer

    async def read_back(self, effect_key: str) -> Any:
        return self.held

    async def cancel(self, effect_key: str, reason: str) -> Any:
        assert effect_key == EFFECT
        return self.answer


class Files:
    """Knows the digest of the print file."""

    def plain_sha256(self, key: str) -> str:
        return "plain"


class Known:
    """A catalogue in which these partners are suspended."""

    def __init__(self, suspended: tuple[str, ...] = ()) -> None:
        self._suspended = suspended

    def partner(self, partner_id: str) -> KnownPartner:
        return KnownPartner(
            partner_id=partner_id,
            name=partner_id,
            adapter="test",
            country="US",
            latitude=0.0,
            longitude=0.0,
            ships_to=("*",),
            daily_capacity=1,
            suspended=partner_id in self._suspended,
        )


def submit_worker(begun: Claims | None = None, suspended: tuple[str, ...] = (), **partners: Partner) -> Submit:
    """The worker with these partners; `begun` outlives it, as a database does."""
    return Submit(
        partners=partners,  # type: ignore[arg-type]
        known=Known(suspended),
        files=Files(),  # type: ignore[arg-type]
        links=LinkSigner(bytes(32), "http://printledger.example", lambda: 0),
        begun=begun or Claims(),
        new_mark=lambda: uuid4().hex,
    )


def submitted(partner: Partner, *, ask_first: bool = False, begun: Claims | None = None) -> Any:
    request = msgspec.structs.replace(SUBMISSION, ask_first=ask_first)
    return asyncio.run(submit_worker(begun, press=partner).carry_out(request, ENVELOPE))


def test_an_accepted_job_carries_the_effect_key_the_plain_digest_and_a_signed_link() -> None:
    partner = Partner(Accepted(partner_reference="J-1", accepted_at=1))

    report = submitted(partner)

    assert report == ReportSubmissionAccepted(
        request_id=SUBMISSION.request_id, line_id="1", run=1, partner_order_id="J-1"
    )
    (job,) = partner.jobs
    assert (job.effect_key, job.quantity) == (EFFECT, 2)
    assert [(file.area, file.sha256) for file in job.files] == [("front", "plain"), ("back", "plain")]
    assert all(file.url.startswith("http://printledger.example/v1/assets/") for file in job.files)


def test_a_worker_that_is_to_ask_first_does_not_submit_what_the_partner_has() -> None:
    partner = Partner(answer=None, held=SNAPSHOT)

    report = submitted(partner, ask_first=True)

    assert isinstance(report, ReportSubmissionAccepted)
    assert partner.jobs == []


def test_a_question_that_is_not_answered_is_unknown_and_nothing_is_submitted() -> None:
    partner = Partner(answer=None, held=SILENT)

    report = submitted(partner, ask_first=True)

    assert isinstance(report, ReportSubmissionRefused)
    assert (report.reason, report.retryable) == (OUTCOME_UNKNOWN, True)
    assert partner.jobs == []


def test_a_request_that_is_taken_up_again_after_a_crash_asks_first_although_nobody_said_so() -> None:
    begun = Claims()
    submitted(Partner(Accepted(partner_reference="J-1", accepted_at=1)), begun=begun)
    away = Partner(answer=UNREACHED, held=UNREACHED)

    report = submitted(away, begun=begun)

    assert isinstance(report, ReportSubmissionRefused)
    assert report.reason == OUTCOME_UNKNOWN
    assert away.jobs == []


def test_a_partner_that_nobody_reached_has_nothing_and_says_when_to_come_back() -> None:
    report = submitted(Partner(answer=UNREACHED))

    assert isinstance(report, ReportSubmissionRefused)
    assert (report.reason, report.retryable, report.retry_after_ms) == ("not_reached", True, 7_000)


def test_what_only_a_person_can_mend_is_said_so() -> None:
    report = submitted(Partner(Refused(reason="credentials", retryable=False, needs_person=True)))

    assert isinstance(report, ReportSubmissionRefused)
    assert report.needs_person


@pytest.mark.parametrize(
    ("answer", "reason", "retryable"),
    [
        (Refused(reason="out_of_stock", retryable=False), "out_of_stock", False),
        (Refused(reason="overloaded", retryable=True), "overloaded", True),
        (SILENT, OUTCOME_UNKNOWN, True),
        (Deferred(reason="circuit_open", retry_after_ms=9, outcome_unknown=False), "circuit_open", True),
    ],
)
def test_a_refusal_says_whether_another_try_may_help_and_whether_the_partner_may_have_it(
    answer: object, reason: str, retryable: bool
) -> None:
    report = submitted(Partner(answer))

    assert isinstance(report, ReportSubmissionRefused)
    assert (report.reason, report.retryable) == (reason, retryable)


def test_a_partner_without_an_adapter_is_refused_for_good() -> None:
    report = asyncio.run(submit_worker().carry_out(SUBMISSION, ENVELOPE))

    assert isinstance(report, ReportSubmissionRefused)
    assert (report.reason, report.retryable) == ("partner_not_configured", False)


@pytest.mark.parametrize(
    ("answer", "confirmed"),
    [
        (CancelConfirmed(confirmed_at=1), True),
        (CancelConfirmed(confirmed_at=1, was_known=False), True),
        (CancelTooLate(raw_status="printing", canonical="printing"), False),
    ],
)
def test_the_partners_answer_to_a_cancellation_is_told_as_it_is(answer: object, confirmed: bool) -> None:
    worker = Cancel(partners={"press": Partner(answer)})  # type: ignore[dict-item]

    report = asyncio.run(worker.carry_out(CANCELLATION, ENVELOPE))

    assert isinstance(report, ReportCancellationAnswered)
    assert report.confirmed is confirmed


@pytest.mark.parametrize("answer", [SILENT, Refused(reason="credentials", retryable=False)])
def test_a_cancellation_without_an_answer_is_not_reported_so_that_the_deadline_asks_again(answer: object) -> None:
    worker = Cancel(partners={"press": Partner(answer)})  # type: ignore[dict-item]

    assert asyncio.run(worker.carry_out(CANCELLATION, ENVELOPE)) is None


def inspection(mode: str, quality: QualityReport | None) -> InspectionRequested:
    return InspectionRequested(
        effect_key="i" * 32,
        request_id="i.1",
        attempt=1,
        due_at=0,
        line_id="1",
        run=1,
        units=(1, 2, 3),
        mode=mode,
        quality=quality,
    )


def test_units_that_the_report_does_not_name_as_failed_pass() -> None:
    defects = (Defect(code="misprint", description="unit 2"),)
    fact = inspection("automatic", QualityReport(passed_units=(1,), failed_units=(2, 9), defects=defects))

    report = asyncio.run(Inspect().carry_out(fact, ENVELOPE))

    assert isinstance(report, ReportInspected)
    assert (report.passed_units, report.failed_units, report.defects) == ((1, 3), (2,), defects)


def test_a_report_that_fails_only_what_is_no_unit_of_the_run_passes_none_of_it() -> None:
    fact = inspection("automatic", QualityReport(passed_units=(1, 2, 3), failed_units=(9,)))

    report = asyncio.run(Inspect().carry_out(fact, ENVELOPE))

    assert isinstance(report, ReportInspected)
    assert (report.passed_units, report.failed_units) == ((), (1, 2, 3))


def test_what_is_drawn_for_a_person_is_left_to_a_person() -> None:
    assert asyncio.run(Inspect().carry_out(inspection("person", None), ENVELOPE)) is None


def test_a_simulated_inspector_is_named_as_one() -> None:
    answer = asyncio.run(Inspect(simulated_after_s=0.0).carry_out(inspection("person", None), ENVELOPE))

    assert isinstance(answer, Answer)
    assert answer.actor == SIMULATED_INSPECTOR


SENDER = Address(name="Press", street1="1 Example Street", city="New York", postal_code="10001", country="US")
LABEL = LabelRequested(
    effect_key=EFFECT,
    request_id=f"{EFFECT}.1",
    attempt=1,
    due_at=0,
    parcel_id="P1",
    contents=(LineUnits(line_id="1", units=(1, 2)), LineUnits(line_id="2", units=(1,))),
    partner_id="press",
    recipient=b"",
    country="US",
)
GOODS = (Goods(line_id="1", title="Mug", unit_price_minor=1_500, currency="EUR", weight_grams=340),)


def test_a_parcel_weighs_what_is_in_it_and_its_packaging() -> None:
    buyer = Recipient(name="Demo Buyer", address1="1 Street", city="Austin", country="US")

    parcel = shipment(LABEL, SENDER, buyer, GOODS)

    assert parcel.parcel.weight_g == 2 * 340 + UNIT_WEIGHT_GRAMS + PACKAGING_GRAMS
    assert parcel.customs == ()


def test_a_parcel_that_crosses_a_border_is_declared() -> None:
    buyer = Recipient(name="Demo Buyer", address1="1 Street", city="Berlin", country="DE")

    parcel = shipment(LABEL, SENDER, buyer, GOODS)

    mug, other = parcel.customs
    assert (mug.description, mug.quantity, mug.value_minor, mug.currency) == ("Mug", 2, 3_000, "EUR")
    assert other.description == "Printed goods"
    assert parcel.customs_signer == SENDER.name


def test_a_line_id_that_is_no_plain_name_becomes_a_digest_in_object_keys() -> None:
    assert path_part("gid-123_A") == "gid-123_A"
    assert path_part("../other") != path_part("../another")
    assert "/" not in path_part("a/b")
    assert line_folder("demo", "order", "x y").startswith("demo/order/x")
