"""A family at a size, and the emoji that it lacks: measures and draws lines of text, run by run.

HarfBuzz shapes each run by itself. Emoji come from one font of one colour, because a text is printed in one. In a line
of right-to-left letters the runs stand from right to left; a line that has both directions beside emoji stands in
the order of its paragraph's first letter, which the check tells a person to look at.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from PIL import ImageDraw, ImageFont

from processors.artwork import fonts
from processors.artwork.fonts import EMOJI_FAMILY

#: Emoji glyphs fill more than their em; at this share of the text's size they stand like capital letters.
EMOJI_PERCENT: Final = 82

_KEYCAP: Final = "[0-9#*]\ufe0f?\u20e3"
_FLAG: Final = "[\U0001f1e6-\U0001f1ff]{2}"
#: Joiners, selectors and tags stand behind a picture, never for one.
_PERSON: Final = "[^\x00-\x7f\u200b-\u200f\ufe00-\ufe0f\U000e0000-\U000e0fff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
_TAGS: Final = "[\U000e0020-\U000e007e]+\U000e007f"
#: A selector that asks for a sign as the letters beside it are set, not as a picture.
_AS_TEXT: Final = "\ufe0e"
#: What only says how the character before it is set. At the start of a run HarfBuzz would draw a dotted circle for it.
_FOLLOWING: Final = "\u034f\ufe0e\ufe0f"
#: What may be one sign: a keycap, a flag, or pictures that are joined, coloured and tagged.
_SIGN: Final = re.compile(f"{_KEYCAP}|{_FLAG}|{_PERSON}(?:\u200d{_PERSON})*(?:{_TAGS})?")

Anchor: TypeAlias = str
Direction: TypeAlias = Literal["ltr", "rtl"]


class Run(msgspec.Struct, frozen=True):
    """A piece of a line that one font sets."""

    text: str
    is_emoji: bool


def signs(text: str) -> tuple[str, ...]:
    """The emoji of a text, each as the one sign that a person sees, whatever it is composed of."""
    return tuple(match.group() for match in _SIGN.finditer(text) if _is_sign(match.group()))


def with_single_signs(text: str) -> str:
    """The text with every emoji as one character, as a person counts them."""
    return _SIGN.sub(lambda match: "\N{WHITE SMILING FACE}" if _is_sign(match.group()) else match.group(), text)


def _is_sign(cluster: str) -> bool:
    """Whether the emoji font has all of it, and it is no letter or mark that happens to be composed alike."""
    known = fonts.code_points(EMOJI_FAMILY)
    # Tags have no glyphs of their own: they only choose among flags. Nor has the selector of text.
    named = [ord(c) for c in cluster if not 0xE0020 <= ord(c) <= 0xE007F and c != _AS_TEXT]
    return all(point in known for point in named) and not cluster[0].isalpha()


def without_signs(text: str, family: str) -> str:
    """The text without the emoji that the emoji font sets for this family."""
    return "".join(run.text for run in runs(text, family) if not run.is_emoji)


def has_signs(text: str, family: str) -> bool:
    """Whether the emoji font sets any of the text for this family."""
    return any(run.is_emoji for run in runs(text, family))


@lru_cache(maxsize=2_048)
def runs(line: str, family: str) -> tuple[Run, ...]:
    """A line as runs of the family and of emoji; a sign that is one character stays with a family that has it."""
    found: list[Run] = []
    end = 0
    known = fonts.code_points(family)
    for match in _SIGN.finditer(line):
        cluster = match.group()
        alone = cluster.rstrip(_AS_TEXT)
        if not _is_sign(cluster) or (len(alone) == 1 and ord(alone) in known):
            continue
        if before := line[end : match.start()].lstrip(_FOLLOWING):
            found.append(Run(before, False))
        found.append(Run(cluster, True))
        end = match.end()
    rest = line[end:].lstrip(_FOLLOWING)
    if rest or not found:
        found.append(Run(rest, False))
    return tuple(found)


def choose_family(text: str, families: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The first family with every glyph beside emoji, or the one that lacks fewest; and the characters it lacks."""

    def missing_in(family: str) -> tuple[str, ...]:
        return fonts.missing_glyphs(without_signs(text, family), family)

    best, lacking = families[0], missing_in(families[0])
    for family in families[1:]:
        if not lacking:
            break
        missing = missing_in(family)
        if len(missing) < len(lacking):
            best, lacking = family, missing
    return best, lacking


def directions(text: str) -> frozenset[str]:
    """The directions of the text's letters: `left` for those that run from the left, `right` for the others."""
    kinds = {unicodedata.bidirectional(c) for c in text}
    return frozenset(name for name, strong in (("left", {"L"}), ("right", {"R", "AL"})) if kinds & strong)


def base_direction(paragraph: str) -> Direction:
    """The direction of a paragraph: that of its first letter outside of isolates (rules P2 and P3 of UAX #9).

    All lines into which the paragraph is broken have it, whatever letter they begin with.
    """
    isolates = 0
    for character in paragraph:
        kind = unicodedata.bidirectional(character)
        if kind in ("LRI", "RLI", "FSI"):
            isolates += 1
        elif kind == "PDI":
            isolates = max(0, isolates - 1)
        elif not isolates and kind in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return "ltr"


class Ink(NamedTuple):
    """The ends of a line's ink in pixels, to the right of and below a point on its baseline."""

    left: int
    top: int
    right: int
    bottom: int


class Typeface(msgspec.Struct, frozen=True, kw_only=True):
    """A family at a size in pixels an em and a weight. A line without a direction is a paragraph of its own."""

    family: str
    size_px: int
    weight: int

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The family's own font."""
        return fonts.load(self.family, self.size_px, self.weight)

    def length(self, line: str, direction: Direction | None = None) -> float:
        """How far a line moves the pen, in pixels."""
        placed = self._runs(line, direction)
        return sum(font.getlength(run.text, direction=way) for run, font, way in placed)

    def ink(self, line: str, anchor: Anchor = "ls", direction: Direction | None = None) -> Ink:
        """The ends of a line's ink from a point on its baseline; `anchor` as Pillow names it."""
        placed = self._runs(line, direction)
        if len(placed) == 1:
            run, font, way = placed[0]
            return Ink(*map(int, font.getbbox(run.text, anchor=anchor, direction=way)))
        boxes: list[tuple[float, float, float, float]] = []
        pen = -self._before(line, anchor, direction)
        for run, font, way in placed:
            left, top, right, bottom = font.getbbox(run.text, anchor="ls", direction=way)
            boxes.append((pen + left, top, pen + right, bottom))
            pen += font.getlength(run.text, direction=way)
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        return Ink(math.floor(min(lefts)), int(min(tops)), math.ceil(max(rights)), int(max(bottoms)))

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[float, float],
        line: str,
        fill: int | tuple[int, int, int],
        anchor: Anchor = "ls",
        direction: Direction | None = None,
    ) -> None:
        """Draw a line; `at` is a point of its baseline."""
        placed = self._runs(line, direction)
        if len(placed) == 1:
            run, font, way = placed[0]
            draw.text(at, run.text, fill=fill, font=font, anchor=anchor, direction=way)
            return
        pen = at[0] - self._before(line, anchor, direction)
        for run, font, way in placed:
            draw.text((pen, at[1]), run.text, fill=fill, font=font, anchor="ls", direction=way)
            pen += font.getlength(run.text, direction=way)

    def _before(self, line: str, anchor: Anchor, direction: Direction | None) -> float:
        """How much of the line's length lies before the anchor."""
        return self.length(line, direction) * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]]

    def _runs(self, line: str, direction: Direction | None) -> list[tuple[Run, ImageFont.FreeTypeFont, Direction]]:
        """The runs from left to right, each with its font and the direction in which it is shaped."""
        found, way = runs(line, self.family), direction or base_direction(line)
        if len(found) == 1 and not found[0].is_emoji:
            return [(found[0], self.font, way)]
        ordered = found if way == "ltr" else found[::-1]
        emoji_px = max(1, self.size_px * EMOJI_PERCENT // 100)
        emoji = fonts.load(EMOJI_FAMILY, emoji_px, self.weight)
        return [(run, emoji, "ltr") if run.is_emoji else (run, self.font, way) for run in ordered]
