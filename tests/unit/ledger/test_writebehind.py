"""The thread that writes snapshots: what ends it is told to the loop, which must not go on without it."""

from __future__ import annotations

import threading
from typing import NoReturn

import psycopg
import pytest

from processors.ledger.writebehind import Job, WriteBehind
from processors.snapshots import BEGINNING, Claim, SnapshotStore
from tests.support import wait_until


def refused() -> NoReturn:
    raise psycopg.errors.InsufficientPrivilege("permission denied for table ledger_snapshots")


def test_what_ended_the_thread_is_told_whenever_the_loop_asks() -> None:
    writer = WriteBehind(SnapshotStore(refused, threading.Event()))
    writer.start()
    writer.check()
    job = Job(Claim(stream="orders", partition=0, epoch=1, checkpoint=BEGINNING), [], BEGINNING, BEGINNING)
    writer.submit(job)

    wait_until(lambda: job.outcome is not None, what="the thread is done with the job")

    assert job.outcome == "failed"
    with pytest.raises(RuntimeError, match="cannot be written any more") as told:
        writer.check()
    assert isinstance(told.value.__cause__, psycopg.errors.InsufficientPrivilege)
    writer.close(10)
