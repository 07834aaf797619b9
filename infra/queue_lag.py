"""How long the oldest waiting record of each queue has waited: committed offsets against the ends of their topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from events.order.facts import WORK_TOPIC
from infra import kafka, ledgers
from infra.ledgers import STREAMS
from infra.settings import Settings
from processors.clock import now_ms
from processors.ledger.loop import group_of
from processors.ports import BrokerUnreachable
from processors.worker import GROUP_PREFIX

ANSWER_SECONDS = 5.0
READ_SECONDS = 2.0
RAW_TOPIC = "pod.inbound.raw.v1"


class QueueLags:
    """The lag of every queue, in milliseconds by topic. A queue that nobody ever read is not listed. Blocks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Mapping[str, int]:
        """Raises BrokerUnreachable."""
        try:
            admin = kafka.admin(self._settings)
            reader = ledgers.clients(self._settings).reader(True)
            try:
                return {
                    topic.removeprefix(self._settings.topic_prefix): max(self._lags(admin, reader, group, topic))
                    for topic, group in queues(self._settings)
                    if self._is_read(admin, group, topic)
                }
            finally:
                reader.close()
        except KafkaException as error:
            raise BrokerUnreachable(f"{BrokerUnreachable.__doc__} ({error})") from error

    def _is_read(self, admin: AdminClient, group: str, topic: str) -> bool:
        return bool(committed(admin, group, topic))

    def _lags(self, admin: AdminClient, reader: Consumer, group: str, topic: str) -> Iterable[int]:
        for place in committed(admin, group, topic):
            _, end = reader.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=ANSWER_SECONDS)
            yield self._waited(reader, place) if place.offset < end else 0

    def _waited(self, reader: Consumer, place: TopicPartition) -> int:
        """Since when the first record that is not done has stood there; 0 where only markers of transactions do."""
        reader.assign([place])
        message = reader.poll(READ_SECONDS)
        reader.unassign()
        if message is None:
            return 0
        error = message.error()
        if error is not None:
            # The end of the partition, or records that were deleted by age: nothing waits that can be read.
            if error.code() in (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET):
                return 0
            raise KafkaException(error)
        return max(0, now_ms() - message.timestamp()[1])


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


def committed(admin: AdminClient, group: str, topic: str) -> list[TopicPartition]:
    """Where a group stands in a topic; empty where it never was."""
    asked = admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], require_stable=False, request_timeout=ANSWER_SECONDS
    )
    try:
        places = asked[group].result(timeout=ANSWER_SECONDS).topic_partitions or []
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return []
        raise
    return [place for place in places if place.topic == topic and place.offset >= 0]
