"""What the processors and the API need from the outside, as small protocols.

`infra` implements them and `infra/bootstrap.py` hands them over; nothing in this layer imports an
implementation. The errors that callers must be able to tell apart are declared here too.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec


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

    def stream_object(
        self, tenant: str, order_id: str, object_key: str, chunks: Iterator[bytes]
    ) -> Iterator[bytes]:
        """Open a file piece by piece while it is read; memory stays at a few segments."""
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

    async def append(
        self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Raises BrokerUnreachable after the time-out of the settings."""
        ...


class BrokerUnreachable(NamedError):
    """Kafka did not confirm the record in time. Nothing was accepted: send it again in a moment."""


class CommandSender(Protocol):
    """Puts a command onto its intake topic and returns when the broker has it."""

    async def send(
        self,
        command: Any,
        *,
        tenant: str,
        order_id: str,
        command_id: str,
        actor: str,
        causation_id: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Encode, key by `order_id` and append. Raises BrokerUnreachable, or TooLarge for the topic."""
        ...
