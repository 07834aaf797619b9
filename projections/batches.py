"""Read model `batches`: one row a production batch, folded by the very `evolve` that the ledger uses."""

from collections.abc import Sequence
from typing import cast

import msgspec

from events.batches.decide import evolve
from events.batches.facts import BATCH_FACTS, BatchEvent, BatchStuck, BatchWentOn
from events.batches.state import Batch
from events.decoding import msgpack_decoder
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

_pack = msgspec.msgpack.Encoder().encode
unpack_batch = msgpack_decoder(Batch)
"""The folded batch from the bytes of the column `state`."""

STANDING = frozenset((BatchStuck.__name__, BatchWentOn.__name__))
"""Facts that tell how a batch stands, and move it no further."""


class Batches:
    """Folds each batch's facts; a batch has few, so that nothing is kept in memory between two."""

    name = "batches"
    version = 3
    tables = (
        Table(
            name="batches",
            columns=(
                "tenant",
                "batch_id",
                "partner_id",
                "stage",
                "opened_at",
                "moved_at",
                "updated_at",
                "seq",
                "state",
            ),
            key=("batch_id",),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.batch_events, types=type_names(BATCH_FACTS)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The rows of all batches that are told of."""
        rows: dict[str, Row] = {
            row[1]: row for row in stored.fetch("folded_batches", {"batch_ids": sorted({one.key for one in records})})
        }
        for record in records:
            known = rows.get(record.key)
            moved_at = known[5] if known is not None and record.type_name in STANDING else record.recorded_at
            batch = evolve(Batch() if known is None else unpack_batch(known[8]), cast(BatchEvent, record.content))
            rows[record.key] = (
                record.tenant,
                record.key,
                batch.group.partner_id if batch.group else "",
                batch.stage,
                record.recorded_at if known is None else known[4],
                moved_at,
                record.recorded_at,
                record.seq,
                _pack(batch),
            )
        return (Change(table="batches", rows=list(rows.values())),)

    def forget(self) -> None:
        """Nothing is kept in memory."""
