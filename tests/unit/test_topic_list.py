"""The list of topics: what it promises to every process that reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from infra.kafka import MESSAGE_BYTES_MAX
from infra.ledgers import STREAMS, dead_letter_topic, stream_of
from infra.settings import Settings, prepare_test
from infra.topics import DEAD_LETTER_DAYS, Topic, topic_templates, topics
from processors.ledger.loop import LedgerOptions


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return prepare_test(tmp_path, tenants=("demo", "acme"), ledger_partitions=6)


def test_every_tenant_has_a_road_in_and_a_status_topic(settings: Settings) -> None:
    names = {topic.name for topic in topics(settings)}
    assert {f"stores.{tenant}.{kind}.v1" for tenant in ("demo", "acme") for kind in ("orders", "status")} <= names


def test_topics_that_the_ledger_reads_and_writes_by_key_have_the_same_partitions(settings: Settings) -> None:
    counts = {topic.name: topic.partition_count(settings) for topic in topics(settings)}
    ledger = ("pod.orders.intake.v1", "pod.orders.events.v1", "pod.orders.status.v1")
    assert {counts[name] for name in ledger} == {6}
    assert {count for name, count in counts.items() if name not in ledger} == {1}


def test_dead_letters_have_room_for_the_record_and_for_why(settings: Settings) -> None:
    listed = {topic.name: topic for topic in topics(settings)}
    letters = {name: topic for name, topic in listed.items() if name.startswith("dlq.")}
    assert "dlq.pod.orders.intake.v1" in letters
    for name, topic in letters.items():
        assert topic.record_bytes > listed[name.removeprefix("dlq.")].record_bytes
        assert topic.retention_days == DEAD_LETTER_DAYS


def test_every_stream_has_room_for_the_largest_dead_letter_of_its_ledger(settings: Settings) -> None:
    rooms = {topic.name: topic.record_bytes for topic in topics(settings) if topic.name.startswith("dlq.")}
    for stream in STREAMS:
        name = dead_letter_topic(settings, stream_of(settings, stream))
        assert LedgerOptions().letter_bytes_max < rooms[name]


def test_the_ledger_is_kept_for_ever_and_status_by_key(settings: Settings) -> None:
    config = {topic.name: topic.config(settings) for topic in topics(settings)}
    assert config["pod.orders.events.v1"]["retention.ms"] == "-1"
    assert config["pod.orders.events.v1"]["cleanup.policy"] == "delete"
    assert config["pod.orders.status.v1"]["cleanup.policy"] == "compact"
    assert config["stores.demo.status.v1"]["cleanup.policy"] == "compact"


def test_the_topic_limits_records_and_not_the_client(settings: Settings) -> None:
    assert max(topic.record_bytes for topic in topics(settings)) < MESSAGE_BYTES_MAX


def test_an_entry_must_say_how_long_records_stay() -> None:
    with pytest.raises(msgspec.ValidationError, match="either retention_days or compacted"):
        msgspec.convert({"name": "a.b.v1", "partitions": 1, "record_bytes": 1024}, Topic)


def test_names_never_mix_dots_and_underscores() -> None:
    assert not [topic.name for topic in topic_templates() if "_" in topic.name or topic.name != topic.name.lower()]
