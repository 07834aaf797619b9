"""Dead letters on the real broker: looked at, and sent again once, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from events.order.decide import OrderDecider
from infra import intake, kafka, ledgers, postgres
from infra.crashing import CRASH_AT
from infra.dead_letter_desk import AT_ONCE, DeadLetterDesk, ReplayInterrupted
from infra.replaying import replay as replay_webhooks
from infra.senders import KafkaRecordLog
from infra.settings import Settings
from infra.vault import PostgresVault
from processors.clock import now_ms
from processors.dead_letters import DEAD_LETTER_PURPOSE, Choice
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.raw import RAW_TOPIC, RawDelivery, pack
from processors.ledger.loop import LedgerOptions
from processors.ledger.partitioning import partition_of
from processors.ports import ConsumedRecord
from processors.proof.scan import TopicReader
from processors.worker import NotThisWork
from tests.integration.command_line import environment_of, typed
from tests.integration.ledger_bed import Bed, headers_of, until, value_of
from tests.order_life import placed

pytestmark = pytest.mark.stack

ORDER = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"
INTAKE = "pod.orders.intake.v1"
KILLED_SECONDS_MAX = 140
DAY_MS = 86_400_000


class Faulty(OrderDecider):
    """A decider with a fault."""

    def decide_and_evolve(self, state: Any, command: Any, context: Any) -> Any:
        raise ZeroDivisionError("a rule divides by zero")


@contextmanager
def vault_of(settings: Settings, clock: Callable[[], int] = now_ms) -> Iterator[PostgresVault]:
    with postgres.pool(settings.database_url, settings, name="test-vault") as pool:
        yield intake.vault(settings, pool, clock)


@contextmanager
def deciding(bed: Bed, **changes: Any) -> Iterator[None]:
    """Run a ledger that seals its dead letters as in everyday life."""
    with vault_of(bed.settings) as vault:
        ledger = bed.ledger(seal=lambda name, value: vault.seal_daily(DEAD_LETTER_PURPOSE, name, value), **changes)
        with bed.running(ledger):
            yield


def settle(bed: Bed) -> None:
    """Return when the ledger has answered all commands; what a replay's transaction leaves in the log is none."""
    until(lambda: bed.audit().waiting == 0, "every command was answered")


def replayed(settings: Settings, *arguments: str) -> dict[str, Any]:
    """What `printledger dlq replay` says that it did, once readers see it."""
    done = typed(settings, "dlq", "replay", *arguments, "--json")
    assert done.stdout, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if report["unopened"] or report["not_whole"] else 0)
    until(lambda: is_shown(settings), "readers see all that was committed")
    return report


def is_shown(settings: Settings) -> bool:
    """Whether no topic hides records of a transaction: its commit is answered before each partition shows them."""
    admin = kafka.admin(settings)
    partitions = {
        TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for name, topic in admin.list_topics(timeout=30).topics.items()
        if name.startswith(settings.topic_prefix)
        for number in topic.partitions
    }
    shown, written = (
        {
            where: answer.result().offset
            for where, answer in admin.list_offsets(partitions, isolation_level=level).items()
        }
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    )
    return shown == written


def listed(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    """What `printledger dlq list` shows."""
    done = typed(settings, "dlq", "list", *arguments, "--json")
    assert done.exit_code == 0, done.output
    letters: list[dict[str, Any]] = json.loads(done.stdout)["letters"]
    return letters


def bury(settings: Settings, *records: ConsumedRecord, sealed_already: bool = False) -> None:
    """Bury records as a worker does."""

    async def all_of_them(log: KafkaRecordLog, vault: PostgresVault) -> None:
        for record in records:
            await DeadLetters(log, vault, "worker").bury(record, NotThisWork(), sealed_already=sealed_already)

    with vault_of(settings) as vault, KafkaRecordLog.connect(settings, "test") as log:
        asyncio.run(all_of_them(log, vault))


def a_record(topic: str = INTAKE, offset: int = 3, **changes: Any) -> ConsumedRecord:
    fields = {"key": ORDER.encode(), "value": b"Ann Example, 1 Demo Street", "headers": (("ce_id", b"c-1"),)}
    return ConsumedRecord(topic=topic, partition=0, offset=offset, **(fields | changes))


def test_a_command_that_could_not_be_decided_is_sent_again_and_answered_once(orders: Bed) -> None:
    # given
    orders.send(ORDER, "place-1", placed())
    with deciding(orders, decider=Faulty()):
        settle(orders)
    assert [letter["reason"] for letter in listed(orders.settings)] == ["DecisionFailed"]
    # when
    with deciding(orders):
        first = replayed(orders.settings, "--all")
        settle(orders)
        second = replayed(orders.settings, "--all")
        settle(orders)
    # then
    assert (first["replayed"], second["replayed"], second["replayed_before"]) == (1, 0, 1)
    facts = [headers_of(fact) for fact in orders.facts()]
    assert {fact["causation_id"] for fact in facts} == {b"place-1"}
    assert [fact["ce_type"] for fact in facts].count(b"OrderPlaced") == 1
    report = orders.audit()
    assert (report.commands, report.accepted, report.dead_letters, report.described) == (2, 1, 1, [])
    assert orders.verify().holds
    (letter,) = listed(orders.settings)
    assert letter["replayed_at"] >= letter["buried_at"]


def test_a_record_that_cannot_be_read_again_is_a_new_letter_that_names_the_old_one(orders: Bed) -> None:
    # given
    headers = orders.envelope(ORDER, "id-1").to_headers()
    orders.send_raw(ORDER, b"no record of ours", headers)
    with deciding(orders):
        settle(orders)
        # when
        replayed(orders.settings, "--reason", "NotFramed")
        settle(orders)
    # then
    old, new = listed(orders.settings)
    assert (old["replayed_from"], new["replayed_from"]) == ("", f"dlq.{INTAKE}/0/{old['offset']}")
    assert (old["replayed_at"] > 0, new["replayed_at"]) == (True, 0)
    letters = [letter for letter in orders.read(orders.dead_letters) if letter.value() is not None]
    with vault_of(orders.settings) as vault:
        opened = [vault.open_daily(DEAD_LETTER_PURPOSE, orders.dead_letters, value_of(letter)) for letter in letters]
    assert opened == [b"no record of ours"] * 2
    report = orders.audit()
    assert (report.commands, report.dead_letters, report.described) == (2, 2, [])


def test_a_command_that_stood_on_the_wrong_partition_comes_onto_that_of_its_key(orders: Bed) -> None:
    # given
    elsewhere = 1 - partition_of(ORDER.encode(), orders.partitions)
    headers = orders.envelope(ORDER, "place-1", name="ObserveStoreOrder").to_headers()
    orders.send_raw(ORDER, orders.codec.encode(placed()), headers, elsewhere)
    with deciding(orders):
        settle(orders)
        (letter,) = listed(orders.settings, "--reason", "KeyOfAnotherPartition")
        # when
        replayed(orders.settings, "--topic", INTAKE, "--offset", str(letter["offset"]))
        settle(orders)
    # then
    assert {fact.partition() for fact in orders.facts()} == {1 - elsewhere}
    report = orders.audit()
    assert (report.accepted, report.dead_letters, report.described) == (1, 1, [])


@pytest.fixture
def two_letters(make_bed: Callable[..., Bed]) -> tuple[Bed, Bed]:
    """Two streams' topics, with a dead letter each."""
    beds = make_bed("batches"), make_bed("catalogue")
    bury(beds[0].settings, *(a_record(_plain_topic(bed)) for bed in beds))
    return beds


def _plain_topic(bed: Bed) -> str:
    return bed.stream.intake_topic.removeprefix(bed.settings.topic_prefix)


def sent_again(*beds: Bed) -> list[bytes | None]:
    """The values of what readers of the streams' intake find."""
    values: list[Any] = [message.value() for bed in beds for message in bed.read(bed.stream.intake_topic)]
    return values


@pytest.mark.parametrize(("crash_at", "done_before"), [("dlq.produced", 0), ("dlq.committed", 1)])
def test_a_replay_that_is_killed_leaves_nothing_out_and_nothing_doubled(
    two_letters: tuple[Bed, Bed], crash_at: str, done_before: int
) -> None:
    # given: a process that dies inside its first transaction, or behind it
    settings = two_letters[0].settings
    killed = subprocess.run(
        (sys.executable, "-m", "infra.cli", "dlq", "replay", "--all", "--data", str(settings.data_dir)),
        env={**os.environ, **environment_of(settings), CRASH_AT: crash_at},
        capture_output=True,
        text=True,
        timeout=KILLED_SECONDS_MAX,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # when
    report = replayed(settings, "--all")
    # then
    assert (report["replayed_before"], report["replayed"]) == (done_before, 2 - done_before)
    assert sent_again(*two_letters) == [b"Ann Example, 1 Demo Street"] * 2
    assert all(letter["replayed_at"] for letter in listed(settings))


@pytest.mark.parametrize("moment", ["reading the dead letters of pod.catalogue.intake.v1", "dlq.produced"])
def test_a_replay_that_another_one_overtakes_ends_and_nothing_is_doubled(
    two_letters: tuple[Bed, Bed], moment: str
) -> None:
    # given: another one runs after this one read its first letters, or while what it wrote is not committed
    settings = two_letters[0].settings

    def overtaken(at: str) -> None:
        if at == moment:
            assert replayed(settings, "--all")["replayed"] == 2

    # when
    with vault_of(settings) as vault, closing(TopicReader(ledgers.clients(settings).reader)) as reader:
        desk = DeadLetterDesk(settings, vault, reader, tell=overtaken, crash_point=overtaken)
        with pytest.raises(ReplayInterrupted, match="Run it again"):
            desk.replay(Choice())
    # then
    assert len(sent_again(*two_letters)) == 2
    assert replayed(settings, "--all")["replayed_before"] == 2


def test_more_letters_than_go_into_one_transaction_go_again_in_their_order(make_bed: Callable[..., Bed]) -> None:
    # given
    bed = make_bed("catalogue")
    values = [b"%d" % number for number in range(AT_ONCE + 1)]
    bury(bed.settings, *(a_record(_plain_topic(bed), value=value) for value in values))
    # when
    report = replayed(bed.settings, "--all")
    # then
    assert report["replayed"] == len(values)
    assert sent_again(bed) == values
    assert replayed(bed.settings, "--all")["replayed"] == 0


def test_a_letter_goes_again_until_the_key_of_its_day_has_ended(
    settings: Settings, database_url: str, topics: Callable[[str], str]
) -> None:
    # given: a webhook, which is sealed for 31 days, and a request for work
    delivery = RawDelivery(
        kind="shopify", name="demo-shopify", event_id="1", headers={}, body=b"{}", received_at=now_ms()
    )
    with vault_of(settings) as vault:
        value, headers = pack(vault, delivery)
    bury(settings, a_record(RAW_TOPIC, value=value, headers=tuple(headers)), sealed_already=True)
    bury(settings, a_record("pod.work.route.v1"))
    assert replayed(settings, "--all", "--dry-run")["replayed"] == 2
    first = replayed(settings, "--topic", RAW_TOPIC)
    partners: Any = {"gelato": object()}
    assert asyncio.run(replay_webhooks(settings, partners, "gelato", 0)).records == 1, "others find the topic's end"
    # when: 40 days are over, and the webhook is buried again
    with vault_of(settings, lambda: now_ms() + 40 * DAY_MS) as later:
        later.end_daily_keys()
    bury(settings, a_record(RAW_TOPIC, value=value, headers=tuple(headers)), sealed_already=True)
    second = replayed(settings, "--all")
    # then
    assert (first["replayed"], first["unopened"]) == (1, 0)
    assert (second["replayed"], second["unopened"], second["replayed_before"]) == (1, 1, 1)
    with closing(TopicReader(ledgers.clients(settings).reader)) as reader:
        name = topics(RAW_TOPIC)
        messages = [one for batch in reader.read(name, 0, *reader.bounds(name, 0)) for one in batch]
    assert [value_of(message) for message in messages] == [value], "it is still sealed, and there once"
    assert headers_of(messages[0]) == {**dict(headers), "replayed_from": f"dlq.{RAW_TOPIC}/0/0".encode()}


def test_an_everyday_ledger_seals_its_letters_so_that_they_can_be_sent_again(orders: Bed) -> None:
    # given
    orders.send_raw(ORDER, None, orders.envelope(ORDER, "id-1").to_headers())
    orders.send_raw(ORDER, b"no record of ours")
    with (
        ledgers.ledger(orders.settings, "orders", options=LedgerOptions()) as ledger,
        orders.running(ledger),
    ):
        settle(orders)
    # when
    report = replayed(orders.settings, "--all")
    # then
    assert (report["replayed"], report["unopened"]) == (2, 0)
    assert sent_again(orders) == [None, b"no record of ours"] * 2


def test_a_record_that_is_too_large_for_a_letter_is_put_aside_without_its_value_and_stops_nobody(orders: Bed) -> None:
    # given: bytes that are small on their way to intake, and sealed no longer
    orders.send_raw(ORDER, b"x" * 3_000_000, orders.envelope(ORDER, "id-1").to_headers())
    orders.send(ORDER, "place-1", placed())
    # when
    with deciding(orders):
        settle(orders)
        report = replayed(orders.settings, "--all")
    # then
    (letter,) = listed(orders.settings)
    assert (letter["reason"], letter["left_out"], letter["value_bytes"]) == ("NotFramed", "value", 3_000_000)
    assert (report["replayed"], report["not_whole"]) == (0, 1)
    assert {headers_of(fact)["causation_id"] for fact in orders.facts()} == {b"place-1"}
    assert orders.audit().described == []
    shown = typed(orders.settings, "dlq", "show", INTAKE, str(letter["offset"]))
    assert "3.0 MB, too large for a letter. Left out: value. Ask the sender for the record." in shown.output


def test_a_worker_buries_what_its_dead_letter_topic_does_not_take_whole(make_bed: Callable[..., Bed]) -> None:
    # given
    bed = make_bed("catalogue")
    # when
    bury(bed.settings, a_record(_plain_topic(bed), value=b"x" * 1_500_000), a_record(_plain_topic(bed), offset=4))
    # then
    first, second = listed(bed.settings)
    assert (first["left_out"], first["value_bytes"], second["left_out"]) == ("value", 1_500_000, "")
    report = replayed(bed.settings, "--all")
    assert (report["replayed"], report["not_whole"]) == (1, 1)
    assert sent_again(bed) == [b"Ann Example, 1 Demo Street"]
