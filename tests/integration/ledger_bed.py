"""A bed for ledger tests: one stream with topics of its own, commands put onto it, and everything that comes out."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from confluent_kafka import Message, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from events.codec import Codec
from events.declare import Declared
from events.envelope import CommandEnvelope
from events.order.facts import WORK_TOPIC
from events.stream import Stream
from infra import kafka, ledgers
from infra.settings import Settings
from infra.topics import topics
from processors.ledger.clients import Clients
from processors.ledger.deadletters import Sealer
from processors.ledger.loop import Ledger, LedgerOptions
from processors.ledger.takeover import OnLoad
from processors.ports import CrashPoint, no_crash
from processors.proof.audit import AuditReport, audit
from processors.proof.scan import TopicReader
from processors.proof.verify import VerifyReport, verify
from processors.snapshots import Connect
from tests.integration.ledger_process import Orders
from tests.support import wait_until

ANSWER_SECONDS = 60.0
#: The longest time of a transaction in these tests is a minute, and the broker looks every ten seconds.
READABLE_SECONDS = 100.0
SEAL = b"sealed:"


class Bed:
    """One stream under a prefix of its own, on two partitions."""

    def __init__(self, settings: Settings, stream: str, partitions: int = 2) -> None:
        self.settings = settings
        self.stream: Stream = ledgers.stream_of(settings, stream)
        self.partitions = partitions
        self.codec = Codec()
        self.dead_letters = ledgers.dead_letter_topic(settings, self.stream)
        self._name = stream
        self._producer: Producer = kafka.producer(settings, "test-sender")

    def make_topics(self) -> list[str]:
        """Make the stream's topics, which take as large records as in everyday life; returns their names."""
        stream = self.stream
        rooms = {topic.name: str(topic.record_bytes) for topic in topics(self.settings)}
        many = [stream.intake_topic, stream.events_topic, *([stream.status_topic] if stream.status_topic else [])]
        single = [stream.rejected_topic, self.dead_letters, *(self.work_topics() if stream.status_topic else [])]
        new = [
            NewTopic(name, count, 1, config={"max.message.bytes": rooms[name]})
            for names, count in ((many, self.partitions), (single, 1))
            for name in names
        ]
        admin = kafka.admin(self.settings)
        for outcome in admin.create_topics(new).values():
            outcome.result(timeout=30)
        kafka.wait_until_led(admin, {one.topic: one.num_partitions for one in new})
        return [*many, *single]

    def work_topics(self) -> list[str]:
        """The topics of the order stream's workers."""
        return sorted({self.settings.topic_prefix + topic for topic in WORK_TOPIC.values()})

    def envelope(self, key: str, command_id: str, tenant: str = "demo", name: str = "Command") -> CommandEnvelope:
        """The envelope of a command."""
        return CommandEnvelope(
            command_id=command_id,
            key=key,
            tenant=tenant,
            command_type=name,
            sent_at=1_790_000_000_000,
            actor="test:sender",
            correlation_id="c-1",
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )

    def send(self, key: str, command_id: str, command: Declared, tenant: str = "demo") -> None:
        """Put a command onto intake."""
        envelope = self.envelope(key, command_id, tenant, type(command).__name__)
        self.send_raw(key, self.codec.encode(command), envelope.to_headers())

    def send_raw(self, key: str | bytes | None, value: bytes | None, headers: Any = None, partition: int = -1) -> None:
        """Put any record onto intake."""
        self._producer.produce(self.stream.intake_topic, key=key, value=value, headers=headers, partition=partition)
        self._producer.flush(30)

    def send_all(self, commands: Iterable[tuple[str, str, Declared]]) -> None:
        """Put many commands onto intake."""
        for key, command_id, command in commands:
            headers: Any = self.envelope(key, command_id, name=type(command).__name__).to_headers()
            self._producer.produce(self.stream.intake_topic, key=key, value=self.codec.encode(command), headers=headers)
        self._producer.flush(30)

    def read(self, topic: str) -> list[Message]:
        """All committed records of a topic."""
        reader = TopicReader(ledgers.clients(self.settings).reader)
        try:
            return [
                message
                for partition in reader.partitions(topic)
                for batch in reader.read(topic, partition, *reader.bounds(topic, partition))
                for message in batch
            ]
        finally:
            reader.close()

    def facts(self) -> list[Message]:
        """All committed facts."""
        return self.read(self.stream.events_topic)

    def decoded(self, topic: str) -> list[Declared]:
        """All committed records of a topic, decoded."""
        return [self.codec.decode(value_of(message)) for message in self.read(topic)]

    def is_answered(self) -> bool:
        """Whether the ledger has answered everything on intake."""
        return ledgers.committed_offsets(self.settings, self.stream, self.partitions) == self.intake_ends()

    def intake_ends(self) -> dict[int, int]:
        """The offset behind the last record of each partition of intake, markers of transactions included."""
        reader = TopicReader(ledgers.clients(self.settings).reader)
        try:
            return {n: reader.bounds(self.stream.intake_topic, n)[1] for n in range(self.partitions)}
        finally:
            reader.close()

    def wait_until_answered(self) -> None:
        """Return when the ledger has answered everything on intake."""
        wait_until(self.is_answered, ANSWER_SECONDS, "every command was answered")

    def wait_until_readable(self) -> None:
        """Return when no open transaction hides facts: the broker ends what a dead process began after its time."""
        wait_until(self._is_readable, READABLE_SECONDS, "no open transaction hides facts")

    def _is_readable(self) -> bool:
        readers = [ledgers.clients(self.settings).reader(is_committed) for is_committed in (True, False)]
        try:
            shown, written = (
                [
                    reader.get_watermark_offsets(TopicPartition(self.stream.events_topic, number), timeout=30)
                    for number in range(self.partitions)
                ]
                for reader in readers
            )
        finally:
            for reader in readers:
                reader.close()
        return shown == written

    def verify(self) -> VerifyReport:
        """Verify the stream's facts."""
        return verify(self.stream.events_topic, ledgers.clients(self.settings).reader, codec=self.codec)

    def audit(self) -> AuditReport:
        """Audit all of the stream's intake."""
        committed = ledgers.committed_offsets(self.settings, self.stream, self.partitions)
        return audit(self.stream, ledgers.clients(self.settings).reader, committed, self.dead_letters)

    def ledger(
        self,
        options: LedgerOptions | None = None,
        crash_point: CrashPoint = no_crash,
        connect: Connect | None = None,
        clients: Clients | None = None,
        seal: Sealer = lambda _, value: SEAL + value,
        on_load: OnLoad = lambda number, error: None,
        **changes: Any,
    ) -> Ledger:
        """A ledger for this stream; `changes` are fields of the stream."""
        stream = msgspec.structs.replace(self.stream, **changes)
        return Ledger(
            stream,
            self.codec,
            clients or ledgers.clients(self.settings),
            connect or (lambda: ledgers.connect(self.settings)),
            seal,
            self.dead_letters,
            options=options,
            crash_point=crash_point,
            on_load=on_load,
        )

    @contextmanager
    def running(self, ledger: Ledger | None = None) -> Iterator[Running]:
        """Run a ledger in a thread until the block ends."""
        running = Running(ledger or self.ledger())
        try:
            yield running
        finally:
            running.stop()

    def process(self, **orders: Any) -> subprocess.Popen[str]:
        """Start a ledger as a process of its own; see `Orders`."""
        told = Orders(
            data_dir=str(self.settings.data_dir),
            topic_prefix=self.settings.topic_prefix,
            stream=self._name,
            **orders,
        )
        argv = (sys.executable, "-m", "tests.integration.ledger_process", msgspec.json.encode(told).decode())
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


class Running:
    """A ledger in a thread."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-ledger")
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether `run` returned or raised."""
        return not self._thread.is_alive()

    def wait_for_error(self) -> BaseException:
        """What stopped the ledger by itself."""
        wait_until(lambda: self.has_ended, ANSWER_SECONDS, "the ledger stopped by itself")
        assert self.error is not None
        return self.error

    def stop(self) -> None:
        """End it and wait."""
        self.ledger.stop()
        self._thread.join(ANSWER_SECONDS)
        assert self.has_ended

    def _run(self) -> None:
        try:
            self.ledger.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error


def value_of(message: Message) -> bytes:
    """The value of a record that has one."""
    value: Any = message.value()
    assert isinstance(value, bytes)
    return value


def headers_of(message: Message) -> dict[str, bytes]:
    """The headers of a record by name."""
    headers: Any = message.headers() or ()
    return dict(headers)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition of a ledger test."""
    wait_until(condition, ANSWER_SECONDS, what)
