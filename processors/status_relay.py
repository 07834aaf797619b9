"""Gives each tenant its own status topic: `pod.orders.status.v1` onto `stores.<tenant>.status.v1`, record by record.

Bytes are copied as they are. A snapshot that is relayed twice after a crash replaces itself. An order's snapshots stay
in their order: one key stays on one partition of the source and is appended in the order in which it is read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from events.codec import Codec, Undecodable
from events.documents import OrderStatus
from processors.inbound.dead_letters import DeadLetters
from processors.ports import ConsumedRecord, RecordLog

log = structlog.get_logger(__name__)

SOURCE_TOPIC = "pod.orders.status.v1"


def status_topic_of(tenant: str) -> str:
    """The compacted topic that this tenant's downstream systems read."""
    return f"stores.{tenant}.status.v1"


class NotAStatus(Undecodable):
    """The record on the status topic is not a status snapshot. Only the ledger writes there."""


@dataclass(frozen=True)
class StatusRelay:
    """Copies one snapshot at a time a key; `relay_all` keeps the order of each order's snapshots."""

    codec: Codec
    log: RecordLog
    dead_letters: DeadLetters

    async def relay_all(self, records: list[ConsumedRecord]) -> None:
        """Relay a batch: keys side by side, the snapshots of a key one after the other."""
        by_key: dict[bytes, list[ConsumedRecord]] = {}
        for record in records:
            by_key.setdefault(record.key or b"", []).append(record)
        await asyncio.gather(*(self._relay_in_order(of_key) for of_key in by_key.values()))

    async def _relay_in_order(self, records: list[ConsumedRecord]) -> None:
        for record in records:
            try:
                status = self.codec.decode(record.value)
                if not isinstance(status, OrderStatus):
                    raise NotAStatus(NotAStatus.__doc__)
            except Undecodable as error:
                await self.dead_letters.bury(record, error, sealed_already=False)
                continue
            await self.log.append(
                status_topic_of(status.tenant), status.order_id, record.value or b"", list(record.headers)
            )
