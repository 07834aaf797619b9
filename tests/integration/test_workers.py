"""Workers on the real broker: what they see, what they acknowledge, what they do once although they die."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from events.codec import Codec
from events.declare import Command
from events.envelope import FactEnvelope
from events.identity import report_id
from events.order.commands import ReportRoutingFailed
from events.order.facts import RoutingRequested
from infra import intake, postgres
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from processors.inbound.dead_letters import DeadLetters
from processors.ports import NamedError
from processors.worker import WorkerConfig, WorkerPorts, create_worker, run
from tests.integration.worker_bench import Workbench
from tests.support import wait_until

pytestmark = pytest.mark.stack

ORDER = "0c4b5f6e-1111-5111-8111-111111111111"
WORK = "pod.work.route.v1"


class Away(NamedError):
    """Something outside is away."""


class Recorder:
    """Work that only remembers what it was asked; `before` may raise or wait."""

    name: ClassVar[str] = "route"
    request: ClassVar[type[RoutingRequested]] = RoutingRequested

    def __init__(self, at_once: int = 4) -> None:
        self.at_once = at_once
        self.asked: list[str] = []
        self.running = 0
        self.running_max = 0
        self.before: Callable[[str], None] = lambda _: None
        self.gate: Callable[[str], bool] = lambda _: True

    async def carry_out(self, fact: RoutingRequested, envelope: FactEnvelope) -> Command:
        self.asked.append(fact.request_id)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            self.before(fact.request_id)
            while not self.gate(fact.request_id):
                # A task that yields lets the others run; the test opens the gate.
                await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 0.01)
        finally:
            self.running -= 1
        return ReportRoutingFailed(request_id=fact.request_id, line_id=fact.line_id, run=fact.run, reason="for a test")


def requested(number: int) -> RoutingRequested:
    return RoutingRequested(
        effect_key=f"{number:032x}",
        request_id=f"{number:032x}.1",
        attempt=1,
        due_at=1_800_000_300_000,
        line_id="1",
        run=1,
        units=(1,),
        variant_id="mug",
        country="US",
        region="NY",
        postal_prefix="100",
        priority="standard",
    )


@pytest.fixture
def bench(settings: Settings, topics: Callable[[str], str], database_url: str) -> Workbench:
    return Workbench(settings)


@contextmanager
def working(bench: Workbench, effect: Recorder) -> Iterator[None]:
    """The worker on an event loop in a thread of its own, for the time of the block."""
    settings, codec, failures = bench.settings, Codec(), list[BaseException]()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def work() -> None:
        with (
            KafkaRecordLog.connect(settings, "worker-test") as log,
            postgres.pool(settings.database_url, settings, name="worker-test") as pool,
        ):
            ports = WorkerPorts(
                codec=codec,
                commands=KafkaCommandSender(log, codec),
                dead_letters=DeadLetters(log, intake.vault(settings, pool), "worker"),
                now_ms=lambda: 1_800_000_001_000,
                outages=(Away,),
            )
            config = WorkerConfig(
                bootstrap_servers=settings.kafka_bootstrap_servers,
                data_dir=settings.data_dir,
                topic_prefix=settings.topic_prefix,
            )
            await run([create_worker(effect, ports, config)], stop)

    def turn() -> None:
        try:
            loop.run_until_complete(work())
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive(), "the worker did not stop"
        loop.close()
    assert failures == []


def test_a_worker_does_not_see_records_of_aborted_transactions(bench: Workbench) -> None:
    aborted, committed = requested(1), requested(2)
    bench.ask(aborted, order_id=ORDER, abort=True)
    bench.ask(committed, order_id=ORDER)
    effect = Recorder()

    with working(bench, effect):
        bench.wait_for_reports(1)

    assert effect.asked == [committed.request_id]


def test_a_report_names_its_cause_and_has_an_id_that_can_be_derived_again(bench: Workbench) -> None:
    fact = requested(1)
    bench.ask(fact, order_id=ORDER)

    with working(bench, Recorder()):
        (report,) = bench.wait_for_reports(1)

    assert report.envelope.command_id == report_id(fact.request_id, bench.codec.encode(report.command))
    assert report.envelope.causation_id == f"{ORDER}.1"
    assert report.envelope.actor == "worker:route"
    assert report.envelope.correlation_id == "correlation"
    assert report.envelope.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c")
    assert (report.envelope.key, report.envelope.tenant) == (ORDER, "demo")


def test_what_was_reported_is_not_done_again_after_a_restart(bench: Workbench) -> None:
    for number in range(1, 6):
        # A transaction each, so that a marker stands between the records.
        bench.ask(requested(number), order_id=ORDER)
    first, second = Recorder(), Recorder()

    with working(bench, first):
        bench.wait_for_reports(5)
    bench.ask(requested(6), order_id=ORDER)
    with working(bench, second):
        bench.wait_for_reports(6)

    assert len(first.asked) == 5
    assert second.asked == [requested(6).request_id]


def test_a_record_in_hand_holds_the_offset_back_although_later_ones_are_done(bench: Workbench) -> None:
    held, *others = (requested(number) for number in range(1, 5))
    effect = Recorder(at_once=4)
    effect.gate = lambda request_id: request_id != held.request_id
    bench.ask(held, order_id=ORDER)
    for fact in others:
        bench.ask(fact, order_id=ORDER)

    with working(bench, effect):
        bench.wait_for_reports(3)
    again = Recorder()
    with working(bench, again):
        bench.wait_for_reports(4)

    assert bench.committed("route", WORK) > 0
    assert held.request_id in again.asked


def test_no_more_requests_are_worked_on_at_once_than_the_worker_takes(bench: Workbench) -> None:
    effect = Recorder(at_once=3)
    bench.ask(*(requested(number) for number in range(1, 31)), order_id=ORDER)

    with working(bench, effect):
        bench.wait_for_reports(30)

    assert effect.running_max <= 3


def test_what_cannot_be_read_goes_to_the_dead_letters_once_and_the_next_is_done(bench: Workbench) -> None:
    good = requested(1)
    bench.put(good, b"no record of ours", [("a", b"b")])
    bench.put(good, None, [])
    bench.put(good, bench.codec.encode(good), [("ce_id", b"no other header")])
    bench.ask(good, order_id=ORDER)

    with working(bench, Recorder()):
        bench.wait_for_reports(1)
        wait_until(lambda: bench.committed("route", WORK) >= bench.end_of(WORK) - 1, 30, "everything is committed")

    letters = bench.records(f"dlq.{WORK}")
    reasons = [dict(headers)["__connect.errors.exception.class.name"] for _, headers in letters]
    assert sorted(reasons) == [b"HeaderMissing", b"NotFramed", b"NotFramed"]


def test_work_waits_while_something_outside_is_away_and_is_done_then(bench: Workbench) -> None:
    effect, failures = Recorder(), iter((True, True, False))

    def away(_request_id: str) -> None:
        if next(failures, False):
            raise Away

    effect.before = away
    bench.ask(requested(1), order_id=ORDER)

    with working(bench, effect):
        bench.wait_for_reports(1)

    assert len(effect.asked) == 3


def test_a_record_that_the_worker_stumbles_over_does_not_stop_the_next_one(bench: Workbench) -> None:
    bad, good = requested(1), requested(2)
    effect = Recorder()

    def stumble(request_id: str) -> None:
        if request_id == bad.request_id:
            raise RuntimeError("a programming error")

    effect.before = stumble
    bench.ask(bad, good, order_id=ORDER)

    with working(bench, effect):
        (report,) = bench.wait_for_reports(1)

    assert isinstance(report.command, ReportRoutingFailed)
    assert report.command.request_id == good.request_id
