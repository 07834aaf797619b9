"""A batch that cannot go on says so once, in words that a person can act on, and says when it goes on."""

import pytest

from events.batches.commands import (
    CloseBatch,
    ReportBatchGoesOn,
    ReportBatchSent,
    ReportBatchStuck,
    ReportSheetPrinted,
)
from events.batches.decide import BatchUnknown
from events.batches.facts import BatchCompleted, BatchStuck, BatchWentOn
from events.batches.state import Batch
from events.decider import Ignored
from processors.batching.presses import Press
from processors.batching.told import freed_report, held_report
from processors.batching.trouble import (
    DESK_PATIENCE_MS,
    FOLDER_AWAY,
    NOT_IMPOSED,
    PRESS_SILENT,
    UNANSWERED,
    folder_away,
    overdue,
)
from tests.unit.batches.made_up import CONTEXT, DECIDER, GROUP, a_batch_line, a_sheet, after, live, opened

STUCK = ReportBatchStuck(reason="press_silent", detail="Nothing for an hour.", what_to_do="Look at the press.")
OPENED = opened(a_batch_line("a"))
SENT = ReportBatchSent(ticket="batch-1.json", ticket_sha256="0" * 64)
AT_PRESS = (OPENED, CloseBatch(), a_sheet(1, ("a", 1, "front")), SENT)
PRESS = Press(
    name=GROUP.press, method="dtf", variants={"T-B-M": "tee"}, sheet_width_um=600_000, sheet_height_um=400_000,
    sheets_per_hour=20, silent_max_s=3_600,
)  # fmt: skip
PRESSES = {PRESS.name: PRESS}
HOUR_MS = 3_600_000


def refused_quietly(batch: Batch, command: ReportBatchStuck | ReportBatchGoesOn) -> bool:
    with pytest.raises(Ignored):
        DECIDER.decide(batch, command, CONTEXT)
    return True


def test_what_keeps_a_batch_is_told_once_until_it_goes_on() -> None:
    batch, facts = live([*AT_PRESS, STUCK])
    assert facts[-1] == BatchStuck(reason=STUCK.reason, detail=STUCK.detail, what_to_do=STUCK.what_to_do)
    assert (batch.trouble, batch.troubles) == ("press_silent", 1)
    assert refused_quietly(batch, STUCK)
    batch, facts = live([*AT_PRESS, STUCK, ReportBatchGoesOn()])
    assert facts[-1] == BatchWentOn()
    assert (batch.trouble, batch.troubles) == ("", 1)
    assert refused_quietly(batch, ReportBatchGoesOn())
    assert after(*AT_PRESS, STUCK, ReportBatchGoesOn(), STUCK).troubles == 2


def test_another_trouble_is_told_beside_the_one_that_is_known() -> None:
    other = ReportBatchStuck(reason="folder_away", detail="No such folder.", what_to_do="Mount it.")
    batch = after(*AT_PRESS, STUCK, other)
    assert (batch.trouble, batch.troubles) == ("folder_away", 2)


def test_a_batch_that_is_over_is_not_stuck() -> None:
    batch, facts = live([*AT_PRESS, STUCK, ReportSheetPrinted(sheet=1)])
    assert facts[-1] == BatchCompleted(printed_sheets=1, spoiled_sheets=0)
    assert batch.trouble == ""
    assert refused_quietly(batch, STUCK)
    with pytest.raises(BatchUnknown):
        DECIDER.decide(Batch(), STUCK, CONTEXT)


def test_a_press_that_says_nothing_for_too_long_is_named_with_its_sheets() -> None:
    at_press = after(*AT_PRESS)
    assert overdue(at_press, HOUR_MS, PRESSES) is None
    trouble = overdue(at_press, HOUR_MS + 1, PRESSES)
    assert trouble is not None
    assert trouble.reason == PRESS_SILENT
    assert "[1]" in trouble.detail
    assert "printledger batch" in trouble.what_to_do


@pytest.mark.parametrize(("batch", "reason"), [(after(OPENED), UNANSWERED), (after(OPENED, CloseBatch()), NOT_IMPOSED)])
def test_a_batch_that_does_not_get_to_the_press_is_named(batch: Batch, reason: str) -> None:
    assert overdue(batch, DESK_PATIENCE_MS, PRESSES) is None
    trouble = overdue(batch, DESK_PATIENCE_MS + 1, PRESSES)
    assert trouble is not None
    assert (trouble.reason, bool(trouble.what_to_do)) == (reason, True)


def test_a_batch_that_is_over_is_never_overdue() -> None:
    assert overdue(after(*AT_PRESS, ReportSheetPrinted(sheet=1)), 100 * HOUR_MS, PRESSES) is None
    assert overdue(Batch(), 100 * HOUR_MS, PRESSES) is None


def test_a_folder_that_is_away_is_named() -> None:
    trouble = folder_away(FileNotFoundError(2, "No such file or directory", "/mnt/house"))
    assert trouble.reason == FOLDER_AWAY
    assert "/mnt/house" in trouble.detail


def test_orders_hear_a_condition_and_then_a_stage_that_ends_it() -> None:
    held = held_report("1", 2, "batch_stuck (press_silent)", 7, "event-1")
    assert (held.canonical, held.rank, held.line_id, held.run) == ("on_hold", 0, "1", 2)
    waiting = freed_report("1", 2, 8, "event-2", is_started=False)
    started = freed_report("1", 2, 8, "event-2", is_started=True)
    assert (waiting.canonical, waiting.rank) == ("queued", 10)
    assert (started.canonical, started.rank) == ("printing", 20)
