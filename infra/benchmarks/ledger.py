"""How many facts a second one ledger process commits, everything switched on.

Whole lives of orders lie on the intake topic before the ledger starts. The time runs from the first fact's own time to
the moment at which the group's committed offsets reach the end of intake: deciding, encoding, chaining, status and work
records, commits and snapshots count, starting Python does not. Before that another ledger process answers the beginning
of those lives, because a broker that has just started compiles itself on the core that the ledger works on. Afterwards
`verify` and `audit` prove the result of both.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from confluent_kafka import KafkaException, Producer, TopicPartition

from events.codec import Codec
from events.envelope import Headers
from events.stream import Stream
from infra import kafka, ledgers
from infra.benchmarks.order_lives import Sent, lives
from infra.benchmarks.stack import machine, process, stack
from infra.settings import Settings
from processors.ledger.intake import headers_of
from processors.ledger.loop import group_of
from processors.ports import NamedError
from processors.proof.audit import audit
from processors.proof.verify import verify

COMMANDS = 150_000
#: A broker that has just started spends a third of a core on compiling itself, so it is given this to do first.
WARM_UP_COMMANDS = 60_000
OPEN_ORDERS = 1_000
SECONDS_MAX = 180.0
#: Asking more often would cost what is measured more than it would make it exact.
POLL_SECONDS = 0.1


Ready: TypeAlias = tuple[str, bytes, Headers]
"""Key, value and headers of a command."""


class LedgerTooSlow(NamedError):
    """The ledger did not answer all commands in time. Its log is the last file below."""


class Publisher:
    """Puts the commands of lives onto intake, as their senders would."""

    def __init__(self, settings: Settings, stream: Stream, **overrides: Any) -> None:
        self._producer: Producer = kafka.producer(settings, "bench-sender", **overrides)
        self._topic = stream.intake_topic
        self._codec = Codec()

    def send(self, sent: Sent) -> None:
        """Produce one command; `flush` waits for all."""
        self.send_ready(self.ready(sent))

    def ready(self, sent: Sent) -> Ready:
        """The command as it goes out."""
        value = self._codec.encode(sent.command)
        return sent.key, value, sent.envelope.to_headers()

    def send_ready(self, ready: Ready) -> None:
        """Produce one command that was made ready before."""
        key, value, headers = ready
        while True:
            try:
                self._producer.produce(self._topic, key=key, value=value, headers=cast("Any", headers))
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def flush(self) -> None:
        """Return when the broker has every command."""
        self._producer.flush()


def run(
    commands: int = COMMANDS, open_orders: int = OPEN_ORDERS, seed: int = 1, warm_up: int = WARM_UP_COMMANDS
) -> dict[str, Any]:
    """Measure; returns `facts_per_second` and what belongs to it."""
    conditions = machine()
    with stack() as settings:
        stream = ledgers.stream_of(settings, "orders")
        sending = lives(seed, open_orders=open_orders)
        answered_by_a_ledger(settings, stream, itertools.islice(sending, warm_up))
        facts_before = verify(stream.events_topic, ledgers.clients(settings).reader).facts
        ends_before = _ends(settings, stream.events_topic)
        ended_at, cpu_seconds = answered_by_a_ledger(settings, stream, itertools.islice(sending, commands))
        began_at = _first_fact_at(settings, stream, ends_before)
        verified = verify(stream.events_topic, ledgers.clients(settings).reader)
        audited = audit(
            stream,
            ledgers.clients(settings).reader,
            ledgers.committed_offsets(settings, stream, settings.ledger_partitions),
            ledgers.dead_letter_topic(settings, stream),
        )
    seconds = ended_at - began_at
    facts = verified.facts - facts_before
    return {
        "facts_per_second": round(facts / seconds),
        "commands_per_second": round(commands / seconds),
        "facts": facts,
        "commands": commands,
        "seconds": round(seconds, 2),
        "ledger_cpu_seconds": round(cpu_seconds, 2),
        "verify_facts_per_second": verified.facts_per_second,
        "violations": verified.violations + audited.violations,
        "duplicates": audited.duplicates,
        "refused_or_ignored": audited.rejected + audited.rejected_in_stream,
        "conditions": conditions
        | {
            "partitions": settings.ledger_partitions,
            "warm_up_commands": warm_up,
            "open_orders": open_orders,
            "seed": seed,
            "stack": "Kafka, PostgreSQL and the ledger on this machine; all commands lie on intake at the start",
        },
    }


def answered_by_a_ledger(settings: Settings, stream: Stream, sending: Iterable[Sent]) -> tuple[float, float]:
    """Put commands onto intake, then let a ledger process answer them all; returns when it had, and its CPU seconds."""
    publisher = Publisher(settings, stream)
    for sent in sending:
        publisher.send(sent)
    publisher.flush()
    with process(settings, "ledger", "--stream", "orders") as ledger:
        ended_at = wait_until_answered(settings, stream, lambda: ledger.poll() is None)
        return ended_at, _cpu_seconds(ledger.pid)


def wait_until_answered(settings: Settings, stream: Stream, is_running: Any) -> float:
    """Return the time (epoch seconds) at which everything on intake was answered. Raises LedgerTooSlow."""
    ends = _ends(settings, stream.intake_topic)
    consumer = kafka.consumer(settings, group_of(stream))
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline and is_running():
            asked = [TopicPartition(stream.intake_topic, number) for number in ends]
            try:
                found = consumer.committed(asked, timeout=10)
            except KafkaException:
                # A broker that has just started does not know yet that it coordinates the group.
                found = []
            if found and all(where.offset >= ends[where.partition] for where in found):
                return time.time()
            time.sleep(POLL_SECONDS)
    finally:
        consumer.close()
    logs = sorted(settings.logs_dir.glob("ledger*.log"))
    last = logs[-1].read_text(encoding="utf-8", errors="replace")[-2_000:] if logs else ""
    raise LedgerTooSlow(f"{LedgerTooSlow.__doc__}\n{last}")


def _ends(settings: Settings, topic: str) -> dict[int, int]:
    """The offset behind each partition's last record."""
    reader = ledgers.clients(settings).reader(True)
    try:
        return {
            number: reader.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in range(settings.ledger_partitions)
        }
    finally:
        reader.close()


def _first_fact_at(settings: Settings, stream: Stream, ends_before: Mapping[int, int]) -> float:
    """When the first fact behind these offsets was decided, epoch seconds."""
    reader = ledgers.clients(settings).reader(True)
    times = []
    try:
        for number, offset in ends_before.items():
            reader.assign([TopicPartition(stream.events_topic, number, offset)])
            message = next((found for found in reader.consume(1, 10) if found.error() is None), None)
            if message is not None:
                times.append(int(dict(headers_of(message))["ce_time"]))
    finally:
        reader.close()
    return min(times) / 1_000


def _cpu_seconds(pid: int) -> float:
    """User and system time of a running process; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100
    except (OSError, ValueError, IndexError):
        return 0.0
