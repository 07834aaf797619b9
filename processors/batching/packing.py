"""Which piece stands where on which sheet: pure, deterministic, in whole micrometres.

Shelves: pieces are taken tallest first; each goes onto the first shelf, of the first sheet, that has room, upright or
turned by 90 degrees; where none has, a new shelf is opened, and where no sheet has room for that, a new sheet. The
pieces of one print run are taken together, so that a spoiled sheet spoils few orders. Shelves waste more than the best
known packings and are cut with straight cuts from edge to edge, as a guillotine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from processors.ports import NamedError

PieceKey: TypeAlias = tuple[str, str, int, int, str]
"""Order, line, run, unit and area."""


class PieceTooLarge(NamedError):
    """A print does not fit on the press's sheet, upright or turned. Route its variant to another press."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One area of one unit, as large as it is printed."""

    key: PieceKey
    width_um: int
    height_um: int


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a piece stands, measured from the sheet's lower left corner; width and height as it stands there."""

    key: PieceKey
    x_um: int
    y_um: int
    width_um: int
    height_um: int
    turned: bool


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet: its size, the margin on all sides, and the gutter that is kept free around every piece."""

    width_um: int
    height_um: int
    margin_um: int
    gutter_um: int


class _Shelf:
    """A row of pieces: where it begins, how high it is, and up to where it is full."""

    def __init__(self, y_um: int, height_um: int, x_um: int) -> None:
        self.y_um, self.height_um, self.x_um = y_um, height_um, x_um


class _Sheet:
    """A sheet while it fills from the bottom."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._shelves: list[_Shelf] = []
        self._top_um = room.margin_um
        self.placed: list[Placed] = []

    def take(self, piece: Piece) -> bool:
        """Place the piece if there is room; says whether there was."""
        ways = _ways(piece, self._room)
        for shelf in self._shelves:
            for width_um, height_um, turned in ways:
                if height_um <= shelf.height_um and shelf.x_um + width_um <= self._room.width_um - self._room.margin_um:
                    self._place(piece, shelf, width_um, height_um, turned)
                    return True
        # A new shelf is as low as the piece allows: lying where it can.
        for width_um, height_um, turned in sorted(ways, key=lambda way: way[1]):
            if self._top_um + height_um <= self._room.height_um - self._room.margin_um:
                shelf = _Shelf(self._top_um, height_um, self._room.margin_um)
                self._shelves.append(shelf)
                self._top_um += height_um
                self._place(piece, shelf, width_um, height_um, turned)
                return True
        return False

    def _place(self, piece: Piece, shelf: _Shelf, width_um: int, height_um: int, turned: bool) -> None:
        gutter = self._room.gutter_um
        self.placed.append(
            Placed(
                key=piece.key,
                x_um=shelf.x_um + gutter,
                y_um=shelf.y_um + gutter,
                width_um=width_um - 2 * gutter,
                height_um=height_um - 2 * gutter,
                turned=turned,
            )
        )
        shelf.x_um += width_um


def pack(pieces: Iterable[Piece], room: Room) -> tuple[tuple[Placed, ...], ...]:
    """The sheets, each with its pieces from bottom to top. Raises PieceTooLarge."""
    sheets: list[_Sheet] = []
    for piece in _in_order(pieces):
        if not _ways(piece, room):
            raise PieceTooLarge(f"{piece.width_um} × {piece.height_um} µm: {PieceTooLarge.__doc__}")
        if not any(sheet.take(piece) for sheet in sheets):
            sheets.append(_Sheet(room))
            sheets[-1].take(piece)
    return tuple(tuple(sheet.placed) for sheet in sheets)


def fits(piece: Piece, room: Room) -> bool:
    """Whether the piece has room on an empty sheet."""
    return bool(_ways(piece, room))


def _ways(piece: Piece, room: Room) -> Sequence[tuple[int, int, bool]]:
    """Widths and heights, gutters included, in which the piece fits an empty sheet: upright first, then turned."""
    inner_width, inner_height = room.width_um - 2 * room.margin_um, room.height_um - 2 * room.margin_um
    width, height = piece.width_um + 2 * room.gutter_um, piece.height_um + 2 * room.gutter_um
    ways = [(width, height, False)] if width == height else [(width, height, False), (height, width, True)]
    return [way for way in ways if way[0] <= inner_width and way[1] <= inner_height]


def _in_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Runs with the longest piece first; the pieces of a run together; ties by their names."""
    runs: dict[tuple[str, str, int], list[Piece]] = {}
    for piece in pieces:
        runs.setdefault(piece.key[:3], []).append(piece)
    longest = {run: max(max(piece.width_um, piece.height_um) for piece in found) for run, found in runs.items()}
    ordered = sorted(runs, key=lambda run: (-longest[run], run))
    return [
        piece
        for run in ordered
        for piece in sorted(runs[run], key=lambda one: (-max(one.width_um, one.height_um), one.key))
    ]
