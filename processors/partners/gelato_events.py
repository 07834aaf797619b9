"""Gelato's webhooks and orders in our words: pure, so that stored bodies can be translated again by a mended map."""

from collections.abc import Sequence
from typing import Final

import msgspec

from processors.partners import gelato_wire as wire
from processors.partners.common import millis_or_zero, within_its_second
from processors.partners.protocol import (
    CANONICAL_CONDITIONS,
    CANONICAL_STAGES,
    JobSnapshot,
    PartnerReport,
    StatusMap,
)
from processors.partners.vouching import borne_out
from processors.webhooks import read_body

#: A draft is our own doing, before anything was submitted.
DRAFT: Final = "draft"

#: Fulfilment statuses of the vendor's documentation of orders. `draft` is missing: it is ours.
#: Gelato sends to our own receiving address, so what happens on the way there says no more than "handed over".
STATUS_MAP: Final = StatusMap(
    "gelato/v4/map-1",
    {
        "created": "queued",
        "uploading": "queued",
        "passed": "queued",
        "digitizing": "queued",
        "in_production": "printing",
        "printed": "printed",
        "shipped": "handed_over",
        "in_transit": "handed_over",
        "delivered": "handed_over",
        "pending_approval": "on_hold",
        "pending_personalization": "on_hold",
        "not_connected": "on_hold",
        "on_hold": "on_hold",
        "failed": "failed",
        "returned": "failed",
        "canceled": "cancelled",
    },
)

#: What several orders of one submission say together when one of them is ahead of another.
PARTLY: Final = "finishing"

#: Conditions of which the first that any part has is the whole's.
_GRAVEST_FIRST: Final = ("failed", "cancelled", "on_hold")


def reports(body: bytes) -> tuple[PartnerReport, ...]:
    """What an event says of a run. Gelato's event names no time: whoever asks Gelato back learns one."""
    event = read_body(body, wire.Event)
    is_ours = event.event == "order_status_updated" and event.order_reference_id
    if not is_ours or not event.fulfillment_status or event.fulfillment_status == DRAFT:
        return ()
    canonical = STATUS_MAP.canonical(event.fulfillment_status)
    # What was handed over was printed before, and the event of it may have been lost.
    said = ("printed", canonical) if canonical == "handed_over" else (canonical,)
    return tuple(
        PartnerReport(
            effect_key=event.order_reference_id or "",
            raw_status=event.fulfillment_status,
            canonical=word,
            rank=CANONICAL_STAGES.get(word or "", 0),
            partner_timestamp_at=0,
            partner_event_id=f"{event.id}/{word}" if len(said) > 1 else event.id,
            detail=f"Gelato says {event.fulfillment_status}" if word in CANONICAL_CONDITIONS else "",
            provenance=STATUS_MAP.provenance,
        )
        for word in said
    )


def rank_of(order: wire.Order) -> int:
    """The rank of an order's stage; 0 for a condition and for an unknown word."""
    return STATUS_MAP.rank(order.fulfillment_status)


def snapshot(effect_key: str, parts: Sequence[wire.Order]) -> JobSnapshot:
    """What the orders of one submission say together: the gravest condition, or the stage of the slowest."""
    speaks = min(parts, key=_place)
    canonical = STATUS_MAP.canonical(speaks.fulfillment_status)
    return JobSnapshot(
        effect_key=effect_key,
        partner_reference=parts[0].id,
        raw_status=speaks.fulfillment_status,
        canonical=canonical,
        rank=rank_of(speaks),
        accepted_at=millis_or_zero(parts[0].created_at),
        updated_at=within_its_second(canonical, max(millis_or_zero(part.updated_at) for part in parts)),
        units=(),
        quantity=sum(item.quantity for part in parts for item in part.items),
        provenance=STATUS_MAP.provenance,
    )


def _place(order: wire.Order) -> tuple[int, int]:
    canonical = STATUS_MAP.canonical(order.fulfillment_status)
    if canonical in _GRAVEST_FIRST:
        return _GRAVEST_FIRST.index(canonical), 0
    return len(_GRAVEST_FIRST), rank_of(order)


def judged(report: PartnerReport, parts: Sequence[wire.Order]) -> PartnerReport | None:
    """The report as far as Gelato's own orders bear it out, dated by them; None while they say otherwise."""
    held = snapshot(report.effect_key, parts)
    found = borne_out(report, held)
    is_stage = report.rank > 0 and held.canonical not in CANONICAL_CONDITIONS
    if found is None and is_stage and len(parts) > 1 and any(rank_of(part) >= report.rank for part in parts):
        return msgspec.structs.replace(
            report,
            partner_timestamp_at=held.updated_at,
            canonical=PARTLY,
            rank=CANONICAL_STAGES[PARTLY],
            partner_event_id=f"{report.partner_event_id}/part",
            detail=f"part of what Gelato split is {report.raw_status}",
        )
    return found
