"""Pictures made for tests: small, by seed or by plain colour, in any format."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from processors.artwork.picture import srgb_bytes
from processors.artwork.template import Box, ImageLayer, Layer, PrintArea, Product, Template


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - Pillow's word
    options.setdefault("icc_profile", srgb_bytes())
    if options["icc_profile"] is None:
        del options["icc_profile"]
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noisy(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Smooth random colours: every pixel differs, as in a photograph."""
    random = np.random.default_rng(seed)
    channels = len(mode)
    small = random.integers(0, 256, (12, 12, channels), dtype=np.uint8)
    return Image.fromarray(small, mode).resize((width, height), Image.Resampling.BICUBIC)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(
    width: int, height: int, *, bit_depth: int = 1, colour_type: int = 0, rows: int | None = None
) -> bytes:
    """A PNG whose header claims a size and whose data are zeros: tiny in the file, huge in memory."""
    row_bytes = (width + 7) // 8 + 1
    compressor = zlib.compressobj(9)
    data = b"".join(compressor.compress(bytes(row_bytes)) for _ in range(height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", data + compressor.flush())
        + png_chunk(b"IEND", b"")
    )


def simple_area(width_px: int = 300, height_px: int = 200, *layers: Layer, **options: Any) -> PrintArea:
    """An area of that many pixels at 254 DPI, where one pixel is exactly 100 µm."""
    options.setdefault("dpi", 254)
    whole = Box(x_um=0, y_um=0, width_um=width_px * 100, height_um=height_px * 100)
    return PrintArea(
        name="front",
        width_um=width_px * 100,
        height_um=height_px * 100,
        width_px=width_px,
        height_px=height_px,
        layers=layers or (ImageLayer(name="picture", box=whole),),
        **options,
    )


def simple_template(area: PrintArea, colour: str = "#ffffff") -> Template:
    return Template(
        template_id="test", version=1, product=Product(name="test sheet", kind="flat", colour=colour), areas=(area,)
    )
