"""Templates: a product's print areas and what is placed on them, as versioned, frozen records.

A template is JSON in the catalogue. An order keeps the version that it was bought with. Lengths are
micrometres with the origin at the top left corner of the finished (trimmed) area, so that bleed is negative
or beyond the width; pixels are those of the print canvas, which includes the bleed.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from events.decoding import json_decoder
from processors.artwork.layers import (
    ArtLayer,
    BackgroundPolicy,
    Blend,
    Box,
    Fit,
    Horizontal,
    ImageLayer,
    Layer,
    Shape,
    ShapeLayer,
    TextLayer,
    TextLimits,
    Vertical,
)
from processors.ports import NamedError

__all__ = [
    "AreaUnknown",
    "ArtLayer",
    "BackgroundPolicy",
    "Blend",
    "Box",
    "Fit",
    "Horizontal",
    "ImageLayer",
    "Layer",
    "PrintArea",
    "Product",
    "ProductPhoto",
    "Shape",
    "ShapeLayer",
    "Template",
    "TemplateInvalid",
    "TextLayer",
    "TextLimits",
    "Vertical",
    "template_from_json",
    "template_to_json",
    "validate",
]

UM_PER_INCH: Final = 25_400
#: The largest print canvas: 60 × 60 cm at 300 DPI, rounded up. Memory of a render grows with it.
CANVAS_PIXELS_MAX: Final = 52_000_000
#: No template lets a buyer write more than this.
TEXT_CHARACTERS_MAX: Final = 500

_NAME: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
_SHA256: Final = re.compile(r"^[0-9a-f]{64}$")
_COLOUR: Final = re.compile(r"^#[0-9a-f]{6}$")

ProductKind: TypeAlias = Literal["mug", "tee", "poster", "flat"]


class TemplateInvalid(NamedError):
    """The template breaks a rule of its own format. Correct it and publish it as a new version."""


class AreaUnknown(NamedError):
    """The template has no print area of this name. Use one of the names that the message lists."""


class PrintArea(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One area that a press prints: its finished size, its canvas in pixels, bleed, safe inset and layers.

    `width_px` and `height_px` are the canvas with the bleed on every side at `dpi`. What must not be cut lies
    `safe_inset_um` or more inside the trimmed edge. `dpi_block` and `dpi_warn` bound the effective resolution
    of the buyer's picture at its printed size. Strokes under `min_stroke_um` (1 pt) and letters under `min_text_um`
    (6 pt) do not print well. `pdf` asks for a print-size PDF beside the PNG.
    """

    name: str
    width_um: int
    height_um: int
    width_px: int
    height_px: int
    dpi: int
    layers: tuple[Layer, ...]
    bleed_um: int = 0
    safe_inset_um: int = 0
    dpi_block: int = 150
    dpi_warn: int = 300
    transparent: bool = True
    pdf: bool = False
    min_stroke_um: int = 353
    min_text_um: int = 2_117

    def px(self, length_um: float) -> float:
        """A length on this area in canvas pixels."""
        return length_um * self.dpi / UM_PER_INCH

    def scaled(self, dpi: int) -> PrintArea:
        """The same area at another resolution: lengths are micrometres, so only the canvas changes."""
        width_um, height_um = self.width_um + 2 * self.bleed_um, self.height_um + 2 * self.bleed_um
        return msgspec.structs.replace(
            self,
            dpi=dpi,
            width_px=max(1, round(width_um * dpi / UM_PER_INCH)),
            height_px=max(1, round(height_um * dpi / UM_PER_INCH)),
        )

    def box_px(self, box: Box) -> tuple[int, int, int, int]:
        """A box in canvas pixels as (left, top, right, bottom), each edge rounded on its own."""
        return (
            round(self.px(box.x_um + self.bleed_um)),
            round(self.px(box.y_um + self.bleed_um)),
            round(self.px(box.x_um + box.width_um + self.bleed_um)),
            round(self.px(box.y_um + box.height_um + self.bleed_um)),
        )

    def trim_px(self) -> tuple[int, int, int, int]:
        """The finished area on the canvas: (left, top, right, bottom)."""
        return self.box_px(Box(x_um=0, y_um=0, width_um=self.width_um, height_um=self.height_um))

    def safe_px(self) -> tuple[int, int, int, int]:
        """The safe area on the canvas: (left, top, right, bottom)."""
        inset = self.safe_inset_um
        width, height = self.width_um - 2 * inset, self.height_um - 2 * inset
        return self.box_px(Box(x_um=inset, y_um=inset, width_um=width, height_um=height))

    @property
    def image_layers(self) -> tuple[ImageLayer, ...]:
        """The layers that take the buyer's picture."""
        return tuple(layer for layer in self.layers if isinstance(layer, ImageLayer))

    @property
    def text_layers(self) -> tuple[TextLayer, ...]:
        """The layers that take the buyer's text."""
        return tuple(layer for layer in self.layers if isinstance(layer, TextLayer) and layer.fixed_text is None)


class ProductPhoto(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's photograph of the blank, on which the mock-up shows one area's print in place of the drawn one.

    `asset` and `mask` are the SHA-256 of files, as in an art layer. `corners` are the print area's corners in pixels of
    the photograph, clockwise from its top left. The mask is white where the product is. `tint` says that the product in
    the photograph is white or grey and takes on the product's colour. Folds move the print by up to
    `displacement_permille` of the photograph's width. On a mug `wrap_degrees` is how far around the corners reach, and
    `sag_percent` how much lower the print hangs in its middle than at its sides, in percent of its height.
    """

    asset: str
    corners: tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
    mask: str | None = None
    tint: bool = False
    displacement_permille: int = 6
    wrap_degrees: int = 0
    sag_percent: int = 0


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The blank that the areas are printed on, as the mock-up shows it: drawn, or a photograph of the operator's.

    `photos` are these by the name of the area that they show; `colours` are further colours of the blank, by name.
    """

    name: str
    kind: ProductKind
    colour: str = "#ffffff"
    colours: dict[str, str] = {}
    photos: dict[str, ProductPhoto] = {}

    def colour_named(self, name: str) -> str | None:
        """One of the blank's colours, by its name or as #rrggbb; None for one that it does not come in."""
        if name in self.colours:
            return self.colours[name]
        return name if name == self.colour or name in self.colours.values() else None


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a product's template. `template_id` and `version` together name it for ever."""

    template_id: str
    version: int
    product: Product
    areas: tuple[PrintArea, ...]

    @property
    def assets(self) -> frozenset[str]:
        """The SHA-256 of every file that rendering needs besides the buyer's: art layers, photographs, masks."""
        art = {layer.asset for area in self.areas for layer in area.layers if isinstance(layer, ArtLayer)}
        photos = self.product.photos.values()
        return frozenset(art | {photo.asset for photo in photos} | {photo.mask for photo in photos if photo.mask})

    def area(self, name: str | None = None) -> PrintArea:
        """The area of that name, or the first one. Raises AreaUnknown."""
        if name is None:
            return self.areas[0]
        for area in self.areas:
            if area.name == name:
                return area
        known = ", ".join(area.name for area in self.areas)
        raise AreaUnknown(
            f"Template {self.template_id} version {self.version} has no print area {name!r}. Use one of: {known}."
        )


_read: Final = json_decoder(Template)


def template_from_json(document: bytes | str) -> Template:
    """Read and validate a template. Raises TemplateInvalid with the place and the rule that it breaks."""
    try:
        template = _read(document)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise TemplateInvalid(f"The template is not a template document: {error}. Correct that field.") from error
    validate(template)
    return template


def template_to_json(template: Template) -> bytes:
    """The template as JSON with keys in a stable order, for the catalogue."""
    return msgspec.json.encode(template, order="deterministic")


def validate(template: Template) -> None:
    """Check what types alone do not say. Raises TemplateInvalid naming area, layer and rule."""
    _require(bool(_NAME.match(template.template_id)), "template_id: use a-z, 0-9, dot, dash, underscore")
    _require(template.version >= 1, "version: starts at 1")
    _require(bool(_COLOUR.match(template.product.colour)), "product.colour: write it as #rrggbb in lower case")
    _require(len(template.product.colours) <= 100, "product.colours: at most 100")
    for name, colour in template.product.colours.items():
        _require(bool(_NAME.match(name)), "product.colours: use a-z, 0-9, dot, dash, underscore as names")
        _require(bool(_COLOUR.match(colour)), f"product.colours {name}: write it as #rrggbb in lower case")
    _require(len(template.product.photos) <= 16, "product.photos: at most 16")
    for photo in template.product.photos.values():
        _validate_photo(photo)
    _require(1 <= len(template.areas) <= 16, "areas: from 1 to 16")
    names = [area.name for area in template.areas]
    _require(len(set(names)) == len(names), "areas: every area needs a name of its own")
    for area in template.areas:
        _validate_area(area)


def _validate_photo(photo: ProductPhoto) -> None:
    """Files are named by digest, the corners go clockwise around a convex shape, numbers are in range."""
    at = "product.photos"
    for digest in (photo.asset, photo.mask or photo.asset):
        _require(bool(_SHA256.match(digest)), f"{at}: asset and mask are the SHA-256 of files, 64 hex digits")
    for number in range(4):
        (x, y), (next_x, next_y), (last_x, last_y) = (photo.corners[(number + step) % 4] for step in range(3))
        turn = (next_x - x) * (last_y - next_y) - (next_y - y) * (last_x - next_x)
        _require(turn > 0, f"{at}: the corners go clockwise from the top left around a shape without dents")
        _require(0 <= x <= 30_000 and 0 <= y <= 30_000, f"{at}: the corners lie within the photograph")
    _require(0 <= photo.displacement_permille <= 50, f"{at}: displacement_permille lies from 0 to 50")
    _require(0 <= photo.wrap_degrees <= 175, f"{at}: wrap_degrees lies from 0 to 175")
    _require(0 <= photo.sag_percent <= 50, f"{at}: sag_percent lies from 0 to 50")


def _validate_area(area: PrintArea) -> None:
    """Sizes agree with each other, and every layer is printable."""
    at = f"area {area.name}"
    _require(bool(_NAME.match(area.name)), f"{at}: use a-z, 0-9, dot, dash, underscore as a name")
    _require(area.width_um > 0 and area.height_um > 0, f"{at}: width_um and height_um are above zero")
    _require(72 <= area.dpi <= 1200, f"{at}: dpi lies from 72 to 1200")
    _require(area.bleed_um >= 0, f"{at}: bleed_um is zero or more")
    _require(0 <= 2 * area.safe_inset_um < min(area.width_um, area.height_um), f"{at}: safe_inset_um leaves no area")
    for label, length_um, length_px in (
        ("width", area.width_um, area.width_px),
        ("height", area.height_um, area.height_px),
    ):
        expected = area.px(length_um + 2 * area.bleed_um)
        _require(
            abs(length_px - expected) <= 1,
            f"{at}: {label}_px is {length_px}, but {label}_um and bleed at {area.dpi} DPI make {round(expected)}",
        )
    _require(
        0 < area.width_px * area.height_px <= CANVAS_PIXELS_MAX,
        f"{at}: the canvas has more than {CANVAS_PIXELS_MAX} pixels; lower its dpi",
    )
    _require(0 < area.dpi_block <= area.dpi_warn, f"{at}: dpi_block is not above dpi_warn")
    _require(1 <= len(area.layers) <= 32, f"{at}: from 1 to 32 layers")
    layer_names = [layer.name for layer in area.layers]
    _require(len(set(layer_names)) == len(layer_names), f"{at}: every layer needs a name of its own")
    for layer in area.layers:
        _validate_layer(area, layer)


def _validate_layer(area: PrintArea, layer: Layer) -> None:
    """The box touches the canvas and has a size; numbers of the layer's kind are in range."""
    at = f"area {area.name}, layer {layer.name}"
    left, top, right, bottom = area.box_px(layer.box)
    _require(right > left and bottom > top, f"{at}: the box is smaller than one pixel")
    _require(
        left >= -1 and top >= -1 and right <= area.width_px + 1 and bottom <= area.height_px + 1,
        f"{at}: the box reaches beyond the area and its bleed",
    )
    _require(-360 <= layer.rotation_degrees <= 360, f"{at}: rotation_degrees lies from -360 to 360")
    _require(0 < layer.opacity_percent <= 100, f"{at}: opacity_percent lies from 1 to 100")
    match layer:
        case ImageLayer() | ArtLayer():
            _require(
                layer.fit != "stretch" or layer.rotation_degrees % 90 == 0,
                f"{at}: a stretched picture turns by quarters only",
            )
            if isinstance(layer, ArtLayer):
                _require(bool(_SHA256.match(layer.asset)), f"{at}: asset is the SHA-256 of a file, 64 hex digits")
        case ShapeLayer():
            _require(bool(_COLOUR.match(layer.colour)), f"{at}: colour: write it as #rrggbb in lower case")
            _require(layer.radius_um >= 0, f"{at}: radius_um is zero or more")
        case TextLayer():
            _validate_text(at, layer)
        case _:
            assert_never(layer)


def _validate_text(at: str, layer: TextLayer) -> None:
    """Colour, sizes, limits and number of fonts of a text layer."""
    _require(bool(_COLOUR.match(layer.colour)), f"{at}: colour: write it as #rrggbb in lower case")
    _require(0 < layer.min_size_um <= layer.size_um, f"{at}: min_size_um lies from 1 to size_um")
    _require(1 <= layer.limits.max_lines <= 40, f"{at}: max_lines lies from 1 to 40")
    _require(
        1 <= layer.limits.max_characters <= TEXT_CHARACTERS_MAX,
        f"{at}: max_characters lies from 1 to {TEXT_CHARACTERS_MAX}",
    )
    _require(1 <= len(layer.fonts) <= 8, f"{at}: from 1 to 8 fonts")


def _require(rule_holds: bool, message: str) -> None:
    if not rule_holds:
        raise TemplateInvalid(f"{message[0].upper()}{message[1:]}. Correct it and publish a new version.")
