"""Copy each order's status to its tenant's own compacted topic: `pod.orders.status.v1` to `stores.<tenant>.status.v1`.

Records and offsets go in one Kafka transaction, so that a relay that dies neither leaves one out nor repeats one: a
status that runs backwards, even for the moment of a restart, is what downstream systems must never see. A failure ends
the process; its successor has the same transactional id and goes on at the committed offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from confluent_kafka import Consumer, Message, Producer, TopicPartition

log = structlog.get_logger(__name__)

STATUS_TOPIC = "pod.orders.status.v1"
BATCH_RECORDS_MAX = 500
POLL_SECONDS = 0.2
TRANSACTION_SECONDS = 10.0


def tenant_topic(tenant: str) -> str:
    """The topic that a tenant's downstream systems read."""
    return f"stores.{tenant}.status.v1"


@dataclass(frozen=True, kw_only=True)
class StatusRelay:
    """Relays the statuses of the tenants that are configured; only these have a topic."""

    open_consumer: Callable[[], Consumer]
    open_producer: Callable[[], Producer]
    tenants: frozenset[str]
    topic_prefix: str = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises KafkaException when a transaction fails."""
        await asyncio.to_thread(self._relay, stop)

    def _relay(self, stop: asyncio.Event) -> None:
        # The producer comes first: it ends what a predecessor left open before the offsets are read.
        producer = self.open_producer()
        producer.init_transactions(TRANSACTION_SECONDS)
        consumer = self.open_consumer()
        try:
            consumer.subscribe([self.topic_prefix + STATUS_TOPIC])
            while not stop.is_set():
                messages = consumer.consume(BATCH_RECORDS_MAX, POLL_SECONDS)
                if good := [message for message in messages if _is_record(message)]:
                    self._copy(producer, consumer, good)
        finally:
            consumer.close()

    def _copy(self, producer: Producer, consumer: Consumer, messages: Sequence[Message]) -> None:
        """One transaction: the copies and the offsets behind the originals."""
        producer.begin_transaction()
        for message in messages:
            tenant = dict(message.headers() or []).get("tenant") or b""
            name = tenant.decode() if isinstance(tenant, bytes) else tenant
            if name not in self.tenants:
                log.warning("status_of_unknown_tenant", tenant=name[:64], offset=message.offset())
                continue
            producer.produce(
                self.topic_prefix + tenant_topic(name),
                key=message.key(),
                value=message.value(),
                headers=message.headers(),
            )
            producer.poll(0)
        ends = {
            (message.topic(), message.partition()): TopicPartition(
                message.topic() or "", message.partition() or 0, (message.offset() or 0) + 1
            )
            for message in messages
        }
        producer.send_offsets_to_transaction(
            list(ends.values()), consumer.consumer_group_metadata(), TRANSACTION_SECONDS
        )
        producer.commit_transaction(TRANSACTION_SECONDS)


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None:
        log.warning("relay_broker", reason=error.str())
    return error is None
