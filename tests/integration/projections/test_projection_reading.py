"""What the read models answer: pages, timelines, outcomes, effects, held lines, and how far they are."""

import asyncio
import base64
import json
import time

import pytest
from psycopg import OperationalError
from structlog.testing import capture_logs

from events.codec import Codec
from events.documents import CommandRejected
from events.order.commands import ReportDeadlineElapsed
from events.order.facts import (
    ArtworkCheckRequested,
    CommandIgnored,
    CommandRefused,
    HoldReleased,
    LabelRequested,
    OrderHeld,
    SubmissionRequested,
)
from infra import kafka
from infra.lookouts import timers
from projections.errors import WaitedTooLong
from projections.reader import BadCursor
from tests.integration.projections.conftest import Rig
from tests.integration.projections.test_projection_folding import KEY, a_life
from tests.order_life import NOW, TENANT, World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until
from tests.unit.inbound.doubles import SentCommands

pytestmark = pytest.mark.stack


def as_cursor(place: tuple[int, str]) -> str:
    """A cursor as pages give it, to any place."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def test_orders_come_in_pages_newest_first_without_one_missing_or_twice(rig: Rig) -> None:
    # given: orders of the same moment, so that only the id orders them
    keys = {context_of(str(number)).key for number in range(1, 24)}
    for number in range(1, 24):
        rig.ledger.write(a_life(str(number))[:1])
    rig.project("orders")

    async def read_all() -> list[str]:
        async with rig.reading() as reader:
            found, cursor = list[str](), None
            while True:
                page = await reader.list_orders(TENANT, limit=5, cursor=cursor)
                found.extend(order.order_id for order in page.orders)
                cursor = page.next_cursor
                if cursor is None:
                    return found

    # when
    found = asyncio.run(read_all())
    # then
    assert len(found) == 23
    assert set(found) == keys
    assert found == sorted(found, reverse=True)


def test_orders_are_found_by_status_store_and_external_id(rig: Rig) -> None:
    rig.ledger.write(a_life("1"))
    rig.ledger.write(a_life("2")[:3])
    rig.project("orders")

    async def read() -> None:
        async with rig.reading() as reader:
            delivered = await reader.list_orders(TENANT, status="delivered")
            assert [order.external_id for order in delivered.orders] == ["1"]
            assert not (await reader.list_orders(TENANT, store="another")).orders
            (one,) = (await reader.list_orders(TENANT, external_id="2")).orders
            assert one.status == "received"
            assert one.lines[0].title == "Mug"
            for cursor in ("no cursor", *map(as_cursor, ((1, "\x00"), (2**64, ""), (-1, "")))):
                with pytest.raises(BadCursor):
                    await reader.list_orders(TENANT, cursor=cursor)

    asyncio.run(read())


def test_a_timeline_tells_who_did_what_with_links_to_the_files(rig: Rig) -> None:
    rig.ledger.write(a_life())
    rig.project("timeline")

    async def read() -> None:
        async with rig.reading() as reader:
            first = await reader.timeline(TENANT, KEY, limit=3)
            assert [entry.seq for entry in first.entries] == [1, 2, 3]
            assert first.next_seq == 3
            rest = await reader.timeline(TENANT, KEY, after_seq=3)
            assert rest.next_seq is None
            rendered = next(entry for entry in rest.entries if entry.fact_type == "LineRendered")
            assert rendered.title == "Line 1: print file and proof ready, version 1"
            assert [link.label for link in rendered.links] == ["print file", "proof"]
            assert rendered.actor == "test:ledger-writer"
            assert first.as_of.recorded_at == rig.ledger.written[-1].at

    asyncio.run(read())


def test_a_lineage_is_read_from_the_folded_order_by_its_own_tenant_alone(rig: Rig) -> None:
    rig.ledger.write(a_life())
    rig.project("orders")

    async def read() -> None:
        async with rig.reading() as reader:
            lines = await reader.lineage(TENANT, KEY)
            assert lines is not None
            (run,) = lines[0].runs
            assert run.print_digests == tuple(area.print_file.sha256 for area in lines[0].areas)
            assert run.parcel is not None
            assert (run.parcel.parcel_id, run.parcel.status) == ("P1", "delivered")
            order = await reader.state(TENANT, KEY)
            assert order is not None
            assert order.lines["1"].contents[0].text == b"sealed text"
            assert await reader.lineage("another-tenant", KEY) is None

    asyncio.run(read())


def test_an_answer_says_up_to_which_moment_nothing_is_missing(rig: Rig) -> None:
    rig.ledger.write(a_life())
    began_at = int(time.time() * 1000)

    async def read() -> None:
        async with rig.reading() as reader:
            as_of = await reader.as_of("orders")
            assert as_of.complete_until == 0

            async def complete() -> bool | None:
                return (await reader.as_of("orders")).complete_until >= began_at or None

            with rig.projecting("orders"):
                await reader._progress.until(complete, 30)
            as_of = await reader.as_of("orders")
            assert {part.partition: part.position for part in as_of.partitions if part.position} == dict(
                rig.ledger.positions
            )

    asyncio.run(read())


def test_waiting_for_an_outcome_ends_when_it_is_folded_and_without_one_after_the_time(rig: Rig) -> None:
    async def wait() -> None:
        async with rig.reading() as reader:
            with rig.projecting("command_outcomes", "orders"):
                waiting = asyncio.create_task(reader.wait_for_outcome(TENANT, "command-1", 30))
                nothing = await reader.wait_for_outcome(TENANT, "command-2", 0.2)
                assert nothing is None
                await asyncio.to_thread(rig.ledger.write, a_life(), causation_id="command-1")
                outcome = await waiting
                assert outcome is not None
                assert (outcome.outcome, outcome.first_seq, outcome.key) == ("accepted", 1, KEY)
                order = await reader.wait_for_status(TENANT, KEY, frozenset({"delivered"}), 30)
                assert order.status == "delivered"
                with pytest.raises(WaitedTooLong):
                    await reader.wait_for_status(TENANT, KEY, frozenset({"cancelled"}), 0.1)

    asyncio.run(wait())


def test_the_outcome_of_a_command_is_the_same_whichever_topic_tells_it_first(rig: Rig) -> None:
    # given: a refusal and an ignored command, their copies on the rejected topic, and a refusal without an order
    refused = CommandRefused(command="X", reason="Why", detail="Do this.")
    rig.ledger.write(a_life()[:3], causation_id="placed")
    rig.ledger.write([(KEY, refused), a_life()[3]], causation_id="no")
    rig.ledger.write([(KEY, CommandIgnored(command="Y", why="nothing differs"))], causation_id="same")
    _reject(rig, "no", "refused", "Why")
    _reject(rig, "same", "ignored", "nothing differs")
    _reject(rig, "lost", "refused", "OrderUnknown")

    # when
    async def read() -> list[tuple[str, str, int | None, int | None] | None]:
        async with rig.reading() as reader:
            found = [await reader.outcome(TENANT, name) for name in ("placed", "no", "same", "never")]
            found.append(await reader.wait_for_outcome(TENANT, "lost", 30))
            return [(one.outcome, one.reason, one.first_seq, one.last_seq) if one else None for one in found]

    with rig.projecting("command_outcomes"):
        rig.wait_until_folded("command_outcomes")
        # then
        assert asyncio.run(read()) == [
            ("accepted", "", 1, 3),
            ("refused", "Why", 4, 5),
            ("ignored", "nothing differs", 6, 6),
            None,
            ("refused", "OrderUnknown", None, None),
        ]


def test_a_report_from_outside_finds_its_order_by_effect_key_and_by_tracking_number(rig: Rig) -> None:
    life = a_life()
    submitted = next(fact for _, fact in life if isinstance(fact, SubmissionRequested))
    label = next(fact for _, fact in life if isinstance(fact, LabelRequested))
    rig.ledger.write(life)
    rig.project("effects")
    with rig.system_reading() as reads:
        effect = reads.by_key(submitted.effect_key)
        assert effect is not None
        assert (effect.order_id, effect.kind, effect.line_id, effect.run, effect.who, effect.units) == (
            (KEY, "submit", "1", 1, "press-east", (1,))
        )
        by_number = reads.by_tracking("easypost", "", f"EZ{label.parcel_id}")
        by_reference = reads.by_tracking("easypost", "shp_1", "")
        assert by_number == by_reference
        assert by_number is not None
        assert (by_number.kind, by_number.parcel_id, by_number.effect_key) == (
            "label",
            label.parcel_id,
            label.effect_key,
        )
        assert reads.by_key("0" * 32) is None
        assert reads.by_tracking("another", "shp_1", "") is None


def test_a_line_whose_sku_is_not_mapped_is_found_by_its_sku_until_it_is_released(rig: Rig) -> None:
    # given
    store_order = a_store_order(lines=(a_line("1"), a_line("2", artwork=None)))
    _, facts, _ = live([placed(store_order)], World().answer)
    assert any(isinstance(fact, OrderHeld) for fact in facts)
    rig.ledger.write([(KEY, fact) for fact in facts])
    rig.project("orders")
    with rig.system_reading() as reads:
        (held,) = reads.held_lines(TENANT, "demo-rest", "SKU-2")
        assert (held.order_id, held.line_id, held.reason, held.revision) == (KEY, "2", "sku_unmapped", 1)
        assert reads.held_lines(TENANT, "demo-rest", "SKU-1") == ()
        # when
        rig.ledger.write([(KEY, HoldReleased(reason="sku_unmapped", line_id="2"))])
        rig.project("orders")
        # then
        assert reads.held_lines(TENANT, "demo-rest", "SKU-2") == ()


def test_what_is_due_comes_longest_due_first(rig: Rig) -> None:
    rig.ledger.write(a_life("1")[:4])
    rig.ledger.write(a_life("2")[:4])
    rig.project("deadlines")
    with rig.system_reading() as reads:
        every = reads.due_deadlines(NOW * 2)
        assert [deadline.due_at for deadline in every] == sorted(deadline.due_at for deadline in every)
        assert reads.next_deadline_at() == every[0].due_at
        assert reads.due_deadlines(every[0].due_at - 1) == ()


def test_what_was_asked_for_since_its_queue_is_behind_is_not_due_but_after_long(rig: Rig) -> None:
    life = a_life()
    asked = next(number for number, (_, fact) in enumerate(life) if isinstance(fact, ArtworkCheckRequested))
    rig.ledger.write(life[: asked + 1])
    rig.project("deadlines")
    ((asked_at, due_at),) = rig.query("SELECT asked_at, due_at FROM deadlines WHERE deadline_key LIKE 'check:%'")
    with rig.system_reading() as reads:

        def kinds(overdue: int = 0, **queued_since: int) -> set[str]:
            found = reads.due_deadlines(NOW * 2, queued_since, overdue)
            return {deadline.deadline_key.partition(":")[0] for deadline in found}

        assert "check" in kinds()
        assert "check" not in kinds(check=asked_at)
        assert "check" in kinds(check=asked_at + 1)
        assert "check" in kinds(render=asked_at)
        assert "check" in kinds(check=asked_at, overdue=due_at)
        assert kinds(check=asked_at) | {"check"} == kinds()


def test_timers_wait_while_the_read_model_of_an_earlier_release_is_shown(rig: Rig) -> None:
    rig.project("deadlines")
    _run(rig, "INSERT INTO deadlines VALUES ('demo', 'order-1', 'approval:1', 1, 1, 0)")
    _run(rig, "ALTER TABLE deadlines RENAME COLUMN asked_at TO not_there_yet")
    commands = SentCommands()

    async def run() -> None:
        stop = asyncio.Event()

        async def upgrade() -> None:
            await asyncio.to_thread(wait_until, lambda: told, 60, "timers that wait")
            assert {entry["event"] for entry in told} == {"timers_wait"}
            _run(rig, "ALTER TABLE deadlines RENAME COLUMN not_there_yet TO asked_at")
            await asyncio.to_thread(wait_until, lambda: commands.sent, 60, "the deadline told")
            stop.set()

        with rig.system_reading() as reads, capture_logs() as told:
            await asyncio.gather(timers(rig.settings, reads, commands, (OperationalError,))(stop), upgrade())

    asyncio.run(run())
    ((command, _),) = commands.sent
    assert command == ReportDeadlineElapsed(deadline_key="approval:1", due_at=1)


def _run(rig: Rig, statement: str) -> None:
    with rig.connect() as connection:
        connection.execute(statement.encode())


def _reject(rig: Rig, command_id: str, outcome: str, reason: str) -> None:
    """Put a refusal onto the rejected topic as the ledger does."""
    rejected = CommandRejected(
        command_id=command_id,
        command="X",
        key=KEY,
        tenant=TENANT,
        outcome=outcome,
        reason=reason,
        detail="",
        rejected_at=NOW,
    )
    producer = kafka.producer(rig.settings, "test")
    producer.produce(
        rig.topics.order_rejected,
        key=KEY,
        value=Codec().encode(rejected),
        headers=[("ce_type", b"CommandRejected"), ("tenant", TENANT.encode())],
    )
    producer.flush(10)


def test_the_newest_order_of_a_store_is_that_which_the_store_took_last(rig: Rig) -> None:
    # given
    for number in (1, 2, 3):
        rig.ledger.write(a_life(str(number))[:1])
    rig.project("orders")
    keys = [context_of(str(number)).key for number in (1, 2, 3)]
    # when
    with rig.system_reading() as reads:
        found = reads.newest_of_store(TENANT, "demo-rest")
        unknown = (reads.newest_of_store(TENANT, "nowhere"), reads.newest_of_store("other", "demo-rest"))
    # then: of the same moment, the id decides
    assert found == max(keys)
    assert unknown == (None, None)
