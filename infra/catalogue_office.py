"""What an operator does with the whole catalogue: export, import, agree to a cost, have a partner asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from infra.catalogue_desk import SHARED_TENANT, CatalogueDesk
from infra.offer_checks import PostgresOfferChecks
from processors.catalogue.plan import Known, Step, plan
from processors.catalogue.table import Described, write_table
from processors.ports import NamedError
from projections.catalogue_reader import CatalogueReads


class OfferNotKnown(NamedError):
    """The partner offers no such variant. `printledger catalogue export` shows what each offers."""


class PartnerNotRegistered(NamedError):
    """The catalogue has no partner of this id. `printledger partner list` shows those that it has."""


class CatalogueOffice:
    """The catalogue as one operator uses it; `now_ms` gives epoch milliseconds."""

    def __init__(
        self, desk: CatalogueDesk, reads: CatalogueReads, checks: PostgresOfferChecks, now_ms: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._reads = reads
        self._checks = checks
        self._now_ms = now_ms

    async def export(self, tenant: str) -> bytes:
        """The catalogue with a tenant's SKUs as a table."""
        return await asyncio.to_thread(lambda: write_table(self._reads.described(tenant)))

    async def plan(self, tenant: str, rows: Sequence[Described]) -> tuple[Step, ...]:
        """What an import of these rows would do now."""
        known = await asyncio.to_thread(lambda: Known(tenant, self._reads.described(tenant)))
        return plan(rows, known, self._now_ms())

    async def carry_out(self, tenant: str, steps: Sequence[Step]) -> int:
        """Say what the steps say; returns how many. Said again it changes nothing."""
        return await self._desk.say(tenant, [step.command for step in steps if step.command is not None])

    async def accept_cost(self, partner_id: str, variant_id: str) -> str:
        """Agree to what a partner asks for a variant; returns the cost in words. Raises OfferNotKnown."""
        offers = await asyncio.to_thread(self._reads.offers_of, partner_id)
        offer = next((one for one in offers if one.variant_id == variant_id and not one.withdrawn), None)
        if offer is None:
            raise OfferNotKnown(f"{partner_id}, {variant_id}: {OfferNotKnown.__doc__}")
        version = max(self._now_ms(), offer.source_version + 1)
        agreed = msgspec.structs.replace(offer, accepted_cost_minor=0, accepted_currency="", source_version=version)
        await self._desk.say(SHARED_TENANT, (agreed,))
        return f"{offer.cost_minor} {offer.currency} (minor units)"

    async def check(self, partner_id: str) -> None:
        """Have a partner asked for its offers as soon as may be. Raises PartnerNotRegistered."""
        if partner_id not in await asyncio.to_thread(self._reads.partner_ids):
            raise PartnerNotRegistered(f"{partner_id}: {PartnerNotRegistered.__doc__}")
        await asyncio.to_thread(self._checks.ask, partner_id)
