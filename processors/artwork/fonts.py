"""The fonts that text is set in: pinned by the lock file, shaped by HarfBuzz.

Every family comes from a package of the locked environment, so that the same text gives the same letters on
every machine. A buyer's text picks the first family of its layer's list that has a glyph for every character; emoji
come from a family of their own (see `typeface`), in one colour, because a text is printed in one.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Final

import fontpkg
from fontTools.ttLib import TTFont
from PIL import ImageFont, features

from processors.ports import NamedError

EMOJI_FAMILY: Final = "Noto Emoji"
#: Which glyph a character has, not a character of its own.
SELECTORS: Final = "\ufe0e\ufe0f"


class ShapingUnavailable(NamedError):
    """Pillow cannot shape text: the library libfribidi is missing. Install the package libfribidi0."""


class FontUnknown(NamedError):
    """The template names a font family that is not part of this release."""


def assert_shaping() -> None:
    """Refuse to work without complex text layout: Arabic would be printed unjoined, with only a warning."""
    if not features.check("raqm"):
        raise ShapingUnavailable


@lru_cache(maxsize=64)
def font_path(family: str) -> str:
    """The font file of a family. Raises FontUnknown."""
    if family == EMOJI_FAMILY:
        return str(files("manimgx_fonts").joinpath("NotoEmoji[wght].ttf"))
    try:
        return str(fontpkg.path(family))
    except fontpkg.FontpkgError:
        raise FontUnknown(
            f"No font family {family!r} is installed. Use one of: {', '.join(known_families())}."
        ) from None


def known_families() -> tuple[str, ...]:
    """All families that templates may name."""
    return tuple(sorted([EMOJI_FAMILY, *(str(fontpkg.family(slug).name) for slug in fontpkg.families())]))


@lru_cache(maxsize=64)
def code_points(family: str) -> frozenset[int]:
    """The characters that the family has glyphs for."""
    with TTFont(font_path(family), lazy=True) as font:
        return frozenset(font.getBestCmap())


def _needs_glyph(character: str) -> bool:
    """Joiners and direction marks shape text without a glyph of their own; control characters are told apart."""
    return unicodedata.category(character) not in ("Cf", "Cc") and character not in SELECTORS


def missing_glyphs(text: str, family: str) -> tuple[str, ...]:
    """The characters of `text` that the family cannot show, each once, in order of appearance."""
    known = code_points(family)
    return tuple(dict.fromkeys(c for c in text if _needs_glyph(c) and ord(c) not in known))


@lru_cache(maxsize=256)
def load(family: str, size_px: int, weight: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels an em; a variable font is set to `weight` and its other axes to default."""
    assert_shaping()
    font = ImageFont.truetype(font_path(family), size_px, layout_engine=ImageFont.Layout.RAQM)
    try:
        axes = font.get_variation_axes()
    except OSError:
        return font
    font.set_variation_by_axes([_axis_value(axis, weight) for axis in axes])
    return font


def _axis_value(axis: ImageFont.Axis, weight: int) -> float:
    """The weight axis takes the wanted weight within its range; every other axis keeps its default."""
    low, default, high = axis["minimum"] or 0, axis["default"] or 0, axis["maximum"] or 0
    return min(max(weight, low), high) if axis["name"] == b"Weight" else default
