"""How long the oldest waiting record of each queue has waited: committed offsets against the ends of their topics."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import TopicMetadata

from events.order.facts import WORK_TOPIC
from infra import kafka, ledgers
from infra.ledgers import STREAMS
from infra.settings import Settings
from processors.clock import now_ms
from processors.ledger.loop import group_of
from processors.ports import BrokerUnreachable
from processors.worker import GROUP_PREFIX

ANSWER_SECONDS = 5.0
RAW_TOPIC = "pod.inbound.raw.v1"


class QueueLags:
    """The lag of every queue, in milliseconds by topic. A queue that nobody ever read is not listed. Blocks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Mapping[str, int]:
        """Raises BrokerUnreachable."""
        prefix = self._settings.topic_prefix
        try:
            with closing(ledgers.clients(self._settings).reader(True)) as reader:
                topics = reader.list_topics(timeout=ANSWER_SECONDS).topics
                return {
                    topic.removeprefix(prefix): max(lag_of(reader, place) for place in places)
                    for topic, group in queues(self._settings)
                    if (places := self._committed(group, _places(topics, topic)))
                }
        except KafkaException as error:
            raise BrokerUnreachable(f"{BrokerUnreachable.__doc__} ({error})") from error

    def _committed(self, group: str, places: list[TopicPartition]) -> list[TopicPartition]:
        """Where a group stands; empty where it never was.

        A consumer asks, and not the administrator's client: librdkafka 2.16 crashes where an administrator asks for
        the offsets of a group whose coordinator has just moved or was never there (its issues 5040 and 1982).
        """
        with closing(kafka.consumer(self._settings, group)) as consumer:
            found = consumer.committed(places, timeout=ANSWER_SECONDS)
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
        return [place for place in found if place.offset >= 0]


def lag_of(reader: Consumer, place: TopicPartition) -> int:
    """How many milliseconds the first record from a place on has waited. Raises BrokerUnreachable. Blocks."""
    here = TopicPartition(place.topic, place.partition)
    begin, end = reader.get_watermark_offsets(here, timeout=ANSWER_SECONDS)
    # A worker that was away for longer than records are kept finds the oldest of those that are left.
    here.offset = max(place.offset, begin)
    return _waited(reader, here) if here.offset < end else 0


def _waited(reader: Consumer, place: TopicPartition) -> int:
    """Since when the first record that is not done has stood there; 0 where only markers of transactions do."""
    reader.assign([place])
    message = reader.poll(ANSWER_SECONDS)
    reader.unassign()
    if message is None:
        # Something stands there and nobody said since when: a lag of 0 would end the alert about this queue.
        raise BrokerUnreachable(f"Kafka did not answer in time what waits in {place.topic}.")
    error = message.error()
    if error is None:
        return max(0, now_ms() - message.timestamp()[1])
    if error.code() == KafkaError._PARTITION_EOF:
        return 0
    raise KafkaException(error)


def queues(settings: Settings) -> list[tuple[str, str]]:
    """Every queue with the consumer group that works it off: intake, raw webhooks, work."""
    prefix = settings.topic_prefix
    found = [
        (stream.intake_topic, group_of(stream)) for stream in (ledgers.stream_of(settings, name) for name in STREAMS)
    ]
    found.append((prefix + RAW_TOPIC, f"{prefix}printledger.inbound"))
    for topic in WORK_TOPIC.values():
        kind = topic.removeprefix("pod.work.").removesuffix(".v1")
        found.append((prefix + topic, f"{prefix}{GROUP_PREFIX}{kind}"))
    return found


def _places(topics: Mapping[str, TopicMetadata], topic: str) -> list[TopicPartition]:
    found = topics.get(topic)
    error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if found is None else found.error
    if found is None or error is not None:
        raise KafkaException(error)
    return [TopicPartition(topic, number) for number in found.partitions]
