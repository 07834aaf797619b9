"""Carries news between streams: what became true in one becomes a command to another, with a derived id.

`SkuMapped` in the catalogue becomes `MapLine` for every line that the SKU holds. The read model of held lines may be
behind the catalogue, or the catalogue behind the order, so a sweep over "held and mapped" finds, every few seconds,
what the reaction could not see yet. Both send the same command id, so it does not matter who was first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from events.catalogue.facts import SkuMapped
from events.envelope import CommandEnvelope, FactEnvelope
from events.identity import command_id
from events.order.commands import MapLine
from events.order.values import LineArtwork
from processors.artwork.rollout import Rollout, rolled_out
from processors.ports import CommandSender
from processors.timers import stopped_within
from projections.rows import HeldLine, MappedHeldLine

log = structlog.get_logger(__name__)

ACTOR = "reactor:sku-mapped"
SWEEP_SECONDS = 1.0
WAIT_SECONDS = 2.0


class HeldLines(Protocol):
    """Reads which lines hold their orders. May block."""

    def held_lines(self, tenant: str, store: str, sku: str) -> Sequence[HeldLine]:
        """Lines that a store's SKU holds."""
        ...

    def held_and_mapped(self) -> Sequence[MappedHeldLine]:
        """Lines that are held as unmapped although their SKU is mapped."""
        ...


@dataclass(frozen=True)
class SkuReactor:
    """Releases what a missing mapping held. `outages` are errors that mean "something outside is away".

    `rollouts` by template id, as for orders whose SKUs were mapped when they came.
    """

    held: HeldLines
    commands: CommandSender
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)

    async def sku_mapped(self, fact: SkuMapped, envelope: FactEnvelope) -> int:
        """Map every line that this SKU holds; returns how many."""
        lines = await asyncio.to_thread(self.held.held_lines, envelope.tenant, fact.store, fact.sku)
        for line in lines:
            await self._map(line, fact.artwork, envelope.event_id)
        return len(lines)

    async def sweep(self, stop: asyncio.Event) -> None:
        """Find what a race left behind, until `stop` is set."""
        wait_seconds = 0.0
        while not await stopped_within(stop, wait_seconds):
            try:
                await self.sweep_once()
                wait_seconds = SWEEP_SECONDS
            except self.outages as outage:
                log.warning("reactors_wait", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def sweep_once(self) -> int:
        """Map every line that is held although its SKU is mapped; returns how many."""
        lines = await asyncio.to_thread(self.held.held_and_mapped)
        for line in lines:
            await self._map(line, line.artwork, "")
        return len(lines)

    async def _map(self, line: HeldLine | MappedHeldLine, artwork: LineArtwork, causation_id: str) -> None:
        """Say what the SKU that holds the line means. A line that the same SKU holds again, or that another SKU of the
        same meaning holds, is mapped by a command of its own.
        """
        order_id = line.order_id
        artwork = rolled_out(self.rollouts, artwork, tenant=line.tenant, order_id=order_id)
        command = MapLine(line_id=line.line_id, artwork=artwork, sku=line.sku)
        designs = tuple(f"{design.area}:{design.design_key}" for design in artwork.designs)
        held = (order_id, line.line_id, line.sku, line.revision)
        meaning: tuple[str | int, ...] = (artwork.variant_id, artwork.template_id, artwork.template_version, *designs)
        envelope = CommandEnvelope(
            command_id=command_id("map-line", *held, *meaning),
            key=order_id,
            tenant=line.tenant,
            command_type=type(command).__name__,
            sent_at=self.now_ms(),
            actor=ACTOR,
            causation_id=causation_id,
            correlation_id=order_id,
        )
        await self.commands.send(command, envelope)
