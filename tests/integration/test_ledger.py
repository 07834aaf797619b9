"""The ledger on a real broker: one outcome a command, one transaction a batch, bad input put aside."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from events.catalogue.commands import MapSku, PublishTemplate, ReportPartnerOffer
from events.catalogue.decide import CatalogueDecider, catalogue_key
from events.codec import FRAME
from events.decider import Context
from events.documents import CommandRejected, OrderStatus
from events.order.commands import CancelOrder, HoldOrder, ObserveStoreOrder, RequestReprint
from events.order.facts import CommandRefused, OrderPlaced
from infra import kafka
from infra.benchmarks.order_lives import Sent, lives
from processors.ledger.chain import GENESIS, Chain, without_hash
from processors.ledger.loop import LedgerOptions
from processors.ledger.partitioning import partition_of
from tests.integration.ledger_bed import SEAL, Bed, headers_of, until, value_of
from tests.order_life import a_store_order, placed

pytestmark = pytest.mark.stack

ORDER = "0a0b6bfa-3ef2-5d31-9c8e-5c3b7a2d1f99"


def an_offer(number: int = 1, version: int = 1, stock: int = 3) -> ReportPartnerOffer:
    return ReportPartnerOffer(
        source_version=version,
        partner_id=f"press-{number}",
        variant_id="mug-11oz-white",
        partner_variant="MUG",
        cost_minor=500,
        currency="EUR",
        stock=stock,
        production_days=2,
    )


def key_of_offer(number: int = 1) -> str:
    return catalogue_key("shared", an_offer(number))


def some_lives(count: int, seed: int = 5) -> list[Sent]:
    return list(itertools.islice(lives(seed, open_orders=8), count))


def sent(bed: Bed, commands: list[Sent]) -> None:
    bed.send_all((one.key, one.command_id, one.command) for one in commands)


def test_facts_run_on_in_seq_and_position_and_carry_the_chain(catalogue: Bed) -> None:
    for number, version in itertools.product(range(6), (1, 2)):
        catalogue.send(
            key_of_offer(number), f"{number}-{version}", an_offer(number, version, stock=version), tenant="shared"
        )
    with catalogue.running():
        catalogue.wait_until_answered()

    facts = catalogue.facts()
    assert len(facts) == 12
    for partition in range(2):
        chain, head = Chain(catalogue.stream.events_topic, partition), GENESIS
        here = [fact for fact in facts if fact.partition() == partition]
        for position, fact in enumerate(here, start=1):
            raw: Any = fact.headers()
            key: Any = fact.key()
            head = chain.link(head, key, value_of(fact), without_hash(raw))
            found = headers_of(fact)
            assert (int(found["position"]), found["hash"]) == (position, head)
            assert found["tenant"] == b"shared"
            assert found["correlation_id"] == b"c-1"
            assert found["ce_id"] == key + b"." + found["seq"]
    assert sorted(headers_of(fact)["seq"] for fact in facts) == [b"1"] * 6 + [b"2"] * 6
    assert catalogue.verify().holds
    assert catalogue.audit().holds


def test_whole_lives_of_orders_leave_facts_work_and_statuses_that_agree(orders: Bed) -> None:
    sent(orders, some_lives(300))
    with orders.running(orders.ledger(LedgerOptions(batch_commands_max=20))):
        orders.wait_until_answered()

    facts = orders.facts()
    by_id = {headers_of(fact)["ce_id"]: fact for fact in facts}
    work = [message for topic in orders.work_topics() for message in orders.read(topic)]
    requested = [fact for fact in facts if orders.stream.work_topic(orders.codec.decode(value_of(fact))) is not None]
    assert len(work) == len(requested) > 50
    for copy in work:
        fact = by_id[headers_of(copy)["ce_id"]]
        assert (copy.key(), copy.value(), copy.headers()) == (fact.key(), fact.value(), fact.headers())

    assert orders.stream.status_topic is not None
    statuses = orders.read(orders.stream.status_topic)
    last: dict[Any, OrderStatus] = {}
    for message in statuses:
        status = orders.codec.decode(value_of(message))
        assert isinstance(status, OrderStatus)
        assert message.key() == status.order_id.encode()
        # A status never runs backwards, and each transaction leaves one for an order.
        assert status.seq > (last[message.key()].seq if message.key() in last else 0)
        last[message.key()] = status
    last_seq = {fact.key(): int(headers_of(fact)["seq"]) for fact in facts}
    assert {key: status.seq for key, status in last.items()} == last_seq
    assert orders.verify().holds
    report = orders.audit()
    assert report.described == []
    assert report.commands == 300
    assert report.duplicates > 0


def test_a_command_that_comes_twice_changes_nothing(orders: Bed) -> None:
    key = ORDER
    with orders.running() as running:
        for _ in range(3):
            orders.send(key, "place-1", placed())
            orders.wait_until_answered()
        assert running.ledger.counts.duplicates == 2
    assert sum(isinstance(fact, OrderPlaced) for fact in orders.decoded(orders.stream.events_topic)) == 1
    report = orders.audit()
    assert (report.accepted, report.duplicates, report.described) == (1, 2, [])


def test_a_refused_command_stays_refused_and_is_told_once(orders: Bed) -> None:
    orders.send(ORDER, "place-1", placed())
    for _ in range(2):
        orders.send(ORDER, "reprint-1", RequestReprint(line_id="no-such-line", units=(1,), reason_code="misprint"))
    with orders.running():
        orders.wait_until_answered()

    refusals = [fact for fact in orders.decoded(orders.stream.events_topic) if isinstance(fact, CommandRefused)]
    (told,) = orders.decoded(orders.stream.rejected_topic)
    assert [refusal.command for refusal in refusals] == ["RequestReprint"]
    assert isinstance(told, CommandRejected)
    assert (told.command_id, told.outcome, told.reason) == ("reprint-1", "refused", refusals[0].reason)
    assert told.detail
    report = orders.audit()
    assert (report.rejected_in_stream, report.duplicates, report.described) == (1, 1, [])


def test_a_command_to_an_order_that_is_not_there_is_told_on_the_rejected_topic_alone(orders: Bed) -> None:
    orders.send(ORDER, "hold-1", HoldOrder(detail="by phone"))
    with orders.running():
        orders.wait_until_answered()

    (told,) = orders.decoded(orders.stream.rejected_topic)
    assert isinstance(told, CommandRejected)
    assert told.reason == "OrderUnknown"
    assert orders.facts() == []
    assert orders.audit().rejected == 1


def test_another_tenants_command_is_refused_without_a_trace_in_the_order(orders: Bed) -> None:
    orders.send(ORDER, "place-1", placed())
    orders.send(ORDER, "cancel-1", CancelOrder(reason="not mine"), tenant="stranger")
    with orders.running():
        orders.wait_until_answered()

    (rejected,) = orders.read(orders.stream.rejected_topic)
    told = orders.codec.decode(value_of(rejected))
    assert isinstance(told, CommandRejected)
    assert (told.tenant, told.reason) == ("stranger", "OtherTenant")
    assert {headers_of(fact)["tenant"] for fact in orders.facts()} == {b"demo"}
    assert {headers_of(fact)["causation_id"] for fact in orders.facts()} == {b"place-1"}


def test_a_decision_larger_than_a_record_is_refused(catalogue: Bed) -> None:
    template = PublishTemplate(
        source_version=1, template_id="big", template_version=1, product_id="mug", body="x" * 150_000
    )
    key = catalogue_key("shared", template)
    catalogue.send(key, "big-1", template, tenant="shared")
    catalogue.send(key_of_offer(), "offer-1", an_offer(), tenant="shared")
    with catalogue.running(catalogue.ledger(LedgerOptions(record_bytes_max=100_000))):
        catalogue.wait_until_answered()

    (told,) = catalogue.decoded(catalogue.stream.rejected_topic)
    assert isinstance(told, CommandRejected)
    assert told.reason == "DecisionTooLarge"
    assert len(catalogue.facts()) == 1


def test_what_can_never_be_read_is_a_dead_letter_once_and_the_partition_moves_on(catalogue: Bed) -> None:
    good = catalogue.codec.encode(an_offer())
    key = key_of_offer()
    headers: Any = catalogue.envelope(key, "id-1", "shared").to_headers()
    elsewhere = 1 - partition_of(key.encode(), 2)
    without_tenant = [header for header in headers if header[0] != "tenant"]
    not_ours = catalogue.codec.encode(
        CommandRejected(
            command_id="x", command="x", key="x", tenant="x", outcome="refused", reason="", detail="", rejected_at=1
        )
    )
    bad: list[tuple[str, str | None, bytes | None, Any, int]] = [
        ("NotFramed", key, b"no magic byte", headers, -1),
        ("UnknownSchemaId", key, FRAME.pack(0, 999_999) + b"x", headers, -1),
        ("TruncatedRecord", key, good[:-3], headers, -1),
        ("TruncatedRecord", key, good + b"more", headers, -1),
        ("NoValue", key, None, headers, -1),
        ("KeyOfAnotherPartition", key, good, headers, elsewhere),
        ("HeaderMissing", key, good, without_tenant, -1),
        ("HeaderMissing", key, good, None, -1),
        ("HeaderMissing", key, good, [*headers, ("ce_time", b"tomorrow")], -1),
        ("HeaderMissing", key, good, [*headers, ("traceparent", None)], -1),
        ("HeaderMissing", key, good, [*headers, ("correlation_id", b"\xff")], -1),
        ("HeadersDisagree", "another-key", good, headers, -1),
        ("NotACommand", key, not_ours, headers, -1),
        ("KeyUnusable", None, good, headers, 0),
        ("KeyUnusable", "with\0zero", good, headers, -1),
        ("HeadersTooLong", key, good, [*headers, ("ce_extra", b"x" * 5_000)], -1),
    ]
    for _, bad_key, value, some_headers, partition in bad:
        catalogue.send_raw(bad_key, value, some_headers, partition)
    catalogue.send(key, "id-good", an_offer(), tenant="shared")

    with catalogue.running():
        catalogue.wait_until_answered()
    # A second ledger finds the offsets committed: nothing is buried twice.
    with catalogue.running() as again:
        assert again.ledger.ready.wait(30)
        catalogue.wait_until_answered()

    letters = catalogue.read(catalogue.dead_letters)
    reasons = [headers_of(letter)["__connect.errors.exception.class.name"].decode() for letter in letters]
    assert sorted(reasons) == sorted(reason for reason, *_ in bad)
    truncated = next(letter for letter in letters if letter.value() == SEAL + good[:-3])
    found = headers_of(truncated)
    assert truncated.key() == key.encode()
    assert found["__connect.errors.topic"] == catalogue.stream.intake_topic.encode()
    assert found["ce_id"] == b"id-1"
    assert found["sealed"] == catalogue.dead_letters.encode()
    assert len(catalogue.facts()) == 1
    report = catalogue.audit()
    assert (report.dead_letters, report.accepted, report.described) == (len(bad), 1, [])


class _NotUtf8(str):
    """A header's name as those clients write it that take any bytes."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def _sent_by_another_client(bed: Bed, key: str, value: bytes) -> None:
    """Put a record onto partition 0 of intake, one header of which has a name that is not UTF-8."""
    producer = AIOKafkaProducer(bootstrap_servers=bed.settings.kafka_bootstrap_servers)
    async with producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
        batch.append(timestamp=None, key=key.encode(), value=value, headers=[(_NotUtf8("name"), b"content")])
        await (await producer.send_batch(batch, bed.stream.intake_topic, partition=0))


def test_a_header_whose_name_is_no_text_makes_a_dead_letter_and_stops_nobody(catalogue: Bed) -> None:
    # given
    number = next(number for number in range(99) if partition_of(key_of_offer(number).encode(), 2) == 0)
    key, offer = key_of_offer(number), an_offer(number)
    asyncio.run(_sent_by_another_client(catalogue, key, catalogue.codec.encode(offer)))
    catalogue.send(key, "id-good", offer, tenant="shared")
    # when
    with catalogue.running():
        catalogue.wait_until_answered()
    # then
    (letter,) = catalogue.read(catalogue.dead_letters)
    assert headers_of(letter)["__connect.errors.exception.class.name"] == b"HeadersUnreadable"
    assert len(catalogue.facts()) == 1
    report = catalogue.audit()
    assert (report.dead_letters, report.accepted, report.described) == (1, 1, [])


class _FailingDecider(CatalogueDecider):
    """A rule with a fault."""

    def decide_and_evolve(self, state: Any, command: Any, context: Context) -> Any:
        if isinstance(command, MapSku):
            raise ZeroDivisionError("a rule divides by zero")
        return super().decide_and_evolve(state, command, context)


def test_a_fault_in_a_rule_puts_the_command_aside_and_stops_nobody_else(catalogue: Bed) -> None:
    mapping = MapSku(
        source_version=1,
        store="demo-rest",
        sku="MUG",
        artwork=msgspec.structs.replace(placed().order.lines[0]).artwork,  # type: ignore[arg-type]
    )
    catalogue.send(catalogue_key("demo", mapping), "map-1", mapping)
    catalogue.send(key_of_offer(), "offer-1", an_offer(), tenant="shared")
    with catalogue.running(catalogue.ledger(decider=_FailingDecider())):
        catalogue.wait_until_answered()

    (letter,) = catalogue.read(catalogue.dead_letters)
    assert headers_of(letter)["__connect.errors.exception.class.name"] == b"DecisionFailed"
    assert len(catalogue.facts()) == 1


def test_readers_of_committed_records_never_see_an_aborted_transaction(orders: Bed) -> None:
    producer = kafka.transactional_producer(orders.settings, "test-aborting")
    producer.init_transactions(30)
    producer.begin_transaction()
    envelope = orders.envelope(ORDER, "ghost", name="ObserveStoreOrder")
    ghost: ObserveStoreOrder = placed(a_store_order("ghost"))
    headers: Any = envelope.to_headers()
    producer.produce(orders.stream.intake_topic, key=ORDER, value=orders.codec.encode(ghost), headers=headers)
    producer.flush(30)
    producer.abort_transaction(30)
    # The broker writes the marker after it has answered; behind the last command it would look like one without answer.
    until(lambda: sum(orders.intake_ends().values()) == 2, "the aborted record and its marker are in the log")
    orders.send(ORDER, "place-1", placed())
    with orders.running():
        orders.wait_until_answered()

    assert {headers_of(fact)["causation_id"] for fact in orders.facts()} == {b"place-1"}
    assert orders.audit().commands == 1


def test_the_commands_verify_and_audit_print_their_reports_as_json(orders: Bed) -> None:
    sent(orders, some_lives(40))
    with orders.running():
        orders.wait_until_answered()
    verified = json.loads(msgspec.json.encode(orders.verify()))
    audited = json.loads(msgspec.json.encode(orders.audit()))
    assert verified["violations"] == audited["violations"] == 0
    assert verified["facts"] == audited["facts"]
