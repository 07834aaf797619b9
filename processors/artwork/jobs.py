"""What the child processes can do: the table of jobs, each from encoded bytes to encoded bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from events.decoding import from_msgpack
from processors.artwork import fonts
from processors.artwork.fonts import FontUnknown
from processors.artwork.frames import Refused
from processors.artwork.measure import MeasureRequest, measure
from processors.artwork.press import RenderRequest, render
from processors.artwork.preview import PreviewRequest, preview
from processors.inspection.job import CompareRequest, compared

# Without shaping no text can be set rightly; better that the process does not start than a wrong print.
fonts.assert_shaping()


def _measure(payload: bytes) -> bytes:
    try:
        return msgspec.msgpack.encode(measure(from_msgpack(payload, MeasureRequest)))
    except FontUnknown as error:
        raise Refused("template", str(error)) from error


def _render(payload: bytes) -> bytes:
    try:
        return msgspec.msgpack.encode(render(from_msgpack(payload, RenderRequest)))
    except FontUnknown as error:
        raise Refused("template", str(error)) from error


def _preview(payload: bytes) -> bytes:
    try:
        return msgspec.msgpack.encode(preview(from_msgpack(payload, PreviewRequest)))
    except FontUnknown as error:
        raise Refused("template", str(error)) from error


def _compare(payload: bytes) -> bytes:
    return msgspec.msgpack.encode(compared(from_msgpack(payload, CompareRequest)))


JOBS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "compare": _compare,
    "measure": _measure,
    "preview": _preview,
    "render": _render,
}
