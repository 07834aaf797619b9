"""How many facts a second the read models fold: following the ledger, and rebuilt from its beginning.

Facts of whole made-up orders, several hundred under way at a time, are written onto a topic as the ledger writes them,
in transactions; that is not measured. Then each read model folds them. Live: one process, rows and offsets in one
transaction a batch, indexes and row-level security in place. Rebuild: new tables beside the shown ones, as many
processes as processors, until the new tables are shown; starting the processes and making the indexes count.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Producer

from events.codec import Codec
from events.decider import Context, Ignored, Refusal
from events.declare import Declared
from events.envelope import FactEnvelope
from events.order.decide import OrderDecider
from events.order.state import Order
from infra import kafka
from infra.benchmarks.order_lives import ACTOR, TENANT, lives
from infra.benchmarks.stack import machine, stack
from infra.commands.project import connections_of, topics_of
from infra.settings import Settings
from processors.ledger.partitioning import partition_of
from projections.connections import Connections
from projections.model import Topics
from projections.models import ALL, chosen
from projections.parallel import GC_THRESHOLD
from projections.rebuild import rebuild
from projections.runner import Projection

FACTS = 200_000
OPEN_ORDERS = 500
SEED = 2026
TRANSACTION_FACTS = 500
MEASURED_LIVE = ("orders", "timeline", "command_outcomes", "deadlines", "effects", ALL)
MEASURED_REBUILT = ("orders", "timeline", "command_outcomes", "deadlines", "effects")
POLL_SECONDS = 0.005
LIVE_SECONDS_MAX = 600.0


class TooSlow(RuntimeError):
    """The projection did not fold all facts in time."""


def run(facts: int = FACTS) -> dict[str, Any]:
    """Measure on a stack of its own. The plain figures are those of `orders`; `read_models` holds every one."""
    with stack() as settings:
        where = machine()
        figures = measure(settings, write_facts(settings, facts))
    figures["conditions"] |= where
    return figures


def measure(settings: Settings, facts: int) -> dict[str, Any]:
    """Fold the facts that stand on the topic, live and by rebuilds."""
    topics, connections = topics_of(settings), connections_of(settings)
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    for name in MEASURED_LIVE:
        figures[name]["live_facts_per_second"] = live(name, topics, connections, facts)
    for name in MEASURED_REBUILT:
        done = rebuild(name, topics, connections, Codec())
        figures[name]["rebuild_facts_per_second"] = round(done.records / done.seconds)
    return {
        **figures["orders"],
        "read_models": dict(figures),
        "conditions": {
            "facts": facts,
            "orders_under_way": OPEN_ORDERS,
            "partitions": settings.ledger_partitions,
            "rebuild_processes": os.cpu_count(),
            "beside_it": "broker and database on the same machine",
        },
    }


def live(name: str, topics: Topics, connections: Connections, facts: int) -> int:
    """Facts a second of a projection process that begins with nothing and ends when it has folded all."""
    _empty(connections, name, topics)
    gc.set_threshold(*GC_THRESHOLD)
    projection = Projection(
        chosen([name], topics), connections.open_database, connections.open_consumer, Codec(), lambda: 0
    )
    stop = threading.Event()
    thread = threading.Thread(target=projection.run, args=[stop], name=f"project {name}")
    began = time.perf_counter()
    thread.start()
    while projection.records_committed < facts and thread.is_alive():
        time.sleep(POLL_SECONDS)
        if time.perf_counter() - began > LIVE_SECONDS_MAX:
            break
    seconds = time.perf_counter() - began
    stop.set()
    thread.join()
    if projection.records_committed < facts:
        raise TooSlow(f"{name}: {projection.records_committed} of {facts} facts in {seconds:.0f} s")
    return round(facts / seconds)


def write_facts(settings: Settings, facts: int) -> int:
    """Write whole lives onto the events topic; returns how many facts were written."""
    topic = topics_of(settings).order_events
    producer = kafka.transactional_producer(settings, "benchmark", linger_ms=5)
    producer.init_transactions(30)
    codec, written = Codec(), 0
    source = decided(facts, settings.ledger_partitions)
    while written < facts:
        producer.begin_transaction()
        for _ in range(min(TRANSACTION_FACTS, facts - written)):
            partition, envelope, fact = next(source)
            _produce(producer, topic, partition, envelope, codec.encode(fact))
            written += 1
        producer.commit_transaction(30)
    return written


def decided(facts: int, partitions: int) -> Iterator[tuple[int, FactEnvelope, Declared]]:
    """What the ledger decides for made-up lives: each fact with its envelope and partition."""
    decider, states, seqs = OrderDecider(), dict[str, Order](), dict[str, int]()
    positions: defaultdict[int, int] = defaultdict(int)
    answered: set[str] = set()
    for sent in lives(SEED, open_orders=OPEN_ORDERS):
        if sent.command_id in answered:
            continue
        answered.add(sent.command_id)
        context = Context(key=sent.key, tenant=TENANT, command_id=sent.command_id, now=sent.sent_at, actor=ACTOR)
        state = states.get(sent.key) or decider.initial_state()
        try:
            new = decider.decide(state, sent.command, context)
        except (Refusal, Ignored):
            continue
        partition = partition_of(sent.key.encode(), partitions)
        for fact in new:
            state = decider.evolve(state, fact)
            seqs[sent.key] = seqs.get(sent.key, 0) + 1
            positions[partition] += 1
            yield (
                partition,
                FactEnvelope(
                    key=sent.key,
                    tenant=TENANT,
                    fact_type=type(fact).__name__,
                    seq=seqs[sent.key],
                    position=positions[partition],
                    recorded_at=sent.sent_at,
                    actor=ACTOR,
                    causation_id=sent.command_id,
                ),
                fact,
            )
        states[sent.key] = state


def _produce(producer: Producer, topic: str, partition: int, envelope: FactEnvelope, value: bytes) -> None:
    headers: list[tuple[str, str | bytes | None]] = [*envelope.to_headers(), ("hash", bytes(32))]
    while True:
        try:
            producer.produce(topic, key=envelope.key, value=value, partition=partition, headers=headers)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _empty(connections: Connections, name: str, topics: Topics) -> None:
    """Forget what was folded, so that each measurement begins with nothing."""
    with connections.open_database() as connection:
        for model in chosen([name], topics):
            for table in model.tables:
                connection.execute(f"TRUNCATE {table.name}".encode())
            connection.execute("DELETE FROM read_model_checkpoints WHERE read_model = %s", [model.name])
