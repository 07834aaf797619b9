"""Records are decoded by several threads at once, from the first moment of a process on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import events
from events.decoding import convert, converter, from_json, from_msgpack, json_decoder, msgpack_decoder

ROOT = Path(events.__file__).parent.parent
SYSTEM = ("events", "projections", "processors", "api", "infra")
#: What learns a class without the lock.
MSGSPECS_OWN = {
    *("msgspec.convert", "msgspec.json.decode", "msgspec.json.Decoder"),
    *("msgspec.msgpack.decode", "msgspec.msgpack.Decoder"),
}
#: Threads that begin together with classes that nobody has used before, over and over.
TOGETHER = """
import sys, threading, msgspec
{function}
sys.setswitchinterval(1e-6)

def new_classes():
    class Area(msgspec.Struct):
        name: str
        sizes: dict[str, int]

    class Line(msgspec.Struct):
        area: Area
        areas: list[Area]

    class Order(msgspec.Struct):
        line: Line
        lines: dict[str, Line]

    return Area, Line, Order

area = {{"name": "front", "sizes": {{"px": 1}}}}
line = {{"area": area, "areas": [area]}}
contents = area, line, {{"line": line, "lines": {{"1": line}}}}

def begin(place, classes, start):
    start.wait()
    convert(contents[place], classes[place])

for _ in range(300):
    classes, start = new_classes(), threading.Barrier(9)
    threads = [threading.Thread(target=begin, args=(n % 3, classes, start)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


class Area(msgspec.Struct):
    name: str
    width_px: int


FRONT = Area(name="front", width_px=300)


def together(function: str) -> subprocess.CompletedProcess[bytes]:
    """A process whose threads all begin with this `convert`."""
    script = TOGETHER.format(function=function)
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120, check=False)


def test_threads_that_begin_with_the_same_classes_at_the_same_moment_all_read_them() -> None:
    ended = together("from events.decoding import convert")

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_without_the_lock_such_threads_end_their_process() -> None:
    # Now and then a process survives all its rounds; several do not.
    was_ended = any(together("convert = msgspec.convert").returncode < 0 for _ in range(4))

    assert was_ended, "no signal ended it: msgspec may have mended this, then events/decoding.py can go"


def test_nothing_else_lets_msgspec_learn_a_class() -> None:
    paths = [path for folder in SYSTEM for path in (ROOT / folder).rglob("*.py")]
    used = {
        str(path.relative_to(ROOT))
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in MSGSPECS_OWN
    }

    assert used == {"events/decoding.py"}


def test_every_way_of_reading_reads_what_was_written() -> None:
    plain, text, packed = msgspec.to_builtins(FRONT), msgspec.json.encode(FRONT), msgspec.msgpack.encode(FRONT)

    assert convert(plain, Area) == converter(Area)(plain) == FRONT
    assert from_json(text, Area) == json_decoder(Area)(text) == FRONT
    assert from_msgpack(packed, Area) == msgpack_decoder(Area)(packed) == FRONT


def test_without_a_type_plain_content_comes_out() -> None:
    assert from_json(b'{"a": [1]}') == from_msgpack(msgspec.msgpack.encode({"a": [1]})) == {"a": [1]}


def test_content_that_does_not_fit_is_refused_with_the_place() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.width_px"):
        convert({"name": "front", "width_px": "wide"}, Area)
