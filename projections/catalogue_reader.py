"""The catalogue as it was described: every entry of the read model as the command that would say it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from events.catalogue.commands import (
    CatalogueCommandUnion,
    DefineProduct,
    MapSku,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerLoad,
    ReportPartnerOffer,
)
from events.decoding import convert
from events.order.values import LineArtwork
from projections.sql import QUERIES

STREAMED_ROWS: Final = 2_000
#: In the order of an export: what is named comes before what names it.
_DESCRIBED: Final[tuple[tuple[str, type[CatalogueCommandUnion]], ...]] = (
    ("described_products", DefineProduct),
    ("described_templates", PublishTemplate),
    ("described_partners", RegisterPartner),
    ("described_loads", ReportPartnerLoad),
    ("described_offers", ReportPartnerOffer),
)


class CatalogueReads:
    """Reads of the whole catalogue, as a role that sees every tenant. Every call may block."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    def described(self, tenant: str) -> Iterator[CatalogueCommandUnion]:
        """Everything that is shared, then the tenant's SKUs: one snapshot, streamed, in the order of the keys."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for query, declared in _DESCRIBED:
                for (row,) in _streamed(connection, query, {}):
                    yield convert(row, declared)
            for (row,) in _streamed(connection, "described_skus", {"tenant": tenant}):
                yield convert(row | {"artwork": convert(row, LineArtwork)}, MapSku)

    def offers_of(self, partner_id: str) -> tuple[ReportPartnerOffer, ...]:
        """What a partner offers, with what it no longer does."""
        with self._pool.connection() as connection:
            rows = connection.execute(QUERIES["described_offers_of"], {"partner_id": partner_id}).fetchall()
        return tuple(convert(row, ReportPartnerOffer) for (row,) in rows)

    def load_of(self, partner_id: str) -> ReportPartnerLoad | None:
        """How full a partner said that it is; None where it never did."""
        with self._pool.connection() as connection:
            row = connection.execute(QUERIES["described_load_of"], {"partner_id": partner_id}).fetchone()
        return None if row is None else convert(row[0], ReportPartnerLoad)

    def variants(self) -> frozenset[str]:
        """All variants of all products."""
        with self._pool.connection() as connection:
            rows = connection.execute(QUERIES["known_variants"]).fetchall()
        return frozenset(row[0] for row in rows)

    def partner_ids(self) -> frozenset[str]:
        """All partners that are registered."""
        with self._pool.connection() as connection:
            rows = connection.execute(QUERIES["known_partners"]).fetchall()
        return frozenset(row[0] for row in rows)


def _streamed(connection: Connection[TupleRow], query: str, parameters: dict[str, Any]) -> Iterator[TupleRow]:
    with connection.cursor(query) as cursor:
        cursor.itersize = STREAMED_ROWS
        cursor.execute(QUERIES[query], parameters)
        yield from cursor
