"""Read model `orders`: one row an order, folded by the very `evolve` that the ledger uses; and its held lines."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import msgspec

from events.decoding import msgpack_decoder
from events.order.evolve import evolve
from events.order.facts import (
    ORDER_FACTS,
    CommandIgnored,
    CommandRefused,
    DeadlinePassed,
    DeadlineSet,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    OrderEvent,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
    PersonalDataErased,
)
from events.order.state import Line, Order
from events.order.status import line_status, order_status
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record
from projections.rows import AreaView, ExceptionView, HoldView, LineView, ParcelView, RunView

ORDERS_IN_MEMORY_MAX = 20_000
"""States kept between batches: about 6 kB each, so 120 MB. An order that is not here is read back from its row."""

_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
unpack_order = msgpack_decoder(Order)
"""The folded order from the bytes of the column `state`."""


class _Folded(msgspec.Struct):
    """An order in memory, as of the last committed batch."""

    tenant: str
    state: Order
    held: bool = False
    last: Record | None = None


#: Facts that no field of the row depends on: only that they happened is noted, and their content is not decoded.
#: The state that is kept is therefore less than the ledger's; it serves this read model alone.
NOT_SHOWN: frozenset[str] = type_names(
    (
        CommandIgnored,
        CommandRefused,
        DeadlinePassed,
        DeadlineSet,
        NotificationFailed,
        NotificationRequested,
        NotificationSent,
        PaymentAuthorised,
        PaymentCaptured,
        PaymentRefunded,
        PaymentVoided,
        PersonalDataErased,
    )
)


class Orders:
    """Folds each order's facts and shows what `order_status` makes of them."""

    name = "orders"
    version = 2
    tables = (
        Table(
            name="orders",
            columns=(
                "tenant",
                "order_id",
                "store",
                "external_id",
                "order_number",
                "status",
                "currency",
                "total_minor",
                "lines",
                "parcels",
                "holds",
                "exceptions",
                "placed_at",
                "updated_at",
                "seq",
                "state",
            ),
            key=("order_id",),
        ),
        Table(
            name="held_lines",
            columns=("tenant", "order_id", "line_id", "reason", "store", "sku", "revision"),
            key=("order_id",),
        ),
    )

    def __init__(self, topics: Topics, orders_in_memory_max: int = ORDERS_IN_MEMORY_MAX) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names(ORDER_FACTS)),)
        self._orders: OrderedDict[str, _Folded] = OrderedDict()
        self._orders_in_memory_max = orders_in_memory_max

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The rows of all orders that the batch tells of."""
        self._read_back({record.key for record in records}, stored)
        changed: dict[str, _Folded] = {}
        known, unknown_yet = self._orders, Order()
        for record in records:
            key = record.key
            order = changed.get(key)
            if order is None:
                order = changed[key] = known.get(key) or _Folded(record.tenant, unknown_yet)
            if record.type_name not in NOT_SHOWN:
                order.state = evolve(order.state, cast(OrderEvent, record.content))
            order.last = record
        changes = (
            Change(table="orders", rows=[_row(key, order, order.last) for key, order in changed.items() if order.last]),
            _held_lines(changed),
        )
        self._keep(changed)
        return changes

    def forget(self) -> None:
        """Throw the states away; the next batch reads back what it needs."""
        self._orders.clear()

    def _read_back(self, order_ids: set[str], stored: StoredRows) -> None:
        missing = order_ids - self._orders.keys()
        if missing:
            for order_id, tenant, state in stored.fetch("folded_orders", {"order_ids": sorted(missing)}):
                order = unpack_order(state)
                self._orders[order_id] = _Folded(tenant, order, held=bool(order.holds))

    def _keep(self, changed: dict[str, _Folded]) -> None:
        for order_id, order in changed.items():
            order.last = None
            self._orders[order_id] = order
            self._orders.move_to_end(order_id)
        while len(self._orders) > self._orders_in_memory_max:
            self._orders.popitem(last=False)


def _row(order_id: str, folded: _Folded, last: Record) -> Row:
    order = folded.state
    return (
        folded.tenant,
        order_id,
        order.store,
        order.external_id,
        order.order_number,
        order_status(order),
        order.currency,
        order.total_minor,
        _json([_line_view(order, line) for line in order.lines.values()]).decode(),
        _json(_parcel_views(order)).decode() if order.parcels else "[]",
        _json([HoldView(reason=hold.reason, line_id=hold.line_id) for hold in order.holds]).decode(),
        _json(_exception_views(order)).decode() if order.exceptions else "[]",
        order.placed_at,
        last.recorded_at,
        last.seq,
        _pack(order),
    )


def _held_lines(changed: dict[str, _Folded]) -> Change:
    """The held lines of orders that are held, or were: all of an order's rows are written anew."""
    rows: list[Row] = []
    removals: list[Row] = []
    for order_id, folded in changed.items():
        order = folded.state
        if folded.held:
            removals.append((order_id,))
        folded.held = bool(order.holds)
        if not order.cancelled:
            for hold in order.holds:
                if (line := order.lines.get(hold.line_id)) is not None:
                    row = (folded.tenant, order_id, line.line_id, hold.reason, order.store, line.sku, line.revision)
                    rows.append(row)
    return Change(table="held_lines", rows=rows, removals=removals)


def _line_view(order: Order, line: Line) -> LineView:
    return LineView(
        line_id=line.line_id,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        status=line_status(order, line),
        variant_id=line.artwork.variant_id if line.artwork else "",
        cancelled_units=line.cancelled_units,
        version=line.version,
        findings=line.findings,
        areas=tuple(
            AreaView(
                area=one.area,
                print_key=one.print_file.key,
                proof_key=one.proof.key,
                mockup_key=one.mockup.key if one.mockup else "",
            )
            for one in line.areas
        ),
        runs=tuple(
            RunView(
                run=run.run,
                units=run.units,
                reason=run.reason,
                stage=run.stage,
                partner_id=run.partner_id,
                condition=run.current_condition,
            )
            for run in line.runs
        ),
    )


def _parcel_views(order: Order) -> list[ParcelView]:
    return [
        ParcelView(
            parcel_id=parcel.parcel_id,
            status=parcel.stage,
            partner_id=parcel.partner_id,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            tracking_url=parcel.tracking_url,
            contents=parcel.contents,
        )
        for parcel in order.parcels.values()
    ]


def _exception_views(order: Order) -> list[ExceptionView]:
    return [
        ExceptionView(
            exception_id=opened.exception_id, kind=opened.kind, subject=opened.subject, blocking=opened.blocking
        )
        for opened in order.exceptions.values()
    ]
