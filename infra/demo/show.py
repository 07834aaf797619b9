"""The demonstration's picture in the terminal: a live table of orders, then a summary that can be read at leisure."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.demo.scenes import SCENES
from infra.demo.theatre import SceneResult, Ticket
from infra.pages import COLOURS, progress_text, status_text


def live_view(tickets: Sequence[Ticket], results: Sequence[SceneResult], now: float) -> RenderableType:
    """The table of orders while the scenes play; `now` is on the clock of `Ticket.sent_at`."""
    table = Table(box=box.SIMPLE_HEAD, expand=False)
    for heading in ("order", "scene", "road", "way", "status", "parcels", "s"):
        table.add_column(heading, justify="right" if heading == "s" else "left", no_wrap=heading != "scene")
    for ticket in tickets:
        done = ticket.status in ("delivered", "cancelled", "returned")
        seconds = ticket.statuses[-1][1] if done else now - ticket.sent_at
        table.add_row(
            ticket.order_number,
            ticket.scene,
            ticket.road,
            progress_text(ticket.status),
            status_text(ticket.status),
            str(len(ticket.parcels) or ""),
            f"{seconds:.1f}",
        )
    ended = Text(f"{len(results)} of {len(SCENES)} scenes ended", style="dim")
    return Group(table, ended)


def summary(console: Console, tickets: Sequence[Ticket], results: Sequence[SceneResult]) -> None:
    """Each order's way, where its pictures are, how long it took; then each scene and whether it ended as it should."""
    for ticket in tickets:
        way = " → ".join(f"{status} {seconds:.1f}s" for status, seconds in ticket.statuses)
        body = Text(way)
        for parcel in ticket.parcels:
            body.append(f"\nparcel {parcel}", style="cyan")
        for claim in ticket.claims:
            body.append(f"\nclaim {claim}", style="yellow")
        for picture in ticket.pictures:
            body.append(f"\n{picture}", style=f"dim link file://{picture}")
        title = f"{ticket.order_number} · {ticket.road} · {ticket.order_id}"
        console.print(Panel(body, title=title, title_align="left", border_style=COLOURS.get(ticket.status, "cyan")))
    table = Table(box=box.SIMPLE_HEAD, title="Scenes")
    for heading in ("scene", "seconds", "ended as it should"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for result in results:
        verdict = Text("yes", style="green") if not result.problem else Text(result.problem, style="red")
        table.add_row(result.title, f"{result.seconds:.1f}", verdict)
    console.print(table)
