"""Make the files of one print area, in the child process: print file, proof, mock-up."""

from __future__ import annotations

import hashlib

import msgspec
import PIL
from PIL import Image, features

from processors.artwork.compose import Composed, compose, layer_text
from processors.artwork.frames import Refused
from processors.artwork.mockup import draw_mockup
from processors.artwork.picture import open_picture, srgb_bytes
from processors.artwork.pngwriter import write_image
from processors.artwork.proof import draw_proof
from processors.artwork.template import PrintArea, Template, TextLayer

#: Changes whenever the same inputs would give other pixels; a print file names it for ever.
RENDERER: str = "1"


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to render: the buyer's picture and text on one area of a template."""

    original: bytes | None
    text: str | None
    template: Template
    area: str
    pixels_max: int


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one print area.

    `print_png` is RGBA with sRGB profile and DPI, `width_px` × `height_px`; `sha256` is that of its bytes.
    `proof_webp` and `mockup_webp` are for people. `renderer_version` names everything that the pixels depend on
    besides the inputs.
    """

    print_png: bytes
    proof_webp: bytes
    mockup_webp: bytes
    width_px: int
    height_px: int
    dpi: int
    sha256: str
    renderer_version: str


def renderer_version() -> str:
    """The renderer and the libraries that decide about pixels."""
    parts = [f"renderer-{RENDERER}", f"pillow-{PIL.__version__}"]
    for name in ("raqm", "harfbuzz", "freetype2", "libjpeg_turbo", "littlecms2"):
        parts.append(f"{name}-{features.version(name)}")
    return " ".join(parts)


def print_png(canvas: Image.Image, area: PrintArea) -> bytes:
    """The print file of a canvas."""
    return write_image(canvas, dpi=area.dpi, icc_profile=srgb_bytes())


def compose_request(request: RenderRequest, area: PrintArea) -> Composed:
    """Decode the picture, if any, and compose the canvas. Raises Refused."""
    picture = None
    if request.original is not None and area.image_layers:
        picture, _ = open_picture(request.original, request.pixels_max)
    text_layers = [layer for layer in area.layers if isinstance(layer, TextLayer)]
    if picture is None and not any(layer_text(layer, request.text) for layer in text_layers):
        raise Refused("nothing_to_print", "There is neither a picture nor a text for this print area.")
    return compose(picture, request.text, area)


def render(request: RenderRequest) -> Rendered:
    """Compose, then write all three files from the one canvas. Raises Refused."""
    area = request.template.area(request.area)
    composed = compose_request(request, area)
    printed = print_png(composed.canvas, area)
    return Rendered(
        print_png=printed,
        proof_webp=draw_proof(composed, request.template, area),
        mockup_webp=draw_mockup(composed.canvas, request.template, area),
        width_px=area.width_px,
        height_px=area.height_px,
        dpi=area.dpi,
        sha256=hashlib.sha256(printed).hexdigest(),
        renderer_version=renderer_version(),
    )
