"""The shape of what a batch of commands puts onto topics."""

from typing import Any, TypeAlias

ANY_PARTITION = -1
"""Let the producer's partitioner choose by the key."""

Outgoing: TypeAlias = tuple[str, int, "bytes | None", "bytes | None", list[tuple[str, Any]]]
"""A record to produce: topic, partition, key, value, headers. A plain tuple: there are tens of thousands a second."""
