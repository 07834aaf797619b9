"""A workbench for workers on the real stack: requests go in as the ledger writes them, reports are read from intake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import Producer, TopicPartition

from events.codec import Codec
from events.declare import Declared
from events.envelope import CommandEnvelope, FactEnvelope
from events.order.facts import WORK_TOPIC, WorkRequested
from infra import kafka
from infra.crashing import CRASH_AT
from infra.settings import Settings
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from tests.support import wait_until

INTAKE = "pod.orders.intake.v1"
TENANT = "demo"
#: Far longer than a worker takes on a machine that is busy with other things.
START_SECONDS_MAX = 140.0


@dataclass
class Report:
    """One command that a worker sent."""

    command: Declared
    envelope: CommandEnvelope


@dataclass
class Workbench:
    """One test's topics, database and bucket, with a ledger's hand on the work topics."""

    settings: Settings
    codec: Codec = field(default_factory=Codec)
    _seq: int = 0

    def make_read_models(self) -> None:
        """The tables of all read models, empty."""
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            create_missing(connection, tuple(read_models(Topics()).values()))

    def execute(self, statement: str, *values: object) -> None:
        """Change the database as a projection would."""
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def ask(self, *facts: WorkRequested, order_id: str, abort: bool = False) -> None:
        """Write requests in one transaction, committed or aborted."""
        producer = kafka.transactional_producer(self.settings, f"{self.settings.topic_prefix}ledger")
        producer.init_transactions(30)
        producer.begin_transaction()
        for fact in facts:
            self._seq += 1
            envelope = FactEnvelope(
                key=order_id,
                tenant=TENANT,
                fact_type=type(fact).__name__,
                seq=self._seq,
                position=self._seq,
                recorded_at=1_800_000_000_000,
                actor="test",
                causation_id=f"command-{self._seq}",
                correlation_id="correlation",
                traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            self.put(fact, self.codec.encode(fact), [*envelope.to_headers(), ("hash", b"\x00" * 32)], producer=producer)
        if abort:
            producer.flush(30)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)

    def put(
        self,
        kind: WorkRequested,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        *,
        producer: Producer | None = None,
    ) -> None:
        """Write any bytes onto the work topic of a request."""
        used = producer or kafka.producer(self.settings, "test")
        used.produce(self.topic(WORK_TOPIC[type(kind)]), key=b"key", value=value, headers=[*headers])
        if producer is None:
            assert used.flush(30) == 0

    def topic(self, name: str) -> str:
        """The topic of this test."""
        return self.settings.topic_prefix + name

    def reports(self) -> list[Report]:
        """Every command on intake, partition by partition."""
        return [
            Report(self.codec.decode(value), CommandEnvelope.from_headers(headers))
            for value, headers in self.records(INTAKE)
        ]

    def records(self, name: str) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
        """Value and headers of every committed record of a topic."""
        topic = self.topic(name)
        consumer = kafka.consumer(self.settings, f"{topic}.reader", enable_partition_eof=True)
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            found, ended = [], 0
            while ended < len(partitions):
                for message in consumer.consume(500, 5):
                    if message.error() is not None:
                        ended += 1
                        continue
                    headers = [
                        (str(pair[0]), pair[1]) for pair in message.headers() or () if isinstance(pair[1], bytes)
                    ]
                    value = message.value()
                    found.append((value if isinstance(value, bytes) else b"", headers))
            return found
        finally:
            consumer.close()

    def wait_for_reports(self, count: int, timeout_seconds: float = 60.0) -> list[Report]:
        """All reports, once there are so many."""

        def enough() -> list[Report]:
            found = self.reports()
            return found if len(found) >= count else []

        return wait_until(enough, timeout_seconds, f"{count} reports")

    def committed(self, worker: str, topic_name: str) -> int:
        """Up to where the worker's group has committed its work topic; 0 where nothing was."""
        consumer = kafka.consumer(self.settings, f"{self.settings.topic_prefix}printledger.worker.{worker}")
        try:
            (where,) = consumer.committed([TopicPartition(self.topic(topic_name), 0)], timeout=30)
            return max(where.offset, 0)
        finally:
            consumer.close()

    def end_of(self, topic_name: str) -> int:
        """The offset behind the last record of a work topic."""
        consumer = kafka.consumer(self.settings, "test.end")
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(self.topic(topic_name), 0), timeout=30)
            return int(end)
        finally:
            consumer.close()

    @contextmanager
    def worker(
        self, *names: str, crash_at: str = "", environment: Mapping[str, str] | None = None
    ) -> Iterator[Process]:
        """`printledger worker NAMES` in a process of its own, ended politely with the block."""
        settings = self.settings
        process = Process(
            (sys.executable, "-m", "infra.cli", "worker", *names, "--data", str(settings.data_dir)),
            {
                "TOPIC_PREFIX": settings.topic_prefix,
                "DATABASE_URL": settings.database_url,
                "DATABASE_APP_URL": settings.database_app_url,
                "S3_BUCKET": settings.s3_bucket,
                "LOG_LEVEL": "warning",
                CRASH_AT: crash_at,
                **(environment or {}),
            },
            settings.data_dir / f"{settings.topic_prefix}{names[0]}.log",
        )
        try:
            yield process
        finally:
            process.end()

    def crash(self, name: str, at: str, environment: Mapping[str, str] | None = None) -> None:
        """Run a worker until it dies by SIGKILL at a named point."""
        with self.worker(name, crash_at=at, environment=environment) as process:
            assert process.wait(START_SECONDS_MAX) == -signal.SIGKILL, process.told()


class Process:
    """One process and what it wrote."""

    def __init__(self, argv: tuple[str, ...], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
            )

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None where it still runs after the time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def told(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it politely; a worker that does not end in time is an error."""
        if self._process.poll() is None:
            self._process.terminate()
            started = time.monotonic()
            if self.wait(60) is None:
                self.kill()
                raise AssertionError(f"the worker did not end within {time.monotonic() - started:.0f} s: {self.told()}")
