"""The sealed formats, the key wrapper and the bounded cache: all of the vault that needs no database."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra import seals
from infra.vault import BadKeyEncryptionKey, KeyWrapper, WrongKeyEncryptionKey, _KeyCache
from infra.vault_keys import WrappedKey
from processors.ports import KeyDestroyed, SealBroken, UnknownSealFormat

KEY = bytes(range(32))
KEY_ID = UUID("11111111-2222-3333-4444-555555555555")
AAD = seals.bound_to("demo", "order-1", "recipient")


def sealed_file(size_bytes: int) -> tuple[bytes, bytes]:
    plaintext = bytes(i * 31 % 251 for i in range(size_bytes))
    return plaintext, seals.seal_object(KEY, KEY_ID, AAD, plaintext)


def opened(sealed: bytes, aad: bytes = AAD, chunk_bytes: int = 60_000) -> bytes:
    chunks = (sealed[i : i + chunk_bytes] for i in range(0, len(sealed), chunk_bytes))
    header, body = seals.split_header(chunks)
    return b"".join(seals.open_object_stream(KEY, aad, header, body))


def test_a_field_opens_with_what_it_was_bound_to() -> None:
    sealed = seals.seal_field(KEY, KEY_ID, AAD, b"Ann Example")
    assert seals.open_field(KEY, AAD, sealed) == b"Ann Example"
    assert seals.key_id_of(sealed) == KEY_ID
    assert b"Ann" not in sealed


@pytest.mark.parametrize(
    "other",
    [("shop", "order-1", "recipient"), ("demo", "order-2", "recipient"), ("demo", "order-1", "text:1")],
)
def test_a_field_moved_to_another_place_does_not_open(other: tuple[str, str, str]) -> None:
    sealed = seals.seal_field(KEY, KEY_ID, AAD, b"Ann Example")
    with pytest.raises(SealBroken):
        seals.open_field(KEY, seals.bound_to(*other), sealed)


def test_what_a_seal_is_bound_to_cannot_be_forged_with_a_separator() -> None:
    assert seals.bound_to("a|b", "c", "d") != seals.bound_to("a", "b|c", "d")
    assert seals.bound_to('a","b', "c") != seals.bound_to("a", "b", "c")


def test_each_changed_bit_of_a_field_is_noticed() -> None:
    sealed = seals.seal_field(KEY, KEY_ID, AAD, b"Ann")
    for position in range(17, len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            seals.open_field(KEY, AAD, bytes(changed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 17, b"\x01" * 44])
def test_bytes_that_were_cut_off_are_named_so(sealed: bytes) -> None:
    with pytest.raises(SealBroken, match="cut off"):
        seals.open_field(KEY, AAD, sealed)


def test_a_later_format_is_named_and_not_guessed() -> None:
    with pytest.raises(UnknownSealFormat, match="Upgrade"):
        seals.key_id_of(b"\x09" + bytes(40))
    with pytest.raises(UnknownSealFormat):
        seals.open_field(KEY, AAD, b"\x09" + bytes(80))


@pytest.mark.parametrize(
    "size_bytes",
    [0, 1, seals.SEGMENT_BYTES - 1, seals.SEGMENT_BYTES, seals.SEGMENT_BYTES + 1, 3 * seals.SEGMENT_BYTES],
)
def test_a_file_comes_back_as_it_was_and_its_size_is_known_before(size_bytes: int) -> None:
    plaintext, sealed = sealed_file(size_bytes)
    assert opened(sealed) == plaintext
    assert seals.object_plaintext_bytes(len(sealed)) == size_bytes


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 100_000))
def test_a_file_opens_whatever_pieces_it_arrives_in(chunk_bytes: int) -> None:
    plaintext, sealed = sealed_file(300_000)
    assert opened(sealed, chunk_bytes=chunk_bytes) == plaintext


def test_a_file_that_lost_its_last_segment_does_not_open() -> None:
    _, sealed = sealed_file(3 * seals.SEGMENT_BYTES)
    whole_segments = seals.OBJECT_HEADER_BYTES + 2 * (seals.SEGMENT_BYTES + seals.TAG_BYTES)
    for cut in (whole_segments, len(sealed) - 1, seals.OBJECT_HEADER_BYTES):
        with pytest.raises(SealBroken):
            opened(sealed[:cut])


def test_a_file_with_two_segments_swapped_does_not_open() -> None:
    _, sealed = sealed_file(3 * seals.SEGMENT_BYTES)
    step = seals.SEGMENT_BYTES + seals.TAG_BYTES
    start = seals.OBJECT_HEADER_BYTES
    first, second = sealed[start : start + step], sealed[start + step : start + 2 * step]
    with pytest.raises(SealBroken):
        opened(sealed[:start] + second + first + sealed[start + 2 * step :])


def test_a_file_under_another_key_of_the_store_does_not_open() -> None:
    _, sealed = sealed_file(10)
    with pytest.raises(SealBroken):
        opened(sealed, aad=seals.bound_to("demo", "order-1", "demo/order-2/print.png"))


def test_a_file_with_a_huge_segment_size_in_its_header_is_refused_before_memory_is_taken() -> None:
    _, sealed = sealed_file(10)
    forged = sealed[:33] + (2**31).to_bytes(4, "big") + sealed[37:]
    with pytest.raises(SealBroken, match="segment size"):
        opened(forged)


def test_a_data_key_is_unwrapped_by_an_older_key_encryption_key_too() -> None:
    old, new = bytes(32), bytes([1]) * 32
    key_id = uuid4()
    stored = KeyWrapper(old).wrap(key_id, AAD, KEY)
    assert KeyWrapper(new, older=[old]).unwrap(AAD, stored) == KEY
    assert stored.wrapped is not None
    assert KEY not in stored.wrapped


def test_a_data_key_of_another_installation_is_named_so() -> None:
    stored = KeyWrapper(bytes(32)).wrap(uuid4(), AAD, KEY)
    with pytest.raises(WrongKeyEncryptionKey, match="settings"):
        KeyWrapper(bytes([1]) * 32).unwrap(AAD, stored)


def test_a_destroyed_key_is_named_so() -> None:
    with pytest.raises(KeyDestroyed, match="erased"):
        KeyWrapper(KEY).unwrap(AAD, WrappedKey(KEY_ID, "whatever", None))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_encryption_key_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(BadKeyEncryptionKey, match="32 random bytes"):
        KeyWrapper(bytes(length))


def test_a_connection_secret_opens_under_its_own_name_only() -> None:
    wrapper = KeyWrapper(KEY)
    sealed = wrapper.wrap_secret("store:demo-shopify", b"hush")
    assert wrapper.unwrap_secret("store:demo-shopify", sealed) == b"hush"
    for name, changed in (("store:other", sealed), ("store:demo-shopify", sealed[:20]), ("store:x", b"")):
        with pytest.raises(WrongKeyEncryptionKey):
            wrapper.unwrap_secret(name, changed)


def test_the_key_cache_is_bounded_in_number_and_forgets_the_least_used() -> None:
    cache = _KeyCache(keys_max=2, seconds=60, monotonic=lambda: 0.0)
    for name in ("a", "b"):
        cache.put((name,), KEY_ID, KEY)
    cache.get(("a",))
    cache.put(("c",), KEY_ID, KEY)
    assert [cache.get((name,)) is not None for name in ("a", "b", "c")] == [True, False, True]
    assert len(cache) == 2


def test_the_key_cache_forgets_after_its_time() -> None:
    now = [0.0]
    cache = _KeyCache(keys_max=2, seconds=60, monotonic=lambda: now[0])
    cache.put(("a",), KEY_ID, KEY)
    now[0] = 59.9
    assert cache.get(("a",)) == (KEY_ID, KEY)
    now[0] = 60.0
    assert cache.get(("a",)) is None
    assert len(cache) == 0
