"""The claim store in PostgreSQL: which object of an outside system belongs to an effect key.

It implements `processors.carriers.protocol.ClaimStore`. The table is no read model: a carrier's shipment id that
was claimed before it was paid stands in no topic until the label's report does, so it is kept and backed up.
"""

from psycopg_pool import AsyncConnectionPool

# An update that changes nothing makes the row visible to RETURNING whoever inserted it, without a race.
CLAIM = """
INSERT INTO effect_claims (system, effect_key, reference) VALUES (%s, %s, %s)
ON CONFLICT (system, effect_key) DO UPDATE SET reference = effect_claims.reference
RETURNING reference
"""
CLAIMED = "SELECT reference FROM effect_claims WHERE system = %s AND effect_key = %s"


class PostgresClaims:
    """Claims of one outside system. Each claim is committed before it is answered."""

    def __init__(self, pool: AsyncConnectionPool, system: str) -> None:
        """`system` is the carrier's key in the catalogue; `pool` is open and its role may write the table."""
        self._pool = pool
        self._system = system

    async def claim(self, effect_key: str, candidate: str) -> str:
        """Store `candidate` unless the key has a value; return the value that the key has now."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(CLAIM, (self._system, effect_key, candidate))
            row = await cursor.fetchone()
        if row is None:
            raise AssertionError("INSERT … RETURNING gives a row or an error")
        return str(row[0])

    async def claimed(self, effect_key: str) -> str | None:
        """The key's value, or None."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(CLAIMED, (self._system, effect_key))
            row = await cursor.fetchone()
        return None if row is None else str(row[0])
