"""Kafka producers for asyncio: one record, acknowledged by the broker before the call returns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from events.codec import Codec
from events.declare import Command, Declared
from events.envelope import CommandEnvelope
from events.vocabulary import RECORDS_BY_TOPIC
from infra import kafka
from infra.settings import Settings
from processors.ports import BrokerUnreachable, NamedError, RecordTooLarge

#: Shopify waits five seconds for an answer in all, so the broker gets four.
ACKNOWLEDGE_MS = 4_000
FLUSH_SECONDS = 10.0
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


class NotACommand(NamedError):
    """Only records that stand on an intake topic are sent as commands."""


class KafkaRecordLog:
    """The `RecordLog` of `processors/ports.py`. A thread of its own serves delivery reports; use it as a context."""

    def __init__(self, producer: Producer, topic_prefix: str = "") -> None:
        self._producer = producer
        self._prefix = topic_prefix
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kafka-acknowledgements", daemon=True)

    @classmethod
    def connect(cls, settings: Settings, client_id: str) -> Self:
        """A log on a producer of its own, with the time-out of a webhook."""
        producer = kafka.producer(settings, client_id, delivery_timeout_ms=ACKNOWLEDGE_MS, linger_ms=1)
        return cls(producer, settings.topic_prefix)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._producer.flush(FLUSH_SECONDS)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Append and wait for the broker. Raises BrokerUnreachable, or RecordTooLarge."""
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[None] = loop.create_future()

        def settle(error: KafkaError | None) -> None:
            if acknowledged.cancelled():
                return
            if error is None:
                acknowledged.set_result(None)
            else:
                acknowledged.set_exception(_named(error))

        def delivered(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(settle, error)

        try:
            self._producer.produce(
                self._prefix + topic, key=key.encode(), value=value, headers=list(headers), on_delivery=delivered
            )
        except BufferError:
            raise BrokerUnreachable from None
        except KafkaException as error:
            raise _named(error.args[0]) from None
        await acknowledged


def _named(error: KafkaError) -> NamedError:
    if error.code() in _TOO_LARGE:
        return RecordTooLarge()
    return BrokerUnreachable(f"{BrokerUnreachable.__doc__} ({error.str()})")


class KafkaCommandSender:
    """The `CommandSender` of `processors/ports.py`: the command's type names its intake topic."""

    def __init__(self, log: KafkaRecordLog, codec: Codec) -> None:
        self._log = log
        self._codec = codec
        self._topics: dict[type[Declared], str] = {
            declared: topic
            for topic, declareds in RECORDS_BY_TOPIC.items()
            for declared in declareds
            if topic.endswith(".intake.v1") and issubclass(declared, Command)
        }

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        """Encode and append; returns when the broker has it."""
        topic = self._topics.get(type(command))
        if topic is None:
            raise NotACommand(f"{type(command).__name__}: {NotACommand.__doc__}")
        await self._log.append(topic, envelope.key, self._codec.encode(command), envelope.to_headers())
