"""Dead letters with whatever headers a sender chose: what was sent is what is sent again, by whomever it was buried."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.dead_letters import REPLAYED_FROM, headers_before, headers_replayed, letters_in
from processors.inbound.dead_letters import DeadLetters as InboundLetters
from processors.ledger.deadletters import DeadLetters as LedgerLetters
from processors.ports import ConsumedRecord
from tests.unit.inbound.doubles import MemoryVault
from tests.unit.ledger.answering import Record

TOPIC = "pod.orders.intake.v1"
Headers = list[tuple[str, bytes]]

#: Names that letters and markers have themselves, beside those of any record.
names = st.sampled_from(
    ["ce_id", "sealed", "replayed", "replayed_from", "__connect.errors.topic", "__connect.errors.offset"]
)
some_headers = st.lists(st.tuples(names, st.binary(max_size=3)), max_size=8)


class Log:
    """Keeps the headers of what was appended, also where names repeat."""

    def __init__(self) -> None:
        self.headers: list[Headers] = []

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        self.headers.append([*headers])


def buried_by_inbound(headers: Headers) -> Headers:
    log = Log()
    letters = InboundLetters(log, MemoryVault(), "inbound")
    record = ConsumedRecord(topic=TOPIC, partition=0, offset=42, key=b"k", value=b"v", headers=(*headers,))
    asyncio.run(letters.bury(record, ValueError("no"), sealed_already=True))
    return log.headers[0]


def buried_by_the_ledger(headers: Headers) -> Headers:
    letters = LedgerLetters(f"dlq.{TOPIC}", lambda _, value: value, "ledger-orders-0", letter_bytes_max=100_000)
    message: Any = Record("k", b"v", headers)
    _, _, found, contents = letters.letter(message, ValueError("no"))
    return [*zip(found, contents, strict=True)]


@given(some_headers, st.sampled_from([buried_by_inbound, buried_by_the_ledger]))
def test_what_a_record_had_is_what_its_letter_gives_back(headers: Headers, bury: Any) -> None:
    buried = bury(headers)
    assert list(headers_before(buried)) == headers
    record = ConsumedRecord(topic=f"dlq.{TOPIC}", partition=0, offset=0, key=b"k", value=b"v", headers=(*buried,))
    (letter,) = letters_in(TOPIC, [record])
    assert (letter.reason, letter.source_offset, letter.replayed_at) == ("ValueError", 42, 0)


@given(some_headers, st.lists(st.sampled_from([buried_by_inbound, buried_by_the_ledger]), min_size=1, max_size=4))
def test_however_often_it_fails_it_has_its_own_headers_and_one_name(headers: Headers, buriers: list[Any]) -> None:
    sent: Any = headers
    for offset, bury in enumerate(buriers):
        sent = headers_replayed(bury(sent), TOPIC, offset)
    own = [header for header in headers if header[0] != REPLAYED_FROM]
    assert sent == [*own, (REPLAYED_FROM, f"dlq.{TOPIC}/0/{len(buriers) - 1}".encode())]
