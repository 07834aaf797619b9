"""What an order is, worked out a second time: tables of units, filled from the list of its facts.

Nothing here is shared with `events.order.evolve`: the oracle keeps a row for every unit, run and parcel, and asks the
questions that a customer or an auditor would ask. A wrong fold is compared with this, never with itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from events.order.facts import (
    CancellationRequested,
    ExceptionRaised,
    ExceptionResolved,
    GoodsReady,
    HoldReleased,
    InspectionFailed,
    InspectionPassed,
    LabelPurchased,
    LabelRequested,
    LineAmended,
    LineCancelled,
    LineRouted,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderHeld,
    OrderPlaced,
    ParcelWithdrawn,
    PartnerGaveUp,
    PartnerStatusObserved,
    ReprintRequested,
    RoutingRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
    TrackingObserved,
)
from events.order.state import Order
from events.order.values import LineUnits

Unit = tuple[str, int]
RunKey = tuple[str, int]


@dataclass
class Tables:
    """Rows by unit, run and parcel."""

    quantity: dict[str, int] = field(default_factory=dict)
    cancelled: set[Unit] = field(default_factory=set)
    parcels_of: dict[Unit, list[str]] = field(default_factory=lambda: defaultdict(list))
    packed: set[Unit] = field(default_factory=set)
    left_in: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    partner_of: dict[RunKey, str] = field(default_factory=dict)
    units_of: dict[RunKey, tuple[int, ...]] = field(default_factory=dict)
    at_partner: set[RunKey] = field(default_factory=set)
    passed: set[tuple[RunKey, int]] = field(default_factory=set)
    rank: dict[RunKey, int] = field(default_factory=dict)
    parcel_rank: dict[str, int] = field(default_factory=dict)
    holds: set[tuple[str, str]] = field(default_factory=set)
    exceptions: set[str] = field(default_factory=set)
    reprints: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    order_cancelled: bool = False
    simultaneous: list[str] = field(default_factory=list)


def tables_of(facts: Iterable[OrderEvent]) -> Tables:
    """Fill the tables, one fact after the other."""
    tables = Tables()
    for fact in facts:
        _about_the_order(tables, fact)
        _about_runs(tables, fact)
        _about_parcels(tables, fact)
    return tables


def _about_the_order(tables: Tables, fact: OrderEvent) -> None:
    if isinstance(fact, OrderPlaced):
        tables.quantity = {line.line_id: line.quantity for line in fact.order.lines}
    elif isinstance(fact, OrderEdited):
        for line in fact.changed_lines:
            tables.cancelled -= {(line.line_id, unit) for unit in range(1, 1_001)}
            tables.quantity[line.line_id] = line.quantity
            tables.reprints[line.line_id] = 0
        for line_id in fact.removed_line_ids:
            tables.cancelled |= {(line_id, unit) for unit in range(1, tables.quantity[line_id] + 1)}
    elif isinstance(fact, LineAmended):
        assert fact.quantity >= tables.quantity[fact.line_id], "fewer units are an edit"
        tables.quantity[fact.line_id] = fact.quantity
    elif isinstance(fact, LineCancelled):
        tables.cancelled |= {(fact.line_id, unit) for unit in fact.units}
    elif isinstance(fact, OrderCancelled):
        tables.order_cancelled = True
    elif isinstance(fact, OrderHeld):
        tables.holds.add((fact.reason, fact.line_id))
    elif isinstance(fact, HoldReleased):
        tables.holds.discard((fact.reason, fact.line_id))
    elif isinstance(fact, ExceptionRaised):
        assert fact.exception_id not in tables.exceptions, "an exception is open at most once"
        tables.exceptions.add(fact.exception_id)
    elif isinstance(fact, ExceptionResolved):
        tables.exceptions.remove(fact.exception_id)


def _about_runs(tables: Tables, fact: OrderEvent) -> None:
    if isinstance(fact, RoutingRequested):
        tables.units_of[fact.line_id, fact.run] = fact.units
    elif isinstance(fact, LineRouted):
        tables.partner_of[fact.line_id, fact.run] = fact.partner_id
    elif isinstance(fact, ReprintRequested):
        tables.reprints[fact.line_id] += 1
        tables.units_of[fact.line_id, fact.run] = fact.units
        tables.partner_of[fact.line_id, fact.run] = fact.partner_id
        for key, unit in list(tables.passed):
            packed = (key[0], unit) in tables.packed
            if key[0] == fact.line_id and unit in fact.units and not packed:
                tables.passed.discard((key, unit))
    elif isinstance(fact, SubmissionRequested):
        _submitted(tables, (fact.line_id, fact.run))
    elif isinstance(fact, SubmissionAccepted):
        tables.at_partner.add((fact.line_id, fact.run))
    elif isinstance(fact, SubmissionRefused | PartnerGaveUp | LineCancelled | InspectionFailed):
        if not (isinstance(fact, SubmissionRefused) and fact.reason == "outcome_unknown"):
            tables.at_partner.discard((fact.line_id, fact.run))
    elif isinstance(fact, InspectionPassed | GoodsReady):
        tables.at_partner.discard((fact.line_id, fact.run))
        tables.passed |= {((fact.line_id, fact.run), unit) for unit in fact.units}
    elif isinstance(fact, PartnerStatusObserved):
        key = (fact.line_id, fact.run)
        tables.rank[key] = max(tables.rank.get(key, 0), fact.rank)


def _submitted(tables: Tables, key: RunKey) -> None:
    """Two partners, or one twice, must never be making the same unit at the same time."""
    units = set(tables.units_of[key])
    for other in tables.at_partner:
        if other != key and other[0] == key[0] and units & set(tables.units_of[other]):
            tables.simultaneous.append(f"{key} while {other} is at {tables.partner_of[other]}")
    tables.at_partner.add(key)


def _about_parcels(tables: Tables, fact: OrderEvent) -> None:
    if isinstance(fact, LabelRequested) and fact.attempt == 1:
        for unit in _units(fact.contents):
            tables.parcels_of[unit].append(fact.parcel_id)
            tables.packed.add(unit)
    elif isinstance(fact, ParcelWithdrawn) and fact.send_again:
        tables.packed -= set(_units(fact.contents))
    elif isinstance(fact, LabelPurchased):
        assert fact.parcel_id not in tables.numbers, "a parcel's label is bought once"
        tables.numbers[fact.parcel_id] = fact.tracking_number
    elif isinstance(fact, TrackingObserved):
        tables.parcel_rank[fact.parcel_id] = max(tables.parcel_rank.get(fact.parcel_id, 0), fact.rank)
    elif isinstance(fact, ShipmentDispatched):
        tables.left_in[fact.parcel_id] = "dispatched"
    elif isinstance(fact, ShipmentDelivered):
        tables.left_in[fact.parcel_id] = "delivered"
    elif isinstance(fact, ShipmentReturned):
        tables.left_in[fact.parcel_id] = "returned"


def _units(contents: Sequence[LineUnits]) -> list[Unit]:
    return [(part.line_id, unit) for part in contents for unit in part.units]


def disagreements(order: Order, facts: Sequence[OrderEvent]) -> list[str]:
    """What the folded order says otherwise than the tables; empty where both agree."""
    tables = tables_of(facts)
    found = list(tables.simultaneous)

    def compare(what: str, folded: object, counted: object) -> None:
        if folded != counted:
            found.append(f"{what}: folded {folded}, counted {counted}")

    lines = order.lines
    compare("quantities", {key: line.quantity for key, line in lines.items()}, tables.quantity)
    compare("cancelled", {(key, u) for key, line in lines.items() for u in line.cancelled_units}, tables.cancelled)
    runs = {(key, run.run): run for key, line in lines.items() for run in line.runs}
    compare("units of runs", {key: run.units for key, run in runs.items()}, tables.units_of)
    compare("partners", {key: run.partner_id for key, run in runs.items() if run.partner_id}, tables.partner_of)
    making = {"submitting", "accepted", "printed", "inspecting"}
    compare("at partners", {key for key, run in runs.items() if run.stage in making}, tables.at_partner)
    compare("good units", {(key, unit) for key, run in runs.items() for unit in run.passed_units}, tables.passed)
    compare("ranks", {k: run.rank for k, run in runs.items() if run.rank}, {k: r for k, r in tables.rank.items() if r})
    contents: dict[Unit, list[str]] = defaultdict(list)
    for parcel in order.parcels.values():
        for line_id, units in parcel.contents.items():
            for unit in units:
                contents[line_id, unit].append(parcel.parcel_id)
    compare("parcels of units", dict(contents), dict(tables.parcels_of))
    left = {key: parcel.stage for key, parcel in order.parcels.items() if key in tables.left_in}
    compare("parcels that left", left, tables.left_in)
    numbers = {key: parcel.tracking_number for key, parcel in order.parcels.items() if parcel.labelled}
    compare("tracking numbers", numbers, tables.numbers)
    ranks = {key: parcel.rank for key, parcel in order.parcels.items() if parcel.rank}
    compare("parcel ranks", ranks, {key: rank for key, rank in tables.parcel_rank.items() if rank})
    compare("holds", {(hold.reason, hold.line_id) for hold in order.holds}, tables.holds)
    compare("exceptions", set(order.exceptions), tables.exceptions)
    compare("reprints", {k: line.reprints for k, line in lines.items() if line.reprints}, _nonzero(tables.reprints))
    compare("cancelled order", order.cancelled, tables.order_cancelled)
    return found


def _nonzero(counts: dict[str, int]) -> dict[str, int]:
    return {key: count for key, count in counts.items() if count}


def vanished_reprints(facts: Sequence[OrderEvent]) -> list[Unit]:
    """Units that were to be printed again and that nobody prints, although nobody cancelled anything."""
    newest: dict[Unit, RunKey] = {}
    promised: set[Unit] = set()
    stopped: set[RunKey] = set()
    for fact in facts:
        if isinstance(fact, CancellationRequested):
            return []
        if isinstance(fact, RoutingRequested | ReprintRequested):
            newest |= {(fact.line_id, unit): (fact.line_id, fact.run) for unit in fact.units}
        if isinstance(fact, ReprintRequested):
            promised |= {(fact.line_id, unit) for unit in fact.units}
        if isinstance(fact, LineCancelled):
            stopped.add((fact.line_id, fact.run))
            promised -= {(fact.line_id, unit) for unit in fact.units}
    return sorted(unit for unit in promised if newest[unit] in stopped)


def reprints_beyond(facts: Sequence[OrderEvent], reprints_max: int) -> list[str]:
    """Re-prints that no person asked for although the line had had its share since it last began."""
    counts: dict[str, int] = defaultdict(int)
    found = []
    before: OrderEvent | None = None
    for fact in facts:
        if isinstance(fact, OrderEdited):
            counts.update({line.line_id: 0 for line in fact.changed_lines})
        if isinstance(fact, ReprintRequested):
            if isinstance(before, InspectionFailed) and counts[fact.line_id] >= reprints_max:
                found.append(f"{fact.line_id}:{fact.run}")
            counts[fact.line_id] += 1
        before = fact
    return found
