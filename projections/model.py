"""The shape of a read model: what it reads, which tables it fills, and how it folds a batch into rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from projections.record import Record

Row: TypeAlias = tuple[Any, ...]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that a read model reads.

    `ledger`: whether its records are facts with gapless positions. `types`: names of the records that the model uses;
    the content of others is never decoded. None takes every record.
    """

    topic: str
    ledger: bool = True
    types: frozenset[str] | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a read model: `queries.sql` has its `merge_NAME`, and `remove_NAME` where rows go.

    `columns` are in the order of the rows that the model gives, `key` in that of the removals. `insert_only`: each
    row comes once, so it is copied straight into the table; the rows of other tables go through a temporary one.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    insert_only: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one table to write and keys of rows to remove; removals happen first. No key occurs twice in `rows`."""

    table: str
    rows: Sequence[Row] = ()
    removals: Sequence[Row] = ()


class StoredRows(Protocol):
    """What a model may read back of its own tables while it folds, in the transaction of the batch."""

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a named query of `queries.sql`."""
        ...


class ReadModel(Protocol):
    """One read model: an independent unit with checkpoints of its own.

    `version` goes up with each change of its tables or of its folding; the projection then rebuilds it beside the
    shown one. The tables are made by `projections/tables/NAME.sql`.
    """

    @property
    def name(self) -> str:
        """Its name on the command line, in checkpoints and in answers."""
        ...

    @property
    def version(self) -> int:
        """Version of tables and folding."""
        ...

    @property
    def sources(self) -> tuple[Source, ...]:
        """The topics that it reads."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that it fills."""
        ...

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """What a batch of records, in their order, changes. Records of types that it does not use are left out."""
        ...

    def forget(self) -> None:
        """Throw away all state kept in memory: the last batch was not committed."""
        ...


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """The topics that read models read, as `infra/topics.yaml` names them."""

    order_events: str = "pod.orders.events.v1"
    order_rejected: str = "pod.orders.rejected.v1"
    catalogue_events: str = "pod.catalogue.events.v1"
    catalogue_rejected: str = "pod.catalogue.rejected.v1"
    batch_events: str = "pod.batches.events.v1"
    operations_events: str = "pod.operations.events.v1"
    batch_rejected: str = "pod.batches.rejected.v1"


def type_names(types: Sequence[type[Any]]) -> frozenset[str]:
    """The names by which the header `ce_type` knows these records."""
    return frozenset(declared.__name__ for declared in types)
