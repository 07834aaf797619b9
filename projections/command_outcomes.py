"""Read model `command_outcomes`: what became of each command; it answers `Prefer: wait`."""

from collections.abc import Sequence

import msgspec

from events.documents import CommandRejected
from events.order.facts import CommandIgnored, CommandRefused
from projections.model import Change, Row, Source, StoredRows, Table, Topics
from projections.record import Record

ACCEPTED, REFUSED, IGNORED = "accepted", "refused", "ignored"


class _Outcome(msgspec.Struct):
    """The outcome of one command as one batch knows it."""

    stream: str
    key: str
    decided_at: int
    first_seq: int | None
    last_seq: int | None
    outcome: str = ACCEPTED
    command: str = ""
    reason: str = ""
    detail: str = ""


class CommandOutcomes:
    """One row a command. Facts that it made true are counted from headers; only refusals are decoded."""

    name = "command_outcomes"
    version = 2
    tables = (
        Table(
            name="command_outcomes",
            columns=(
                "tenant",
                "command_id",
                "stream",
                "key",
                "outcome",
                "command",
                "reason",
                "detail",
                "first_seq",
                "last_seq",
                "decided_at",
            ),
            key=("tenant", "command_id"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self._stream_of = {
            topics.order_events: "orders",
            topics.order_rejected: "orders",
            topics.catalogue_events: "catalogue",
            topics.catalogue_rejected: "catalogue",
            topics.batch_events: "batches",
            topics.batch_rejected: "batches",
        }
        self._rejected = frozenset((topics.order_rejected, topics.catalogue_rejected, topics.batch_rejected))
        self.sources = tuple(Source(topic=topic, ledger=topic not in self._rejected) for topic in self._stream_of)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """One row a command that the batch tells of."""
        outcomes: dict[tuple[str, str], _Outcome] = {}
        for record in records:
            if record.topic in self._rejected:
                self._from_rejected(record, outcomes)
            else:
                self._from_fact(record, outcomes)
        # In one order always: two processes of a rebuild may write the same rows, and must not wait for each other.
        return (Change(table="command_outcomes", rows=[_row(*item) for item in sorted(outcomes.items(), key=_first)]),)

    def forget(self) -> None:
        """Nothing is kept in memory."""

    def _from_fact(self, record: Record, outcomes: dict[tuple[str, str], _Outcome]) -> None:
        seq, identity = record.seq, (record.tenant, record.causation_id)
        known = outcomes.get(identity)
        if known is None or known.first_seq is None:
            known = outcomes[identity] = _Outcome(
                self._stream_of[record.topic], record.key, record.recorded_at, seq, seq
            )
        known.last_seq = seq
        if record.type_name == "CommandRefused":
            refused = record.content_as(CommandRefused)
            known.outcome, known.command = REFUSED, refused.command
            known.reason, known.detail = refused.reason, refused.detail
        elif record.type_name == "CommandIgnored":
            ignored = record.content_as(CommandIgnored)
            known.outcome, known.command, known.reason = IGNORED, ignored.command, ignored.why

    def _from_rejected(self, record: Record, outcomes: dict[tuple[str, str], _Outcome]) -> None:
        rejected = record.content_as(CommandRejected)
        identity = (rejected.tenant, rejected.command_id)
        if identity in outcomes:
            return
        outcomes[identity] = _Outcome(
            self._stream_of[record.topic],
            rejected.key,
            rejected.rejected_at,
            None,
            None,
            rejected.outcome,
            rejected.command,
            rejected.reason,
            rejected.detail,
        )


def _first(item: tuple[tuple[str, str], _Outcome]) -> tuple[str, str]:
    return item[0]


def _row(identity: tuple[str, str], outcome: _Outcome) -> Row:
    return (
        *identity,
        outcome.stream,
        outcome.key,
        outcome.outcome,
        outcome.command,
        outcome.reason,
        outcome.detail,
        outcome.first_seq,
        outcome.last_seq,
        outcome.decided_at,
    )
