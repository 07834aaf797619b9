"""What a child process remembers between jobs: a bounded number of bytes, the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """A cache that counts bytes. For one thread, as a child process has."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, now the most recently used; None when it is not remembered."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, size_bytes: int) -> None:
        """Remember a value and forget what no longer fits; one that is larger than everything is not kept."""
        if key in self._entries:
            self._bytes -= self._entries.pop(key)[1]
        if size_bytes > self._bytes_max:
            return
        self._entries[key] = (value, size_bytes)
        self._bytes += size_bytes
        while self._bytes > self._bytes_max:
            _, (_, freed_bytes) = self._entries.popitem(last=False)
            self._bytes -= freed_bytes
