"""Read model `routing_decisions`: what routing was asked, and what it knew of every partner when it answered.

It is what `printledger simulate routing` tries other rules on: two facts of each print run side by side, without the
twenty others that a simulation would have to read past.
"""

from collections.abc import Sequence

import msgspec

from events.order.facts import LineRouted, RoutingFailed, RoutingRequested
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

_encode = msgspec.msgpack.Encoder().encode


class RoutingDecisions:
    """One row a print run that was routed."""

    name = "routing_decisions"
    version = 1
    tables = (
        Table(
            name="routing_decisions",
            columns=("tenant", "order_id", "line_id", "run", "asked", "candidates", "partner_id", "decided_at"),
            key=("order_id", "line_id", "run"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        used = type_names((RoutingRequested, LineRouted, RoutingFailed))
        self.sources = (Source(topic=topics.order_events, types=used),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest question and the newest answer of each print run; the table keeps the half that a batch lacks."""
        rows: dict[tuple[str, str, int], Row] = {}
        for record in records:
            fact = record.content
            if not isinstance(fact, RoutingRequested | LineRouted | RoutingFailed):
                continue
            key = (record.key, fact.line_id, fact.run)
            _, _, _, _, asked, candidates, partner_id, decided_at = rows.get(key, (None,) * 8)
            if isinstance(fact, RoutingRequested):
                asked = _encode(fact)
            else:
                candidates, decided_at = _encode(fact.candidates), record.recorded_at
                partner_id = fact.partner_id if isinstance(fact, LineRouted) else ""
            rows[key] = (record.tenant, *key, asked, candidates, partner_id, decided_at)
        return (Change(table="routing_decisions", rows=list(rows.values())),)

    def forget(self) -> None:
        """Nothing is kept in memory."""
