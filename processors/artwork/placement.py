"""Where a picture comes to lie in its box: pure arithmetic on pixels, the same for checks, render and proof."""

from __future__ import annotations

import math

import msgspec

from processors.artwork.template import ArtLayer, Fit, Horizontal, ImageLayer, PrintArea, Vertical


class Crop(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the upright picture that the buyer wants, in thousandths of its width and height."""

    x_permille: int
    y_permille: int
    width_permille: int
    height_permille: int

    def box(self, width_px: int, height_px: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in pixels, at least one pixel and within the picture."""
        left = min(max(0, self.x_permille * width_px // 1000), width_px - 1)
        top = min(max(0, self.y_permille * height_px // 1000), height_px - 1)
        right = left + max(1, self.width_permille * width_px // 1000)
        bottom = top + max(1, self.height_permille * height_px // 1000)
        return left, top, min(right, width_px), min(bottom, height_px)


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """How a source picture becomes pixels of the canvas.

    `crop` is the part of the source (after its EXIF orientation and `quarter_turns`) that is used, in source
    pixels with fractions: left, top, right, bottom. It is scaled to `width_px` × `height_px`, then turned by
    `angle_degrees` (the rest of the rotation after the quarter turns), then its middle part of
    `out_width_px` × `out_height_px` is put at `left_px`, `top_px`.
    """

    crop: tuple[float, float, float, float]
    quarter_turns: int
    width_px: int
    height_px: int
    angle_degrees: float
    out_width_px: int
    out_height_px: int
    left_px: int
    top_px: int

    @property
    def canvas_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what is covered on the canvas."""
        return (self.left_px, self.top_px, self.left_px + self.out_width_px, self.top_px + self.out_height_px)

    def effective_dpi(self, canvas_dpi: int) -> float:
        """Pixels of the source for every printed inch, by the side that is stretched more."""
        across = (self.crop[2] - self.crop[0]) / self.width_px
        down = (self.crop[3] - self.crop[1]) / self.height_px
        return min(across, down) * canvas_dpi


def place(source_width_px: int, source_height_px: int, layer: ImageLayer | ArtLayer, area: PrintArea) -> Placement:
    """Place an upright source of that size by a layer's rules. Nothing ever lies outside the layer's box."""
    left, top, right, bottom = area.box_px(layer.box)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, area.width_px), min(bottom, area.height_px)
    box_width, box_height = right - left, bottom - top
    turns, angle = split_rotation(layer.rotation_degrees)
    width, height = (source_width_px, source_height_px) if turns % 2 == 0 else (source_height_px, source_width_px)
    if angle:
        scaled_width, scaled_height = _scaled_turned(width, height, box_width, box_height, angle, layer.fit)
        turned_width, turned_height = turned_size(scaled_width, scaled_height, angle)
        out_width, out_height = min(turned_width, box_width), min(turned_height, box_height)
        crop = (0.0, 0.0, float(width), float(height))
    else:
        crop, scaled_width, scaled_height = _scaled(width, height, box_width, box_height, layer)
        out_width, out_height = scaled_width, scaled_height
    return Placement(
        crop=crop,
        quarter_turns=turns,
        width_px=scaled_width,
        height_px=scaled_height,
        angle_degrees=angle,
        out_width_px=out_width,
        out_height_px=out_height,
        left_px=left + _offset(box_width - out_width, layer.align),
        top_px=top + _offset(box_height - out_height, layer.vertical_align),
    )


def split_rotation(degrees: float) -> tuple[int, float]:
    """Whole clockwise quarter turns (0 to 3), which are exact, and the remaining angle in (-45, 45]."""
    turns = math.ceil((degrees - 45) / 90)
    return turns % 4, degrees - 90 * turns


def turned_size(width_px: int, height_px: int, degrees: float) -> tuple[int, int]:
    """The upright rectangle around a turned one, in whole pixels, rounded down but at least one."""
    angle = math.radians(degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return (
        max(1, math.floor(width_px * cos + height_px * sin + 1e-9)),
        max(1, math.floor(width_px * sin + height_px * cos + 1e-9)),
    )


def _scaled(
    width: int, height: int, box_width: int, box_height: int, layer: ImageLayer | ArtLayer
) -> tuple[tuple[float, float, float, float], int, int]:
    """Crop and size without a free rotation."""
    whole = (0.0, 0.0, float(width), float(height))
    if layer.fit == "stretch":
        return whole, box_width, box_height
    if layer.fit == "fit":
        scale = min(box_width / width, box_height / height)
        return whole, _clamp(width * scale, box_width), _clamp(height * scale, box_height)
    scale = max(box_width / width, box_height / height)
    used_width, used_height = min(width, box_width / scale), min(height, box_height / scale)
    x = _offset_exact(width - used_width, layer.align)
    y = _offset_exact(height - used_height, layer.vertical_align)
    return (x, y, x + used_width, y + used_height), box_width, box_height


def _scaled_turned(
    width: int, height: int, box_width: int, box_height: int, degrees: float, fit: Fit
) -> tuple[int, int]:
    """Size before a free rotation so that, turned, the picture fits into the box or covers it."""
    angle = math.radians(degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    if fit == "fill":
        scale = max((box_width * cos + box_height * sin) / width, (box_width * sin + box_height * cos) / height)
        return max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale))
    scale = min(box_width / (width * cos + height * sin), box_height / (width * sin + height * cos))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def _clamp(length: float, limit: int) -> int:
    return max(1, min(limit, round(length)))


def _offset(room: int, align: Horizontal | Vertical) -> int:
    return int(_offset_exact(room, align))


def _offset_exact(room: float, align: Horizontal | Vertical) -> float:
    if align in ("left", "top"):
        return 0.0
    if align in ("right", "bottom"):
        return float(room)
    return room / 2
