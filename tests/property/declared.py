"""Instances of declared records, made from their declarations."""

import types
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from events.declare import Declared

LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def instances(declared: type[Declared]) -> st.SearchStrategy[Any]:
    """Any instance of a declared record that Avro can carry: 64-bit integers, finite doubles, valid Unicode."""
    hints = typing.get_type_hints(declared)
    return st.builds(declared, **{field.name: values(hints[field.name]) for field in msgspec.structs.fields(declared)})


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(st.none() if part is types.NoneType else values(part) for part in arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, values(arguments[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Declared):
        return instances(hint)
    return _PRIMITIVES[hint]


_PRIMITIVES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: LONG,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=24),
}
