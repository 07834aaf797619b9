"""Dead letters of the ledger: what could not be read, byte for byte, with the reason in Kafka Connect's headers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

from confluent_kafka import Message

from processors.dead_letters import ERRORS_PREFIX, SEALED_HEADER
from processors.ledger.records import Outgoing

MESSAGE_CHARACTERS_MAX = 1_000
STACKTRACE_CHARACTERS_MAX = 8_000

Sealer: TypeAlias = Callable[[str, bytes], bytes]
"""Seals the bytes that go onto a dead-letter topic: they may hold personal data, and the topic is kept for long."""


class DeadLetters:
    """Makes the dead letters of one process."""

    def __init__(self, topic: str, seal: Sealer, processor: str) -> None:
        """`topic` is where they go, `processor` who could not read the record."""
        self.topic = topic
        self._seal = seal
        self._processor = processor

    def letter(self, message: Message, error: Exception) -> Outgoing:
        """The dead letter of a record. Key and headers stay as they were; the value is sealed."""
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        reasons = {
            "topic": topic,
            "partition": str(partition),
            "offset": str(offset),
            "connector.name": self._processor,
            "task.id": str(partition),
            "stage": "VALUE_CONVERTER",
            "class.name": self._processor,
            "exception.class.name": type(error).__name__,
            "exception.message": str(error)[:MESSAGE_CHARACTERS_MAX],
            "exception.stacktrace": "".join(traceback.format_exception(error))[-STACKTRACE_CHARACTERS_MAX:],
            "attempt": "1",
        }
        key: Any = message.key()
        value: Any = message.value()
        sealed = None if value is None else self._seal(self.topic, value)
        original: Any = message.headers() or []
        headers = [
            *original,
            *((ERRORS_PREFIX + name, text.encode(errors="replace")) for name, text in reasons.items()),
            (SEALED_HEADER, b"" if sealed is None else self.topic.encode()),
        ]
        names, contents = zip(*headers, strict=True)
        return (key, sealed, names, contents)
