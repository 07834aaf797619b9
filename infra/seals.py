"""The sealed formats: how bytes are encrypted once the key is known. Pure apart from random nonces.

Format 1, a field: version (1 byte), key id (16), nonce (12), AES-256-GCM ciphertext with tag (16).
Format 2, a file: version (1), key id (16), salt (16), segment size (4, big endian), then segments. A key
for this file alone is derived by HKDF-SHA256 from the data key, the salt and what the file is bound to;
each segment is sealed under nonce = 7 zero bytes, its number (4), and 1 for the last segment (1), so
that segments cannot be cut off, swapped or repeated, and a reader needs one segment of memory.
"""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Iterator
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from processors.ports import SealBroken, UnknownSealFormat

FIELD_VERSION = 1
OBJECT_VERSION = 2
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SEGMENT_BYTES = 256 * 1024
#: A reader refuses larger segments, so that a forged header cannot make it allocate much.
SEGMENT_BYTES_MAX = 4 * 1024 * 1024

_FIELD_HEADER = struct.Struct(">B16s12s")
_OBJECT_HEADER = struct.Struct(">B16s16sI")
OBJECT_HEADER_BYTES = _OBJECT_HEADER.size


def bound_to(*parts: str) -> bytes:
    """What a seal is bound to, as unambiguous bytes (a JSON array, so that no separator can be forged)."""
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()


def key_id_of(sealed: bytes) -> UUID:
    """The id of the key that sealed these bytes, of either format."""
    if len(sealed) < 17:
        raise SealBroken("The sealed bytes are shorter than their header: they were cut off.")
    if sealed[0] not in (FIELD_VERSION, OBJECT_VERSION):
        raise UnknownSealFormat
    return UUID(bytes=sealed[1:17])


def seal_field(key: bytes, key_id: UUID, aad: bytes, plaintext: bytes) -> bytes:
    """Format 1."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    header = _FIELD_HEADER.pack(FIELD_VERSION, key_id.bytes, nonce)
    return header + AESGCM(key).encrypt(nonce, plaintext, aad)


def open_field(key: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Open format 1; SealBroken when anything about it was changed."""
    if len(sealed) < _FIELD_HEADER.size + TAG_BYTES:
        raise SealBroken("The sealed bytes are shorter than an empty field: they were cut off.")
    version, _, nonce = _FIELD_HEADER.unpack_from(sealed)
    if version != FIELD_VERSION:
        raise UnknownSealFormat
    try:
        return AESGCM(key).decrypt(nonce, sealed[_FIELD_HEADER.size :], aad)
    except InvalidTag:
        raise SealBroken from None


def _object_cipher(key: bytes, salt: bytes, aad: bytes) -> AESGCM:
    info = b"printledger object 2" + aad
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(key))


def _segment_nonce(number: int, last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes([last])


def seal_object(key: bytes, key_id: UUID, aad: bytes, plaintext: bytes) -> bytes:
    """Format 2."""
    salt = secrets.token_bytes(16)
    header = _OBJECT_HEADER.pack(OBJECT_VERSION, key_id.bytes, salt, SEGMENT_BYTES)
    cipher = _object_cipher(key, salt, aad)
    segments_count = max(1, -(-len(plaintext) // SEGMENT_BYTES))
    view = memoryview(plaintext)
    sealed = [header]
    for number in range(segments_count):
        segment = view[number * SEGMENT_BYTES : (number + 1) * SEGMENT_BYTES]
        nonce = _segment_nonce(number, number == segments_count - 1)
        sealed.append(cipher.encrypt(nonce, segment, header))
    return b"".join(sealed)


def open_object_stream(key: bytes, aad: bytes, header: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    """Open format 2 while it arrives: `header` is its first OBJECT_HEADER_BYTES, `body` the rest."""
    version, _, salt, segment_bytes = _OBJECT_HEADER.unpack(header)
    if version != OBJECT_VERSION:
        raise UnknownSealFormat
    if not 0 < segment_bytes <= SEGMENT_BYTES_MAX:
        raise SealBroken("The file's header names a segment size that this release never writes.")
    cipher = _object_cipher(key, salt, aad)
    sealed_segment_bytes = segment_bytes + TAG_BYTES
    pending = bytearray()
    number = 0
    try:
        for chunk in body:
            pending += chunk
            # A full segment is the last one only when nothing follows: so one byte more is awaited.
            while len(pending) > sealed_segment_bytes:
                segment = bytes(pending[:sealed_segment_bytes])
                del pending[:sealed_segment_bytes]
                yield cipher.decrypt(_segment_nonce(number, last=False), segment, header)
                number += 1
        yield cipher.decrypt(_segment_nonce(number, last=True), bytes(pending), header)
    except (InvalidTag, ValueError):
        raise SealBroken("The file was cut off or changed after it was sealed.") from None


def object_plaintext_bytes(sealed_bytes: int) -> int:
    """The size of the file inside a sealed object of this size (segments of SEGMENT_BYTES)."""
    body = sealed_bytes - OBJECT_HEADER_BYTES
    segments_count = max(1, -(-body // (SEGMENT_BYTES + TAG_BYTES)))
    return max(0, body - segments_count * TAG_BYTES)


def split_header(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Take the header off a stream of chunks; the second value continues behind it."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= OBJECT_HEADER_BYTES:
            break
    if len(start) < OBJECT_HEADER_BYTES:
        raise SealBroken("The sealed file is shorter than its header: it was cut off.")

    def rest() -> Iterator[bytes]:
        yield start[OBJECT_HEADER_BYTES:]
        yield from chunks

    return start[:OBJECT_HEADER_BYTES], rest()
