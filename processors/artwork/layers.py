"""The layers of a print area, from the bottom up: buyer's picture, text, shapes, the template's own art."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Fit: TypeAlias = Literal["fill", "fit", "stretch"]
Horizontal: TypeAlias = Literal["left", "centre", "right"]
Vertical: TypeAlias = Literal["top", "middle", "bottom"]
Blend: TypeAlias = Literal["normal", "multiply", "screen"]
Shape: TypeAlias = Literal["rectangle", "ellipse"]
BackgroundPolicy: TypeAlias = Literal["never", "when_safe"]


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rectangle on a print area, in micrometres from the top left corner of the trimmed area."""

    x_um: int
    y_um: int
    width_um: int
    height_um: int


class ImageLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="image"):
    """The buyer's picture, placed in a box.

    `remove_background` says what happens to an opaque background: nothing, or it is cut away where the picture's
    border is of one colour (`when_safe`); otherwise a person decides.

    `fill` covers the box and cuts what is over, `fit` shows all of the picture, `stretch` takes the box's shape.
    `rotation_degrees` turns clockwise about the middle of the box. `align` and `vertical_align` say where the
    picture stands when it does not have the box's shape.
    """

    name: str
    box: Box
    fit: Fit = "fit"
    rotation_degrees: float = 0.0
    align: Horizontal = "centre"
    vertical_align: Vertical = "middle"
    required: bool = True
    opacity_percent: int = 100
    blend: Blend = "normal"
    remove_background: BackgroundPolicy = "never"


class TextLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a buyer may write: characters (as a person counts them), lines, and Unicode scripts by name."""

    max_characters: int = 60
    max_lines: int = 2
    scripts: tuple[str, ...] = ("Latin", "Greek", "Cyrillic", "Hebrew", "Arabic")


class TextLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="text"):
    """Text set in a pinned font: the buyer's, or `fixed_text` of the template.

    The size starts at `size_um` (the em, so 4233 is 12 pt) and shrinks until the lines fit the box, but not
    below `min_size_um`. `fonts` are families in order of preference; the first that has every glyph is used.
    """

    name: str
    box: Box
    fonts: tuple[str, ...] = ("Noto Sans", "Heebo", "Noto Sans Arabic", "Amiri")
    weight: int = 400
    size_um: int = 12_000
    min_size_um: int = 2_800
    line_spacing_percent: int = 120
    colour: str = "#000000"
    rotation_degrees: float = 0.0
    align: Horizontal = "centre"
    vertical_align: Vertical = "middle"
    fixed_text: str | None = None
    required: bool = False
    opacity_percent: int = 100
    blend: Blend = "normal"
    limits: TextLimits = TextLimits()


class ShapeLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="shape"):
    """A rectangle, a rounded rectangle (`radius_um`) or an ellipse of one colour that fills its box."""

    name: str
    box: Box
    shape: Shape
    colour: str
    radius_um: int = 0
    rotation_degrees: float = 0.0
    opacity_percent: int = 100
    blend: Blend = "normal"


class ArtLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="art"):
    """Artwork of the template itself, the same for every order: a frame, a logo, a background.

    `asset` is the SHA-256 of the file's bytes in hex. Whoever renders hands the bytes over, and the digest is
    checked: a template version means the same pixels for ever.
    """

    name: str
    box: Box
    asset: str
    fit: Fit = "fit"
    rotation_degrees: float = 0.0
    align: Horizontal = "centre"
    vertical_align: Vertical = "middle"
    opacity_percent: int = 100
    blend: Blend = "normal"


Layer: TypeAlias = ImageLayer | TextLayer | ShapeLayer | ArtLayer
