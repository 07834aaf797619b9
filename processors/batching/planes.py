"""Opens a print file for a gang sheet in a child process: its bytes came from a picture that a stranger sent.

`processors/artwork/sandbox.py` runs the job; what comes back are the deflated planes that a PDF embeds as they are.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from PIL import Image

from events.decoding import from_msgpack
from processors.artwork.frames import Refused
from processors.artwork.limits import Limits
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.ports import NamedError

#: Pixels of one print file; the renderer makes none that is larger.
PIXELS_MAX: Final = 100_000_000
#: Deflating a picture of noise of that size takes a minute; a print file of the usual size takes two seconds. What may
#: come in is what the renderer may hand out, which is more than a buyer's file may have.
LIMITS: Final = Limits(cpu_seconds=120, pixels_max=PIXELS_MAX, input_bytes_max=Limits().output_bytes_max)
OPEN: Final = "open_print_file"


class PictureUnreadable(NamedError):
    """A print file is no PNG that can be imposed. Render its line again."""


class Planes(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as a PDF takes it: deflated rows of RGB, and of transparency (empty where nothing is transparent)."""

    width_px: int
    height_px: int
    colours: bytes
    transparency: bytes


def planes_of(content: bytes) -> Planes:
    """Decode a PNG. Call it where its bytes are trusted, or in a child process. Raises PictureUnreadable."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                raise PictureUnreadable(f"{opened.width} × {opened.height} pixels. {PictureUnreadable.__doc__}")
            picture = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureUnreadable(f"{PictureUnreadable.__doc__} ({error})") from None
    alpha = picture.getchannel("A")
    is_opaque = alpha.getextrema() == (255, 255)
    return Planes(
        width_px=picture.width,
        height_px=picture.height,
        colours=zlib.compress(picture.convert("RGB").tobytes(), 6),
        transparency=b"" if is_opaque else zlib.compress(alpha.tobytes(), 6),
    )


def planes_in_child(pool: SandboxPool, content: bytes) -> Planes:
    """The same, in a child of a pool made by `sheet_sandbox`. Blocks.

    Raises PictureUnreadable, or a SandboxError where the pool itself does not work.
    """
    try:
        return from_msgpack(pool.run(OPEN, content), Planes)
    except (JobRefused, ChildKilled) as error:
        raise PictureUnreadable(f"{PictureUnreadable.__doc__} ({error})") from error


def sheet_sandbox() -> SandboxPool:
    """One child that opens print files; it is started with the first of them."""
    return SandboxPool(1, LIMITS, jobs_module=__name__)


def _open(payload: bytes) -> bytes:
    try:
        return msgspec.msgpack.encode(planes_of(payload))
    except PictureUnreadable as error:
        raise Refused("picture", str(error)) from error


JOBS: Final[Mapping[str, Callable[[bytes], bytes]]] = {OPEN: _open}
"""What the child can do."""
