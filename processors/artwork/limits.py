"""The bounds within which foreign pictures are decoded. Every number has a reason; all can be set lower."""

from __future__ import annotations

from typing import Final

import msgspec

MEBIBYTE: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one job in a child process may use.

    `memory_bytes` bounds the address space of the child: the largest canvas, the largest picture and two
    working copies fit. `cpu_seconds` bounds one job; a full render takes about two. `wall_seconds` is for a child that
    hangs, and generous, because a busy machine must not condemn a good picture. Pictures
    above `pixels_max` are refused from their header, before anything is decoded: a 12 KB file can claim
    90 million pixels. `input_bytes_max` bounds the file that came from outside, `art_bytes_max` a template's own files
    that one area and its mock-up are made of: five of the largest size.
    """

    memory_bytes: int = 2048 * MEBIBYTE
    cpu_seconds: int = 30
    wall_seconds: float = 180.0
    pixels_max: int = 100_000_000
    input_bytes_max: int = 50 * MEBIBYTE
    art_bytes_max: int = 100 * MEBIBYTE
    output_bytes_max: int = 256 * MEBIBYTE
