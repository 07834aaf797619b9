"""Which partition a key belongs to: Kafka's murmur2, as Java, aiokafka and our producers compute it."""

import struct

_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C
_32_BITS = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 hash, unsigned."""
    length = len(data)
    whole = length & ~3
    value = _SEED ^ length
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * _MULTIPLIER & _32_BITS
        word ^= word >> 24
        value = (value * _MULTIPLIER & _32_BITS) ^ (word * _MULTIPLIER & _32_BITS)
    if length > whole:
        value ^= int.from_bytes(data[whole:], "little")
        value = value * _MULTIPLIER & _32_BITS
    value ^= value >> 13
    value = value * _MULTIPLIER & _32_BITS
    return value ^ (value >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key on a topic with that many partitions."""
    return (murmur2(key) & _POSITIVE) % partitions
