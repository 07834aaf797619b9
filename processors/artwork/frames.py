"""The words that parent and child process say to each other: length-prefixed MessagePack, never pickle.

A decoder that was taken over by a hostile file may write anything into its pipe. MessagePack read into typed
records can be wrong, but it cannot run code in the parent.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

HEADER: Final = struct.Struct(">Q")


class Refused(Exception):
    """A job refuses its input: `code` in one word, and what the sender can do."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One job: its name, the CPU seconds that it may use, its argument as encoded bytes."""

    job: str
    cpu_seconds: int
    payload: bytes


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The answer: `payload` when `reason` is empty, else why there is none and what to do."""

    reason: str
    message: str
    payload: bytes


def pack(record: Request | Reply) -> bytes:
    """One frame: eight bytes of length, then the record."""
    body = msgspec.msgpack.encode(record)
    return HEADER.pack(len(body)) + body
