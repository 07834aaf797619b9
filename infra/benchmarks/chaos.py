"""A load of orders while processes are killed, and an account of what became of each order and effect.

    CHAOS_ORDERS=3000 CHAOS_KILLS=300 CHAOS_SEED=7 printledger bench chaos --json

Every process of the system but the stack's own parts and the simulators is killed with SIGKILL at random moments and
started again. The account is made from outside: what was sent is remembered here, before it is sent; what happened is
read from the ledger, the read models, the bucket, the press, the carrier and the mail folder. SIGKILL leaves the page
cache alone, so this does not prove anything about power failures.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from events.codec import Codec
from events.identity import order_id
from infra import kafka
from infra.benchmarks.account import Account
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
from infra.processes import AppProcess, app_processes
from infra.settings import Settings
from processors.clock import now_ms

SECONDS_MAX = 3_600.0
#: Names of the processes that are the outside world begin so.
OUTSIDE = "demo-"


def victims(settings: Settings) -> tuple[AppProcess, ...]:
    """The processes that are killed: all but the outside world."""
    return tuple(process for process in app_processes(settings) if not process.name.startswith(OUTSIDE))


async def live_through(settings: Settings, orders: int, kills: int, seed: int, seconds_max: float) -> Account:
    """Send the orders, kill processes meanwhile, wait for the orders to end, and make the account."""
    # Seeded on purpose: the same seed kills in the same order again.
    chooser = random.Random(seed)  # noqa: S311
    system = System(settings)
    with system.running():
        await until_ready(settings)
        await prepare(settings)
        started = time.monotonic()
        sent = [order_id(demo.TENANT, "demo-kafka", f"chaos-{seed}-{number}") for number in range(orders)]
        killing = asyncio.create_task(_kill(system, kills, chooser, orders))
        await _send(settings, seed, orders)
        statuses = await until_ended(system, sent, seconds_max)
        await killing
        statuses = await until_ended(system, sent, seconds_max)
        seconds = time.monotonic() - started
        return await account_of(system, sent, statuses, seconds)


async def _send(settings: Settings, seed: int, orders: int) -> None:
    """Publish every order on the store's own topic, one in ten of them twice."""
    codec, now = Codec(), now_ms()
    producer = kafka.producer(settings, "chaos-store")
    topic = f"{settings.topic_prefix}stores.{demo.TENANT}.orders.v1"
    for number in range(orders):
        record = codec.encode(order_of(f"chaos-{seed}-{number}", now))
        for _ in range(2 if number % 10 == 0 else 1):
            producer.produce(topic, key=f"chaos-{seed}-{number}".encode(), value=record)
        if number % 20 == 19:
            producer.poll(0)
            await asyncio.sleep(0.5)
    producer.flush(30)


async def _kill(system: System, kills: int, chooser: random.Random, orders: int) -> None:
    """Kill so many processes, spread over about the time that the load takes."""
    targets = victims(system.settings)
    for _ in range(kills):
        await asyncio.sleep(chooser.uniform(0.2, max(0.5, orders / 8 / max(1, kills) * 2)))
        await asyncio.to_thread(system.kill, chooser.choice(targets))


def run() -> dict[str, Any]:
    """The account of one run as the environment asks for it, with its conditions. Raises NothingMayBeLost."""
    orders = int(os.environ.get("CHAOS_ORDERS", "3000"))
    kills = int(os.environ.get("CHAOS_KILLS", "300"))
    seed = int(os.environ.get("CHAOS_SEED", "7"))
    where = machine()
    with tempfile.TemporaryDirectory(prefix="printledger-chaos-") as folder, own_stack(Path(folder)) as settings:
        account = asyncio.run(live_through(settings, orders, kills, seed, SECONDS_MAX))
    if account.problems:
        raise NothingMayBeLost(f"{NothingMayBeLost.__doc__} {'; '.join(account.problems)}")
    figures: dict[str, Any] = msgspec.to_builtins(account)
    return figures | {"conditions": {"seed": seed, **where}}
