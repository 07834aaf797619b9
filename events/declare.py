"""One declaration a fact or command: a frozen Struct from which the Avro schema and the catalogue entry are made.

A declaration is a `msgspec.Struct` with annotated fields and a docstring that says what became true. Nothing else is
written by hand: `schema_of` gives the Avro schema for everybody, `runtime_schema_of` the same bytes on the wire without
logical types, so that our own processes keep milliseconds as integers instead of building a datetime for each field.
"""

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any, ClassVar, TypeAlias

import msgspec

from events.decoding import from_json

AvroSchema: TypeAlias = dict[str, Any]
"""An Avro schema of a record, as JSON-compatible objects."""


class LogicalType(msgspec.Struct, frozen=True):
    """Marks an annotated `int` with the Avro logical type that other readers should see."""

    name: str


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every record on a topic and of every record nested in one.

    `avro_namespace` is a constant of the stream, never the module path: moving a class must not change its contract.
    """

    avro_namespace: ClassVar[str] = "pod"

    @classmethod
    def full_name(cls) -> str:
        """Avro full name: namespace, dot, class name."""
        return f"{cls.avro_namespace}.{cls.__name__}"


class Value(Declared, frozen=True, kw_only=True):
    """A record that only occurs inside facts and commands."""

    avro_namespace: ClassVar[str] = "pod.values"


class Fact(Declared, frozen=True, kw_only=True):
    """Something that became true; never changed and never taken back."""


class Command(Declared, frozen=True, kw_only=True):
    """Something that somebody wants to become true, or reports; the ledger answers it exactly once."""


class Document(Declared, frozen=True, kw_only=True):
    """A record that is neither: a status snapshot, a refusal, a store's own order."""


class UndeclarableType(TypeError):
    """The field's type has no Avro counterpart: use str, int, float, bool, bytes, Value, tuple, dict or `| None`."""


_PRIMITIVES: dict[Any, str] = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}


def schema_of(declared: type[Declared]) -> AvroSchema:
    """The Avro schema of a declaration, with documentation and logical types, as it is registered and committed."""
    schema: AvroSchema = _record(declared, set(), documented=True)
    return schema


def runtime_schema_of(declared: type[Declared]) -> AvroSchema:
    """The same schema without documentation and logical types: identical bytes, plain integers in memory."""
    schema: AvroSchema = _record(declared, set(), documented=False)
    return schema


def nested_values(declared: type[Declared]) -> Iterator[type[Declared]]:
    """Every record type that occurs inside a declaration, depth first."""
    for hint in typing.get_type_hints(declared, include_extras=False).values():
        yield from _records_in(hint)


def docstring_of(declared: type[Declared]) -> str:
    """The declaration's docstring on one line; raises `TypeError` where there is none of its own."""
    own = declared.__dict__.get("__doc__")
    if not own:
        raise TypeError(f"{declared.__name__} says nothing of what became true: give it a docstring.")
    return " ".join(inspect.cleandoc(own).split())


def _records_in(hint: Any) -> Iterator[type[Declared]]:
    if isinstance(hint, type) and issubclass(hint, Declared):
        yield hint
        yield from nested_values(hint)
        return
    for argument in typing.get_args(hint):
        yield from _records_in(argument)


def _record(declared: type[Declared], seen: set[str], *, documented: bool) -> Any:
    name = declared.full_name()
    if name in seen:
        return name
    seen.add(name)
    hints = typing.get_type_hints(declared, include_extras=True)
    fields = []
    for field in msgspec.structs.fields(declared):
        entry: dict[str, Any] = {"name": field.name}
        entry["type"] = _avro_type(hints[field.name], seen, documented=documented)
        if documented and (doc := _description(hints[field.name])):
            entry["doc"] = doc
        if field.default is not msgspec.NODEFAULT:
            entry["default"] = _default(field.default)
        elif field.default_factory is not msgspec.NODEFAULT:
            entry["default"] = _default(field.default_factory())
        fields.append(entry)
    record: AvroSchema = {"type": "record", "name": declared.__name__, "namespace": declared.avro_namespace}
    if documented:
        record["doc"] = docstring_of(declared)
    record["fields"] = fields
    return record


def _avro_type(hint: Any, seen: set[str], *, documented: bool) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, *extras = typing.get_args(hint)
        avro = _avro_type(base, seen, documented=documented)
        logical = next((extra for extra in extras if isinstance(extra, LogicalType)), None)
        return {"type": avro, "logicalType": logical.name} if logical and documented else avro
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint]
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in typing.get_args(hint) if argument is not types.NoneType]
        if len(inner) != 1 or len(inner) == len(typing.get_args(hint)):
            raise UndeclarableType(f"{hint}: a union has exactly one type beside None.")
        return ["null", _avro_type(inner[0], seen, documented=documented)]
    if origin is tuple and typing.get_args(hint)[1:] == (...,):
        return {"type": "array", "items": _avro_type(typing.get_args(hint)[0], seen, documented=documented)}
    if origin is dict and typing.get_args(hint)[0] is str:
        return {"type": "map", "values": _avro_type(typing.get_args(hint)[1], seen, documented=documented)}
    if isinstance(hint, type) and issubclass(hint, Declared):
        return _record(hint, seen, documented=documented)
    raise UndeclarableType(f"{hint}: {UndeclarableType.__doc__}")


def _description(hint: Any) -> str | None:
    if typing.get_origin(hint) is not typing.Annotated:
        return None
    return next((extra.description for extra in typing.get_args(hint)[1:] if isinstance(extra, msgspec.Meta)), None)


def _default(value: Any) -> Any:
    """Avro writes a bytes default as ISO-8859-1 text and an empty array or map as such."""
    if isinstance(value, bytes):
        return value.decode("iso-8859-1")
    return from_json(msgspec.json.encode(value))
