"""Tells orders that what they waited for has not come in time.

The `deadlines` read model holds what every order waits for. When a row is due, this process sends
`ReportDeadlineElapsed` and forgets about it: the aggregate decides what it means, and the row goes when the fact that
answers it is folded. The command's id is derived from the row, so telling it again, by this process or by another one,
changes nothing.

Work that still waits in its queue is not late: asking for it again would only make the queue longer. Its deadline is
held back until a worker has come to it, for an hour at most, since a queue that nobody works off must be noticed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.commands import ReportDeadlineElapsed
from events.order.facts import (
    WORK_TOPIC,
    ArtworkCheckRequested,
    ClaimReviewRequested,
    InspectionRequested,
    LabelRefundRequested,
    LabelRequested,
    NotificationRequested,
    PartnerCancellationRequested,
    RefundRequested,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
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
#: So long a deadline is held back at most while the request that it waits for is still in its queue.
HELD_BACK_MS_MAX = 3_600_000
#: Asking the broker how far queues are costs it something, and a queue that is an hour long does not end in a moment.
QUEUES_LOOK_MS = 5_000
#: The queue in which the request behind a deadline waits, by the deadline's kind.
QUEUE_OF: Mapping[str, str] = {
    "check": WORK_TOPIC[ArtworkCheckRequested],
    "render": WORK_TOPIC[RenderRequested],
    "route": WORK_TOPIC[RoutingRequested],
    "submit": WORK_TOPIC[SubmissionRequested],
    "cancel": WORK_TOPIC[PartnerCancellationRequested],
    "inspect": WORK_TOPIC[InspectionRequested],
    "label": WORK_TOPIC[LabelRequested],
    "label_refund": WORK_TOPIC[LabelRefundRequested],
    "notify": WORK_TOPIC[NotificationRequested],
    "claim": WORK_TOPIC[ClaimReviewRequested],
    "refund": WORK_TOPIC[RefundRequested],
}


class Deadlines(Protocol):
    """Reads what orders wait for. May block."""

    def due_deadlines(
        self, now: int, queued_since: Mapping[str, int] = ..., overdue: int = ...
    ) -> Sequence[DueDeadline]:
        """What was to have come until `now` (epoch milliseconds), longest due first.

        Left out is what was asked for since its kind's requests are queued, unless it was due by `overdue`.
        """
        ...


@dataclass
class Timers:
    """Runs until it is told to stop. `outages` are errors that mean "something outside is away".

    `queue_lags` tells by topic how long (milliseconds) the oldest request has waited that is not done. It may block.
    """

    deadlines: Deadlines
    queue_lags: Callable[[], Mapping[str, int]]
    commands: CommandSender
    now_ms: Callable[[], int]
    outages: tuple[type[BaseException], ...]
    _queued_since: Mapping[str, int] = field(default_factory=dict)
    _queues_seen_at: int = 0
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
        due = await asyncio.to_thread(self._due, now)
        new = [row for row in due if self._told.get(_name(row), 0) <= now - TELL_AGAIN_MS]
        await asyncio.gather(*(self._tell(row, now) for row in new))
        for row in new:
            self._told[_name(row)] = now
            self._told.move_to_end(_name(row))
        while len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        return len(new)

    def _due(self, now: int) -> Sequence[DueDeadline]:
        """What is due and does not wait in a queue. Who waits for nothing asks the broker for nothing."""
        due = self.deadlines.due_deadlines(now)
        if not any(row.deadline_key.partition(":")[0] in QUEUE_OF for row in due):
            return due
        if now - self._queues_seen_at >= QUEUES_LOOK_MS:
            lags = self.queue_lags()
            self._queued_since = {kind: now - lags[topic] for kind, topic in QUEUE_OF.items() if lags.get(topic)}
            self._queues_seen_at = now
        return self.deadlines.due_deadlines(now, self._queued_since, now - HELD_BACK_MS_MAX)

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
