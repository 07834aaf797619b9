"""The list of topics (`topics.yaml`), and making them: idempotent, and loud where a topic stands otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
import yaml
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from events.decoding import convert
from infra import kafka
from infra.settings import Settings
from processors.ports import NamedError

DAY_MS = 24 * 60 * 60 * 1000
TENANT = "<tenant>"
DEAD_LETTER_PREFIX = "dlq."
DEAD_LETTER_DAYS = 90
#: Longer than any consumer of a compacted topic may be away, or it would miss that a key was deleted.
DELETE_RETENTION_DAYS = 30
#: A dead letter carries the whole record and the headers that say why, so it needs room beyond the record's.
HEADER_ROOM_BYTES = 65_536
#: With three replicas two must hold a record before it counts, so that one broker may fail: neither a record nor a
#: pause comes of it. With two, asking for both would stop all writing whenever one of them is away.
REPLICAS_THAT_MAY_LOSE_ONE = 3
IN_SYNC_MIN = 2
ADMIN_SECONDS_MAX = 30.0

Days = Annotated[int, msgspec.Meta(ge=1, le=3650)] | Literal["forever"]


class TopicListInvalid(NamedError):
    """infra/topics.yaml cannot be used as it stands. Mend what is named."""


class WrongPartitionCount(NamedError):
    """A topic has another number of partitions than the settings. Keys would move: growth means a v2 topic."""


class TopicNotMade(NamedError):
    """Kafka refused to make or change a topic. Its reason follows."""


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the list. `partitions` is a number, or `ledger`: as many as the settings say."""

    name: str
    partitions: Annotated[int, msgspec.Meta(ge=1, le=256)] | Literal["ledger"]
    record_bytes: Annotated[int, msgspec.Meta(ge=1024, le=16 * 1024 * 1024)]
    retention_days: Days | None = None
    compacted: bool = False
    dead_letters: bool = False

    def __post_init__(self) -> None:
        """Refuse an entry that would keep records in two ways, or in none."""
        if self.compacted == (self.retention_days is not None):
            raise ValueError(f"{self.name}: give either retention_days or compacted")

    def partition_count(self, settings: Settings) -> int:
        """The number of partitions under these settings."""
        return settings.ledger_partitions if self.partitions == "ledger" else self.partitions

    def config(self, settings: Settings) -> dict[str, str]:
        """The topic's configuration as the broker takes it."""
        config = {"max.message.bytes": str(self.record_bytes)}
        if settings.topic_replication_factor >= REPLICAS_THAT_MAY_LOSE_ONE:
            # Else a record would count as kept when the leader alone has it, and go with the leader.
            config["min.insync.replicas"] = str(IN_SYNC_MIN)
        if self.compacted:
            return config | {
                "cleanup.policy": "compact",
                "delete.retention.ms": str(DELETE_RETENTION_DAYS * DAY_MS),
            }
        kept_ms = -1 if self.retention_days == "forever" else (self.retention_days or 0) * DAY_MS
        return config | {"cleanup.policy": "delete", "retention.ms": str(kept_ms), "retention.bytes": "-1"}


def topic_templates() -> tuple[Topic, ...]:
    """The list as it stands in the file. Raises TopicListInvalid."""
    text = files("infra").joinpath("topics.yaml").read_text(encoding="utf-8")
    try:
        return convert(yaml.safe_load(text)["topics"], tuple[Topic, ...])
    except (msgspec.ValidationError, ValueError, KeyError, yaml.YAMLError) as error:
        raise TopicListInvalid(f"{TopicListInvalid.__doc__} {error}") from error


def topics(settings: Settings) -> tuple[Topic, ...]:
    """Every topic of this system: one for each tenant where the list says so, dead letters, the prefix in front."""
    found = [
        msgspec.structs.replace(entry, name=settings.topic_prefix + entry.name)
        for template in topic_templates()
        for entry in _with_dead_letters(template, settings.tenants)
    ]
    names = [topic.name for topic in found]
    if len(set(names)) != len(names):
        raise TopicListInvalid("infra/topics.yaml: a topic is listed twice.")
    return tuple(found)


def _with_dead_letters(template: Topic, tenants: tuple[str, ...]) -> Iterator[Topic]:
    for tenant in tenants if TENANT in template.name else (TENANT,):
        topic = msgspec.structs.replace(template, name=template.name.replace(TENANT, tenant))
        yield topic
        if topic.dead_letters:
            yield Topic(
                name=DEAD_LETTER_PREFIX + topic.name,
                partitions=1,
                retention_days=DEAD_LETTER_DAYS,
                record_bytes=topic.record_bytes + HEADER_ROOM_BYTES,
            )


def ensure_topics(admin: AdminClient, settings: Settings) -> list[str]:
    """Make what is missing and bring configurations up to date; returns the names of new topics.

    Raises WrongPartitionCount where a topic stands with another number of partitions: the ledger's keys hash to
    partitions, so the count of a topic never changes.
    """
    wanted = topics(settings)
    present = admin.list_topics(timeout=ADMIN_SECONDS_MAX).topics
    missing = [topic for topic in wanted if topic.name not in present]
    for topic in wanted:
        if topic.name in present:
            _check_partitions(topic, len(present[topic.name].partitions), settings)
    if missing:
        _create(admin, missing, settings)
    _update_configs(admin, [topic for topic in wanted if topic.name in present], settings)
    return [topic.name for topic in missing]


def _check_partitions(topic: Topic, found: int, settings: Settings) -> None:
    expected = topic.partition_count(settings)
    if found != expected:
        raise WrongPartitionCount(
            f"{topic.name} has {found} partitions, the settings say {expected}. {WrongPartitionCount.__doc__}"
        )


def _create(admin: AdminClient, missing: list[Topic], settings: Settings) -> None:
    new = [
        NewTopic(
            topic.name,
            num_partitions=topic.partition_count(settings),
            replication_factor=settings.topic_replication_factor,
            config=topic.config(settings),
        )
        for topic in missing
    ]
    for name, outcome in admin.create_topics(new, operation_timeout=ADMIN_SECONDS_MAX).items():
        try:
            outcome.result(timeout=ADMIN_SECONDS_MAX)
        except KafkaException as error:
            # Another process of the same system made it first; its partitions are checked at the next start.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicNotMade(f"{name}: {error.args[0].str()}") from error
    kafka.wait_until_led(admin, {topic.name: topic.partition_count(settings) for topic in missing})


def _update_configs(admin: AdminClient, standing: list[Topic], settings: Settings) -> None:
    """Set the listed configuration where it differs; what the list does not name stays as it is."""
    if not standing:
        return
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in standing]
    current = {
        resource.name: outcome.result(timeout=ADMIN_SECONDS_MAX)
        for resource, outcome in admin.describe_configs(resources).items()
    }
    changes: list[Any] = []
    for topic in standing:
        found = current[topic.name]
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in topic.config(settings).items()
            if name not in found or found[name].value != value
        ]
        if entries:
            changes.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
    if changes:
        for resource, outcome in admin.incremental_alter_configs(changes).items():
            try:
                outcome.result(timeout=ADMIN_SECONDS_MAX)
            except KafkaException as error:
                raise TopicNotMade(f"{resource.name}: {error.args[0].str()}") from error
