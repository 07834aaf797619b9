"""Propose a partner for a print run, from the catalogue at a recorded offset. Decides nothing: the ledger accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec

from events.envelope import FactEnvelope
from events.order.commands import OrderCommand, ReportRouted, ReportRoutingFailed
from events.order.facts import RoutingRequested
from processors.routing.propose import Proposal, propose
from processors.routing.rulebook import Rulebook
from processors.routing.rules import DAY_MS
from projections.rows import Offer, Offers


class PartnerOffers(Protocol):
    """Reads the catalogue. May block."""

    def offers(self, tenant: str, variant_ids: Sequence[str], since_day: int = 0) -> Offers:
        """All partners that the tenant may use and that offer the variants, and the catalogue's offset: one snapshot.

        What inspections found counts from a day on (days since 1970).
        """
        ...


class OpenCircuits(Protocol):
    """Knows to which partners calls have failed so often that they are left alone for a while. May block."""

    def open_circuits(self) -> frozenset[str]:
        """Their ids."""
        ...


@dataclass(frozen=True)
class Route:
    """The effect of `RoutingRequested`: none in the outside world, only a proposal."""

    catalogue: PartnerOffers
    rulebook: Rulebook
    circuits: OpenCircuits
    at_once: int = 8

    name: ClassVar[str] = "route"
    request: ClassVar[type[RoutingRequested]] = RoutingRequested

    async def carry_out(self, fact: RoutingRequested, envelope: FactEnvelope) -> OrderCommand:
        """Judge every partner that offers the variant, with the order's other lines in view."""
        proposal, catalogue_offset = await asyncio.to_thread(self.propose, envelope.tenant, fact)
        if not proposal.partner_id:
            return ReportRoutingFailed(
                request_id=fact.request_id,
                line_id=fact.line_id,
                run=fact.run,
                reason=proposal.reason,
                candidates=proposal.candidates,
                rule_version=proposal.rule_version,
                catalogue_offset=catalogue_offset,
            )
        return ReportRouted(
            request_id=fact.request_id,
            line_id=fact.line_id,
            run=fact.run,
            partner_id=proposal.partner_id,
            partner_variant=proposal.partner_variant,
            candidates=proposal.candidates,
            rule_version=proposal.rule_version,
            catalogue_offset=catalogue_offset,
            priority=proposal.priority,
            promised_by=proposal.promised_by,
        )

    def propose(self, tenant: str, request: RoutingRequested) -> tuple[Proposal, int]:
        """The proposal and the catalogue's offset that it was made from. Blocks on the read models."""
        judge = self.rulebook.judge_for(tenant)
        waiting = (line.variant_id for line in request.others if not line.partner_id)
        variants = tuple(dict.fromkeys((request.variant_id, *waiting)))
        since_day = request.asked_at // DAY_MS - judge.rules.quality.days
        found = self.catalogue.offers(tenant, variants, since_day)
        offers: Mapping[str, Sequence[Offer]] = found.by_variant
        if away := self.circuits.open_circuits():
            offers = {variant: [_marked(offer, away) for offer in listed] for variant, listed in offers.items()}
        return propose(request, offers, judge), found.catalogue_offset


def _marked(offer: Offer, away: frozenset[str]) -> Offer:
    if offer.partner.partner_id not in away:
        return offer
    return msgspec.structs.replace(offer, partner=msgspec.structs.replace(offer.partner, unreachable=True))
