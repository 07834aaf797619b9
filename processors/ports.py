"""What the processors and the API need from the outside, as small protocols.

`infra` implements them and `infra/bootstrap.py` hands them over; nothing in this layer imports an
implementation. The errors that callers must be able to tell apart are declared here too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from events.declare import Declared
from events.envelope import CommandEnvelope
from events.order.values import LineArtwork
from projections.rows import Effect

CrashPoint: TypeAlias = Callable[[str], None]
"""Called between every two steps with the name of the step that is done; a test ends the process there."""


def no_crash(_point: str) -> None:
    """The crash point of everyday life: nothing happens."""


class NamedError(Exception):
    """Something went wrong that has a name; the subclass says what to do about it."""

    def __init__(self, message: str | None = None) -> None:
        """Take `message`, or else the docstring of the class, which is its default message."""
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or type(self).__name__))

    @property
    def reason(self) -> str:
        """The stable word for this error in records, logs and answers: its class name in snake case."""
        name = type(self).__name__
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class VaultError(NamedError):
    """Sealed bytes could not be sealed or opened."""


class KeyDestroyed(VaultError):
    """The order's personal data was erased: its key is gone, and nothing of it can be opened or added."""


class KeyMissing(VaultError):
    """No key is known for these sealed bytes. Look whether the key table was restored completely."""


class SealBroken(VaultError):
    """The sealed bytes do not belong to this tenant, order and field, or were changed. Do not use them."""


class UnknownSealFormat(VaultError):
    """The sealed bytes have a format version that this release cannot read. Upgrade, then try again."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """One value to open in a batch: sealed bytes and what they are bound to."""

    tenant: str
    order_id: str
    field: str
    sealed: bytes


class Vault(Protocol):
    """Seals personal data under one key an order. All calls may block on the database: use a thread."""

    def seal(self, tenant: str, order_id: str, field: str, plaintext: bytes) -> bytes:
        """Seal one field; makes the order's key when there is none. KeyDestroyed after an erasure."""
        ...

    def open(self, tenant: str, order_id: str, field: str, sealed: bytes) -> bytes:
        """Open what `seal` made, with the same tenant, order and field."""
        ...

    def open_many(self, items: Sequence[Sealed]) -> list[bytes | None]:
        """Open a batch with one query a tenant; None stands where the order's key was destroyed."""
        ...

    def seal_object(self, tenant: str, order_id: str, object_key: str, plaintext: bytes) -> bytes:
        """Seal a file of the order for the object store, bound to its object key, in segments."""
        ...

    def open_object(self, tenant: str, order_id: str, object_key: str, sealed: bytes) -> bytes:
        """Open a whole file that `seal_object` made."""
        ...

    def stream_object(self, tenant: str, order_id: str, object_key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Open a file piece by piece while it is read; memory stays at a few segments."""
        ...

    def object_bytes(self, sealed_bytes: int) -> int:
        """The size of the file inside a sealed object of this size."""
        ...

    def digest(self, tenant: str, purpose: str, content: bytes) -> str:
        """Keyed digest (HMAC-SHA256, 64 hex digits) to compare buyer content without showing it."""
        ...

    def link_person(self, tenant: str, order_id: str, email: str) -> str:
        """Put the order under its buyer in the person index; returns the index value."""
        ...

    def orders_of_person(self, tenant: str, email: str) -> list[str]:
        """The order ids of the person with this e-mail address, oldest first."""
        ...

    def seal_daily(self, purpose: str, source: str, plaintext: bytes) -> bytes:
        """Seal raw input under today's key of `purpose` (`raw`, `dlq`), bound to its source."""
        ...

    def open_daily(self, purpose: str, source: str, sealed: bytes) -> bytes:
        """Open what `seal_daily` made. KeyDestroyed when that day's key has ended."""
        ...

    def erase(self, tenant: str, order_id: str) -> None:
        """Destroy the order's key for good and remember the order as erased."""
        ...

    def is_erased(self, tenant: str, order_id: str) -> bool:
        """Whether the order was erased: a replay of raw input must not bring it back."""
        ...


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the object store says of one object: its size in bytes as stored, and its metadata."""

    key: str
    size_bytes: int
    media_type: str
    version_id: str | None
    metadata: Mapping[str, str]


class ObjectMissing(NamedError):
    """The object store has no object under this key. It was never written, or it was erased."""


class ObjectStore(Protocol):
    """The S3 bucket. Keys are as `ARCHITECTURE.md` lists them; all calls block."""

    def put(self, key: str, content: bytes, media_type: str, metadata: Mapping[str, str]) -> StoredObject:
        """Write `content` under `key` once; when the key exists already, its object is kept and returned."""
        ...

    def head(self, key: str) -> StoredObject:
        """Describe the object, or raise ObjectMissing."""
        ...

    def get(self, key: str) -> bytes:
        """Read the whole object, or raise ObjectMissing."""
        ...

    def stream(self, key: str) -> tuple[StoredObject, Iterator[bytes]]:
        """Read the object piece by piece, or raise ObjectMissing."""
        ...


class RecordLog(Protocol):
    """Appends one record to a Kafka topic and returns when the broker has it."""

    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """`topic` without the prefix of the settings. Raises BrokerUnreachable, or RecordTooLarge."""
        ...


class BrokerUnreachable(NamedError):
    """Kafka did not confirm the record in time. Nothing was accepted: send it again in a moment."""


class RecordTooLarge(NamedError):
    """The record is larger than its topic takes. Send less at once; nothing of it was accepted."""


class CommandSender(Protocol):
    """Puts commands onto their stream's intake topic."""

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        """Encode, key by `envelope.key`, append; returns when the broker has it.

        Raises BrokerUnreachable or RecordTooLarge.
        """
        ...


class StoreConnection(msgspec.Struct, frozen=True, kw_only=True):
    """One store: whose it is, its platform (`shopify`, `kafka`, `rest` …) and how its orders are read."""

    store: str
    tenant: str
    platform: str
    secret: bytes | None
    options: Mapping[str, Any]


class StoreConnections(Protocol):
    """The stores that are connected. May block."""

    def find(self, store: str) -> StoreConnection | None:
        """The connection of this name, or None."""
        ...


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A caller that was recognised: whose key it is, and what it may do."""

    prefix: str
    tenant: str
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """Who acts, as facts name it."""
        return f"api-key:{self.prefix}"


class ApiKeys(Protocol):
    """API keys. May block."""

    def authenticate(self, presented: str) -> ApiKey | None:
        """Whose key this is; None for one that is unknown, wrong, expired or revoked."""
        ...


class KnownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came before under the same key; the answer is None while it has none yet."""

    request_digest: str
    status_code: int | None
    response: Any


class IdempotencyKeys(Protocol):
    """The first answer to each Idempotency-Key of a tenant. May block."""

    def begin(self, tenant: str, key: str, request_digest: str) -> KnownRequest | None:
        """Note the request; what is known of its key when this is not the first time."""
        ...

    def finish(self, tenant: str, key: str, status_code: int, response: dict[str, Any]) -> None:
        """Keep the first answer for good."""
        ...

    def forget(self, tenant: str, key: str) -> None:
        """Forget a request that was not accepted, so that a corrected one may use its key."""
        ...


class SkuMap(Protocol):
    """What stores' SKUs mean, as the catalogue says now. May block."""

    def artwork_of(self, tenant: str, store: str, skus: Sequence[str]) -> Mapping[str, LineArtwork]:
        """The mapped ones of these SKUs, in one query; unmapped ones are absent."""
        ...


class Effects(Protocol):
    """Finds what a partner's or carrier's report is about. May block."""

    def by_key(self, effect_key: str) -> Effect | None:
        """The effect with this key; None while the read model has not seen it."""
        ...

    def by_tracking(self, carrier: str, carrier_reference: str, tracking_number: str) -> Effect | None:
        """The label of the parcel that a carrier knows under its own reference, or else this tracking number."""
        ...


class StoreOrders(Protocol):
    """Finds a store's orders. May block."""

    def newest_of_store(self, tenant: str, store: str) -> str | None:
        """The id of the order that the store took last; None where it has none."""
        ...


class ConsumedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it was consumed; `timestamp_at` in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_at: int = 0


class ParkedRecords(Protocol):
    """Keeps input that cannot be used yet, until what it waits for is there. May block."""

    def park(self, record: ConsumedRecord, reason: str, next_try_at: int) -> None:
        """Keep the record; the same record parked again only moves its next try."""
        ...

    def due(self, now: int, count_max: int) -> list[tuple[ConsumedRecord, int]]:
        """Records whose next try has come, oldest first, each with when it was first parked."""
        ...

    def release(self, record: ConsumedRecord) -> None:
        """Forget a record that was used or dead-lettered."""
        ...
