"""Jobs of the soak's child processes: those in use, and one that makes the press's files alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from events.decoding import from_msgpack
from processors.artwork import jobs
from processors.artwork.pdf import write_pdf
from processors.artwork.press import RenderRequest, compose_request, print_png


def print_files(payload: bytes) -> bytes:
    """Decode, compose and write print file and PDF as a whole line does, but no pictures for people."""
    request = from_msgpack(payload, RenderRequest)
    area = request.template.area(request.area)
    sheet = compose_request(request, area).sheet
    return print_png(sheet, area) + write_pdf(sheet, area)


JOBS: Final[Mapping[str, Callable[[bytes], bytes]]] = {**jobs.JOBS, "print_files": print_files}
