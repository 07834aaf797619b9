"""Kafka as one KRaft node: its configuration, its empty storage, its command line."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from infra import kafka
from infra.child import Command
from infra.files import write_whole
from infra.ports import accepts
from infra.settings import LOOPBACK, Settings
from infra.stack.part import NotAnswering, Part
from infra.stack.tools import Tools
from infra.topics import ensure_topics

NODE_ID = 1
METADATA_SECONDS = 5.0
#: One node cannot replicate; few partitions for the inner topics, because each is a file to open at start.
INNER_TOPICS = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")


def kafka_part(settings: Settings, tools: Tools) -> Part:
    """The broker on its loopback port, with the topics of topics.yaml."""
    folder = settings.data_dir / "kafka"
    return Part(
        name="kafka",
        address=settings.kafka_bootstrap_servers,
        prepare=lambda: write_configuration(settings, tools, folder),
        command=(lambda: kafka_command(settings, tools, folder)) if "kafka" in settings.embedded else None,
        answers=lambda: _answers(settings),
        settle=lambda: _settle(settings),
    )


def kafka_command(settings: Settings, tools: Tools, folder: Path) -> Command:
    """The broker's command line. SerialGC: two cores have no room for collector threads beside the ledger.

    A test's broker moves few records, so the quick compiler alone is enough, and its start costs half the work.
    """
    compilers = ("-XX:TieredStopAtLevel=1",) if settings.profile == "test" else ()
    return Command(
        name="kafka",
        argv=(
            str(tools.java),
            *(f"-Xmx{settings.kafka_heap_mb}m", "-Xms128m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            *compilers,
            *tools.aot_options("kafka"),
            f"-Dlog4j2.configurationFile={Path(__file__).parent / 'log4j2.yaml'}",
            *("-cp", tools.kafka_classpath(), "kafka.Kafka", str(folder / "server.properties")),
        ),
        folder=folder,
    )


def write_configuration(settings: Settings, tools: Tools, folder: Path) -> None:
    """Write server.properties, and format the storage of a new folder.

    Kafka's own format command would start a JVM of its own (2 s). What it writes is a checkpoint of features, the
    same for every new cluster (kept by set-up), and an identity in a text file. The quorum is a static one
    (`controller.quorum.voters`): a voter set in the storage would hold the port, which may change between starts.
    """
    storage = folder / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "server.properties", _properties(server_properties(settings, storage)))
    if not (storage / "meta.properties").exists():
        shutil.copyfile(tools.bootstrap_checkpoint(), storage / "bootstrap.checkpoint")
        identity = {"version": 1, "cluster.id": _new_id(), "node.id": NODE_ID, "directory.id": _new_id()}
        write_whole(storage / "meta.properties", _properties(identity))


def server_properties(settings: Settings, storage: Path) -> dict[str, object]:
    """The broker's settings for one node on loopback."""
    broker = f"BROKER://{LOOPBACK}:{settings.kafka_port}"
    controller = f"{LOOPBACK}:{settings.kafka_controller_port}"
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{controller}",
        "listeners": f"{broker},CONTROLLER://{controller}",
        "advertised.listeners": broker,
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": storage,
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A dead ledger's transaction hides everything behind it: look for such every second, not every ten.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        # The largest record of topics.yaml is below this; a topic's own limit is the one that counts.
        "message.max.bytes": kafka.MESSAGE_BYTES_MAX,
        "replica.fetch.max.bytes": kafka.MESSAGE_BYTES_MAX,
        "offsets.retention.minutes": 60 * 24 * 365,
        "share.coordinator.state.topic.min.isr": 1,
        "transaction.state.log.min.isr": 1,
    }
    for topic in INNER_TOPICS:
        properties |= {f"{topic}.replication.factor": 1, f"{topic}.num.partitions": 4}
    return properties


def _properties(values: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _new_id() -> str:
    """A random identifier as Kafka writes it: 16 bytes, URL-safe base64, and no hyphen in front."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


def _answers(settings: Settings) -> bool:
    if "kafka" in settings.embedded and not accepts(settings.kafka_port):
        # A client made too early would wait for its own next try to connect.
        return False
    try:
        kafka.wait_until_ready(settings, METADATA_SECONDS)
    except kafka.KafkaUnreachable as error:
        raise NotAnswering(str(error)) from error
    return True


def _settle(settings: Settings) -> None:
    ensure_topics(kafka.admin(settings), settings)
