"""The desk for dead letters: what there is, what one says, and sending them again, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeAlias

import msgspec
from confluent_kafka import KafkaException, Message, Producer

from infra import kafka
from infra.settings import Settings
from infra.topics import DEAD_LETTER_PREFIX
from processors.dead_letters import (
    DEAD_LETTER_PURPOSE,
    ERRORS_PREFIX,
    SEALED_HEADER,
    Choice,
    DeadLetter,
    headers_before,
    headers_replayed,
    letters_in,
    marker_headers,
)
from processors.inbound.consuming import consumed
from processors.inbound.raw import RAW_PURPOSE, RAW_TOPIC
from processors.ports import (
    ConsumedRecord,
    CrashPoint,
    KeyDestroyed,
    KeyMissing,
    NamedError,
    SealBroken,
    UnknownSealFormat,
    Vault,
    no_crash,
)
from processors.proof.scan import TopicReader

#: Letters that are looked at by one command.
LETTERS_MAX = 100_000
#: One transaction's worth: the broker ends it after ten seconds (`kafka.TRANSACTION_MS`).
AT_ONCE, AT_ONCE_BYTES = 100, 8 * 1024 * 1024
ANSWER_SECONDS = 15.0
STEP_SECONDS = 15.0
HEADER_CHARACTERS_SHOWN = 8_000
#: What opens today or never; that this process has the wrong settings is not among it.
_SHUT_FOR_GOOD = (KeyDestroyed, KeyMissing, SealBroken, UnknownSealFormat)

Tell: TypeAlias = Callable[[str], None]
"""Told how far long work is, in words for a person."""


class ChoiceUnclear(NamedError):
    """Say which letters are meant: --topic, --reason, --since, --offset with its --topic; or --all, which is alone."""


class NoSuchTopic(NamedError):
    """No dead letters are kept for this topic; `printledger dlq list` names the topics that have some."""


class NoSuchLetter(NamedError):
    """There is no dead letter at this offset; `printledger dlq list` shows where they are."""


class TooManyLetters(NamedError):
    """More than 100,000 dead letters are meant. Look at one topic with --topic, or at the later ones with --since."""


class ReplayInterrupted(NamedError):
    """The replay ended early: letters that it had replayed are marked and stay so. Run it again to go on."""


class LetterShown(msgspec.Struct, frozen=True, kw_only=True):
    """A letter with key and headers of its record, and where the code failed; what it holds is sealed, and stays so."""

    letter: DeadLetter
    key: str
    headers: list[tuple[str, str]]
    stacktrace: str


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did, or would do: letters that were meant, those replayed before, and those replayed now.

    `unopened` ones cannot be opened any more, because the key of their day has ended; the records of `not_whole` ones
    were too large for a letter, and what is left of them is not sent; `left` are above the limit.
    """

    chosen: int
    replayed_before: int
    replayed: int
    unopened: int
    not_whole: int
    left: int
    dry_run: bool


class DeadLetterDesk:
    """Looks at dead letters and replays them. Every call blocks, and raises KafkaException where no broker answers."""

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        reader: TopicReader,
        *,
        tell: Tell = lambda _: None,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`crash_point` is called by name between two steps of a replay; tests end the process there."""
        self._settings = settings
        self._vault = vault
        self._reader = reader
        self._tell = tell
        self._crash_point = crash_point

    def letters(self, choice: Choice) -> list[DeadLetter]:
        """The letters that are meant, by topic and then in their order.

        Raises ChoiceUnclear, NoSuchTopic or TooManyLetters.
        """
        if choice.offset is not None and not choice.topic:
            raise ChoiceUnclear
        kept = self._topics()
        if choice.topic and choice.topic not in kept:
            raise NoSuchTopic(f"{choice.topic[:200]}: {NoSuchTopic.__doc__}")
        found: list[DeadLetter] = []
        for topic in [choice.topic] if choice.topic else kept:
            self._tell(f"reading the dead letters of {topic}")
            # A letter's marker stands behind it, so nothing before the first letter that is meant is needed.
            records = map(self._consumed, self._messages(topic, self._start(topic, choice)))
            found += filter(choice.means, letters_in(topic, records))
            if len(found) > LETTERS_MAX:
                raise TooManyLetters
        return found

    def show(self, topic: str, offset: int) -> LetterShown:
        """One letter. Raises NoSuchTopic or NoSuchLetter."""
        letters = self.letters(Choice(topic=topic, offset=offset))
        if not letters:
            raise NoSuchLetter(f"{topic} {offset}: {NoSuchLetter.__doc__}")
        (record,) = map(self._consumed, self._messages(topic, offset, offset + 1))
        stacktrace = dict(record.headers).get(ERRORS_PREFIX + "exception.stacktrace", b"")
        return LetterShown(
            letter=letters[0],
            key=(record.key or b"").decode(errors="replace"),
            headers=[
                (name, (content or b"").decode(errors="replace")[:HEADER_CHARACTERS_SHOWN])
                for name, content in headers_before(record.headers)
            ],
            stacktrace=stacktrace.decode(errors="replace"),
        )

    def replay(self, choice: Choice, *, limit: int = LETTERS_MAX, dry_run: bool = False) -> ReplayReport:
        """Send the letters that are meant to their topics again, topic by topic in their order, at most `limit`.

        One that was replayed before is left alone, and so is one that does not hold its whole record. Raises
        ChoiceUnclear, NoSuchTopic, TooManyLetters, or ReplayInterrupted, after which another replay goes on where this
        one ended.
        """
        # The producer comes first: it ends what another replay left open, before anybody looks what is replayed.
        producer = None if dry_run else self._producer()
        letters = self.letters(choice)
        waiting = [letter for letter in letters if not letter.replayed_at and not letter.left_out]
        taken = waiting[:limit]
        replayed = 0
        for topic, some in groupby(taken, key=lambda letter: letter.topic):
            for chunk in self._chunks(topic, {letter.offset for letter in some}):
                if producer is not None:
                    self._commit(producer, topic, chunk)
                replayed += len(chunk)
                self._tell(f"replayed {replayed:,} of {len(taken):,} dead letters")
        return ReplayReport(
            chosen=len(letters),
            replayed_before=sum(letter.replayed_at > 0 for letter in letters),
            replayed=replayed,
            unopened=len(taken) - replayed,
            not_whole=sum(bool(letter.left_out) for letter in letters),
            left=len(waiting) - len(taken),
            dry_run=dry_run,
        )

    def _topics(self) -> list[str]:
        """The topics whose dead letters are kept: as the broker has them, because a tenant's may outlive the tenant."""
        prefix = self._settings.topic_prefix + DEAD_LETTER_PREFIX
        found = kafka.admin(self._settings).list_topics(timeout=ANSWER_SECONDS).topics
        return sorted(name.removeprefix(prefix) for name in found if name.startswith(prefix))

    def _letters_topic(self, topic: str) -> str:
        return f"{self._settings.topic_prefix}{DEAD_LETTER_PREFIX}{topic}"

    def _start(self, topic: str, choice: Choice) -> int:
        """The offset of the first record that a choice may mean."""
        if choice.offset is not None:
            return choice.offset
        return self._reader.offset_at(self._letters_topic(topic), 0, choice.since) if choice.since else 0

    def _messages(self, topic: str, start: int, end: int | None = None) -> Iterator[Message]:
        """What lies on a topic's dead-letter topic from `start` on, up to `end`; markers are among it."""
        name = self._letters_topic(topic)
        low, high = self._reader.bounds(name, 0)
        seen = 0
        for messages in self._reader.read(name, 0, max(low, start), high if end is None else min(high, end)):
            # As many markers as letters, at most.
            seen += len(messages)
            if seen > 2 * LETTERS_MAX:
                raise TooManyLetters
            yield from messages

    def _consumed(self, message: Message) -> ConsumedRecord:
        return consumed(message, self._settings.topic_prefix)

    def _producer(self) -> Producer:
        """A producer whose beginning ends any other replay: what that one committed is read after this."""
        producer = kafka.transactional_producer(self._settings, f"{self._settings.topic_prefix}printledger-dlq-replay")
        try:
            producer.init_transactions(STEP_SECONDS)
        except KafkaException as error:
            raise _interrupted(error) from error
        return producer

    def _chunks(self, topic: str, offsets: set[int]) -> Iterator[list[tuple[Message, bytes | None]]]:
        """The letters at these offsets with the values that their records had, as many as go into a transaction.

        Those that cannot be opened any more are left out.
        """
        chunk: list[tuple[Message, bytes | None]] = []
        chunk_bytes = 0
        for message in self._messages(topic, min(offsets), max(offsets) + 1):
            if message.offset() not in offsets:
                continue
            try:
                value = self._opened(self._consumed(message), topic)
            except _SHUT_FOR_GOOD:
                continue
            chunk.append((message, value))
            chunk_bytes += len(value or b"")
            if len(chunk) >= AT_ONCE or chunk_bytes >= AT_ONCE_BYTES:
                yield chunk
                chunk, chunk_bytes = [], 0
        if chunk:
            yield chunk

    def _opened(self, letter: ConsumedRecord, topic: str) -> bytes | None:
        """The value that the record had before it was a letter. Raises what the vault raises."""
        headers = dict(letter.headers)
        sealed_as = headers.get(SEALED_HEADER, b"")
        if letter.value is None:
            return None
        if sealed_as:
            return self._vault.open_daily(DEAD_LETTER_PURPOSE, sealed_as.decode(errors="replace"), letter.value)
        if topic == RAW_TOPIC and (source := headers.get("ce_source")) is not None:
            # Goes again as it is, sealed; but once its own key has ended, inbound could only bury it again.
            self._vault.open_daily(RAW_PURPOSE, source.decode(errors="replace"), letter.value)
        return letter.value

    def _commit(self, producer: Producer, topic: str, chunk: list[tuple[Message, bytes | None]]) -> None:
        """One transaction: the records on their topic again, and a marker for each letter."""
        target, letters = self._settings.topic_prefix + topic, self._letters_topic(topic)
        try:
            producer.begin_transaction()
            for message, value in chunk:
                offset = message.offset() or 0
                headers: Any = message.headers() or []
                again: Any = headers_replayed(headers, topic, offset)
                marker: Any = marker_headers(offset)
                producer.produce(target, key=message.key(), value=value, headers=again)
                producer.produce(letters, key=message.key(), headers=marker)
            producer.flush(STEP_SECONDS)
            self._crash_point("dlq.produced")
            producer.commit_transaction(STEP_SECONDS)
        except KafkaException as error:
            # Left open it would hide from readers what comes behind it. Another replay may have ended it already.
            with suppress(KafkaException):
                producer.abort_transaction(STEP_SECONDS)
            raise _interrupted(error) from error
        self._crash_point("dlq.committed")


def _interrupted(error: KafkaException) -> ReplayInterrupted:
    return ReplayInterrupted(f"{ReplayInterrupted.__doc__} ({error.args[0].str()})")
