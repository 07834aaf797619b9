"""The proof is worth something: ledgers with planted faults are caught by `audit` and `verify`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from confluent_kafka import TopicPartition

from infra import kafka, ledgers
from infra.benchmarks.order_lives import Sent, lives
from infra.verifying import Verifier
from processors.ledger.loop import LedgerOptions
from tests.integration.command_line import typed
from tests.integration.ledger_bed import Bed, until
from tests.order_life import placed

pytestmark = pytest.mark.stack

ORDER = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"


def some_lives(count: int) -> list[Sent]:
    return list(itertools.islice(lives(9, open_orders=6), count))


def send(bed: Bed, commands: list[Sent]) -> None:
    bed.send_all((one.key, one.command_id, one.command) for one in commands)


class Standstill:
    """Stops a process at a step for good, as if it were dead: nothing that it left open is ended."""

    def __init__(self, step: str, after: int) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._step, self._left = step, after

    def __call__(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if self._left < 0:
                self.reached.set()
                self.go_on.wait(200)


def test_a_ledger_that_does_not_recognise_commands_is_caught_by_the_audit(orders: Bed) -> None:
    with orders.running(orders.ledger(LedgerOptions(recognise_commands=False))):
        for _ in range(2):
            orders.send(ORDER, "place-1", placed())
            orders.wait_until_answered()

    assert orders.verify().holds
    report = orders.audit()
    assert not report.holds
    assert {found.what for found in report.described} == {"answered twice"}
    assert {found.command_id for found in report.described} == {"place-1"}


def test_a_ledger_with_random_transactional_ids_is_caught_by_verify(make_bed: Callable[..., Bed]) -> None:
    """A dead process's open transaction hides what the next one commits; the one after that begins before it."""
    # On one partition, so that all three write to the same.
    orders = make_bed("orders", partitions=1)
    fresh_ids = LedgerOptions(batch_commands_max=5, flush_seconds=3_600, random_transactional_id=True)
    plain = ledgers.clients(orders.settings)
    # Such builds leave the transaction's timeout as it is: a minute in which nobody ends what the dead one began.
    naive = msgspec.structs.replace(
        plain,
        producer=lambda name: kafka.transactional_producer(orders.settings, name, transaction_timeout_ms=60_000),
    )
    commands = some_lives(60)
    send(orders, commands[:30])
    first, second = Standstill("produced", after=1), Standstill("confirmed", after=2)
    with ExitStack() as running:
        for standstill in (first, second):
            running.enter_context(orders.running(orders.ledger(fresh_ids, crash_point=standstill, clients=naive)))
            running.callback(standstill.go_on.set)
            until(standstill.reached.is_set, "a process stands still")
        with orders.running(orders.ledger(fresh_ids, clients=naive)):
            send(orders, commands[30:])
            orders.wait_until_answered()
    orders.wait_until_readable()

    report = orders.verify()
    assert not report.holds
    assert {"position", "hash"} <= {found.rule for found in report.described}


def test_a_fact_that_somebody_else_wrote_is_caught_by_verify(orders: Bed) -> None:
    send(orders, some_lives(30))
    with orders.running():
        orders.wait_until_answered()
    before = orders.verify()
    forged = orders.facts()[-1]
    original: Any = forged.headers()
    headers: Any = [
        (name, b"%d" % (int(content) + 1) if name in ("seq", "position") else content) for name, content in original
    ]
    producer = kafka.producer(orders.settings, "test-forger")
    producer.produce(
        orders.stream.events_topic,
        key=forged.key(),
        value=forged.value(),
        headers=headers,
        partition=forged.partition() or 0,
    )
    producer.flush(30)

    report = orders.verify()
    assert before.holds
    assert [found.rule for found in report.described] == ["hash"]
    found = orders.audit()
    assert found.described == []


def test_processes_that_share_the_partitions_find_what_one_finds(orders: Bed) -> None:
    send(orders, some_lives(30))
    with orders.running():
        orders.wait_until_answered()
    last = orders.facts()[-1]
    headers: Any = last.headers()
    producer = kafka.producer(orders.settings, "test-copier")
    producer.produce(
        orders.stream.events_topic, key=last.key(), value=last.value(), headers=headers, partition=last.partition() or 0
    )
    producer.flush(30)
    verifier, heard = Verifier(orders.settings, "orders"), list[int]()

    alone, shared = verifier.run(processes=1), verifier.run(processes=2, on_progress=heard.append)

    assert {found.rule for found in alone.described} == {"position", "hash", "sequence"}
    assert shared.partitions == alone.partitions
    assert sorted(shared.described, key=lambda one: one.rule) == sorted(alone.described, key=lambda one: one.rule)
    assert heard[-1] == shared.facts == alone.facts


def test_a_few_facts_are_verified_by_one_process(orders: Bed) -> None:
    orders.send(ORDER, "place-1", placed())
    with orders.running():
        orders.wait_until_answered()
    assert Verifier(orders.settings, "orders").processes() == 1
    assert Verifier(orders.settings, "orders").processes(wanted=99) == orders.partitions


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--partition", "9"), "9: Intake has no such partition"),
        (("--from", "5", "--to", "5"), "5 to 5: The stretch ends where it begins"),
        (("--from", "6", "--to", "5"), "6 to 5: The stretch ends where it begins"),
        (("--to", "0"), "0 to 0: The stretch ends where it begins"),
    ],
)
def test_an_audit_that_could_only_look_at_nothing_is_refused(
    orders: Bed, arguments: tuple[str, ...], says: str
) -> None:
    refused = typed(orders.settings, "audit", *arguments)
    assert refused.exit_code == 1
    assert says in str(refused.exception)


def test_a_command_whose_answer_is_missing_is_caught_by_the_audit(orders: Bed) -> None:
    """An offset that is committed without an answer: what a ledger that forgets would leave."""
    orders.send(ORDER, "place-1", placed())
    consumer = kafka.consumer(orders.settings, f"ledger-{orders.stream.name}")
    ends = [(number, 1) for number in range(orders.partitions)]
    consumer.commit(
        offsets=[TopicPartition(orders.stream.intake_topic, n, end) for n, end in ends],
        asynchronous=False,
    )
    consumer.close()

    report = orders.audit()
    assert [found.what for found in report.described] == ["no outcome"]
