"""From publishing a command to reading its committed facts, at a steady thousand commands a second.

One process publishes whole lives of orders at even intervals and reads the events topic as any consumer does
(`read_committed`); the ledger runs beside it. A command's latency is from its hand-over to the producer until its first
fact is in the consumer's hands.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from confluent_kafka import OFFSET_END, TopicPartition

from events.stream import Stream
from infra import kafka, ledgers
from infra.benchmarks.ledger import Publisher
from infra.benchmarks.order_lives import lives
from infra.benchmarks.stack import machine, process, stack
from infra.settings import Settings
from processors.ledger.intake import headers_of

COMMANDS_PER_SECOND = 1_000
#: Until the broker's compiler has seen what is asked of it: after 20 s it still took 16 % of a core, after 60 s 5 %.
WARM_UP_SECONDS = 60
MEASURED_SECONDS = 30
OPEN_ORDERS = 1_000
#: How long the sender waits for company of a command; it is librdkafka's default, and part of the latency.
LINGER_MS = 5
#: The ledger has started when the first command's fact is there.
START_SECONDS = 60.0
#: After the last command its facts are waited for this long.
TAIL_SECONDS = 10.0


class _Reader(threading.Thread):
    """Reads facts and notes when each command's first one came."""

    def __init__(self, settings: Settings, stream: Stream) -> None:
        super().__init__(name="bench-reader", daemon=True)
        self._consumer = kafka.consumer(settings, "bench-latency", auto_offset_reset="latest")
        self._consumer.assign(
            [TopicPartition(stream.events_topic, n, OFFSET_END) for n in range(settings.ledger_partitions)]
        )
        self._ends = threading.Event()
        self.came_at: dict[str, float] = {}

    def run(self) -> None:
        """Read until told to end."""
        while not self._ends.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            now = time.perf_counter()
            for found in (message, *self._consumer.consume(1_000, 0)):
                if found.error() is None:
                    cause = dict(headers_of(found)).get("causation_id", b"").decode()
                    self.came_at.setdefault(cause, now)
        self._consumer.close()

    def end(self) -> None:
        """Stop reading."""
        self._ends.set()
        self.join()


def run(
    commands_per_second: int = COMMANDS_PER_SECOND, measured_seconds: int = MEASURED_SECONDS, seed: int = 2
) -> dict[str, Any]:
    """Measure; returns `p50_ms`, `p99_ms` and `max_ms`.

    A command that was ignored before its order existed leaves no fact; there is next to none of these in the mix.
    """
    conditions = machine()
    count = commands_per_second * (WARM_UP_SECONDS + measured_seconds)
    prepared = list(itertools.islice(lives(seed, open_orders=OPEN_ORDERS), count))
    with stack() as settings:
        stream = ledgers.stream_of(settings, "orders")
        publisher = Publisher(settings, stream, linger_ms=LINGER_MS)
        ready = [(sent, publisher.ready(sent)) for sent in prepared[1:]]
        with process(settings, "ledger", "--stream", "orders"):
            reader = _Reader(settings, stream)
            reader.start()
            sent_at: dict[str, float] = {}
            publisher.send(prepared[0])
            publisher.flush()
            _wait_for_facts(reader, prepared[0].command_id, START_SECONDS)
            began = time.perf_counter()
            for number, (sent, record) in enumerate(ready):
                ahead = began + number / commands_per_second - time.perf_counter()
                if ahead > 0:
                    time.sleep(ahead)
                sent_at.setdefault(sent.command_id, time.perf_counter())
                publisher.send_ready(record)
            publisher.flush()
            ended = time.perf_counter()
            _wait_for_facts(reader, prepared[-1].command_id, TAIL_SECONDS)
            reader.end()
    measured = {sent.command_id for sent in prepared[commands_per_second * WARM_UP_SECONDS :]}
    latencies = sorted((came - sent_at[cause]) * 1_000 for cause, came in reader.came_at.items() if cause in measured)
    return {
        "p50_ms": _percentile(latencies, 0.50),
        "p95_ms": _percentile(latencies, 0.95),
        "p99_ms": _percentile(latencies, 0.99),
        "max_ms": _percentile(latencies, 1.0),
        "measured_commands": len(latencies),
        "without_facts_in_time": len(measured) - len(latencies),
        "commands_per_second": round(count / (ended - began)),
        "conditions": conditions
        | {
            "partitions": settings.ledger_partitions,
            "warm_up_seconds": WARM_UP_SECONDS,
            "measured_seconds": measured_seconds,
            "open_orders": OPEN_ORDERS,
            "sender_linger_ms": LINGER_MS,
            "seed": seed,
            "stack": "Kafka, PostgreSQL, the ledger, and one process that sends and reads, on this machine",
        },
    }


def _wait_for_facts(reader: _Reader, command: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while command not in reader.came_at and time.monotonic() < deadline:
        time.sleep(0.05)


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0
