"""The ledger's snapshots in PostgreSQL: folded states, and the checkpoint up to which they are complete.

A snapshot is derived: everything in it can be folded again from the events topic. So its transactions need not wait
for the disk; a lost one takes states and checkpoint back together. A ledger that lives on while the database goes back
(a crash, a standby that was behind) notices, and starts from its log: see `SnapshotsUncertain`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, TypeAlias, TypeVar

import msgspec
import psycopg
import structlog
from psycopg import Connection
from psycopg.errors import ReadOnlySqlTransaction

from events.decoding import msgpack_decoder
from processors.ledger.chain import GENESIS
from processors.ledger.errors import PartitionCountChanged, Stopping
from processors.ports import NamedError
from projections.sql import NamedTexts

log = structlog.get_logger(__name__)

T = TypeVar("T")
Connect: TypeAlias = Callable[[], "Connection[Any]"]
"""Opens a connection in autocommit mode, as a role that may write the ledger's tables."""

QUERIES = NamedTexts(files("processors").joinpath("ledger_queries.sql").read_text(encoding="utf-8"))

MARK_BYTES = 16
#: A dead database is asked again after this, doubling up to the second figure.
RETRY_SECONDS, RETRY_SECONDS_MAX = 0.1, 2.0
#: Rows of one statement.
ROWS_MAX = 1_000
READ_ONLY = (
    "PostgreSQL takes no writes: make room where its disk is full, promote the standby that took over, switch "
    "default_transaction_read_only off, or let DATABASE_URL name the server that is writable."
)


def mark_of(command_id: bytes) -> bytes:
    """What an entry keeps of a command that it has answered: 16 bytes, whatever ids senders choose."""
    return sha256(command_id).digest()[:MARK_BYTES]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What the ledger knows of one key.

    `seq` is the number of the last fact, `answered` the marks of all answered commands, end to end.
    """

    seq: int
    tenant: str
    answered: bytes
    state: Any


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which fact of a partition every snapshot is complete; `position` 0 is before the first."""

    position: int
    record_offset: int
    hash: bytes


BEGINNING = Checkpoint(position=0, record_offset=-1, hash=GENESIS)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to move a partition's checkpoint, until somebody claims it after us."""

    stream: str
    partition: int
    epoch: int
    checkpoint: Checkpoint


class Row(msgspec.Struct, frozen=True):
    """One encoded entry to write."""

    key: str
    seq: int
    state: bytes


class CheckpointFenced(NamedError):
    """Another process has claimed the partition since: this one's snapshots are not wanted any more."""


class SnapshotsUncertain(NamedError):
    """PostgreSQL was lost, or put back: it may lack what was written last. States are folded from the log again."""


class EntryCodec:
    """Encodes entries of one type of state."""

    def __init__(self, state_type: type[Any]) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decode = msgpack_decoder(tuple[int, str, bytes, state_type])  # type: ignore[valid-type]
        schema = msgspec.json.schema(state_type)
        #: Changes when the type does; snapshots of another shape are folded again instead of guessed at.
        self.shape = sha256(msgspec.json.encode(schema, order="sorted")).hexdigest()[:32]

    def encode(self, entry: Entry) -> bytes:
        """The entry as msgpack."""
        return self._encoder.encode(entry)

    def decode(self, data: bytes) -> Entry:
        """The entry in msgpack bytes."""
        return Entry(*self._decode(data))


class SnapshotStore:
    """Reads and writes snapshots over one connection. Not for several threads: each has its own store.

    While the database is away, or takes no writes, a call waits and says so, until `stopping` is set; then it raises
    `Stopping`. Where it was there before, `claim` and `read` raise `SnapshotsUncertain` instead: what they told is
    built upon, and a database that comes back may have lost what it had.
    """

    def __init__(self, connect: Connect, stopping: threading.Event) -> None:
        self._connect = connect
        self._stopping = stopping
        self._connection: Connection[Any] | None = None

    def claim(self, stream: str, partition: int, partition_count: int, state_shape: str) -> Claim:
        """Become the partition's writer. Raises `PartitionCountChanged` where the stream began with another count."""
        about = {
            "stream": stream,
            "partition": partition,
            "partition_count": partition_count,
            "state_shape": state_shape,
            "genesis": GENESIS,
        }

        def work(connection: Connection[Any]) -> Claim:
            with connection.transaction(), connection.cursor() as cursor:
                row = cursor.execute(QUERIES["claim"], about).fetchone()
                if row is None:
                    raise LookupError("a claim always returns its row")
                count, shape, epoch, position, record_offset, head = row
                if count != partition_count:
                    raise PartitionCountChanged(
                        f"{stream} began with {count} partitions and has {partition_count}. "
                        f"{PartitionCountChanged.__doc__}"
                    )
                checkpoint = Checkpoint(position=position, record_offset=record_offset, hash=bytes(head))
                if shape != state_shape:
                    log.info("snapshots_have_another_shape", stream=stream, partition=partition, shape=shape)
                    cursor.execute(QUERIES["forget rows"], about)
                    cursor.execute(QUERIES["forget checkpoint"], about | {"epoch": epoch})
                    checkpoint = BEGINNING
                return Claim(stream=stream, partition=partition, epoch=epoch, checkpoint=checkpoint)

        return self._run(work)

    def read(self, stream: str, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The encoded entries of those keys that have a snapshot."""
        arguments = {"stream": stream, "keys": list(keys)}
        rows = self._run(
            lambda connection: connection.execute(QUERIES["read snapshots"], arguments, binary=True).fetchall()
        )
        return dict(rows)

    def write(self, claim: Claim, rows: Sequence[Row], checkpoint: Checkpoint, *, since: Checkpoint) -> None:
        """Write the states that changed `since` the checkpoint before, and the new one, in one transaction.

        Writes nothing and raises `CheckpointFenced` where somebody else has the partition, `SnapshotsUncertain` where
        the checkpoint before is not there any more.
        """

        def work(connection: Connection[Any]) -> None:
            about = {"stream": claim.stream, "partition": claim.partition, "epoch": claim.epoch}
            with connection.transaction():
                connection.execute("SET LOCAL synchronous_commit = off")
                for start in range(0, len(rows), ROWS_MAX):
                    some = rows[start : start + ROWS_MAX]
                    columns = {
                        "keys": [row.key for row in some],
                        "seqs": [row.seq for row in some],
                        "states": [row.state for row in some],
                    }
                    connection.execute(QUERIES["write snapshots"], about | columns)
                moved = connection.execute(
                    QUERIES["move checkpoint"],
                    about
                    | {
                        "position": checkpoint.position,
                        "record_offset": checkpoint.record_offset,
                        "hash": checkpoint.hash,
                        "since": since.position,
                    },
                )
                if moved.rowcount != 1:
                    found = connection.execute(QUERIES["find checkpoint"], about).fetchone()
                    where = f"{claim.stream}[{claim.partition}]"
                    if found is None or found < (claim.epoch, since.position):
                        raise SnapshotsUncertain(f"{where}: {SnapshotsUncertain.__doc__}")
                    raise CheckpointFenced(f"{where}: {CheckpointFenced.__doc__}")

        self._run(work, goes_on=True)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, work: Callable[[Connection[Any]], T], *, goes_on: bool = False) -> T:
        """`goes_on` where the work itself finds out what a database that was lost has lost."""
        wait = RETRY_SECONDS
        while True:
            was_there = self._connection is not None
            try:
                if self._connection is None:
                    self._connection = self._connect()
                return work(self._connection)
            except (psycopg.OperationalError, psycopg.InterfaceError, ReadOnlySqlTransaction) as error:
                self.close()
                if was_there and not goes_on:
                    raise SnapshotsUncertain(f"{_told(error)} {SnapshotsUncertain.__doc__}") from error
                log.warning("waiting_for_postgresql", error=_told(error), again_seconds=wait)
                if self._stopping.wait(wait):
                    raise Stopping from error
                wait = min(2 * wait, RETRY_SECONDS_MAX)


def _told(error: psycopg.Error) -> str:
    """The server's words, and what to do where it answers and still cannot be written to."""
    if isinstance(error, ReadOnlySqlTransaction):
        return f"{error}. {READ_ONLY}"
    return str(error)
