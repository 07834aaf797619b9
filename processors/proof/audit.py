"""`printledger audit`: every command of a stretch of intake has exactly one outcome.

An outcome is facts that name the command as their cause, a record on the rejected topic (alone, or beside the fact
`CommandRefused` or `CommandIgnored` that says the same), a dead letter, or nothing where the same command was answered
before. Commands and outcomes are matched by the intake offset that every outcome carries, and by the command's id.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from confluent_kafka import Message

from events.stream import Stream
from processors.dead_letters import ERRORS_PREFIX, is_letter
from processors.ledger.clients import ReaderFactory
from processors.ledger.intake import headers_of
from processors.ports import NamedError
from processors.proof.scan import TopicReader
from processors.record_headers import headers_if_readable
from processors.snapshots import mark_of

DESCRIBED_MAX = 100
#: Clocks of senders and brokers may differ by this much: outcomes are looked for from so long before a command.
CLOCKS_DIFFER_MS = 3_600_000

_SAYS_NO = frozenset({b"CommandRefused", b"CommandIgnored"})


class Unaccounted(msgspec.Struct, frozen=True):
    """A command without exactly one outcome, or an outcome without its command."""

    what: str
    partition: int
    offset: int
    command_id: str
    detail: str


class AuditReport(msgspec.Struct, kw_only=True):
    """What became of the commands of a stretch. `waiting` ones lie behind the ledger's committed offset."""

    intake_topic: str
    stretch: dict[int, tuple[int, int]]
    commands: int = 0
    accepted: int = 0
    rejected: int = 0
    rejected_in_stream: int = 0
    dead_letters: int = 0
    duplicates: int = 0
    waiting: int = 0
    facts: int = 0
    seconds: float = 0.0
    violations: int = 0
    described: list[Unaccounted] = msgspec.field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every command has exactly one outcome."""
        return self.violations == 0


class NoSuchPartition(NamedError):
    """Intake has no such partition: name one that it has, or none to audit them all."""


class EmptyStretch(NamedError):
    """The stretch ends where it begins or before, so it has no commands: let it end at a larger offset."""


class _Outcome:
    """What was found for one intake offset."""

    __slots__ = ("causes", "dead_letters", "facts", "rejected", "says_no")

    def __init__(self) -> None:
        self.facts = 0
        self.says_no = 0
        self.rejected = 0
        self.dead_letters = 0
        self.causes: set[bytes] = set()


class Stretch(msgspec.Struct, frozen=True):
    """Offsets of an intake partition: from `start` up to and without `end`; None is the first or the last there is."""

    start: int | None = None
    end: int | None = None


def audit(
    stream: Stream,
    reader: ReaderFactory,
    committed: Mapping[int, int],
    dead_letter_topic: str,
    *,
    stretches: Mapping[int, Stretch] | None = None,
) -> AuditReport:
    """Audit a stretch of intake, by default all that is kept. `committed` are the ledger group's offsets.

    Raises NoSuchPartition or EmptyStretch: nothing is no proof.
    """
    began = time.monotonic()
    records = TopicReader(reader)
    report = AuditReport(intake_topic=stream.intake_topic, stretch={})
    try:
        partitions = records.partitions(stream.intake_topic)
        _refuse_nothing(stretches or {}, partitions)
        for partition in partitions:
            if stretches is None or partition in stretches:
                stretch = (stretches or {}).get(partition, Stretch())
                _Audit(stream, dead_letter_topic, records, partition, report).run(stretch, committed.get(partition, 0))
    finally:
        records.close()
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _refuse_nothing(stretches: Mapping[int, Stretch], partitions: Sequence[int]) -> None:
    for number, stretch in stretches.items():
        if number not in partitions:
            raise NoSuchPartition(f"{number}: {NoSuchPartition.__doc__} (0 to {max(partitions)})")
        if stretch.end is not None and stretch.end <= (stretch.start or 0):
            raise EmptyStretch(f"{stretch.start or 0} to {stretch.end}: {EmptyStretch.__doc__}")


class _Audit:
    """Audits one partition of intake."""

    def __init__(
        self, stream: Stream, dead_letters: str, records: TopicReader, partition: int, report: AuditReport
    ) -> None:
        self._stream = stream
        self._dead_letters = dead_letters
        self._records = records
        self._partition = partition
        self._report = report
        self._commands: dict[int, tuple[bytes, bytes]] = {}
        self._outcomes: dict[int, _Outcome] = {}
        #: Mark of key and command id to the intake offset of the command that facts answered.
        self._answered: dict[bytes, int] = {}
        self._since: int | None = None

    def run(self, stretch: Stretch, committed: int) -> None:
        """Read commands, then outcomes, then match them."""
        low, high = self._records.bounds(self._stream.intake_topic, self._partition)
        start = max(low, stretch.start or 0)
        end = min(high, high if stretch.end is None else stretch.end)
        self._report.stretch[self._partition] = (start, min(end, max(start, committed)))
        self._read_commands(start, end, committed)
        if self._commands:
            self._read_outcomes()
            self._look_further_back()
        self._match(start, min(end, committed))

    def _read_commands(self, start: int, end: int, committed: int) -> None:
        for messages in self._records.read(self._stream.intake_topic, self._partition, start, end):
            for message in messages:
                offset = message.offset() or 0
                if offset >= committed:
                    self._report.waiting += 1
                    continue
                if self._since is None:
                    self._since = max(0, message.timestamp()[1] - CLOCKS_DIFFER_MS)
                self._commands[offset] = (_identity(message), _command_id(message))

    def _read_outcomes(self) -> None:
        events, rejected = self._stream.events_topic, self._stream.rejected_topic
        self._each(events, [self._partition], self._see_fact)
        self._each(rejected, self._records.partitions(rejected), self._see_rejected)
        self._each(self._dead_letters, self._records.partitions(self._dead_letters), self._see_dead_letter)

    def _each(self, topic: str, partitions: Sequence[int], see: Any) -> None:
        for number in partitions:
            low, high = self._records.bounds(topic, number)
            start = max(low, self._records.offset_at(topic, number, self._since or 0))
            for messages in self._records.read(topic, number, start, high):
                for message in messages:
                    see(message)

    def _see_fact(self, message: Message) -> None:
        found = dict(headers_of(message))
        offset, cause = int(found["source_offset"]), found["causation_id"]
        identity = mark_of((message.key() or b"") + b"\0" + cause)
        first = self._answered.setdefault(identity, offset)
        if first != offset and offset in self._commands:
            self._violated("answered twice", offset, cause, f"facts follow from it at intake offset {first} too")
        outcome = self._outcomes.setdefault(offset, _Outcome())
        outcome.facts += 1
        outcome.says_no += found["ce_type"] in _SAYS_NO
        outcome.causes.add(cause)

    def _see_rejected(self, message: Message) -> None:
        found = dict(headers_of(message))
        if int(found["source_partition"]) == self._partition:
            outcome = self._outcomes.setdefault(int(found["source_offset"]), _Outcome())
            outcome.rejected += 1
            outcome.causes.add(found["causation_id"])

    def _see_dead_letter(self, message: Message) -> None:
        found = dict(headers_of(message))
        # The marker of a replay is nobody's outcome: the command was sent again, and has another offset.
        if is_letter(found) and int(found[ERRORS_PREFIX + "partition"]) == self._partition:
            self._outcomes.setdefault(int(found[ERRORS_PREFIX + "offset"]), _Outcome()).dead_letters += 1

    def _look_further_back(self) -> None:
        """A duplicate's first answer may be older than the stretch: only then is the whole partition read."""
        unanswered = {
            identity
            for offset, (identity, _) in self._commands.items()
            if offset not in self._outcomes and identity not in self._answered
        }
        if not unanswered:
            return
        events = self._stream.events_topic
        low, high = self._records.bounds(events, self._partition)
        for messages in self._records.read(events, self._partition, low, high):
            for message in messages:
                found = dict(headers_of(message))
                identity = mark_of((message.key() or b"") + b"\0" + found["causation_id"])
                if identity in unanswered:
                    self._answered.setdefault(identity, int(found["source_offset"]))

    def _match(self, start: int, end: int) -> None:
        kinds: Counter[str] = Counter()
        for offset, (identity, command_id) in self._commands.items():
            outcome = self._outcomes.get(offset)
            if outcome is None:
                if self._answered.get(identity, offset) < offset:
                    kinds["duplicates"] += 1
                else:
                    self._violated("no outcome", offset, command_id, "neither facts nor a refusal nor a dead letter")
                continue
            self._report.facts += outcome.facts
            kinds[self._kind(outcome, offset, command_id)] += 1
        for offset, outcome in self._outcomes.items():
            if start <= offset < end and offset not in self._commands:
                cause = next(iter(outcome.causes), b"")
                self._violated("no command", offset, cause, "an outcome names an offset at which no command stands")
        self._report.commands += len(self._commands)
        for name, count in kinds.items():
            setattr(self._report, name, getattr(self._report, name) + count)

    def _kind(self, outcome: _Outcome, offset: int, command_id: bytes) -> str:
        if outcome.causes - {command_id}:
            others = ", ".join(sorted(cause.decode(errors="replace") for cause in outcome.causes - {command_id}))
            self._violated("another cause", offset, command_id, f"an outcome at this offset names {others}")
        if outcome.dead_letters:
            if outcome.dead_letters > 1 or outcome.facts or outcome.rejected:
                self._violated("several outcomes", offset, command_id, _told(outcome))
            return "dead_letters"
        if outcome.rejected:
            if outcome.rejected > 1 or outcome.facts > 1 or outcome.facts != outcome.says_no:
                self._violated("several outcomes", offset, command_id, _told(outcome))
            return "rejected_in_stream" if outcome.facts else "rejected"
        if outcome.says_no:
            self._violated("half an outcome", offset, command_id, "the stream says no, the rejected topic says nothing")
        return "accepted"

    def _violated(self, what: str, offset: int, command_id: bytes, detail: str) -> None:
        self._report.violations += 1
        if len(self._report.described) < DESCRIBED_MAX:
            self._report.described.append(
                Unaccounted(what, self._partition, offset, command_id.decode(errors="replace"), detail)
            )


def _told(outcome: _Outcome) -> str:
    return f"{outcome.facts} facts, {outcome.rejected} refusals, {outcome.dead_letters} dead letters"


def _command_id(message: Message) -> bytes:
    return dict(headers_if_readable(message)).get("ce_id") or b""


def _identity(message: Message) -> bytes:
    key: Any = message.key()
    return mark_of((key or b"") + b"\0" + _command_id(message))
