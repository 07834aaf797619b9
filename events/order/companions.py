"""What routing must know of the rest of an order: what would travel with a line, and whose colours it has to match."""

from collections.abc import Iterator

from events.order.state import RUN_AT_PARTNER, RUN_MAKING, Line, Order
from events.order.values import OtherLine, PrintedArea

OTHERS_MAX = 50
"""So many other lines are told at most; beyond them one more does not change where a line is best made."""

UM_PER_INCH = 25_400


def other_lines(order: Order, line: Line) -> tuple[OtherLine, ...]:
    """The order's other lines that still become goods: with their partner, or without one where none is chosen yet."""
    if len(order.lines) == 1:
        return ()
    found: list[OtherLine] = []
    for other in order.lines.values():
        if other.line_id != line.line_id:
            found.extend(_still_made(other))
    return tuple(found[:OTHERS_MAX])


def _still_made(line: Line) -> Iterator[OtherLine]:
    """A line by partner, and what of it has none. What is packed is out, and re-prints, which travel alone."""
    if line.artwork is None or line.stage == "cancelled" or line.cancelling:
        return
    at_partner: dict[str, int] = {}
    waiting = 0
    newest = line.newest_run_of
    for unit in line.live_units:
        run = newest.get(unit)
        if run is None or run.stage in {"routing", "unroutable", "given_up", "cancelled"}:
            waiting += unit not in line.passed_units
        elif not line.is_reprint(run) and (run.stage in RUN_MAKING or (run.stage == "passed" and not run.parcel_id)):
            at_partner[run.partner_id] = at_partner.get(run.partner_id, 0) + 1
    for partner_id, units in at_partner.items():
        yield OtherLine(line_id=line.line_id, variant_id=line.artwork.variant_id, units=units, partner_id=partner_id)
    if waiting:
        gave_up = (run.partner_id for run in line.runs if run.stage == "given_up")
        yield OtherLine(
            line_id=line.line_id,
            variant_id=line.artwork.variant_id,
            units=waiting,
            excluded_partner_ids=tuple(dict.fromkeys(gave_up)),
        )


def made_by(line: Line) -> str:
    """The partner that made, or makes, other units of the line; empty where none does."""
    return next((run.partner_id for run in reversed(line.runs) if run.stage in RUN_AT_PARTNER), "")


def printed_areas(line: Line) -> tuple[PrintedArea, ...]:
    """How large the line's print files come out; a file without a resolution tells nothing."""
    return tuple(
        PrintedArea(
            area=one.area,
            width_um=one.print_file.width_px * UM_PER_INCH // one.print_file.dpi,
            height_um=one.print_file.height_px * UM_PER_INCH // one.print_file.dpi,
        )
        for one in line.areas
        if one.print_file.dpi > 0
    )
