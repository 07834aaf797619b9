"""Files of every accepted format, crafted byte by byte: strange, damaged, or made to harm."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Final

import numpy as np
from PIL import Image

from processors.artwork.picture import srgb_bytes
from tests.unit.artwork.pictures import encoded, noisy, png_chunk

PNG_START: Final = b"\x89PNG\r\n\x1a\n"
#: Bit depth and colour type of PNG's kinds of samples, with the number of channels.
GREY_16: Final = (16, 0, 1)
RGB_16: Final = (16, 2, 3)
GREY_ALPHA_16: Final = (16, 4, 2)
RGBA_16: Final = (16, 6, 4)


def png_of(width: int, height: int, kind: tuple[int, int, int], rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of raw rows (each with its filter byte); further chunks stand before the pixels."""
    depth, colour_type, _ = kind
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = (png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b""))
    return PNG_START + b"".join(body)


def sixteen_bits(kind: tuple[int, int, int], values: tuple[int, ...], side: int = 40) -> bytes:
    """A square of one colour with 16 bits a channel."""
    row = b"\0" + struct.pack(f">{len(values)}H", *values) * side
    return png_of(side, side, kind, row * side)


def with_key(bits: int, channels: int, key: tuple[int, ...], side: int = 48) -> bytes:
    """A PNG without an alpha channel whose left half has the colour that it names transparent, its right half zeros."""
    if bits == 16:
        half = struct.pack(f">{channels}H", *key) * (side // 2)
    else:
        samples = "".join(f"{sample:0{bits}b}" for sample in key * (side // 2))
        half = int(samples, 2).to_bytes(len(samples) // 8)
    chunk = png_chunk(b"tRNS", struct.pack(f">{channels}H", *key))
    row = b"\0" + half.ljust(side * channels * bits // 8, b"\0")
    return png_of(side, side, (bits, 0 if channels == 1 else 2, channels), row * side, chunk)


def with_profile(profile: bytes) -> bytes:
    """A PNG with these bytes as its colour profile."""
    good = encoded(noisy(40, 30), icc_profile=None)
    return good[:33] + png_chunk(b"iCCP", b"made up\0\0" + zlib.compress(profile)) + good[33:]


def profile_bomb() -> bytes:
    """A PNG whose colour profile is 100 MB of zeros."""
    squeezer = zlib.compressobj(9)
    squeezed = b"".join(squeezer.compress(bytes(1_000_000)) for _ in range(100)) + squeezer.flush()
    good = encoded(noisy(40, 30), icc_profile=None)
    return good[:33] + png_chunk(b"iCCP", b"bomb\0\0" + squeezed) + good[33:]


def profile_of_many_tags() -> bytes:
    """Our profile, claiming four billion tags."""
    profile = bytearray(srgb_bytes())
    profile[128:132] = b"\xff\xff\xff\xff"
    return bytes(profile)


def profile_for(space: bytes) -> bytes:
    """Our profile, claiming to be for another colour space (four letters)."""
    profile = bytearray(srgb_bytes())
    profile[16:20] = space
    return not_srgb(bytes(profile))


def not_srgb(profile: bytes = srgb_bytes()) -> bytes:
    """A profile that does not say that it is sRGB: ours under another name."""
    return profile.replace(b"sRGB", b"Test").replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))


def linear_srgb(name: str = "GIMP built-in Linear sRGB") -> bytes:
    """A profile of sRGB's primaries in linear light, as editors embed it under sRGB's own name."""
    white, primaries = (
        (0.9642, 1.0, 0.8249),
        ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    )
    described = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(described)) + described + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(white),
        **{colour + b"XYZ": _xyz(primary) for colour, primary in zip((b"r", b"g", b"b"), primaries, strict=True)},
        **{colour + b"TRC": b"curv\0\0\0\0" + struct.pack(">IHxx", 1, 256) for colour in (b"r", b"g", b"b")},
    }
    table, body = b"", b""
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = 128 + 4 + len(table) + len(body)
    start = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    header = start.ljust(68, b"\0") + _xyz(white)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(numbers: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(number * 65_536)) for number in numbers)


def more_pixels_than_claimed() -> bytes:
    """A PNG of 40 × 40 pixels whose data unpack to 200 MB."""
    squeezer = zlib.compressobj(9)
    data = b"".join(squeezer.compress(bytes(1_000_000)) for _ in range(200)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)
    return PNG_START + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    content = bytearray(encoded(noisy(40, 30), "JPEG"))
    at = next(match.start() for match in re.finditer(rb"\xff\xc0\x00\x11\x08", content))
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def jpeg_of_many_scans(scans: int) -> bytes:
    """A progressive JPEG that refines itself again and again: little to send, much to decode."""
    whole = encoded(Image.new("RGB", (4000, 4000), (90, 120, 200)), "JPEG", progressive=True, icc_profile=None)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * scans + whole[-2:]


def tiff_of(tags: dict[int, tuple[int, int, int]], tail: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory: tag → (type, count, value)."""
    entries = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + tail


def tiff_claiming(width: int, height: int) -> bytes:
    """A TIFF without pixels that claims to have many."""
    return tiff_of(
        {
            256: (4, 1, width),
            257: (4, 1, height),
            258: (3, 1, 8),
            259: (3, 1, 1),
            262: (3, 1, 1),
            273: (4, 1, 8),
            277: (3, 1, 1),
            278: (4, 1, height),
            279: (4, 1, 4),
        }
    )


def tiff_bomb() -> bytes:
    """80 million grey pixels in some 80 KB of deflated zeros."""
    buffer = io.BytesIO()
    Image.new("L", (10_000, 8_000)).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP whose key frame claims another size."""
    content = bytearray(encoded(noisy(40, 30), "WEBP", icc_profile=None))
    at = content.index(b"\x9d\x01\x2a") + 3
    content[at : at + 4] = struct.pack("<HH", width, height)
    return bytes(content)


def animated_png() -> bytes:
    buffer = io.BytesIO()
    noisy(50, 50).save(buffer, "PNG", save_all=True, append_images=[noisy(50, 50, seed=2)], duration=100)
    return buffer.getvalue()


def flipped(content: bytes, seed: int) -> bytes:
    """The file with a few bytes changed, anywhere."""
    random = np.random.default_rng(seed)
    changed = bytearray(content)
    for at in random.integers(0, len(content), random.integers(1, 6)):
        changed[at] = random.integers(0, 256)
    return bytes(changed)
