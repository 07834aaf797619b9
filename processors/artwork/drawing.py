"""Small drawing helpers that proof and mock-up share. Sizes are pixels, colours are RGB."""

from __future__ import annotations

import io
from typing import Final, TypeAlias

from PIL import Image, ImageColor, ImageDraw

from processors.artwork import fonts
from processors.artwork.typeface import Typeface, choose_family

Rgb: TypeAlias = tuple[int, int, int]
BoxPx: TypeAlias = tuple[int, int, int, int]

#: Shapes are drawn this many times larger and then reduced, which gives them smooth edges.
SMOOTH: Final = 3
UI_FONT: Final = "Noto Sans"
#: What captions are set in: whatever a text is written in, the proof spells it out.
CAPTION_FONTS: Final = (UI_FONT, "Heebo", "Noto Sans Arabic")


def rgb(colour: str) -> Rgb:
    """A #rrggbb colour as numbers."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """`share` of the other colour mixed into the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(colour: Rgb) -> float:
    """Relative luminance from 0 to 1 (WCAG 2.2)."""

    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(value) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def reduced(canvas: Image.Image, width_px: int, height_px: int) -> Image.Image:
    """A large RGBA canvas scaled down, strip by strip: a second canvas in memory would double a render's peak."""
    factor = min(canvas.width // width_px, canvas.height // height_px)
    if factor >= 2:
        small = Image.new("RGBA", (-(-canvas.width // factor), -(-canvas.height // factor)))
        rows = 64 * factor
        for top in range(0, canvas.height, rows):
            strip = canvas.crop((0, top, canvas.width, min(top + rows, canvas.height)))
            small.paste(strip.reduce(factor), (0, top // factor))
        canvas = small
    return canvas.resize((width_px, height_px), Image.Resampling.BICUBIC)


def fitted(width: int, height: int, room_width_px: int, room_height_px: int) -> tuple[int, int]:
    """The largest size of the same shape within a room."""
    scale = min(room_width_px / width, room_height_px / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def dashed_box(draw: ImageDraw.ImageDraw, box: BoxPx, colour: Rgb, dash_px: int = 8, width_px: int = 2) -> None:
    """A rectangle of dashes on a white line, so that it shows on any print."""
    draw.rectangle(box, outline=(255, 255, 255), width=width_px)
    left, top, right, bottom = box
    for start in range(left, right, 2 * dash_px):
        end = min(start + dash_px, right)
        draw.line((start, top, end, top), fill=colour, width=width_px)
        draw.line((start, bottom, end, bottom), fill=colour, width=width_px)
    for start in range(top, bottom, 2 * dash_px):
        end = min(start + dash_px, bottom)
        draw.line((left, start, left, end), fill=colour, width=width_px)
        draw.line((right, start, right, end), fill=colour, width=width_px)


def label(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size_px: int, colour: Rgb, *, weight: int = 400
) -> int:
    """One line of plain text with its top left corner at a point; returns the line's height."""
    family, missing = choose_family(text, CAPTION_FONTS)
    shown = "".join("\N{WHITE SQUARE}" if c in missing else c for c in text) if missing else text
    if missing and fonts.missing_glyphs("\N{WHITE SQUARE}", family):
        shown = "".join("?" if c in missing else c for c in text)
    # Set on a baseline of our own: the ascent differs from font to font, and captions must stand in line.
    face = Typeface(family=family, size_px=size_px, weight=weight)
    face.draw(draw, (at[0], at[1] + size_px), shown, colour)
    return round(size_px * 1.4)


def shortened(text: str, size_px: int, room_px: int) -> str:
    """The text, cut with an ellipsis where it would be wider than the room."""
    family, _ = choose_family(text, CAPTION_FONTS)
    face = Typeface(family=family, size_px=size_px, weight=400)
    if face.length(text) <= room_px:
        return text
    while text and face.length(text + "…") > room_px:
        text = text[:-1]
    return text + "…"


def webp(picture: Image.Image, quality: int = 86, method: int = 2) -> bytes:
    """A picture as WebP; the same pixels give the same bytes. A lower `method` is faster and larger.

    Method 2 takes half the time of 3 and is 2 to 9 % larger at the same quality.
    """
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=quality, method=method)
    return buffer.getvalue()
