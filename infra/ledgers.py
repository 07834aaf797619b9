"""Wires ledger processes: Kafka clients, database connections and the sealing of dead letters."""

from __future__ import annotations

from typing import Any

import psycopg
from confluent_kafka import Consumer
from psycopg import Connection

from infra import kafka
from infra.settings import Settings
from processors.ledger.clients import Clients

CONNECT_SECONDS = 5


def clients(settings: Settings) -> Clients:
    """The ledger's Kafka clients for an installation."""

    def reader(committed: bool) -> Consumer:
        return kafka.consumer(
            settings,
            "ledger-reader",
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_partition_eof=True,
            auto_offset_reset="error",
            # A partition is read from its checkpoint to its end at once: larger fetches, fewer of them.
            fetch_wait_max_ms=20,
        )

    return Clients(
        producer=lambda transactional_id: kafka.transactional_producer(settings, transactional_id),
        consumer=lambda group_id, instance_id: kafka.consumer(
            settings, group_id, instance_id=instance_id, queued_max_messages_kbytes=16_384
        ),
        reader=reader,
    )


def connect(settings: Settings) -> Connection[Any]:
    """A connection for the ledger's own tables, in autocommit mode."""
    return psycopg.connect(settings.database_url, autocommit=True, connect_timeout=CONNECT_SECONDS)
