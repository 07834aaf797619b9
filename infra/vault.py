"""The vault: personal data and buyers' pictures under one key an order, raw input under one key a day.

Data keys lie in PostgreSQL wrapped (AES-256-GCM) by a key-encryption key that comes from the settings
and is never in the database. Every seal is bound to tenant, order and field, so that sealed bytes moved
elsewhere do not open. Erasing an order destroys its key; other processes hold an unwrapped key for at
most `cache_seconds` longer.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra import seals
from infra.vault_keys import KeyTables, WrappedKey
from processors.ports import KeyDestroyed, KeyMissing, NamedError, Sealed, VaultError

#: Unwrapped keys kept in memory, and for how long: an erasure elsewhere takes effect after that.
CACHE_KEYS_MAX = 10_000
CACHE_SECONDS = 60.0
#: Days that raw input, exchanges with partners (30) and dead letters (90) are kept; their keys end one day after.
DAILY_KEY_DAYS: Mapping[str, int] = {"raw": 31, "outbound": 31, "dlq": 91}


class BadKeyEncryptionKey(VaultError):
    """The key-encryption key is not 32 bytes. Give KEY_ENCRYPTION_KEY as base64 of 32 random bytes."""


class WrongKeyEncryptionKey(VaultError):
    """A data key was wrapped by another key-encryption key. Start with the settings that it was made with."""


class UnknownDailyPurpose(NamedError):
    """Only the purposes of DAILY_KEY_DAYS have daily keys. Add the purpose there with its days."""


class _KeyCache:
    """Unwrapped keys, least recently used out first, none older than `seconds`. Safe for threads."""

    def __init__(self, keys_max: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._entries: OrderedDict[tuple[str, ...], tuple[float, UUID, bytes]] = OrderedDict()
        self._keys_max = keys_max
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def get(self, name: tuple[str, ...]) -> tuple[UUID, bytes] | None:
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                return None
            expires_at, key_id, key = entry
            if self._monotonic() >= expires_at:
                del self._entries[name]
                return None
            self._entries.move_to_end(name)
            return key_id, key

    def put(self, name: tuple[str, ...], key_id: UUID, key: bytes) -> None:
        with self._lock:
            self._entries[name] = (self._monotonic() + self._seconds, key_id, key)
            self._entries.move_to_end(name)
            while len(self._entries) > self._keys_max:
                self._entries.popitem(last=False)

    def drop(self, name: tuple[str, ...]) -> None:
        with self._lock:
            self._entries.pop(name, None)

    def __len__(self) -> int:
        return len(self._entries)


class KeyWrapper:
    """Wraps data keys under the current key-encryption key; unwraps under older ones too."""

    def __init__(self, current: bytes, older: Sequence[bytes] = ()) -> None:
        for key in (current, *older):
            if len(key) != seals.KEY_BYTES:
                raise BadKeyEncryptionKey
        self._by_id = {self._id_of(key): key for key in (*older, current)}
        self._current_id = self._id_of(current)

    @staticmethod
    def _id_of(key: bytes) -> str:
        return hmac.new(key, b"printledger kek id", hashlib.sha256).hexdigest()[:16]

    def wrap(self, key_id: UUID, aad: bytes, key: bytes) -> WrappedKey:
        """Encrypt a data key for the key table."""
        kek = self._by_id[self._current_id]
        return WrappedKey(key_id, self._current_id, seals.seal_field(kek, key_id, aad, key))

    def unwrap(self, aad: bytes, stored: WrappedKey) -> bytes:
        """Decrypt a data key. KeyDestroyed, or WrongKeyEncryptionKey."""
        if stored.wrapped is None:
            raise KeyDestroyed
        kek = self._by_id.get(stored.kek_id)
        if kek is None:
            raise WrongKeyEncryptionKey
        return seals.open_field(kek, aad, stored.wrapped)

    def wrap_secret(self, name: str, secret: bytes) -> bytes:
        """Seal a connection's secret (a webhook secret) for a table; `name` is bound to it."""
        kek_id = self._current_id.encode()
        nonce = secrets.token_bytes(seals.NONCE_BYTES)
        aad = seals.bound_to("secret", name)
        return kek_id + nonce + AESGCM(self._by_id[self._current_id]).encrypt(nonce, secret, aad)

    def unwrap_secret(self, name: str, sealed: bytes) -> bytes:
        """Open what `wrap_secret` made. WrongKeyEncryptionKey when it does not open."""
        kek = self._by_id.get(sealed[:16].decode(errors="replace"))
        if kek is None:
            raise WrongKeyEncryptionKey
        try:
            return AESGCM(kek).decrypt(sealed[16:28], sealed[28:], seals.bound_to("secret", name))
        except (InvalidTag, ValueError):
            raise WrongKeyEncryptionKey from None


class PostgresVault:
    """The `Vault` of `processors/ports.py` over the key tables. Blocking; safe for threads."""

    def __init__(
        self,
        tables: KeyTables,
        wrapper: KeyWrapper,
        digest_key: bytes,
        *,
        now_ms: Callable[[], int],
        cache_keys_max: int = CACHE_KEYS_MAX,
        cache_seconds: float = CACHE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`digest_key` has 32 bytes; `now_ms` gives epoch milliseconds for the daily keys."""
        self._tables = tables
        self._wrapper = wrapper
        self._digest_key = digest_key
        self._now_ms = now_ms
        self._cache = _KeyCache(cache_keys_max, cache_seconds, monotonic)

    def seal(self, tenant: str, order_id: str, field: str, plaintext: bytes) -> bytes:
        """Seal one field; makes the order's key when there is none."""
        key_id, key = self._key_to_seal(tenant, order_id)
        return seals.seal_field(key, key_id, seals.bound_to(tenant, order_id, field), plaintext)

    def open(self, tenant: str, order_id: str, field: str, sealed: bytes) -> bytes:
        """Open one field."""
        key = self._key_to_open(tenant, order_id, seals.key_id_of(sealed))
        return seals.open_field(key, seals.bound_to(tenant, order_id, field), sealed)

    def open_many(self, items: Sequence[Sealed]) -> list[bytes | None]:
        """Open a batch: keys that are not in memory come in one query a tenant."""
        missing: dict[str, set[str]] = {}
        for item in items:
            if self._cache.get((item.tenant, item.order_id)) is None:
                missing.setdefault(item.tenant, set()).add(item.order_id)
        fetched: dict[tuple[str, str], WrappedKey] = {}
        for tenant, order_ids in missing.items():
            for order_id, stored in self._tables.order_keys(tenant, sorted(order_ids)).items():
                fetched[tenant, order_id] = stored
        return [self._open_fetched(item, fetched) for item in items]

    def _open_fetched(self, item: Sealed, fetched: Mapping[tuple[str, str], WrappedKey]) -> bytes | None:
        stored = fetched.get((item.tenant, item.order_id))
        try:
            if stored is not None:
                self._remember(item.tenant, item.order_id, stored)
            return self.open(item.tenant, item.order_id, item.field, item.sealed)
        except KeyDestroyed:
            return None

    def seal_object(self, tenant: str, order_id: str, object_key: str, plaintext: bytes) -> bytes:
        """Seal a file in segments, bound to its object key."""
        key_id, key = self._key_to_seal(tenant, order_id)
        return seals.seal_object(key, key_id, seals.bound_to(tenant, order_id, object_key), plaintext)

    def open_object(self, tenant: str, order_id: str, object_key: str, sealed: bytes) -> bytes:
        """Open a whole file."""
        return b"".join(self.stream_object(tenant, order_id, object_key, iter([sealed])))

    def stream_object(self, tenant: str, order_id: str, object_key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Open a file while it is read. The key is fetched before the first piece is asked for."""
        header, body = seals.split_header(chunks)
        key = self._key_to_open(tenant, order_id, seals.key_id_of(header))
        return seals.open_object_stream(key, seals.bound_to(tenant, order_id, object_key), header, body)

    def object_bytes(self, sealed_bytes: int) -> int:
        """The size of the file inside a sealed object of this size."""
        return seals.object_plaintext_bytes(sealed_bytes)

    def digest(self, tenant: str, purpose: str, content: bytes) -> str:
        """HMAC-SHA256 under a key for this tenant and purpose alone; 64 hex digits."""
        key = hmac.digest(self._digest_key, seals.bound_to("digest", tenant, purpose), "sha256")
        return hmac.new(key, content, hashlib.sha256).hexdigest()

    def link_person(self, tenant: str, order_id: str, email: str) -> str:
        """Put the order under its buyer; makes the order's key when there is none."""
        person_index = self._person_index(tenant, email)
        self._key_to_seal(tenant, order_id)
        self._tables.set_person(tenant, order_id, person_index)
        return person_index

    def orders_of_person(self, tenant: str, email: str) -> list[str]:
        """The person's order ids, oldest first."""
        return self._tables.orders_of_person(tenant, self._person_index(tenant, email))

    def _person_index(self, tenant: str, email: str) -> str:
        # Dots and plus signs mean different mailboxes at some providers, so they stay.
        normalised = unicodedata.normalize("NFKC", email).strip().casefold()
        return self.digest(tenant, "person", normalised.encode())

    def seal_daily(self, purpose: str, source: str, plaintext: bytes) -> bytes:
        """Seal raw input under today's key (UTC day)."""
        day = datetime.fromtimestamp(self._now_ms() / 1000, UTC).date()
        key_id, key = self._daily_key(purpose, day)
        return seals.seal_field(key, key_id, seals.bound_to("daily", purpose, source), plaintext)

    def open_daily(self, purpose: str, source: str, sealed: bytes) -> bytes:
        """Open raw input of any day whose key has not ended."""
        key_id = seals.key_id_of(sealed)
        cached = self._cache.get(("daily", purpose, str(key_id)))
        if cached is None:
            stored = self._tables.daily_key_by_id(key_id)
            if stored is None:
                raise KeyMissing
            key = self._wrapper.unwrap(seals.bound_to("daily", purpose), stored)
            self._cache.put(("daily", purpose, str(key_id)), key_id, key)
        else:
            key = cached[1]
        return seals.open_field(key, seals.bound_to("daily", purpose, source), sealed)

    def end_daily_keys(self) -> int:
        """Destroy the daily keys whose records have ended; returns how many."""
        today = datetime.fromtimestamp(self._now_ms() / 1000, UTC).date()
        return sum(
            self._tables.destroy_daily_keys(purpose, today - timedelta(days=days))
            for purpose, days in DAILY_KEY_DAYS.items()
        )

    def erase(self, tenant: str, order_id: str) -> None:
        """Destroy the order's key; idempotent, also for an order that never had one."""
        self._tables.destroy_order_key(tenant, order_id)
        self._cache.drop((tenant, order_id))

    def is_erased(self, tenant: str, order_id: str) -> bool:
        """Whether the order is on the erased list."""
        return self._tables.is_erased(tenant, order_id)

    def _key_to_seal(self, tenant: str, order_id: str) -> tuple[UUID, bytes]:
        cached = self._cache.get((tenant, order_id))
        if cached is not None:
            return cached
        # A key is offered each time and kept only when the order has none: one round trip for new orders.
        aad = seals.bound_to("order key", tenant, order_id)
        offered = self._wrapper.wrap(uuid4(), aad, secrets.token_bytes(seals.KEY_BYTES))
        stored = self._tables.add_order_key(tenant, order_id, offered)
        return stored.key_id, self._remember(tenant, order_id, stored)

    def _key_to_open(self, tenant: str, order_id: str, key_id: UUID) -> bytes:
        cached = self._cache.get((tenant, order_id))
        if cached is None:
            stored = self._tables.order_keys(tenant, [order_id]).get(order_id)
            if stored is None:
                # A restored key table may lack the row of an erased order; the erased list outlives it.
                raise KeyDestroyed if self._tables.is_erased(tenant, order_id) else KeyMissing
            cached = stored.key_id, self._remember(tenant, order_id, stored)
        if cached[0] != key_id:
            raise KeyMissing
        return cached[1]

    def _remember(self, tenant: str, order_id: str, stored: WrappedKey) -> bytes:
        key = self._wrapper.unwrap(seals.bound_to("order key", tenant, order_id), stored)
        self._cache.put((tenant, order_id), stored.key_id, key)
        return key

    def _daily_key(self, purpose: str, day: date) -> tuple[UUID, bytes]:
        if purpose not in DAILY_KEY_DAYS:
            raise UnknownDailyPurpose
        name = ("daily", purpose, day.isoformat())
        cached = self._cache.get(name)
        if cached is not None:
            return cached
        aad = seals.bound_to("daily", purpose)
        fresh = self._wrapper.wrap(uuid4(), aad, secrets.token_bytes(seals.KEY_BYTES))
        stored = self._tables.daily_key(purpose, day, fresh)
        key = self._wrapper.unwrap(aad, stored)
        self._cache.put(name, stored.key_id, key)
        return stored.key_id, key
