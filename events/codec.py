"""Avro bytes of declared records, in Confluent framing: a zero byte, the schema id in four bytes, the record.

The map from schema id to schema is committed beside the schemas, so a record can be read with nothing but this
project: a lost registry does not make the ledger unreadable. The registry is checked against it at start.
"""

import io
import json
import struct
import types
import typing
from collections.abc import Callable, Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, cast

import fastavro
import msgspec

from events.declare import Declared, runtime_schema_of
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
        self._writers: dict[type[Declared], tuple[bytes, Any, tuple[tuple[str, str], ...]]] = {}
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
            self._writers[declared_by_name[full_name]] = (frame, parsed, _nullable_records(declared_by_name[full_name]))

    def encode(self, record: Declared) -> bytes:
        """The framed bytes of a record; raises `NotDeclared` for a type without a committed schema."""
        try:
            frame, schema, nullable = self._writers[type(record)]
        except KeyError:
            raise NotDeclared(f"{type(record).__name__}: {NotDeclared.__doc__}") from None
        buffer = io.BytesIO()
        buffer.write(frame)
        content = msgspec.to_builtins(record, builtin_types=(bytes,))
        for field, full_name in nullable:
            if (value := content[field]) is not None:
                # Named, the branch of the union is known; else fastavro validates the whole record to find it.
                content[field] = (full_name, value)
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
    current = fastavro.parse_schema(runtime_schema_of(declared))
    if written.version == newest.version:
        writer_schema, reader_schema = current, None
    else:
        writer_schema, reader_schema = fastavro.parse_schema(_without_logical_types(json.loads(written.text))), current

    def read(buffer: io.BytesIO) -> Declared:
        content = fastavro.schemaless_reader(buffer, writer_schema, reader_schema)
        return msgspec.convert(content, declared)

    return read


def _nullable_records(declared: type[Declared]) -> tuple[tuple[str, str], ...]:
    """The fields of a declaration that are a record or null, each with the record's full name."""
    found = []
    for name, hint in typing.get_type_hints(declared).items():
        if typing.get_origin(hint) not in (typing.Union, types.UnionType):
            continue
        (branch,) = (argument for argument in typing.get_args(hint) if argument is not types.NoneType)
        if isinstance(branch, type) and issubclass(branch, Declared):
            found.append((name, branch.full_name()))
    return tuple(found)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    return cast(Any, schema)
