"""When each partner is to be asked for its offers next: one row a partner, shared by all processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

BEGIN: LiteralString = (
    "INSERT INTO offer_checks (partner_id, due_at) SELECT unnest(%(partners)s::text[]), clock_timestamp()"
    " ON CONFLICT DO NOTHING"
)
CLAIM: LiteralString = (
    "UPDATE offer_checks SET due_at = clock_timestamp() + make_interval(secs => %(seconds)s),"
    " claimed_at = clock_timestamp()"
    " WHERE partner_id = (SELECT partner_id FROM offer_checks"
    "   WHERE partner_id = ANY(%(partners)s) AND due_at <= clock_timestamp()"
    "   AND COALESCE(claimed_at, '-infinity') <= clock_timestamp() - make_interval(secs => %(apart)s)"
    "   ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING partner_id"
)
ASK: LiteralString = (
    "INSERT INTO offer_checks (partner_id, due_at) VALUES (%(partner)s, clock_timestamp())"
    " ON CONFLICT (partner_id) DO UPDATE SET due_at = LEAST(offer_checks.due_at, EXCLUDED.due_at)"
)


class PostgresOfferChecks:
    """The list of partners to ask. A process that dies in between costs one interval. Every call may block."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool = pool

    def claim(self, partners: Iterable[str], interval_seconds: float, apart_seconds: float) -> str | None:
        """The partner of these whose turn has come, for one caller alone; None where there is none.

        Its next turn is an interval later. One that is asked for more often is asked so many seconds apart.
        """
        known = sorted(partners)
        parameters = {"partners": known, "seconds": interval_seconds, "apart": apart_seconds}
        with self._pool.connection() as connection:
            connection.execute(BEGIN, {"partners": known})
            row = connection.execute(CLAIM, parameters).fetchone()
        return None if row is None else str(row[0])

    def ask(self, partner_id: str) -> None:
        """Have a partner asked as soon as may be; asking ten times is asking once."""
        with self._pool.connection() as connection:
            connection.execute(ASK, {"partner": partner_id})
