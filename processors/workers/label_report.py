"""A label that was bought, as the order is told of it: its file kept sealed, once, under its effect key."""

from __future__ import annotations

from events.order.commands import ReportLabelPurchased
from processors.carriers.protocol import LabelBought
from processors.workers.files import NewFile, OrderFiles

ENDINGS = {"image/png": "png", "application/pdf": "pdf"}


def label_report(
    files: OrderFiles,
    bought: LabelBought,
    *,
    carrier: str,
    tenant: str,
    order_id: str,
    parcel_id: str,
    effect_key: str,
    request_id: str,
) -> ReportLabelPurchased:
    """Store the label and say what was bought. The same key stores the same file. Blocks."""
    key = f"{tenant}/{order_id}/labels/{effect_key}.{ENDINGS.get(bought.label_media_type, 'bin')}"
    file = NewFile(
        content=bought.label_bytes,
        media_type=bought.label_media_type,
        metadata={"carrier": bought.carrier_code, "service": bought.service, "parcel": parcel_id},
    )
    return ReportLabelPurchased(
        request_id=request_id,
        parcel_id=parcel_id,
        carrier=carrier,
        service=f"{bought.carrier_code} {bought.service}",
        tracking_number=bought.tracking_number,
        tracking_url=bought.tracking_url or "",
        cost_minor=bought.cost_minor,
        currency=bought.currency,
        carrier_reference=bought.carrier_reference,
        label=files.store(tenant, order_id, key, effect_key, file),
    )
