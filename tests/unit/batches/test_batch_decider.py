"""A batch: membership is history, every piece is imaged once, a spoiled sheet names exactly its units."""

import msgspec
import pytest

from events.batches import decide
from events.batches.commands import (
    CloseBatch,
    RemoveLineFromBatch,
    ReportBatchCleared,
    ReportBatchSent,
    ReportSheetPrinted,
    ReportSheetSpoiled,
)
from events.batches.decide import (
    BatchEmpty,
    BatchTooLarge,
    BatchUnknown,
    LineNotInBatch,
    LineTwiceInBatch,
    NotClosed,
    NotCompleted,
    PieceNotExpected,
    PiecesOverlap,
    SheetOutOfOrder,
    SheetsMissing,
    SheetUnknown,
    TooLateToRemove,
)
from events.batches.facts import (
    BatchAbandoned,
    BatchCleared,
    BatchClosed,
    BatchCompleted,
    BatchOpened,
    LineAddedToBatch,
    LineRemovedFromBatch,
    RunUnits,
    SheetSpoiled,
)
from events.batches.state import Batch
from events.decider import Ignored, Refusal
from tests.unit.batches.made_up import CONTEXT, DECIDER, a_batch_line, a_sheet, after, live, opened

CLOSE = CloseBatch()
SENT = ReportBatchSent(ticket="batch-1.json", ticket_sha256="0" * 64)
TWO = opened(a_batch_line("a", (1, 2)), a_batch_line("b"))
AT_PRESS = (TWO, CLOSE, a_sheet(1, ("a", 1, "front"), ("b", 1, "front")), a_sheet(2, ("a", 2, "front")), SENT)


def removal(order: str) -> RemoveLineFromBatch:
    return RemoveLineFromBatch(order_id=order, line_id="1", run=1, reason="NotToBePrinted")


def refuses(batch: Batch, command: object, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal) as refused:
        DECIDER.decide(batch, command, CONTEXT)  # type: ignore[arg-type]
    assert len(refused.value.detail) > 40


def test_a_batch_opens_with_its_lines() -> None:
    _, facts = live([TWO])
    assert [type(fact) for fact in facts] == [BatchOpened, LineAddedToBatch, LineAddedToBatch]


def test_a_line_whose_order_said_no_is_not_imaged() -> None:
    batch, facts = live([TWO, removal("a"), CLOSE])
    assert facts[-2:] == [
        LineRemovedFromBatch(order_id="a", line_id="1", run=1, reason="NotToBePrinted"),
        BatchClosed(lines=1, units=1),
    ]
    refuses(batch, a_sheet(1, ("a", 1, "front")), PieceNotExpected)
    assert after(TWO, removal("a"), CLOSE, a_sheet(1, ("b", 1, "front")), SENT).stage == "sent"


def test_a_batch_that_all_its_lines_left_is_abandoned() -> None:
    batch, facts = live([TWO, removal("a"), removal("b"), CLOSE])
    assert facts[-1] == BatchAbandoned()
    assert batch.stage == "abandoned"


def test_a_spoiled_sheet_names_exactly_the_units_on_it() -> None:
    _, facts = live([*AT_PRESS, ReportSheetSpoiled(sheet=1, reason_code="head_strike")])
    assert facts[-1] == SheetSpoiled(
        sheet=1,
        reason_code="head_strike",
        spoiled=(
            RunUnits(tenant="demo", order_id="a", line_id="1", run=1, units=(1,)),
            RunUnits(tenant="demo", order_id="b", line_id="1", run=1, units=(1,)),
        ),
        by=CONTEXT.actor,
    )


def test_a_unit_is_spoiled_with_any_of_its_areas() -> None:
    both = opened(a_batch_line("a", areas=("front", "back")))
    batch = after(both, CLOSE, a_sheet(1, ("a", 1, "front")), a_sheet(2, ("a", 1, "back")), SENT)
    batch, _ = _on(batch, ReportSheetPrinted(sheet=1))
    assert list(batch.settled_runs()) == []
    batch, facts = _on(batch, ReportSheetSpoiled(sheet=2, reason_code="torn"))
    assert facts[-1] == BatchCompleted(printed_sheets=1, spoiled_sheets=1)
    assert [(line.order_id, units, reason) for line, units, reason in batch.settled_runs()] == [("a", (1,), "torn")]


def test_a_run_is_settled_when_all_its_sheets_are() -> None:
    batch = after(*AT_PRESS, ReportSheetSpoiled(sheet=1, reason_code="torn"))
    assert [(line.order_id, units) for line, units, _ in batch.settled_runs()] == [("b", (1,))]
    batch, facts = _on(batch, ReportSheetPrinted(sheet=2))
    assert [(line.order_id, units) for line, units, _ in batch.settled_runs()] == [("a", (1,)), ("b", (1,))]
    assert facts[-1] == BatchCompleted(printed_sheets=1, spoiled_sheets=1)


def test_a_settled_sheet_stays_as_it_is() -> None:
    batch = after(*AT_PRESS, ReportSheetPrinted(sheet=1))
    with pytest.raises(Ignored):
        DECIDER.decide(batch, ReportSheetSpoiled(sheet=1, reason_code="torn"), CONTEXT)


def test_a_batch_is_cleared_once_when_it_is_over() -> None:
    both_printed = (*AT_PRESS, ReportSheetPrinted(sheet=1), ReportSheetPrinted(sheet=2))
    refuses(after(*AT_PRESS), ReportBatchCleared(), NotCompleted)
    cleared, facts = live([*both_printed, ReportBatchCleared()])
    assert facts[-1] == BatchCleared()
    assert cleared.stage == "cleared"
    for again in (ReportBatchCleared(), ReportSheetPrinted(sheet=1)):
        with pytest.raises(Ignored):
            DECIDER.decide(cleared, again, CONTEXT)


def test_what_comes_again_changes_nothing() -> None:
    batch = after(*AT_PRESS)
    for command in AT_PRESS:
        with pytest.raises(Ignored):
            DECIDER.decide(batch, command, CONTEXT)


def test_what_cannot_be_is_refused() -> None:
    nothing, at_press, closed = Batch(), after(*AT_PRESS), after(TWO, CLOSE)
    refuses(nothing, CLOSE, BatchUnknown)
    refuses(nothing, opened(), BatchEmpty)
    refuses(nothing, opened(a_batch_line("a", ())), BatchEmpty)
    refuses(nothing, opened(a_batch_line("a"), a_batch_line("a")), LineTwiceInBatch)
    refuses(nothing, opened(a_batch_line("a", tuple(range(1, decide.PIECES_MAX + 2)))), BatchTooLarge)
    refuses(after(TWO), removal("c"), LineNotInBatch)
    refuses(closed, removal("a"), TooLateToRemove)
    refuses(after(TWO), a_sheet(1, ("a", 1, "front")), NotClosed)
    refuses(after(TWO), SENT, NotClosed)
    refuses(closed, a_sheet(2, ("a", 1, "front")), SheetOutOfOrder)
    refuses(closed, a_sheet(1, ("a", 1, "front"), ("a", 1, "front")), PieceNotExpected)
    refuses(closed, SENT, SheetsMissing)
    refuses(closed, ReportSheetPrinted(sheet=1), SheetUnknown)
    refuses(at_press, ReportSheetPrinted(sheet=3), SheetUnknown)


def test_pieces_that_overlap_or_leave_the_sheet_are_refused() -> None:
    closed, sheet = after(TWO, CLOSE), a_sheet(1, ("a", 1, "front"), ("b", 1, "front"))
    first, second = sheet.placements
    for wrong in (
        msgspec.structs.replace(second, x_um=second.x_um - 1),
        msgspec.structs.replace(second, x_um=second.x_um + 1),
        msgspec.structs.replace(second, y_um=-1),
        msgspec.structs.replace(second, width_um=0),
    ):
        refuses(closed, msgspec.structs.replace(sheet, placements=(first, wrong)), PiecesOverlap)


def test_a_batch_survives_its_snapshot() -> None:
    batch = after(*AT_PRESS)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


def _on(batch: Batch, command: object) -> tuple[Batch, list[object]]:
    facts, batch = DECIDER.decide_and_evolve(batch, command, CONTEXT)  # type: ignore[arg-type]
    return batch, list(facts)
