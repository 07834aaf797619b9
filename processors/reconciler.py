"""Asks partners how far a print run is when they have not said so for long: their webhooks may have been lost.

Vendors give a webhook up after minutes, some after seconds. A run that a partner has taken and, as far as it said, has
not printed, is read back by its effect key; what the partner says becomes the same report that its webhook would have
been. The report's id is derived from what was said, so asking again, here or in another process, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from events.envelope import CommandEnvelope
from processors.inbound.reports import NotTheirs, partner_status
from processors.outbound import Deferred
from processors.partners.protocol import JobSnapshot, PartnerReport, PrintPartner
from processors.ports import CommandSender
from processors.timers import stopped_within
from projections.rows import Effect

log = structlog.get_logger(__name__)

#: A run is asked about when it was seen so long at its partner, and then again after as long.
QUIET_MS = 600_000
SWEEP_SECONDS = 30.0
WAIT_SECONDS = 5.0
BATCH = 500
#: Questions under way at the same time; the partners' gates keep their rates.
AT_ONCE = 8
#: Runs that are remembered between sweeps; of more, the longest unseen are asked about later.
REMEMBERED_MAX = 200_000


class RunsAtPartners(Protocol):
    """Reads which runs partners have. May block."""

    def runs_at_partners(self, after: str, limit: int = ...) -> Sequence[Effect]:
        """Those taken and not printed yet, by effect key, beginning after one."""
        ...


class _Known:
    """The one effect that a report is about, as `partner_status` asks for it."""

    def __init__(self, effect: Effect) -> None:
        self._effect = effect

    def by_key(self, effect_key: str) -> Effect | None:
        """The effect, whose key was just read."""
        return self._effect if effect_key == self._effect.effect_key else None

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        """No parcel."""
        return None


@dataclass
class Reconciler:
    """Runs until it is told to stop. `outages` are errors that mean "something outside is away"."""

    runs: RunsAtPartners
    partners: Mapping[str, PrintPartner]
    commands: CommandSender
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    _next_at: OrderedDict[str, int] = field(default_factory=OrderedDict)

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep, wait, until `stop` is set."""
        wait_seconds = SWEEP_SECONDS
        while not await stopped_within(stop, wait_seconds):
            try:
                await self.sweep()
                wait_seconds = SWEEP_SECONDS
            except self.outages as outage:
                log.warning("reconciler_waits", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def sweep(self) -> int:
        """Ask about every run that has been quiet for long; returns about how many."""
        after, asked = "", 0
        while True:
            batch = await asyncio.to_thread(self.runs.runs_at_partners, after, BATCH)
            due = [run for run in batch if self._is_due(run.effect_key)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*(self._ask(run) for run in due[start : start + AT_ONCE]))
            asked += len(due)
            if len(batch) < BATCH:
                return asked
            after = batch[-1].effect_key

    def _is_due(self, effect_key: str) -> bool:
        """Whether the run has been quiet for long; one that is seen for the first time is not."""
        now = self.now_ms()
        is_due = self._next_at.get(effect_key, now + 1) <= now
        if is_due or effect_key not in self._next_at:
            self._next_at[effect_key] = now + QUIET_MS
        self._next_at.move_to_end(effect_key)
        while len(self._next_at) > REMEMBERED_MAX:
            self._next_at.popitem(last=False)
        return is_due

    async def _ask(self, run: Effect) -> None:
        partner = self.partners.get(run.who)
        if partner is None:
            return
        held = await partner.read_back(run.effect_key)
        if isinstance(held, Deferred):
            return
        if held is None:
            # The order's own deadline tells a person, who can settle it with the partner.
            log.warning("partner_knows_no_such_run", partner=run.who, order_id=run.order_id, effect_key=run.effect_key)
            return
        await self._report(run, held)

    async def _report(self, run: Effect, held: JobSnapshot) -> None:
        report = PartnerReport(
            effect_key=run.effect_key,
            raw_status=held.raw_status,
            canonical=held.canonical,
            rank=held.rank,
            partner_timestamp_at=held.updated_at,
            partner_event_id=f"read-back/{held.raw_status[:100]}/{held.updated_at}",
            units=held.units,
            quality=held.quality,
            detail=held.detail,
            provenance=f"{held.provenance} (read back)",
        )
        try:
            addressed = partner_status(report, run.who, _Known(run), polled=True)
        except NotTheirs:
            return
        envelope = CommandEnvelope(
            command_id=addressed.command_id,
            key=addressed.order_id,
            tenant=addressed.tenant,
            command_type=type(addressed.command).__name__,
            sent_at=self.now_ms(),
            actor=addressed.actor,
            correlation_id=addressed.order_id,
        )
        await self.commands.send(addressed.command, envelope)
