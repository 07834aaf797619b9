"""A worker's desk: what comes while it is at work, and in which order records are put away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import msgspec

from events.codec import Codec
from events.envelope import CommandEnvelope, FactEnvelope
from events.order.commands import ReportCancellationAnswered
from events.order.facts import PartnerCancellationRequested
from processors.worker import Desk, WorkerPorts
from tests.unit.workers.test_effects import CANCELLATION, ENVELOPE

TOPIC = "pod.work.cancel.v1"


class HeldEffect:
    """An effect that waits until the test lets it end."""

    name: ClassVar[str] = "cancel"
    request: ClassVar[type[PartnerCancellationRequested]] = PartnerCancellationRequested
    at_once: ClassVar[int] = 4

    def __init__(self) -> None:
        self.begun = self.at_work = self.at_work_most = 0
        self.beginnings = asyncio.Semaphore(0)
        self.may_end = asyncio.Event()

    async def carry_out(self, fact: PartnerCancellationRequested, envelope: FactEnvelope) -> ReportCancellationAnswered:
        self.begun += 1
        self.at_work += 1
        self.at_work_most = max(self.at_work_most, self.at_work)
        self.beginnings.release()
        await self.may_end.wait()
        self.at_work -= 1
        return ReportCancellationAnswered(
            request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=True
        )


class Sent:
    """Remembers the reports that were sent."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def send(self, command: object, envelope: CommandEnvelope) -> None:
        self.ids.append(envelope.command_id)


class Delivered:
    """A record as the stream hands it over, which remembers whether it was acknowledged."""

    def __init__(self, offset: int, effect_key: str = CANCELLATION.effect_key) -> None:
        self.acknowledged = asyncio.Event()
        self.message = SimpleNamespace(
            topic=TOPIC,
            partition=0,
            offset=offset,
            key=b"order",
            value=Codec().encode(msgspec.structs.replace(CANCELLATION, effect_key=effect_key)),
            headers=[*ENVELOPE.to_headers(), ("hash", b"0" * 64)],
            timestamp=0.0,
        )

    def ack(self) -> None:
        self.acknowledged.set()


async def deliver(effect: HeldEffect, sent: Sent, *events: Delivered, side_by_side: int = 1) -> None:
    """Give the desk these records, let the effect end once so many are at work, and wait until all is put away."""
    ports = WorkerPorts(
        codec=Codec(), commands=cast(Any, sent), dead_letters=cast(Any, None), now_ms=lambda: 1, outages=()
    )

    async def stream() -> AsyncIterator[Delivered]:
        for event in events:
            yield event
        async with asyncio.timeout(10):
            for _ in range(side_by_side):
                await effect.beginnings.acquire()
            effect.may_end.set()
            await asyncio.gather(*(event.acknowledged.wait() for event in events))

    await Desk(effect, ports, TOPIC).work_off(stream())


def test_a_record_that_comes_again_while_it_is_worked_on_is_worked_on_once() -> None:
    async def story() -> tuple[HeldEffect, Sent]:
        effect, sent = HeldEffect(), Sent()
        await deliver(effect, sent, Delivered(7), Delivered(7))
        return effect, sent

    effect, sent = asyncio.run(story())

    assert effect.begun == 1
    assert len(sent.ids) == 1


def test_an_effect_that_is_asked_for_again_is_not_at_work_beside_itself() -> None:
    async def story() -> HeldEffect:
        effect = HeldEffect()
        await deliver(effect, Sent(), Delivered(7), Delivered(8))
        return effect

    effect = asyncio.run(story())

    assert effect.begun == 2
    assert effect.at_work_most == 1


def test_different_effects_are_at_work_side_by_side() -> None:
    async def story() -> HeldEffect:
        effect = HeldEffect()
        await deliver(effect, Sent(), Delivered(7, "a" * 32), Delivered(8, "b" * 32), side_by_side=2)
        return effect

    assert asyncio.run(story()).at_work_most == 2
