"""Records that can never be used: kept byte for byte on `dlq.<topic>`, with headers that say why.

A record that is too large for its letter is kept without its value, which is said there too.
"""

from __future__ import annotations

import asyncio

import structlog

from processors.dead_letters import DEAD_LETTER_PURPOSE, ERRORS_PREFIX, SEALED_HEADER, forms_of_letter
from processors.ports import ConsumedRecord, RecordLog, RecordTooLarge, Vault

log = structlog.get_logger(__name__)

_MESSAGE_CHARACTERS_MAX = 1_000


class DeadLetters:
    """Buries a record and returns when the broker has it, so that its offset may be committed."""

    def __init__(self, log: RecordLog, vault: Vault, stage: str) -> None:
        """`stage` names the processor, for the headers."""
        self._log = log
        self._vault = vault
        self._stage = stage

    async def bury(self, record: ConsumedRecord, error: Exception, *, sealed_already: bool) -> None:
        """Append the record to its dead-letter topic. Bytes that may be personal are sealed first."""
        topic = f"dlq.{record.topic}"
        value = record.value or b""
        if not sealed_already:
            value = await asyncio.to_thread(self._vault.seal_daily, DEAD_LETTER_PURPOSE, topic, value)
        message = str(error)[:_MESSAGE_CHARACTERS_MAX]
        reasons = {
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "stage": self._stage,
            "exception.class.name": type(error).__name__,
            "exception.message": message,
        }
        why = [
            *((f"{ERRORS_PREFIX}{name}", text.encode(errors="replace")) for name, text in reasons.items()),
            (SEALED_HEADER, b"" if sealed_already else topic.encode()),
        ]
        for key, kept, headers in forms_of_letter(record.key, value, record.headers, why, len(record.value or b"")):
            pairs = [(name, content or b"") for name, content in headers]
            try:
                await self._log.append(topic, (key or b"").decode(errors="replace"), kept or b"", pairs)
                return
            except RecordTooLarge:
                log.warning("inbound.letter_too_large", topic=topic, offset=record.offset)
        raise RecordTooLarge
