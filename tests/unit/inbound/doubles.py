"""Hand-written stand-ins for the collaborators that the inbound processors get: small, in memory, no magic."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from events.declare import Declared
from events.envelope import CommandEnvelope
from events.order.values import LineArtwork
from infra import seals
from processors.ports import (
    ConsumedRecord,
    KeyDestroyed,
    SealBroken,
    Sealed,
    StoreConnection,
)
from projections.rows import Effect

ARTWORK = LineArtwork(variant_id="mug-11oz-white", template_id="mug-11oz", template_version=1)


class MemoryVault:
    """Seals for real (one key for all), and remembers who was erased."""

    def __init__(self) -> None:
        self.key = bytes(range(32))
        self.key_id = UUID(int=1)
        self.erased: set[tuple[str, str]] = set()
        self.persons: dict[tuple[str, str], list[str]] = {}

    def _check(self, tenant: str, order_id: str) -> None:
        if (tenant, order_id) in self.erased:
            raise KeyDestroyed

    def seal(self, tenant: str, order_id: str, field: str, plaintext: bytes) -> bytes:
        self._check(tenant, order_id)
        return seals.seal_field(self.key, self.key_id, seals.bound_to(tenant, order_id, field), plaintext)

    def open(self, tenant: str, order_id: str, field: str, sealed: bytes) -> bytes:
        self._check(tenant, order_id)
        return seals.open_field(self.key, seals.bound_to(tenant, order_id, field), sealed)

    def open_many(self, items: Sequence[Sealed]) -> list[bytes | None]:
        return [
            None
            if (item.tenant, item.order_id) in self.erased
            else self.open(item.tenant, item.order_id, item.field, item.sealed)
            for item in items
        ]

    def seal_object(self, tenant: str, order_id: str, object_key: str, plaintext: bytes) -> bytes:
        self._check(tenant, order_id)
        return seals.seal_object(self.key, self.key_id, seals.bound_to(tenant, order_id, object_key), plaintext)

    def open_object(self, tenant: str, order_id: str, object_key: str, sealed: bytes) -> bytes:
        return b"".join(self.stream_object(tenant, order_id, object_key, iter([sealed])))

    def stream_object(self, tenant: str, order_id: str, object_key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self._check(tenant, order_id)
        header, body = seals.split_header(chunks)
        return seals.open_object_stream(self.key, seals.bound_to(tenant, order_id, object_key), header, body)

    def object_bytes(self, sealed_bytes: int) -> int:
        return seals.object_plaintext_bytes(sealed_bytes)

    def digest(self, tenant: str, purpose: str, content: bytes) -> str:
        return hmac.new(self.key, seals.bound_to(tenant, purpose) + content, hashlib.sha256).hexdigest()

    def link_person(self, tenant: str, order_id: str, email: str) -> str:
        self.persons.setdefault((tenant, email.casefold()), []).append(order_id)
        return self.digest(tenant, "person", email.encode())

    def orders_of_person(self, tenant: str, email: str) -> list[str]:
        return self.persons.get((tenant, email.casefold()), [])

    def seal_daily(self, purpose: str, source: str, plaintext: bytes) -> bytes:
        return seals.seal_field(self.key, self.key_id, seals.bound_to("daily", purpose, source), plaintext)

    def open_daily(self, purpose: str, source: str, sealed: bytes) -> bytes:
        return seals.open_field(self.key, seals.bound_to("daily", purpose, source), sealed)

    def erase(self, tenant: str, order_id: str) -> None:
        self.erased.add((tenant, order_id))

    def is_erased(self, tenant: str, order_id: str) -> bool:
        return (tenant, order_id) in self.erased


class Stores:
    """Store connections by name."""

    def __init__(self, *connections: StoreConnection) -> None:
        self.by_name = {connection.store: connection for connection in connections}

    def find(self, store: str) -> StoreConnection | None:
        return self.by_name.get(store)


def connection(store: str = "demo-shopify", tenant: str = "demo", **options: Any) -> StoreConnection:
    """A store connection with these options."""
    return StoreConnection(store=store, tenant=tenant, platform="shopify", secret=b"shopify secret", options=options)


class MemorySkuMap:
    """SKUs that mean a white mug."""

    def __init__(self, *skus: str) -> None:
        self.skus = set(skus)

    def artwork_of(self, tenant: str, store: str, skus: Sequence[str]) -> Mapping[str, LineArtwork]:
        return {sku: ARTWORK for sku in skus if sku in self.skus}


class MemoryEffects:
    """Effects that are known so far."""

    def __init__(self, *effects: Effect) -> None:
        self.known = {effect.effect_key: effect for effect in effects}
        self.tracked: dict[str, Effect] = {}

    def by_key(self, effect_key: str) -> Effect | None:
        return self.known.get(effect_key)

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        return self.tracked.get(carrier_reference) or self.tracked.get(tracking_number)


class NewestOrders:
    """The newest order of each store of a tenant."""

    def __init__(self) -> None:
        self.newest: dict[tuple[str, str], str] = {}

    def newest_of_store(self, tenant: str, store: str) -> str | None:
        return self.newest.get((tenant, store))


class SentCommands:
    """Commands in the order in which they were sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Declared, CommandEnvelope]] = []

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        self.sent.append((command, envelope))


class MemoryLog:
    """Records in the order in which they were appended."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes, dict[str, bytes]]] = []

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        self.records.append((topic, key, value, dict(headers)))


class MemoryParking:
    """Parked records with their next try."""

    def __init__(self) -> None:
        self.parked: dict[tuple[str, int, int], tuple[ConsumedRecord, int, int]] = {}
        self.now = 0

    def park(self, record: ConsumedRecord, reason: str, next_try_at: int) -> None:
        place = (record.topic, record.partition, record.offset)
        _, parked_at, _ = self.parked.get(place, (record, self.now, 0))
        self.parked[place] = (record, parked_at, next_try_at)

    def due(self, now: int, count_max: int) -> list[tuple[ConsumedRecord, int]]:
        return [(record, at) for record, at, next_try in self.parked.values() if next_try <= now][:count_max]

    def release(self, record: ConsumedRecord) -> None:
        self.parked.pop((record.topic, record.partition, record.offset), None)


__all__ = [
    "ARTWORK",
    "MemoryEffects",
    "MemoryLog",
    "MemoryParking",
    "MemorySkuMap",
    "MemoryVault",
    "NewestOrders",
    "SealBroken",
    "SentCommands",
    "Stores",
    "connection",
]
