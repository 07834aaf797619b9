"""Claims as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.pages import as_of_line, clock, status_text
from projections.claim_rows import ClaimView, FaultView
from projections.rows import AsOf

DAY_CHARACTERS = len("2026-01-01")


def claims_page(claims: Sequence[ClaimView], as_of: AsOf) -> RenderableType:
    """Claims, two lines each, so that an id is never cut and 80 columns are enough.

    `file by` is until when a partner takes the claim.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("order", "claim", "stage", "file by"):
        table.add_column(heading, no_wrap=heading != "order")
    for one in claims:
        told = f"{_day(one.opened_at)} {one.reason}: {_units(one)}{f', {one.wish} wished' if one.wish else ''}"
        table.add_row(
            Text(f"{one.order_id}\n") + Text(told.replace("_", " "), "dim"),
            one.claim_id,
            status_text(one.stage),
            _day(min((fault.file_by for fault in one.faults if fault.file_by), default=0)),
        )
    return Group(table, as_of_line(as_of))


def claim_page(claim: ClaimView, text: str | None, picture_urls: Sequence[str]) -> RenderableType:
    """One claim: what it is about, what became of it, what partners answer for, and what the buyer gave."""
    said = f"{claim.kind} for {claim.reason}{f', wishes {claim.wish}' if claim.wish else ''}"
    heading = Text.assemble((f"{claim.order_id} {claim.claim_id}", "bold"), "  ", status_text(claim.stage))
    items = Table(box=box.SIMPLE_HEAD)
    for name in ("line", "run", "units", "made by", "parcel", "delivered", "price"):
        items.add_column(name)
    for item in claim.items:
        units = ", ".join(map(str, item.units))
        came = (item.partner_id, item.parcel_id, clock(item.delivered_at)[:19], str(item.price_minor))
        items.add_row(item.line_id, str(item.run), units, *came)
    parts: list[RenderableType] = [heading, Text(said.replace("_", " ")), items]
    if claim.why:
        by = f", decided by {claim.decided_by}" if claim.decided_by else ""
        parts.append(Text(f"why: {claim.why}{by}{f', rules {claim.rules_version}' if claim.rules_version else ''}"))
    if claim.amount_minor:
        reference = f", reference {claim.reference}" if claim.reference else ""
        parts.append(Text(f"money: {claim.amount_minor} {claim.currency} in minor units{reference}"))
    parts += [Text(_fault(fault), style="" if fault.in_time else "yellow") for fault in claim.faults]
    parts += [Text(f"text: {text}")] if text else []
    parts += [Text(f"picture: {url}", overflow="fold") for url in picture_urls]
    return Group(*parts)


def _units(claim: ClaimView) -> str:
    """How many units of which lines."""
    count = sum(len(item.units) for item in claim.items)
    return f"{count} unit{'s' if count > 1 else ''} of line {', '.join(sorted({item.line_id for item in claim.items}))}"


def _fault(fault: FaultView) -> str:
    until = f"until {clock(fault.file_by)[:19]}" if fault.file_by else "without a stated time"
    late = "" if fault.in_time else ", which was over when the claim was opened"
    word = f" as {fault.vendor_reason}" if fault.vendor_reason else ""
    return f"{fault.partner_id} answers for line {fault.line_id}, run {fault.run}: file it{word} {until}{late}"


def _day(milliseconds: int) -> str:
    return clock(milliseconds)[:DAY_CHARACTERS]
