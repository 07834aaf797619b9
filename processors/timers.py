"""Tells orders that what they waited for has not come in time.

The `deadlines` read model holds what every order waits for. When a row is due, this process sends
`ReportDeadlineElapsed` and forgets about it: the aggregate decides what it means, and the row goes when the fact that
answers it is folded. The command's id is derived from the row, so telling it again, by this process or by another one,
changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.commands import ReportDeadlineElapsed
from processors.ports import CommandSender
from projections.rows import DueDeadline

log = structlog.get_logger(__name__)

ACTOR = "timers"
#: A deadline is told at most this late, beside the time that the read model needs.
LOOK_SECONDS = 0.25
#: While something outside is away.
WAIT_SECONDS = 2.0
#: Rows that were told and are still there, because the facts that remove them have not been folded yet.
TOLD_MAX = 100_000
#: A row that is still there so long after it was told is told again: the report may have been lost with a topic.
TELL_AGAIN_MS = 60_000


class Deadlines(Protocol):
    """Reads what orders wait for. May block."""

    def due_deadlines(self, now: int, limit: int = 1_000) -> Sequence[DueDeadline]:
        """What was to have come until `now` (epoch milliseconds), longest due first."""
        ...


@dataclass
class Timers:
    """Runs until it is told to stop. `outages` are errors that mean "something outside is away"."""

    deadlines: Deadlines
    commands: CommandSender
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    _told: OrderedDict[tuple[str, str, int], int] = field(default_factory=OrderedDict)

    async def run(self, stop: asyncio.Event) -> None:
        """Look, tell, wait a moment, until `stop` is set."""
        wait_seconds = 0.0
        while not await stopped_within(stop, wait_seconds):
            try:
                told = await self.tell_due()
                wait_seconds = LOOK_SECONDS if not told else 0.0
            except self.outages as outage:
                log.warning("timers_wait", reason=str(outage)[:500])
                wait_seconds = WAIT_SECONDS

    async def tell_due(self) -> int:
        """Tell every order whose deadline is due and was not told yet; returns how many."""
        now = self.now_ms()
        due = await asyncio.to_thread(self.deadlines.due_deadlines, now)
        new = [row for row in due if self._told.get(_name(row), 0) <= now - TELL_AGAIN_MS]
        await asyncio.gather(*(self._tell(row, now) for row in new))
        for row in new:
            self._told[_name(row)] = now
            self._told.move_to_end(_name(row))
        while len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        return len(new)

    async def _tell(self, row: DueDeadline, now: int) -> None:
        command = ReportDeadlineElapsed(deadline_key=row.deadline_key, due_at=row.due_at)
        envelope = CommandEnvelope(
            command_id=command_id("deadline", row.order_id, row.deadline_key, row.due_at),
            key=row.order_id,
            tenant=row.tenant,
            command_type=type(command).__name__,
            sent_at=now,
            actor=ACTOR,
            correlation_id=row.order_id,
        )
        await self.commands.send(command, envelope)


def _name(row: DueDeadline) -> tuple[str, str, int]:
    return row.order_id, row.deadline_key, row.due_at


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until `stop` is set; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
    return stop.is_set()
