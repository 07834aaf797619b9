"""Asks partners for their offers, each in its turn and when a webhook says that something changed.

What differs from the catalogue is reported to it. The question's time is the version, so an answer that was overtaken
by a newer one, or by an operator, changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog

from events.catalogue.commands import CatalogueCommandUnion, ReportPartnerLoad, ReportPartnerOffer
from events.catalogue.decide import catalogue_key
from events.envelope import CommandEnvelope
from events.identity import command_id
from processors.catalogue.offers import NothingOffered, changes
from processors.partners.protocol import Deferred, PrintPartner
from processors.ports import CommandSender
from processors.timers import stopped_within

log = structlog.get_logger(__name__)

#: Offers belong to no tenant.
SHARED_TENANT: Final = "shared"
#: How often it is looked whose turn it is.
LOOK_SECONDS: Final = 2.0
#: A partner that sends webhooks all the time, or cannot be asked, is asked no more often than this.
APART_SECONDS: Final = 60.0
#: While something outside is away.
WAIT_SECONDS: Final = 5.0


class OfferChecks(Protocol):
    """Whose turn it is. May block."""

    def claim(self, partners: Collection[str], interval_seconds: float, apart_seconds: float) -> str | None:
        """The partner of these whose turn has come, for one caller alone; None where there is none."""
        ...

    def ask(self, partner_id: str) -> None:
        """Have a partner asked as soon as may be."""
        ...


class KnownOffers(Protocol):
    """What the catalogue says. May block."""

    def partner_ids(self) -> frozenset[str]:
        """All partners that are registered."""
        ...

    def variants(self) -> frozenset[str]:
        """All variants of all products."""
        ...

    def offers_of(self, partner_id: str) -> Sequence[ReportPartnerOffer]:
        """What a partner offers, with what it no longer does."""
        ...

    def load_of(self, partner_id: str) -> ReportPartnerLoad | None:
        """How full a partner said that it is."""
        ...


@dataclass(frozen=True, kw_only=True)
class CatalogueSync:
    """Runs until it is told to stop. `outages` are errors that mean "something outside is away"."""

    partners: Mapping[str, PrintPartner]
    known: KnownOffers
    checks: OfferChecks
    commands: CommandSender
    now_ms: Callable[[], int]
    every_seconds: float
    outages: tuple[type[BaseException], ...]

    async def run(self, stop: asyncio.Event) -> None:
        """Ask whose turn it is, wait a moment, until `stop` is set."""
        wait_seconds = 0.0
        while not await stopped_within(stop, wait_seconds):
            try:
                wait_seconds = 0.0 if await self.ask_next() else LOOK_SECONDS
            except self.outages as outage:
                log.warning("catalogue_sync.waits", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def ask_next(self) -> bool:
        """Ask the partner whose turn it is; whether there was one."""
        partner_id = await asyncio.to_thread(self.checks.claim, self.partners, self.every_seconds, APART_SECONDS)
        if partner_id is None:
            return False
        await self.look_at(partner_id)
        return True

    async def look_at(self, partner_id: str) -> int:
        """Ask a partner and report what differs; returns how much was said. One that cannot be asked is asked again."""
        if partner_id not in await asyncio.to_thread(self.known.partner_ids):
            log.info("catalogue_sync.not_registered", partner=partner_id)
            return 0
        asked_at = self.now_ms()
        told = await self.partners[partner_id].offers()
        if isinstance(told, Deferred):
            log.warning("catalogue_sync.no_answer", partner=partner_id, reason=told.reason)
            await asyncio.to_thread(self.checks.ask, partner_id)
            return 0
        known = await asyncio.to_thread(self.known.offers_of, partner_id)
        load = await asyncio.to_thread(self.known.load_of, partner_id)
        variants = await asyncio.to_thread(self.known.variants)
        try:
            said = changes(told, known, load, variants, asked_at)
        except NothingOffered as error:
            log.warning("catalogue_sync.not_believed", partner=partner_id, reason=str(error))
            return 0
        for command in said:
            await self._say(command, partner_id, asked_at)
        return len(said)

    async def _say(self, command: CatalogueCommandUnion, partner_id: str, asked_at: int) -> None:
        key = catalogue_key(SHARED_TENANT, command)
        digest = hashlib.sha256(msgspec.msgpack.encode(command)).hexdigest()
        envelope = CommandEnvelope(
            command_id=command_id("catalogue", key, digest),
            key=key,
            tenant=SHARED_TENANT,
            command_type=type(command).__name__,
            sent_at=asked_at,
            actor=f"partner:{partner_id}",
        )
        await self.commands.send(command, envelope)
