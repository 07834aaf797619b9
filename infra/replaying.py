"""Translates stored webhooks once more, after a status map was mended: what is the same as before changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from uuid import uuid4

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra import intake, kafka
from infra.settings import Settings
from processors.inbound.consuming import consumed
from processors.inbound.raw import RAW_TOPIC
from processors.partners.protocol import PrintPartner
from processors.ports import NamedError

BATCH = 500
POLL_SECONDS = 1.0
ANSWER_SECONDS = 30.0
SILENT_POLLS_MAX = 30


class NoSuchPartner(NamedError):
    """No adapter is set up for this partner, so nobody can read its webhooks. Look at PRINT_SHOPS and VENDORS."""


class BrokerSilent(NamedError):
    """Kafka gave no more records although there are some. Nothing is lost by running the replay again."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay read: all deliveries of the time, and the partner's own among them."""

    records: int
    webhooks: int


async def replay(settings: Settings, partners: Mapping[str, PrintPartner], partner: str, since_ms: int) -> Replayed:
    """Bring each of the partner's webhooks since a time (epoch milliseconds) to its end again, up to now.

    Raises NoSuchPartner, or whatever says that something outside is away: then run it again.
    """
    if partner not in partners:
        raise NoSuchPartner(f"{partner}: {NoSuchPartner.__doc__}")
    source = f"partner/{partner}".encode()
    records = webhooks = 0
    topic = settings.topic_prefix + RAW_TOPIC
    group = f"{settings.topic_prefix}printledger.replay-{uuid4().hex}"
    with (
        intake.inbound_parts(settings, partners=partners, carriers={}) as (processor, _),
        closing(kafka.consumer(settings, group)) as consumer,
    ):
        try:
            ends = _assign(consumer, topic, since_ms)
        except KafkaException as failure:
            raise BrokerSilent(f"{BrokerSilent.__doc__} ({failure.args[0].str()})") from failure
        silent_polls = 0
        while ends:
            messages = await asyncio.to_thread(consumer.consume, BATCH, POLL_SECONDS)
            silent_polls = 0 if messages else silent_polls + 1
            if silent_polls > SILENT_POLLS_MAX:
                raise BrokerSilent
            for message in messages:
                if (error := message.error()) is not None:
                    raise BrokerSilent(f"{BrokerSilent.__doc__} ({error.str()})")
                records += 1
                record = consumed(message, settings.topic_prefix)
                if dict(record.headers).get("ce_source") == source:
                    webhooks += 1
                    await processor.handle(record)
            # Positions also pass what a read-committed reader is not shown.
            reached = {one.partition: one.offset for one in consumer.position(list(_places(topic, ends)))}
            ends = {number: end for number, end in ends.items() if reached[number] < end}
    return Replayed(records=records, webhooks=webhooks)


def _assign(consumer: Consumer, topic: str, since_ms: int) -> dict[int, int]:
    """Begin at a time; the offset behind the newest record of each partition that has any since then."""
    partitions = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
    asked = [TopicPartition(topic, number, since_ms) for number in partitions]
    begins = {one.partition: one.offset for one in consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)}
    ends: dict[int, int] = {}
    for number, begin in begins.items():
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_SECONDS)
        if 0 <= begin < end:
            ends[number] = end
    consumer.assign(list(_places(topic, {number: begins[number] for number in ends})))
    return ends


def _places(topic: str, offsets: Mapping[int, int]) -> Iterator[TopicPartition]:
    return (TopicPartition(topic, number, offset) for number, offset in offsets.items())
