"""The proof: what will be printed, on the product's colour, with trim and safe area, and the text spelled out.

A proof is looked at by a person who decides whether to print, so it says what cannot be seen: the size in
millimetres, the resolution, the font and the exact words.
"""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw

from processors.artwork.compose import Composed
from processors.artwork.drawing import BoxPx, contrast, dashed_box, fitted, label, mix, reduced, rgb, shortened, webp
from processors.artwork.template import PrintArea, Template

WIDTH_PX: Final = 1200
_ROOM_HEIGHT_PX: Final = 1040
_MARGIN_PX: Final = 60
_LINE_PX: Final = 34
_BACKGROUND: Final = (236, 237, 239)
_INK: Final = (38, 42, 48)
_QUIET: Final = (104, 110, 120)
_TRIM: Final = (214, 48, 98)
_SAFE: Final = (0, 112, 190)


def draw_proof(composed: Composed, template: Template, area: PrintArea, *, background_removed: bool = False) -> bytes:
    """The proof picture of one print area as WebP, 1200 px wide."""
    room = WIDTH_PX - 2 * _MARGIN_PX
    width, height = fitted(area.width_px, area.height_px, room, _ROOM_HEIGHT_PX)
    captions = _captions(composed, template, area)
    if background_removed:
        captions.insert(1, ("The picture's background was cut away: look at its edges and holes.", True))
    sheet_height = _MARGIN_PX + height + 40 + _LINE_PX * (len(captions) + 1) + _MARGIN_PX // 2
    sheet = Image.new("RGB", (WIDTH_PX, sheet_height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    left, top = (WIDTH_PX - width) // 2, _MARGIN_PX
    product = rgb(template.product.colour)
    _blank(sheet, (left, top, left + width, top + height), product)
    printed = reduced(composed.canvas, width, height)
    sheet.paste(printed, (left, top), printed)
    scale = width / area.width_px

    def on_sheet(box: BoxPx) -> BoxPx:
        x0, y0, x1, y1 = (round(edge * scale) for edge in box)
        return left + x0, top + y0, left + x1 - 1, top + y1 - 1

    trim = on_sheet(area.trim_px())
    draw.rectangle((trim[0] - 1, trim[1] - 1, trim[2] + 1, trim[3] + 1), outline=(255, 255, 255), width=4)
    draw.rectangle(trim, outline=_TRIM, width=2)
    if area.safe_inset_um:
        dashed_box(draw, on_sheet(area.safe_px()), _SAFE)
    y = top + height + 24
    y += _legend(draw, _MARGIN_PX, y, area)
    for text, strong in captions:
        colour = _INK if strong else _QUIET
        label(draw, (_MARGIN_PX, y), shortened(text, 22, room), 22, colour, weight=600 if strong else 400)
        y += _LINE_PX
    return webp(sheet)


def _blank(sheet: Image.Image, box: BoxPx, product: tuple[int, int, int]) -> None:
    """The product's colour under the print, with a border where it is close to the background's."""
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=product)
    if contrast(product, _BACKGROUND) < 1.4:
        edge = mix(_BACKGROUND, (0, 0, 0), 0.15)
        draw.rectangle((box[0] - 1, box[1] - 1, box[2], box[3]), outline=edge)


def _legend(draw: ImageDraw.ImageDraw, x: int, y: int, area: PrintArea) -> int:
    """What the lines on the proof mean."""
    draw.line((x, y + 14, x + 36, y + 14), fill=_TRIM, width=3)
    label(draw, (x + 46, y), "edge of the print" if not area.bleed_um else "cut here", 20, _QUIET)
    if area.safe_inset_um:
        for start in (x + 260, x + 276, x + 292):
            draw.line((start, y + 14, start + 9, y + 14), fill=_SAFE, width=3)
        label(draw, (x + 310, y), "keep text and faces inside", 20, _QUIET)
    return _LINE_PX


def _captions(composed: Composed, template: Template, area: PrintArea) -> list[tuple[str, bool]]:
    """The lines under the picture and whether each is set strong."""
    size = f"{area.width_um / 1000:g} × {area.height_um / 1000:g} mm at {area.dpi} DPI"
    captions = [(f"{template.product.name}, {area.name}: {size}", True)]
    for layout in composed.texts.values():
        captions.append(("Text: " + " / ".join(f"“{line.text}”" for line in layout.lines), True))
        points = layout.size_px * 72 / area.dpi
        captions.append((f"Set in {layout.family}, {points:.0f} pt", False))
    for placement in composed.placements.values():
        captions.append((f"Picture resolution in print: {placement.effective_dpi(area.dpi):.0f} DPI", False))
    captions.append((f"Template {template.template_id}, version {template.version}", False))
    return captions
