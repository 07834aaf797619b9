"""The roads in on the real stack: a webhook, a REST order and a store's own record become commands on intake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaException, Message, TopicPartition

from api.app import create_app
from events.codec import Codec
from events.declare import Declared
from events.documents import PublishedAddress, PublishedLine, StoreOrderPublished
from events.envelope import CommandEnvelope
from events.identity import order_id as order_id_of
from events.order.commands import ObserveStoreOrder
from infra import intake, kafka, postgres, serving
from infra.access import SCOPES, StoreTaken, UnknownScope
from infra.inbound_tables import PostgresIdempotency, PostgresParking
from infra.senders import KafkaCommandSender, KafkaRecordLog, NotACommand
from infra.settings import Settings
from processors import personal
from processors.inbound import shopify
from processors.ports import BrokerUnreachable, ConsumedRecord, RecordTooLarge
from tests.integration.own_settings import own_settings
from tests.support import wait_until
from tests.unit.inbound.test_shopify import body

pytestmark = pytest.mark.stack

SECRET = b"secret of the demo store"
CONSUME_SECONDS = 20.0


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """Two tenants with their stores connected."""
    with own_settings(stack) as made:
        with postgres.pool(made.database_app_url, made, name="tests") as pool:
            stores = intake.stores(made, pool)
            stores.put("demo", "demo-shopify", "shopify", secret=SECRET)
            stores.put("demo", "demo-rest", "rest")
            stores.put("demo", "demo-kafka", "kafka")
            stores.put("other", "other-rest", "rest")
        yield made


@pytest.fixture(scope="module")
def api_key(settings: Settings) -> str:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        return intake.api_keys(settings, pool).create("demo", "tests", SCOPES)


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


def test_a_shopify_webhook_is_stored_and_becomes_a_command(settings: Settings) -> None:
    raw_topic, intake_topic = Topic(settings, "pod.inbound.raw.v1"), Topic(settings, "pod.orders.intake.v1")
    raw = json.dumps(body(id=4711)).encode()
    headers = {
        "X-Shopify-Hmac-Sha256": shopify.sign(SECRET, raw),
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Event-Id": "event-4711",
    }
    response = called(settings, "POST", "/webhooks/shopify/demo-shopify", content=raw, headers=headers)
    assert response.status_code == 200, response.text

    stored = raw_topic.next()
    assert stored.key == b"shopify/demo-shopify"
    assert b"ann@example.com" not in (stored.value or b"")
    handled(settings, stored, stored)

    (command, envelope), (_, again) = command_in(intake_topic.next()), command_in(intake_topic.next())
    assert isinstance(command, ObserveStoreOrder)
    assert envelope.command_id == again.command_id
    assert envelope.key == order_id_of("demo", "demo-shopify", "4711")
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        vault = intake.vault(settings, pool)
        recipient = personal.open_recipient(vault, "demo", envelope.key, command.order.recipient)
        assert recipient.email == "ann@example.com"
        assert vault.orders_of_person("demo", "ann@example.com") == [envelope.key]
    raw_topic.close()
    intake_topic.close()


def test_an_order_by_rest_becomes_one_command_however_often_it_is_sent(settings: Settings, api_key: str) -> None:
    topic = Topic(settings, "pod.orders.intake.v1")
    order = {
        "store": "demo-rest",
        "external_id": "R-1",
        "currency": "EUR",
        "recipient": {"name": "Ann Example", "address1": "1 Demo Street", "city": "Berlin", "country": "DE"},
        "lines": [{"line_id": "1", "sku": "MUG-W", "quantity": 1}],
    }
    headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": "R-1"}
    answers = [called(settings, "POST", "/v1/orders", json=order, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    command, envelope = command_in(topic.next())
    assert isinstance(command, ObserveStoreOrder)
    assert envelope.command_id == answers[0].json()["command_id"]
    assert command.order.lines[0].artwork is None
    other = order | {"store": "other-rest"}
    refused = called(settings, "POST", "/v1/orders", json=other, headers=headers | {"Idempotency-Key": "R-2"})
    assert refused.json()["reason"] == "store_not_connected"
    topic.close()


def test_an_order_on_a_stores_own_topic_becomes_a_command(settings: Settings) -> None:
    topic = Topic(settings, "pod.orders.intake.v1")
    order = StoreOrderPublished(
        store="demo-kafka",
        external_id="K-1",
        placed_at=1,
        updated_at=2,
        currency="EUR",
        address=PublishedAddress(name="Ann Example", address1="1 Demo Street", city="Berlin", country="DE"),
        lines=(PublishedLine(line_id="1", sku="MUG-W", quantity=1),),
    )
    record = ConsumedRecord(
        topic="stores.demo.orders.v1", partition=0, offset=0, key=b"K-1", value=Codec().encode(order)
    )
    handled(settings, record)
    command, envelope = command_in(topic.next())
    assert isinstance(command, ObserveStoreOrder)
    assert envelope.key == order_id_of("demo", "demo-kafka", "K-1")
    topic.close()


def test_what_cannot_be_read_lands_once_on_the_dead_letter_topic_sealed(settings: Settings) -> None:
    topic = Topic(settings, "dlq.stores.demo.orders.v1")
    record = ConsumedRecord(
        topic="stores.demo.orders.v1", partition=0, offset=7, key=b"k", value=b"Ann Example, not Avro"
    )
    handled(settings, record)
    letter = topic.next()
    headers = dict(letter.headers)
    assert headers["__connect.errors.exception.class.name"] == b"NotFramed"
    assert headers["__connect.errors.offset"] == b"7"
    assert b"Ann Example" not in (letter.value or b"")
    with postgres.pool(settings.database_url, settings, name="tests") as pool:
        opened = intake.vault(settings, pool).open_daily("dlq", "dlq.stores.demo.orders.v1", letter.value or b"")
    assert opened == b"Ann Example, not Avro"
    topic.close()


def consumed_while(settings: Settings, look: Callable[[], Any]) -> Any:
    """What `look` sees while the inbound process runs; the process is stopped in order afterwards."""

    async def run() -> Any:
        with intake.inbound_consumer(settings, partners={}, carriers={}) as consumer:
            stop = asyncio.Event()
            running = asyncio.create_task(consumer.run(stop))
            try:
                return await asyncio.to_thread(look)
            finally:
                stop.set()
                await running

    return asyncio.run(run())


def test_the_inbound_process_reads_every_stores_topic_and_moves_on_past_what_it_cannot_read(
    settings: Settings,
) -> None:
    intake_topic = Topic(settings, "pod.orders.intake.v1")
    letters = Topic(settings, "dlq.stores.other.orders.v1")
    codec = Codec()
    address = PublishedAddress(name="Ann Example", address1="1 Demo Street", city="Berlin", country="DE")

    def order(external_id: str, store: str) -> bytes:
        line = PublishedLine(line_id="1", sku="MUG-W", quantity=1)
        return codec.encode(
            StoreOrderPublished(
                store=store,
                external_id=external_id,
                placed_at=1,
                updated_at=2,
                currency="EUR",
                address=address,
                lines=(line,),
            )
        )

    async def publish(*records: tuple[str, bytes]) -> None:
        with KafkaRecordLog.connect(settings, "tests") as log:
            for topic, value in records:
                await log.append(topic, "k", value)

    asyncio.run(
        publish(
            ("stores.demo.orders.v1", order("P-1", "demo-kafka")),
            ("stores.other.orders.v1", b"not Avro"),
            ("stores.other.orders.v1", order("P-2", "demo-kafka")),
            ("stores.other.orders.v1", order("P-3", "other-rest")),
        )
    )

    first, third = order_id_of("demo", "demo-kafka", "P-1"), order_id_of("other", "other-rest", "P-3")
    fourth = order_id_of("demo", "demo-kafka", "P-4")

    def keys_until(*wanted: str) -> list[str]:
        # Webhooks of earlier tests are read here as well, so theirs may stand between.
        seen: list[str] = []
        while not set(wanted) <= set(seen):
            seen.append(command_in(intake_topic.next())[1].key)
        return seen

    def look() -> list[bytes]:
        keys_until(first, third)
        return [dict(letters.next().headers)["__connect.errors.exception.class.name"] for _ in range(2)]

    assert sorted(consumed_while(settings, look)) == [b"ForeignStore", b"NotFramed"]

    # A second start does not read again what was committed: the next command is the next order.
    asyncio.run(publish(("stores.demo.orders.v1", order("P-4", "demo-kafka"))))
    seen = consumed_while(settings, lambda: keys_until(fourth))
    assert not {first, third} & set(seen)
    intake_topic.close()
    letters.close()


def test_the_read_models_of_an_empty_system_answer(settings: Settings, api_key: str) -> None:
    headers = {"Authorization": f"Bearer {api_key}"}
    assert called(settings, "GET", "/readyz").json() == {"status": "ok", "not_ready": {}}
    order_id = order_id_of("demo", "demo-rest", "never")
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}/timeline"):
        assert called(settings, "GET", path, headers=headers).json()["reason"] == "order_not_known"


def test_keys_expire_and_are_revoked_and_only_their_hmac_is_stored(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        keys = intake.api_keys(settings, pool)
        presented = keys.create("demo", "short", ["orders:read"])
        expired = keys.create("demo", "expired", ["orders:read"], expires_at=1)
        found = keys.authenticate(presented)
        assert found is not None
        assert (found.tenant, found.scopes) == ("demo", frozenset({"orders:read"}))
        for wrong in (expired, presented[:-1] + ("a" if presented[-1] != "a" else "b"), "pl_000000000000_x", ""):
            assert keys.authenticate(wrong) is None
        assert not keys.revoke("other", found.prefix)
        assert keys.revoke("demo", found.prefix)
        assert keys.authenticate(presented) is None
        assert intake.api_keys(settings, pool).authenticate(presented) is None
        with pytest.raises(UnknownScope):
            keys.create("demo", "x", ["everything"])
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT * FROM api_keys").fetchall()
    assert presented.rpartition("_")[2] not in repr(rows)


def test_a_stores_secret_is_wrapped_and_its_name_belongs_to_one_tenant(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        stores = intake.stores(settings, pool)
        with pytest.raises(StoreTaken):
            stores.put("other", "demo-shopify", "shopify", secret=b"theirs")
        stores.put("demo", "demo-shopify", "shopify", options={"policy": {"approval": "when_clean"}})
        found = stores.find("demo-shopify")
        assert found is not None
        assert (found.tenant, found.secret) == ("demo", SECRET)
        assert found.options == {"policy": {"approval": "when_clean"}}
        assert stores.find("nowhere") is None
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT * FROM store_connections").fetchall()
    assert SECRET.decode() not in repr(rows)


def test_parked_records_come_back_when_due_and_only_then(settings: Settings) -> None:
    record = ConsumedRecord(
        topic="t", partition=1, offset=2, key=b"k", value=b"v", headers=(("a", b"\xff"),), timestamp_at=3
    )
    with postgres.pool(settings.database_url, settings, name="tests") as pool:
        parking = PostgresParking(pool)
        parking.park(record, "why", 100)
        assert parking.due(99, 10) == []
        ((back, parked_at),) = parking.due(100, 10)
        assert back == record
        parking.park(record, "still", 200)
        assert parking.due(150, 10) == []
        assert parking.due(200, 10) == [(record, parked_at)]
        parking.release(record)
        assert parking.due(200, 10) == []


def test_idempotency_keys_belong_to_a_tenant_and_keep_their_first_answer(settings: Settings) -> None:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        keys = PostgresIdempotency(pool)
        assert keys.begin("demo", "i-1", "digest") is None
        assert keys.begin("other", "i-1", "digest") is None
        running = keys.begin("demo", "i-1", "digest")
        assert running is not None
        assert running.status_code is None
        keys.finish("demo", "i-1", 202, {"a": 1})
        keys.finish("demo", "i-1", 500, {"b": 1})
        keys.forget("demo", "i-1")
        known = keys.begin("demo", "i-1", "another")
        assert known is not None
        assert (known.request_digest, known.status_code, known.response) == ("digest", 202, {"a": 1})
        keys.forget("other", "i-1")
        assert keys.begin("other", "i-1", "another") is None
        assert keys.expire("demo", 30) == 0


def test_a_record_above_the_topics_limit_is_refused_to_its_sender(settings: Settings) -> None:
    async def send() -> None:
        with KafkaRecordLog.connect(settings, "tests") as log:
            await log.append("pod.orders.intake.v1", "k", b"x" * 8_000_000)

    with pytest.raises(RecordTooLarge):
        asyncio.run(send())


def test_a_broker_that_is_away_is_named(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})

    async def send() -> None:
        with KafkaRecordLog.connect(away, "tests") as log:
            await log.append("pod.orders.intake.v1", "k", b"x")

    with pytest.raises(BrokerUnreachable, match="send it again"):
        asyncio.run(send())


def test_only_commands_are_sent_as_commands(settings: Settings) -> None:
    envelope = CommandEnvelope(command_id="c", key="k", tenant="demo", command_type="x", sent_at=1, actor="tests")
    order = PublishedAddress(name="", address1="", city="", country="")

    async def send() -> None:
        with KafkaRecordLog.connect(settings, "tests") as log:
            await KafkaCommandSender(log, Codec()).send(order, envelope)

    with pytest.raises(NotACommand):
        asyncio.run(send())
