"""The simulated operator works from the folder alone: each sheet once, spoiled ones named, prints kept to look at."""

import asyncio
import os
from pathlib import Path

import httpx
import msgspec
import pikepdf
import pytest
from fastapi import FastAPI

from events.batches.commands import CloseBatch
from processors.batching.drawing import Page, save
from processors.batching.ticket import ticket_of, write_json
from processors.partners.house_folder import FolderRecordUnreadable, HouseFolder, SheetOutcome
from processors.partners.house_simulator import KEPT_MAX, Behaviour, HouseOperator, attach
from tests.unit.batches.made_up import GROUP, a_batch_line, a_sheet, after, opened

BATCH = "5f3a9c1e-0000-5000-8000-000000000001"
AT_ONCE = Behaviour(sheet_ms=0)


def a_page() -> bytes:
    pdf = pikepdf.new()
    Page(pdf, 100_000, 100_000).finish()
    return save(pdf)


@pytest.fixture
def folder(tmp_path: Path) -> HouseFolder:
    """A folder with one job of two sheets."""
    made = HouseFolder(tmp_path / "house")
    batch = after(
        opened(a_batch_line("a", (1, 2))), CloseBatch(), a_sheet(1, ("a", 1, "front")), a_sheet(2, ("a", 2, "front"))
    )
    ticket = write_json(ticket_of(BATCH, GROUP, batch))
    made.drop_job(BATCH, {"ticket.json": ticket, "sheet-001.pdf": a_page(), "sheet-002.pdf": a_page()})
    return made


def work(operator: HouseOperator, looks: int = 4) -> None:
    for _ in range(looks):
        asyncio.run(operator.advance())


def test_each_sheet_is_printed_once_and_kept_to_look_at(folder: HouseFolder, tmp_path: Path) -> None:
    operator = HouseOperator(folder, tmp_path / "prints", AT_ONCE)
    work(operator)
    printed = SheetOutcome(outcome="printed")
    assert [folder.outcome(BATCH, number) for number in (1, 2)] == [printed, printed]
    assert [(one.sheet, one.outcome, one.pieces[0].unit) for one in operator.sheets] == [
        (1, "printed", 1), (2, "printed", 2),
    ]  # fmt: skip
    assert len(list((tmp_path / "prints").glob("*.pdf"))) == 2
    work(HouseOperator(folder, tmp_path / "prints", AT_ONCE))
    assert len(operator.sheets) == 2


def test_a_sheet_stays_on_the_press_for_its_time(folder: HouseFolder, tmp_path: Path) -> None:
    operator = HouseOperator(folder, tmp_path / "prints", Behaviour(sheet_ms=3_600_000))
    work(operator)
    assert folder.outcome(BATCH, 1) is None


def test_a_spoiled_sheet_is_named_and_the_next_one_is_good(folder: HouseFolder, tmp_path: Path) -> None:
    operator = HouseOperator(folder, tmp_path / "prints", Behaviour(sheet_ms=0, spoil_next_sheets=1))
    work(operator)
    assert folder.outcome(BATCH, 1) == SheetOutcome(outcome="spoiled", reason_code="head_strike")
    assert folder.outcome(BATCH, 2) == SheetOutcome(outcome="printed")


def test_a_sheet_that_does_not_open_is_waste(folder: HouseFolder, tmp_path: Path) -> None:
    (folder.job(BATCH) / "sheet-001.pdf").write_bytes(b"%PDF torn")
    work(HouseOperator(folder, tmp_path / "prints", AT_ONCE))
    assert folder.outcome(BATCH, 1) == SheetOutcome(outcome="spoiled", reason_code="file_unreadable")


def test_nobody_prints_while_the_operator_is_away(folder: HouseFolder, tmp_path: Path) -> None:
    work(HouseOperator(folder, tmp_path / "prints", Behaviour(sheet_ms=0, is_away=True)))
    assert folder.outcome(BATCH, 1) is None


def test_only_the_newest_prints_are_kept(folder: HouseFolder, tmp_path: Path) -> None:
    prints = tmp_path / "prints"
    prints.mkdir()
    for number in range(KEPT_MAX):
        (prints / f"old-{number:02}.pdf").write_bytes(b"")
        os.utime(prints / f"old-{number:02}.pdf", (number, number))
    work(HouseOperator(folder, prints, AT_ONCE))
    kept = {path.name for path in prints.glob("*.pdf")}
    assert len(kept) == KEPT_MAX
    assert {"old-00.pdf", "old-01.pdf"} & kept == set()


def test_the_first_word_on_a_sheet_counts_and_an_unreadable_one_is_named(folder: HouseFolder) -> None:
    folder.settle(BATCH, 1, SheetOutcome(outcome="printed"))
    folder.settle(BATCH, 1, SheetOutcome(outcome="spoiled", reason_code="late_regret"))
    assert folder.outcome(BATCH, 1) == SheetOutcome(outcome="printed")
    (folder.job(BATCH) / "sheet-002.outcome.json").write_bytes(b'{"outcome": "eaten"}')
    with pytest.raises(FolderRecordUnreadable):
        folder.outcome(BATCH, 2)


def test_the_control_desk_tells_and_changes_how_the_operator_works(folder: HouseFolder, tmp_path: Path) -> None:
    app = FastAPI()
    operator = HouseOperator(folder, tmp_path / "prints", Behaviour(is_away=True))
    attach(app, operator)

    async def talk() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://press") as client:
            assert (await client.get("/control/house")).json()["is_away"] is True
            assert (await client.patch("/control/house", json={"mood": 1})).status_code == 422
            changed = await client.patch("/control/house", json={"spoil_next_sheets": 3})
            assert changed.json()["spoil_next_sheets"] == 3
            assert (await client.get("/control/house/sheets")).json() == []

    asyncio.run(talk())
    assert operator.behaviour == msgspec.structs.replace(Behaviour(is_away=True), spoil_next_sheets=3)
