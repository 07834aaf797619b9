"""Dead letters as they lie on their topic: told from markers, chosen, and made into what they were."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from processors.dead_letters import (
    Choice,
    DeadLetter,
    headers_before,
    headers_replayed,
    letters_in,
    marker_headers,
)
from processors.inbound.dead_letters import DeadLetters as InboundLetters
from processors.ledger.deadletters import DeadLetters as LedgerLetters
from processors.ports import ConsumedRecord, RecordTooLarge
from tests.unit.inbound.doubles import MemoryVault
from tests.unit.ledger.answering import Record

TOPIC = "pod.orders.intake.v1"
Headers = list[tuple[str, bytes]]


def why(offset: int = 7, reason: str = "DecisionFailed") -> Headers:
    """What the ledger puts behind the headers of a record that it buries."""
    told = {
        "topic": TOPIC,
        "partition": "3",
        "offset": str(offset),
        "connector.name": "ledger-orders-0",
        "stage": "VALUE_CONVERTER",
        "exception.class.name": reason,
        "exception.message": "a rule divides by zero",
    }
    prefixed = [(f"__connect.errors.{name}", text.encode()) for name, text in told.items()]
    return [*prefixed, ("sealed", b"dlq." + TOPIC.encode())]


def on_its_topic(offset: int, headers: Headers, at: int = 1_000, value: bytes | None = b"12345") -> ConsumedRecord:
    return ConsumedRecord(
        topic=f"dlq.{TOPIC}", partition=0, offset=offset, key=b"k", value=value, headers=(*headers,), timestamp_at=at
    )


def marker(letter: int, offset: int, at: int) -> ConsumedRecord:
    headers = [(name, content or b"") for name, content in marker_headers(letter)]
    return on_its_topic(offset, headers, at, value=None)


def test_a_letter_says_where_its_record_was_and_why_it_could_not_be_used() -> None:
    # given
    record = on_its_topic(11, [("ce_id", b"c-1"), *why(offset=7)], at=5_000)
    # when
    (letter,) = letters_in(TOPIC, [record])
    # then
    assert letter == DeadLetter(
        topic=TOPIC,
        offset=11,
        buried_at=5_000,
        reason="DecisionFailed",
        message="a rule divides by zero",
        buried_by="ledger-orders-0",
        source_partition=3,
        source_offset=7,
        value_bytes=5,
    )


def test_a_marker_says_when_its_letter_was_replayed_and_is_no_letter() -> None:
    # given
    records = [on_its_topic(0, why()), on_its_topic(1, why()), marker(1, offset=2, at=9_000)]
    # when
    found = letters_in(TOPIC, records)
    # then
    assert [(letter.offset, letter.replayed_at) for letter in found] == [(0, 0), (1, 9_000)]


def test_a_marker_whose_letter_is_not_looked_at_says_nothing() -> None:
    assert letters_in(TOPIC, [marker(0, offset=4, at=9_000), on_its_topic(5, why())])[0].replayed_at == 0


@pytest.mark.parametrize("headers", [[], [("replayed", b"many")], [("replayed", b"-1")], [("replayed", b"9" * 30)]])
def test_what_is_neither_letter_nor_marker_says_nothing(headers: Headers) -> None:
    (letter,) = letters_in(TOPIC, [on_its_topic(0, why()), on_its_topic(1, headers)])
    assert letter.replayed_at == 0


def test_a_sender_cannot_pass_a_record_off_as_the_marker_of_somebody_elses_letter() -> None:
    # given: a record that could not be used, with the header that markers have
    records = [on_its_topic(0, why()), on_its_topic(1, [("replayed", b"0"), *why()])]
    # when
    found = letters_in(TOPIC, records)
    # then
    assert [letter.replayed_at for letter in found] == [0, 0]


def test_a_letter_whose_numbers_are_none_is_shown_without_them() -> None:
    headers = [("__connect.errors.topic", b"x"), ("__connect.errors.offset", b"far"), ("sealed", b"")]
    (letter,) = letters_in(TOPIC, [on_its_topic(0, headers, value=None)])
    assert (letter.source_partition, letter.source_offset, letter.value_bytes) == (-1, -1, 0)


def test_a_record_that_failed_again_names_the_letter_that_it_was() -> None:
    # given: a letter at offset 4 that was sent again
    again = headers_replayed([("ce_id", b"c-1"), *why()], TOPIC, 4)
    assert again == [("ce_id", b"c-1"), ("replayed_from", f"dlq.{TOPIC}/0/4".encode())]
    # when: it fails again, and again
    second = [(name, content or b"") for name, content in again] + why(offset=8)
    third = headers_replayed(second, TOPIC, 6)
    # then
    (letter,) = letters_in(TOPIC, [on_its_topic(6, second)])
    assert letter.replayed_from == f"dlq.{TOPIC}/0/4"
    assert third == [("ce_id", b"c-1"), ("replayed_from", f"dlq.{TOPIC}/0/6".encode())]


def test_a_header_without_content_stays_without() -> None:
    assert headers_before([("traceparent", None), *why()]) == [("traceparent", None)]


@pytest.mark.parametrize(
    ("choice", "is_meant"),
    [
        (Choice(), True),
        (Choice(topic=TOPIC, reason="DecisionFailed", offset=0, since=1_000), True),
        (Choice(topic="pod.inbound.raw.v1"), False),
        (Choice(reason="NotFramed"), False),
        (Choice(topic=TOPIC, offset=1), False),
        (Choice(since=1_001), False),
    ],
)
def test_a_choice_means_what_agrees_with_all_that_it_says(choice: Choice, is_meant: bool) -> None:
    (letter,) = letters_in(TOPIC, [on_its_topic(0, why())])
    assert choice.means(letter) is is_meant


ROOM = 10_000
"""Bytes of the largest letter that the dead-letter topic of these tests takes."""


class SmallTopic:
    """Refuses what is larger than a dead-letter topic takes, and keeps the rest."""

    def __init__(self) -> None:
        self.kept: list[ConsumedRecord] = []

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        if len(key) + len(value) + sum(len(name) + len(content) for name, content in headers) > ROOM:
            raise RecordTooLarge
        self.kept.append(
            ConsumedRecord(topic=topic, partition=0, offset=0, key=key.encode(), value=value, headers=(*headers,))
        )


def buried_by_inbound(key: str, value: bytes, headers: Headers) -> ConsumedRecord:
    log = SmallTopic()
    record = ConsumedRecord(topic=TOPIC, partition=3, offset=7, key=key.encode(), value=value, headers=(*headers,))
    asyncio.run(InboundLetters(log, MemoryVault(), "inbound").bury(record, ValueError("no"), sealed_already=False))
    (letter,) = log.kept
    return letter


def buried_by_the_ledger(key: str, value: bytes, headers: Headers) -> ConsumedRecord:
    letters = LedgerLetters(f"dlq.{TOPIC}", lambda _, content: content, "ledger-orders-0", letter_bytes_max=ROOM)
    message: Any = Record(key, value, headers)
    kept_key, kept, names, contents = letters.letter(message, ValueError("no"))
    assert len(kept_key or b"") + len(kept or b"") + sum(map(len, (*names, *contents))) <= ROOM
    pairs = (*zip(names, contents, strict=True),)
    return ConsumedRecord(topic=f"dlq.{TOPIC}", partition=0, offset=0, key=kept_key, value=kept, headers=pairs)


@pytest.mark.parametrize("bury", [buried_by_inbound, buried_by_the_ledger])
@pytest.mark.parametrize(
    ("key", "value", "headers", "left_out"),
    [
        ("k", b"v" * 5_000, [("ce_id", b"c-1")], ""),
        ("k", b"v" * 20_000, [("ce_id", b"c-1")], "value"),
        ("k", b"v", [("ce_id", b"c-1"), ("more", b"x" * 20_000)], "key, headers and value"),
        ("k" * 20_000, b"v", [("ce_id", b"c-1")], "key, headers and value"),
    ],
)
def test_a_letter_leaves_out_what_would_make_it_larger_than_its_topic_takes_and_says_so(
    bury: Any, key: str, value: bytes, headers: Headers, left_out: str
) -> None:
    # when
    record = bury(key, value, headers)
    # then
    (letter,) = letters_in(TOPIC, [record])
    assert (letter.left_out, letter.reason) == (left_out, "ValueError")
    if left_out:
        assert (record.value or b"", letter.value_bytes) == (b"", len(value))
    assert list(headers_before(record.headers)) == ([] if "headers" in left_out else headers)
    assert (record.key or b"").decode() == ("" if "key" in left_out else key)
