"""The order's status, derived from its lines; and the snapshot that downstream systems read.

Statuses: received, on_hold, awaiting_approval, ready, in_production, partially_shipped, shipped, partially_delivered,
delivered, returned, cancelled, exception.
"""

from events.documents import LineStatus, OrderStatus, ParcelStatus
from events.order.state import Line, Order

ORDER_STATUSES = (
    "received",
    "on_hold",
    "awaiting_approval",
    "ready",
    "in_production",
    "partially_shipped",
    "shipped",
    "partially_delivered",
    "delivered",
    "returned",
    "cancelled",
    "exception",
)

ORDER_ENDED = frozenset({"delivered", "returned", "cancelled"})
"""Statuses in which nothing of an order is under way."""

SHIPPED = frozenset({"dispatched", "delivered", "returned"})
DELIVERED = frozenset({"delivered", "returned"})
MANY = 50
"""With so many lines of a thousand units each, all in each of so many parcels, a snapshot has half a megabyte."""

MUCH_TEXT = 200_000
"""So many characters have 0.8 megabytes at most: together with the half megabyte above far from a record's limit."""

MADE = frozenset({"accepted", "printed", "inspecting", "passed", "failed"})


def order_status(order: Order) -> str:
    """One of `ORDER_STATUSES`."""
    if order.cancelled or (order.cancellation_asked and not order.placed):
        return "cancelled"
    live = [line for line in order.lines.values() if line.live_units]
    units = sum(len(line.live_units) for line in live)
    sent = _units_sent(order).values() if order.parcels else ()
    shipped, delivered = len(sent), sum(stage in DELIVERED for stage in sent)
    if units and delivered == units:
        return "returned" if all(stage == "returned" for stage in sent) else "delivered"
    if any(opened.blocking for opened in order.exceptions.values()):
        return "exception"
    if order.holds:
        return "on_hold"
    if delivered:
        return "partially_delivered"
    if shipped:
        return "shipped" if shipped == units else "partially_shipped"
    if any(run.stage in MADE for line in live for run in line.runs):
        return "in_production"
    if any(line.stage in {"awaiting_approval", "changes_requested"} for line in live):
        return "awaiting_approval"
    if live and all(line.stage == "approved" for line in live):
        return "ready"
    return "received"


def _units_sent(order: Order) -> dict[tuple[str, int], str]:
    """The stage of the newest parcel that left, for each live unit; one that was sent again counts once."""
    found: dict[tuple[str, int], str] = {}
    for parcel in order.parcels.values():
        if parcel.stage in SHIPPED:
            for line_id, units in parcel.contents.items():
                live = order.lines[line_id].live_units
                found.update({(line_id, unit): parcel.stage for unit in units if unit in live})
    return found


def line_status(order: Order, line: Line) -> str:
    """How far a line is: its own stage until it is approved, then its slowest print run or parcel."""
    if line.stage == "cancelled" or not line.live_units:
        return "cancelled"
    if order.held_by("sku_unmapped", line.line_id):
        return "unmapped"
    if line.stage != "approved":
        return line.stage
    going_on = (run for run in line.runs if run.stage not in {"cancelled", "given_up"})
    newest = {unit: run for run in going_on for unit in run.units if unit not in line.cancelled_units}
    stages = []
    for run in newest.values():
        parcel = order.parcels.get(run.parcel_id)
        stages.append(parcel.stage if parcel else run.stage)
    return min(stages, key=_progress) if stages else "approved"


_PROGRESS = (
    "routing",
    "unroutable",
    "failed",
    "routed",
    "submitting",
    "waiting",
    "accepted",
    "printed",
    "inspecting",
    "passed",
    "withdrawn",
    "labelling",
    "label_failed",
    "labelled",
    "dispatched",
    "delivered",
    "returned",
)


def _progress(stage: str) -> int:
    return _PROGRESS.index(stage)


def may_be_large(order: Order) -> bool:
    """Whether the snapshot may come near a record's limit; most orders are far from it, and are not measured."""
    if max(len(order.lines), len(order.parcels), len(order.exceptions)) > MANY:
        return True
    characters = len(order.store) + len(order.external_id) + len(order.order_number)
    for line in order.lines.values():
        # The line's id stands in the contents of parcels too.
        characters += len(line.sku) + len(line.line_id) * (1 + len(order.parcels))
    for parcel in order.parcels.values():
        characters += len(parcel.parcel_id) + len(parcel.tracking_number) + len(parcel.tracking_url)
    for exception_id in order.exceptions:
        characters += len(exception_id)
    return characters > MUCH_TEXT


def status_of(order: Order, key: str, tenant: str, seq: int, at: int) -> OrderStatus:
    """The full snapshot for the status topic. `seq` is the last fact it has seen, `at` epoch milliseconds."""
    return OrderStatus(
        order_id=key,
        tenant=tenant,
        store=order.store,
        external_id=order.external_id,
        order_number=order.order_number,
        status=order_status(order),
        lines=tuple(
            LineStatus(
                line_id=line.line_id,
                sku=line.sku,
                quantity=line.quantity,
                status=line_status(order, line),
                cancelled_units=line.cancelled_units,
            )
            for line in order.lines.values()
        ),
        parcels=tuple(
            ParcelStatus(
                parcel_id=parcel.parcel_id,
                status=parcel.stage,
                carrier=parcel.carrier,
                tracking_number=parcel.tracking_number,
                tracking_url=parcel.tracking_url,
                contents={line_id: len(units) for line_id, units in parcel.contents.items()},
            )
            for parcel in order.parcels.values()
        ),
        holds=tuple(held.reason for held in order.holds),
        exceptions=tuple(order.exceptions),
        seq=seq,
        updated_at=at,
    )
