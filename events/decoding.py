"""Plain content, JSON and MessagePack into records, safe in every thread.

msgspec 0.22 learns a class when it is first decoded into, and shows the half of it that it knows to other threads
meanwhile: two threads that begin with the same class at the same moment end the process. So every class is learnt under
one lock before anything is decoded into it, and nothing else in the project calls msgspec's own functions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

_learning = threading.Lock()
_learnt: set[Any] = set()


def _learn(kind: Any) -> None:
    """Let msgspec learn a type whole, with all that is inside, before any other thread can meet it."""
    if kind not in _learnt:
        with _learning:
            msgspec.msgpack.Decoder(kind)
            _learnt.add(kind)


@overload
def convert(content: object, kind: type[T]) -> T: ...
@overload
def convert(content: object, kind: Any) -> Any: ...
def convert(content: object, kind: Any) -> Any:
    """Plain content as a value of this type. Raises `msgspec.ValidationError`, which says where it does not fit."""
    _learn(kind)
    return msgspec.convert(content, kind)


def converter(kind: type[T]) -> Callable[[object], T]:
    """`convert` for one type, made once where every microsecond counts."""
    _learn(kind)
    return partial(msgspec.convert, type=kind)


@overload
def from_json(content: bytes | str, kind: type[T]) -> T: ...
@overload
def from_json(content: bytes | str, kind: Any = ...) -> Any: ...
def from_json(content: bytes | str, kind: Any = Any) -> Any:
    """The value in JSON. Raises `msgspec.DecodeError`, and its child `ValidationError` where it is of another type."""
    _learn(kind)
    return msgspec.json.decode(content, type=kind)


def json_decoder(kind: type[T]) -> Callable[[bytes | str], T]:
    """`from_json` for one type, made once."""
    _learn(kind)
    return msgspec.json.Decoder(kind).decode


@overload
def from_msgpack(content: bytes, kind: type[T]) -> T: ...
@overload
def from_msgpack(content: bytes, kind: Any = ...) -> Any: ...
def from_msgpack(content: bytes, kind: Any = Any) -> Any:
    """The value in MessagePack. Raises `msgspec.DecodeError`, and its child `ValidationError`."""
    _learn(kind)
    return msgspec.msgpack.decode(content, type=kind)


def msgpack_decoder(kind: type[T]) -> Callable[[bytes], T]:
    """`from_msgpack` for one type, made once."""
    _learn(kind)
    return msgspec.msgpack.Decoder(kind).decode
