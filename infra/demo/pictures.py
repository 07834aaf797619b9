"""Demo pictures, drawn from numbers, and the small server from which demo orders fetch them.

They stand for what a buyer uploads: no photograph of anybody, no picture of anybody else's.
"""

import functools
import http.server
import io
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from PIL import Image, ImageDraw

from processors.ports import NamedError

SIZE_PX: Final = 2400
"""Large enough for 300 DPI on every demo product but the poster, which is fetched at `POSTER_PX`."""
POSTER_PX: Final = (3543, 4724)
SMALL_PX: Final = 240
"""Far too few pixels for any product: the picture that the artwork check blocks."""


class PictureUnknown(NamedError):
    """There is no demo picture of this name; the list is at `/`."""


def hills(width_px: int, height_px: int) -> Image.Image:
    """Rows of hills under an evening sun."""
    picture = Image.new("RGB", (width_px, height_px))
    draw = ImageDraw.Draw(picture)
    for y in range(height_px):
        share = y / height_px
        draw.line((0, y, width_px, y), fill=_mix((253, 217, 160), (231, 111, 81), share))
    radius = width_px * 0.13
    sun_x, sun_y = width_px * 0.68, height_px * 0.34
    draw.ellipse((sun_x - radius, sun_y - radius, sun_x + radius, sun_y + radius), fill=(255, 243, 214))
    for row in range(5):
        base, tone = height_px * (0.46 + 0.11 * row), _mix((122, 98, 130), (38, 42, 66), row / 4)
        points = [
            (x, base - height_px * 0.07 * math.sin(x / width_px * (5 + row) + row * 1.7) * (1 + 0.2 * row))
            for x in range(0, width_px + 1, 8)
        ]
        draw.polygon([*points, (width_px, height_px), (0, height_px)], fill=tone)
    return picture


def cat(width_px: int, height_px: int) -> Image.Image:
    """A round cat on a transparent ground."""
    picture = Image.new("RGBA", (width_px, height_px), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    unit, middle_x, middle_y = min(width_px, height_px) / 100, width_px / 2, height_px / 2 + 5

    def circle(x: float, y: float, r: float, fill: tuple[int, int, int], squash: float = 1.0) -> None:
        left, top = middle_x + (x - r) * unit, middle_y + (y - r * squash) * unit
        draw.ellipse((left, top, left + 2 * r * unit, top + 2 * r * squash * unit), fill=fill)

    fur, inner, dark = (240, 162, 88), (250, 214, 178), (52, 38, 40)
    for side in (-1, 1):
        ear = [(side * 38, -8), (side * 34, -44), (side * 8, -28)]
        draw.polygon([(middle_x + x * unit, middle_y + y * unit) for x, y in ear], fill=fur)
    circle(0, 0, 40, fur, 0.88)
    circle(0, 16, 20, inner, 0.72)
    for side in (-1, 1):
        circle(side * 16, -6, 6, (255, 255, 255))
        circle(side * 16, -5, 3.6, dark)
        circle(side * 14.5, -7, 1.2, (255, 255, 255))
        for lift in (-4, 0, 4):
            start, end = (side * 22, 14 + lift / 2), (side * 46, 10 + lift * 1.6)
            line = [(middle_x + x * unit, middle_y + y * unit) for x, y in (start, end)]
            draw.line(line, fill=dark, width=round(unit))
    circle(0, 9, 3.4, (214, 96, 92), 0.7)
    for side in (-1, 1):
        box = [middle_x + (side * 5 - 5) * unit, middle_y + 10 * unit, middle_x + (side * 5 + 5) * unit]
        draw.arc((*box, middle_y + 18 * unit), 0, 180, fill=dark, width=round(unit))
    return picture


def tiles(width_px: int, height_px: int) -> Image.Image:
    """A repeating pattern of quarter circles."""
    picture = Image.new("RGB", (width_px, height_px), (250, 246, 238))
    draw = ImageDraw.Draw(picture)
    step, colours = width_px // 8, ((42, 111, 151), (233, 196, 106), (231, 111, 81), (38, 70, 83))
    corners = ((0, 0), (step, 0), (step, step), (0, step))
    for row in range(height_px // step + 1):
        for column in range(width_px // step + 1):
            turn = (row * 3 + column * 5 + row * column) % 4
            x, y = corners[turn]
            tile = Image.new("L", (step, step), 0)
            quarter = (x - step, y - step, x + step, y + step)
            ImageDraw.Draw(tile).pieslice(quarter, turn * 90, turn * 90 + 90, fill=255)
            picture.paste(colours[(row + column * 2) % 4], (column * step, row * step), tile)
    draw.rectangle((0, 0, width_px - 1, height_px - 1), outline=(38, 70, 83), width=max(1, width_px // 60))
    return picture


def rosette(width_px: int, height_px: int) -> Image.Image:
    """Petals on a transparent ground, for dark garments."""
    picture = Image.new("RGBA", (width_px, height_px), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    centre_x, centre_y, reach = width_px / 2, height_px / 2, min(width_px, height_px) * 0.48
    for ring, colour in enumerate(((255, 183, 3), (251, 133, 0), (33, 158, 188), (142, 202, 230))):
        outer, petals = reach * (1 - 0.22 * ring), 12
        for petal in range(petals):
            angle = 2 * math.pi * (petal + ring / 2) / petals
            x, y = centre_x + math.cos(angle) * outer * 0.7, centre_y + math.sin(angle) * outer * 0.7
            r = outer * 0.24
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    r = reach / 6
    draw.ellipse((centre_x - r, centre_y - r, centre_x + r, centre_y + r), fill="white")
    return picture


def _mix(first: tuple[int, int, int], second: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


PICTURES: Final[dict[str, tuple[Callable[[int, int], Image.Image], tuple[int, int]]]] = {
    "hills.png": (hills, (SIZE_PX, SIZE_PX)),
    "cat.png": (cat, (SIZE_PX, SIZE_PX)),
    "tiles.png": (tiles, (SIZE_PX, SIZE_PX)),
    "rosette.png": (rosette, (3000, 3600)),
    "hills-poster.png": (hills, POSTER_PX),
    "cat-small.png": (cat, (SMALL_PX, SMALL_PX)),
}
"""Every demo picture by name: how it is drawn and how large, in pixels."""


@functools.lru_cache(maxsize=len(PICTURES))
def picture_bytes(name: str) -> bytes:
    """A demo picture as PNG; raises `PictureUnknown`."""
    if name not in PICTURES:
        raise PictureUnknown
    draw, (width_px, height_px) = PICTURES[name]
    buffer = io.BytesIO()
    draw(width_px, height_px).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


class PictureHandler(http.server.BaseHTTPRequestHandler):
    """Serves demo pictures by name, and their list at `/`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the picture, the list, or 404."""
        name = self.path.lstrip("/")
        if not name:
            self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", "\n".join(PICTURES).encode())
        elif name in PICTURES:
            self._answer(HTTPStatus.OK, "image/png", picture_bytes(name))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"no such demo picture")

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing: the demo's own view tells what is fetched."""


def serve(port: int) -> None:
    """Serve the pictures on loopback until the process is ended."""
    http.server.ThreadingHTTPServer(("127.0.0.1", port), PictureHandler).serve_forever()
