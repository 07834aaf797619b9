"""The hash chain of a partition: every fact's hash covers the fact, its headers, and the hash before it.

A block is: how many pieces it has (4 bytes, big endian), the length of each (4 bytes each), and then the pieces. All
lengths come first, so nothing can be moved from one piece to its neighbour. The hashed bytes are the block of

    topic, partition (4 bytes), previous hash, key, value, the block of the header names, and each header's content

in the order of the record's headers, without the header `hash`.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

HASH_HEADER = "hash"
GENESIS = bytes(32)
"""The hash before the first fact of a partition."""


@lru_cache(maxsize=64)
def _lengths(count: int) -> struct.Struct:
    return struct.Struct(f">{count + 1}I")


@lru_cache(maxsize=256)
def names_block(names: tuple[str, ...]) -> bytes:
    """Records of one release have the same header names, so their block is made once."""
    return block([name.encode() for name in names])


def block(pieces: Sequence[bytes]) -> bytes:
    """The pieces in one string of bytes that can only have come from these pieces."""
    count = len(pieces)
    return _lengths(count).pack(count, *map(len, pieces)) + b"".join(pieces)


class Chain:
    """Computes the hashes of one partition of one topic."""

    __slots__ = ("_partition", "_topic")

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic.encode()
        self._partition = struct.pack(">I", partition)

    def link(self, previous: bytes, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> bytes:
        """The hash (32 bytes) of a fact after `previous`; `headers` are all but `hash`, and at least one."""
        names, contents = zip(*headers, strict=True)
        return self.link_contents(previous, key, value, names_block(names), contents)

    def link_contents(
        self, previous: bytes, key: bytes, value: bytes, names: bytes, contents: Sequence[bytes]
    ) -> bytes:
        """The same for headers that are taken apart: the block of their names, and their contents in that order."""
        return sha256(block([self._topic, self._partition, previous, key, value, names, *contents])).digest()


def without_hash(headers: Sequence[tuple[str, bytes]]) -> Sequence[tuple[str, bytes]]:
    """The headers that the hash covers."""
    if headers and headers[-1][0] == HASH_HEADER:
        return headers[:-1]
    return [header for header in headers if header[0] != HASH_HEADER]
