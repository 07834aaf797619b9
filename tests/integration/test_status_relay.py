"""Each tenant's status topic holds what the internal one holds of its orders: each record once, in its order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from infra import kafka
from infra.settings import Settings
from infra.workshop import Workshop
from processors.status_relay import STATUS_TOPIC, tenant_topic
from tests.integration.worker_bench import Workbench
from tests.support import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
def bench(settings: Settings, topics: Callable[[str], str]) -> Workbench:
    return Workbench(settings)


@contextmanager
def relaying(bench: Workbench) -> Iterator[None]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def relay() -> None:
        async with Workshop(bench.settings) as workshop:
            service = workshop.service("status-relay")
            assert service is not None
            await service(stop)

    thread = threading.Thread(target=lambda: loop.run_until_complete(relay()))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive(), "the relay did not stop"
        loop.close()


def tell(bench: Workbench, tenant: str, *values: bytes) -> None:
    producer = kafka.producer(bench.settings, "ledger")
    for value in values:
        headers: list[tuple[str, str | bytes | None]] = [("tenant", tenant.encode()), ("seq", b"1")]
        producer.produce(bench.topic(STATUS_TOPIC), key=b"order", value=value, headers=headers)
    assert producer.flush(30) == 0


def test_every_status_of_a_tenant_is_copied_once_and_in_order_over_restarts(bench: Workbench) -> None:
    topic = tenant_topic("demo")

    tell(bench, "demo", b"1", b"2")
    with relaying(bench):
        wait_until(lambda: len(bench.records(topic)) == 2, 60, "the first two are there")
    tell(bench, "demo", b"3")
    with relaying(bench):
        wait_until(lambda: len(bench.records(topic)) >= 3, 60, "the third is there")

    assert [value for value, _ in bench.records(topic)] == [b"1", b"2", b"3"]
    assert all(("tenant", b"demo") in headers for _, headers in bench.records(topic))


def test_a_status_of_a_tenant_without_a_topic_is_passed_over(bench: Workbench) -> None:
    tell(bench, "nobody", b"0")
    tell(bench, "demo", b"1")

    with relaying(bench):
        wait_until(lambda: bench.records(tenant_topic("demo")), 60, "the demo's status is there")

    assert [value for value, _ in bench.records(tenant_topic("demo"))] == [b"1"]
