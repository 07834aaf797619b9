"""Answers commands: reads them, decides them in their order, and adds what follows to a batch.

Nothing here waits and nothing is certain: a batch is thrown away whole when its commit fails.

Commands are answered some together, one step after the other for all of them: all are read, all are decided, all facts
become bytes, all records are made. A processor that does one thing at a time finds its instructions in its nearest
cache, and answers a third more commands than one that does everything for each command (`bench/README.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

import structlog
from confluent_kafka import Message

from events.codec import Codec
from events.decider import Ignored, Refusal
from events.declare import Declared
from events.documents import CommandRejected
from events.stream import Stream
from processors.ledger.answers import Answer, Answers, Rejection
from processors.ledger.batch import Batch, Counts, Progress
from processors.ledger.deadletters import DeadLetters
from processors.ledger.intake import UNUSABLE, DecisionFailed, Intake, Received
from processors.ledger.records import ANY_PARTITION
from processors.snapshots import Entry, mark_of

log = structlog.get_logger(__name__)

#: Commands that are answered together: what they become stays in the processor's second cache until the last step.
TOGETHER = 512
#: Room for the headers of a fact beside its value, within the topic's largest record.
HEADERS_BYTES_MAX = 8 * 1_024

REFUSED, IGNORED = "refused", "ignored"
NOTHING_FOLLOWS = "it changes nothing"

Taken: TypeAlias = tuple[Progress, Message, str]
"""A record from intake, the progress of its partition, and its key."""

Read: TypeAlias = tuple[Progress, Message, Received]
"""The same once it was read."""


class DecisionTooLarge(Refusal):
    """What follows from the command is larger than a record may be: send less at once, or files by address."""


class StatusTooLarge(Refusal):
    """The order has more lines and parcels than one status can show: place what is left as an order of its own."""


class OtherTenant(Refusal):
    """Nothing of this tenant is known under this key: look at tenant and key of the command."""


class Decisions:
    """Decides the commands of one stream."""

    def __init__(
        self,
        stream: Stream,
        codec: Codec,
        dead_letters: DeadLetters,
        *,
        record_bytes_max: int,
        status_bytes_max: int,
        recognise_commands: bool = True,
        together: int = TOGETHER,
    ) -> None:
        """`recognise_commands=False` is a planted fault: the proof has to find what a command done twice leaves."""
        self._stream = stream
        self._decider = stream.decider
        self._codec = codec
        self._intake = Intake(stream, codec)
        self._answers = Answers(stream, codec)
        self._dead_letters = dead_letters
        self._fact_bytes_max = record_bytes_max - HEADERS_BYTES_MAX
        self._status_bytes_max = status_bytes_max - HEADERS_BYTES_MAX
        self._recognises = stream.remembers_commands and recognise_commands
        self._together = together

    def decide(self, batch: Batch, commands: Sequence[Taken]) -> None:
        """Answer commands in their order; their keys were checked and the states read. The batch gets the answers."""
        batch.counts.commands += len(commands)
        for start in range(0, len(commands), self._together):
            taken = self._read(batch, commands[start : start + self._together])
            try:
                self._answer(batch, taken)
            except (DecisionTooLarge, DecisionFailed):
                for one in taken:
                    self._answer_alone(batch, one)

    def bury(self, batch: Batch, message: Message, error: Exception) -> None:
        """Add the dead letter of a record that cannot be used."""
        log.warning(
            "dead_letter",
            topic=message.topic(),
            partition=message.partition(),
            offset=message.offset(),
            reason=type(error).__name__,
        )
        batch.counts.dead_letters += 1
        letters = batch.records_for(self._dead_letters.topic, ANY_PARTITION)
        letters.append(self._dead_letters.letter(message, error))

    def statuses(self, batch: Batch) -> None:
        """Add one status snapshot for every key that changed. Called once, when all commands are decided."""
        self._answers.add_statuses(batch)

    def _read(self, batch: Batch, commands: Sequence[Taken]) -> list[Read]:
        read, found = self._intake.read, []
        for progress, message, key in commands:
            try:
                found.append((progress, message, read(message, key)))
            except UNUSABLE as error:
                self.bury(batch, message, error)
        return found

    def _answer_alone(self, batch: Batch, taken: Read) -> None:
        """Answer one command of several of which one has no answer that could be written."""
        try:
            self._answer(batch, [taken])
        except DecisionTooLarge as refusal:
            self._answer(batch, [taken], refusal)
        except DecisionFailed as error:
            self.bury(batch, taken[1], error)

    def _answer(
        self,
        batch: Batch,
        commands: Sequence[Read],
        refusal: Refusal | None = None,
    ) -> None:
        """Answer all of these commands, or raise and leave the batch as it was.

        Raises `DecisionTooLarge` and `DecisionFailed`. `refusal` is the answer where one is known.
        """
        entries: dict[str, Entry] = {}
        answers: list[Answer] = []
        duplicates = 0
        for progress, _, received in commands:
            key = received.context.key
            entry = entries.get(key) or progress.entry(key)
            if entry is None:
                raise LookupError("the state of every key of a batch is read before it is decided")
            mark = mark_of(received.command_id) if self._stream.remembers_commands else b""
            if self._recognises and mark in entry.answered:
                duplicates += 1
                continue
            facts, state, rejection = self._decided(entry, received, batch.at, refusal)
            after = entry
            if facts:
                tenant = entry.tenant or received.context.tenant
                after = entries[key] = Entry(entry.seq + len(facts), tenant, entry.answered + mark, state)
            answers.append(Answer(progress, received, entry.seq, facts, after, rejection))
        values = self._bytes_of(answers)
        # From here on nothing fails, so that the batch has all of these answers or none.
        self._answers.add(batch, answers, values)
        outcomes = [answer.rejection.outcome for answer in answers if answer.rejection is not None]
        batch.counts.add(
            Counts(
                facts=len(values),
                refused=outcomes.count(REFUSED),
                ignored=outcomes.count(IGNORED),
                duplicates=duplicates,
            )
        )

    def _bytes_of(self, answers: Sequence[Answer]) -> list[bytes]:
        """The bytes of all facts. Raises `DecisionFailed` where one has none, `DecisionTooLarge`."""
        try:
            values = list(map(self._codec.encode, chain.from_iterable(answer.facts for answer in answers)))
        except Exception as error:
            raise _failed(error) from error
        if max(map(len, values), default=0) > self._fact_bytes_max:
            raise DecisionTooLarge
        return values

    def _decided(
        self, entry: Entry, received: Received, at: int, refusal: Refusal | None
    ) -> tuple[Sequence[Declared], object, Rejection | None]:
        """The facts that follow, the state after them, and what the rejected topic says. Raises `DecisionFailed`."""
        try:
            try:
                if refusal is not None:
                    raise refusal
                return *self._accepted(entry, received), None
            except Refusal as refused:
                return self._refused(entry, received, at, refused)
            except Ignored as ignored:
                return self._ignored(entry, received, at, ignored)
        except Exception as error:
            # A fault in a rule must not stop everybody's orders: the command is kept, and found among dead letters.
            raise _failed(error) from error

    def _accepted(self, entry: Entry, received: Received) -> tuple[Sequence[Declared], object]:
        context = received.context
        if entry.seq and entry.tenant != context.tenant:
            raise OtherTenant
        facts, state = self._decider.decide_and_evolve(entry.state, received.command, context)
        if not facts:
            raise Ignored(NOTHING_FOLLOWS)
        if self._stream.status_may_be_large(state):
            self._status_fits(entry, state, received)
        return facts, state

    def _status_fits(self, entry: Entry, state: object, received: Received) -> None:
        """Refuse what no status can show any more: a snapshot above the topic's limit would stop the partition."""
        context = received.context
        status = self._stream.status_of(state, context.key, entry.tenant or context.tenant, entry.seq, context.now)
        if status is not None and len(self._codec.encode(status)) > self._status_bytes_max:
            raise StatusTooLarge

    def _refused(
        self, entry: Entry, received: Received, at: int, refusal: Refusal
    ) -> tuple[Sequence[Declared], object, Rejection]:
        rejection = self._rejection(received, REFUSED, refusal.reason, refusal.detail, at)
        make = self._stream.refused
        if make is None or isinstance(refusal, OtherTenant):
            return (), entry.state, rejection
        return *self._told(entry, make(type(received.command).__name__, refusal.reason, refusal.detail)), rejection

    def _ignored(
        self, entry: Entry, received: Received, at: int, ignored: Ignored
    ) -> tuple[Sequence[Declared], object, Rejection]:
        rejection = self._rejection(received, IGNORED, "", ignored.why, at)
        make = self._stream.ignored
        if make is None:
            return (), entry.state, rejection
        return *self._told(entry, make(type(received.command).__name__, ignored.why)), rejection

    def _told(self, entry: Entry, fact: Declared) -> tuple[Sequence[Declared], object]:
        """The outcome as a fact and the state after it; nothing where the stream has not begun."""
        if not self._decider.exists(entry.state):
            return (), entry.state
        return (fact,), self._decider.evolve(entry.state, fact)

    def _rejection(self, received: Received, outcome: str, reason: str, detail: str, at: int) -> Rejection:
        context = received.context
        rejected = CommandRejected(
            command_id=context.command_id,
            command=type(received.command).__name__,
            key=context.key,
            tenant=context.tenant,
            outcome=outcome,
            reason=reason,
            detail=detail,
            rejected_at=at,
        )
        return Rejection(outcome, self._codec.encode(rejected))


def _failed(error: Exception) -> DecisionFailed:
    return DecisionFailed(f"{type(error).__name__}: {error}. {DecisionFailed.__doc__}")
