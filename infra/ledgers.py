"""Wires ledger processes: Kafka clients, database connections, topics under their prefix, sealed dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from psycopg import Connection

from events.batches.stream import BATCH_STREAM
from events.catalogue.stream import CATALOGUE_STREAM
from events.codec import Codec
from events.declare import Declared
from events.operations.stream import OPERATIONS_STREAM
from events.order.stream import ORDER_STREAM
from events.stream import Stream
from infra import kafka, postgres
from infra.settings import Settings
from infra.stopped_partitions import StoppedPartitions
from infra.topics import DEAD_LETTER_PREFIX
from infra.vault import KeyWrapper, PostgresVault
from infra.vault_keys import KeyTables
from processors.clock import now_ms
from processors.dead_letters import DEAD_LETTER_PURPOSE
from processors.ledger.clients import Clients
from processors.ledger.errors import TopicMissing
from processors.ledger.loop import Ledger, LedgerOptions, group_of
from processors.ports import CrashPoint, NamedError, no_crash

STREAMS: Mapping[str, Stream] = {
    stream.name: stream for stream in (ORDER_STREAM, CATALOGUE_STREAM, BATCH_STREAM, OPERATIONS_STREAM)
}
CONNECT_SECONDS = 5
REQUEST_SECONDS = 15.0


class NoSuchStream(NamedError):
    """There is no stream of this name; the streams are `orders`, `catalogue`, `batches` and `operations`."""


def stream_of(settings: Settings, name: str) -> Stream:
    """A stream with its topics under the installation's prefix. Raises NoSuchStream."""
    stream = STREAMS.get(name)
    if stream is None:
        raise NoSuchStream(f"{name}: {NoSuchStream.__doc__}")
    prefix = settings.topic_prefix
    if not prefix:
        return stream
    plain_work_topic = stream.work_topic

    def work_topic(fact: Declared) -> str | None:
        topic = plain_work_topic(fact)
        return None if topic is None else prefix + topic

    return msgspec.structs.replace(
        stream,
        name=prefix + stream.name,
        intake_topic=prefix + stream.intake_topic,
        events_topic=prefix + stream.events_topic,
        rejected_topic=prefix + stream.rejected_topic,
        status_topic=None if stream.status_topic is None else prefix + stream.status_topic,
        work_topic=work_topic,
    )


def dead_letter_topic(settings: Settings, stream: Stream) -> str:
    """Where the stream's unreadable commands go."""
    return f"{settings.topic_prefix}{DEAD_LETTER_PREFIX}{stream.intake_topic.removeprefix(settings.topic_prefix)}"


#: Orders come by the thousand: fetched one by one, they would be most of what the broker does. A lone command waits for
#: these ten milliseconds. The other streams have a few commands a minute, and asking for them a hundred times a second
#: took an idle broker a tenth of a core.
FETCHED_BY_THE_BATCH: Mapping[str, int] = {"fetch_min_bytes": 65_536, "fetch_wait_max_ms": 10}


def clients(settings: Settings, stream: Stream = ORDER_STREAM) -> Clients:
    """The Kafka clients of a stream's ledger."""
    is_busy = stream.decider is ORDER_STREAM.decider

    def reader(committed: bool) -> Consumer:
        return kafka.consumer(
            settings,
            "ledger-reader",
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_partition_eof=True,
            auto_offset_reset="error",
            fetch_wait_max_ms=20,
        )

    return Clients(
        producer=lambda transactional_id: kafka.transactional_producer(settings, transactional_id),
        consumer=lambda group, instance_id: kafka.consumer(
            settings,
            group,
            instance_id=instance_id,
            # The ledger says where it begins; from any other place on it would take commands for answered.
            auto_offset_reset="error",
            queued_max_messages_kbytes=16_384,
            **(FETCHED_BY_THE_BATCH if is_busy else {}),
        ),
        reader=reader,
    )


def connect(settings: Settings) -> Connection[Any]:
    """A connection for the ledger's own tables, in autocommit mode."""
    return psycopg.connect(
        settings.database_url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="ledger"
    )


@contextmanager
def ledger(
    settings: Settings, name: str, *, options: LedgerOptions, crash_point: CrashPoint = no_crash
) -> Iterator[Ledger]:
    """A ledger process of a stream, ready to run. Dead letters are sealed under the day's key."""
    stream = stream_of(settings, name)
    letters = dead_letter_topic(settings, stream)
    with postgres.pool(settings.database_url, settings, name="ledger-vault") as pool:
        vault = PostgresVault(
            KeyTables(pool), KeyWrapper(settings.key("key_encryption_key")), settings.key("digest_key"), now_ms=now_ms
        )
        yield Ledger(
            stream,
            Codec(),
            clients(settings, stream),
            lambda: connect(settings),
            lambda topic, value: vault.seal_daily(DEAD_LETTER_PURPOSE, topic, value),
            letters,
            options=options,
            crash_point=crash_point,
            on_load=StoppedPartitions(settings.data_dir, stream.name),
        )


def partition_count(settings: Settings, topic: str) -> int:
    """The number of a topic's partitions. Raises TopicMissing."""
    admin = kafka.admin(settings)
    found = admin.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
    if found.error is not None:
        raise TopicMissing(f"{topic}. {TopicMissing.__doc__}")
    return len(found.partitions)


def committed_offsets(settings: Settings, stream: Stream, partitions: int) -> dict[int, int]:
    """Up to where the stream's ledger has answered intake, a partition each; without it 0."""
    consumer = kafka.consumer(settings, group_of(stream))
    try:
        asked = [TopicPartition(stream.intake_topic, number) for number in range(partitions)]
        found = consumer.committed(asked, timeout=REQUEST_SECONDS)
    finally:
        consumer.close()
    for where in found:
        if where.error is not None:
            raise KafkaException(where.error)
    return {where.partition: max(0, where.offset) for where in found}
