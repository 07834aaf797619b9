"""Kafka clients, made in one place: every producer partitions by murmur2, every consumer reads committed.

confluent-kafka's own default partitioner puts 94 of 1,000 keys elsewhere than Java and aiokafka do. With two
kinds of producers on a topic, an order's commands would land on two partitions and have two writers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from infra.settings import Settings
from processors.ports import NamedError

PARTITIONER = "murmur2_random"
#: Time in which one record must be confirmed, all retries included.
DELIVERY_MS = 30_000
#: An open transaction hides everything behind it from readers, so a dead writer's must end soon.
TRANSACTION_MS = 10_000
#: The session ends before the transaction does: the successor is there when the log is readable again.
SESSION_MS = 6_000
#: Larger than the largest record of topics.yaml, so that the topic's own limit is the one that refuses.
MESSAGE_BYTES_MAX = 4 * 1024 * 1024

_NO_LEADER_YET = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        # The client itself found no leader to ask.
        KafkaError._NOENT,
    }
)

#: The broker answers, and wants no such client: waiting does not help.
_REFUSED = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED})

Config = dict[str, Any]


#: How long a command waits for a broker's first answer.
BROKER_SECONDS = 10.0
#: A new topic's partitions have their leaders after some milliseconds; a busy broker takes seconds.
LEADERS_SECONDS_MAX = 30.0
LEADERS_POLL_SECONDS = 0.02
ANSWER_POLL_SECONDS = 0.02
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaUnreachable(NamedError):
    """No Kafka broker answered. Run `printledger up`, or mend KAFKA_BOOTSTRAP_SERVERS or KAFKA_SECURITY_PROTOCOL."""


class KafkaRefused(NamedError):
    """The Kafka cluster does not let us in. Mend the settings whose names begin with KAFKA_SASL_, or KAFKA_CA_FILE."""


def common_config(settings: Settings, client_id: str) -> Config:
    """What every client shares: address, name, how it proves itself, quick reconnects."""
    return settings.librdkafka_access() | {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "client.id": client_id,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2_000,
        # librdkafka's idle log lines would be mixed into the process's own; errors come through callbacks.
        "log.connection.close": False,
    }


def producer_config(settings: Settings, client_id: str) -> Config:
    """An idempotent producer that waits for all replicas."""
    return common_config(settings, client_id) | {
        "partitioner": PARTITIONER,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "compression.type": "lz4",
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "delivery.timeout.ms": DELIVERY_MS,
    }


def transactional_producer_config(settings: Settings, transactional_id: str) -> Config:
    """The ledger's producer: one stable id a slot, and next to no waiting inside a transaction.

    With `linger.ms` 1 and `retry.backoff.ms` 2 a one-command transaction takes 4 ms instead of 100. Without any
    linger the first record of each partition is a request of its own, which costs the broker more than it gains.
    """
    return producer_config(settings, transactional_id) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_MS,
        "delivery.timeout.ms": TRANSACTION_MS,
        "linger.ms": 1,
        "retry.backoff.ms": 2,
    }


def consumer_config(settings: Settings, group_id: str, *, instance_id: str | None = None) -> Config:
    """A consumer of committed records that commits nothing by itself."""
    config = common_config(settings, instance_id or group_id) | {
        "group.id": group_id,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": SESSION_MS // 3,
        # A record is answered at once; this is how often an idle consumer asks again, which the broker pays for.
        "fetch.wait.max.ms": 250,
        # A regex subscription finds a new tenant's topic within this time.
        "topic.metadata.refresh.interval.ms": 10_000,
    }
    return config | ({"group.instance.id": instance_id} if instance_id else {})


def producer(settings: Settings, client_id: str, **overrides: Any) -> Producer:
    """A producer of single records. Poll or flush it, or its delivery reports never come."""
    return Producer(producer_config(settings, client_id) | _dotted(overrides), logger=_logger(client_id))


def transactional_producer(settings: Settings, transactional_id: str, **overrides: Any) -> Producer:
    """A transactional producer; call `init_transactions` before the first transaction."""
    config = transactional_producer_config(settings, transactional_id) | _dotted(overrides)
    return Producer(config, logger=_logger(transactional_id))


def consumer(settings: Settings, group_id: str, *, instance_id: str | None = None, **overrides: Any) -> Consumer:
    """A read-committed consumer. `overrides` name settings with underscores: `auto_offset_reset="latest"`."""
    config = consumer_config(settings, group_id, instance_id=instance_id) | _dotted(overrides)
    return Consumer(config, logger=_logger(group_id))


def admin(settings: Settings) -> AdminClient:
    """A client for topics and configurations."""
    return AdminClient(common_config(settings, "printledger-admin"), logger=_logger("admin"))


def wait_until_ready(settings: Settings, timeout_seconds: float) -> None:
    """Return when a broker answers.

    Raises KafkaRefused as soon as one lets no such client in, KafkaUnreachable when the time is over.
    """
    told: list[KafkaError] = []
    # What it has to say is in the error; in the log it would stand once for each try to connect.
    client = AdminClient(common_config(settings, "printledger-admin") | {"error_cb": told.append, "log_level": 0})
    where = settings.kafka_bootstrap_servers
    answer = client.describe_cluster(request_timeout=timeout_seconds)
    while not answer.done():
        client.poll(ANSWER_POLL_SECONDS)
        if refused := [one for one in told if one.code() in _REFUSED]:
            raise KafkaRefused(f"{where}: {KafkaRefused.__doc__} ({refused[-1].str()})")
    try:
        answer.result()
    except KafkaException as error:
        raise KafkaUnreachable(f"{where}: {KafkaUnreachable.__doc__}") from error


def wait_until_led(admin: AdminClient, partitions: Mapping[str, int]) -> None:
    """Return when each partition of these topics (name to number of partitions) answers through its leader.

    The broker answers the making of a topic before the topic's leaders have taken over; whoever reads at once is told
    that there is none. Raises KafkaUnreachable after half a minute.
    """
    deadline = time.monotonic() + LEADERS_SECONDS_MAX
    waiting = {TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)}
    while True:
        # The whole list is asked for first: the client would remember for half a minute that a topic was not in it.
        found = admin.list_topics(timeout=LEADERS_SECONDS_MAX).topics
        known = {
            where for where in waiting if where.topic in found and where.partition in found[where.topic].partitions
        }
        asked = admin.list_offsets(dict.fromkeys(known, LATEST)) if known else {}
        waiting -= {where for where, answer in asked.items() if _is_answered(answer)}
        if not waiting:
            return
        if time.monotonic() > deadline:
            named = ", ".join(sorted(f"{where.topic}[{where.partition}]" for where in waiting)[:5])
            raise KafkaUnreachable(f"{named} has no leader. {KafkaUnreachable.__doc__}")
        time.sleep(LEADERS_POLL_SECONDS)


def _is_answered(answer: Any) -> bool:
    """Whether a partition's leader answered; no leader yet is a matter of waiting, all else is raised."""
    try:
        answer.result(timeout=LEADERS_SECONDS_MAX)
    except KafkaException as error:
        if is_retriable(error.args[0]) or error.args[0].code() in _NO_LEADER_YET:
            return False
        raise
    return True


def is_retriable(error: KafkaError) -> bool:
    """Whether waiting may help: the broker is away or busy, nothing is wrong with the request."""
    return bool(error.retriable()) or error.code() in (
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
    )


def _dotted(overrides: dict[str, Any]) -> Config:
    return {name.replace("_", "."): value for name, value in overrides.items()}


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(f"kafka.{name}")
