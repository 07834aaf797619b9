"""Decisions about parcels: labelled, tracked, delivered, returned."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.commands import ReportLabelFailed, ReportLabelPurchased, ReportTracking
from events.order.decide_claims import return_opened
from events.order.decide_common import only_answer_to, parcel_of, raised, wait_and_retry
from events.order.facts import (
    LabelFailed,
    LabelPurchased,
    OrderEvent,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    TrackingObserved,
)
from events.order.parcels import UNSEEN, WITHDRAWN
from events.order.state import Order, Parcel
from events.order.values import LineUnits

RANK_IN_TRANSIT = 20
RANK_DELIVERED = 40
RANK_RETURNED = 50

WAIT_ASKED_MAX_MS = 3_600_000
"""Goods are packed already: however long a carrier wants to be left alone, it is asked again within an hour."""

ShippingCommand: TypeAlias = ReportLabelPurchased | ReportLabelFailed | ReportTracking


def decide(order: Order, command: ShippingCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about one parcel."""
    parcel = parcel_of(order, command.parcel_id)
    match command:
        case ReportLabelPurchased():
            _expect_label(parcel, command.request_id)
            return (_purchased(parcel, command),)
        case ReportLabelFailed():
            _expect_label(parcel, command.request_id)
            if parcel.stage in {"label_failed", WITHDRAWN}:
                raise Ignored("this failure is known already, or nobody needs the label any more")
            return _label_failed(order, parcel, command, context)
        case ReportTracking():
            return _tracked(order, parcel, command, context)
        case _:
            assert_never(command)


def _expect_label(parcel: Parcel, answered: str) -> None:
    if parcel.labelled:
        raise Ignored("this parcel has its label already")
    only_answer_to(parcel.effect_key, parcel.attempt, answered)


def _contents(parcel: Parcel) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, units=units) for line_id, units in parcel.contents.items())


def _purchased(parcel: Parcel, command: ReportLabelPurchased) -> LabelPurchased:
    return LabelPurchased(
        parcel_id=parcel.parcel_id,
        contents=_contents(parcel),
        carrier=command.carrier,
        service=command.service,
        tracking_number=command.tracking_number,
        tracking_url=command.tracking_url,
        cost_minor=command.cost_minor,
        currency=command.currency,
        carrier_reference=command.carrier_reference,
        label=command.label,
    )


def _label_failed(order: Order, parcel: Parcel, command: ReportLabelFailed, context: Context) -> tuple[OrderEvent, ...]:
    failed = LabelFailed(
        parcel_id=parcel.parcel_id,
        reason=command.reason,
        detail=command.detail,
        retryable=command.retryable,
        carrier=command.carrier,
        suggested=command.suggested,
    )
    if command.retryable and parcel.attempt < order.policy.attempts_max:
        asked_ms = min(command.retry_after_ms, WAIT_ASKED_MAX_MS)
        return (failed, wait_and_retry(order, f"label:{parcel.parcel_id}", parcel.attempt, context, asked_ms=asked_ms))
    advice = "Mend the address or the carrier account, then resolve this exception: the label is bought again."
    if command.suggested is not None:
        advice = f"Accept the address as the carrier writes it, and the label is bought with it. Or: {advice}"
    return (failed, *raised(order, "label_failed", parcel.parcel_id, command.detail or command.reason, advice))


def _tracked(order: Order, parcel: Parcel, command: ReportTracking, context: Context) -> tuple[OrderEvent, ...]:
    if command.rank:
        applied = command.rank > parcel.rank
    else:
        is_trouble = command.canonical not in ("", UNSEEN)
        applied = is_trouble and command.carrier_at > max(parcel.condition_at, parcel.stage_at)
    facts: list[OrderEvent] = [
        TrackingObserved(
            parcel_id=parcel.parcel_id,
            raw=command.raw,
            canonical=command.canonical,
            rank=command.rank,
            carrier_at=command.carrier_at,
            tracking_event_id=command.tracking_event_id,
            applied=applied,
            place=command.place,
            polled=command.polled,
        )
    ]
    if not applied:
        return tuple(facts)
    if parcel.stage == WITHDRAWN:
        return (*facts, *_sent_after_all(order, parcel, command.rank))
    if not command.rank:
        detail = f"The carrier reported {command.raw}."
        advice = "Ask the carrier; tell the buyer what happens next."
        return (*facts, *raised(order, "parcel_in_trouble", parcel.parcel_id, detail, advice, blocking=False))
    contents = _contents(parcel)
    if command.rank >= RANK_IN_TRANSIT and parcel.stage in {"labelling", "labelled", "label_failed"}:
        facts.append(ShipmentDispatched(parcel_id=parcel.parcel_id, contents=contents))
    if command.rank >= RANK_RETURNED:
        if parcel.stage == "returned":
            # Carriers first say that it turns back, then that it is there: it came back once.
            return tuple(facts)
        facts.append(ShipmentReturned(parcel_id=parcel.parcel_id, contents=contents))
        advice = "Ask the buyer for a better address; then decide its return: refund, send it again or keep it."
        detail = "The parcel came back."
        facts += raised(order, "parcel_returned", parcel.parcel_id, detail, advice, blocking=False)
        facts += return_opened(order, parcel, context)
    elif command.rank >= RANK_DELIVERED:
        facts.append(ShipmentDelivered(parcel_id=parcel.parcel_id, contents=contents))
    return tuple(facts)


def _sent_after_all(order: Order, parcel: Parcel, rank: int) -> tuple[OrderEvent, ...]:
    """A parcel that was taken back and is on its way all the same: its goods may reach the buyer twice."""
    if rank < RANK_IN_TRANSIT:
        return ()
    detail = "A parcel that was taken back is on its way."
    advice = "Ask the carrier to bring it back; its label is used, and its goods may be in another parcel too."
    return raised(order, "withdrawn_parcel_sent", parcel.parcel_id, detail, advice, blocking=False)
