"""Reads commands from records of the intake topic; what can never be read is told apart from everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from confluent_kafka import Message

from events.codec import Codec, Undecodable
from events.decider import Context
from events.declare import Declared
from events.envelope import HeaderMissing
from events.stream import Stream
from processors.ledger.partitioning import partition_of
from processors.record_headers import HeadersUnreadable, read_headers

#: A key is an index key of the snapshots; orders' keys have 36 bytes.
KEY_BYTES_MAX = 512
#: All headers together: ids and actors are written into every fact that follows from the command.
HEADERS_BYTES_MAX = 4_096


class KeyUnusable(ValueError):
    """A command's key is UTF-8 of 1 to 512 bytes without a zero byte; an order's is its order id."""


class KeyOfAnotherPartition(ValueError):
    """The key does not hash to this partition: send with `partitioner=murmur2_random`, or its order has two writers."""


class NoValue(ValueError):
    """A command has a value: nothing can be deleted from the ledger by a null."""


class NotACommand(ValueError):
    """The record is not a command of this stream: look which topic it belongs on."""


class HeadersDisagree(ValueError):
    """The header `ce_subject` is not the record's key: facts about one key would be written into another's history."""


class HeadersTooLong(ValueError):
    """The command's headers have more than 4,096 bytes: ids and actors are short."""


class DecisionFailed(RuntimeError):
    """The decision itself failed, a fault of this release: mend it, then send this again: `printledger dlq replay`."""


UNUSABLE: tuple[type[Exception], ...] = (
    Undecodable,
    HeaderMissing,
    KeyUnusable,
    KeyOfAnotherPartition,
    NoValue,
    NotACommand,
    HeadersDisagree,
    HeadersTooLong,
    HeadersUnreadable,
    DecisionFailed,
)
"""Why a record becomes a dead letter. Anything else that goes wrong stops the process, not the record."""

RawHeaders: TypeAlias = "list[tuple[str, bytes]]"


class Received(msgspec.Struct, frozen=True, gc=False):
    """A command as it came, with what facts repeat of it still as bytes."""

    context: Context
    command: Declared
    key: bytes
    command_id: bytes
    tenant: bytes
    actor: bytes
    correlation_id: bytes
    traceparent: bytes
    partition: int
    offset: int


def key_of(message: Message, partitions: int, is_known: Callable[[str], object]) -> str:
    """The record's key; raises `KeyUnusable` or `KeyOfAnotherPartition`.

    A key that `is_known` knows in this partition was checked when it came first.
    """
    key: Any = message.key()
    if not isinstance(key, bytes) or not 0 < len(key) <= KEY_BYTES_MAX or b"\0" in key:
        raise KeyUnusable(KeyUnusable.__doc__)
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise KeyUnusable(KeyUnusable.__doc__) from None
    if not is_known(text) and (belongs := partition_of(key, partitions)) != message.partition():
        raise KeyOfAnotherPartition(f"it belongs to partition {belongs}. {KeyOfAnotherPartition.__doc__}")
    return text


class Intake:
    """Reads the commands of one stream."""

    def __init__(self, stream: Stream, codec: Codec) -> None:
        self._commands = frozenset(stream.commands)
        self._codec = codec

    def read(self, message: Message, key: str) -> Received:
        """The command in a record whose key has been checked. Raises one of `UNUSABLE`.

        The headers are those of `CommandEnvelope`; they are read here once for all facts that follow from them.
        """
        value: Any = message.value()
        if value is None:
            raise NoValue(NoValue.__doc__)
        raw: Any = read_headers(message)
        found: dict[str, bytes] = dict(raw)
        try:
            if sum(map(len, found.values())) > HEADERS_BYTES_MAX:
                raise HeadersTooLong(HeadersTooLong.__doc__)
            raw_key, command_id, tenant, actor = (
                found["ce_subject"],
                found["ce_id"],
                found["tenant"],
                found["ce_source"],
            )
            correlation_id, traceparent = found.get("correlation_id", b""), found.get("traceparent", b"")
            if not (correlation_id.isascii() and traceparent.isascii()):
                raise HeaderMissing(f"correlation_id and traceparent are ASCII. {HeaderMissing.__doc__}")
            context = Context(
                key=raw_key.decode(),
                tenant=tenant.decode(),
                command_id=command_id.decode(),
                now=int(found["ce_time"]),
                actor=actor.decode(),
            )
        except (KeyError, UnicodeDecodeError, TypeError) as error:
            raise HeaderMissing(f"command header {error}. {HeaderMissing.__doc__}") from error
        except ValueError as error:
            if isinstance(error, UNUSABLE):
                raise
            raise HeaderMissing(f"ce_time: {error}. {HeaderMissing.__doc__}") from error
        if context.key != key:
            raise HeadersDisagree(f"{context.key[:100]!r}: {HeadersDisagree.__doc__}")
        if not tenant or not command_id:
            raise HeaderMissing(f"header tenant or ce_id is empty: {HeaderMissing.__doc__}")
        command = self._codec.decode(value)
        if type(command) not in self._commands:
            raise NotACommand(f"{type(command).__name__}: {NotACommand.__doc__}")
        return Received(
            context,
            command,
            raw_key,
            command_id,
            tenant,
            actor,
            correlation_id,
            traceparent,
            message.partition() or 0,
            message.offset() or 0,
        )


def headers_of(message: Message) -> RawHeaders:
    """The headers with bytes; a null content, which Kafka allows, reads as missing. Raises `HeadersUnreadable`."""
    return [(name, content) for name, content in read_headers(message) if isinstance(content, bytes)]
