"""Make the files of one print area, in the child process: print file, proof, mock-up."""

from __future__ import annotations

import hashlib

import msgspec
import PIL
from PIL import Image, features

from processors.artwork.assets import open_asset
from processors.artwork.background import remove_background
from processors.artwork.canvas import Canvas
from processors.artwork.compose import Composed, Ingredients, compose, prints_something
from processors.artwork.frames import Refused
from processors.artwork.mockup import draw_mockup
from processors.artwork.pdf import write_pdf
from processors.artwork.picture import open_picture, srgb_bytes
from processors.artwork.placement import Crop
from processors.artwork.pngwriter import write_png
from processors.artwork.proof import draw_proof
from processors.artwork.template import ArtLayer, PrintArea, Template

#: Changes whenever the same inputs would give other pixels; a print file names it for ever.
RENDERER: str = "4"


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to render: the buyer's picture and text on one area of a template.

    `art` holds the template's own files by SHA-256; `crop` is the buyer's choice; `remover` names an operator's own
    background remover as `module:function`.
    """

    original: bytes | None
    text: str | None
    template: Template
    area: str
    pixels_max: int
    art: dict[str, bytes] = {}
    crop: Crop | None = None
    remover: str = ""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one print area.

    `print_png` is RGBA with sRGB profile and DPI, `width_px` × `height_px`; `sha256` is that of its bytes.
    `print_pdf` is there where the area asks for it.
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
    background_removed: bool = False
    print_pdf: bytes | None = None


def renderer_version() -> str:
    """The renderer and the libraries that decide about pixels."""
    parts = [f"renderer-{RENDERER}", f"pillow-{PIL.__version__}"]
    for name in ("raqm", "harfbuzz", "freetype2", "libjpeg_turbo", "littlecms2"):
        parts.append(f"{name}-{features.version(name)}")
    return " ".join(parts)


def print_png(sheet: Canvas, area: PrintArea) -> bytes:
    """The print file of a canvas."""
    return write_png(sheet.pixels, dpi=area.dpi, icc_profile=srgb_bytes())


def ingredients(request: RenderRequest, area: PrintArea) -> tuple[Ingredients, bool]:
    """Decode everything that goes onto the area; the flag says whether a background was cut away. Raises Refused."""
    picture, removed = None, False
    if request.original is not None and area.image_layers:
        picture, _ = open_picture(request.original, request.pixels_max)
        picture, removed = prepared(picture, area, request.crop, request.remover)
    _require_something(request, area, picture)
    return place_ingredients(request, area, picture), removed


def _require_something(request: RenderRequest, area: PrintArea, picture: Image.Image | None) -> None:
    """Refuse to print an empty area."""
    if not prints_something(area, has_picture=picture is not None, text=request.text):
        raise Refused("nothing_to_print", "There is neither a picture nor a text for this print area.")


def place_ingredients(request: RenderRequest, area: PrintArea, picture: Image.Image | None) -> Ingredients:
    """The ingredients around a picture that is decoded and prepared already. Raises Refused."""
    art = _open_art(request, area)
    return Ingredients(picture=picture, text=request.text, art=art)


def prepared(picture: Image.Image, area: PrintArea, crop: Crop | None, remover: str = "") -> tuple[Image.Image, bool]:
    """The buyer's picture after the buyer's crop, and without its background where the template wants that."""
    if crop is not None:
        picture = picture.crop(crop.box(picture.width, picture.height))
    if any(layer.remove_background == "when_safe" for layer in area.image_layers):
        cut = remove_background(picture, remover)
        if cut is not None:
            return cut, True
    return picture, False


def _open_art(request: RenderRequest, area: PrintArea) -> dict[str, Image.Image]:
    """The template's own art, checked against the digests that the template names."""
    art: dict[str, Image.Image] = {}
    for layer in area.layers:
        if isinstance(layer, ArtLayer) and layer.asset not in art:
            art[layer.asset] = open_asset(request.art, layer.asset, request.pixels_max)
    return art


def compose_request(request: RenderRequest, area: PrintArea) -> Composed:
    """Decode and compose the canvas of a request. Raises Refused."""
    return compose(ingredients(request, area)[0], area)


def render(request: RenderRequest) -> Rendered:
    """Compose, then write all three files from the one canvas. Raises Refused."""
    area = request.template.area(request.area)
    parts, removed = ingredients(request, area)
    composed = compose(parts, area)
    # The decoded picture is no longer needed; without it the peak of memory is that of the canvas.
    del parts
    printed = print_png(composed.sheet, area)
    return Rendered(
        print_png=printed,
        proof_webp=draw_proof(composed, request.template, area, background_removed=removed),
        mockup_webp=draw_mockup(composed.canvas, request.template, area, files=request.art),
        width_px=area.width_px,
        height_px=area.height_px,
        dpi=area.dpi,
        sha256=hashlib.sha256(printed).hexdigest(),
        renderer_version=renderer_version(),
        background_removed=removed,
        print_pdf=write_pdf(composed.sheet, area) if area.pdf else None,
    )
