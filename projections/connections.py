"""Where a projection finds its database and its broker: plain values, so that a rebuild can hand them to processes."""

import logging
from typing import Any

import msgspec
import psycopg
from confluent_kafka import Consumer
from psycopg import Connection
from psycopg.rows import TupleRow

CONNECT_SECONDS = 10
#: A record is answered at once. The end of a partition is told so late, and an idle one is asked so often.
FETCH_WAIT_MS, REBUILD_FETCH_WAIT_MS = 250, 20


class Connections(msgspec.Struct, frozen=True, kw_only=True):
    """Opens what a projection works with.

    The role of `database_url` owns the read models' tables and has BYPASSRLS. `consumer_config` is that of a consumer
    of committed records which commits nothing by itself; what a projection needs beside it is added here.
    """

    database_url: str
    consumer_config: dict[str, Any]

    def open_database(self) -> Connection[TupleRow]:
        """A connection in autocommit mode."""
        return psycopg.connect(
            self.database_url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="printledger projection",
        )

    def open_consumer(self) -> Consumer:
        """A consumer that tells where a partition ends and never skips what it did not find."""
        return self._consumer(FETCH_WAIT_MS)

    def open_rebuild_consumer(self) -> Consumer:
        """The same for a rebuild, which reads to the end and goes: what it waits for the end is part of its time."""
        return self._consumer(REBUILD_FETCH_WAIT_MS)

    def _consumer(self, fetch_wait_ms: int) -> Consumer:
        needed = {
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": fetch_wait_ms,
            "queued.max.messages.kbytes": 32 * 1024,
        }
        return Consumer(self.consumer_config | needed, logger=logging.getLogger("kafka.projection"))
