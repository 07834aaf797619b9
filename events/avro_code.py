"""Readers and writers of Avro bytes, made as Python source from a declaration, once when a codec is built.

fastavro walks a schema for every record and goes through dictionaries. Source made for one declaration reads and
writes its fields one after the other, straight from and into the Struct, and takes less than half of the time. The
bytes are the same; a property test holds both against each other. Only records of the current version are read here:
an older one is resolved against the current schema by fastavro.
"""

import struct
import types
import typing
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

import msgspec

from events.declare import Declared, UndeclarableType

Writer: TypeAlias = Callable[[Any], bytes]
Reader: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
"""From bytes and an index to the record and the index behind it; `ValueError` or `IndexError` for other bytes."""

_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1
_SMALL = 4_096
"""Numbers below it, which lengths nearly always are, are looked up instead of computed."""


def _zigzag(number: int) -> bytes:
    """An Avro long."""
    if not _LONG_MIN <= number <= _LONG_MAX:
        raise OverflowError(f"{number} has more than 64 bits")
    left = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while left > 0x7F:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left)
    return bytes(encoded)


def _varint(data: bytes, index: int) -> tuple[int, int]:
    """The unsigned number at an index, still in zigzag order, and the index behind it."""
    number = shift = 0
    while True:
        byte = data[index]
        index += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, index
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")


def _wrong(what: str) -> Any:
    raise ValueError(what)


_NAMES: dict[str, Any] = {
    "SMALL": tuple(_zigzag(number) for number in range(_SMALL)),
    "ZIGZAG": _zigzag,
    "VARINT": _varint,
    "WRONG": _wrong,
    "PACK_DOUBLE": struct.Struct("<d").pack,
    "UNPACK_DOUBLE": struct.Struct("<d").unpack_from,
    "ABSENT": b"\x00",
    "PRESENT": b"\x02",
    "TRUE": b"\x01",
    "END": b"\x00",
    "JOIN": b"".join,
}


def writer_of(declared: type[Declared], prefix: bytes) -> Writer:
    """A function that gives `prefix` and the record's Avro bytes."""
    source = _Source()
    name = source.writer(declared)
    source.lines += [
        "def write(record):",
        "    parts = [PREFIX]",
        f"    {name}(record, parts.append)",
        "    return JOIN(parts)",
    ]
    made: Writer = source.compiled("write", {"PREFIX": prefix})
    return made


def reader_of(declared: type[Declared]) -> Reader:
    """A function that reads the record at an index."""
    source = _Source()
    name = source.reader(declared)
    made: Reader = source.compiled(name, {})
    return made


class _Source:
    """Collects the functions that one declaration and its nested records need."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._made: dict[str, type[Declared]] = {}
        self._types: dict[str, Any] = {}
        self._numbers = count(1)

    def compiled(self, name: str, more: dict[str, Any]) -> Any:
        """The function of this name, after compiling everything."""
        namespace = _NAMES | self._types | more
        # The text is made from declarations of this package alone, never from input.
        exec(compile("\n".join(self.lines), "<events.avro_code>", "exec"), namespace)  # noqa: S102
        return namespace[name]

    def writer(self, declared: type[Declared]) -> str:
        """Make the function that writes one record; returns its name."""
        name = f"write_{declared.__name__}"
        if name not in self._made:
            self._made[name] = declared
            body = [f"def {name}(record, add):", "    pass"]
            for field, hint in _fields(declared):
                self._write(hint, f"record.{field}", body, 1)
            self.lines += body
        return name

    def reader(self, declared: type[Declared]) -> str:
        """Make the function that reads one record; returns its name."""
        name = f"read_{declared.__name__}"
        if name not in self._made:
            self._made[name] = declared
            self._types[declared.__name__] = declared
            body = [f"def {name}(data, index):"]
            values = []
            for field, hint in _fields(declared):
                values.append(f"{field}={self._read(hint, body, 1)}")
            self.lines += [*body, f"    return {declared.__name__}({', '.join(values)}), index"]
        return name

    def _write(self, hint: Any, value: str, body: list[str], depth: int) -> None:
        pad, one = "    " * depth, f"v{next(self._numbers)}"
        kind, inner = _kind(hint)
        if kind in ("str", "bytes"):
            body += [
                f"{pad}{one} = {value}{'.encode()' if kind == 'str' else ''}",
                f"{pad}{one}n = len({one})",
                f"{pad}add(SMALL[{one}n] if {one}n < {_SMALL} else ZIGZAG({one}n))",
                f"{pad}add({one})",
            ]
        elif kind == "int":
            body += [f"{pad}{one} = {value}", f"{pad}add(SMALL[{one}] if 0 <= {one} < {_SMALL} else ZIGZAG({one}))"]
        elif kind == "float":
            body.append(f"{pad}add(PACK_DOUBLE({value}))")
        elif kind == "bool":
            body.append(f"{pad}add(TRUE if {value} else ABSENT)")
        elif kind == "record":
            body.append(f"{pad}{self.writer(inner)}({value}, add)")
        elif kind == "optional":
            body += [f"{pad}{one} = {value}", f"{pad}if {one} is None:", f"{pad}    add(ABSENT)", f"{pad}else:"]
            body.append(f"{pad}    add(PRESENT)")
            self._write(inner, one, body, depth + 1)
        else:
            items = f"{one}.items()" if kind == "map" else one
            body += [f"{pad}{one} = {value}", f"{pad}if {one}:", f"{pad}    add(ZIGZAG(len({one})))"]
            body.append(f"{pad}    for {f'{one}k, {one}i' if kind == 'map' else f'{one}i'} in {items}:")
            if kind == "map":
                self._write(str, f"{one}k", body, depth + 2)
            self._write(inner, f"{one}i", body, depth + 2)
            body.append(f"{pad}add(END)")

    def _read(self, hint: Any, body: list[str], depth: int) -> str:
        pad, one = "    " * depth, f"v{next(self._numbers)}"
        kind, inner = _kind(hint)
        if kind in ("str", "bytes"):
            self._read_number(one, body, pad)
            body += [
                f"{pad}if {one} & 1: WRONG('a length is negative')",
                f"{pad}end = index + ({one} >> 1)",
                f"{pad}{one} = data[index:end]{'.decode()' if kind == 'str' else ''}",
                f"{pad}index = end",
            ]
        elif kind == "int":
            self._read_number(one, body, pad)
            body.append(f"{pad}{one} = ({one} >> 1) ^ -({one} & 1)")
        elif kind == "float":
            body += [f"{pad}if index + 8 > len(data): WRONG('a number is cut off')"]
            body += [f"{pad}{one} = UNPACK_DOUBLE(data, index)[0]", f"{pad}index += 8"]
        elif kind == "bool":
            body += [f"{pad}{one} = data[index]", f"{pad}index += 1"]
            body += [f"{pad}if {one} > 1: WRONG('neither true nor false')", f"{pad}{one} = {one} == 1"]
        elif kind == "record":
            body.append(f"{pad}{one}, index = {self.reader(inner)}(data, index)")
        elif kind == "optional":
            body += [f"{pad}{one} = data[index]", f"{pad}index += 1", f"{pad}if {one} == 0:", f"{pad}    {one} = None"]
            body += [f"{pad}elif {one} == 2:"]
            found = self._read(inner, body, depth + 1)
            body += [f"{pad}    {one} = {found}", f"{pad}else:", f"{pad}    WRONG('no such branch of a union')"]
        else:
            self._read_blocks(kind, inner, one, body, depth)
        return one

    def _read_blocks(self, kind: str, inner: Any, one: str, body: list[str], depth: int) -> None:
        """Arrays and maps are blocks with a count each; a negative count is followed by the block's size."""
        pad = "    " * depth
        body += [f"{pad}{one} = {'{}' if kind == 'map' else '[]'}", f"{pad}while True:"]
        self._read_number(f"{one}c", body, pad + "    ")
        body += [f"{pad}    if {one}c == 0: break", f"{pad}    if {one}c & 1:", f"{pad}        {one}c += 1"]
        self._read_number(f"{one}s", body, pad + "        ")
        body.append(f"{pad}    for _ in range({one}c >> 1):")
        if kind == "map":
            key = self._read(str, body, depth + 2)
            found = self._read(inner, body, depth + 2)
            body.append(f"{pad}        {one}[{key}] = {found}")
        else:
            found = self._read(inner, body, depth + 2)
            body += [f"{pad}        {one}.append({found})", f"{pad}{one} = tuple({one})"]

    def _read_number(self, name: str, body: list[str], pad: str) -> None:
        body += [
            f"{pad}{name} = data[index]",
            f"{pad}index += 1",
            f"{pad}if {name} > 127: {name}, index = VARINT(data, index - 1)",
        ]


def _fields(declared: type[Declared]) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(declared)
    return [(field.name, hints[field.name]) for field in msgspec.structs.fields(declared)]


_PRIMITIVES: dict[Any, str] = {str: "str", bytes: "bytes", int: "int", float: "float", bool: "bool"}


def _kind(hint: Any) -> tuple[str, Any]:
    """How a type is written, and the type inside it."""
    if hint in _PRIMITIVES:
        return _PRIMITIVES[hint], None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return "optional", inner
    if origin is tuple:
        return "array", arguments[0]
    if origin is dict:
        return "map", arguments[1]
    if isinstance(hint, type) and issubclass(hint, Declared):
        return "record", hint
    raise UndeclarableType(f"{hint}: {UndeclarableType.__doc__}")
