"""Translates stored webhooks once more, after a status map was mended: what is the same as before changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra import intake, kafka
from infra.settings import Settings
from processors.inbound.consuming import consumed
from processors.inbound.dead_letters import DeadLetters
from processors.inbound.processor import InboundProcessor
from processors.inbound.raw import RAW_TOPIC
from processors.partners.protocol import PrintPartner
from processors.ports import ConsumedRecord, NamedError

log = structlog.get_logger(__name__)

BATCH = 500
POLL_SECONDS = 1.0
ANSWER_SECONDS = 30.0
SILENT_POLLS_MAX = 30


class NoSuchPartner(NamedError):
    """No adapter is set up for this partner, so nobody can read its webhooks. Look at PRINT_SHOPS and VENDORS."""


class BrokerSilent(NamedError):
    """Kafka gave no more records although there are some. Nothing is lost by running the replay again."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay read: all deliveries of the time, the partner's own among them, and those that came to no end."""

    records: int
    webhooks: int
    #: Became dead letters when they first came, and would again.
    unreadable: int = 0
    #: Are about nothing that is known, or the partner did not vouch for them.
    undecided: int = 0
    #: Ended in an error that nobody foresaw: the log has it.
    failed: int = 0

    @property
    def whole(self) -> bool:
        """Whether each webhook came to its end."""
        return not (self.unreadable or self.undecided or self.failed)


class Tally:
    """Takes dead letters and parked records of a replay, and only counts them: they were kept when they first came."""

    def __init__(self) -> None:
        self.unreadable = 0
        self.undecided = 0

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Count a dead letter."""
        self.unreadable += 1

    def park(self, record: ConsumedRecord, reason: str, next_try_at: int) -> None:
        """Count a record that would wait."""
        self.undecided += 1

    def due(self, now: int, count_max: int) -> list[tuple[ConsumedRecord, int]]:
        """Nothing waits here."""
        return []

    def release(self, record: ConsumedRecord) -> None:
        """Nothing waits here."""


async def replay(settings: Settings, partners: Mapping[str, PrintPartner], partner: str, since_ms: int) -> Replayed:
    """Bring each of the partner's webhooks since a time (epoch milliseconds) to its end again, up to now.

    What cannot be read or used is counted and not kept once more.

    Raises NoSuchPartner, or whatever says that something outside is away: then run it again.
    """
    if partner not in partners:
        raise NoSuchPartner(f"{partner}: {NoSuchPartner.__doc__}")
    source = f"partner/{partner}".encode()
    records = webhooks = failed = 0
    tally = Tally()
    topic = settings.topic_prefix + RAW_TOPIC
    group = f"{settings.topic_prefix}printledger.replay-{uuid4().hex}"
    with (
        intake.inbound_ports(settings, partners=partners, carriers={}) as ports,
        closing(kafka.consumer(settings, group)) as consumer,
    ):
        letters = DeadLetters(tally, ports.vault, "replay")
        processor = InboundProcessor(replace(ports, parked=tally, dead_letters=letters))
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
                    failed += not await _is_handled(processor, record)
            # Positions also pass what a read-committed reader is not shown.
            reached = {one.partition: one.offset for one in consumer.position(list(_places(topic, ends)))}
            ends = {number: end for number, end in ends.items() if reached[number] < end}
    return Replayed(
        records=records, webhooks=webhooks, unreadable=tally.unreadable, undecided=tally.undecided, failed=failed
    )


async def _is_handled(processor: InboundProcessor, record: ConsumedRecord) -> bool:
    """Bring a record to its end; False where that failed in a way that nobody foresaw. Raises what is an outage."""
    try:
        await processor.handle(record)
    except intake.OUTAGES:
        raise
    except Exception:
        log.exception("replay.unforeseen", topic=record.topic, partition=record.partition, offset=record.offset)
        return False
    return True


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
