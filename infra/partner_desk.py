"""What operators say to and ask of print partners: suspend, resume, look at the gate and at what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, LiteralString

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg_pool import ConnectionPool

from events.catalogue.commands import RegisterPartner
from events.decoding import convert, from_json
from infra.catalogue_desk import SHARED_TENANT, CatalogueDesk
from infra.outbound_tables import exchanges_about
from processors.clock import now_ms
from processors.exchanges import KeptExchange
from processors.gate import GateState
from processors.ports import NamedError, Vault

PARTNERS_SHOWN_MAX: Final = 1_000
#: How long a command waits for the read model, and how often it looks.
SEEN_SECONDS_MAX: Final = 15.0
SEEN_LOOK_SECONDS: Final = 0.05

DESCRIPTION: LiteralString = "SELECT to_jsonb(p) FROM catalogue_partners AS p WHERE p.partner_id = %s"
SUSPENDED: LiteralString = "SELECT suspended FROM catalogue_partners WHERE partner_id = %s"
STANDING: LiteralString = (
    "SELECT p.partner_id, p.name, p.adapter, p.suspended, COALESCE(g.state::text, '{}') AS state,"
    " COALESCE(g.rests_until > clock_timestamp(), false) AS is_resting"
    " FROM catalogue_partners AS p LEFT JOIN outbound_gates AS g ON g.vendor = p.partner_id"
    " ORDER BY p.partner_id LIMIT %s"
)


class PartnerNotKnown(NamedError):
    """The catalogue has no partner of this id. `printledger partner list` shows those that it has."""


class AlreadySo(NamedError):
    """The partner is so already. Nothing was changed."""


class NotSeenYet(NamedError):
    """The catalogue was told, and the read model that routing goes by has not seen it. Look at `printledger status`."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a partner stands with us now."""

    partner_id: str
    name: str
    adapter: str
    suspended: bool
    #: `closed`, `open` while it rests, `half_open` while one call is to see whether it is back.
    circuit: str
    #: Failed calls in a row.
    failures: int


class _Row(msgspec.Struct, kw_only=True):
    partner_id: str
    name: str
    adapter: str
    suspended: bool
    state: str
    is_resting: bool


class PartnerDesk:
    """Print partners as one operator sees them. Reading blocks for milliseconds, as a command may."""

    def __init__(self, catalogue: CatalogueDesk, pool: ConnectionPool[Connection[TupleRow]], vault: Vault) -> None:
        self._catalogue = catalogue
        self._pool = pool
        self._vault = vault

    def standings(self) -> Sequence[Standing]:
        """All partners of the catalogue, by id."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(_Row)) as cursor:
            rows = cursor.execute(STANDING, (PARTNERS_SHOWN_MAX,)).fetchall()
        return [_standing(row) for row in rows]

    async def suspend(self, partner_id: str) -> None:
        """Route nothing more to the partner; what it has goes on. Raises PartnerNotKnown, AlreadySo."""
        await self._say(partner_id, suspended=True)

    async def resume(self, partner_id: str) -> None:
        """Route to the partner again. Raises PartnerNotKnown, AlreadySo."""
        await self._say(partner_id, suspended=False)

    async def _say(self, partner_id: str, *, suspended: bool) -> None:
        with self._pool.connection() as connection:
            row = connection.execute(DESCRIPTION, (partner_id,)).fetchone()
        if row is None:
            raise PartnerNotKnown(f"{partner_id}: {PartnerNotKnown.__doc__}")
        known = convert(row[0], RegisterPartner)
        if known.suspended == suspended:
            raise AlreadySo(f"{partner_id}: {AlreadySo.__doc__}")
        # The catalogue keeps the newest full description of a partner, and who said it.
        version = max(now_ms(), known.source_version + 1)
        said = msgspec.structs.replace(known, suspended=suspended, source_version=version)
        await self._catalogue.say(SHARED_TENANT, (said,))

    async def wait_until(self, partner_id: str, *, suspended: bool) -> None:
        """Return when routing sees it so. Raises NotSeenYet."""
        for _ in range(round(SEEN_SECONDS_MAX / SEEN_LOOK_SECONDS)):
            with self._pool.connection() as connection:
                row = connection.execute(SUSPENDED, (partner_id,)).fetchone()
            if row is not None and row[0] == suspended:
                return
            await asyncio.sleep(SEEN_LOOK_SECONDS)
        raise NotSeenYet(f"{partner_id}: {NotSeenYet.__doc__}")

    def exchanges(self, about: str) -> Sequence[KeptExchange]:
        """What was sent and answered about an order or an effect key, oldest first."""
        return exchanges_about(self._pool, self._vault, about)


def _standing(row: _Row) -> Standing:
    state = from_json(row.state, GateState)
    circuit = "closed" if not state.opened_at else "open" if row.is_resting else "half_open"
    return Standing(
        partner_id=row.partner_id,
        name=row.name,
        adapter=row.adapter,
        suspended=row.suspended,
        circuit=circuit,
        failures=state.failures,
    )
