"""What is the house shop's own: a folder that can be away, sheets instead of jobs, words of its press."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from processors.partners.house_folder import FolderAway, SheetOutcome
from processors.partners.protocol import Accepted, CancelConfirmed, Deferred, PartnerReport, Refused
from tests.contract.house_rig import HouseRig
from tests.contract.partner_rigs import reached

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rig(house_rig: HouseRig) -> AsyncIterator[HouseRig]:
    """A house shop of the test's own."""
    yield house_rig
    while house_rig.opened:
        await house_rig.opened.pop().aclose()


def last(reports: list[PartnerReport], word: str) -> PartnerReport:
    """The newest report with this word of ours."""
    return [report for report in reports if report.canonical == word][-1]


async def test_every_stage_becomes_known_in_rising_order_with_where_it_comes_from(rig: HouseRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    reports = rig.reports_of(job.effect_key, reached("printed"))
    assert [report.canonical for report in reports] == ["queued", "printing", "printed"]
    assert [report.rank for report in reports] == [10, 20, 50]
    assert {report.provenance for report in reports} == {"house_shop/1/map-2"}


async def test_a_spoiled_sheet_fails_exactly_the_units_that_stand_on_it(rig: HouseRig) -> None:
    rig.provoke("misprint")
    partner, job = rig.partner(), rig.job(quantity=5, units=(4, 5, 6, 7, 8))
    await partner.submit(job)
    quality = last(rig.reports_of(job.effect_key, reached("printed")), "printed").quality
    assert quality is not None
    spoiled, *others = rig.operator.sheets
    assert others, "the run takes several sheets"
    assert quality.failed_units() == tuple(sorted(piece.unit for piece in spoiled.pieces))
    assert {defect.code for defect in quality.defects} == {"head_strike"}


async def test_a_word_of_the_press_that_nobody_knows_is_kept_shown_and_read_again_when_it_is_mended(
    rig: HouseRig,
) -> None:
    rig.provoke("stay where it is too late")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.reports_of(job.effect_key, lambda _: bool(rig.folder.waiting_jobs()))
    (batch_id,) = rig.folder.waiting_jobs()
    said = rig.folder.job(batch_id) / "sheet-001.outcome.json"
    said.write_bytes(b'{"outcome": "smudged"}')
    held = last(rig.reports_of(job.effect_key, reached("on_hold")), "on_hold")
    assert "folder_record_unreadable" in held.detail
    assert said.read_bytes() == b'{"outcome": "smudged"}'
    said.write_bytes(msgspec.json.encode(SheetOutcome(outcome="printed")))
    reports = rig.reports_of(job.effect_key, reached("printed"))
    assert len([report for report in reports if report.canonical == "on_hold"]) == 1


async def test_a_share_that_is_not_mounted_is_no_empty_one(rig: HouseRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.unmount()
    for outcome in (await partner.read_back(job.effect_key), await partner.cancel(job.effect_key, "changed my mind")):
        assert isinstance(outcome, Deferred)
        assert outcome.reason == "not_reached"
    assert isinstance(await partner.offers(), Deferred)
    with pytest.raises(FolderAway):
        rig.folder.start(job.effect_key)
    rig.mount()
    assert rig.folder.start(job.effect_key)


async def test_a_failure_before_the_folder_went_away_leaves_the_outcome_unknown(rig: HouseRig) -> None:
    away = rig.partner(address="unmounted")
    outcome = await away.submit(rig.job())
    assert isinstance(outcome, Deferred)
    assert not outcome.outcome_unknown
    rig.provoke("fail")
    partner = rig.partner()
    rig.unmount()
    outcome = await partner.submit(rig.job())
    assert isinstance(outcome, Deferred)
    assert outcome.outcome_unknown


async def test_a_folder_that_we_may_not_write_into_needs_a_person(rig: HouseRig) -> None:
    partner, job = rig.partner(api_key="expired"), rig.job()
    await rig.partner().submit(job)
    for outcome in (await partner.submit(rig.job()), await partner.cancel(job.effect_key, "changed my mind")):
        assert isinstance(outcome, Refused)
        assert (outcome.reason, outcome.retryable, outcome.needs_person) == ("credentials", False, True)


async def test_a_run_that_was_queued_before_its_blanks_ran_out_stays_accepted(rig: HouseRig) -> None:
    job = rig.job()
    await rig.partner().submit(job)
    rig.provoke("refuse for good")
    again = await rig.partner().submit(job)
    assert isinstance(again, Accepted)
    assert again.already_known


@pytest.mark.parametrize("is_started", [True, False])
async def test_a_run_that_a_slow_worker_queues_once_more_is_neither_printed_nor_stopped_by_that(
    rig: HouseRig, is_started: bool
) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    record = rig.share / "queue" / f"{job.effect_key}.json"
    kept = record.read_bytes()
    if is_started:
        assert rig.folder.start(job.effect_key)
    else:
        assert rig.folder.cancel(job.effect_key, 1)
    record.write_bytes(kept)
    assert rig.folder.start(job.effect_key) is is_started
    assert isinstance(await partner.cancel(job.effect_key, "changed my mind"), CancelConfirmed) is not is_started
