"""Webhooks as they came: sealed whole, stored on Kafka before anybody parses them.

A mapping bug is mended and the topic read again. Body and HTTP headers are sealed together under the daily
key, which ends with the topic's 30 days; in the clear stand only the sender's kind, name and event id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from events.decoding import from_msgpack
from events.envelope import Headers
from processors.ports import ConsumedRecord, NamedError, Vault

RAW_TOPIC = "pod.inbound.raw.v1"
RAW_PURPOSE = "raw"
#: HTTP headers that say who may do something; they are checked at the door and never kept.
_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


class RawUnreadable(NamedError):
    """The record is not a raw delivery of ours. Look who else writes to pod.inbound.raw.v1."""


class RawDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook delivery. `kind` is shopify, partner or carrier; `name` the store, partner or carrier."""

    kind: str
    name: str
    tenant: str = ""
    event_id: str
    #: HTTP headers with names in lower case.
    headers: Mapping[str, str]
    body: bytes
    #: Epoch milliseconds.
    received_at: int

    @property
    def source(self) -> str:
        """Kind and name, such as `shopify/demo-shopify`: the record's key, and what the seal is bound to."""
        return f"{self.kind}/{self.name}"


def without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    """HTTP headers as they may be kept: names in lower case, credentials left out."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _CREDENTIAL_HEADERS}


def pack(vault: Vault, delivery: RawDelivery) -> tuple[bytes, Headers]:
    """Value and headers of the delivery's record. May block on the vault."""
    sealed = vault.seal_daily(RAW_PURPOSE, delivery.source, msgspec.msgpack.encode(delivery))
    # Event ids come from outside; a digest keeps the header short and free of surprises.
    event = hashlib.sha256(f"{delivery.source}|{delivery.event_id}".encode()).hexdigest()[:32]
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.encode()),
        ("ce_type", b"pod.inbound.raw"),
        ("ce_source", delivery.source.encode()),
        ("ce_time", str(delivery.received_at).encode()),
        ("tenant", delivery.tenant.encode()),
    ]
    return sealed, headers


def unpack(vault: Vault, record: ConsumedRecord) -> RawDelivery:
    """Open a record that `pack` made. RawUnreadable, or the vault's errors. May block."""
    source = dict(record.headers).get("ce_source")
    if source is None or record.value is None:
        raise RawUnreadable
    opened = vault.open_daily(RAW_PURPOSE, source.decode(errors="replace"), record.value)
    try:
        return from_msgpack(opened, RawDelivery)
    except msgspec.MsgspecError as error:
        raise RawUnreadable(f"{RawUnreadable.__doc__} ({error})") from None
