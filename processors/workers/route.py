"""Propose a partner for a print run, from the catalogue at a recorded offset. Decides nothing: the ledger accepts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Protocol

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportRouted, ReportRoutingFailed
from events.order.facts import RoutingRequested
from processors.routing.propose import Rules, propose
from projections.rows import Offers


class PartnerOffers(Protocol):
    """Reads the catalogue. May block."""

    def offers(self, tenant: str, variant_id: str) -> Offers:
        """All partners that the tenant may use and that offer the variant, and the catalogue's offset: one snapshot."""
        ...


@dataclass(frozen=True)
class Route:
    """The effect of `RoutingRequested`: none in the outside world, only a proposal."""

    catalogue: PartnerOffers
    rules: Rules
    at_once: int = 8

    name: ClassVar[str] = "route"
    request: ClassVar[type[RoutingRequested]] = RoutingRequested

    async def carry_out(self, fact: RoutingRequested, envelope: FactEnvelope) -> OrderCommand:
        """Score every partner that offers the variant."""
        found = await asyncio.to_thread(self.catalogue.offers, envelope.tenant, fact.variant_id)
        proposal = propose(fact, found.offers, self.rules)
        if not proposal.partner_id:
            return ReportRoutingFailed(
                request_id=fact.request_id,
                line_id=fact.line_id,
                run=fact.run,
                reason=proposal.reason,
                candidates=proposal.candidates,
            )
        return ReportRouted(
            request_id=fact.request_id,
            line_id=fact.line_id,
            run=fact.run,
            partner_id=proposal.partner_id,
            partner_variant=proposal.partner_variant,
            candidates=proposal.candidates,
            rule_version=proposal.rule_version,
            catalogue_offset=found.catalogue_offset,
        )
