"""The generated readers and writers give the bytes and records that fastavro gives, for every declaration."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.codec import FRAME, Codec, TruncatedRecord, Undecodable
from events.declare import Declared, runtime_schema_of
from events.documents import OrderStatus
from events.vocabulary import DECLARED

CODEC = Codec()
SCHEMAS: dict[type[Declared], Any] = {one: fastavro.parse_schema(runtime_schema_of(one)) for one in DECLARED}

LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 5_000)


def records() -> st.SearchStrategy[Declared]:
    return st.sampled_from(DECLARED).flatmap(made)


def made(declared: type[Declared]) -> st.SearchStrategy[Any]:
    """Any record of a declaration. Built from its Avro schema, so that it shares nothing with the code under test."""
    return _of(runtime_schema_of(declared), {}).map(lambda content: msgspec.convert(content, declared))


def _of(schema: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    plain: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(max_size=100),
        "long": LONGS,
        "double": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "bytes": st.binary(max_size=100),
        "null": st.none(),
    }
    match schema:
        case str() if schema in plain:
            return plain[schema]
        case str():
            return _of(named[schema], named)
        case list():
            return st.one_of([_of(branch, named) for branch in schema])
        case {"type": "array"}:
            return st.lists(_of(schema["items"], named), max_size=3)
        case {"type": "map"}:
            return st.dictionaries(st.text(max_size=5), _of(schema["values"], named), max_size=3)
        case _:
            named[f"{schema['namespace']}.{schema['name']}"] = schema
            return st.fixed_dictionaries({field["name"]: _of(field["type"], named) for field in schema["fields"]})


def by_fastavro(record: Declared) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, SCHEMAS[type(record)], msgspec.to_builtins(record, builtin_types=(bytes,)))
    return buffer.getvalue()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records())
def test_bytes_are_those_of_fastavro_and_read_back_as_the_same_record(record: Declared) -> None:
    encoded = CODEC.encode(record)
    assert encoded[FRAME.size :] == by_fastavro(record)
    assert CODEC.decode(encoded) == record
    content = fastavro.schemaless_reader(io.BytesIO(encoded[FRAME.size :]), SCHEMAS[type(record)], None)
    assert msgspec.convert(content, type(record)) == record


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(records(), st.data())
def test_a_record_that_is_cut_or_has_more_behind_it_is_not_read(record: Declared, data: st.DataObject) -> None:
    encoded = CODEC.encode(record)
    cut = data.draw(st.integers(FRAME.size, len(encoded) - 1)) if len(encoded) > FRAME.size else FRAME.size
    if cut < len(encoded):
        with pytest.raises(TruncatedRecord):
            CODEC.decode(encoded[:cut])
    with pytest.raises(TruncatedRecord):
        CODEC.decode(encoded + b"\x00")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(DECLARED), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_by_name(declared: type[Declared], noise: bytes) -> None:
    frame = CODEC.encode(_smallest(declared))[: FRAME.size]
    try:
        record = CODEC.decode(frame + noise)
    except Undecodable:
        return
    assert isinstance(record, declared)


def test_arrays_in_several_blocks_with_sizes_are_read() -> None:
    """Other writers may split an array into blocks and say how long each is; then its count is negative."""
    status = msgspec.structs.replace(_smallest(OrderStatus), holds=("first-hold", "other-hold"))
    encoded = CODEC.encode(status)
    first, other = b"\x14first-hold", b"\x14other-hold"
    one_block = b"\x04" + first + other + b"\x00"
    assert encoded.count(one_block) == 1
    two_blocks = b"\x01\x16" + first + b"\x02" + other + b"\x00"
    assert CODEC.decode(encoded.replace(one_block, two_blocks)) == status


def _smallest(declared: type[Declared]) -> Declared:
    return msgspec.convert(_least(runtime_schema_of(declared), {}), declared)


def _least(schema: Any, named: dict[str, Any]) -> Any:
    plain: dict[str, Any] = {"string": "", "long": 0, "double": 0.0, "boolean": False, "bytes": b"", "null": None}
    match schema:
        case str():
            return plain[schema] if schema in plain else _least(named[schema], named)
        case list():
            return _least(schema[0], named)
        case {"type": "array"}:
            return []
        case {"type": "map"}:
            return {}
        case _:
            named[f"{schema['namespace']}.{schema['name']}"] = schema
            return {field["name"]: _least(field["type"], named) for field in schema["fields"]}
