"""The whole embedded stack as `printledger up` leaves it: topics, schemas, tables, bucket, and once only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from psycopg import sql

from events.codec import CommittedSchema, committed_schemas
from events.vocabulary import FACT_COMPATIBILITY
from infra import kafka
from infra.postgres import (
    Migration,
    MigrationChanged,
    MigrationFailed,
    MigrationMissing,
    MigrationOutOfOrder,
    as_tenant,
    connect,
    database_url_for,
    ensure_schema,
    migrate,
    ordered_migrations,
)
from infra.registry import Registry, RegistryUnreachable, SchemaIdTaken, SchemaRefused, ensure_schemas, subjects_for
from infra.s3 import Bucket, ObjectRefused, ensure_bucket, s3_client
from infra.settings import APP_ROLE, Settings
from infra.stopped_partitions import StoppedPartitions
from infra.topics import WrongPartitionCount, ensure_topics, topics
from processors.ledger.errors import WrongHash
from processors.ports import ObjectMissing

KEYS = [f"order-{number}" for number in range(1_000)]
PARTITIONS = 4


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_second_up_in_the_same_folder_says_that_it_is_running(stack: Settings) -> None:
    before = (stack.data_dir / "stack.env").read_text()
    second = command("up", "--profile", "demo", "--data", str(stack.data_dir))
    assert second.returncode == 1
    assert "already running in this data folder" in second.stderr
    assert (stack.data_dir / "stack.env").read_text() == before


@pytest.mark.slow
def test_a_system_that_was_killed_leaves_nothing_running_and_starts_again_at_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    start = ("up", "--detach", "--parts-only", "--auto-ports", "--profile", "test", "--data", folder)
    assert command(*start).returncode == 0
    first = system_in(folder)
    os.kill(first["pid"], signal.SIGKILL)
    again = command(*start)
    try:
        assert again.returncode == 0, again.stderr
        parts = {part["name"]: part["pid"] for part in first["processes"]}
        assert not [name for name, pid in parts.items() if is_alive(pid)]
        assert system_in(folder)["addresses"] == first["addresses"]
    finally:
        assert command("down", "--data", folder).returncode == 0


def system_in(folder: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(command("status", "--json", "--data", folder).stdout)["system"]
    return told


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_status_says_what_runs_and_where(stack: Settings) -> None:
    answer = command("status", "--json", "--data", str(stack.data_dir))
    assert answer.returncode == 0
    told = json.loads(answer.stdout)
    assert told["running"] is True
    parts = {part["name"]: part["state"] for part in told["system"]["processes"]}
    assert parts.items() >= dict.fromkeys(("kafka", "registry", "postgres", "s3", "smtp"), "running").items()
    assert told["system"]["addresses"]["kafka"] == stack.kafka_bootstrap_servers


def test_status_names_a_stopped_partition_until_a_ledger_could_load_it(stack: Settings, unique: str) -> None:
    loaded = StoppedPartitions(stack.data_dir, unique)

    def told() -> list[Any]:
        found = json.loads(command("status", "--json", "--data", str(stack.data_dir)).stdout)["stopped_partitions"]
        return [one for one in found if one["stream"] == unique]

    loaded(2, WrongHash("pod.orders.events.v1[2]@17"))
    loaded(3, None)
    assert told() == [{"stream": unique, "partition": 2, "error": "WrongHash: pod.orders.events.v1[2]@17"}]
    assert (
        f"Partition 2 of {unique} is not answered: WrongHash" in command("status", "--data", str(stack.data_dir)).stdout
    )

    loaded(2, None)
    assert told() == []


def test_status_of_a_folder_where_nothing_runs_has_an_exit_code_of_its_own(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert command("status", "--data", str(tmp_path_factory.mktemp("empty"))).returncode == 3


def test_up_made_every_topic_with_its_partitions_and_a_second_time_makes_none(stack: Settings) -> None:
    admin = kafka.admin(stack)
    present = admin.list_topics(timeout=10).topics
    for topic in topics(stack):
        assert len(present[topic.name].partitions) == topic.partition_count(stack), topic.name
    assert ensure_topics(admin, stack) == []


def test_another_partition_count_than_the_stored_one_is_refused(stack: Settings) -> None:
    grown = stack.model_copy(update={"ledger_partitions": PARTITIONS + 1})
    with pytest.raises(WrongPartitionCount, match=r"has 4 partitions, the settings say 5.*v2 topic"):
        ensure_topics(kafka.admin(grown), grown)


def test_our_producers_put_a_key_where_java_and_aiokafka_put_it(
    stack: Settings, make_topic: Callable[..., str]
) -> None:
    topic = make_topic("keys", partitions=PARTITIONS)
    by_aiokafka = {
        key: DefaultPartitioner()(key.encode(), list(range(PARTITIONS)), list(range(PARTITIONS))) for key in KEYS
    }
    assert partitions_of(kafka.producer(stack, "test"), topic) == by_aiokafka
    transactional = kafka.transactional_producer(stack, f"{topic}-writer")
    transactional.init_transactions(30)
    transactional.begin_transaction()
    found = partitions_of(transactional, topic)
    transactional.commit_transaction(30)
    assert found == by_aiokafka


def test_the_default_partitioner_of_confluent_kafka_would_not(stack: Settings, make_topic: Callable[..., str]) -> None:
    topic = make_topic("keys", partitions=PARTITIONS)
    ours = partitions_of(kafka.producer(stack, "test"), topic)
    default = partitions_of(Producer({"bootstrap.servers": stack.kafka_bootstrap_servers}), topic)
    assert sum(ours[key] != default[key] for key in KEYS) > 0


def partitions_of(producer: Producer, topic: str) -> dict[str, int]:
    """Where the broker has each of the keys."""
    found: dict[str, int] = {}

    def note(error: object, message: object) -> None:
        assert error is None, error
        found[message.key().decode()] = message.partition()  # type: ignore[attr-defined]

    for key in KEYS:
        producer.produce(topic, key=key, value=b"x", on_delivery=note)
    assert producer.flush(30) == 0
    return found


def test_a_reader_does_not_see_what_was_aborted(stack: Settings, make_topic: Callable[..., str]) -> None:
    topic = make_topic("aborted")
    writer = kafka.transactional_producer(stack, f"{topic}-writer")
    writer.init_transactions(30)
    for value, end in ((b"kept", writer.commit_transaction), (b"aborted", writer.abort_transaction)):
        writer.begin_transaction()
        writer.produce(topic, value)
        writer.flush(30)
        end(30)
    reader = kafka.consumer(stack, f"{topic}-readers", enable_partition_eof=True)
    reader.subscribe([topic])
    values = []
    while (record := reader.poll(30)) is not None and record.error() is None:
        values.append(record.value())
    reader.close()
    assert values == [b"kept"]


def test_every_committed_schema_has_its_committed_id_and_a_second_time_nothing_is_new(stack: Settings) -> None:
    with Registry(stack.schema_registry_url) as registry:
        for schema in committed_schemas():
            for subject in subjects_for(schema, stack.tenants):
                assert registry.id_of(subject, schema.text) == schema.schema_id, subject
        assert ensure_schemas(registry, committed_schemas(), stack.tenants) == 0


def test_a_registry_without_an_export_is_asked_subject_by_subject(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Registry(stack.schema_registry_url) as registry:
        held = registry.holdings()
        assert held is not None
        monkeypatch.setattr(registry, "holdings", lambda: None)
        assert ensure_schemas(registry, committed_schemas(), stack.tenants) == 0


def test_a_registry_that_gives_other_ids_is_refused(stack: Settings) -> None:
    doctored = [
        CommittedSchema(schema.schema_id + 1000, schema.full_name, schema.version, schema.subjects, schema.text)
        for schema in committed_schemas()[:1]
    ]
    with Registry(stack.schema_registry_url) as registry, pytest.raises(SchemaIdTaken, match=r"says 1, .* says 1001"):
        ensure_schemas(registry, doctored)


def test_the_registry_refuses_a_schema_that_old_readers_would_not_survive(stack: Settings, unique: str) -> None:
    def record(*fields: dict[str, object]) -> str:
        return json.dumps({"type": "record", "name": "Thing", "namespace": unique, "fields": list(fields)})

    subject = f"pod.orders.events.v1-{unique}.Thing"
    with Registry(stack.schema_registry_url) as registry:
        registry.set_compatibility(FACT_COMPATIBILITY)
        first = registry.register(subject, record({"name": "count", "type": "int"}))
        assert registry.register(subject, record({"name": "count", "type": "int"})) == first
        with pytest.raises(SchemaRefused, match="old and new readers survive"):
            registry.register(subject, record({"name": "count", "type": "string"}))
        with pytest.raises(SchemaRefused):
            registry.register(subject, record({"name": "count", "type": "int"}, {"name": "must", "type": "int"}))


def test_a_registry_that_is_away_is_named(stack: Settings) -> None:
    with Registry("http://127.0.0.1:9", 1.0) as registry, pytest.raises(RegistryUnreachable, match="printledger up"):
        registry.subjects()


def test_the_bucket_keeps_versions_and_making_it_again_changes_nothing(settings: Settings, bucket: Bucket) -> None:
    client = s3_client(settings)
    for content in (b"one", b"two"):
        client.put_object(Bucket=settings.s3_bucket, Key="a/file", Body=content)
    assert ensure_bucket(client, settings.s3_bucket) is False
    assert len(list(bucket.versions("a/"))) == 2
    assert bucket.get("a/file") == b"two"


def test_an_object_is_written_once_and_the_first_one_stays(bucket: Bucket) -> None:
    first = bucket.put("demo/o/1/print.png", b"first", "image/png", {"designer": "demo", "sha256": "ab"})
    again = bucket.put("demo/o/1/print.png", b"second", "image/png", {})
    assert bucket.get("demo/o/1/print.png") == b"first"
    assert (again.version_id, again.size_bytes) == (first.version_id, 5)
    assert again.metadata == {"designer": "demo", "sha256": "ab"}
    assert list(bucket.list_keys("demo/o/")) == ["demo/o/1/print.png"]


def test_an_object_that_is_not_there_and_a_key_that_cannot_be_are_named(bucket: Bucket) -> None:
    with pytest.raises(ObjectMissing, match="nothing/here"):
        bucket.get("nothing/here")
    for key in ("../up", "./here", "/rooted", "a//b", "", "line\nbreak"):
        with pytest.raises(ObjectRefused):
            bucket.put(key, b"", "text/plain", {})


@pytest.mark.parametrize("key", ["demo/designs/../../other/designs/a", "other/designs/./a", "other/designs/b/../a"])
def test_a_key_that_leads_to_another_ones_object_finds_nothing(bucket: Bucket, key: str) -> None:
    bucket.put("other/designs/a", b"theirs", "image/png", {})
    for look_up in (bucket.head, bucket.get, bucket.stream):
        with pytest.raises(ObjectMissing):
            look_up(key)


FIRST = Migration(1, "0001_first.sql", "CREATE TABLE first (n integer)")
SECOND = Migration(2, "0002_second.sql", "CREATE TABLE second (n integer)")


@pytest.fixture
def empty_database(stack: Settings, unique: str) -> str:
    name = f"{unique}_empty"
    with connect(database_url_for(stack.database_url, "postgres")) as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database_url_for(stack.database_url, name)


def test_a_migration_is_applied_once(empty_database: str) -> None:
    with connect(empty_database) as connection:
        assert migrate(connection, [FIRST]) == ["0001_first.sql"]
        assert migrate(connection, [FIRST, SECOND]) == ["0002_second.sql"]
        assert migrate(connection, [FIRST, SECOND]) == []


def test_a_migration_whose_text_changed_is_refused(empty_database: str) -> None:
    changed = Migration(1, "0001_first.sql", "CREATE TABLE first (n bigint)")
    with connect(empty_database) as connection:
        migrate(connection, [FIRST])
        with pytest.raises(MigrationChanged, match=r"0001_first\.sql.*make the change a new migration"):
            migrate(connection, [changed, SECOND])
        assert connection.execute("SELECT to_regclass('second')").fetchone() == (None,)


def test_a_database_from_a_newer_release_is_refused(empty_database: str) -> None:
    with connect(empty_database) as connection:
        migrate(connection, [FIRST, SECOND])
        with pytest.raises(MigrationMissing, match="0002_second"):
            migrate(connection, [FIRST])


def test_a_migration_that_comes_too_late_is_refused(empty_database: str) -> None:
    with connect(empty_database) as connection:
        migrate(connection, [SECOND])
        with pytest.raises(MigrationOutOfOrder, match="0001_first"):
            migrate(connection, [FIRST, SECOND])


def test_a_migration_that_fails_leaves_nothing(empty_database: str) -> None:
    broken = Migration(2, "0002_broken.sql", "CREATE TABLE half (n integer); SELECT 1 / 0")
    with connect(empty_database) as connection:
        with pytest.raises(MigrationFailed, match=r"0002_broken\.sql: division by zero"):
            migrate(connection, [FIRST, broken])
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
        assert migrate(connection, [FIRST, SECOND]) == ["0002_second.sql"]


def test_processes_that_start_at_once_apply_a_migration_once(empty_database: str) -> None:
    slow = Migration(1, "0001_slow.sql", "CREATE TABLE slow (n integer); SELECT pg_sleep(0.3)")
    ready = threading.Barrier(4)

    def start(_: int) -> list[str]:
        with connect(empty_database) as connection:
            ready.wait(20)
            return migrate(connection, [slow])

    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(start, range(4)))
    assert sorted(applied) == [[], [], [], ["0001_slow.sql"]]


def test_two_migrations_with_one_number_are_refused() -> None:
    with pytest.raises(Exception, match=r"0001_a\.sql and 0001_b\.sql"):
        ordered_migrations([("0001_a.sql", ""), ("0001_b.sql", "")])


def test_the_role_of_the_api_sees_one_tenant_and_owns_nothing(settings: Settings, database_url: str) -> None:
    with connect(database_url) as owner:
        for tenant in ("demo", "acme"):
            owner.execute(
                "INSERT INTO idempotency_keys (tenant, idempotency_key, request_digest) VALUES (%s, 'k', 'd')",
                (tenant,),
            )
    with connect(settings.database_app_url) as app:
        assert app.info.user == APP_ROLE
        assert app.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (0,)
        with as_tenant(app, "demo"):
            assert app.execute("SELECT tenant FROM idempotency_keys").fetchall() == [("demo",)]
        for forbidden in ("CREATE TABLE mine (n integer)", "SELECT * FROM ledger_snapshots", "DROP TABLE api_keys"):
            app.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden.encode())


def test_setting_up_the_tables_again_changes_nothing(database_url: str) -> None:
    assert ensure_schema(database_url) == []
