"""The sandbox: a child may die in any way; the pool goes on, and the caller gets a named error."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from processors.artwork.limits import MEBIBYTE, Limits
from processors.artwork.sandbox import (
    ChildKilled,
    ChildNotStarted,
    JobRefused,
    SandboxBusy,
    SandboxClosed,
    SandboxOverloaded,
    SandboxPool,
)

JOBS = "tests.unit.artwork.hostile_jobs"
LIMITS = Limits(cpu_seconds=1, wall_seconds=120, memory_bytes=1024 * MEBIBYTE, input_bytes_max=8 * MEBIBYTE)


@pytest.fixture(scope="module")
def hostile() -> Iterator[SandboxPool]:
    with SandboxPool(2, LIMITS, jobs_module=JOBS) as pool:
        yield pool


def test_large_inputs_and_answers_pass_unchanged(hostile: SandboxPool) -> None:
    payload = bytes(range(256)) * 20_000
    assert hostile.run("echo", payload) == payload


def test_a_crash_of_native_code_is_an_error_of_the_job_and_the_pool_goes_on(hostile: SandboxPool) -> None:
    with pytest.raises(ChildKilled, match="signal 11"):
        hostile.run("crash", b"")
    assert hostile.run("echo", b"alive") == b"alive"


def test_a_job_whose_child_was_killed_is_tried_once_more_on_a_clean_child(hostile: SandboxPool, tmp_path: Path) -> None:
    assert hostile.run("crash_once", str(tmp_path / "mark").encode()) == b"second try"


def test_endless_work_ends_by_the_cpu_limit(hostile: SandboxPool) -> None:
    with pytest.raises(ChildKilled) as caught:
        hostile.run("spin", b"")
    assert caught.value.cause == "cpu"


def test_a_child_that_hangs_without_working_is_ended_by_the_clock() -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=0.3, memory_bytes=1024 * MEBIBYTE)
    with SandboxPool(1, limits, jobs_module=JOBS) as pool, pytest.raises(ChildKilled) as caught:
        pool.run("hang", b"")
    assert caught.value.cause == "hang"


def test_a_busy_machine_does_not_condemn_the_input() -> None:
    limits = Limits(cpu_seconds=60, wall_seconds=1.0, memory_bytes=1024 * MEBIBYTE)
    with SandboxPool(1, limits, jobs_module=JOBS) as pool, pytest.raises(SandboxOverloaded):
        pool.run("spin", b"")


def test_too_much_memory_is_refused_without_losing_the_child(hostile: SandboxPool) -> None:
    with pytest.raises(JobRefused) as caught:
        hostile.run("devour", b"")
    assert caught.value.code == "too_much_memory"


def test_a_refusal_keeps_its_code_and_its_advice(hostile: SandboxPool) -> None:
    with pytest.raises(JobRefused, match="Send another") as caught:
        hostile.run("refuse", b"")
    assert caught.value.code == "not_liked"


def test_an_unforeseen_error_is_a_refusal_that_names_it(hostile: SandboxPool) -> None:
    with pytest.raises(JobRefused, match="LookupError") as caught:
        hostile.run("fail", b"")
    assert caught.value.code == "unexpected"


def test_what_a_library_prints_does_not_become_the_answer(hostile: SandboxPool) -> None:
    assert hostile.run("chatter", b"") == b"clean"


def test_a_child_sees_no_secrets_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEY_ENCRYPTION_KEY", "made up for this test")
    with SandboxPool(1, LIMITS, jobs_module=JOBS) as pool:
        names = pool.run("environment", b"").decode().split("\n")
    assert "KEY_ENCRYPTION_KEY" not in names
    numerics = {"MALLOC_ARENA_MAX", "OPENBLAS_NUM_THREADS"}
    assert set(names) <= numerics | {"LC_ALL", "LC_CTYPE", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}


def test_a_child_cannot_fill_the_disk(hostile: SandboxPool, tmp_path: Path) -> None:
    assert hostile.run("write_a_lot", str(tmp_path / "big").encode()) == b"OSError"


def test_an_input_above_the_limit_is_refused_before_it_is_sent(hostile: SandboxPool) -> None:
    with pytest.raises(JobRefused) as caught:
        hostile.run("echo", bytes(10 * MEBIBYTE))
    assert caught.value.code == "too_large"


def test_many_threads_share_the_children(hostile: SandboxPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: hostile.run("process_id", str(n).encode()), range(40)))
    assert 1 <= len(set(answers)) <= 2


def test_a_child_is_replaced_after_its_number_of_jobs() -> None:
    with SandboxPool(1, LIMITS, jobs_module=JOBS, jobs_per_child=2) as pool:
        ids = [pool.run("process_id", b"") for _ in range(5)]
    assert ids[0] == ids[1] != ids[2] == ids[3] != ids[4]


def test_a_busy_pool_says_so_after_the_waiting_time() -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=2.0, memory_bytes=1024 * MEBIBYTE)
    with SandboxPool(1, limits, jobs_module=JOBS).start() as pool, ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(pool.run, "hang", b"")
        while pool.free_slots:
            pass
        with pytest.raises(SandboxBusy):
            pool.run("echo", b"", wait_seconds=0.1)
        pool.close()
        with pytest.raises((ChildKilled, SandboxClosed)):
            hanging.result()


def test_a_closed_pool_refuses_work() -> None:
    pool = SandboxPool(1, LIMITS, jobs_module=JOBS)
    pool.close()
    with pytest.raises(SandboxClosed):
        pool.run("echo", b"")


def test_a_child_that_cannot_start_says_why() -> None:
    with SandboxPool(1, LIMITS, jobs_module="tests.unit.artwork.no_such_module") as pool:
        with pytest.raises(ChildNotStarted, match="no_such_module"):
            pool.run("echo", b"")
        with pytest.raises(ChildNotStarted, match="no_such_module"):
            pool.start()
