"""Dead letters as they lie on `dlq.<topic>`: told from what else lies there, chosen, and made into what they were.

A replay appends the record to its topic again, with the header `replayed_from`, and a marker to the dead-letter topic:
a record without value whose header `replayed` has the letter's offset. Both are one transaction, so a letter is
replayed once, and a record that fails again is a new letter that names the one it was before. Dead-letter topics have
one partition (`infra/topics.py`), so an offset names a letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from processors.ports import ConsumedRecord

#: Headers as Kafka Connect writes them, so that tools for its dead letters work on ours.
ERRORS_PREFIX = "__connect.errors."
#: What the value was sealed as; empty where the record had none, or was sealed before it came.
SEALED_HEADER = "sealed"
#: The daily keys under which dead letters are sealed; they end with the letters.
DEAD_LETTER_PURPOSE = "dlq"
REPLAYED_FROM = "replayed_from"
REPLAYED = "replayed"
#: What of its record a letter leaves out, because it would be larger than its topic takes; and how long the value was.
LEFT_OUT_HEADER = "left_out"
VALUE_BYTES_HEADER = "value_bytes"
#: The first of the headers that whoever buries a record puts behind those that it had.
_FIRST_HEADER = ERRORS_PREFIX + "topic"

KafkaHeaders: TypeAlias = "Sequence[tuple[str, bytes | None]]"
"""Headers as Kafka has them: names may repeat, and a content may be null."""

Letter: TypeAlias = "tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]"
"""Key, value and headers of a letter's record."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter without what it holds. Times are epoch milliseconds; topics are without the settings' prefix.

    `topic` is where the record was, at `source_partition` and `source_offset` (-1 where nobody knows); `offset` is
    where its letter is on `dlq.<topic>`. `replayed_at` is 0 for one that nobody replayed; `replayed_from` names the
    letter that this one was before, as `dlq.<topic>/<partition>/<offset>`, where it failed again. `left_out` names what
    of the record was too large for a letter; such a letter has no value, and `value_bytes` is what the record's had.
    """

    topic: str
    offset: int
    buried_at: int
    reason: str
    message: str
    buried_by: str
    source_partition: int
    source_offset: int
    value_bytes: int
    replayed_from: str = ""
    replayed_at: int = 0
    left_out: str = ""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are meant; what is empty or None leaves all. `since` is epoch milliseconds."""

    topic: str = ""
    reason: str = ""
    offset: int | None = None
    since: int = 0

    def means(self, letter: DeadLetter) -> bool:
        """Whether the letter is meant."""
        return (
            self.topic in ("", letter.topic)
            and self.reason in ("", letter.reason)
            and self.offset in (None, letter.offset)
            and letter.buried_at >= self.since
        )


def forms_of_letter(
    key: bytes | None, value: bytes | None, headers: KafkaHeaders, why: KafkaHeaders, value_bytes: int
) -> Iterator[Letter]:
    """The forms that a letter may have, the whole one first: the first that its topic takes is kept.

    A broker measures a record compressed and a sealed one no longer compresses, so a letter can be much larger than its
    record was. `value` is sealed, `value_bytes` the length that it had; `why` are the letter's own headers.
    """
    yield key, value, [*headers, *why]
    length = (VALUE_BYTES_HEADER, b"%d" % value_bytes)
    yield key, None, [*headers, *why, (LEFT_OUT_HEADER, b"value"), length]
    yield None, None, [*why, (LEFT_OUT_HEADER, b"key, headers and value"), length]


def letters_in(topic: str, records: Iterable[ConsumedRecord]) -> list[DeadLetter]:
    """The letters among the records of `dlq.<topic>` in their order, each with when it was replayed.

    Markers of letters that are not among the records, and what is neither letter nor marker, say nothing.
    """
    found: dict[int, DeadLetter] = {}
    for record in records:
        headers = dict(record.headers)
        if is_letter(headers):
            found[record.offset] = _letter(topic, record)
            continue
        replayed = _number(headers.get(REPLAYED, b""))
        if replayed in found:
            found[replayed] = msgspec.structs.replace(found[replayed], replayed_at=record.timestamp_at)
    return list(found.values())


def is_letter(headers: Mapping[str, bytes]) -> bool:
    """Whether these are the headers of a dead letter: what else lies on its topic are markers of replays.

    Senders choose the names of a record's headers, so a letter may have the marker's too.
    """
    return _FIRST_HEADER in headers


def headers_before(headers: KafkaHeaders) -> KafkaHeaders:
    """The headers that a letter's record had before it was one, whatever their names."""
    return headers[: _length_before(headers)]


def headers_replayed(headers: KafkaHeaders, topic: str, offset: int) -> list[tuple[str, bytes | None]]:
    """The headers of a letter's record as it is sent again: those that it had, and which letter it was.

    `topic` is the record's own, `offset` the letter's.
    """
    had = [header for header in headers_before(headers) if header[0] != REPLAYED_FROM]
    return [*had, (REPLAYED_FROM, f"dlq.{topic}/0/{offset}".encode())]


def marker_headers(offset: int) -> list[tuple[str, bytes | None]]:
    """The headers of the marker that says that the letter at this offset was replayed."""
    return [(REPLAYED, str(offset).encode())]


def _letter(topic: str, record: ConsumedRecord) -> DeadLetter:
    length = _length_before(record.headers)
    had, reasons = dict(record.headers[:length]), dict(record.headers[length:])

    def told(name: str) -> bytes:
        return reasons.get(ERRORS_PREFIX + name, b"")

    left_out = reasons.get(LEFT_OUT_HEADER, b"").decode(errors="replace")
    return DeadLetter(
        topic=topic,
        offset=record.offset,
        buried_at=record.timestamp_at,
        reason=told("exception.class.name").decode(errors="replace"),
        message=told("exception.message").decode(errors="replace"),
        buried_by=(told("connector.name") or told("stage")).decode(errors="replace"),
        source_partition=_number(told("partition")),
        source_offset=_number(told("offset")),
        value_bytes=_number(reasons.get(VALUE_BYTES_HEADER, b"")) if left_out else len(record.value or b""),
        replayed_from=had.get(REPLAYED_FROM, b"").decode(errors="replace"),
        left_out=left_out,
    )


def _length_before(headers: KafkaHeaders) -> int:
    """How many headers the record had: the letter's own are behind them, and the record may have been a letter's."""
    return max((at for at, (name, _) in enumerate(headers) if name == _FIRST_HEADER), default=len(headers))


def _number(digits: bytes) -> int:
    """A number that stands in a header; -1 where none does."""
    return int(digits) if digits.isdigit() and len(digits) < 20 else -1
