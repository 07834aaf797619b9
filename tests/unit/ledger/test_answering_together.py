"""Commands that are answered together get the answers that each would have got alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from events.decider import Context
from events.documents import CommandRejected
from events.order.commands import ReportArtworkChecked
from events.order.decide import OrderDecider
from events.order.state import Order
from events.order.stream import ORDER_STREAM
from events.stream import Stream
from infra.benchmarks.order_lives import Sent, lives
from processors.ledger.batch import Batch, Progress
from processors.ledger.decisions import HEADERS_BYTES_MAX
from processors.snapshots import Entry
from tests.unit.ledger.answering import (
    CODEC,
    DEAD_LETTERS,
    Record,
    UnreadableRecord,
    a_partition,
    decisions_of,
    records_on,
)

AT = 1_790_000_000_123
#: Lives of which two in a hundred commands are sent twice.
LIVES = list(itertools.islice(lives(7, open_orders=20), 600))


class FaultyRule(OrderDecider):
    """A decider that fails at one command."""

    def __init__(self, command_id: str) -> None:
        self._command_id = command_id

    def decide_and_evolve(self, state: Order, command: Any, context: Context) -> Any:
        if context.command_id == self._command_id:
            raise ZeroDivisionError("planted")
        return super().decide_and_evolve(state, command, context)


def answered(commands: Sequence[Sent], stream: Stream = ORDER_STREAM, unreadable_key: str = "", **limits: int) -> Batch:
    """The batch in which these commands are answered, all on one partition, by a ledger that knows no order yet."""
    partition = a_partition({sent.key: Entry(0, "", b"", Order()) for sent in commands})
    batch = Batch(AT)
    progress = batch.progress[0] = Progress(partition, None)
    taken = []
    for offset, sent in enumerate(commands):
        kind = UnreadableRecord if sent.key == unreadable_key else Record
        message: Any = kind(sent.key, CODEC.encode(sent.command), sent.envelope.to_headers(), offset)
        taken.append((progress, message, sent.key))
    decisions = decisions_of(stream, **limits)
    decisions.decide(batch, taken)
    decisions.statuses(batch)
    return batch


def facts_by_order(batch: Batch) -> dict[bytes, list[tuple[str, bytes]]]:
    """Each order's facts: the command they answer, and their bytes."""
    found: dict[bytes, list[tuple[str, bytes]]] = {}
    for key, value, names, contents in records_on(batch, ORDER_STREAM.events_topic):
        headers = dict(zip(names, contents, strict=True))
        found.setdefault(key or b"", []).append((headers["causation_id"].decode(), value or b""))
    return found


@pytest.mark.parametrize("together", [2, 7, 512])
def test_records_states_and_counts_do_not_depend_on_how_many_are_answered_together(together: int) -> None:
    one_by_one, in_groups = answered(LIVES, together=1), answered(LIVES, together=together)
    assert in_groups.records == one_by_one.records
    assert in_groups.progress[0].entries == one_by_one.progress[0].entries
    assert in_groups.progress[0].head == one_by_one.progress[0].head
    assert in_groups.counts == one_by_one.counts
    assert one_by_one.counts.facts > one_by_one.counts.commands == len(LIVES)
    assert one_by_one.counts.duplicates > 0


def test_a_command_at_which_a_rule_fails_becomes_one_dead_letter_and_its_neighbours_are_answered() -> None:
    # given
    first_check = next(sent for sent in LIVES if isinstance(sent.command, ReportArtworkChecked))
    others = [sent for sent in LIVES if sent.key != first_check.key]
    stream = msgspec.structs.replace(ORDER_STREAM, decider=FaultyRule(first_check.command_id))
    # when
    batch = answered(LIVES, stream)
    # then
    sent_times = [sent.command_id for sent in LIVES].count(first_check.command_id)
    assert len(records_on(batch, DEAD_LETTERS)) == batch.counts.dead_letters == sent_times
    assert batch.counts.commands == len(LIVES)
    facts, without = facts_by_order(batch), facts_by_order(answered(others))
    assert {key: facts[key] for key in without} == without
    assert first_check.command_id not in {cause for cause, _ in facts[first_check.key.encode()]}


def test_records_whose_headers_nobody_can_read_become_dead_letters_and_their_neighbours_are_answered() -> None:
    # given
    unreadable = LIVES[0].key
    others = [sent for sent in LIVES if sent.key != unreadable]
    # when
    batch = answered(LIVES, unreadable_key=unreadable)
    # then
    letters = [dict(zip(names, contents, strict=True)) for *_, names, contents in records_on(batch, DEAD_LETTERS)]
    assert {letter["__connect.errors.exception.class.name"] for letter in letters} == {b"HeadersUnreadable"}
    assert len(letters) == len(LIVES) - len(others)
    assert facts_by_order(batch) == facts_by_order(answered(others))


def test_a_command_whose_facts_are_too_large_is_refused_and_its_neighbours_are_answered() -> None:
    # given
    within = facts_by_order(answered(LIVES))
    longest_bytes, cause = max((len(value), cause) for facts in within.values() for cause, value in facts)
    # when
    batch = answered(LIVES, record_bytes_max=longest_bytes - 1 + HEADERS_BYTES_MAX)
    # then
    rejected = [CODEC.decode(value) for _, value, *_ in records_on(batch, ORDER_STREAM.rejected_topic)]
    refused = {
        answer.command_id: answer.key.encode()
        for answer in rejected
        if isinstance(answer, CommandRejected) and answer.reason == "DecisionTooLarge"
    }
    assert cause in refused
    facts, neighbours = facts_by_order(batch), within.keys() - set(refused.values())
    assert {key: facts[key] for key in neighbours} == {key: within[key] for key in neighbours}
    assert neighbours
