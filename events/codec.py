"""Avro bytes of declared records, in Confluent framing: a zero byte, the schema id in four bytes, the record.

The map from schema id to schema is committed beside the schemas, so a record can be read with nothing but this
project: a lost registry does not make the ledger unreadable. The registry is checked against it at start.
"""

from __future__ import annotations

import io
import json
import struct
import types
import typing
from collections.abc import Callable, Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias, cast

import fastavro
import msgspec

from events.declare import Declared, runtime_schema_of
from events.decoding import converter
from events.vocabulary import DECLARED

MAGIC_BYTE = 0
FRAME = struct.Struct(">bI")


class Undecodable(ValueError):
    """These bytes can never be read as one of our records."""


class NotFramed(Undecodable):
    """The bytes do not begin with a zero byte and a schema id: they were not written by a registry-aware producer."""


class UnknownSchemaId(Undecodable):
    """The schema id is not in the committed map: register the schema by a release, not by hand."""


class TruncatedRecord(Undecodable):
    """The bytes after the schema id are not one whole record of that schema."""


class NotDeclared(TypeError):
    """The record's type has no committed schema: run `make schemas` and commit what it writes."""


class CommittedSchema(msgspec.Struct, frozen=True):
    """One released version of a record's schema, as it stands in the committed map."""

    schema_id: int
    full_name: str
    version: int
    subjects: tuple[str, ...]
    text: str


def committed_schemas(root: Traversable | None = None) -> tuple[CommittedSchema, ...]:
    """Every released schema in the order of its id, read from `schemas/`."""
    folder = root or files("schemas")
    entries = json.loads(folder.joinpath("ids.json").read_text(encoding="utf-8"))
    return tuple(
        CommittedSchema(
            schema_id=entry["id"],
            full_name=entry["name"],
            version=entry["version"],
            subjects=tuple(entry["subjects"]),
            text=folder.joinpath(schema_path(entry["name"], entry["version"])).read_text(encoding="utf-8"),
        )
        for entry in entries
    )


def schema_path(full_name: str, version: int) -> str:
    """Path of a released schema below `schemas/`: namespace, name, version."""
    namespace, _, name = full_name.rpartition(".")
    return f"{namespace}/{name}.v{version}.avsc"


class Codec:
    """Encodes and decodes every declared record. Holds parsed schemas only; safe to share between threads."""

    def __init__(self, committed: Iterable[CommittedSchema] | None = None) -> None:
        self._writers: dict[type[Declared], tuple[bytes, Any, Branches]] = {}
        self._readers: dict[int, Callable[[io.BytesIO], Declared]] = {}
        declared_by_name = {declared.full_name(): declared for declared in DECLARED}
        newest: dict[str, CommittedSchema] = {}
        committed = tuple(committed if committed is not None else committed_schemas())
        for schema in committed:
            if schema.full_name in declared_by_name:
                newest[schema.full_name] = max(schema, newest.get(schema.full_name, schema), key=lambda s: s.version)
        for schema in committed:
            if (declared := declared_by_name.get(schema.full_name)) is not None:
                self._readers[schema.schema_id] = _reader(declared, schema, newest[schema.full_name])
        for full_name, schema in newest.items():
            parsed = fastavro.parse_schema(runtime_schema_of(declared_by_name[full_name]))
            frame = FRAME.pack(MAGIC_BYTE, schema.schema_id)
            self._writers[declared_by_name[full_name]] = (frame, parsed, _branches_of(declared_by_name[full_name]))

    def encode(self, record: Declared) -> bytes:
        """The framed bytes of a record; raises `NotDeclared` for a type without a committed schema."""
        try:
            frame, schema, nullable = self._writers[type(record)]
        except KeyError:
            raise NotDeclared(f"{type(record).__name__}: {NotDeclared.__doc__}") from None
        buffer = io.BytesIO()
        buffer.write(frame)
        content = msgspec.to_builtins(record, builtin_types=(bytes,))
        _name_branches(content, nullable)
        fastavro.schemaless_writer(buffer, schema, content)
        return buffer.getvalue()

    def decode(self, data: bytes | None) -> Declared:
        """The record in framed bytes; raises a subclass of `Undecodable` that says what is wrong with them."""
        if data is None or len(data) < FRAME.size or data[0] != MAGIC_BYTE:
            raise NotFramed(NotFramed.__doc__)
        (_, schema_id) = FRAME.unpack_from(data)
        reader = self._readers.get(schema_id)
        if reader is None:
            raise UnknownSchemaId(f"schema id {schema_id}: {UnknownSchemaId.__doc__}")
        buffer = io.BytesIO(data)
        buffer.seek(FRAME.size)
        try:
            record = reader(buffer)
        except (EOFError, ValueError, IndexError, TypeError, OverflowError, MemoryError, msgspec.MsgspecError) as error:
            raise TruncatedRecord(f"{TruncatedRecord.__doc__} ({error})") from error
        if buffer.tell() != len(data):
            raise TruncatedRecord(f"{len(data) - buffer.tell()} bytes are left after the record.")
        return record


def _reader(
    declared: type[Declared], written: CommittedSchema, newest: CommittedSchema
) -> Callable[[io.BytesIO], Declared]:
    """A function that reads records of one released version as the current declaration."""
    current, to_record = fastavro.parse_schema(runtime_schema_of(declared)), converter(declared)
    if written.version == newest.version:
        writer_schema, reader_schema = current, None
    else:
        writer_schema, reader_schema = fastavro.parse_schema(_without_logical_types(json.loads(written.text))), current

    def read(buffer: io.BytesIO) -> Declared:
        content = fastavro.schemaless_reader(buffer, writer_schema, reader_schema)
        return to_record(content)

    return read


class _Branch(msgspec.Struct, frozen=True):
    """A field in which nullable records are: one itself (`full_name` is its record's), or records that hold some."""

    field: str
    full_name: str | None
    is_array: bool
    inner: tuple[_Branch, ...]


Branches: TypeAlias = tuple[_Branch, ...]


def _name_branches(content: dict[str, Any], branches: Branches) -> None:
    """Name the record of each nullable field that is not null; else fastavro validates it whole to find its branch."""
    for branch in branches:
        value = content[branch.field]
        if value is None:
            continue
        if branch.inner:
            for part in value if branch.is_array else (value,):
                _name_branches(part, branch.inner)
        if branch.full_name is not None:
            content[branch.field] = (branch.full_name, value)


def _branches_of(declared: type[Declared]) -> Branches:
    """Where nullable records are in a declaration, at any depth."""
    found = []
    for name, hint in typing.get_type_hints(declared).items():
        is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
        is_array = typing.get_origin(hint) is tuple
        parts = [part for part in typing.get_args(hint) if _is_record(part)] if is_union or is_array else [hint]
        if len(parts) != 1 or not _is_record(parts[0]):
            continue
        (record,) = parts
        inner = _branches_of(record)
        if is_union or inner:
            found.append(_Branch(name, record.full_name() if is_union else None, is_array, inner))
    return tuple(found)


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Declared)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    return cast(Any, schema)
