"""Jobs for the sandbox's own tests: each misbehaves as a decoder might."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from processors.artwork.frames import Refused


def echo(payload: bytes) -> bytes:
    return payload


def crash(payload: bytes) -> bytes:
    ctypes.string_at(0)
    return payload


def crash_once(payload: bytes) -> bytes:
    """Ends the process unless the file named by the payload exists; makes it first."""
    marker = Path(payload.decode())
    if marker.exists():
        return b"second try"
    # File descriptors survive a zero file-size limit, but content does not: the name alone is the mark.
    marker.touch()
    os.abort()


def spin(payload: bytes) -> bytes:
    while True:
        pass


def hang(payload: bytes) -> bytes:
    """Waits without using the processor: only the wall clock can end it."""
    read, _ = os.pipe()
    return os.read(read, 1)


def devour(payload: bytes) -> bytes:
    return bytes(8 * 1024**3)


def refuse(payload: bytes) -> bytes:
    raise Refused("not_liked", "This input is not liked. Send another.")


def fail(payload: bytes) -> bytes:
    raise LookupError("an error that nobody foresaw")


def chatter(payload: bytes) -> bytes:
    sys.stdout.write("noise that must not become an answer\n")
    sys.stdout.flush()
    return b"clean"


def environment(payload: bytes) -> bytes:
    return "\n".join(sorted(os.environ)).encode()


def process_id(payload: bytes) -> bytes:
    return str(os.getpid()).encode()


def write_a_lot(payload: bytes) -> bytes:
    try:
        Path(payload.decode()).write_bytes(bytes(4 * 1024 * 1024))
    except OSError as error:
        return type(error).__name__.encode()
    return b"written"


JOBS: Mapping[str, Callable[[bytes], bytes]] = {
    job.__name__: job
    for job in (
        echo,
        crash,
        crash_once,
        spin,
        hang,
        devour,
        refuse,
        fail,
        chatter,
        environment,
        process_id,
        write_a_lot,
    )
}
