"""What an order hears of its print run in a batch: that it waits, goes on, or what became of its units."""

from __future__ import annotations

from events.batches.facts import BatchLine
from events.order.commands import ReportPartnerStatus
from events.order.decide_partner_status import RANK_PRINTED
from events.order.values import Defect, QualityReport
from processors.partners.house_folder import QUEUE, STARTED
from processors.partners.house_shop import STATUS_MAP


def held_report(line_id: str, run: int, raw: str, at: int, event_id: str) -> ReportPartnerStatus:
    """A print run waits at the shop, and a person should know."""
    return ReportPartnerStatus(
        line_id=line_id,
        run=run,
        raw=raw[:200],
        canonical="on_hold",
        rank=0,
        partner_at=at,
        partner_event_id=event_id,
        adapter_version=STATUS_MAP.provenance,
    )


def freed_report(line_id: str, run: int, at: int, event_id: str, *, is_started: bool) -> ReportPartnerStatus:
    """A print run that waited goes on from where it was."""
    raw = STARTED if is_started else QUEUE
    return ReportPartnerStatus(
        line_id=line_id,
        run=run,
        raw=raw,
        canonical=STATUS_MAP.canonical(raw) or "",
        rank=STATUS_MAP.rank(raw),
        partner_at=at,
        partner_event_id=event_id,
        adapter_version=STATUS_MAP.provenance,
    )


def settled_report(
    batch_id: str, line: BatchLine, spoiled: tuple[int, ...], reason: str, at: int
) -> ReportPartnerStatus:
    """Every sheet of a print run is printed or spoiled; its spoiled units are named, with why they are."""
    return ReportPartnerStatus(
        line_id=line.line_id,
        run=line.run,
        raw="sheet_printed",
        canonical="printed",
        rank=RANK_PRINTED,
        partner_at=at,
        partner_event_id=f"{batch_id}:{line.effect_key}",
        quality=QualityReport(
            passed_units=tuple(unit for unit in line.units if unit not in spoiled),
            failed_units=spoiled,
            defects=(Defect(code=reason, description=f"Sheet of batch {batch_id} spoiled."),) if spoiled else (),
        ),
        adapter_version=STATUS_MAP.provenance,
    )
