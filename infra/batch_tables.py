"""What the batch desk and operators read of PostgreSQL: waiting print runs, batches, and answers to commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.batches.facts import BatchFile, BatchLine
from events.batches.state import Batch
from events.order.state import Line, Order, Run
from processors.batching.plan import Waiting
from processors.batching.ports import KnownBatch
from processors.clock import now_ms
from projections.batches import unpack_batch
from projections.orders import unpack_order

UM_PER_INCH: Final = 25_400
#: Orders that are looked at in one go, the oldest first; the next look finds the others.
ORDERS_MAX: Final = 2_000
BATCHES_MAX: Final = 500
#: Batches that ended so lately are looked at once more: a crash may have kept their orders from being told.
ENDED_LATELY_MS: Final = 3_600_000

WAITING: LiteralString = (
    "SELECT o.tenant, o.order_id, o.state,"
    " COALESCE((SELECT jsonb_object_agg(d.deadline_key, d.due_at) FROM deadlines AS d WHERE d.order_id = o.order_id"
    " AND d.deadline_key LIKE 'production:%%'), '{}'::jsonb) AS dues,"
    " o.updated_at"
    " FROM orders AS o WHERE o.status IN ('in_production', 'partially_shipped', 'partially_delivered', 'exception')"
    " AND EXISTS (SELECT FROM effects AS e WHERE e.order_id = o.order_id AND e.kind = 'submit' AND e.who = %s)"
    " ORDER BY o.placed_at, o.order_id LIMIT %s"
)
AT_WORK: LiteralString = (
    "SELECT batch_id, state, moved_at FROM batches WHERE partner_id = %s"
    " AND (stage IN ('open', 'closed', 'sent') OR (stage = 'completed' AND updated_at > %s))"
    " ORDER BY opened_at, batch_id LIMIT %s"
)
OUTCOMES: LiteralString = (
    "SELECT c.command_id, c.outcome, c.reason FROM command_outcomes AS c"
    " JOIN unnest(%s::text[], %s::text[]) AS asked(tenant, command_id) USING (tenant, command_id)"
)
NEWEST: LiteralString = "SELECT batch_id, state, moved_at FROM batches ORDER BY opened_at DESC, batch_id LIMIT %s"
ENDED: LiteralString = (
    "SELECT batch_id, updated_at FROM batches WHERE batch_id = ANY(%s) AND stage IN ('completed', 'abandoned')"
)
ONE: LiteralString = "SELECT batch_id, state FROM batches WHERE batch_id = %s"


class BatchTables:
    """Reads with the owner's role: a shop's batches hold lines of all tenants. Every call blocks."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]], clock: Callable[[], int] = now_ms) -> None:
        self._pool = pool
        self._now_ms = clock

    def waiting(self, partner_id: str) -> Sequence[Waiting]:
        """Print runs that the shop has accepted, that nobody has started, and whose order nothing holds."""
        with self._pool.connection() as connection:
            rows = connection.execute(WAITING, (partner_id, ORDERS_MAX)).fetchall()
        return [
            one
            for tenant, order_id, state, dues, updated_at in rows
            for one in waiting_runs(tenant, order_id, unpack_order(state), partner_id, dues, updated_at)
        ]

    def at_work(self, partner_id: str) -> Sequence[KnownBatch]:
        """Batches that are not over, and those that ended lately."""
        with self._pool.connection() as connection:
            rows = connection.execute(AT_WORK, (partner_id, self._now_ms() - ENDED_LATELY_MS, BATCHES_MAX)).fetchall()
        return [_known(row) for row in rows]

    def outcomes(self, ids: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, str]]:
        """Outcome and reason by command id, of those (tenant, command id) that are answered."""
        tenants, commands = [tenant for tenant, _ in ids], [command for _, command in ids]
        with self._pool.connection() as connection:
            rows = connection.execute(OUTCOMES, (tenants, commands)).fetchall()
        return {command: (outcome, reason) for command, outcome, reason in rows}

    def newest(self) -> Sequence[KnownBatch]:
        """The newest batches of all shops, the newest first."""
        with self._pool.connection() as connection:
            rows = connection.execute(NEWEST, (BATCHES_MAX,)).fetchall()
        return [_known(row) for row in rows]

    def find(self, batch_id: str) -> Batch | None:
        """One batch, or None."""
        with self._pool.connection() as connection:
            row = connection.execute(ONE, (batch_id,)).fetchone()
        return None if row is None else unpack_batch(row[1])


class EndedBatches:
    """What the sweeper asks of orders, answered of batches: their files lie in folders of their own. Calls block."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    def ended_orders(self, tenant: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these batches ended that are over; epoch milliseconds."""
        with self._pool.connection() as connection:
            return dict(connection.execute(ENDED, (list(order_ids),)).fetchall())

    def designs_in_use(self, tenant: str) -> frozenset[str]:
        """Batches name no designs."""
        return frozenset()


def _known(row: TupleRow) -> KnownBatch:
    return KnownBatch(batch_id=row[0], state=unpack_batch(row[1]), moved_at=row[2])


def waiting_runs(
    tenant: str, order_id: str, order: Order, partner_id: str, dues: Mapping[str, int], since: int
) -> list[Waiting]:
    """The order's print runs that wait at this partner; `dues` are its open deadlines, `since` epoch milliseconds."""
    if order.holds or order.cancelled:
        return []
    return [
        Waiting(
            line=_batch_line(tenant, order_id, line, run, dues.get(f"production:{line.line_id}:{run.run}", 0)),
            partner_variant=run.partner_variant,
            destination=order.country,
            priority=order.priority,
            since=since,
            is_held=bool(run.current_condition),
        )
        for line in order.lines.values()
        for run in line.runs
        if run.partner_id == partner_id and _is_waiting(line, run)
    ]


def _is_waiting(line: Line, run: Run) -> bool:
    untouched = run.stage == "accepted" and not run.production_started
    # What waits because no press could take it goes on as soon as one can; anything else is over.
    is_wanted = not (line.cancelling or run.cancel_asked) and run.current_condition in {"", "on_hold"}
    # After a change of its artwork the line's files are others than those that were submitted.
    return untouched and is_wanted and run.version == line.version and bool(set(run.units) & set(line.live_units))


def _batch_line(tenant: str, order_id: str, line: Line, run: Run, due_at: int) -> BatchLine:
    return BatchLine(
        tenant=tenant,
        order_id=order_id,
        line_id=line.line_id,
        run=run.run,
        units=tuple(unit for unit in run.units if unit in line.live_units),
        version=run.version,
        variant_id=line.artwork.variant_id if line.artwork else "",
        effect_key=run.effect_key,
        files=tuple(
            BatchFile(
                area=one.area,
                key=one.print_file.key,
                width_um=one.print_file.width_px * UM_PER_INCH // max(1, one.print_file.dpi),
                height_um=one.print_file.height_px * UM_PER_INCH // max(1, one.print_file.dpi),
            )
            for one in line.areas
        ),
        due_at=due_at,
    )
