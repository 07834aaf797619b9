"""Which waiting lines are batched now: pure, from what waits, the press and the time.

Lines of one product, method, destination and priority are made together. A group waits for company until it fills as
many sheets as the press takes at once, or until its oldest line can wait no longer: because it has waited as long as
the press lets it, or because what is promised leaves no more time than the press needs for the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from events.batches.decide import LINES_MAX, PIECES_MAX
from events.batches.facts import BatchGroup, BatchLine
from events.identity import command_id
from processors.batching.packing import Piece, Room, fits, pack
from processors.batching.presses import Press

HOUR_MS: Final = 3_600_000
#: Kept between the press and the promise: cutting, pressing onto the goods, inspection.
LEAD_MS: Final = 4 * HOUR_MS
#: Lines that were all left out of a batch are tried again after so long, then after twice as long, and so on.
TRY_AGAIN_MS: Final = 60_000
#: More tries than any print run lives to see, because the wait doubles.
TRIES_MAX: Final = 32


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A print run that the shop has and nobody images yet."""

    line: BatchLine
    #: The shop's name of the variant.
    partner_variant: str
    destination: str
    priority: str
    #: When it began to wait (epoch milliseconds).
    since: int
    #: Whether its order was told that no press can take it.
    is_held: bool = False


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is to be opened. The same lines give the same id, which is that of their first try."""

    batch_id: str
    group: BatchGroup
    reason: str
    lines: tuple[BatchLine, ...]


def room_of(press: Press) -> Room:
    """The press's sheet."""
    return Room(
        width_um=press.sheet_width_um,
        height_um=press.sheet_height_um,
        margin_um=press.margin_um,
        gutter_um=press.gutter_um,
    )


def pieces_of(lines: Iterable[BatchLine]) -> list[Piece]:
    """Every area of every unit."""
    return [
        Piece(
            key=(line.order_id, line.line_id, line.run, unit, file.area),
            width_um=file.width_um,
            height_um=file.height_um,
        )
        for line in lines
        for unit in line.units
        for file in line.files
    ]


def plan(partner_id: str, press: Press, waiting: Iterable[Waiting], now: int) -> list[Planned]:
    """The batches to open now, the most urgent first. What fits no sheet of the press is left to a person."""
    groups: dict[BatchGroup, list[Waiting]] = {}
    for one in waiting:
        product = press.variants.get(one.partner_variant)
        if product is None or not makeable(one, press):
            continue
        group = BatchGroup(
            partner_id=partner_id,
            press=press.name,
            product=product,
            method=press.method,
            destination=one.destination,
            priority=one.priority,
        )
        groups.setdefault(group, []).append(one)
    found = [planned for group, members in groups.items() for planned in _of_group(group, press, members, now)]
    return sorted(found, key=lambda one: (min(_due(line) for line in one.lines), one.batch_id))


def _of_group(group: BatchGroup, press: Press, members: list[Waiting], now: int) -> list[Planned]:
    """Full batches at once; the rest when its oldest line can wait no longer."""
    left = sorted(
        members, key=lambda one: (_due(one.line), one.since, one.line.order_id, one.line.line_id, one.line.run)
    )
    found: list[Planned] = []
    while left:
        taken = _fill(left, press)
        reason = "full" if len(taken) < len(left) else _reason(left, press, now)
        if not reason:
            break
        found.append(_planned(group, reason, taken))
        left = left[len(taken) :]
    return found


def _fill(waiting: Sequence[Waiting], press: Press) -> Sequence[Waiting]:
    """As many of the first lines as the press takes in one batch; at least one."""
    low, high = 1, min(len(waiting), LINES_MAX)
    while low < high:
        middle = (low + high + 1) // 2
        if _sheets(waiting[:middle], press) <= press.sheets_max:
            low = middle
        else:
            high = middle - 1
    return waiting[:low]


def _sheets(waiting: Sequence[Waiting], press: Press) -> int:
    pieces = pieces_of(one.line for one in waiting)
    return len(pack(pieces, room_of(press))) if len(pieces) <= PIECES_MAX else press.sheets_max + 1


def _reason(waiting: Sequence[Waiting], press: Press, now: int) -> str:
    if now - min(one.since for one in waiting) >= press.wait_max_s * 1000:
        return "waited"
    needed_ms = _sheets(waiting, press) * HOUR_MS // press.sheets_per_hour + LEAD_MS
    return "promise" if min(_due(one.line) for one in waiting) - now <= needed_ms else ""


def makeable(one: Waiting, press: Press) -> bool:
    """Whether the press prints this variant, and each piece of the run fits its sheet."""
    pieces, room = pieces_of((one.line,)), room_of(press)
    return (
        one.partner_variant in press.variants
        and 0 < len(pieces) <= PIECES_MAX
        and all(fits(piece, room) for piece in pieces)
    )


def _due(line: BatchLine) -> int:
    return line.due_at or 2**62


def _planned(group: BatchGroup, reason: str, members: Sequence[Waiting]) -> Planned:
    lines = tuple(one.line for one in members)
    named = [part for line in lines for part in (line.order_id, line.line_id, line.run)]
    return Planned(batch_id=command_id("batch", group.partner_id, *named), group=group, reason=reason, lines=lines)


def tries_of(planned: Planned) -> Sequence[str]:
    """The ids of the batches in which these very lines are tried, one after the other, for whoever plans them."""
    again = (command_id("batch-again", planned.batch_id, number) for number in range(1, TRIES_MAX))
    return (planned.batch_id, *again)


def next_try(tries: Sequence[str], ended: Mapping[str, int], now: int) -> str | None:
    """The batch to open: the first that is not over; None while the one before it ended too lately to try again."""
    over = next((number for number, batch_id in enumerate(tries) if batch_id not in ended), len(tries))
    if over == len(tries):
        return None
    is_too_early = over > 0 and now - ended[tries[over - 1]] < TRY_AGAIN_MS << (over - 1)
    return None if is_too_early else tries[over]
