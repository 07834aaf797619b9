"""What travels beside a record: CloudEvents binary mode, W3C trace context and the ledger's own headers."""

import re
from typing import TypeAlias

import msgspec

Headers: TypeAlias = list[tuple[str, bytes]]
"""Kafka headers in the order in which they are written; the hash chain covers them in this order."""

SPEC_VERSION = b"1.0"


_TRACEPARENT = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACEPARENT_CHARACTERS = 55


def traceparent_of(header: str) -> str:
    """A sender's W3C trace context as our records carry it; empty where it is none: nothing depends on it.

    Of a later version of the format only what this one knows is kept.
    """
    known, further = header[:_TRACEPARENT_CHARACTERS], header[_TRACEPARENT_CHARACTERS:]
    return known if _TRACEPARENT.fullmatch(known) and further[:1] in ("", "-") else ""


class HeaderMissing(ValueError):
    """A header that every record of this topic carries is missing or is not what it should be."""


class CommandEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends which command to which stream, when, and because of what.

    `key` is the stream's key (an order id), `sent_at` epoch milliseconds, `actor` a role and an id without personal
    data, `causation_id` the fact or webhook that made the sender send it.
    """

    command_id: str
    key: str
    tenant: str
    command_type: str
    sent_at: int
    actor: str
    causation_id: str = ""
    correlation_id: str = ""
    traceparent: str = ""

    def to_headers(self) -> Headers:
        """The headers of the command's record."""
        return [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", self.command_id.encode()),
            ("ce_type", self.command_type.encode()),
            ("ce_source", self.actor.encode()),
            ("ce_subject", self.key.encode()),
            ("ce_time", str(self.sent_at).encode()),
            ("tenant", self.tenant.encode()),
            ("causation_id", self.causation_id.encode()),
            ("correlation_id", self.correlation_id.encode()),
            ("traceparent", self.traceparent.encode()),
        ]

    @staticmethod
    def from_headers(headers: "Headers | None") -> "CommandEnvelope":
        """Read the headers of a command; raises `HeaderMissing` naming what is wrong."""
        found = dict(headers or [])
        try:
            return CommandEnvelope(
                command_id=found["ce_id"].decode(),
                command_type=found["ce_type"].decode(),
                actor=found["ce_source"].decode(),
                key=found["ce_subject"].decode(),
                sent_at=int(found["ce_time"]),
                tenant=found["tenant"].decode(),
                causation_id=found.get("causation_id", b"").decode(),
                correlation_id=found.get("correlation_id", b"").decode(),
                traceparent=found.get("traceparent", b"").decode(),
            )
        except (KeyError, ValueError, AttributeError) as error:
            raise HeaderMissing(f"command header {error} is missing or unreadable") from error


class FactEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fact stands in the ledger.

    `key` is the stream's key (an order id), `seq` counts the stream's facts from 1 and `position` the partition's,
    `causation_id` is the id of the command that made it true, `source_offset` that command's offset in intake,
    `recorded_at` epoch milliseconds, `hash` the partition's chain up to and including this fact.
    """

    key: str
    tenant: str
    fact_type: str
    seq: int
    position: int
    recorded_at: int
    actor: str
    causation_id: str
    correlation_id: str = ""
    source_offset: int = -1
    traceparent: str = ""
    hash: bytes = b""

    @property
    def event_id(self) -> str:
        """The fact's own id: the stream's key and the fact's number in it."""
        return f"{self.key}.{self.seq}"

    def to_headers(self) -> Headers:
        """All headers of the fact's record but `hash`, which is computed over them and appended."""
        key = self.key.encode()
        return [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", b"%b.%d" % (key, self.seq)),
            ("ce_type", self.fact_type.encode()),
            ("ce_source", self.actor.encode()),
            ("ce_subject", key),
            ("ce_time", b"%d" % self.recorded_at),
            ("tenant", self.tenant.encode()),
            ("seq", b"%d" % self.seq),
            ("position", b"%d" % self.position),
            ("causation_id", self.causation_id.encode()),
            ("correlation_id", self.correlation_id.encode()),
            ("source_offset", b"%d" % self.source_offset),
            ("traceparent", self.traceparent.encode()),
        ]

    @staticmethod
    def from_headers(headers: "Headers | None") -> "FactEnvelope":
        """Read the headers of a fact; raises `HeaderMissing` naming what is wrong."""
        found = dict(headers or [])
        try:
            return FactEnvelope(
                key=found["ce_subject"].decode(),
                tenant=found["tenant"].decode(),
                fact_type=found["ce_type"].decode(),
                seq=int(found["seq"]),
                position=int(found["position"]),
                recorded_at=int(found["ce_time"]),
                actor=found["ce_source"].decode(),
                causation_id=found["causation_id"].decode(),
                correlation_id=found["correlation_id"].decode(),
                source_offset=int(found["source_offset"]),
                traceparent=found["traceparent"].decode(),
                hash=found["hash"],
            )
        except (KeyError, ValueError, AttributeError) as error:
            raise HeaderMissing(f"fact header {error} is missing or unreadable") from error
