"""A fast PNG writer for print files: filtered, compressed and joined band by band on several threads.

Encoding is most of the time of a render done with an image library's own PNG writer. This one cuts the
picture into bands of rows, lets each band choose its row filter and its deflate strategy from a small sample,
compresses the bands side by side as raw deflate and joins them with sync flushes, which is valid zlib data
(RFC 1950, 1951). The output is the same bytes for any number of threads.

Run-length deflate is fast and small on photographs and blows a repeating pattern up twelvefold; that is why
every band compares it with a real match search on its own rows before choosing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from zlib_ng import zlib_ng

type_bytes = NDArray[np.uint8]

BAND_ROWS: Final = 128
#: Rows of a band that the probe compresses; two such slices are taken from every band.
PROBE_ROWS: Final = 4
#: A match search must be this much smaller than run-length coding before its time is worth spending.
MATCH_GAIN: Final = 0.94
#: The quickest search uses a fixed code and gives up early; beyond this much over run-length coding there is no hope.
QUICK_HOPE: Final = 1.3

FILTER_NONE: Final = 0
FILTER_SUB: Final = 1
FILTER_UP: Final = 2
FILTER_AVERAGE: Final = 3

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ADLER_MODULUS: Final = 65521
_RUN_LENGTH: Final = (1, zlib_ng.Z_RLE)
_QUICK_MATCHES: Final = (1, zlib_ng.Z_DEFAULT_STRATEGY)
_MATCHES: Final = (7, zlib_ng.Z_DEFAULT_STRATEGY)
_COLOUR_TYPES: Final = {"L": (0, 1), "RGB": (2, 3), "LA": (4, 2), "RGBA": (6, 4)}


class _Band(NamedTuple):
    """One compressed band: raw deflate bytes, the Adler-32 of what went in, and how long that was."""

    deflated: bytes
    adler32: int
    length: int


def filter_rows(kind: int, current: type_bytes, above: type_bytes, channels: int) -> type_bytes:
    """Apply one PNG row filter to many rows at once.

    `current` and `above` are (rows, width * channels) bytes; `above` holds for each row the row over it
    (zeros over the first row of the picture). The result is (rows, width * channels + 1): each row with its
    filter byte before it. Paeth is left out: it costs ten times the others and gains nothing on photographs.
    """
    rows, row_bytes = current.shape
    filtered = np.empty((rows, row_bytes + 1), np.uint8)
    filtered[:, 0] = kind
    body = filtered[:, 1:]
    if kind == FILTER_NONE:
        body[:] = current
    elif kind == FILTER_SUB:
        body[:, :channels] = current[:, :channels]
        np.subtract(current[:, channels:], current[:, :-channels], out=body[:, channels:])
    elif kind == FILTER_UP:
        np.subtract(current, above, out=body)
    elif kind == FILTER_AVERAGE:
        # floor((left + above) / 2) without leaving 8 bits: the common bits plus half of the differing ones.
        np.subtract(current[:, :channels], above[:, :channels] >> 1, out=body[:, :channels])
        left, over = current[:, :-channels], above[:, channels:]
        average = left ^ over
        average >>= 1
        average += left & over
        np.subtract(current[:, channels:], average, out=body[:, channels:])
    else:
        raise ValueError(f"row filter {kind} is not one of none, sub, up, average")
    return filtered


def _deflate(filtered: type_bytes, how: tuple[int, int], flush: int) -> bytes:
    """Raw deflate of the rows with a (level, strategy) pair."""
    level, strategy = how
    compressor = zlib_ng.compressobj(level, zlib_ng.DEFLATED, -15, 9, strategy)
    return bytes(compressor.compress(filtered)) + bytes(compressor.flush(flush))


def choose(current: type_bytes, above: type_bytes, channels: int) -> tuple[int, tuple[int, int]]:
    """The row filter and the deflate strategy that suit a band, from two small slices of its rows."""
    rows = current.shape[0]
    starts = sorted({max(0, rows // 4 - PROBE_ROWS // 2), max(0, 3 * rows // 4 - PROBE_ROWS // 2)})
    slices = [slice(start, start + PROBE_ROWS) for start in starts]

    def size(kind: int, how: tuple[int, int]) -> int:
        return sum(
            len(_deflate(filter_rows(kind, current[s], above[s], channels), how, zlib_ng.Z_FINISH)) for s in slices
        )

    kinds = (FILTER_UP, FILTER_AVERAGE, FILTER_SUB, FILTER_NONE)
    run_length = {kind: size(kind, _RUN_LENGTH) for kind in kinds}
    kind = min(kinds, key=lambda k: run_length[k])
    # The averaging filter hides repeats from a match search, so that search is tried where repeats survive. A real
    # search through a photograph is slow and in vain, so the quickest one is asked first whether there is hope.
    candidates = sorted({kind, FILTER_UP, FILTER_NONE})
    if min(size(k, _QUICK_MATCHES) for k in candidates) > QUICK_HOPE * run_length[kind]:
        return kind, _RUN_LENGTH
    matches = {k: size(k, _MATCHES) for k in candidates}
    matched = min(candidates, key=lambda k: matches[k])
    if matches[matched] < MATCH_GAIN * run_length[kind]:
        return matched, _MATCHES
    return kind, _RUN_LENGTH


def _compress_band(current: type_bytes, above: type_bytes, channels: int, last: bool) -> _Band:
    """Choose, filter and compress one band."""
    if current.any():
        kind, how = choose(current, above, channels)
    else:
        kind, how = FILTER_UP, _RUN_LENGTH
    filtered = filter_rows(kind, current, above, channels)
    deflated = _deflate(filtered, how, zlib_ng.Z_FINISH if last else zlib_ng.Z_SYNC_FLUSH)
    return _Band(deflated, zlib_ng.adler32(filtered), filtered.size)


def combine_adler32(first: int, second: int, second_length: int) -> int:
    """The Adler-32 of two byte strings joined, from the checksum of each and the length of the second."""
    remainder = second_length % _ADLER_MODULUS
    first_low, second_low = first & 0xFFFF, second & 0xFFFF
    low = (first_low + second_low - 1) % _ADLER_MODULUS
    high = ((first >> 16) + (second >> 16) + remainder * (first_low - 1)) % _ADLER_MODULUS
    return high << 16 | low


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, type, data, CRC over type and data."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib_ng.crc32(data, zlib_ng.crc32(kind)))


def _bands(
    rows: Callable[[int, int], type_bytes], height_px: int, row_bytes: int
) -> Iterator[tuple[type_bytes, type_bytes, bool]]:
    """The picture's bands from top to bottom: (rows, the rows above them, whether it is the last)."""
    row_above = np.zeros(row_bytes, np.uint8)
    for top in range(0, height_px, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height_px)
        current = rows(top, bottom).reshape(bottom - top, row_bytes)
        above = np.empty_like(current)
        above[0] = row_above
        above[1:] = current[:-1]
        row_above = current[-1]
        yield current, above, bottom == height_px


def write_rows(
    rows: Callable[[int, int], type_bytes],
    *,
    width_px: int,
    height_px: int,
    mode: str = "RGBA",
    dpi: int,
    icc_profile: bytes,
    icc_name: str = "sRGB",
    threads: int = 2,
) -> bytes:
    """Write a PNG from a function that gives rows [top, bottom) as 8-bit samples.

    `mode` is L, RGB, LA or RGBA; `dpi` is written as pixels a metre (pHYs), the profile as iCCP. The rows are
    asked for in order from the calling thread; compression runs on `threads` others, at most `threads` + 2 bands
    ahead, so that memory does not grow with the picture.
    """
    colour_type, channels = _COLOUR_TYPES[mode]
    row_bytes = width_px * channels
    per_metre = round(dpi / 0.0254)
    deflated_profile = zlib_ng.compress(icc_profile, 9)
    parts = [
        _SIGNATURE,
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, colour_type, 0, 0, 0)),
        _chunk(b"iCCP", icc_name.encode("latin-1") + b"\0\0" + deflated_profile),
        _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
    ]
    adler, first = 1, True

    def take(band: _Band) -> None:
        nonlocal adler, first
        adler = combine_adler32(adler, band.adler32, band.length)
        # The zlib header says: deflate, 32 KiB window, fastest level; its check bits make it a multiple of 31.
        parts.append(_chunk(b"IDAT", (b"\x78\x01" if first else b"") + band.deflated))
        first = False

    with ThreadPoolExecutor(threads, thread_name_prefix="png-band") as pool:
        waiting: list[Any] = []
        for current, above, last in _bands(rows, height_px, row_bytes):
            waiting.append(pool.submit(_compress_band, current, above, channels, last))
            if len(waiting) > threads + 2:
                take(waiting.pop(0).result())
        for future in waiting:
            take(future.result())
    parts += [_chunk(b"IDAT", struct.pack(">I", adler)), _chunk(b"IEND", b"")]
    return b"".join(parts)


def write_image(image: Image.Image, *, dpi: int, icc_profile: bytes, threads: int = 2) -> bytes:
    """Write a Pillow image (mode L, RGB, LA or RGBA) as PNG; see `write_rows`.

    Bands are cropped out of the image one at a time: a view of the whole image as one array would copy it all.
    """
    width_px, height_px = image.size

    def rows(top: int, bottom: int) -> type_bytes:
        return np.frombuffer(image.crop((0, top, width_px, bottom)).tobytes(), np.uint8)

    return write_rows(
        rows,
        width_px=width_px,
        height_px=height_px,
        mode=image.mode,
        dpi=dpi,
        icc_profile=icc_profile,
        threads=threads,
    )
