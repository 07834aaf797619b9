"""Hostile and strange files of every format: each ends as a finding or as the right picture, in bounded memory."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from importlib.resources import files

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageCms

from processors.artwork.checks import check_artwork
from processors.artwork.limits import MEBIBYTE, Limits
from processors.artwork.picture import srgb_bytes
from processors.artwork.render import render_line
from processors.artwork.sandbox import SandboxPool
from processors.artwork.template import Box, ImageLayer
from tests.unit.artwork import crafted
from tests.unit.artwork.opening_jobs import Openings
from tests.unit.artwork.pictures import encoded, noisy, png_chunk, png_claiming, simple_area, simple_template

TEMPLATE = simple_template(simple_area(40, 30, dpi_warn=150))
FORMATS = {
    "PNG": encoded(noisy(40, 30, "RGBA")),
    "palette PNG": encoded(noisy(40, 30).quantize(16), transparency=3),
    "JPEG": encoded(noisy(40, 30), "JPEG"),
    "progressive JPEG": encoded(noisy(40, 30), "JPEG", progressive=True),
    "WebP": encoded(noisy(40, 30, "RGBA"), "WEBP"),
    "lossless WebP": encoded(noisy(40, 30), "WEBP", lossless=True),
    "TIFF": encoded(noisy(40, 30), "TIFF"),
    "packed TIFF": encoded(noisy(40, 30), "TIFF", compression="tiff_adobe_deflate"),
}
#: What may be said about a damaged file; anything else would be an error that nobody foresaw.
REFUSALS = {
    "damaged",
    "empty_file",
    "too_many_pixels",
    "several_pictures",
    "colour_unsupported",
    "format_unknown",
    "opened",
}


@pytest.fixture(scope="module")
def opener() -> Iterator[SandboxPool]:
    """One child that opens files; its memory is bounded as in use."""
    with SandboxPool(1, jobs_module="tests.unit.artwork.opening_jobs") as pool:
        yield pool


def opened(opener: SandboxPool, files: list[bytes]) -> Openings:
    return msgspec.msgpack.decode(opener.run("open_many", msgspec.msgpack.encode(files)), type=Openings)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_anywhere_is_refused_or_whole(opener: SandboxPool, name: str) -> None:
    whole = FORMATS[name]
    cuts = opened(opener, [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 600))]).files
    (good,) = opened(opener, [whole]).files
    assert good.outcome == "opened"
    assert {cut.outcome for cut in cuts} <= REFUSALS
    # What opens has lost nothing but what follows the pixels.
    assert {cut.pixels for cut in cuts if cut.outcome == "opened"} <= {good.pixels}
    assert sum(cut.outcome == "opened" for cut in cuts) <= len(cuts) // 4


@pytest.mark.parametrize("name", FORMATS)
def test_changed_bytes_never_end_a_child_and_never_take_much_memory(opener: SandboxPool, name: str) -> None:
    files = [crafted.flipped(FORMATS[name], seed) for seed in range(400)]
    openings = opened(opener, files)
    unforeseen = {opening.outcome for opening in openings.files} - REFUSALS
    assert {outcome for outcome in unforeseen if not outcome.startswith("format_")} == set()
    assert openings.grown_mb < 500


HEADERS = {
    "a PNG without width": (crafted.png_of(0, 10, (8, 2, 3), b""), "damaged"),
    "a PNG without height": (crafted.png_of(10, 0, (8, 2, 3), b""), "damaged"),
    "a JPEG without height": (crafted.jpeg_claiming(40, 0), "damaged"),
    "a TIFF without width": (crafted.tiff_claiming(0, 10), "damaged"),
    "a PNG as large as a header can say": (png_claiming(2**31 - 1, 2**31 - 1, rows=1), "too_many_pixels"),
    "a JPEG as large as a header can say": (crafted.jpeg_claiming(65_500, 65_500), "too_many_pixels"),
    "a TIFF as large as a header can say": (crafted.tiff_claiming(2**32 - 1, 2**32 - 1), "too_many_pixels"),
    "a WebP as large as a header can say": (crafted.webp_claiming(16_383, 16_383), "too_many_pixels"),
    "an animated PNG": (crafted.animated_png(), "several_pictures"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_believed_before_anything_is_decoded(opener: SandboxPool, name: str) -> None:
    content, outcome = HEADERS[name]
    openings = opened(opener, [content])
    assert [file.outcome for file in openings.files] == [outcome]
    assert openings.grown_mb < 32


SWELLING = {
    "data that unpack to more than the picture": crafted.more_pixels_than_claimed(),
    "a profile of 100 MB in 100 KB": crafted.profile_bomb(),
}


@pytest.mark.parametrize("name", SWELLING)
def test_what_unpacks_to_much_more_than_it_needs_takes_little_memory(opener: SandboxPool, name: str) -> None:
    openings = opened(opener, [SWELLING[name]])
    assert openings.files[0].outcome in REFUSALS
    assert openings.grown_mb < 300


def test_eighty_million_pixels_in_a_small_file_stay_within_two_copies_of_four_bytes_a_pixel(
    opener: SandboxPool,
) -> None:
    bomb = crafted.tiff_bomb()
    assert len(bomb) < 200_000
    openings = opened(opener, [bomb])
    assert openings.files[0].outcome == "opened"
    assert openings.grown_mb < 2 * 4 * 80


def test_a_picture_that_never_ends_decoding_is_a_finding_within_its_processor_time() -> None:
    content = crafted.jpeg_of_many_scans(3_000)
    assert len(content) < 20 * MEBIBYTE
    with SandboxPool(1, Limits(cpu_seconds=1)) as pool:
        result = check_artwork(pool, content, None, TEMPLATE)
    assert [found.code for found in result.findings] == ["unsafe_to_open"]


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("harm.exe", content)
    return buffer.getvalue()


PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


BEHIND = {"an archive": zipped(b"MZ"), "a page": PAGE, "a PDF": b"%PDF-1.7\n%%EOF", "a GIF": b"GIF89a" + bytes(40)}
BEFORE = {
    "a page": PAGE,
    "a GIF": b"GIF89a",
    "a PDF": b"%PDF-1.4 ",
    "an archive": b"PK\x03\x04",
    "a zero": b"\0",
    "a program": b"MZ\x90\0",
}


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WebP", "TIFF"])
@pytest.mark.parametrize("behind", BEHIND)
def test_what_stands_behind_a_picture_is_neither_opened_nor_printed(pool: SandboxPool, name: str, behind: str) -> None:
    content = FORMATS[name] + BEHIND[behind]
    assert check_artwork(pool, content, None, TEMPLATE).verdict == "pass"
    rendered = render_line(pool, content, None, TEMPLATE)
    for file in (rendered.print_png, rendered.proof_webp, rendered.mockup_webp):
        assert BEHIND[behind][:20] not in file


@pytest.mark.parametrize("before", BEFORE)
def test_a_picture_behind_something_else_is_not_a_picture(pool: SandboxPool, before: str) -> None:
    result = check_artwork(pool, BEFORE[before] + FORMATS["PNG"], None, TEMPLATE)
    assert [found.code for found in result.findings] == ["format_not_accepted"]


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WebP", "TIFF"])
def test_the_content_says_what_a_file_is_whatever_its_name_says(pool: SandboxPool, name: str) -> None:
    # There is no file name to believe: what arrives are bytes, and the format that is shown is that of the bytes.
    assert check_artwork(pool, FORMATS[name], None, TEMPLATE).format == name.upper()


def printed(pool: SandboxPool, content: bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.int16]]:
    """The print file's pixels of a picture that is stretched over the whole area of 40 × 30."""
    whole = Box(x_um=0, y_um=0, width_um=4_000, height_um=3_000)
    layer = ImageLayer(name="picture", box=whole, fit="stretch")
    rendered = render_line(pool, content, None, simple_template(simple_area(40, 30, layer)))
    pixels = np.asarray(Image.open(io.BytesIO(rendered.print_png))).astype(np.int16)
    return pixels.reshape(30, 40, 4)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (crafted.GREY_16, (40_000,), (156, 156, 156, 255)),
        (crafted.RGB_16, (65_535, 32_896, 257), (255, 128, 1, 255)),
        (crafted.GREY_ALPHA_16, (40_000, 32_896), (156, 156, 156, 128)),
        (crafted.RGBA_16, (65_535, 32_896, 257, 65_535), (255, 128, 1, 255)),
    ],
)
def test_sixteen_bits_are_told_and_printed_with_the_upper_eight(
    pool: SandboxPool, kind: tuple[int, int, int], values: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    content = crafted.sixteen_bits(kind, values)
    assert "colour_depth_reduced" in [found.code for found in check_artwork(pool, content, None, TEMPLATE).findings]
    assert np.abs(printed(pool, content)[15, 20] - expected).max() <= 1


def test_the_transparent_colour_of_a_palette_is_not_printed(pool: SandboxPool) -> None:
    left_and_right = Image.new("P", (40, 30), 0)
    left_and_right.putpalette([200, 0, 0, 0, 0, 200])
    left_and_right.paste(1, (20, 0, 40, 30))
    pixels = printed(pool, encoded(left_and_right, transparency=1))
    assert tuple(pixels[15, 5]) == (200, 0, 0, 255)
    assert pixels[15, 35, 3] == 0
    several = printed(pool, encoded(left_and_right, transparency=bytes([128, 255])))
    assert tuple(several[15, 5]) == pytest.approx((200, 0, 0, 128), abs=1)
    assert tuple(several[15, 35]) == (0, 0, 200, 255)


@pytest.mark.parametrize(("mode", "ink", "clear"), [("L", 10, 250), ("RGB", (10, 20, 30), (250, 250, 250))])
def test_the_transparent_colour_of_a_picture_without_palette_is_not_printed(
    pool: SandboxPool, mode: str, ink: int | tuple[int, ...], clear: int | tuple[int, ...]
) -> None:
    image = Image.new(mode, (40, 30), ink)
    image.paste(clear, (20, 0, 40, 30))
    pixels = printed(pool, encoded(image, transparency=clear))
    assert pixels[15, 5, 3] == 255
    assert pixels[15, 35, 3] == 0


@pytest.mark.parametrize(
    ("bits", "key"),
    [
        (1, (1,)),
        (2, (1,)),
        (2, (3,)),
        (4, (5,)),
        (4, (15,)),
        (8, (0x34,)),
        (16, (0x1234,)),
        (16, (0xFFFF,)),
        (8, (0x12, 0x34, 0x56)),
        (16, (0x1234, 0x1234, 0x1234)),
        (16, (0xFFFF, 0xFFFF, 0xFFFF)),
    ],
    ids=str,
)
def test_the_transparent_colour_is_not_printed_whatever_the_depth_of_its_samples(
    pool: SandboxPool, bits: int, key: tuple[int, ...]
) -> None:
    pixels = printed(pool, crafted.with_key(bits, len(key), key))
    assert pixels[15, 5, 3] == 0
    assert tuple(pixels[15, 35]) == (0, 0, 0, 255)


def test_a_grey_that_only_shares_the_upper_byte_of_the_transparent_one_is_printed(pool: SandboxPool) -> None:
    # Given 16-bit grey of 0x1234, of which 0x1235 is transparent,
    row = b"\0" + struct.pack(">H", 0x1234) * 40
    content = crafted.png_of(40, 30, crafted.GREY_16, row * 30, png_chunk(b"tRNS", struct.pack(">H", 0x1235)))
    # then all of it is printed.
    assert tuple(printed(pool, content)[15, 20]) == (0x12, 0x12, 0x12, 255)


@pytest.mark.parametrize(
    ("cmyk", "expected"),
    [((0, 0, 0, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0)), ((0, 255, 255, 0), (255, 0, 0))],
)
@pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(
    pool: SandboxPool, format_name: str, cmyk: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    content = encoded(Image.new("CMYK", (40, 30), cmyk), format_name, icc_profile=None)
    assert "colours_cmyk" in [found.code for found in check_artwork(pool, content, None, TEMPLATE).findings]
    # Without a profile the colours are a guess, but paper stays paper and black stays black.
    assert np.abs(printed(pool, content)[15, 20, :3] - expected).max() <= 40


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "WEBP", "TIFF"])
def test_every_orientation_of_every_format_is_set_upright(
    pool: SandboxPool, format_name: str, orientation: int
) -> None:
    # Given an upright picture with a red corner at its top left, stored as the orientation says,
    upright = Image.new("RGB", (40, 30), "white")
    upright.paste((200, 0, 0), (0, 0, 20, 15))
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    pixels = printed(pool, encoded(stored, format_name, exif=exif.tobytes()))
    # then the corner is printed there, and nowhere else.
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 100)
    assert red[3:12, 3:17].all()
    assert not red[18:].any()
    assert not red[:, 23:].any()


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_none(pool: SandboxPool, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(noisy(40, 30), "JPEG", exif=exif.tobytes())
    result = check_artwork(pool, content, None, TEMPLATE)
    assert "rotated_by_metadata" not in [found.code for found in result.findings]
    assert (result.width_px, result.height_px) == (40, 30)


PROFILES = {
    "nothing in it": b"",
    "random bytes": bytes(range(256)) * 4,
    "cut off": srgb_bytes()[:300],
    "four billion tags": crafted.profile_of_many_tags(),
    "a profile for four inks": crafted.profile_for(b"CMYK"),
    "a profile for grey": crafted.profile_for(b"GRAY"),
    "a profile for a space that does not exist": crafted.profile_for(b"????"),
    "zeros": bytes(2_000),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_that_cannot_be_used_is_told_and_the_picture_printed_as_srgb(pool: SandboxPool, name: str) -> None:
    content = crafted.with_profile(PROFILES[name])
    codes = {found.code for found in check_artwork(pool, content, None, TEMPLATE).findings}
    assert codes <= {"colour_profile_broken", "colour_profile_missing"}
    assert len(codes) == 1
    assert np.array_equal(printed(pool, content)[..., :3], np.asarray(noisy(40, 30)).astype(np.int16))


def test_linear_light_is_converted_though_its_profile_calls_itself_srgb(pool: SandboxPool) -> None:
    # Given a grey of a fifth of the light, which is 55 of 255 in linear light and 128 in sRGB,
    content = encoded(Image.new("RGB", (40, 30), (55, 55, 55)), icc_profile=crafted.linear_srgb())
    assert np.abs(printed(pool, content)[15, 20] - (128, 128, 128, 255)).max() <= 2
    # then the buyer is told that the colours were converted.
    assert [found.code for found in check_artwork(pool, content, None, TEMPLATE).findings] == ["colours_converted"]


@pytest.mark.parametrize(
    "profile",
    [
        srgb_bytes(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        files("pikepdf").joinpath("pdfa/data/sRGB.icc").read_bytes(),
    ],
    ids=["ours", "of Little CMS", "of the web"],
)
def test_the_usual_profiles_of_srgb_leave_every_pixel_as_it_is(pool: SandboxPool, profile: bytes) -> None:
    content = encoded(noisy(40, 30), icc_profile=profile)
    assert check_artwork(pool, content, None, TEMPLATE).findings == ()
    assert np.array_equal(printed(pool, content)[..., :3], np.asarray(noisy(40, 30)).astype(np.int16))


def test_a_script_in_a_pictures_own_words_does_not_reach_what_is_shown(pool: SandboxPool) -> None:
    words = png_chunk(b"tEXt", b"Comment\0" + PAGE)
    content = FORMATS["PNG"][:33] + words + FORMATS["PNG"][33:]
    result = check_artwork(pool, content, None, TEMPLATE)
    assert "script" not in repr(result)
    assert b"script" not in render_line(pool, content, None, TEMPLATE).print_png
