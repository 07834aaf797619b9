"""Orders and timelines as tables for the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from projections.lineage import AreaStep, LineLineage, RunStep
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


DIGEST_CHARACTERS = 12
"""Enough of a digest to tell files of one order apart by eye."""


def lineage_page(lines: Sequence[LineLineage]) -> RenderableType:
    """A tree a line: what was given, then the files of each area, then each print run with its parcel."""
    return Group(*(_line_tree(line) for line in lines))


def _line_tree(line: LineLineage) -> Tree:
    tree = Tree(Text(f"line {line.line_id}", style="bold"))
    given = [f"{source.kind}{f' ({source.area})' if source.area else ''}" for source in line.sources]
    tree.add(f"given: {', '.join(given) or 'nothing'}")
    if line.template_id:
        made_by = f"template {line.template_id} v{line.template_version}, renderer {line.renderer_version or '–'}"
        files = tree.add(f"files, version {line.version}: {made_by}")
        for area in line.areas:
            files.add(_area_text(area))
    for run in line.runs:
        tree.add(_run_text(run))
    return tree


def _area_text(area: AreaStep) -> Text:
    inputs = [("original", area.original_digest), ("text", area.text_digest)]
    came_from = " and ".join(f"{name} {_short(digest)}" for name, digest in inputs if digest) or "the template alone"
    return Text.assemble(f"{area.area}: print file ", (_short(area.print_file.sha256), "cyan"), f" from {came_from}")


def _run_text(run: RunStep) -> Text:
    files = ", ".join(map(_short, run.print_digests)) or "files that were replaced since"
    units = f"unit{'s' if len(run.units) > 1 else ''} {', '.join(map(str, run.units))}"
    text = f"run {run.run} ({run.reason}, {units}) at {run.partner_id or '–'}: {files}"
    if run.parcel is not None:
        text += f" → parcel {run.parcel.parcel_id}, {run.parcel.carrier} {run.parcel.tracking_number}".rstrip()
    return Text(text)


def _short(digest: str) -> str:
    return digest[:DIGEST_CHARACTERS]
