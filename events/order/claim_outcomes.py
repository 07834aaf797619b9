"""What became of claimed units since: two claims can be open on them, and each unit is answered once."""

from events.order import claims
from events.order.claims import ClaimedUnits
from events.order.parcels import WITHDRAWN
from events.order.state import RUN_ENDED, Line, Order


def paid_units(order: Order) -> set[tuple[str, int]]:
    """Units whose money was promised or given back, as pairs of line and unit."""
    return {unit for claim in order.claims.values() if claim.stage in claims.PAID for unit in claim.units}


def uncovered_units(order: Order, line: Line) -> tuple[int, ...]:
    """Units of the line that need another run; a good one whose money was given back since is not printed again."""
    if not (uncovered := line.uncovered_units) or not order.claims:
        return uncovered
    paid, passed = paid_units(order), line.passed_units
    return tuple(unit for unit in uncovered if unit not in passed or (line.line_id, unit) not in paid)


def made_again(order: Order, item: ClaimedUnits) -> bool:
    """Whether any of these units was printed again since."""
    newest = order.lines[item.line_id].newest_run_of
    return any(unit not in newest or newest[unit].run != item.run for unit in item.units)


def replaced(order: Order, item: ClaimedUnits) -> bool:
    """Whether other goods answer for any of these units: made again or sent again since, and not taken back."""
    for run in order.lines[item.line_id].runs:
        goods = run.passed_units if run.stage in RUN_ENDED else run.units
        is_later = run.run > item.run or (run.run == item.run and run.parcel_id != item.parcel_id)
        parcel = order.parcels.get(run.parcel_id)
        is_taken_back = parcel is not None and parcel.stage == WITHDRAWN
        if is_later and not is_taken_back and not set(item.units).isdisjoint(goods):
            return True
    return False
