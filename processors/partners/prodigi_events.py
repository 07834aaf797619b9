"""Prodigi's callbacks and orders in our words: pure, so that stored bodies can be translated again by a mended map."""

from typing import Final

from processors.clock import millis
from processors.inbound.reading import InputNotUsable, minor_units
from processors.partners import prodigi_wire as wire
from processors.partners.common import millis_or_zero
from processors.partners.protocol import (
    CANONICAL_CONDITIONS,
    CANONICAL_STAGES,
    JobSnapshot,
    PartnerReport,
    StatusMap,
    WebhookUnreadable,
)
from processors.webhooks import read_body

#: Of what a callback's `type` begins with we hear about orders.
ORDER_EVENTS: Final = "com.prodigi.order."
#: An order in the account's pause window: Prodigi has it, and shows no more than its id.
PAUSED: Final = "onHold"
IN_PROGRESS: Final = "InProgress"

#: Steps in the order of the reference, the last first: the furthest that was begun says how far the order is.
STEPS: Final = ("shipping", "inProduction", "printReadyAssetsPrepared", "allocateProductionLocation", "downloadAssets")

#: Stages of the reference's table and of its filter, each of its steps with each of its values, and the issues that
#: keep an order waiting. `inProduction` begins when the labs have the order. An order that waits is on hold, because
#: Prodigi may still make it; one that no lab takes, or that a lab could not make, has failed.
STATUS_MAP: Final = StatusMap(
    "prodigi/v4.0/map-1",
    {
        PAUSED: "queued",
        "Draft": "queued",
        "AwaitingPayment": "on_hold",
        IN_PROGRESS: "queued",
        "Complete": "handed_over",
        "Cancelled": "cancelled",
        "downloadAssets/InProgress": "queued",
        "downloadAssets/Complete": "queued",
        "downloadAssets/Error": "on_hold",
        "allocateProductionLocation/InProgress": "queued",
        "allocateProductionLocation/Complete": "queued",
        "allocateProductionLocation/Error": "failed",
        "printReadyAssetsPrepared/InProgress": "queued",
        "printReadyAssetsPrepared/Complete": "queued",
        "printReadyAssetsPrepared/Error": "on_hold",
        "inProduction/InProgress": "printing",
        "inProduction/Complete": "printed",
        "inProduction/Error": "failed",
        "shipping/InProgress": "finishing",
        "shipping/Complete": "handed_over",
        "shipping/Error": "on_hold",
        "FailedToDownloaded": "on_hold",
        "ItemUnavailable": "on_hold",
        "RequiresPaymentAuthorisation": "on_hold",
    },
)

#: Kinds of issues that Prodigi goes on in spite of: it tries a download ten times.
WARNINGS: Final = frozenset({"NotDownloaded", "UsSalesTaxWarning"})


def word_of(status: wire.Status) -> str:
    """One word for a status: the stage, the issue that keeps the order waiting, or the furthest step with its value."""
    if status.stage != IN_PROGRESS:
        return status.stage
    kinds = [issue.error_code.rpartition(".")[2] for issue in status.issues]
    waiting = next((kind for kind in kinds if kind and kind not in WARNINGS), None)
    details = status.details
    values = (
        details.shipping,
        details.in_production,
        details.print_ready_assets_prepared,
        details.allocate_production_location,
        details.download_assets,
    )
    # The reference's examples write `Completed` as often as `Complete`.
    steps = [(step, value.replace("Completed", "Complete")) for step, value in zip(STEPS, values, strict=True)]
    failed = next((f"{step}/Error" for step, value in steps if value == "Error"), None)
    begun = next((f"{step}/{value}" for step, value in steps if value not in ("", "NotStarted")), IN_PROGRESS)
    return failed or waiting or begun


def reports(body: bytes) -> tuple[PartnerReport, ...]:
    """What a callback says of a run: a hint, because nobody signed it."""
    event = read_body(body, wire.Event)
    try:
        occurred_at = millis(event.time)
    except (ValueError, OverflowError) as error:
        raise WebhookUnreadable(str(error)) from error
    about = event.data.order or event.data
    if not event.type.startswith(ORDER_EVENTS) or about.status is None or not about.merchant_reference:
        return ()
    raw = word_of(about.status)
    canonical = STATUS_MAP.canonical(raw)
    # What was handed over was printed before, and Prodigi does not say so by itself.
    said = ("printed", canonical) if canonical == "handed_over" else (canonical,)
    return tuple(
        PartnerReport(
            effect_key=about.merchant_reference,
            partner_reference=about.id,
            raw_status=raw,
            canonical=word,
            rank=CANONICAL_STAGES.get(word or "", 0),
            partner_timestamp_at=occurred_at,
            partner_event_id=f"{event.id}/{word}" if len(said) > 1 else event.id,
            detail=_detail(raw, about.status) if word is None or word in CANONICAL_CONDITIONS else "",
            provenance=STATUS_MAP.provenance,
        )
        for word in said
    )


def _detail(raw: str, status: wire.Status) -> str:
    said = "; ".join(issue.description or issue.error_code for issue in status.issues)
    return said[:1000] or f"Prodigi says {raw}"


def snapshot(effect_key: str, order: wire.Order) -> JobSnapshot:
    """What an order says; one without a status is paused."""
    raw = PAUSED if order.status is None else word_of(order.status)
    canonical = STATUS_MAP.canonical(raw)
    is_worth_words = order.status is not None and (canonical is None or canonical in CANONICAL_CONDITIONS)
    return JobSnapshot(
        effect_key=effect_key,
        partner_reference=order.id,
        raw_status=raw,
        canonical=canonical,
        rank=STATUS_MAP.rank(raw),
        accepted_at=millis_or_zero(order.created),
        updated_at=millis_or_zero(order.last_updated),
        units=(),
        quantity=sum(item.copies for item in order.items),
        detail=_detail(raw, order.status) if is_worth_words and order.status is not None else "",
        provenance=STATUS_MAP.provenance,
    )


def cost_of(order: wire.Order) -> tuple[int, str] | None:
    """What Prodigi charged so far, in minor units, and the currency; None when it does not say or cannot be read."""
    try:
        costs = [
            (minor_units(charge.total_cost.amount, charge.total_cost.currency), charge.total_cost.currency)
            for charge in order.charges
        ]
    except InputNotUsable:
        return None
    currencies = {currency for _, currency in costs}
    return (sum(minor for minor, _ in costs), currencies.pop()) if len(currencies) == 1 else None
