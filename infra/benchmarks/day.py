"""A day of orders in compressed time, with partners that fail as partners do, and an account of every order.

    DAY_ORDERS=24000 DAY_COMPRESSION=6 printledger bench day --json

A thousand orders a simulated hour, evenly. One order in twenty meets a partner that fails: jams, refuses for good or
for now, breaks, or accepts and goes silent. In the middle of the day one partner is down for an hour. One webhook in
ten comes twice, and each up to ten stages of the press late. One label in twenty meets a carrier that fails: refuses,
takes its rate back, breaks, does not answer, or takes the money and does not answer. Every webhook of a carrier comes
twice and up to forty scans late. Two carriers sell, because what one refuses the other must sell. A run of fewer orders
is the same day, shorter: its outage is the same share of it, and no shorter than `OUTAGE_SECONDS_MIN`, unless
`DAY_OUTAGE_MINUTES` says how many simulated minutes it is to last.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from events.codec import Codec
from events.identity import order_id
from events.order.deadlines import deadline_changes
from events.order.facts import (
    WORK_TOPIC,
    DeadlinePassed,
    OrderEvent,
    OrderPlaced,
    ProductionStarted,
    SubmissionRequested,
)
from infra import kafka, ledgers
from infra.benchmarks.desks import ControlDesks, carrier_desks, labels_sold, shop_desks
from infra.benchmarks.stack import machine
from infra.benchmarks.whole_system import (
    NothingMayBeLost,
    System,
    account_of,
    order_of,
    own_stack,
    prepare,
    until_ended,
    until_ready,
)
from infra.demo import seed as demo
from infra.demo.catalogue import EAST, WEST
from infra.processes import EASYPOST
from infra.settings import Settings
from processors.clock import now_ms
from processors.proof.scan import TopicReader

ORDERS_AN_HOUR = 1_000
HOURS_A_DAY = 24
SECONDS_AN_HOUR = 3_600
OUTAGE_SECONDS_MIN = 5.0
SECONDS_MAX = 14_400.0
#: One order in so many meets a partner that fails, and one label in so many a carrier: 5 % each.
FAILURE_EVERY = 20
#: How long a partner that accepted keeps the line open without a word.
SILENCE_MS = 3_000
#: A line starts on time when its press begins within this simulated time after the order was placed.
ON_TIME_MINUTES: Final = 60

#: What fails, in turn. Failures for good are the one shop's, so that every line has a shop that can make it.
FAILURES: Final = (
    (EAST, "jam_next"),
    (EAST, "refuse_next"),
    (EAST, "refuse_retryable_next"),
    (EAST, "server_error_next"),
    (EAST, "accept_silently_next"),
    (WEST, "refuse_retryable_next"),
    (WEST, "server_error_next"),
)

#: The carriers of the day, as `CARRIERS` names them.
CARRIERS: Final = (EASYPOST, "shippo")

#: How carriers fail, in turn. The one refuses labels for good, so that the other sells them, failing in its own way.
CARRIER_FAILURES: Final = (
    ("shippo", "buy_silently_next"),
    (EASYPOST, "purchase_failure_next"),
    (EASYPOST, "buy_silently_next"),
    (EASYPOST, "server_error_next"),
    (EASYPOST, "create_silently_next"),
    (EASYPOST, "rate_gone_next"),
    ("shippo", "server_error_next"),
)
#: Every webhook of a carrier comes twice, each within this time.
TRACKING_LATE_MS: Final = 2_000


class Plan(NamedTuple):
    """What fails on this day: one order in `every` meets a partner's failure and another one a carrier's, in turn.

    One partner is down for so many simulated minutes, or for a 24th of the run where nothing is said.
    """

    every: int = FAILURE_EVERY
    outage_minutes: float | None = None
    of_partners: Sequence[tuple[str, str]] = FAILURES
    of_carriers: Sequence[tuple[str, str]] = CARRIER_FAILURES


A_DAY: Final = Plan()


class World(NamedTuple):
    """Whoever fails on this day."""

    shops: ControlDesks
    carriers: ControlDesks
    plan: Plan

    async def begin(self) -> None:
        """Behave as on this day, before anything fails."""
        for shop in (EAST, WEST):
            await self.shops.behave(shop, silence_ms=SILENCE_MS)
        for carrier in CARRIERS:
            twice = {"duplicate_share": 1.0, "delay_min_ms": 0, "delay_max_ms": TRACKING_LATE_MS}
            await self.carriers.behave(carrier, delivery=twice)

    async def fail(self, number: int) -> None:
        """Let what is due with the order of this number fail: a partner's request, or a carrier's label."""
        every, of_partners, of_carriers = self.plan.every, self.plan.of_partners, self.plan.of_carriers
        turn, place = divmod(number, every)
        if place == every // 2:
            await self.shops.fail_next(*of_partners[turn % len(of_partners)])
        if place == every - 1:
            await self.carriers.fail_next(*of_carriers[turn % len(of_carriers)])

    async def aclose(self) -> None:
        """Close the connections."""
        await self.shops.aclose()
        await self.carriers.aclose()


async def live_a_day(
    settings: Settings, orders: int, compression: float, seconds_max: float, plan: Plan = A_DAY
) -> dict[str, Any]:
    """Send a day's orders, let partners and carriers fail meanwhile, wait for the orders to end, make the account.

    `settings` name CARRIERS. Raises NothingMayBeLost.
    """
    hour_seconds = SECONDS_AN_HOUR / compression
    span = orders / ORDERS_AN_HOUR * hour_seconds
    minutes = plan.outage_minutes
    outage = max(OUTAGE_SECONDS_MIN, span / HOURS_A_DAY if minutes is None else minutes / 60 * hour_seconds)
    world = World(shop_desks(settings), carrier_desks(settings), plan)
    system = System(settings)
    with system.running():
        await until_ready(settings)
        await prepare(settings)
        await world.begin()
        started = time.monotonic()
        sent = {f"day-{number}": order_id(demo.TENANT, "demo-kafka", f"day-{number}") for number in range(orders)}
        down = asyncio.create_task(_down(world.shops, EAST, max(0.0, span - outage) / 2, outage))
        sent_at = await _send(settings, tuple(sent), span, world)
        await down
        statuses = await until_ended(system, [*sent.values()], seconds_max)
        seconds = time.monotonic() - started
        account = await account_of(system, [*sent.values()], statuses, seconds)
        met = await world.shops.met(), await world.carriers.met()
        sold = Counter(label["carrier"] for label in await labels_sold(settings) if label["purchases"])
        await world.aclose()
    if account.problems:
        raise NothingMayBeLost(f"{NothingMayBeLost.__doc__} {'; '.join(account.problems)}")
    published = {sent[name]: at for name, at in sent_at.items()}
    timings = await asyncio.to_thread(timings_of, _facts(settings), published)
    return {
        **msgspec.to_builtins(account),
        **timings.figures(compression),
        "partner_failures_met": met[0],
        "carrier_failures_met": met[1],
        "labels_sold": dict(sold),
        "outage": {
            "partner": EAST,
            "seconds": round(outage, 1),
            "simulated_minutes": round(outage / hour_seconds * 60),
        },
        "sent_in_seconds": round(span, 1),
        "orders_an_hour": ORDERS_AN_HOUR,
        "compression": compression,
    }


async def _down(shops: ControlDesks, shop: str, after: float, outage: float) -> None:
    """One shop does not answer for a while."""
    await asyncio.sleep(after)
    await shops.behave(shop, down=True)
    await asyncio.sleep(outage)
    await shops.behave(shop, down=False)


async def _send(settings: Settings, names: Sequence[str], span: float, world: World) -> dict[str, int]:
    """Publish the orders evenly over the day; returns when each was published (epoch milliseconds)."""
    codec, producer = Codec(), kafka.producer(settings, "day-store")
    topic = f"{settings.topic_prefix}stores.{demo.TENANT}.orders.v1"
    began, sent_at = time.monotonic(), dict[str, int]()
    for number, name in enumerate(names):
        await asyncio.sleep(max(0.0, began + span * number / len(names) - time.monotonic()))
        sent_at[name] = now_ms()
        producer.produce(topic, key=name.encode(), value=codec.encode(order_of(name, sent_at[name])))
        producer.poll(0)
        await world.fail(number)
    producer.flush(30)
    return sent_at


class Timings(msgspec.Struct, kw_only=True):
    """Waits in seconds: by kind of work from its first request to its answer, and of orders from publishing on.

    `asked_again` counts work that no worker had answered in time.
    """

    work: dict[str, list[float]] = msgspec.field(default_factory=lambda: defaultdict(list))
    asked_again: Counter[str] = msgspec.field(default_factory=Counter)
    placed: list[float] = msgspec.field(default_factory=list)
    submitted: list[float] = msgspec.field(default_factory=list)
    started: list[float] = msgspec.field(default_factory=list)

    def figures(self, compression: float) -> dict[str, Any]:
        """Queue lag in real seconds, and how many lines the press began on time, in simulated time."""
        limit = ON_TIME_MINUTES * 60 / compression
        on_time = sum(wait <= limit for wait in self.started)
        return {
            "queue_lag_seconds": {
                "intake": quantiles(self.placed),
                **{kind: quantiles(waits) for kind, waits in sorted(self.work.items())},
            },
            "work_asked_again": {kind: count for kind, count in sorted(self.asked_again.items()) if count},
            "submitted_after_seconds": quantiles(self.submitted),
            "started_after_seconds": quantiles(self.started),
            "started_on_time_share": round(on_time / len(self.started), 4) if self.started else 0.0,
            "on_time_within_simulated_minutes": ON_TIME_MINUTES,
        }


def quantiles(waits: Sequence[float]) -> dict[str, float]:
    """Median, 99th of a hundred and longest wait, in seconds; nothing where nobody waited."""
    if not waits:
        return {}
    ordered = sorted(waits)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[last // 2], 3),
        "p99": round(ordered[round(last * 0.99)], 3),
        "max": round(ordered[-1], 3),
    }


def timings_of(facts: Iterable[tuple[str, OrderEvent, int]], sent_at: Mapping[str, int]) -> Timings:
    """Measure the ledger's facts: order id, fact, and when the ledger wrote it (epoch milliseconds)."""
    timings, asked = Timings(), dict[tuple[str, str], int]()
    seen: set[tuple[str, type]] = set()
    for key, fact, at in facts:
        published = sent_at.get(key)
        if published is None:
            continue
        changes = deadline_changes(fact)
        for closed in changes.closed:
            kind = closed.partition(":")[0]
            if isinstance(fact, DeadlinePassed):
                # Nobody answered in time and it is asked for again: it has waited since it was asked for first.
                timings.asked_again[kind] += (key, closed) in asked
            elif (since := asked.pop((key, closed), None)) is not None:
                timings.work[kind].append((at - since) / 1_000)
        if type(fact) in WORK_TOPIC:
            for opened, _ in changes.opened:
                asked.setdefault((key, opened), at)
        waits = _WAITS.get(type(fact))
        if waits is not None and (key, type(fact)) not in seen:
            seen.add((key, type(fact)))
            getattr(timings, waits).append(max(0, at - published) / 1_000)
    return timings


_WAITS: Final[Mapping[type, str]] = {
    OrderPlaced: "placed",
    SubmissionRequested: "submitted",
    ProductionStarted: "started",
}


def _facts(settings: Settings) -> Iterator[tuple[str, OrderEvent, int]]:
    """Order id, fact and time (epoch milliseconds) of every fact of the order stream."""
    codec, reader = Codec(), TopicReader(ledgers.clients(settings).reader)
    topic = ledgers.stream_of(settings, "orders").events_topic
    try:
        for partition in reader.partitions(topic):
            low, high = reader.bounds(topic, partition)
            for batch in reader.read(topic, partition, low, high):
                for message in batch:
                    fact = codec.decode(message.value())
                    if isinstance(fact, OrderEvent):
                        yield (message.key() or b"").decode(), fact, message.timestamp()[1]
    finally:
        reader.close()


def run() -> dict[str, Any]:
    """The account of one day as the environment asks for it, with its conditions. Raises NothingMayBeLost."""
    orders = int(os.environ.get("DAY_ORDERS", str(ORDERS_AN_HOUR * HOURS_A_DAY)))
    compression = float(os.environ.get("DAY_COMPRESSION", "6"))
    minutes = os.environ.get("DAY_OUTAGE_MINUTES")
    plan = Plan(outage_minutes=float(minutes) if minutes else None)
    where = machine()
    with (
        tempfile.TemporaryDirectory(prefix="printledger-day-") as folder,
        own_stack(Path(folder), CARRIERS=",".join(CARRIERS)) as settings,
    ):
        figures = asyncio.run(live_a_day(settings, orders, compression, SECONDS_MAX, plan))
    return figures | {"conditions": where}
