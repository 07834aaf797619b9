"""How fast `printledger verify` looks through a history, beside what only takes the same records from the broker."""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from typing import Any

from infra import ledgers
from infra.benchmarks.ledger import OPEN_ORDERS, answered_by_a_ledger
from infra.benchmarks.order_lives import lives
from infra.benchmarks.stack import machine, stack
from infra.settings import Settings
from infra.verifying import Verifier
from processors.proof.scan import TopicReader

COMMANDS = 300_000
ROUNDS = 3


def run(commands: int = COMMANDS, seed: int = 3) -> dict[str, Any]:
    """Measure in turns; each figure is the best of its rounds, and the conditions name them all."""
    conditions = machine()
    with stack() as settings:
        stream = ledgers.stream_of(settings, "orders")
        answered_by_a_ledger(settings, stream, itertools.islice(lives(seed, open_orders=OPEN_ORDERS), commands))
        verifier = Verifier(settings, "orders")
        rounds: dict[str, list[int]] = {"raw_consume": [], "one_process": [], "all_processors": []}
        for _ in range(ROUNDS):
            rounds["raw_consume"].append(_raw_facts_per_second(settings, stream.events_topic))
            rounds["one_process"].append(verifier.run(processes=1).facts_per_second)
            rounds["all_processors"].append(verifier.run(verifier.processes()).facts_per_second)
        report = verifier.run(processes=1)
    best = {name: max(found) for name, found in rounds.items()}
    return {
        "verify_facts_per_second": best["all_processors"],
        "one_process_facts_per_second": best["one_process"],
        "raw_consume_facts_per_second": best["raw_consume"],
        "share_of_raw_consume": round(best["all_processors"] / best["raw_consume"], 2),
        "violations": report.violations,
        "rounds": rounds,
        "conditions": conditions
        | {
            "facts": report.facts,
            "partitions": settings.ledger_partitions,
            "processes": verifier.processes(),
            "raw_consume": "one process takes all records from the broker and looks at none",
        },
    }


def _raw_facts_per_second(settings: Settings, topic: str) -> int:
    began = time.monotonic()
    facts = 0
    with closing(TopicReader(ledgers.clients(settings).reader)) as records:
        for partition in records.partitions(topic):
            for batch in records.read(topic, partition, *records.bounds(topic, partition)):
                facts += len(batch)
    return round(facts / (time.monotonic() - began))
