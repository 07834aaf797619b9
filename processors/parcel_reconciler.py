"""Asks carriers about parcels of which they have said nothing for long, and about labels that nobody knows of.

A carrier's webhook may be lost as a partner's may. What it answers becomes the same report that its webhook would have
been, marked as asked for: where it says more than was known, the order keeps the gap as a fact. A label whose purchase
was never answered is read back by its effect key; what is read back was bought by that key, so nothing is paid twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from events.envelope import CommandEnvelope
from events.identity import report_id, request_id
from events.order.commands import OrderCommand, ReportLabelPurchased
from processors.carriers.protocol import Carrier, LabelBought, TrackingReport
from processors.inbound.reports import NotTheirs, tracking
from processors.outbound import Deferred
from processors.ports import CommandSender
from processors.timers import stopped_within
from projections.rows import Effect, SilentParcel

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 60.0
WAIT_SECONDS = 5.0
BATCH = 500
#: Questions under way at the same time; the carriers' gates keep their rates.
AT_ONCE = 4
REMEMBERED_MAX = 200_000
HOUR_MS = 3_600_000
#: A label that was asked for so long ago should be known; the worker has given up or died by then.
LABEL_QUIET_MS = 600_000
ACTOR = "reconciler"


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a carrier may be silent about a parcel: before it took it over, and on the way. Milliseconds.

    Once it has named a time of delivery, it may be silent until then, but not beyond `at_most_ms`.
    """

    before_hand_over_ms: int = 48 * HOUR_MS
    on_the_way_ms: int = 24 * HOUR_MS
    at_most_ms: int = 5 * 24 * HOUR_MS


class Parcels(Protocol):
    """Reads what is under way. May block."""

    def silent_parcels(
        self, heard_before: int, after: SilentParcel | None = ..., limit: int = ...
    ) -> Sequence[SilentParcel]:
        """Labelled parcels of which nothing was heard since a time, longest first, beginning after one."""
        ...

    def labels_in_doubt(self, after: str, limit: int = ...) -> Sequence[Effect]:
        """Labels that were asked for and not bought as far as is known, by effect key, beginning after one."""
        ...


class _KnownParcel:
    """The one parcel that a report is about, as `tracking` asks for it."""

    def __init__(self, parcel: SilentParcel) -> None:
        self._effect = Effect(
            tenant=parcel.tenant,
            effect_key=parcel.effect_key,
            order_id=parcel.order_id,
            kind="label",
            line_id="",
            run=0,
            parcel_id=parcel.parcel_id,
            who="",
            units=(),
            attempt=0,
        )

    def by_key(self, effect_key: str) -> Effect | None:
        """The parcel, if the carrier repeats its key."""
        return self._effect if effect_key == self._effect.effect_key else None

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        """The parcel that was asked about."""
        return self._effect


@dataclass
class ParcelReconciler:
    """Runs until it is told to stop. `outages` are errors that mean "something outside is away".

    `bought(effect, carrier's name, label)` keeps the label and says what to report; it may block.
    """

    parcels: Parcels
    carriers: Mapping[str, Carrier]
    commands: CommandSender
    bought: Callable[[Effect, str, LabelBought], ReportLabelPurchased]
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    patience: Mapping[str, Patience] = field(default_factory=dict)
    _next_at: OrderedDict[str, int] = field(default_factory=OrderedDict)

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep, wait, until `stop` is set."""
        wait_seconds = SWEEP_SECONDS
        while not await stopped_within(stop, wait_seconds):
            try:
                await self.sweep()
                wait_seconds = SWEEP_SECONDS
            except self.outages as outage:
                log.warning("parcel_reconciler_waits", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def sweep(self) -> int:
        """Ask about every parcel that has been silent for long and every label in doubt; returns about how many."""
        return await self._parcels() + await self._labels()

    async def _parcels(self) -> int:
        asked, after = 0, None
        shortest = min(self._patience_with(name).on_the_way_ms for name in self.carriers) if self.carriers else 0
        before = self.now_ms() - shortest
        while True:
            batch = await asyncio.to_thread(self.parcels.silent_parcels, before, after, BATCH)
            due = [parcel for parcel in batch if self._is_due(parcel)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*(self._ask(parcel) for parcel in due[start : start + AT_ONCE]))
            asked += len(due)
            if len(batch) < BATCH:
                return asked
            after = batch[-1]

    def _patience_with(self, carrier: str) -> Patience:
        return self.patience.get(carrier, Patience())

    def _is_due(self, parcel: SilentParcel) -> bool:
        """Whether the carrier has been silent for longer than it may be, and was not asked lately."""
        if parcel.carrier not in self.carriers:
            return False
        patience, now = self._patience_with(parcel.carrier), self.now_ms()
        allowed = patience.on_the_way_ms if parcel.dispatched_at else patience.before_hand_over_ms
        if now < max(parcel.heard_at + allowed, self._next_at.get(parcel.effect_key, 0)):
            return False
        self._remember(parcel.effect_key, now + allowed)
        return True

    def _remember(self, effect_key: str, until: int) -> None:
        self._next_at[effect_key] = until
        self._next_at.move_to_end(effect_key)
        while len(self._next_at) > REMEMBERED_MAX:
            self._next_at.popitem(last=False)

    async def _ask(self, parcel: SilentParcel) -> None:
        said = await self.carriers[parcel.carrier].track(parcel.carrier_reference)
        if isinstance(said, Deferred):
            # Nobody answered, so the next sweep asks again.
            self._next_at.pop(parcel.effect_key, None)
            return
        for report in said:
            await self._report(parcel, report)

    async def _report(self, parcel: SilentParcel, report: TrackingReport) -> None:
        try:
            addressed = tracking(report, parcel.carrier, _KnownParcel(parcel), polled=True)
        except NotTheirs:
            return
        if report.estimated_delivery_at is not None:
            # The carrier's own promise: until then its silence means nothing.
            latest = self.now_ms() + self._patience_with(parcel.carrier).at_most_ms
            promised = min(report.estimated_delivery_at, latest)
            self._remember(parcel.effect_key, max(promised, self._next_at.get(parcel.effect_key, 0)))
        await self._send(addressed.command, addressed.command_id, parcel.tenant, parcel.order_id, addressed.actor)

    async def _labels(self) -> int:
        asked, after = 0, ""
        while True:
            batch = await asyncio.to_thread(self.parcels.labels_in_doubt, after, BATCH)
            due = [effect for effect in batch if self._is_quiet(effect.effect_key)]
            for effect in due:
                await self._read_back(effect)
            asked += len(due)
            if len(batch) < BATCH:
                return asked
            after = batch[-1].effect_key

    def _is_quiet(self, effect_key: str) -> bool:
        """Whether a label has been in doubt for long; one that is seen for the first time is not."""
        now = self.now_ms()
        is_due = self._next_at.get(effect_key, now + 1) <= now
        if is_due or effect_key not in self._next_at:
            self._remember(effect_key, now + LABEL_QUIET_MS)
        return is_due

    async def _read_back(self, effect: Effect) -> None:
        """Whoever of the carriers sold a label under the key says so; usually nobody did."""
        for name, carrier in self.carriers.items():
            held = await carrier.read_back(effect.effect_key)
            if isinstance(held, LabelBought):
                report = await asyncio.to_thread(self.bought, effect, name, held)
                outcome = f"{name}/{held.carrier_reference}".encode()
                told = report_id(request_id(effect.effect_key, effect.attempt), outcome)
                await self._send(report, told, effect.tenant, effect.order_id, ACTOR)
                return

    async def _send(self, command: OrderCommand, command_id: str, tenant: str, order_id: str, actor: str) -> None:
        envelope = CommandEnvelope(
            command_id=command_id,
            key=order_id,
            tenant=tenant,
            command_type=type(command).__name__,
            sent_at=self.now_ms(),
            actor=actor,
            correlation_id=order_id,
        )
        await self.commands.send(command, envelope)
