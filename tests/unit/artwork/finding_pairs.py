"""For every finding a picture or text that triggers it, and one that just does not.

The area is 300 × 200 px at 254 DPI, where one pixel is 0.1 mm, unless a pair says otherwise.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from processors.artwork.limits import MEBIBYTE, Limits
from processors.artwork.lists import SAME_PICTURE_BITS, CheckLists, KnownPicture, fold, perceptual_hash
from processors.artwork.picture import srgb_bytes
from processors.artwork.template import Box, ImageLayer, Layer, TextLayer, TextLimits
from processors.artwork.textlayout import lay_out
from tests.unit.artwork.crafted import not_srgb
from tests.unit.artwork.pictures import encoded, noisy, png_claiming, simple_area

WHOLE: Final = Box(x_um=0, y_um=0, width_um=30_000, height_um=20_000)
PICTURE: Final = ImageLayer(name="picture", box=WHOLE)
OPTIONAL: Final = ImageLayer(name="picture", box=WHOLE, required=False)
CUT_OUT: Final = ImageLayer(name="picture", box=WHOLE, remove_background="when_safe")
#: The finished area of a sheet with 0.3 mm of bleed whose canvas has the usual size.
BLEED: Final = {"bleed_um": 300, "width_um": 29_400, "height_um": 19_400, "safe_inset_um": 1_000}


class Case(NamedTuple):
    """What a buyer gave, on which area, under which lists and limits."""

    layers: tuple[Layer, ...]
    original: bytes | None = None
    text: str | None = None
    area: dict[str, Any] = {}
    lists: CheckLists | None = None
    limits: Limits | None = None


def text_layer(**options: Any) -> TextLayer:
    """A text layer over the whole area that takes twelve characters on two lines."""
    defaults: dict[str, Any] = {
        "box": WHOLE,
        "size_um": 3_000,
        "min_size_um": 1_000,
        "limits": TextLimits(max_characters=12, max_lines=2),
    }
    return TextLayer(name="text", **(defaults | options))


def picture(content: bytes, *, layer: ImageLayer = PICTURE, **area: Any) -> Case:
    """A picture on an area that asks for no more than 150 DPI."""
    return Case((layer,), original=content, area={"dpi_warn": 150} | area)


def text(words: str | None, *, area: dict[str, Any] | None = None, **options: Any) -> Case:
    """A text on a text layer."""
    return Case((text_layer(**options),), text=words, area=area or {})


def inked(colour: str) -> Case:
    """A text of that colour on white."""
    return text("Hello", colour=colour)


def limited(content: bytes, **limits: Any) -> Case:
    """A picture that is opened under other limits than usual."""
    return picture(content)._replace(limits=Limits(**limits))


GOOD: Final = encoded(noisy(300, 200))


def gif() -> bytes:
    buffer = io.BytesIO()
    noisy(300, 200).quantize(32).save(buffer, "GIF")
    return buffer.getvalue()


def webp(frames: int) -> bytes:
    buffer = io.BytesIO()
    more = [noisy(300, 200, seed=2 + frame) for frame in range(frames - 1)]
    noisy(300, 200).save(buffer, "WEBP", icc_profile=srgb_bytes(), save_all=True, append_images=more, duration=100)
    return buffer.getvalue()


def tiff(pixels: np.ndarray[Any, Any]) -> bytes:
    return encoded(Image.fromarray(pixels), "TIFF", icc_profile=None)


def visible_square(side_px: int) -> bytes:
    image = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(image).rectangle((100, 100, 99 + side_px, 99 + side_px), fill="black")
    return encoded(image)


def soft_square(side_px: int) -> bytes:
    image = noisy(300, 200).convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    ImageDraw.Draw(alpha).rectangle((10, 10, 9 + side_px, 9 + side_px), fill=128)
    image.putalpha(alpha)
    return encoded(image)


def lines(thickness_px: int) -> bytes:
    image = Image.new("RGBA", (300, 200))
    draw = ImageDraw.Draw(image)
    for y in range(20, 180, 20):
        draw.rectangle((20, y, 279, y + thickness_px - 1), fill="black")
    return encoded(image)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    size = (200, 300) if orientation > 4 else (300, 200)
    return encoded(noisy(*size), "JPEG", exif=exif.tobytes())


def cut_off_profile() -> bytes:
    """A profile that ends in the middle of its table and says so in its first field."""
    half = srgb_bytes()[:200]
    return struct.pack(">I", len(half)) + half[4:]


def studio(grain: float) -> bytes:
    """A subject before a wall of one colour with so much grain."""
    random = np.random.default_rng(1)
    wall = np.clip(235 + random.normal(0, grain, (200, 300, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(wall)
    ImageDraw.Draw(image).ellipse((80, 30, 220, 150), fill=(150, 40, 30))
    return encoded(image)


def near(bits: int) -> Case:
    """A picture beside a list that has it with so many bits of its hash turned over."""
    phash = int(perceptual_hash(noisy(300, 200)), 16) ^ ((1 << bits) - 1)
    lists = CheckLists(known_pictures=(KnownPicture(phash=f"{phash:016x}", label="a test mascot"),))
    return picture(GOOD)._replace(lists=lists)


def bleeding(**box: int) -> Case:
    """A picture stretched into a box of the sheet with bleed."""
    return picture(GOOD, layer=ImageLayer(name="picture", box=Box(**box), fit="stretch"), **BLEED)


def longest_that_fits(layer: TextLayer) -> str:
    """As many letters as fit on one line in the smallest size."""
    area = simple_area(300, 200, layer)
    word = "m"
    while lay_out(word + "m", layer, area).fits:
        word += "m"
    return word


NARROW: Final = text_layer(
    box=Box(x_um=0, y_um=0, width_um=8_000, height_um=6_000), limits=TextLimits(max_characters=60, max_lines=1)
)
FITTING: Final = longest_that_fits(NARROW)
OWN_WORDS: Final = CheckLists(prohibited_words=frozenset({fold("grue")}))

#: Code → (what triggers it, what just does not).
PAIRS: Final[dict[str, tuple[Case, Case]]] = {
    "nothing_to_print": (Case((OPTIONAL, text_layer()), text=" \n "), Case((OPTIONAL, text_layer()), text=".")),
    "picture_missing": (Case((PICTURE,)), Case((OPTIONAL, text_layer()), text="a")),
    "picture_not_used": (Case((text_layer(),), GOOD, "a"), Case((PICTURE, text_layer()), GOOD, "a")),
    "file_too_large": (limited(GOOD, input_bytes_max=len(GOOD) - 1), limited(GOOD, input_bytes_max=len(GOOD))),
    "format_not_accepted": (picture(gif()), picture(encoded(noisy(300, 200).quantize(32)))),
    "cannot_be_opened": (picture(GOOD[: len(GOOD) * 9 // 10]), picture(GOOD + b"more behind the end")),
    "unsafe_to_open": (
        limited(png_claiming(9_400, 9_400), memory_bytes=500 * MEBIBYTE),
        limited(png_claiming(1_400, 1_400), memory_bytes=500 * MEBIBYTE),
    ),
    "too_many_pixels": (limited(GOOD, pixels_max=300 * 200 - 1), limited(GOOD, pixels_max=300 * 200)),
    "several_pictures": (picture(webp(2)), picture(webp(1))),
    "colour_unsupported": (
        picture(tiff(np.full((200, 300), 0.5, np.float32))),
        picture(tiff(np.full((200, 300), 30_000, np.uint16))),
    ),
    # 150 DPI of 254 are 177.2 pixels of 300; half a DPI is tolerated for the rounding to whole pixels.
    "resolution_too_low": (picture(encoded(noisy(176, 117))), picture(encoded(noisy(177, 118)))),
    "resolution_low": (
        picture(encoded(noisy(235, 157)), dpi_warn=200),
        picture(encoded(noisy(236, 158)), dpi_warn=200),
    ),
    # 0.02 % of 60,000 pixels are twelve.
    "nothing_visible": (picture(visible_square(3)), picture(visible_square(4))),
    # 0.5 % of 60,000 pixels are 300; two on each side of the square count as its edge.
    "semi_transparent": (picture(soft_square(22)), picture(soft_square(21))),
    "rotated_by_metadata": (picture(turned(6)), picture(turned(1))),
    "colours_cmyk": (
        picture(encoded(noisy(300, 200).convert("CMYK"), "JPEG", icc_profile=None)),
        picture(encoded(noisy(300, 200), "JPEG", icc_profile=None)),
    ),
    "colours_converted": (picture(encoded(noisy(300, 200), icc_profile=not_srgb())), picture(GOOD)),
    "colour_profile_missing": (picture(encoded(noisy(300, 200), icc_profile=None)), picture(GOOD)),
    "colour_profile_broken": (
        picture(encoded(noisy(300, 200), icc_profile=cut_off_profile())),
        picture(encoded(noisy(300, 200), icc_profile=not_srgb())),
    ),
    "colour_depth_reduced": (
        picture(encoded(Image.fromarray(np.full((200, 300), 40_000, np.uint16)))),
        picture(encoded(Image.fromarray(np.full((200, 300), 150, np.uint8)))),
    ),
    # The limit of 0.353 mm is four pixels.
    "thin_strokes": (picture(lines(3)), picture(lines(4))),
    "background_removed": (picture(studio(1.5), layer=CUT_OUT), picture(studio(3.5), layer=CUT_OUT)),
    "background_unclear": (picture(studio(3.5), layer=CUT_OUT), picture(studio(1.5), layer=CUT_OUT)),
    "known_picture": (near(SAME_PICTURE_BITS), near(SAME_PICTURE_BITS + 1)),
    "bleed_not_filled": (
        bleeding(x_um=-200, y_um=-300, width_um=29_900, height_um=20_000),
        bleeding(x_um=-300, y_um=-300, width_um=30_000, height_um=20_000),
    ),
    "close_to_the_edge": (
        bleeding(x_um=900, y_um=1_000, width_um=27_500, height_um=17_400),
        bleeding(x_um=1_000, y_um=1_000, width_um=27_400, height_um=17_400),
    ),
    "text_missing": (text(" ", required=True), text("a", required=True)),
    "text_not_used": (Case((PICTURE,), GOOD, "a"), Case((PICTURE,), GOOD, " ")),
    "text_too_long": (text("Zoë & Łukasza"), text("Zoë & Łukasz")),
    "text_too_many_lines": (text("a\nb\nc"), text("a\nb")),
    "text_does_not_fit": (Case((NARROW,), text=FITTING + "m"), Case((NARROW,), text=FITTING)),
    "text_control_characters": (text("a\u0007b"), text("a\tb")),
    # An override turns the order of what follows; a mark only says on which side a sign belongs.
    "text_hidden_characters": (text("a\u202eb"), text("a\u200fb")),
    "text_glyphs_missing": (text("I \u4dc0 you"), text("I © you")),
    "text_script_not_offered": (
        text("Мир", limits=TextLimits(scripts=("Latin",))),
        text("Mir", limits=TextLimits(scripts=("Latin",))),
    ),
    # 6 pt are 21.2 pixels; half a pixel is tolerated because sizes are whole ones.
    "text_small": (text("Hello", size_um=2_000), text("Hello", size_um=2_100)),
    # WCAG contrast with white: 2.96 and 3.03, 1.48 and 1.51.
    "text_hard_to_read": (inked("#969696"), inked("#949494")),
    "text_invisible": (inked("#d4d4d4"), inked("#d2d2d2")),
    "text_outside_safe_area": (
        text(
            "HHH",
            area={"safe_inset_um": 1_000},
            align="left",
            box=Box(x_um=200, y_um=0, width_um=9_000, height_um=20_000),
        ),
        text(
            "HHH",
            area={"safe_inset_um": 1_000},
            align="left",
            box=Box(x_um=900, y_um=0, width_um=9_000, height_um=20_000),
        ),
    ),
    "text_prohibited_word": (
        text("the g r u e")._replace(lists=OWN_WORDS),
        text("the gruel")._replace(lists=OWN_WORDS),
    ),
    "text_emoji_one_colour": (text("I ♥ you"), text("I © you")),
    "text_emoji_between_directions": (
        text("Tel אביב 😀", limits=TextLimits(max_characters=40)),
        text("Tel אביב", limits=TextLimits(max_characters=40)),
    ),
}
