"""The band writer: every reader decodes exactly the canvas, at any size, mode and number of threads."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from processors.artwork import pngwriter
from processors.artwork.picture import srgb_bytes
from processors.artwork.pngwriter import combine_adler32, filter_rows, write_png
from tests.unit.artwork.pictures import noisy


def written(image: Image.Image, threads: int = 2) -> bytes:
    return write_png(np.asarray(image), dpi=300, icc_profile=srgb_bytes(), threads=threads)


def stripes(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0] = x * 7 % 256
    pixels[..., 1] = (x // 3) * 31 % 251
    pixels[..., 3] = 255 * ((x // 5 + y // 9) % 2)
    return Image.fromarray(pixels)


PICTURES = {
    "noise": noisy(500, 700, "RGBA"),
    "stripes": stripes(640, 300),
    "empty": Image.new("RGBA", (300, 400)),
    "one pixel": Image.new("RGBA", (1, 1), (1, 2, 3, 4)),
    "one row more than a band": noisy(40, pngwriter.BAND_ROWS + 1, "RGBA"),
    "exactly two bands": noisy(40, 2 * pngwriter.BAND_ROWS, "RGBA"),
    "narrow": noisy(1, 300, "RGBA"),
    "opaque": noisy(333, 222, "RGB"),
    "grey": noisy(333, 222, "RGB").convert("L"),
    "grey with alpha": noisy(100, 222, "RGBA").convert("LA"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pillow_and_libvips_decode_exactly_the_canvas(name: str) -> None:
    image = PICTURES[name]
    png = written(image)
    by_pillow = Image.open(io.BytesIO(png))
    assert by_pillow.mode == image.mode
    assert by_pillow.tobytes() == image.tobytes()
    by_vips = pyvips.Image.new_from_buffer(png, "")
    assert (by_vips.width, by_vips.height, by_vips.bands) == (*image.size, len(image.getbands()))
    assert bytes(by_vips.write_to_memory()) == image.tobytes()


def test_profile_and_resolution_are_in_the_file() -> None:
    png = Image.open(io.BytesIO(written(PICTURES["noise"])))
    assert png.info["icc_profile"] == srgb_bytes()
    assert png.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_any_number_of_threads_writes_the_same_bytes() -> None:
    image = noisy(600, 900, "RGBA")
    assert written(image, 1) == written(image, 2) == written(image, 5)


def test_a_pattern_that_run_length_coding_blows_up_stays_small() -> None:
    cell = noisy(60, 60, "RGB")
    image = Image.new("RGBA", (1200, 1200))
    for x in range(0, 1200, 60):
        for y in range(0, 1200, 60):
            image.paste(cell, (x, y))
    pillow, run_length = io.BytesIO(), io.BytesIO()
    image.save(pillow, "PNG")
    image.save(run_length, "PNG", compress_type=3)
    assert len(run_length.getvalue()) > 3 * len(pillow.getvalue()), "the picture no longer shows the trap"
    assert len(written(image)) <= 1.3 * len(pillow.getvalue())


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_adler_of_two_parts_is_the_adler_of_the_whole(first: bytes, second: bytes) -> None:
    combined = combine_adler32(zlib.adler32(first), zlib.adler32(second), len(second))
    assert combined == zlib.adler32(first + second)


@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 2, 3, 4]), st.integers(0, 3))
@settings(max_examples=60)
def test_row_filters_are_those_of_the_png_specification(rows: int, width: int, channels: int, kind: int) -> None:
    seed = np.random.default_rng(rows * 1000 + width * 10 + channels)
    current = seed.integers(0, 256, (rows, width * channels), dtype=np.uint8)
    above = seed.integers(0, 256, (rows, width * channels), dtype=np.uint8)
    filtered = filter_rows(kind, current, above, channels)
    for row in range(rows):
        assert filtered[row, 0] == kind
        for i in range(width * channels):
            left = int(current[row, i - channels]) if i >= channels else 0
            over = int(above[row, i])
            predicted = [0, left, over, (left + over) // 2][kind]
            assert filtered[row, i + 1] == (int(current[row, i]) - predicted) % 256


def test_an_unknown_filter_is_refused() -> None:
    row = np.zeros((1, 4), np.uint8)
    with pytest.raises(ValueError, match="row filter 4"):
        filter_rows(4, row, row, 4)
