"""Dead letters of the ledger: what could not be read, byte for byte, with the reason in Kafka Connect's headers.

A record that is too large for its letter is kept without its value: a letter that the broker refused would have its
whole transaction refused, and that of every next try.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

from confluent_kafka import Message

from processors.dead_letters import ERRORS_PREFIX, SEALED_HEADER, Letter, forms_of_letter
from processors.ledger.records import Outgoing
from processors.record_headers import headers_if_readable

MESSAGE_CHARACTERS_MAX = 1_000
STACKTRACE_CHARACTERS_MAX = 8_000
#: What Kafka's format adds to a record, and to each of its headers, at most.
RECORD_OVERHEAD_BYTES, HEADER_OVERHEAD_BYTES = 128, 10

Sealer: TypeAlias = Callable[[str, bytes], bytes]
"""Seals the bytes that go onto a dead-letter topic: they may hold personal data, and the topic is kept for long."""


class DeadLetters:
    """Makes the dead letters of one process."""

    def __init__(self, topic: str, seal: Sealer, processor: str, *, letter_bytes_max: int) -> None:
        """`topic` is where they go and takes letters of so many bytes, `processor` who could not read the record."""
        self.topic = topic
        self._seal = seal
        self._processor = processor
        self._letter_bytes_max = letter_bytes_max

    def letter(self, message: Message, error: Exception) -> Outgoing:
        """The dead letter of a record, as much of it as its topic takes. The value is sealed, all else as it was."""
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
        original = headers_if_readable(message)
        why = [
            *((ERRORS_PREFIX + name, text.encode(errors="replace")) for name, text in reasons.items()),
            (SEALED_HEADER, b"" if sealed is None else self.topic.encode()),
        ]
        forms = forms_of_letter(key, sealed, original, why, len(value or b""))
        kept_key, kept_value, headers = next(form for form in forms if self._fits(form))
        names, contents = zip(*headers, strict=True)
        return (kept_key, kept_value, names, contents)

    def _fits(self, letter: Letter) -> bool:
        key, value, headers = letter
        contents = sum(len(name.encode()) + len(content or b"") + HEADER_OVERHEAD_BYTES for name, content in headers)
        return RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"") + contents <= self._letter_bytes_max
