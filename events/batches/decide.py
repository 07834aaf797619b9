"""The batch's decider: nothing is imaged twice, nothing outside the sheet, and a spoiled sheet names its units."""

from typing import assert_never

from msgspec.structs import replace

from events.batches.commands import (
    BatchCommandUnion,
    CloseBatch,
    OpenBatch,
    RemoveLineFromBatch,
    ReportBatchCleared,
    ReportBatchGoesOn,
    ReportBatchSent,
    ReportBatchStuck,
    ReportSheetImposed,
    ReportSheetPrinted,
    ReportSheetSpoiled,
)
from events.batches.facts import (
    BatchAbandoned,
    BatchCleared,
    BatchClosed,
    BatchCompleted,
    BatchEvent,
    BatchOpened,
    BatchSentToPress,
    BatchStuck,
    BatchWentOn,
    LineAddedToBatch,
    LineRemovedFromBatch,
    SheetImposed,
    SheetPrinted,
    SheetSpoiled,
)
from events.batches.state import Batch, Sheet, piece_of
from events.decider import Context, Ignored, Refusal

UNDER_WAY = frozenset({"open", "closed", "sent"})
"""Stages of a batch that is not over."""

LINES_MAX = 500
"""Lines of one batch: a day of a large press, and a state of a few hundred kilobytes."""

PIECES_MAX = 2_000
"""Pieces of one batch: units times printed areas."""


class BatchUnknown(Refusal):
    """No batch with this id was opened: check the id with `printledger batch list`."""


class BatchEmpty(Refusal):
    """A batch needs lines to make, each with units and print files: open it when there are some."""


class BatchTooLarge(Refusal):
    """A batch has at most 500 lines and 2,000 pieces: open several."""


class LineTwiceInBatch(Refusal):
    """A print run is named twice: name each once."""


class LineNotInBatch(Refusal):
    """The batch has no such line: read it with `printledger batch show`."""


class TooLateToRemove(Refusal):
    """The batch is closed and its lines are imaged: report its sheet as spoiled if it must not be used."""


class NotClosed(Refusal):
    """Sheets are made when every order has answered: close the batch first."""


class SheetOutOfOrder(Refusal):
    """Sheets are numbered from 1 without a gap: report the next one."""


class PieceNotExpected(Refusal):
    """A piece on this sheet is not of this batch, or stands on a sheet already: impose the batch anew."""


class PiecesOverlap(Refusal):
    """Two pieces overlap or one lies beyond the sheet: impose the batch anew."""


class SheetsMissing(Refusal):
    """Not every piece of the batch stands on a sheet: impose the rest before the press gets it."""


class SheetUnknown(Refusal):
    """The batch has no such sheet at the press: read it with `printledger batch show`."""


class NotCompleted(Refusal):
    """Sheets of the batch are still to be printed: report each as printed or spoiled before the batch is cleared."""


class BatchDecider:
    """Decide and evolve for one batch."""

    def initial_state(self) -> Batch:
        """A batch of which nothing is known."""
        return Batch()

    def exists(self, state: Batch) -> bool:
        """Whether it was opened."""
        return bool(state.stage)

    def decide(self, state: Batch, command: BatchCommandUnion, context: Context) -> tuple[BatchEvent, ...]:
        """The facts of the command; raises a `Refusal` or `Ignored`."""
        return self.decide_and_evolve(state, command, context)[0]

    def decide_and_evolve(
        self, state: Batch, command: BatchCommandUnion, context: Context
    ) -> tuple[tuple[BatchEvent, ...], Batch]:
        """The facts of the command and the batch after them. It ends by itself with its last sheet."""
        facts = list(_decide(state, command, context))
        for fact in facts:
            state = evolve(state, fact)
        outcomes = [sheet.outcome for sheet in state.sheets]
        if state.stage == "sent" and all(outcomes):
            ended = BatchCompleted(printed_sheets=outcomes.count("printed"), spoiled_sheets=outcomes.count("spoiled"))
            facts.append(ended)
            state = evolve(state, ended)
        return tuple(facts), state

    def evolve(self, state: Batch, fact: BatchEvent) -> Batch:
        """The batch after one more fact."""
        return evolve(state, fact)


def _decide(batch: Batch, command: BatchCommandUnion, context: Context) -> tuple[BatchEvent, ...]:
    if isinstance(command, OpenBatch):
        return _opened(batch, command)
    if not batch.stage:
        raise BatchUnknown
    match command:
        case RemoveLineFromBatch():
            return _removed(batch, command)
        case CloseBatch():
            if batch.stage != "open":
                raise Ignored("the batch is closed already")
            if not batch.lines:
                return (BatchAbandoned(),)
            return (BatchClosed(lines=len(batch.lines), units=sum(len(line.units) for line in batch.lines)),)
        case ReportSheetImposed():
            return _imposed(batch, command)
        case ReportBatchSent():
            return _sent(batch, command)
        case ReportSheetPrinted():
            _unsettled(batch, command.sheet)
            return (SheetPrinted(sheet=command.sheet, by=context.actor),)
        case ReportSheetSpoiled():
            sheet = _unsettled(batch, command.sheet)
            return (
                SheetSpoiled(
                    sheet=command.sheet,
                    reason_code=command.reason_code,
                    spoiled=batch.units_on(sheet),
                    by=context.actor,
                ),
            )
        case ReportBatchStuck():
            return _stuck(batch, command)
        case ReportBatchGoesOn():
            if not batch.trouble:
                raise Ignored("nothing keeps the batch")
            return (BatchWentOn(),)
        case ReportBatchCleared():
            return _cleared(batch)
        case _:
            assert_never(command)


def _opened(batch: Batch, command: OpenBatch) -> tuple[BatchEvent, ...]:
    if batch.stage:
        raise Ignored("the batch is open already")
    if not command.lines or not all(line.units and line.files for line in command.lines):
        raise BatchEmpty
    pieces = sum(len(line.units) * len(line.files) for line in command.lines)
    if len(command.lines) > LINES_MAX or pieces > PIECES_MAX:
        raise BatchTooLarge
    if len({(line.order_id, line.line_id, line.run) for line in command.lines}) != len(command.lines):
        raise LineTwiceInBatch
    opened = BatchOpened(group=command.group, reason=command.reason)
    return (opened, *(LineAddedToBatch(line=line) for line in command.lines))


def _removed(batch: Batch, command: RemoveLineFromBatch) -> tuple[BatchEvent, ...]:
    if batch.line(command.order_id, command.line_id, command.run) is None:
        raise LineNotInBatch
    if batch.stage != "open":
        raise TooLateToRemove
    return (
        LineRemovedFromBatch(
            order_id=command.order_id, line_id=command.line_id, run=command.run, reason=command.reason
        ),
    )


def _imposed(batch: Batch, command: ReportSheetImposed) -> tuple[BatchEvent, ...]:
    if batch.stage != "closed":
        raise NotClosed if batch.stage == "open" else Ignored("the sheets are at the press already")
    if command.sheet <= len(batch.sheets):
        raise Ignored("this sheet is known already")
    if command.sheet != len(batch.sheets) + 1:
        raise SheetOutOfOrder
    pieces = [piece_of(placement) for placement in command.placements]
    if not pieces or len(set(pieces)) != len(pieces) or not set(pieces) <= batch.pieces - batch.imposed_pieces:
        raise PieceNotExpected
    imposed = SheetImposed(
        sheet=command.sheet,
        width_um=command.width_um,
        height_um=command.height_um,
        file_key=command.file_key,
        sha256=command.sha256,
        size_bytes=command.size_bytes,
        placements=command.placements,
    )
    if not _apart(imposed):
        raise PiecesOverlap
    return (imposed,)


def _apart(sheet: SheetImposed) -> bool:
    """Whether every piece lies on the sheet and none overlaps another."""
    placed = sorted(sheet.placements, key=lambda one: one.x_um)
    for number, one in enumerate(placed):
        right, top = one.x_um + one.width_um, one.y_um + one.height_um
        if min(one.x_um, one.y_um, one.width_um - 1, one.height_um - 1) < 0:
            return False
        if right > sheet.width_um or top > sheet.height_um:
            return False
        for other in placed[number + 1 :]:
            if other.x_um >= right:
                break
            if other.y_um < top and one.y_um < other.y_um + other.height_um:
                return False
    return True


def _sent(batch: Batch, command: ReportBatchSent) -> tuple[BatchEvent, ...]:
    if batch.stage != "closed":
        raise NotClosed if batch.stage == "open" else Ignored("the press has it already")
    if batch.imposed_pieces != batch.pieces:
        raise SheetsMissing
    return (BatchSentToPress(ticket=command.ticket, ticket_sha256=command.ticket_sha256, sheets=len(batch.sheets)),)


def _stuck(batch: Batch, command: ReportBatchStuck) -> tuple[BatchEvent, ...]:
    if batch.stage not in UNDER_WAY:
        raise Ignored("the batch is over")
    if batch.trouble == command.reason:
        raise Ignored("a person has been told already")
    return (BatchStuck(reason=command.reason, detail=command.detail, what_to_do=command.what_to_do),)


def _cleared(batch: Batch) -> tuple[BatchEvent, ...]:
    if batch.stage in UNDER_WAY:
        raise NotCompleted
    if batch.stage != "completed":
        raise Ignored(f"the batch is {batch.stage} already")
    return (BatchCleared(),)


def _unsettled(batch: Batch, number: int) -> Sheet:
    if batch.stage not in {"sent", "completed", "cleared"} or not 0 < number <= len(batch.sheets):
        raise SheetUnknown
    sheet = batch.sheets[number - 1]
    if sheet.outcome:
        raise Ignored(f"the sheet is {sheet.outcome} already")
    return sheet


def evolve(batch: Batch, fact: BatchEvent) -> Batch:
    """The batch after one more fact; never refuses."""
    match fact:
        case BatchOpened():
            return replace(batch, stage="open", group=fact.group)
        case LineAddedToBatch():
            return replace(batch, lines=(*batch.lines, fact.line))
        case LineRemovedFromBatch():
            gone = batch.line(fact.order_id, fact.line_id, fact.run)
            return replace(batch, lines=tuple(line for line in batch.lines if line is not gone))
        case BatchClosed():
            return replace(batch, stage="closed")
        case BatchAbandoned():
            return replace(batch, stage="abandoned", trouble="")
        case SheetImposed():
            return replace(batch, sheets=(*batch.sheets, Sheet(imposed=fact)))
        case BatchSentToPress():
            return replace(batch, stage="sent", ticket=fact.ticket)
        case SheetPrinted():
            return _settled(batch, fact.sheet, "printed", "")
        case SheetSpoiled():
            return _settled(batch, fact.sheet, "spoiled", fact.reason_code)
        case BatchStuck():
            return replace(batch, trouble=fact.reason, troubles=batch.troubles + 1)
        case BatchWentOn():
            return replace(batch, trouble="")
        case BatchCompleted():
            return replace(batch, stage="completed", trouble="")
        case BatchCleared():
            return replace(batch, stage="cleared")
        case _:
            assert_never(fact)


def _settled(batch: Batch, number: int, outcome: str, reason_code: str) -> Batch:
    sheet = replace(batch.sheets[number - 1], outcome=outcome, reason_code=reason_code)
    return replace(batch, sheets=(*batch.sheets[: number - 1], sheet, *batch.sheets[number:]))
