"""Who may come in: API keys and store connections in PostgreSQL, and making them.

Both are looked up before the tenant is known. Row-level security opens exactly the one row that the caller
names (`app.api_key_prefix`, `app.store`), so the API's role never sees a list of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.vault import KeyWrapper
from processors.ports import ApiKey, NamedError, StoreConnection

KEY_FORMAT = re.compile(r"^pl_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$")
#: A revoked key or a changed connection takes effect everywhere after this.
CACHE_SECONDS = 5.0
CACHE_ENTRIES_MAX = 10_000
SCOPES = (
    "orders:read",
    "orders:write",
    "orders:cancel",
    "orders:approve",
    "orders:claims",
    "orders:personal",
    "operations:read",
)
#: How a store sends its orders: by Shopify's webhooks, by its topic, or by the API.
PLATFORMS = ("shopify", "kafka", "rest")

Pool = ConnectionPool[Connection[TupleRow]]


class UnknownScope(NamedError):
    """An API key can only have the scopes of infra.access.SCOPES."""


class UnknownPlatform(NamedError):
    """A store is connected by one of the platforms of infra.access.PLATFORMS."""


class StoreTaken(NamedError):
    """Another tenant has a store of this name. Choose another name for the connection."""


class _Cache:
    """Answers kept for CACHE_SECONDS, absent ones too, so that guessing names does not reach the database."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._entries: dict[str, tuple[float, Any]] = {}
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def get(self, name: str, load: Callable[[str], Any]) -> Any:
        now = self._monotonic()
        with self._lock:
            entry = self._entries.get(name)
        if entry is not None and entry[0] > now:
            return entry[1]
        value = load(name)
        with self._lock:
            if len(self._entries) >= CACHE_ENTRIES_MAX:
                self._entries.clear()
            self._entries[name] = (now + CACHE_SECONDS, value)
        return value

    def drop(self, name: str) -> None:
        with self._lock:
            self._entries.pop(name, None)


class PostgresApiKeys:
    """API keys by what the caller presents; keeps HMACs only."""

    def __init__(self, pool: Pool, pepper: bytes, *, now_ms: Callable[[], int]) -> None:
        self._pool = pool
        self._pepper = pepper
        self._now_ms = now_ms
        self._cache = _Cache(time.monotonic)

    def create(self, tenant: str, name: str, scopes: Sequence[str], *, expires_at: int | None = None) -> str:
        """Make a key and return it: the only time that it is seen. `expires_at` in epoch milliseconds."""
        if not set(scopes) <= set(SCOPES):
            raise UnknownScope(f"{sorted(set(scopes) - set(SCOPES))}: {UnknownScope.__doc__} ({', '.join(SCOPES)})")
        prefix = secrets.token_hex(6)
        presented = f"pl_{prefix}_{secrets.token_urlsafe(32)}"
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            connection.execute(
                "INSERT INTO api_keys (prefix, tenant, name, key_hmac, scopes, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, to_timestamp(%s / 1000.0))",
                [prefix, tenant, name, self._hmac(presented), list(scopes), expires_at],
            )
        return presented

    def revoke(self, tenant: str, prefix: str) -> bool:
        """End a key; other processes take note within CACHE_SECONDS."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            cursor = connection.execute(
                "UPDATE api_keys SET revoked_at = now() WHERE tenant = %s AND prefix = %s AND revoked_at IS NULL",
                [tenant, prefix],
            )
        self._cache.drop(prefix)
        return cursor.rowcount == 1

    def authenticate(self, presented: str) -> ApiKey | None:
        """Whose key this is, or None. The same work is done for a wrong secret as for an unknown key."""
        match = KEY_FORMAT.match(presented)
        prefix = match.group(1) if match else ""
        row = self._cache.get(prefix, self._load) if match else None
        key_hmac, tenant, name, scopes, expires_at = row or (bytes(32), "", "", [], None)
        genuine = hmac.compare_digest(key_hmac, self._hmac(presented))
        if row is None or not genuine or (expires_at is not None and expires_at <= self._now_ms()):
            return None
        return ApiKey(prefix=prefix, tenant=tenant, name=name, scopes=frozenset(scopes))

    def _load(self, prefix: str) -> TupleRow | None:
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.api_key_prefix', %s, true)", [prefix])
            return connection.execute(
                "SELECT key_hmac, tenant, name, scopes, (extract(epoch FROM expires_at) * 1000)::bigint"
                " FROM api_keys WHERE prefix = %s AND revoked_at IS NULL",
                [prefix],
            ).fetchone()

    def _hmac(self, presented: str) -> bytes:
        return hmac.new(self._pepper, presented.encode(), hashlib.sha256).digest()


class PostgresStores:
    """Store connections, their webhook secrets wrapped by the key-encryption key."""

    def __init__(self, pool: Pool, wrapper: KeyWrapper) -> None:
        self._pool = pool
        self._wrapper = wrapper
        self._cache = _Cache(time.monotonic)

    def put(
        self,
        tenant: str,
        store: str,
        platform: str,
        *,
        secret: bytes | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Connect a store, or change its connection; secret and options that are not given stay. StoreTaken."""
        if platform not in PLATFORMS:
            raise UnknownPlatform(f"{platform}: {UnknownPlatform.__doc__} ({', '.join(PLATFORMS)})")
        sealed = self._wrapper.wrap_secret(f"store:{store}", secret) if secret is not None else None
        with self._pool.connection() as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('app.tenant', %s, true), set_config('app.store', %s, true)", [tenant, store]
            )
            # The primary key stands over all tenants; without this look the conflict would be another's row.
            owner = connection.execute("SELECT tenant FROM store_connections WHERE store = %s", [store]).fetchone()
            if owner is not None and owner[0] != tenant:
                raise StoreTaken
            connection.execute(
                "INSERT INTO store_connections (store, tenant, platform, sealed_secret, options)"
                " VALUES (%(store)s, %(tenant)s, %(platform)s, %(sealed)s, coalesce(%(options)s::jsonb, '{}'))"
                " ON CONFLICT (store) DO UPDATE SET platform = excluded.platform,"
                " options = coalesce(%(options)s::jsonb, store_connections.options),"
                " sealed_secret = coalesce(excluded.sealed_secret, store_connections.sealed_secret),"
                " updated_at = now()",
                {
                    "store": store,
                    "tenant": tenant,
                    "platform": platform,
                    "sealed": sealed,
                    "options": json.dumps(dict(options)) if options is not None else None,
                },
            )
        self._cache.drop(store)

    def find(self, store: str) -> StoreConnection | None:
        """The connection of this name, whoever's it is."""
        found: StoreConnection | None = self._cache.get(store[:255], self._load)
        return found

    def _load(self, store: str) -> StoreConnection | None:
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SELECT set_config('app.store', %s, true)", [store])
            row = connection.execute(
                "SELECT tenant, platform, sealed_secret, options FROM store_connections WHERE store = %s", [store]
            ).fetchone()
        if row is None:
            return None
        tenant, platform, sealed, options = row
        secret = self._wrapper.unwrap_secret(f"store:{store}", sealed) if sealed is not None else None
        return StoreConnection(store=store, tenant=tenant, platform=platform, secret=secret, options=options)
