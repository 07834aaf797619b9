"""Fold facts about parcels that were taken back, and about labels that are given back."""

from typing import TypeAlias, assert_never

from msgspec.structs import replace

from events.order.addresses import readdressed
from events.order.facts.parcels import LabelRefundAnswered, LabelRefundRequested, ParcelWithdrawn
from events.order.parcels import PENDING, UNANSWERED, WITHDRAWN, LabelRefund
from events.order.state import Line, Order, Parcel

ParcelEvent: TypeAlias = ParcelWithdrawn | LabelRefundRequested | LabelRefundAnswered


def evolve_parcels(order: Order, fact: ParcelEvent) -> Order:
    """The order after a parcel was taken back, or something was heard of its label."""
    parcel = order.parcels[fact.parcel_id]
    match fact:
        case ParcelWithdrawn():
            order = _withdrawn(order, fact)
            parcel = replace(parcel, stage=WITHDRAWN, suggestion=None)
        case LabelRefundRequested():
            before = parcel.refund or LabelRefund(effect_key=fact.effect_key)
            parcel = replace(parcel, refund=replace(before, attempt=fact.attempt))
        case LabelRefundAnswered():
            parcel = _answered(parcel, fact)
        case _:
            assert_never(fact)
    return replace(order, parcels={**order.parcels, parcel.parcel_id: parcel})


def _withdrawn(order: Order, fact: ParcelWithdrawn) -> Order:
    """Goods that are sent again wait for a parcel as if they had just passed; the others stay where they were."""
    if not fact.send_again:
        return order
    lines = dict(order.lines)
    for part in fact.contents:
        lines[part.line_id] = _unpacked(lines[part.line_id], fact.parcel_id)
    return readdressed(replace(order, lines=lines), fact)


def _unpacked(line: Line, parcel_id: str) -> Line:
    runs = tuple(replace(run, parcel_id="") if run.parcel_id == parcel_id else run for run in line.runs)
    return replace(line, runs=runs)


def _answered(parcel: Parcel, fact: LabelRefundAnswered) -> Parcel:
    if parcel.refund is None:
        return parcel
    heard = replace(
        parcel.refund,
        state=fact.state,
        heard=parcel.refund.attempt,
        pending=parcel.refund.pending + (fact.state == PENDING),
        unanswered=parcel.refund.unanswered + 1 if fact.state == UNANSWERED else 0,
    )
    return replace(parcel, refund=heard)
