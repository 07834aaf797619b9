"""What people and programs of one tenant may read: orders, timelines, outcomes of commands."""

import base64
import binascii
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from events.decoding import convert, from_json
from events.order.state import Order
from projections.claim_rows import ClaimsPage, claim_from
from projections.errors import WaitedTooLong
from projections.inspection_verdicts import DefectAgreement, InspectionsPage, inspection_from
from projections.lineage import LineLineage, lineage_of
from projections.orders import unpack_order
from projections.progress import Progress
from projections.rows import (
    AsOf,
    CatalogueException,
    CatalogueExceptionsPage,
    CommandOutcome,
    ExceptionView,
    HoldView,
    LineView,
    LinkView,
    OrderPage,
    OrderView,
    ParcelView,
    PartitionProgress,
    Timeline,
    TimelineEntry,
)
from projections.sql import QUERIES

PAGE_ORDERS_MAX = 200
PAGE_ENTRIES_MAX = 1_000
END_OF_TIME = 2**62


class BadCursor(ValueError):
    """The cursor is none that a page gave: ask for the first page again."""


class ReadModels:
    """Reads for one tenant at a time: each call names its tenant to row-level security, in one transaction."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[TupleRow]], progress: Progress) -> None:
        self._pool = pool
        self._progress = progress

    async def list_orders(
        self,
        tenant: str,
        *,
        status: str | None = None,
        store: str | None = None,
        external_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> OrderPage:
        """A page of orders, newest first, and how far the read model is. Raises `BadCursor`."""
        limit = max(1, min(limit, PAGE_ORDERS_MAX))
        placed_before, order_id_before = (END_OF_TIME, "") if cursor is None else _place(cursor)
        parameters = {
            "tenant": tenant,
            "status": status,
            "store": store,
            "external_id": external_id,
            "placed_before": placed_before,
            "order_id_before": order_id_before,
            "limit": limit + 1,
        }
        # The progress is read first: what the rows show is at least as new as what it says.
        progress, rows = await self._read(tenant, ("as_of", {"name": "orders"}), ("list_orders", parameters))
        orders = tuple(_order(row) for row in rows[:limit])
        more = len(rows) > limit
        return OrderPage(
            orders=orders,
            next_cursor=_cursor(orders[-1].placed_at, orders[-1].order_id) if more else None,
            as_of=as_of_from("orders", progress),
        )

    async def order(self, tenant: str, order_id: str) -> OrderView | None:
        """One order, or None where the tenant has none of this id (yet)."""
        (rows,) = await self._read(tenant, ("order", {"tenant": tenant, "order_id": order_id}))
        return _order(rows[0]) if rows else None

    async def state(self, tenant: str, order_id: str) -> Order | None:
        """The folded order, or None where the tenant has none of this id (yet)."""
        (rows,) = await self._read(tenant, ("order_state", {"tenant": tenant, "order_id": order_id}))
        return unpack_order(rows[0][0]) if rows else None

    async def lineage(self, tenant: str, order_id: str) -> tuple[LineLineage, ...] | None:
        """Where everything that an order's lines print came from and went, or None where it is not known (yet)."""
        order = await self.state(tenant, order_id)
        return None if order is None else lineage_of(order)

    async def timeline(self, tenant: str, order_id: str, *, after_seq: int = 0, limit: int = 500) -> Timeline:
        """What happened to an order after the fact with number `after_seq`, oldest first."""
        limit = max(1, min(limit, PAGE_ENTRIES_MAX))
        parameters = {"tenant": tenant, "order_id": order_id, "after_seq": after_seq, "limit": limit + 1}
        progress, rows = await self._read(tenant, ("as_of", {"name": "timeline"}), ("timeline", parameters))
        entries = tuple(_entry(row) for row in rows[:limit])
        return Timeline(
            entries=entries,
            next_seq=entries[-1].seq if len(rows) > limit else None,
            as_of=as_of_from("timeline", progress),
        )

    async def outcome(self, tenant: str, command_id: str) -> CommandOutcome | None:
        """What became of a command, or None where it is not decided, or not folded, yet."""
        (rows,) = await self._read(tenant, ("outcome", {"tenant": tenant, "command_id": command_id}))
        return CommandOutcome(**_named(CommandOutcome, rows[0])) if rows else None

    async def wait_for_outcome(self, tenant: str, command_id: str, seconds: float) -> CommandOutcome | None:
        """What became of a command; waits so long for it, None when it is not known by then."""
        try:
            return await self._progress.until(lambda: self.outcome(tenant, command_id), seconds)
        except WaitedTooLong:
            return None

    async def wait_for_status(self, tenant: str, order_id: str, statuses: frozenset[str], seconds: float) -> OrderView:
        """The order once its status is one of these; raises `WaitedTooLong`."""

        async def look() -> OrderView | None:
            order = await self.order(tenant, order_id)
            return order if order is not None and order.status in statuses else None

        return await self._progress.until(look, seconds)

    async def catalogue_exceptions(
        self, tenant: str, *, kind: str | None = None, resolved: bool = False, limit: int = 200
    ) -> CatalogueExceptionsPage:
        """What is wrong with what a tenant sells, and what was where `resolved`; of one kind where it is given."""
        limit = max(1, min(limit, PAGE_ENTRIES_MAX))
        parameters = {"tenant": tenant, "kind": kind, "resolved": resolved, "limit": limit + 1}
        progress, rows = await self._read(
            tenant, ("as_of", {"name": "catalogue_exceptions"}), ("catalogue_exceptions", parameters)
        )
        return CatalogueExceptionsPage(
            exceptions=tuple(convert(_named(CatalogueException, row), CatalogueException) for row in rows[:limit]),
            more=len(rows) > limit,
            as_of=as_of_from("catalogue_exceptions", progress),
        )

    async def inspection_agreement(self, tenant: str, from_ms: int) -> tuple[DefectAgreement, ...]:
        """How the automatic rules and people agree since a time, on any defect and on each that was named."""
        (rows,) = await self._read(tenant, ("inspection_agreement", {"tenant": tenant, "from_ms": from_ms}))
        return tuple(
            DefectAgreement(code=code, hits=hits, false_alarms=alarms, misses=misses, agreed_good=good)
            for code, hits, alarms, misses, good in rows
        )

    async def inspections(self, tenant: str, order_id: str, *, limit: int = 1_000) -> InspectionsPage:
        """Compared photographs of an order's printed units, by line, run and place."""
        limit = max(1, min(limit, PAGE_ENTRIES_MAX))
        parameters = {"tenant": tenant, "order_id": order_id, "limit": limit + 1}
        progress, rows = await self._read(
            tenant, ("as_of", {"name": "inspection_verdicts"}), ("inspections", parameters)
        )
        return InspectionsPage(
            inspections=tuple(map(inspection_from, rows[:limit])),
            more=len(rows) > limit,
            as_of=as_of_from("inspection_verdicts", progress),
        )

    async def claims(
        self, tenant: str, *, order_id: str | None = None, stage: str | None = None, limit: int = 200
    ) -> ClaimsPage:
        """Returns and complaints of a tenant, of one order or in one stage where they are given; the oldest first."""
        limit = max(1, min(limit, PAGE_ENTRIES_MAX))
        parameters = {"tenant": tenant, "order_id": order_id, "stage": stage, "limit": limit + 1}
        progress, rows = await self._read(tenant, ("as_of", {"name": "claims"}), ("claims", parameters))
        return ClaimsPage(
            claims=tuple(map(claim_from, rows[:limit])), more=len(rows) > limit, as_of=as_of_from("claims", progress)
        )

    async def as_of(self, read_model: str) -> AsOf:
        """How far a read model is."""
        (rows,) = await self._read("", ("as_of", {"name": read_model}))
        return as_of_from(read_model, rows)

    async def _read(self, tenant: str, *queries: tuple[str, dict[str, Any]]) -> list[list[TupleRow]]:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["name_tenant"], {"tenant": tenant})
            answers = []
            for name, parameters in queries:
                cursor = await connection.execute(QUERIES[name], parameters)
                answers.append(await cursor.fetchall())
            return answers


def as_of_from(read_model: str, rows: list[TupleRow]) -> AsOf:
    """The progress of a read model from the rows of the query `as_of`."""
    partitions = tuple(
        PartitionProgress(
            topic=topic,
            partition=partition,
            next_offset=next_offset,
            position=position,
            recorded_at=recorded_at,
            caught_up_at=caught_up_at,
        )
        for _, topic, partition, next_offset, position, recorded_at, caught_up_at in rows
    )
    return AsOf(
        read_model=read_model,
        version=rows[0][0] if rows else 0,
        recorded_at=max((part.recorded_at for part in partitions), default=0),
        complete_until=min((part.caught_up_at for part in partitions), default=0),
        partitions=partitions,
    )


def _order(row: TupleRow) -> OrderView:
    named = _named(OrderView, row)
    for field, declared in (
        ("lines", tuple[LineView, ...]),
        ("parcels", tuple[ParcelView, ...]),
        ("holds", tuple[HoldView, ...]),
        ("exceptions", tuple[ExceptionView, ...]),
    ):
        named[field] = convert(named[field], declared)
    return OrderView(**named)


def _entry(row: TupleRow) -> TimelineEntry:
    named = _named(TimelineEntry, row)
    named["links"] = convert(named["links"], tuple[LinkView, ...])
    return TimelineEntry(**named)


def _named(declared: type[msgspec.Struct], row: TupleRow) -> dict[str, Any]:
    """A row by the names of a struct's fields; queries give the columns in the order of the fields."""
    return dict(zip(declared.__struct_fields__, row, strict=True))


def _cursor(placed_at: int, order_id: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((placed_at, order_id))).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place: tuple[int, str] = from_json(base64.urlsafe_b64decode(padded), tuple[int, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadCursor(BadCursor.__doc__) from error
    placed_before, order_id = place
    if not 0 <= placed_before <= END_OF_TIME or not order_id.isprintable():
        raise BadCursor(BadCursor.__doc__)
    return place
