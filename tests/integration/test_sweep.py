"""The sweep on the real store and database: what it lists, removes and leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import psycopg
import pytest
from typer.testing import CliRunner

from infra import intake, postgres
from infra.cli import build
from infra.inbound_tables import PostgresIdempotency
from infra.lifecycle import Housekeeping, SweepRunning, give_to_store
from infra.s3 import Bucket, s3_client
from infra.settings import Settings
from processors.clock import now_ms
from processors.ports import KeyDestroyed
from processors.sweeper import DAY_MS, NONCURRENT
from projections.model import Topics
from projections.models import read_models
from projections.schema import create_missing
from projections.system_reader import SystemReads
from tests.support import wait_until

pytestmark = pytest.mark.stack

TENANT = "demo"
ENDED, OPEN = "0c4b5f6e-5555-5555-8555-555555555555", "0c4b5f6e-6666-5666-8666-666666666666"
USED, UNUSED = "a" * 64, "b" * 64


@pytest.fixture
def pool(settings: Settings, database_url: str, bucket: Bucket) -> Iterator[intake.Pool]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        create_missing(connection, tuple(read_models(Topics()).values()))
    with postgres.pool(settings.database_url, settings, name="test") as made:
        yield made


def order(settings: Settings, order_id: str, status: str, *, exceptions: str = "[]", lines: str = "[]") -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO orders VALUES (%s, %s, 'demo-rest', %s, '#1', %s, 'USD', 0, %s, '[]', '[]', %s, 1, 1, 1, '')",
            (TENANT, order_id, order_id, status, lines, exceptions),
        )


def write(bucket: Bucket, *keys: str) -> None:
    for key in keys:
        bucket.put(key, b"content", "image/png", {})


def in_days(days: int) -> int:
    return now_ms() + days * DAY_MS


def test_versions_are_listed_newest_first_with_marks_and_sizes(
    settings: Settings, pool: intake.Pool, bucket: Bucket
) -> None:
    client = s3_client(settings)
    for content in (b"1", b"22", b"333"):
        client.put_object(Bucket=settings.s3_bucket, Key=f"{TENANT}/a", Body=content)
    client.delete_object(Bucket=settings.s3_bucket, Key=f"{TENANT}/a")
    write(bucket, f"{TENANT}/b", f"{TENANT}/c/d", "other/a")

    listed = list(bucket.all_versions(f"{TENANT}/"))

    assert [version.key for version in listed] == [f"{TENANT}/a"] * 4 + [f"{TENANT}/b", f"{TENANT}/c/d"]
    assert [(version.is_mark, version.size_bytes) for version in listed[:4]] == [
        (True, 0),
        (False, 3),
        (False, 2),
        (False, 1),
    ]
    assert [version.is_newest for version in listed] == [True, False, False, False, True, True]
    assert all(abs(version.changed_at - now_ms()) < 60_000 for version in listed)


@pytest.mark.parametrize("page_size", [2, 3, 4])
def test_versions_that_fill_many_pages_are_listed_once_each(settings: Settings, bucket: Bucket, page_size: int) -> None:
    client = s3_client(settings)
    write(bucket, *(f"{TENANT}/{order}/{name}" for order in range(3) for name in ("print.png", "proof.webp")))
    client.put_object(Bucket=settings.s3_bucket, Key=f"{TENANT}/1/print.png", Body=b"once more")
    client.delete_object(Bucket=settings.s3_bucket, Key=f"{TENANT}/2/print.png")

    paged = Bucket(client, settings.s3_bucket, page_size=page_size)

    assert sorted(paged.versions(f"{TENANT}/")) == sorted(bucket.versions(f"{TENANT}/"))
    assert len(list(paged.versions(f"{TENANT}/"))) == 8
    assert list(paged.all_versions(f"{TENANT}/")) == list(bucket.all_versions(f"{TENANT}/"))


def test_a_sweep_removes_every_trace_of_what_is_due_and_leaves_what_an_open_order_needs(
    settings: Settings, pool: intake.Pool, bucket: Bucket
) -> None:
    order(settings, ENDED, "delivered")
    order(settings, OPEN, "in_production")
    files = ("1/front/original/" + "c" * 32, "1/front/v1/print.png", "1/front/v1/proof.webp", "labels/x.png")
    write(bucket, *(f"{TENANT}/{order_id}/{file}" for order_id in (ENDED, OPEN) for file in files))
    write(bucket, f"{TENANT}/designs/{USED}")

    report = Housekeeping(settings, pool, lambda: in_days(100)).sweep()

    left = [key for key, _ in bucket.versions(f"{TENANT}/")]
    kept_of_ended = [f"{TENANT}/{ENDED}/{file}" for file in files[1:3]]
    assert sorted(left) == sorted(
        [f"{TENANT}/{OPEN}/{file}" for file in files] + kept_of_ended + [f"{TENANT}/designs/{USED}"]
    )
    assert report.by_rule["originals"].removed == 1
    assert report.by_rule["originals"].kept == 1


def test_an_order_that_waits_for_a_person_is_not_ended(settings: Settings, pool: intake.Pool, bucket: Bucket) -> None:
    order(settings, ENDED, "delivered", exceptions='[{"kind": "claim"}]')
    write(bucket, f"{TENANT}/{ENDED}/labels/x.png")

    report = Housekeeping(settings, pool, lambda: in_days(400)).sweep()

    assert report.by_rule["labels"].kept == 1


def test_a_dry_run_removes_nothing(settings: Settings, pool: intake.Pool, bucket: Bucket) -> None:
    order(settings, ENDED, "cancelled")
    write(bucket, f"{TENANT}/{ENDED}/labels/x.png")

    report = Housekeeping(settings, pool, lambda: in_days(400)).sweep(dry_run=True)

    assert report.by_rule["labels"].removed == 1
    assert list(bucket.list_keys(f"{TENANT}/")) == [f"{TENANT}/{ENDED}/labels/x.png"]


def test_older_versions_go_by_the_store_or_by_the_sweep(settings: Settings, pool: intake.Pool, bucket: Bucket) -> None:
    client = s3_client(settings)
    for content in (b"1", b"22"):
        client.put_object(Bucket=settings.s3_bucket, Key=f"{TENANT}/designs/x", Body=content)

    report = Housekeeping(settings, pool, lambda: in_days(60)).sweep()

    if give_to_store(client, settings.s3_bucket, 30):
        assert report.by_rule[NONCURRENT].removed == 0
    else:
        assert len(list(bucket.versions(f"{TENANT}/"))) == 1
        assert bucket.get(f"{TENANT}/designs/x") == b"22"


def test_open_orders_name_the_shared_renders_that_they_use(settings: Settings, pool: intake.Pool) -> None:
    lines = '[{{"areas": [{{"print_key": "demo/designs/rendered/{0}/print.png"}}]}}]'
    order(settings, OPEN, "ready", lines=lines.format(USED))
    order(settings, ENDED, "delivered", lines=lines.format(UNUSED))

    reads = SystemReads(pool)

    assert reads.designs_in_use(TENANT) == {USED}
    assert reads.ended_orders(TENANT, [ENDED, OPEN]) == {ENDED: 1}


def test_daily_keys_and_idempotency_keys_end_with_the_sweep(settings: Settings, pool: intake.Pool) -> None:
    vault, keys = intake.vault(settings, pool), PostgresIdempotency(pool)
    sealed = vault.seal_daily("raw", "shopify/demo-shopify", b"{}")
    keys.begin(TENANT, "old", "digest")
    keys.begin(TENANT, "new", "digest")
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE idempotency_keys SET created_at = now() - interval '31 days' WHERE idempotency_key = 'old'"
        )

    soon = Housekeeping(settings, pool).sweep()
    later = Housekeeping(settings, pool, lambda: in_days(40)).sweep()

    assert (soon.daily_keys_ended, soon.idempotency_keys_ended) == (0, 1)
    assert (later.daily_keys_ended, later.idempotency_keys_ended) == (1, 0)
    with pytest.raises(KeyDestroyed):
        intake.vault(settings, pool).open_daily("raw", "shopify/demo-shopify", sealed)


def test_the_command_says_what_would_be_removed(settings: Settings, pool: intake.Pool, bucket: Bucket) -> None:
    order(settings, OPEN, "in_production")
    write(bucket, f"{TENANT}/{OPEN}/labels/x.png")
    own = {"DATABASE_URL": settings.database_url, "S3_BUCKET": settings.s3_bucket, "TENANTS": TENANT}
    arguments = ["sweep", "--dry-run", "--data", str(settings.data_dir)]

    told = CliRunner(env=own).invoke(build(arguments), [*arguments, "--json"])
    shown = CliRunner(env=own).invoke(build(arguments), arguments)

    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["by_rule"]["labels"]["looked_at"] == 1
    assert "would be removed" in shown.output


def test_a_schedule_sweeps_until_it_is_told_to_stop(settings: Settings, pool: intake.Pool, bucket: Bucket) -> None:
    order(settings, ENDED, "delivered")
    write(bucket, f"{TENANT}/{ENDED}/labels/x.png")
    housekeeping = Housekeeping(settings, pool, lambda: in_days(400), first_after_seconds=0.0)

    async def until_swept() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(housekeeping.run(stop, ()))
        await asyncio.to_thread(wait_until, lambda: not list(bucket.list_keys(f"{TENANT}/")), 30, "an empty bucket")
        stop.set()
        await running

    asyncio.run(until_swept())


def test_one_sweep_runs_at_a_time(settings: Settings, pool: intake.Pool) -> None:
    housekeeping = Housekeeping(settings, pool)
    with housekeeping.alone(), pytest.raises(SweepRunning):
        Housekeeping(settings, pool).sweep()
    assert not housekeeping.sweep().dry_run
