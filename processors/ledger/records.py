"""The shape of what a batch of commands puts onto topics."""

from typing import Any, TypeAlias

ANY_PARTITION = -1
"""Let the producer's partitioner choose by the key."""

Place: TypeAlias = tuple[str, int]
"""Topic and partition."""

Outgoing: TypeAlias = tuple["bytes | None", "bytes | None", tuple[str, ...], tuple[Any, ...]]
"""A record to produce: key, value, the names of its headers and their contents in that order.

A plain tuple, and the headers are paired when the record is handed over: a batch has tens of thousands of records, and
fourteen pairs each would fill the memory that a processor keeps close.
"""
