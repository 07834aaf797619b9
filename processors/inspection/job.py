"""The comparison as a job of the sandbox: a photograph comes from outside, so it is decoded in a child process."""

from __future__ import annotations

import msgspec

from events.decoding import from_msgpack
from processors.artwork.frames import Refused
from processors.artwork.picture import open_picture
from processors.artwork.sandbox import ChildKilled, JobRefused, SandboxPool
from processors.inspection.compare import Verdict, compare
from processors.inspection.picture import difference_picture
from processors.ports import NamedError

PHOTO_SIDE_PX_MIN = 400
#: A camera's picture is decoded no larger than this where its format allows: the comparison needs less.
PHOTO_DRAFT_PX = 1_000


class PhotoNotUsable(NamedError):
    """The photograph cannot be opened or is too small. Take it anew as JPEG or PNG with at least 400 pixels a side."""


class CompareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a child compares: both files encoded, `area_share` as for `compare`."""

    reference: bytes
    photo: bytes
    area_share: float
    pixels_max: int


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, and the difference picture as WebP with its size in pixels."""

    verdict: Verdict
    picture: bytes


def compared(request: CompareRequest) -> Compared:
    """Decode both files and compare them; runs in a child process. Raises Refused."""
    photo, opened = open_picture(request.photo, request.pixels_max, draft_px=PHOTO_DRAFT_PX)
    if min(opened.width_px, opened.height_px) < PHOTO_SIDE_PX_MIN:
        raise Refused("photo_too_small", f"The photograph has only {opened.width_px} x {opened.height_px} pixels.")
    reference, _ = open_picture(request.reference, request.pixels_max)
    comparison = compare(reference, photo.convert("RGB"), area_share=request.area_share)
    return Compared(verdict=comparison.verdict, picture=difference_picture(comparison))


def compare_files(pool: SandboxPool, reference: bytes, photo: bytes, area_share: float) -> Compared:
    """Compare in a child process. Blocks. Raises PhotoNotUsable, or a SandboxError when the pool does not work."""
    request = CompareRequest(reference=reference, photo=photo, area_share=area_share, pixels_max=pool.limits.pixels_max)
    try:
        answer = pool.run("compare", msgspec.msgpack.encode(request), own_bytes=len(reference))
    except JobRefused as refused:
        raise PhotoNotUsable(f"{refused} {PhotoNotUsable.__doc__}") from refused
    except ChildKilled as killed:
        raise PhotoNotUsable(str(killed)) from killed
    return from_msgpack(answer, Compared)
