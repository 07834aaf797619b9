"""Printify's webhooks and orders in our words: pure, so that stored bodies can be translated again by a mended map."""

from typing import Final

from processors.clock import millis
from processors.partners import printify_wire as wire
from processors.partners.common import millis_or_zero, within_its_second
from processors.partners.protocol import (
    CANONICAL_CONDITIONS,
    CANONICAL_STAGES,
    JobSnapshot,
    PartnerReport,
    StatusMap,
    WebhookUnreadable,
)
from processors.webhooks import read_body

#: Events that say by themselves how far the order is.
SENT: Final = "order:sent-to-production"
SHIPPED: Final = "order:shipment:created"
UPDATED: Final = "order:updated"

#: Order statuses of the documentation's table and of the vendor's OpenAPI text, line statuses that integrators saw on
#: orders, and two events. An order that is sent but was not received by the print provider is queued; what waits for
#: somebody is on hold, because Printify may still make it; only what it says it cannot make has failed.
#: `partially-fulfilled` and a parcel mean that some pieces are on their way and others may follow.
STATUS_MAP: Final = StatusMap(
    "printify/v1/map-2",
    {
        "pending": "queued",
        "cost-calculation": "queued",
        "sending-to-production": "queued",
        "sending_to_production_delegate": "queued",
        "sending_to_production_delegate_sync": "queued",
        "checking-quality": "queued",
        "quality-approved": "queued",
        "ready-for-production": "queued",
        "callback-received": "queued",
        SENT: "queued",
        "in-production": "printing",
        "partially-fulfilled": "finishing",
        SHIPPED: "finishing",
        "fulfilled": "handed_over",
        "on-hold": "on_hold",
        "payment-not-received": "on_hold",
        "had-issues": "on_hold",
        "has-issues": "on_hold",
        "quality-declined": "on_hold",
        "source-check-failed": "on_hold",
        "unfulfillable": "failed",
        "canceled": "cancelled",
    },
)

#: Statuses in which an order stands before it is sent to production; it may come back to `on-hold` later.
UNSENT: Final = frozenset({"pending", "cost-calculation", "on-hold"})

#: Conditions have no time of their own in an order; they are dated by the hour in which they were seen.
HOUR_MS: Final = 3_600_000


def reports(body: bytes) -> tuple[PartnerReport, ...]:
    """What an event says of an order, whose effect key it does not name; nothing for what is no order's news."""
    event = read_body(body, wire.Event)
    try:
        occurred_at = millis(event.created_at)
    except (ValueError, OverflowError) as error:
        raise WebhookUnreadable(str(error)) from error
    data = event.resource.data or wire.EventData()
    raw = data.status if event.type == UPDATED else event.type
    # Others are our own doing (`order:created`), or happen on the way to our own receiving address.
    if event.resource.type != "order" or event.type not in (UPDATED, SENT, SHIPPED) or not raw:
        return ()
    canonical = STATUS_MAP.canonical(raw)
    # What was handed over was printed before, and Printify does not say so by itself.
    said = ("printed", canonical) if canonical == "handed_over" else (canonical,)
    return tuple(
        PartnerReport(
            effect_key="",
            partner_reference=str(event.resource.id),
            raw_status=raw,
            canonical=word,
            rank=CANONICAL_STAGES.get(word or "", 0),
            partner_timestamp_at=within_its_second(word, occurred_at),
            partner_event_id=f"{event.id}/{word}" if len(said) > 1 else event.id,
            detail=_detail(raw, word, data),
            provenance=STATUS_MAP.provenance,
        )
        for word in said
    )


def _detail(raw: str, word: str | None, data: wire.EventData) -> str:
    if raw == SHIPPED:
        return f"a parcel left: {data.carrier.code} {data.carrier.tracking_number}".strip()
    return f"Printify says {raw}" if word in CANONICAL_CONDITIONS else ""


def is_unsent(order: wire.Order) -> bool:
    """Whether nothing shows that the order was ever sent to production."""
    sent = order.sent_to_production_at or any(item.sent_to_production_at for item in order.line_items)
    return order.status in UNSENT and not sent


def snapshot(effect_key: str, order: wire.Order, seen_at: int) -> JobSnapshot:
    """What an order says; `seen_at` is the time of Printify's answer, epoch milliseconds."""
    canonical = STATUS_MAP.canonical(order.status)
    steps = (order.created_at, order.sent_to_production_at, order.fulfilled_at)
    changed_at = max(millis_or_zero(moment) for moment in steps)
    if canonical in CANONICAL_CONDITIONS:
        changed_at = within_its_second(canonical, max(changed_at, seen_at - seen_at % HOUR_MS))
    return JobSnapshot(
        effect_key=effect_key,
        partner_reference=order.id,
        raw_status=order.status,
        canonical=canonical,
        rank=STATUS_MAP.rank(order.status),
        accepted_at=millis_or_zero(order.sent_to_production_at or order.created_at),
        updated_at=changed_at,
        units=(),
        quantity=sum(item.quantity for item in order.line_items),
        provenance=STATUS_MAP.provenance,
    )
