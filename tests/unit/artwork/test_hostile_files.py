"""Hostile, damaged and mislabelled files: each becomes a finding that says what to do, never a crash."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from processors.artwork.checks import check_artwork
from processors.artwork.limits import MEBIBYTE, Limits
from processors.artwork.render import ArtworkNotRenderable, render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Template
from tests.unit.artwork.pictures import encoded, noisy, png_chunk, png_claiming, simple_area, simple_template

TEMPLATE = simple_template(simple_area(300, 200))
GOOD = encoded(noisy(300, 200))
GOOD_JPEG = encoded(noisy(300, 200), "JPEG")
PDF = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


def zip_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("picture.png", content)
    return buffer.getvalue()


def animation() -> bytes:
    buffer = io.BytesIO()
    noisy(50, 50).save(buffer, "WEBP", save_all=True, append_images=[noisy(50, 50, seed=2)], duration=100)
    return buffer.getvalue()


def pages() -> bytes:
    buffer = io.BytesIO()
    noisy(50, 50).save(buffer, "TIFF", save_all=True, append_images=[noisy(50, 50, seed=2)])
    return buffer.getvalue()


def text_bomb() -> bytes:
    """A PNG with a compressed comment of 100 MB."""
    compressor = zlib.compressobj(9)
    comment = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(100)) + compressor.flush()
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + comment)
    return GOOD[:33] + chunk + GOOD[33:]


def tiff_in_a_loop() -> bytes:
    """A TIFF whose directory names itself as the next one."""
    entries = struct.pack("<H", 1) + struct.pack("<HHII", 256, 4, 1, 10) + struct.pack("<I", 8)
    return b"II*\0" + struct.pack("<I", 8) + entries


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing at all": (b"", "cannot_be_opened"),
    "one byte": (b"\x89", "format_not_accepted"),
    "only a signature": (b"\x89PNG\r\n\x1a\n", "cannot_be_opened"),
    "random bytes": (bytes(range(256)) * 40, "format_not_accepted"),
    "a PNG cut off in its header": (GOOD[:30], "cannot_be_opened"),
    "a PNG cut off in its pixels": (GOOD[: len(GOOD) // 2], "cannot_be_opened"),
    "a JPEG cut off": (GOOD_JPEG[: len(GOOD_JPEG) // 2], "cannot_be_opened"),
    "a PNG with a broken checksum": (GOOD[:29] + b"\0\0\0\0" + GOOD[33:], "cannot_be_opened"),
    "a WebP cut off": (encoded(noisy(300, 200), "WEBP")[:200], "cannot_be_opened"),
    "a TIFF cut off": (encoded(noisy(300, 200), "TIFF")[:2000], "cannot_be_opened"),
    "a TIFF that points at itself": (tiff_in_a_loop(), "cannot_be_opened"),
    "a header that claims 400 million pixels": (png_claiming(20_000, 20_000, rows=1), "too_many_pixels"),
    "a header that claims the largest size": (png_claiming(2**31 - 1, 2**31 - 1, rows=1)[:60], "too_many_pixels"),
    "a side longer than any product": (png_claiming(40_000, 10), "too_many_pixels"),
    "a compressed comment of 100 MB": (text_bomb(), "cannot_be_opened"),
    "a PDF": (PDF, "format_not_accepted"),
    "an SVG": (SVG, "format_not_accepted"),
    "an SVG after a byte order mark": (b"\xef\xbb\xbf\n  " + SVG, "format_not_accepted"),
    "an XML file": (b"<?xml version='1.0'?><!DOCTYPE svg []>", "format_not_accepted"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run", "format_not_accepted"),
    "a GIF": (encoded(noisy(20, 20).convert("P"), "GIF", icc_profile=None), "format_not_accepted"),
    "a BMP": (encoded(noisy(20, 20), "BMP", icc_profile=None), "format_not_accepted"),
    "a Photoshop file": (b"8BPS\0\1" + bytes(50), "format_not_accepted"),
    "a HEIC photo": (b"\0\0\0\x18ftypheic" + bytes(50), "format_not_accepted"),
    "an archive": (zip_of(GOOD), "format_not_accepted"),
    "an animation": (animation(), "several_pictures"),
    "a file with two pages": (pages(), "several_pictures"),
    "32-bit floating point pixels": (
        encoded(Image.new("F", (20, 20), 0.5), "TIFF", icc_profile=None),
        "colour_unsupported",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_blocks_with_a_finding_that_says_what_to_do(pool: SandboxPool, name: str) -> None:
    content, code = HOSTILE[name]
    result = check_artwork(pool, content, None, TEMPLATE)
    assert [found.code for found in result.findings] == [code]
    assert result.verdict == "block"
    assert result.findings[0].message.rstrip().endswith(".")
    with pytest.raises(ArtworkNotRenderable):
        render_line(pool, content, None, TEMPLATE)


def test_a_small_file_that_needs_much_memory_is_a_finding_within_a_tight_limit() -> None:
    # Given 89 million one-bit pixels in 11 KB, and children that may use 400 MB,
    bomb = png_claiming(9400, 9400)
    assert len(bomb) < 20_000
    with SandboxPool(1, Limits(memory_bytes=500 * MEBIBYTE)) as tight:
        # when it is checked, then memory is refused, and the same child checks a good picture afterwards.
        assert [found.code for found in check_artwork(tight, bomb, None, TEMPLATE).findings] == ["unsafe_to_open"]
        assert check_artwork(tight, GOOD, None, TEMPLATE).verdict == "pass"


def test_a_file_above_the_size_limit_never_reaches_a_child() -> None:
    with SandboxPool(1, Limits(input_bytes_max=1000)) as small:
        result = check_artwork(small, GOOD, None, TEMPLATE)
    assert result.findings[0].code == "file_too_large"


HIDING: dict[str, bytes] = {
    "picture first, archive behind": GOOD + zip_of(b"MZ not a picture"),
    "picture first, PDF behind": GOOD_JPEG + PDF,
    "a script in a comment": GOOD[:33] + png_chunk(b"tEXt", b"Comment\0<script>alert(1)</script>") + GOOD[33:],
}


@pytest.mark.parametrize("name", HIDING)
def test_what_hides_behind_a_picture_never_reaches_the_print_file(pool: SandboxPool, name: str) -> None:
    rendered = render_line(pool, HIDING[name], None, TEMPLATE)
    for file in (rendered.print_png, rendered.proof_webp, rendered.mockup_webp):
        assert b"PK\x03\x04" not in file
        assert b"%PDF" not in file
        assert b"script" not in file


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_that_was_cut_off_blocks_and_says_so(pool: SandboxPool, format_name: str) -> None:
    whole = encoded(noisy(60, 40), format_name)
    for share in (10, 30, 50, 70, 90):
        result = check_artwork(pool, whole[: len(whole) * share // 100], None, TEMPLATE)
        assert (result.verdict, [found.code for found in result.findings]) == ("block", ["cannot_be_opened"])


def test_a_finding_never_repeats_what_the_file_says_about_its_owner(pool: SandboxPool, tee: Template) -> None:
    broken = b"\x89PNG\r\n\x1a\n" + b"Jane Example" * 10
    result = check_artwork(pool, broken, None, tee)
    assert "Jane" not in repr(result)
