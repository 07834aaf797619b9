"""Read model `timeline`: all that happened to an order, when, by whom, with links to the files."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from events.order.facts import ORDER_FACTS, OrderEvent
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record
from projections.sentences import describe

_encode = msgspec.json.Encoder().encode


class Timeline:
    """One row a fact."""

    name = "timeline"
    version = 2
    tables = (
        Table(
            name="timeline",
            columns=(
                "tenant",
                "order_id",
                "seq",
                "recorded_at",
                "actor",
                "fact_type",
                "title",
                "detail",
                "links",
                "causation_id",
            ),
            key=("order_id", "seq"),
            insert_only=True,
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names(ORDER_FACTS)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """One row a fact."""
        return (Change(table="timeline", rows=[_row(record) for record in records]),)

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _row(record: Record) -> Row:
    # The header's type is one of ORDER_FACTS, and `content` has checked that the bytes are that record.
    entry = describe(cast(OrderEvent, record.content))
    return (
        record.tenant,
        record.key,
        record.seq,
        record.recorded_at,
        record.actor,
        record.type_name,
        entry.title,
        entry.detail,
        _links(entry.links),
        record.causation_id,
    )


def _links(links: tuple[Any, ...]) -> str:
    return _encode(links).decode() if links else "[]"
