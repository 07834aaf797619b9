"""What the batch desk and operators read of PostgreSQL: waiting print runs, batches, and answers to commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.batches.facts import BatchFile, BatchLine
from events.batches.state import Batch
from events.order.state import Line, Order, Run
from processors.batching.plan import Waiting
from processors.batching.ports import KnownBatch
from projections.batches import unpack_batch
from projections.orders import unpack_order

UM_PER_INCH: Final = 25_400
#: Orders that are read at once, the oldest first, and print runs after which a look asks for no more orders: what is
#: found first leaves first, and the next look finds the others.
ORDERS_A_PAGE: Final = 500
RUNS_MAX: Final = 2_000
BATCHES_MAX: Final = 500

WAITING: LiteralString = (
    # What a partner has accepted and not printed has an open deadline, whatever the order's other units are doing.
    "WITH accepted AS ("
    " SELECT d.order_id, jsonb_object_agg(d.deadline_key, d.due_at) AS dues FROM deadlines AS d"
    " JOIN effects AS e ON e.order_id = d.order_id AND e.kind = 'submit' AND e.who = %(partner_id)s"
    " AND d.deadline_key = 'production:' || e.line_id || ':' || e.run"
    " WHERE d.deadline_key LIKE 'production:%%' GROUP BY d.order_id)"
    " SELECT o.tenant, o.order_id, o.state, accepted.dues, o.updated_at, o.placed_at"
    " FROM accepted JOIN orders AS o USING (order_id)"
    " WHERE (o.placed_at, o.order_id) > (%(after_placed_at)s, %(after_order_id)s)"
    " ORDER BY o.placed_at, o.order_id LIMIT %(limit)s"
)
#: Those that go on come first, however many wait to be cleared: their lines must not be planned again.
AT_WORK: LiteralString = (
    "SELECT batch_id, state, moved_at FROM batches WHERE partner_id = %s"
    " AND stage IN ('open', 'closed', 'sent', 'completed')"
    " ORDER BY stage = 'completed', opened_at, batch_id LIMIT %s"
)
OUTCOMES: LiteralString = (
    "SELECT c.command_id, c.outcome, c.reason FROM command_outcomes AS c"
    " JOIN unnest(%s::text[], %s::text[]) AS asked(tenant, command_id) USING (tenant, command_id)"
)
NEWEST: LiteralString = "SELECT batch_id, state, moved_at FROM batches ORDER BY opened_at DESC, batch_id LIMIT %s"
ENDED: LiteralString = (
    "SELECT batch_id, updated_at FROM batches"
    " WHERE batch_id = ANY(%s) AND stage IN ('completed', 'cleared', 'abandoned')"
)
ONE: LiteralString = "SELECT batch_id, state FROM batches WHERE batch_id = %s"


class BatchTables:
    """Reads with the owner's role: a shop's batches hold lines of all tenants. Every call blocks."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]], *, orders_a_page: int = ORDERS_A_PAGE) -> None:
        self._pool = pool
        self._orders_a_page = orders_a_page

    def waiting(self, partner_id: str) -> Sequence[Waiting]:
        """Print runs that the shop has accepted, that nobody has started, and whose order nothing holds."""
        found: list[Waiting] = []
        asked = {"partner_id": partner_id, "limit": self._orders_a_page, "after_placed_at": -1, "after_order_id": ""}
        with self._pool.connection() as connection:
            while len(found) < RUNS_MAX and (rows := connection.execute(WAITING, asked).fetchall()):
                for tenant, order_id, state, dues, updated_at, placed_at in rows:
                    found += waiting_runs(tenant, order_id, unpack_order(state), partner_id, dues, updated_at)
                    asked |= {"after_placed_at": placed_at, "after_order_id": order_id}
        return found

    def at_work(self, partner_id: str) -> Sequence[KnownBatch]:
        """Batches that are not over, and then those that are not cleared."""
        with self._pool.connection() as connection:
            rows = connection.execute(AT_WORK, (partner_id, BATCHES_MAX)).fetchall()
        return [_known(row) for row in rows]

    def ended(self, batch_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these batches ended that are over; epoch milliseconds."""
        with self._pool.connection() as connection:
            return dict(connection.execute(ENDED, (list(batch_ids),)).fetchall())

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
        self._batches = BatchTables(pool)

    def ended_orders(self, tenant: str, order_ids: Sequence[str]) -> Mapping[str, int]:
        """When those of these batches ended that are over; epoch milliseconds."""
        return self._batches.ended(order_ids)

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
                bleed_um=one.bleed_um,
            )
            for one in line.areas
        ),
        due_at=due_at,
    )
