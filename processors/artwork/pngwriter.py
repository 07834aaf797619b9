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
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from zlib_ng import zlib_ng

from processors.artwork.canvas import Samples

BAND_ROWS: Final = 128
#: Rows of a band that the probe compresses; two such slices are taken from every band.
PROBE_ROWS: Final = 2
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
#: PNG's colour type by the number of channels.
_COLOUR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}


class _Band(NamedTuple):
    """One compressed band: raw deflate bytes, the Adler-32 of what went in, and how long that was."""

    deflated: bytes
    adler32: int
    length: int


def filter_rows(kind: int, current: Samples, above: Samples, channels: int) -> Samples:
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


def _deflate(filtered: Samples, how: tuple[int, int], flush: int) -> bytes:
    """Raw deflate of the rows with a (level, strategy) pair."""
    level, strategy = how
    compressor = zlib_ng.compressobj(level, zlib_ng.DEFLATED, -15, 9, strategy)
    return bytes(compressor.compress(filtered)) + bytes(compressor.flush(flush))


def choose(current: Samples, above: Samples, channels: int) -> tuple[int, tuple[int, int]]:
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


def _compress_band(current: Samples, above: Samples, channels: int, last: bool) -> _Band:
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


def _bands(pixels: Samples) -> Iterator[tuple[Samples, Samples, bool]]:
    """The picture's bands from top to bottom: (rows, the rows above them, whether it is the last).

    Both are views where the samples lie together in memory; only the first band has to be copied, to stand under a
    row of zeros.
    """
    height_px, row_bytes = pixels.shape[0], pixels[0].size
    for top in range(0, height_px, BAND_ROWS):
        bottom = min(top + BAND_ROWS, height_px)
        rows = pixels[max(top - 1, 0) : bottom].reshape(-1, row_bytes)
        if top == 0:
            rows = np.concatenate([np.zeros((1, row_bytes), np.uint8), rows])
        yield rows[1:], rows[:-1], bottom == height_px


def deflate_rows(pixels: Samples, *, threads: int = 2) -> list[bytes]:
    """The picture as zlib data (in pieces, to be joined) of rows with PNG filters before them.

    `pixels` are 8-bit samples as (height, width) or (height, width, channels); they may be a part of a larger array.
    Compression runs on `threads` threads, at most `threads` + 2 bands ahead, so that memory does not grow with the
    picture. PNG holds this data in IDAT chunks, PDF in a FlateDecode stream with predictor 15.
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    pieces: list[bytes] = []
    adler = 1

    def take(band: _Band) -> None:
        nonlocal adler
        adler = combine_adler32(adler, band.adler32, band.length)
        # The zlib header says: deflate, 32 KiB window, fastest level; its check bits make it a multiple of 31.
        pieces.append(band.deflated if pieces else b"\x78\x01" + band.deflated)

    with ThreadPoolExecutor(threads, thread_name_prefix="png-band") as pool:
        waiting: deque[Future[_Band]] = deque()
        for current, above, last in _bands(pixels):
            waiting.append(pool.submit(_compress_band, current, above, channels, last))
            if len(waiting) > threads + 2:
                take(waiting.popleft().result())
        while waiting:
            take(waiting.popleft().result())
    pieces.append(struct.pack(">I", adler))
    return pieces


def write_png(pixels: Samples, *, dpi: int, icc_profile: bytes, threads: int = 2) -> bytes:
    """Write 8-bit samples as PNG: (height, width) grey, or (height, width, 2, 3 or 4) grey and alpha, RGB, RGBA.

    `dpi` is written as pixels a metre (pHYs), the colour profile as iCCP.
    """
    height_px, width_px = pixels.shape[:2]
    colour_type = _COLOUR_TYPES[pixels.shape[2] if pixels.ndim == 3 else 1]
    per_metre = round(dpi / 0.0254)
    profile = b"sRGB\0\0" + zlib_ng.compress(icc_profile, 9)
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, colour_type, 0, 0, 0)
    chunks = [
        _SIGNATURE,
        _chunk(b"IHDR", header),
        _chunk(b"iCCP", profile),
        _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
        *(_chunk(b"IDAT", piece) for piece in deflate_rows(pixels, threads=threads)),
        _chunk(b"IEND", b""),
    ]
    return b"".join(chunks)
