"""A job for the sandbox that opens many files in one child and says how each ended and what memory it took."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from PIL import Image

from processors.artwork.frames import Refused
from processors.artwork.picture import open_picture


class Opening(msgspec.Struct, frozen=True):
    """How one file ended: the refusal's code, or `opened`; and the digest of its pixels."""

    outcome: str
    pixels: str = ""


class Openings(msgspec.Struct, frozen=True):
    """All files' ends, and by how much the child's peak of memory grew."""

    files: tuple[Opening, ...]
    grown_mb: float


def peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def digest(picture: Image.Image) -> str:
    """The SHA-256 of the pixels, taken in strips: the bytes of a whole picture would count as its memory."""
    hashed = hashlib.sha256(repr((picture.mode, picture.size)).encode())
    for top in range(0, picture.height, 64):
        hashed.update(picture.crop((0, top, picture.width, min(top + 64, picture.height))).tobytes())
    return hashed.hexdigest()


def open_many(payload: bytes) -> bytes:
    before = peak_mb()
    files = []
    for content in msgspec.msgpack.decode(payload, type=list[bytes]):
        try:
            picture, _ = open_picture(content, 100_000_000)
        except Refused as refused:
            files.append(Opening(refused.code))
        else:
            files.append(Opening("opened", digest(picture)))
    return msgspec.msgpack.encode(Openings(tuple(files), peak_mb() - before))


JOBS: Mapping[str, Callable[[bytes], bytes]] = {"open_many": open_many}
