"""Fold facts about parcels. Parcels add up; they never overwrite each other."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from events.order.evolve_parcels import ParcelEvent, evolve_parcels
from events.order.facts import (
    LabelFailed,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    ParcelWithdrawn,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    TrackingObserved,
)
from events.order.parcels import UNSEEN, Suggestion, digest_of
from events.order.state import Order, Parcel, Run

JourneyEvent: TypeAlias = (
    LabelRequested
    | LabelPurchased
    | LabelFailed
    | ShipmentDispatched
    | TrackingObserved
    | ShipmentDelivered
    | ShipmentReturned
)
ShippingEvent: TypeAlias = JourneyEvent | ParcelEvent

UNLABELLED = frozenset({"labelling", "label_failed"})
"""Stages of a parcel that has no label yet."""


def evolve_shipping(order: Order, fact: ShippingEvent) -> Order:
    """The order after a fact about one of its parcels."""
    if isinstance(fact, LabelRequested) and fact.parcel_id not in order.parcels:
        return _parcel_opened(order, fact)
    if isinstance(fact, ParcelWithdrawn | LabelRefundRequested | LabelRefundAnswered):
        return evolve_parcels(order, fact)
    parcel = _evolve_parcel(order.parcels[fact.parcel_id], fact)
    if isinstance(fact, LabelFailed) and fact.suggested is not None:
        suggestion = Suggestion(address=fact.suggested, instead_of=digest_of(order.recipient))
        parcel = replace(parcel, suggestion=suggestion)
    return replace(order, parcels={**order.parcels, parcel.parcel_id: parcel})


def _parcel_opened(order: Order, fact: LabelRequested) -> Order:
    contents = {part.line_id: part.units for part in fact.contents}
    parcel = Parcel(parcel_id=fact.parcel_id, partner_id=fact.partner_id, contents=contents, effect_key=fact.effect_key)
    lines = dict(order.lines)
    for line_id, units in contents.items():
        line = lines[line_id]
        runs = tuple(
            replace(run, parcel_id=fact.parcel_id) if _is_packed(run, fact.partner_id, units) else run
            for run in line.runs
        )
        lines[line_id] = replace(line, runs=runs)
    return replace(order, lines=lines, parcels={**order.parcels, fact.parcel_id: parcel})


def _is_packed(run: Run, partner_id: str, units: tuple[int, ...]) -> bool:
    """A run that was packed before stays in its parcel, whatever is printed again."""
    return not run.parcel_id and run.partner_id == partner_id and not set(run.passed_units).isdisjoint(units)


def _evolve_parcel(parcel: Parcel, fact: JourneyEvent) -> Parcel:
    match fact:
        case LabelRequested():
            stage = "labelling" if parcel.stage in UNLABELLED else parcel.stage
            return replace(parcel, stage=stage, attempt=fact.attempt, suggestion=None)
        case LabelPurchased():
            # A carrier's scan can overtake the news of the label: the parcel then is on its way already.
            return replace(
                parcel,
                stage="labelled" if parcel.stage in UNLABELLED else parcel.stage,
                labelled=True,
                carrier=fact.carrier,
                tracking_number=fact.tracking_number,
                tracking_url=fact.tracking_url,
                carrier_reference=fact.carrier_reference,
                suggestion=None,
            )
        case LabelFailed():
            return replace(parcel, stage="label_failed" if parcel.stage in UNLABELLED else parcel.stage)
        case ShipmentDispatched():
            return replace(parcel, stage="dispatched")
        case ShipmentDelivered():
            return replace(parcel, stage="delivered")
        case ShipmentReturned():
            return replace(parcel, stage="returned")
        case TrackingObserved():
            return _tracked(parcel, fact)
        case _:
            assert_never(fact)


def _tracked(parcel: Parcel, fact: TrackingObserved) -> Parcel:
    """Merge a report: the highest rank, the newest scan and the newest condition, so any order ends alike."""
    if fact.rank:
        return replace(parcel, rank=max(parcel.rank, fact.rank), stage_at=max(parcel.stage_at, fact.carrier_at))
    if fact.canonical not in ("", UNSEEN) and (fact.carrier_at, fact.canonical) > (
        parcel.condition_at,
        parcel.condition,
    ):
        return replace(parcel, condition=fact.canonical, condition_at=fact.carrier_at)
    return parcel
