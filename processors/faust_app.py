"""Faust's consumer as the workers need it: committed records alone, and offsets exactly behind what is acknowledged.

Two things of Faust 0.15 are set right here: it reads uncommitted records unless told otherwise, and its book-keeping of
offsets takes the transaction markers between the ledger's records for lost messages and can commit past a record that
is still being worked on.
"""

from __future__ import annotations

from typing import Any, ClassVar

import aiokafka
import faust
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver

FETCH_WAIT_MS = 500
POLL_RECORDS_MAX = 50
#: The session ends this long after a worker died; a restarted one has the same instance id and need not wait for it.
SESSION_SECONDS = 10.0
HEARTBEAT_SECONDS = 3.0


class InOrderConsumer(driver.Consumer):
    """Faust's consumer, committing exactly behind the last acknowledged record of each partition."""

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return ReadCommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Offsets that no record has are transaction markers; nothing has to be noted of them."""

    def _new_offset(self, tp: Any) -> int | None:
        acknowledged = self._acked[tp]
        if not acknowledged:
            return None
        last: int = max(acknowledged)
        acknowledged.clear()
        self._acked_index[tp].clear()
        return last + 1


class ReadCommittedThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread on a client that does not see records of open or aborted transactions."""

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Faust warns of workers that commit nothing; an idle one is no reason to warn, and a stuck one is logged."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials),
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=POLL_RECORDS_MAX,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=int(SESSION_SECONDS * 1000),
            heartbeat_interval_ms=int(HEARTBEAT_SECONDS * 1000),
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )


class WorkTransport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer: ClassVar[type[driver.Consumer]] = InOrderConsumer


class _NoProducer(BootStrategy):
    """Reports go through the producer that all of the system uses, so Faust starts none, and no web server either."""

    enable_kafka_producer = False
    enable_web = False


class WorkerApp(faust.App):
    """A Faust app without producer and web server."""

    BootStrategy = _NoProducer

    def _new_transport(self) -> WorkTransport:
        return WorkTransport(self.conf.broker_consumer, self)
