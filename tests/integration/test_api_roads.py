"""The roads in on the real stack: a webhook, a REST order and a store's own record become commands on intake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from events.codec import Codec
from events.documents import PublishedAddress, PublishedLine, StoreOrderPublished
from events.envelope import CommandEnvelope
from events.identity import order_id as order_id_of
from events.order.commands import ObserveStoreOrder
from infra import intake, postgres
from infra.access import SCOPES
from infra.senders import KafkaCommandSender, KafkaRecordLog, NotACommand
from infra.settings import Settings
from processors import personal
from processors.inbound import shopify
from processors.ports import BrokerUnreachable, ConsumedRecord, RecordTooLarge
from tests.integration.roads import SECRET, Topic, called, command_in, connected_stores, handled
from tests.support import wait_until
from tests.unit.inbound.shopify_orders import body

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def settings(stack: Settings) -> Iterator[Settings]:
    """Two tenants with their stores connected."""
    with connected_stores(stack) as made:
        yield made


@pytest.fixture(scope="module")
def api_key(settings: Settings) -> str:
    with postgres.pool(settings.database_app_url, settings, name="tests") as pool:
        return intake.api_keys(settings, pool).create("demo", "tests", SCOPES)


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
    ready = {"status": "ok", "not_ready": {}}
    wait_until(lambda: called(settings, "GET", "/readyz").json() == ready, 60, "database and broker answer")
    order_id = order_id_of("demo", "demo-rest", "never")
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}/timeline"):
        assert called(settings, "GET", path, headers=headers).json()["reason"] == "order_not_known"


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
