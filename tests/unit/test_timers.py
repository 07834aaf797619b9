"""Timers: what is due is told once, and what still waits in its queue is not late."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from events.order.commands import ReportDeadlineElapsed
from events.order.facts import WORK_TOPIC, RenderRequested
from processors.timers import HELD_BACK_MS_MAX, QUEUES_LOOK_MS, TELL_AGAIN_MS, Timers
from projections.rows import DueDeadline
from tests.unit.inbound.doubles import SentCommands

NOW = 1_800_000_000_000
RENDER = WORK_TOPIC[RenderRequested]


class Waiting:
    """The read model's answers: rows with the time at which their work was asked for."""

    def __init__(self, *rows: tuple[str, int, int]) -> None:
        self.rows = rows

    def due_deadlines(
        self, now: int, queued_since: Mapping[str, int] | None = None, overdue: int = 0
    ) -> Sequence[DueDeadline]:
        far = NOW * 2
        return [
            DueDeadline(tenant="demo", order_id="order-1", deadline_key=key, due_at=due_at)
            for key, asked_at, due_at in self.rows
            if due_at <= now and (asked_at < (queued_since or {}).get(key.partition(":")[0], far) or due_at <= overdue)
        ]


class Desk:
    """Timers beside a clock and queues that the test sets."""

    def __init__(self, *rows: tuple[str, int, int], lags: Mapping[str, int] | None = None) -> None:
        self.now = NOW
        self.lags = dict(lags or {})
        self.looks = 0
        self.sent = SentCommands()
        self._timers = Timers(Waiting(*rows), self._queue_lags, self.sent, lambda: self.now, ())

    def _queue_lags(self) -> Mapping[str, int]:
        self.looks += 1
        return self.lags

    def told(self) -> list[str]:
        """The deadlines that one look tells."""
        self.sent.sent.clear()
        asyncio.run(self._timers.tell_due())
        return [command.deadline_key for command, _ in self.sent.sent if isinstance(command, ReportDeadlineElapsed)]


def test_what_is_due_is_told_once_and_again_after_a_minute() -> None:
    desk = Desk(("approval:1", 0, NOW), ("approval:2", 0, NOW + 1))
    assert desk.told() == ["approval:1"]
    assert desk.told() == []
    desk.now += TELL_AGAIN_MS
    assert desk.told() == ["approval:1", "approval:2"]


def test_work_that_still_waits_in_its_queue_is_not_late() -> None:
    asked_at, lag = NOW - 300_000, 400_000
    assert Desk(("render:1", asked_at, NOW), lags={RENDER: lag}).told() == []


def test_work_that_was_taken_and_not_answered_is_asked_for_again() -> None:
    taken, waiting = ("render:1", NOW - 500_000, NOW), ("render:2", NOW - 300_000, NOW)
    assert Desk(taken, waiting, lags={RENDER: 400_000}).told() == ["render:1"]


def test_a_queue_that_is_worked_off_holds_nothing_back() -> None:
    assert Desk(("render:1", NOW - 300_000, NOW), lags={RENDER: 0}).told() == ["render:1"]


def test_a_long_queue_of_one_kind_does_not_hold_back_another() -> None:
    assert Desk(("route:1:1", NOW - 300_000, NOW), lags={RENDER: 400_000}).told() == ["route:1:1"]


def test_a_queue_that_nobody_works_off_is_noticed_after_an_hour() -> None:
    desk = Desk(("render:1", NOW - 300_000, NOW), lags={RENDER: 400_000})
    desk.now += HELD_BACK_MS_MAX - 1
    desk.lags[RENDER] += HELD_BACK_MS_MAX
    assert desk.told() == []
    desk.now += 1
    assert desk.told() == ["render:1"]


def test_the_broker_is_not_asked_where_no_work_is_due_and_not_at_each_look() -> None:
    idle = Desk(("approval:1", 0, NOW))
    idle.told()
    assert idle.looks == 0
    busy = Desk(("render:1", NOW - 1, NOW))
    busy.told()
    busy.told()
    assert busy.looks == 1
    busy.now += QUEUES_LOOK_MS
    busy.told()
    assert busy.looks == 2
