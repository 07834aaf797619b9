"""The ledger's loop: take commands, decide while the batch before is committed, confirm, write snapshots behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import msgspec
import psycopg
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from events.codec import Codec
from events.stream import Stream
from processors.clock import now_ms
from processors.ledger.batch import Batch, Counts, Progress
from processors.ledger.clients import Clients
from processors.ledger.committing import CommitBehind
from processors.ledger.deadletters import DeadLetters, Sealer
from processors.ledger.decisions import Decisions, Taken
from processors.ledger.errors import LedgerBroken, PartitionCountChanged, SlotTaken, Stopping, TopicMissing
from processors.ledger.garbage import GarbageCollection, NoGarbageCollection
from processors.ledger.intake import KeyOfAnotherPartition, KeyUnusable, key_of
from processors.ledger.partition import Partition
from processors.ledger.takeover import Loader, OnLoad, read_entries
from processors.ledger.transaction import CommitUncertain, Transactions, is_fenced
from processors.ledger.writebehind import WriteBehind
from processors.ports import CrashPoint, no_crash
from processors.snapshots import Connect, EntryCodec, SnapshotStore, SnapshotsUncertain

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
#: While a batch is committed, the next takes what has come this often.
BESIDE_COMMIT_SECONDS = 0.005
REQUEST_SECONDS = 15.0
#: Snapshots that are encoded between two batches: a larger slice would show in the latency of commands.
SLICE_ROWS = 200
#: After a failed commit the next try waits this long, doubling up to the second figure.
RECOVER_SECONDS, RECOVER_SECONDS_MAX = 0.1, 5.0


class LedgerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one ledger process works.

    `slot` names the process among its stream's: transactional id and group instance id follow from it and stay the
    same over restarts, so that a successor takes over in a second instead of a minute.
    """

    slot: int = 0
    batch_commands_max: int = 4_000
    #: States kept in memory for each partition.
    entries_max: int = 20_000
    #: States in memory that are not written yet; above it commands wait for PostgreSQL.
    unwritten_max: int = 10_000
    flush_seconds: float = 5.0
    record_bytes_max: int = 1_000_000
    #: The largest status snapshot; `topics.yaml` has the limit of its topics.
    status_bytes_max: int = 2_000_000
    #: The largest dead letter; its topic takes a little more.
    letter_bytes_max: int = 1_100_000
    close_seconds_max: float = 10.0
    #: Take Python's garbage collector over; only for a process that does nothing else.
    manages_garbage: bool = False
    #: Planted fault for the proof: answers a command again that was answered before.
    recognise_commands: bool = True
    #: Planted fault for the proof: a fresh transactional id each start, trusted to make the committed end the end.
    random_transactional_id: bool = False


def group_of(stream: Stream) -> str:
    """The consumer group that the ledger processes of a stream form."""
    return f"ledger-{stream.name}"


class Ledger:
    """One process of one stream's ledger."""

    def __init__(
        self,
        stream: Stream,
        codec: Codec,
        clients: Clients,
        connect: Connect,
        seal: Sealer,
        dead_letter_topic: str,
        *,
        options: LedgerOptions | None = None,
        clock: Callable[[], int] = now_ms,
        crash_point: CrashPoint = no_crash,
        on_load: OnLoad = lambda number, error: None,
    ) -> None:
        self._stream = stream
        self._options = options = options or LedgerOptions()
        self._clients = clients
        self._clock = clock
        self._crash_point = crash_point
        self._stopping = threading.Event()
        self._name = f"ledger-{stream.name}-{options.slot}"
        transactional_id = f"{self._name}-{uuid4()}" if options.random_transactional_id else self._name
        self._transactions = Transactions(stream, clients.producer, transactional_id, self._stopping, crash_point)
        self._commits = CommitBehind(self._transactions)
        self._is_rebalanced = False
        self._entry_codec = EntryCodec(stream.state_type)
        self._store = SnapshotStore(connect, self._stopping)
        self._writer = WriteBehind(SnapshotStore(connect, self._stopping))
        self._loader = Loader(
            stream,
            codec,
            self._entry_codec,
            self._store,
            clients.reader,
            self._stopping,
            on_load,
            entries_max=options.entries_max,
            trusts_a_fresh_id=options.random_transactional_id,
        )
        self._decisions = Decisions(
            stream,
            codec,
            DeadLetters(dead_letter_topic, seal, self._name, letter_bytes_max=options.letter_bytes_max),
            record_bytes_max=options.record_bytes_max,
            status_bytes_max=options.status_bytes_max,
            recognise_commands=options.recognise_commands,
        )
        self._partitions: dict[int, Partition] = {}
        self._partition_count = 0
        self._garbage = GarbageCollection() if options.manages_garbage else NoGarbageCollection()
        self._flush_at, self._flushed = 0.0, -1
        self._seen_commands = 0
        self.counts = Counts()
        self.ready = threading.Event()

    def stop(self) -> None:
        """Ask `run` to return after the current batch. May be called from a signal handler or another thread."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`. Raises a `LedgerStopped` that says why it cannot go on."""
        self._writer.start()
        wait = RECOVER_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    self._work()
                except (CommitUncertain, SnapshotsUncertain, KafkaException, psycopg.OperationalError) as error:
                    log.warning("starting_from_the_log", error=str(error), again_seconds=wait)
                    if self.counts.commands != self._seen_commands:
                        self._seen_commands, wait = self.counts.commands, RECOVER_SECONDS
                    if self._stopping.wait(wait):
                        raise Stopping from error
                    wait = min(2 * wait, RECOVER_SECONDS_MAX)
        except Stopping:
            log.info("stopped_while_waiting")
        finally:
            self._commits.close()
            self._writer.close(self._options.close_seconds_max)
            self._store.close()

    def _work(self) -> None:
        """One life of producer, consumer and memory: it ends with the first failure, and the next begins from the log.

        Static membership gives a new consumer of the same instance id the same partitions at once, and it begins at
        the committed offsets; so recovery and start are one path.
        """
        consumer = self._clients.consumer(group_of(self._stream), self._name)
        try:
            self._partition_count = _partition_count(self._stream, consumer)
            self._transactions.begin_anew()
            self._flush_at = time.monotonic() + self._options.flush_seconds
            consumer.subscribe(
                [self._stream.intake_topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_revoke,
            )
            while not self._stopping.is_set():
                batch = self._gather(consumer)
                self._settle()
                if batch.progress:
                    self._commits.begin(batch, consumer.consumer_group_metadata())
                self._write_behind()
                self._garbage.tidy(is_idle=not batch.progress)
            self._settle()
            self._write_last()
        finally:
            self._commits.abandon()
            self._transactions.close()
            consumer.close()
            self._partitions.clear()

    def _gather(self, consumer: Consumer) -> Batch:
        """Decide what comes until the batch before is committed; without one, what has already come.

        So a command waits for commits alone, and waiting for more would only make it late.
        """
        batch = Batch(self._clock())
        taken, room = 0, self._options.batch_commands_max
        while taken < room and not self._stopping.is_set():
            is_last = self._commits.is_over(within_seconds=BESIDE_COMMIT_SECONDS)
            messages = self._take(consumer, room - taken, 0 if self._commits.is_under_way else POLL_SECONDS)
            if self._is_rebalanced:
                self._begin_where_committed(consumer)
                return Batch(self._clock())
            batch.at = max(batch.at, self._clock())
            self._decide(batch, messages)
            taken += len(messages)
            if is_last:
                break
        if batch.progress:
            self._decisions.statuses(batch)
            self._crash_point("decided")
        return batch

    def _begin_where_committed(self, consumer: Consumer) -> None:
        """Partitions moved while a batch was open: it is forgotten, and what it was to answer is read again."""
        self._is_rebalanced = False
        topic = self._stream.intake_topic
        if self._partitions:
            consumer.assign(
                [TopicPartition(topic, number, mine.next_offset) for number, mine in self._partitions.items()]
            )

    def _take(self, consumer: Consumer, count_max: int, wait_seconds: float) -> list[Message]:
        """Wait for a first record, then take what has already come."""
        first = consumer.poll(wait_seconds)
        if first is None:
            return []
        messages = [first, *consumer.consume(count_max - 1, 0)] if count_max > 1 else [first]
        for message in messages:
            if (error := message.error()) is not None:
                self._see(error)
        return [message for message in messages if message.error() is None]

    def _see(self, error: KafkaError) -> None:
        if is_fenced(error):
            raise SlotTaken(f"{self._name}: {error.str()}. {SlotTaken.__doc__}")
        if error.fatal() or error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._AUTO_OFFSET_RESET):
            raise KafkaException(error)
        log.warning("kafka_says", error=error.str())

    def _settle(self) -> None:
        """The batch that is being committed, if there is one, is certain from here on."""
        batch = self._commits.settle()
        if batch is not None:
            self.counts.add(batch.counts)
            self._crash_point("confirmed")

    def _decide(self, batch: Batch, messages: Sequence[Message]) -> None:
        """Add the answers to these records to the batch; nothing is produced and no state is changed."""
        commands: list[Taken] = []
        keys: dict[int, dict[str, None]] = {}
        for message in messages:
            number, offset = message.partition() or 0, message.offset() or 0
            progress = batch.progress.get(number)
            if progress is None:
                if (partition := self._partitions.get(number)) is None:
                    continue
                progress = batch.progress[number] = Progress(partition, self._commits.progress(number))
            if offset < progress.next_offset:
                # Fetched before a rebalance gave the partition back to us, and delivered again after it.
                continue
            progress.next_offset = offset + 1
            try:
                key = key_of(message, self._partition_count, progress.entry)
            except (KeyUnusable, KeyOfAnotherPartition) as error:
                self._decisions.bury(batch, message, error)
                continue
            keys.setdefault(number, {})[key] = None
            commands.append((progress, message, key))
        self._read_states(batch, keys)
        self._decisions.decide(batch, commands)

    def _read_states(self, batch: Batch, keys: dict[int, dict[str, None]]) -> None:
        """Read the states that are not in memory, of all partitions in one query."""
        missing = {number: batch.progress[number].missing(some) for number, some in keys.items()}
        wanted = [key for some in missing.values() for key in some]
        if not wanted:
            return
        entries = read_entries(self._stream, self._entry_codec, self._store, wanted)
        for number, some in missing.items():
            batch.progress[number].partition.remember({key: entries[key] for key in some})

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._settle()
        self._is_rebalanced = True
        consumer.assign(self._load(consumer, [where.partition for where in partitions]))
        self.ready.set()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._settle()
        self._is_rebalanced = True
        for where in partitions:
            self._partitions.pop(where.partition, None)

    def _load(self, consumer: Consumer, numbers: Sequence[int]) -> list[TopicPartition]:
        """Load partitions; returns where each goes on. One that is stopped is left out, and nothing of it is answered.

        The committed offsets are read first, and the broker answers only when no open transaction would change them:
        from then on whoever had the partitions before can commit nothing, so the end that is read next is the end.
        """
        topic = self._stream.intake_topic
        committed = consumer.committed([TopicPartition(topic, number) for number in numbers], REQUEST_SECONDS)
        for where in committed:
            if where.error is not None:
                raise KafkaException(where.error)
        stopped: list[LedgerBroken] = []
        for where in committed:
            partition = self._loader.load_or_stop(where, self._partition_count, self._relieve)
            if isinstance(partition, LedgerBroken):
                stopped.append(partition)
            else:
                self._partitions[where.partition] = partition
        if stopped and not self._partitions:
            raise stopped[0]
        return [
            TopicPartition(topic, where.partition, self._partitions[where.partition].next_offset)
            for where in committed
            if where.partition in self._partitions
        ]

    def _write_behind(self) -> None:
        """Go on with the snapshots that are being encoded; begin with new ones when it is time."""
        self._writer.check()
        due = self._due()
        for number, partition in self._partitions.items():
            self._relieve(partition)
            if (job := partition.next_job(SLICE_ROWS, begin=number == due)) is not None:
                self._writer.submit(job)
                self._crash_point("snapshots queued")
            partition.evict()

    def _due(self) -> int | None:
        """The partition whose snapshots are to be written now: one after the other, each once in `flush_seconds`.

        All at once, PostgreSQL would take a core from the broker for a while, and commands would wait longer.
        """
        now = time.monotonic()
        if now < self._flush_at or not self._partitions:
            return None
        self._flush_at = now + self._options.flush_seconds / len(self._partitions)
        self._flushed = min(self._partitions, key=lambda number: (number <= self._flushed, number))
        return self._flushed

    def _relieve(self, partition: Partition) -> None:
        """Wait for PostgreSQL while too much of a partition is in memory only."""
        while partition.unwritten > self._options.unwritten_max:
            if (job := partition.next_job(self._options.unwritten_max, begin=True)) is not None:
                self._writer.submit(job)
            elif self._stopping.wait(0.005):
                raise Stopping

    def _write_last(self) -> None:
        """Write what the snapshots lack, so that the successor has nothing to fold; what does not fit in is folded."""
        deadline = time.monotonic() + self._options.close_seconds_max
        for partition in self._partitions.values():
            while not partition.is_handed_over and time.monotonic() < deadline:
                if (job := partition.next_job(self._options.unwritten_max, begin=True)) is not None:
                    self._writer.submit(job)
                else:
                    time.sleep(0.005)


def _partition_count(stream: Stream, consumer: Consumer) -> int:
    """The number of partitions that intake, events and status topic have in common."""
    topics = consumer.list_topics(timeout=REQUEST_SECONDS).topics
    names = [stream.intake_topic, stream.events_topic, *([stream.status_topic] if stream.status_topic else [])]
    missing = [name for name in names if name not in topics or topics[name].error is not None]
    if missing:
        raise TopicMissing(f"{', '.join(missing)}. {TopicMissing.__doc__}")
    counts = {name: len(topics[name].partitions) for name in names}
    if len(set(counts.values())) != 1:
        raise PartitionCountChanged(f"{counts}. {PartitionCountChanged.__doc__}")
    return counts[stream.intake_topic]
