"""Printful's webhooks and orders in our words: pure, so that stored bodies can be translated again by a mended map."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from processors.clock import millis
from processors.partners import printful_wire as wire
from processors.partners.common import millis_or_zero, within_its_second
from processors.partners.protocol import CANONICAL_STAGES, JobSnapshot, PartnerReport, StatusMap, WebhookUnreadable
from processors.webhooks import read_body

#: Order statuses of the vendor's OpenAPI text. `draft` is missing: it is ours, before anything was submitted.
#: `partial` means that some items are shipped and the rest will follow, so the run as a whole is being finished.
STATUS_MAP: Final = StatusMap(
    "printful/v2-beta/map-2",
    {
        "inreview": "queued",
        "pending": "queued",
        "inprocess": "printing",
        "partial": "finishing",
        "fulfilled": "handed_over",
        "onhold": "on_hold",
        "failed": "failed",
        "canceled": "cancelled",
    },
)

#: Shipment events that are a condition of the run, whatever the order's status says.
SHIPMENT_CONDITIONS: Final[Mapping[str, str]] = {
    "shipment_put_hold": "on_hold",
    "shipment_put_hold_approval": "on_hold",
    "shipment_out_of_stock": "on_hold",
    "shipment_canceled": "failed",
    "shipment_returned": "failed",
}

#: Events of the way to our own receiving address; they say nothing of the press.
SILENT_EVENTS: Final = frozenset({"shipment_delivered"})

#: The event that lists variants; what it says is asked for, not read.
STOCK_EVENT: Final = "catalog_stock_updated"

#: A draft is our own doing, before anything was submitted.
DRAFT: Final = "draft"


def reports(body: bytes) -> tuple[PartnerReport, ...]:
    """What an event says of a run; nothing for drafts and for events that are about no order of ours."""
    event = read_body(body, wire.Event)
    try:
        occurred_at = millis(event.occurred_at)
    except (ValueError, OverflowError) as error:
        raise WebhookUnreadable(str(error)) from error
    if not isinstance(event.data, wire.WebhookData):
        if event.type != STOCK_EVENT:
            raise WebhookUnreadable(f"{event.type[:64]} has a list where it has an object")
        return ()
    order = event.data.order
    if order is None or order.external_id is None or order.status == DRAFT or event.type in SILENT_EVENTS:
        return ()
    raw, canonical = order.status, STATUS_MAP.canonical(order.status)
    if event.type in SHIPMENT_CONDITIONS:
        raw, canonical = event.type, SHIPMENT_CONDITIONS[event.type]
    # What was handed over was printed before, and Printful does not say so by itself.
    said = ("printed", "handed_over") if canonical == "handed_over" else (canonical,)
    return tuple(
        PartnerReport(
            effect_key=order.external_id,
            raw_status=raw,
            canonical=word,
            rank=CANONICAL_STAGES.get(word or "", 0),
            partner_timestamp_at=within_its_second(word, occurred_at),
            partner_event_id=_event_id(event, event.data.shipment, order, word),
            detail=event.data.reason or "",
            provenance=STATUS_MAP.provenance,
        )
        for word in said
    )


def snapshot(effect_key: str, order: wire.Order) -> JobSnapshot:
    """What an order says."""
    canonical = STATUS_MAP.canonical(order.status)
    return JobSnapshot(
        effect_key=effect_key,
        partner_reference=str(order.id),
        raw_status=order.status,
        canonical=canonical,
        rank=STATUS_MAP.rank(order.status),
        accepted_at=millis_or_zero(order.created_at),
        updated_at=within_its_second(canonical, millis_or_zero(order.updated_at)),
        units=(),
        quantity=sum(item.quantity for item in order.order_items),
        provenance=STATUS_MAP.provenance,
    )


def _event_id(
    event: wire.Event, shipment: wire.WebhookShipment | None, order: wire.WebhookOrder, word: str | None
) -> str:
    """All that stays the same when the event is sent again, and nothing that changes (`retries`)."""
    parts = (event.type, event.occurred_at, order.id, order.status, shipment.id if shipment else None, word)
    return "pf_" + hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
