"""A thread that writes snapshots behind the commits, so that no command waits for PostgreSQL's writes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import structlog

from processors.ledger.errors import Stopping
from processors.snapshots import Checkpoint, CheckpointFenced, Claim, Row, SnapshotStore, SnapshotsUncertain

log = structlog.get_logger(__name__)

#: Waiting jobs; each partition has at most one, so this many partitions of a process never wait for one another.
JOBS_MAX = 1_024

Outcome: TypeAlias = Literal["written", "fenced", "lost", "failed"]
"""What became of a job; nothing of it is written but where it says so.

Fenced: another process owns the partition. Lost: earlier states are not there any more.
"""


class Job(msgspec.Struct, eq=False):
    """States of confirmed commits and the checkpoint that is true once they are written."""

    claim: Claim
    rows: Sequence[Row]
    checkpoint: Checkpoint
    #: The checkpoint before: the rows are what changed since then.
    since: Checkpoint
    #: None while it waits.
    outcome: Outcome | None = None


class WriteBehind:
    """Writes jobs in their order, one database transaction each."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store
        self._jobs: queue.Queue[Job | None] = queue.Queue(JOBS_MAX)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="ledger-snapshots", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, where something did."""
        if self._failure is not None:
            raise RuntimeError("snapshots cannot be written any more") from self._failure

    def submit(self, job: Job) -> None:
        """Queue a job. Raises as `check` does."""
        self.check()
        self._jobs.put(job)

    def close(self, timeout_seconds: float) -> None:
        """Write what is queued and end the thread; after the time it is left behind, which loses nothing."""
        self._jobs.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        job: Job | None = None
        try:
            while (job := self._jobs.get()) is not None:
                try:
                    self._store.write(job.claim, job.rows, job.checkpoint, since=job.since)
                    job.outcome = "written"
                except CheckpointFenced as fenced:
                    log.warning("snapshots_fenced", partition=job.claim.partition, error=str(fenced))
                    job.outcome = "fenced"
                except SnapshotsUncertain as lost:
                    log.warning("snapshots_lost", partition=job.claim.partition, error=str(lost))
                    job.outcome = "lost"
        except Stopping:
            log.info("stopped_before_all_snapshots_were_written")
        except Exception as error:  # The thread has no caller: `check` tells.
            log.exception("snapshots_not_written")
            self._failure = error
        finally:
            if job is not None and job.outcome is None:
                job.outcome = "failed"
            self._store.close()
