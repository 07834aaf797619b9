"""Every declared record survives its bytes, and bytes that are no record are named as what they are."""

import io
from contextlib import suppress

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.codec import Codec, NotFramed, TruncatedRecord, Undecodable, UnknownSchemaId
from events.declare import Declared, runtime_schema_of
from events.order.facts import OrderCancelled
from events.vocabulary import DECLARED
from tests.property.declared import instances

CODEC = Codec()


@pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.full_name())
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_is_encoded_is_decoded_as_it_was(declared: type[Declared], data: st.DataObject) -> None:
    record = data.draw(instances(declared))
    decoded = CODEC.decode(CODEC.encode(record))
    assert type(decoded) is declared
    assert decoded == record


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_record_that_is_cut_short_or_too_long_is_never_taken_for_one(data: st.DataObject) -> None:
    framed = CODEC.encode(data.draw(instances(data.draw(st.sampled_from(DECLARED)))))
    with pytest.raises(Undecodable):
        CODEC.decode(framed + b"\x00")
    cut = framed[: data.draw(st.integers(0, len(framed) - 1))]
    with pytest.raises(Undecodable):
        CODEC.decode(cut)


@settings(max_examples=400, deadline=None)
@given(schema_id=st.integers(1, len(DECLARED)), body=st.binary(max_size=80))
def test_any_bytes_at_all_are_a_record_or_are_named_undecodable(schema_id: int, body: bytes) -> None:
    with suppress(Undecodable):
        assert isinstance(CODEC.decode(b"\x00" + schema_id.to_bytes(4, "big") + body), Declared)


@given(body=st.binary(min_size=5, max_size=20).filter(lambda body: body[0] != 0))
def test_bytes_without_a_frame_are_named_as_such(body: bytes) -> None:
    with pytest.raises(NotFramed):
        CODEC.decode(body)


@given(schema_id=st.integers(len(DECLARED) + 1_000, 2**32 - 1))
def test_a_schema_that_nobody_released_is_named_as_such(schema_id: int) -> None:
    with pytest.raises(UnknownSchemaId, match=str(schema_id)):
        CODEC.decode(b"\x00" + schema_id.to_bytes(4, "big") + b"\x00")


def test_a_null_value_is_not_a_record() -> None:
    with pytest.raises(NotFramed):
        CODEC.decode(None)


def test_bytes_after_the_record_are_named() -> None:
    framed = CODEC.encode(OrderCancelled(reason="r"))
    with pytest.raises(TruncatedRecord, match="1 bytes"):
        CODEC.decode(framed + b"x")


@pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.full_name())
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_our_bytes_are_what_the_reference_writes(declared: type[Declared], data: st.DataObject) -> None:
    record = data.draw(instances(declared))
    expected = io.BytesIO()
    content = msgspec.to_builtins(record, builtin_types=(bytes,))
    fastavro.schemaless_writer(expected, fastavro.parse_schema(runtime_schema_of(declared)), content)
    assert CODEC.encode(record)[5:] == expected.getvalue()


@pytest.mark.parametrize("schema_id", range(1, len(DECLARED) + 1))
@pytest.mark.parametrize("count", [2**62, -(2**62), 2**31, -1])
def test_a_length_that_cannot_be_true_ends_at_once_and_takes_no_memory(schema_id: int, count: int) -> None:
    zigzag, body = (count << 1) ^ (count >> 63), bytearray()
    while zigzag > 0x7F:
        body.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    body.append(zigzag)
    with pytest.raises(Undecodable):
        CODEC.decode(b"\x00" + schema_id.to_bytes(4, "big") + bytes(body) * 40)
