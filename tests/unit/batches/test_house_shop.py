"""The house shop's folder keeps the promises of every partner: once, readable back, stopped or too late, never both."""

from pathlib import Path

import msgspec
import pytest

from processors.partners.house_folder import STARTED, FolderAway, FolderRecordUnreadable, HouseFolder
from processors.partners.house_shop import HouseShop
from processors.partners.protocol import (
    Accepted,
    CancelConfirmed,
    CancelTooLate,
    Deferred,
    JobSnapshot,
    PartnerOffer,
    PartnerOffers,
    PrintFile,
    PrintJob,
    Refused,
    WebhookNotGenuine,
)

pytestmark = pytest.mark.anyio

JOB = PrintJob(
    effect_key="a" * 32,
    partner_variant="T-B-M",
    quantity=2,
    units=(1, 2),
    files=(PrintFile(area="front", url="https://files.example/one", sha256="0" * 64),),
    recipient_country="DE",
    due_at=1,
)
KEY = JOB.effect_key


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def shop(tmp_path: Path) -> HouseShop:
    offer = PartnerOffer(
        partner_variant="T-B-M", variant="tee", stock_units=9, unit_cost_minor=1, currency="EUR", production_ms=1
    )
    folder = HouseFolder(tmp_path)
    return HouseShop("house", folder, offers=(offer,), country="DE", capacity_units_per_day=9, now_ms=lambda: 7)


async def test_a_job_sent_twice_waits_once_and_can_be_read_back(shop: HouseShop) -> None:
    first, again = await shop.submit(JOB), await shop.submit(JOB)
    assert isinstance(first, Accepted)
    assert not first.already_known
    assert isinstance(again, Accepted)
    assert again.already_known
    held = await shop.read_back(KEY)
    assert isinstance(held, JobSnapshot)
    assert (held.raw_status, held.canonical, held.quantity, held.units) == ("queue", "queued", 2, (1, 2))
    offers = await shop.offers()
    assert isinstance(offers, PartnerOffers)
    assert offers.load_units == 1


async def test_a_renewed_link_is_the_same_job_and_another_content_is_not(shop: HouseShop) -> None:
    await shop.submit(JOB)
    renewed = (PrintFile(area="front", url="https://files.example/two", sha256="0" * 64),)
    assert isinstance(await shop.submit(msgspec.structs.replace(JOB, files=renewed)), Accepted)
    other = await shop.submit(msgspec.structs.replace(JOB, quantity=1, units=(1,)))
    assert isinstance(other, Refused)
    assert (other.reason, other.needs_person) == ("conflict", True)


async def test_a_job_is_either_stopped_or_started(shop: HouseShop) -> None:
    await shop.submit(JOB)
    assert shop.folder.start(KEY)
    assert isinstance(await shop.cancel(KEY, "late"), CancelTooLate)
    held = await shop.read_back(KEY)
    assert isinstance(held, JobSnapshot)
    assert held.raw_status == STARTED

    early = msgspec.structs.replace(JOB, effect_key="b" * 32)
    await shop.submit(early)
    stopped = await shop.cancel(early.effect_key, "early")
    assert isinstance(stopped, CancelConfirmed)
    assert stopped.was_known
    assert not shop.folder.start(early.effect_key)
    assert isinstance(await shop.cancel(early.effect_key, "again"), CancelConfirmed)


async def test_a_cancellation_may_overtake_its_submission(shop: HouseShop) -> None:
    stopped = await shop.cancel(KEY, "early")
    assert isinstance(stopped, CancelConfirmed)
    assert not stopped.was_known
    refused = await shop.submit(JOB)
    assert isinstance(refused, Refused)
    assert refused.reason == "cancelled"
    assert await shop.read_back(KEY) is None


async def test_a_folder_that_is_away_leaves_the_outcome_unknown(shop: HouseShop, tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    queue.rmdir()
    queue.write_bytes(b"")
    away = await shop.submit(JOB)
    assert isinstance(away, Deferred)
    assert away.outcome_unknown


async def test_a_broken_record_is_named_and_prints_nothing(shop: HouseShop, tmp_path: Path) -> None:
    await shop.submit(JOB)
    (tmp_path / "queue" / f"{KEY}.json").write_bytes(b"{")
    with pytest.raises(FolderRecordUnreadable):
        shop.folder.find(KEY)
    assert isinstance(await shop.submit(JOB), Deferred)


async def test_no_webhook_of_the_shop_is_genuine_and_no_name_leaves_the_folder(shop: HouseShop) -> None:
    with pytest.raises(WebhookNotGenuine):
        shop.verify_webhook({}, b"{}")
    with pytest.raises(ValueError, match="no name of a file"):
        shop.folder.find("../secrets")


async def test_a_press_s_job_appears_whole_and_once(shop: HouseShop) -> None:
    shop.folder.drop_job("batch-1", {"ticket.json": b"first", "sheet-001.pdf": b"pdf"})
    shop.folder.drop_job("batch-1", {"ticket.json": b"second"})
    job = shop.folder.job("batch-1")
    assert {path.name: path.read_bytes() for path in job.iterdir()} == {
        "ticket.json": b"first",
        "sheet-001.pdf": b"pdf",
    }
    shop.folder.remove_job("batch-1")
    assert not job.exists()


def test_a_job_is_gone_only_when_its_folder_is_there_and_empty_of_it(tmp_path: Path) -> None:
    # given a job in a share that is not mounted at the moment
    share = tmp_path / "share"
    folder = HouseFolder(share)
    folder.drop_job("batch-1", {"sheet-001.pdf": b"%PDF"})
    share.rename(tmp_path / "elsewhere")

    # when it is to be removed, then nobody takes its absence for its end
    with pytest.raises(FolderAway):
        folder.remove_job("batch-1")

    # when the share is there again
    (tmp_path / "elsewhere").rename(share)
    folder.remove_job("batch-1")
    folder.remove_job("batch-1")

    # then
    assert not folder.job("batch-1").exists()
