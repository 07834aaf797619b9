"""The contract that every print partner's adapter and simulator keep together, over real HTTP."""

import msgspec
import pytest

from processors.outbound import Deferred
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelTooLate,
    JobSnapshot,
    PartnerOffers,
    Refused,
)
from tests.contract.net import free_port
from tests.contract.partner_rigs import QUICK, PartnerRig, PrintShopRig, new_effect_key, reached, seen

pytestmark = pytest.mark.anyio


# Submitting


async def test_a_job_sent_twice_is_accepted_once_and_printed_once(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    first = await partner.submit(job)
    again = await partner.submit(job)
    rig.reports_of(job.effect_key, reached("printed"))
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert not first.already_known
    assert again.already_known
    assert again.partner_reference == first.partner_reference
    assert (rig.made(job.effect_key).jobs, rig.made(job.effect_key).prints) == (1, 1)
    assert rig.made(job.effect_key).quantity == 2


async def test_a_renewed_link_to_the_same_file_is_still_the_same_job(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    renewed = msgspec.structs.replace(job, files=rig.job().files)
    await partner.submit(job)
    again = await partner.submit(renewed)
    assert isinstance(again, Accepted)
    assert rig.made(job.effect_key).jobs == 1


async def test_another_job_under_a_used_key_is_refused_and_needs_a_person(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    other = await partner.submit(msgspec.structs.replace(job, quantity=3, units=(1, 2, 3)))
    assert isinstance(other, Refused)
    assert (other.reason, other.retryable, other.needs_person) == ("conflict", False, True)
    assert rig.made(job.effect_key).quantity == 2


async def test_a_job_accepted_before_the_line_went_dead_is_found_and_not_printed_twice(
    rig: PartnerRig,
) -> None:
    rig.provoke("accept and fall silent")
    partner, job = rig.partner(msgspec.structs.replace(QUICK, attempts=1)), rig.job()
    outcome = await partner.submit(job)
    rig.reports_of(job.effect_key, reached("printed"))
    assert isinstance(outcome, Accepted)
    assert outcome.already_known
    assert (rig.made(job.effect_key).jobs, rig.made(job.effect_key).prints) == (1, 1)


async def test_when_the_partner_cannot_be_asked_either_the_outcome_stays_unknown(rig: PartnerRig) -> None:
    partner, job = rig.partner(), rig.job()
    rig.provoke("go down before the answer")
    outcome = await partner.submit(job)
    assert isinstance(outcome, Deferred)
    assert outcome.outcome_unknown


async def test_a_no_to_the_second_call_is_no_refusal_while_the_first_may_have_been_taken(rig: PartnerRig) -> None:
    if not rig.drafts_first:
        pytest.skip("this partner takes a job with one request, whose second call is answered like the first")
    partner, job = rig.partner(QUICK), rig.job()
    rig.provoke("accept in silence and go down before it is asked")
    outcome = await partner.submit(job)
    assert rig.made(job.effect_key).jobs == 1
    assert isinstance(outcome, Deferred)
    assert outcome.outcome_unknown


async def test_a_partner_that_was_down_before_anything_was_ordered_leaves_nobody_in_doubt(rig: PartnerRig) -> None:
    if not rig.drafts_first:
        pytest.skip("this partner takes a job with one request, so every lost answer leaves a doubt")
    partner, job = rig.partner(), rig.job()
    rig.provoke("go down")
    outcome = await partner.submit(job)
    assert isinstance(outcome, Deferred)
    assert not outcome.outcome_unknown


async def test_a_draft_whose_creation_was_not_answered_is_never_ordered_twice(rig: PartnerRig) -> None:
    if not rig.drafts_first:
        pytest.skip("this partner knows no drafts")
    rig.provoke("create and fall silent")
    partner, job = rig.partner(msgspec.structs.replace(QUICK, attempts=1)), rig.job()
    first = await partner.submit(job)
    again = await partner.submit(job)
    assert isinstance(first, Accepted | Deferred)
    assert isinstance(again, Accepted)
    assert (rig.made(job.effect_key).jobs, rig.made(job.effect_key).quantity) == (1, 2)


async def test_an_order_that_lost_its_print_file_is_never_made_as_a_blank(rig: PartnerRig) -> None:
    if not rig.drafts_first:
        pytest.skip("this partner takes job and files in one request")
    rig.provoke("lose the print file")
    partner, job = rig.partner(), rig.job()
    refused = await partner.submit(job)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.retryable) == ("print_file_unusable", True)
    assert rig.made(job.effect_key).jobs == 0


async def test_a_short_failure_is_bridged_within_the_call(rig: PartnerRig) -> None:
    rig.provoke("fail")
    partner, job = rig.partner(), rig.job()
    assert isinstance(await partner.submit(job), Accepted)
    assert rig.made(job.effect_key).jobs == 1


async def test_nothing_was_sent_when_nobody_listens_at_the_address(rig: PartnerRig) -> None:
    partner = rig.partner(address=f"http://127.0.0.1:{free_port()}")
    outcome = await partner.submit(rig.job())
    assert isinstance(outcome, Deferred)
    assert (outcome.reason, outcome.outcome_unknown) == ("not_reached", False)


async def test_a_job_survives_a_kill_of_the_partner_and_goes_on_to_the_end(rig: PartnerRig) -> None:
    rig.provoke("stay queued")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    rig.restart_by_kill()
    rig.calm()
    rig.reports_of(job.effect_key, reached(rig.last_word))
    assert (rig.made(job.effect_key).jobs, rig.made(job.effect_key).prints) == (1, 1)


# Refusals, sorted


async def test_a_full_press_refuses_for_now(rig: PartnerRig) -> None:
    if not rig.can("refuse for now"):
        pytest.skip("this partner refuses for now by HTTP 429 and 5xx only")
    rig.provoke("refuse for now")
    partner, job = rig.partner(), rig.job()
    refused = await partner.submit(job)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.retryable, refused.needs_person) == ("overloaded", True, False)
    assert rig.made(job.effect_key).jobs == 0
    assert isinstance(await partner.submit(job), Accepted)


async def test_a_sold_out_blank_is_refused_for_good(rig: PartnerRig) -> None:
    rig.provoke("refuse for good")
    partner = rig.partner()
    refused = await partner.submit(rig.job())
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.retryable, refused.needs_person) == ("out_of_stock", False, False)


async def test_a_variant_that_the_partner_never_heard_of_is_refused_for_good(rig: PartnerRig) -> None:
    partner = rig.partner()
    refused = await partner.submit(rig.job(partner_variant="999999"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.retryable) == ("variant_unknown", False)


async def test_wrong_credentials_need_a_person(rig: PartnerRig) -> None:
    partner = rig.partner(api_key="expired")
    refused = await partner.submit(rig.job())
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.needs_person) == ("credentials", True)


# Reading back


async def test_reading_back_tells_what_the_partner_holds(rig: PartnerRig) -> None:
    rig.provoke("stay queued")
    partner, job = rig.partner(), rig.job()
    accepted = await partner.submit(job)
    held = await partner.read_back(job.effect_key)
    assert isinstance(accepted, Accepted)
    assert isinstance(held, JobSnapshot)
    assert (held.effect_key, held.canonical, held.quantity) == (job.effect_key, "queued", 2)
    assert held.partner_reference == accepted.partner_reference


async def test_reading_back_an_unknown_key_gives_nothing(rig: PartnerRig) -> None:
    partner = rig.partner()
    assert await partner.read_back(new_effect_key()) is None


# Cancelling


async def test_a_cancel_in_time_is_confirmed_and_nothing_is_printed(rig: PartnerRig) -> None:
    rig.provoke(rig.stoppable)
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    first = await partner.cancel(job.effect_key, "buyer changed their mind")
    again = await partner.cancel(job.effect_key, "buyer changed their mind")
    rig.reports_of(job.effect_key, reached("cancelled"))
    rig.calm()
    assert isinstance(first, CancelConfirmed)
    assert first.was_known
    assert isinstance(again, CancelConfirmed)
    assert rig.made(job.effect_key).prints == 0


async def test_a_cancel_past_the_partners_own_point_of_no_return_is_too_late(rig: PartnerRig) -> None:
    rig.provoke("stay where it is too late")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    await seen(rig, job.effect_key, rig.too_late_at)
    outcome = await partner.cancel(job.effect_key, "buyer changed their mind")
    assert isinstance(outcome, CancelTooLate)
    assert outcome.canonical == rig.too_late_at
    rig.calm()
    rig.reports_of(job.effect_key, reached(rig.last_word))


async def test_a_cancel_of_a_job_that_never_came_is_confirmed_as_unknown(rig: PartnerRig) -> None:
    partner = rig.partner()
    outcome = await partner.cancel(new_effect_key(), "buyer changed their mind")
    assert isinstance(outcome, CancelConfirmed)
    assert not outcome.was_known


async def test_a_job_that_comes_after_its_own_cancel_is_refused(print_shop_rig: PrintShopRig) -> None:
    print_shop_rig.calm()
    print_shop_rig.settle()
    partner, job = print_shop_rig.partner(), print_shop_rig.job()
    await partner.cancel(job.effect_key, "buyer changed their mind")
    outcome = await partner.submit(job)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == ("cancelled", False)
    await partner.aclose()


async def test_a_print_file_that_is_not_what_was_announced_fails_the_job(print_shop_rig: PrintShopRig) -> None:
    print_shop_rig.calm()
    print_shop_rig.settle()
    partner = print_shop_rig.partner()
    for changes, reason in [
        ({"sha256": "0" * 64}, "file_digest_differs"),
        ({"url": "http://127.0.0.1:9/none.png"}, "file_unreachable"),
    ]:
        job = print_shop_rig.job()
        front = job.files[0]
        back = msgspec.structs.replace(front, area="back", **changes)
        job = msgspec.structs.replace(job, files=(front, back))
        await partner.submit(job)
        reports = print_shop_rig.reports_of(job.effect_key, reached("failed"))
        assert [report.detail for report in reports if report.canonical == "failed"] == [reason]
        assert print_shop_rig.made(job.effect_key).prints == 0
    await partner.aclose()


# What can go wrong at the press


async def test_a_hold_is_reported_as_a_condition_and_released(rig: PartnerRig) -> None:
    rig.provoke("hold")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    held = await seen(rig, job.effect_key, "on_hold")
    assert held.rank == 0
    assert held.detail
    rig.calm()
    reports = rig.reports_of(job.effect_key, reached("printed"))
    assert len([report for report in reports if report.canonical == "on_hold"]) == (0 if "on_hold" in rig.unsaid else 1)


async def test_a_jam_is_reported_as_failed_with_the_partners_reason(rig: PartnerRig) -> None:
    if not rig.can("jam"):
        pytest.skip("at this partner a sheet is spoiled, never a whole run: its units fail the inspection")
    rig.provoke("jam")
    partner, job = rig.partner(), rig.job()
    await partner.submit(job)
    failed = await seen(rig, job.effect_key, "failed")
    assert failed.detail
    assert failed.rank == 0


async def test_a_misprint_is_reported_with_the_units_and_defects_and_is_not_handed_over(
    print_shop_rig: PrintShopRig,
) -> None:
    print_shop_rig.calm()
    print_shop_rig.settle()
    print_shop_rig.provoke("misprint", 2)
    partner, job = print_shop_rig.partner(), print_shop_rig.job(quantity=3, units=(4, 5, 6))
    await partner.submit(job)
    reports = print_shop_rig.reports_of(job.effect_key, reached("printed", "handed_over"))
    printed = next(report for report in reports if report.canonical == "printed")
    handed_over = next(report for report in reports if report.canonical == "handed_over")
    assert printed.quality is not None
    assert not printed.quality.passed
    assert printed.quality.failed_units() == (4, 5)
    assert all(measurement.value >= 0 for measurement in printed.quality.measured)
    assert printed.units == (4, 5, 6)
    assert handed_over.units == (6,)
    await partner.aclose()


async def test_offers_name_variants_stock_costs_capacity_and_load(rig: PartnerRig) -> None:
    partner = rig.partner()
    sheet = await partner.offers()
    assert isinstance(sheet, PartnerOffers)
    assert sheet.partner == rig.name
    assert sheet.capacity_units_per_day > 0
    assert all(offer.unit_cost_minor > 0 and offer.stock_units >= 0 for offer in sheet.offers)
    assert len({offer.partner_variant for offer in sheet.offers}) == len(sheet.offers) > 0
