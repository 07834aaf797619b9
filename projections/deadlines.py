"""Read model `deadlines`: what every order waits for, so that timers know when to tell the ledger that it is time."""

from collections.abc import Sequence
from typing import cast

from events.order.deadlines import deadline_changes, ends_with
from events.order.facts import ORDER_FACTS, DeadlineSet, OrderCancelled, OrderEdited, OrderEvent
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record


class Deadlines:
    """One row a thing that is waited for. It goes when the fact that answers it, or ends its line, is folded."""

    name = "deadlines"
    version = 2
    tables = (
        Table(
            name="deadlines",
            columns=("tenant", "order_id", "deadline_key", "due_at", "seq", "asked_at"),
            key=("order_id", "deadline_key"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names(ORDER_FACTS)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest word of the batch on each deadline: open until then, or gone."""
        latest: dict[tuple[str, str], Row | None] = {}
        open_before = _open_before(records, stored)
        for record in records:
            fact = cast(OrderEvent, record.content)
            order_id = record.key
            changes = deadline_changes(fact)
            for key in changes.closed:
                latest[order_id, key] = None
            for key, due_at in changes.opened:
                asked_at = 0 if isinstance(fact, DeadlineSet) else record.recorded_at
                latest[order_id, key] = (record.tenant, order_id, key, due_at, record.seq, asked_at)
            if isinstance(fact, OrderCancelled | OrderEdited):
                in_batch = [key for known, key in latest if known == order_id]
                for key in {*open_before.get(order_id, ()), *in_batch}:
                    if ends_with(fact, key):
                        latest[order_id, key] = None
        return (
            Change(
                table="deadlines",
                rows=[row for row in latest.values() if row is not None],
                removals=[identity for identity, row in latest.items() if row is None],
            ),
        )

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _open_before(records: Sequence[Record], stored: StoredRows) -> dict[str, list[str]]:
    """The stored deadlines of orders that were cancelled or edited, by order: one query, and only then."""
    names = {OrderCancelled.__name__, OrderEdited.__name__}
    orders = {record.key for record in records if record.type_name in names}
    found: dict[str, list[str]] = {}
    if orders:
        for order_id, key in stored.fetch("open_deadlines_of_orders", {"order_ids": sorted(orders)}):
            found.setdefault(order_id, []).append(key)
    return found
