"""What a batch is after its facts: its lines, its sheets, and how far it is."""

from collections.abc import Iterator

import msgspec

from events.batches.facts import BatchGroup, BatchLine, Placement, RunUnits, SheetImposed


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A gang sheet. Outcomes: empty while it is not printed, 'printed', 'spoiled' with its `reason_code`."""

    imposed: SheetImposed
    outcome: str = ""
    reason_code: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch. Stages: none before it is opened, open, closed, sent, completed, cleared; or abandoned without lines.

    Sheets count from 1.
    """

    stage: str = ""
    group: BatchGroup | None = None
    lines: tuple[BatchLine, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    ticket: str = ""
    #: Why it cannot go on, in one word, empty while nothing keeps it; and how often it was stuck so far.
    trouble: str = ""
    troubles: int = 0

    def line(self, order_id: str, line_id: str, run: int) -> BatchLine | None:
        """The line of this print run, or None."""
        wanted = (order_id, line_id, run)
        return next((line for line in self.lines if (line.order_id, line.line_id, line.run) == wanted), None)

    @property
    def pieces(self) -> set[tuple[str, str, int, int, str]]:
        """Every piece that is to be imaged: order, line, run, unit and area."""
        return {
            (line.order_id, line.line_id, line.run, unit, file.area)
            for line in self.lines
            for unit in line.units
            for file in line.files
        }

    @property
    def imposed_pieces(self) -> set[tuple[str, str, int, int, str]]:
        """Every piece that stands on a sheet."""
        return {piece_of(placement) for sheet in self.sheets for placement in sheet.imposed.placements}

    def units_on(self, sheet: Sheet) -> tuple[RunUnits, ...]:
        """The units of which any area stands on the sheet, a print run each, in the order of the batch's lines."""
        found: list[RunUnits] = []
        for line in self.lines:
            placed = {
                placement.unit
                for placement in sheet.imposed.placements
                if (placement.order_id, placement.line_id, placement.run) == (line.order_id, line.line_id, line.run)
            }
            if placed:
                found.append(_units_of(line, placed))
        return tuple(found)

    def settled_runs(self) -> Iterator[tuple[BatchLine, tuple[int, ...], str]]:
        """Each print run all of whose sheets are printed or spoiled; its spoiled units; why they are."""
        for line in self.lines:
            sheets = [sheet for sheet in self.sheets if self._carries(sheet, line)]
            if not sheets or not all(sheet.outcome for sheet in sheets) or self.stage not in {"sent", "completed"}:
                continue
            waste = [sheet for sheet in sheets if sheet.outcome == "spoiled"]
            spoiled = {
                unit for sheet in waste for one in self.units_on(sheet) if _same(one, line) for unit in one.units
            }
            yield line, tuple(sorted(spoiled)), waste[0].reason_code if waste else ""

    def _carries(self, sheet: Sheet, line: BatchLine) -> bool:
        return any(_same(one, line) for one in self.units_on(sheet))


def piece_of(placement: Placement) -> tuple[str, str, int, int, str]:
    """The piece that a placement places."""
    return placement.order_id, placement.line_id, placement.run, placement.unit, placement.area


def _same(units: RunUnits, line: BatchLine) -> bool:
    return (units.order_id, units.line_id, units.run) == (line.order_id, line.line_id, line.run)


def _units_of(line: BatchLine, units: set[int]) -> RunUnits:
    return RunUnits(
        tenant=line.tenant,
        order_id=line.order_id,
        line_id=line.line_id,
        run=line.run,
        units=tuple(sorted(units)),
    )
