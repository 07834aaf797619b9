"""What tests of the roads in share: two tenants' stores, a reader of one topic, the API, the inbound processor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaException, Message, TopicPartition

from api.app import create_app
from events.codec import Codec
from events.declare import Declared
from events.envelope import CommandEnvelope
from infra import intake, kafka, postgres, serving
from infra.settings import Settings
from processors.ports import ConsumedRecord
from tests.integration.own_settings import own_settings
from tests.support import wait_until

SECRET = b"secret of the demo store"
CONSUME_SECONDS = 20.0


@contextmanager
def connected_stores(stack: Settings) -> Iterator[Settings]:
    """Settings of their own for two tenants whose stores are connected."""
    with own_settings(stack) as made:
        with postgres.pool(made.database_app_url, made, name="tests") as pool:
            stores = intake.stores(made, pool)
            stores.put("demo", "demo-shopify", "shopify", secret=SECRET)
            stores.put("demo", "demo-rest", "rest")
            stores.put("demo", "demo-kafka", "kafka")
            stores.put("other", "other-rest", "rest")
        yield made


class Topic:
    """Reads one topic from where it stands now."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._prefix = settings.topic_prefix
        topic = self._prefix + topic
        self._consumer = kafka.consumer(settings, f"tests-{topic}")
        metadata = self._consumer.list_topics(topic, timeout=10).topics[topic]
        partitions = [TopicPartition(topic, number) for number in metadata.partitions]
        for partition in partitions:
            partition.offset = self._end_of(partition)
        self._consumer.assign(partitions)

    def _end_of(self, partition: TopicPartition) -> int:
        def offsets() -> tuple[int, int] | None:
            try:
                return self._consumer.get_watermark_offsets(partition, timeout=10)
            except KafkaException:
                # A topic that was made a moment ago may have no leader yet.
                return None

        found = wait_until(offsets, 60, "the partition's leader")
        assert found is not None
        return found[1]

    def next(self) -> ConsumedRecord:
        """The next record; fails when none comes in time."""
        message = self._consumer.poll(CONSUME_SECONDS)
        assert message is not None, "no record came"
        assert message.error() is None, message.error()
        return consumed(message, self._prefix)

    def close(self) -> None:
        self._consumer.close()


def consumed(message: Message, prefix: str) -> ConsumedRecord:
    kind, timestamp_at = message.timestamp()
    headers = message.headers()
    headers = list(headers.items()) if isinstance(headers, dict) else headers or []
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return ConsumedRecord(
        topic=topic.removeprefix(prefix),
        partition=partition,
        offset=offset,
        key=message.key(),
        value=message.value(),
        headers=tuple((name, value) for name, value in headers if isinstance(value, bytes)),
        timestamp_at=0 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_at,
    )


def command_in(record: ConsumedRecord) -> tuple[Declared, CommandEnvelope]:
    return Codec().decode(record.value), CommandEnvelope.from_headers(list(record.headers))


def called(settings: Settings, method: str, path: str, **request: Any) -> httpx.Response:
    """One request to the API as it is served."""

    async def call() -> httpx.Response:
        async with serving.api_dependencies(settings, partners={}, carriers={}) as deps:
            transport = httpx.ASGITransport(create_app(deps))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **request)

    return asyncio.run(call())


def handled(settings: Settings, *records: ConsumedRecord) -> None:
    """The records as the inbound processor handles them."""

    async def handle() -> None:
        with intake.inbound_parts(settings, partners={}, carriers={}) as (processor, _):
            for record in records:
                await processor.handle(record)

    asyncio.run(handle())
