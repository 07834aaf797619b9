"""Orders and timelines as tables for the terminal."""

from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from projections.rows import AsOf, OrderPage, OrderView, Timeline

STEPS = ("received", "ready", "in_production", "shipped", "delivered")
COLOURS = {
    "delivered": "green",
    "cancelled": "magenta",
    "on_hold": "yellow",
    "awaiting_approval": "yellow",
    "exception": "red",
    "sent": "dim",
}


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(status.replace("_", " "), style=COLOURS.get(status, "cyan"))


def progress_text(status: str) -> Text:
    """How far along the road to the door an order is, as a bar of five steps."""
    reached = {"partially_shipped": 3, "partially_delivered": 4, "sent": 0, "on_hold": 1, "exception": 1}.get(status)
    if reached is None:
        reached = STEPS.index(status) + 1 if status in STEPS else len(STEPS)
    colour = COLOURS.get(status, "cyan")
    return Text("●" * reached, style=colour) + Text("○" * (len(STEPS) - reached), style="dim")


def clock(milliseconds: int) -> str:
    """A time in UTC to the millisecond; a dash where there is none."""
    if not milliseconds:
        return "–"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def as_of_line(as_of: AsOf) -> Text:
    """The moment that a page speaks of."""
    return Text(f"as of {clock(as_of.complete_until)} UTC", style="dim")


def orders_page(page: OrderPage) -> RenderableType:
    """A page of orders: two lines each, so that an id is never cut and 80 columns are enough."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("order", "status", "lines", "parcels"):
        table.add_column(heading, no_wrap=heading != "order", justify="right" if heading in _COUNTS else "left")
    for order in page.orders:
        table.add_row(
            Text(f"{order.order_id}\n")
            + Text(f"{order.order_number} of {order.store}, {clock(order.placed_at)[:19]}", "dim"),
            Text.assemble(status_text(order.status), "\n", progress_text(order.status)),
            str(len(order.lines)),
            str(len(order.parcels)),
        )
    return Group(table, as_of_line(page.as_of))


_COUNTS = frozenset({"lines", "parcels"})


def order_page(order: OrderView) -> RenderableType:
    """One order with lines, runs, parcels, holds and exceptions."""
    lines = Table(box=box.SIMPLE_HEAD)
    for name in ("line", "SKU", "title", "units", "status", "made by"):
        lines.add_column(name)
    for line in order.lines:
        runs = ", ".join(f"{run.partner_id or '?'} ({run.reason}: {run.stage})" for run in line.runs)
        units = str(line.quantity - len(line.cancelled_units))
        lines.add_row(line.line_id, line.sku, line.title, units, status_text(line.status), runs)
    heading = Text.assemble((order.order_number, "bold"), "  ", status_text(order.status), f"  {order.order_id}")
    parts: list[RenderableType] = [heading, lines]
    if order.parcels:
        parcels = Table(box=box.SIMPLE_HEAD)
        for name in ("parcel", "status", "carrier", "tracking number", "contents"):
            parcels.add_column(name)
        for parcel in order.parcels:
            contents = ", ".join(f"{len(units)} × line {line_id}" for line_id, units in parcel.contents.items())
            parcels.add_row(
                parcel.parcel_id, status_text(parcel.status), parcel.carrier, parcel.tracking_number, contents
            )
        parts.append(parcels)
    parts += [Text(f"held: {hold.reason} {hold.line_id}".rstrip(), style="yellow") for hold in order.holds]
    parts += [Text(f"exception: {raised.exception_id}", style="red") for raised in order.exceptions]
    return Group(*parts)


def timeline_page(timeline: Timeline) -> RenderableType:
    """Everything that happened to an order."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("#", "when (UTC)", "who", "what", "detail"):
        table.add_column(heading, justify="right" if heading == "#" else "left", no_wrap=heading == "when (UTC)")
    for entry in timeline.entries:
        files = "".join(f"\n{link.label}: {link.key}" for link in entry.links)
        table.add_row(str(entry.seq), clock(entry.recorded_at), entry.actor, entry.title, f"{entry.detail}{files}")
    return Group(table, as_of_line(timeline.as_of))
