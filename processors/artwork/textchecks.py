"""Checks of a buyer's text: length, lines, hidden characters, scripts, glyphs, and whether it fits its box."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from fontTools import unicodedata as scripts

from events.order.values import Finding
from processors.artwork.findings import finding
from processors.artwork.fonts import SELECTORS
from processors.artwork.lists import count_prohibited
from processors.artwork.printfacts import TextFacts
from processors.artwork.template import UM_PER_INCH, PrintArea, TextLayer
from processors.artwork.textlayout import TextLayout, clean
from processors.artwork.typeface import directions, has_signs, signs, with_single_signs

_JOINERS: Final = "\u200c\u200d"
_DIRECTION_MARKS: Final = "\u200e\u200f\u061c"
#: No text may be longer than this, whatever the template says: it bounds the work of every check below.
RAW_CHARACTERS_MAX: Final = 4000
_NAMED_CHARACTERS_MAX: Final = 8
#: WCAG contrast: under the first a text cannot be seen, under the second (large text) it is hard to read.
CONTRAST_VISIBLE: Final = 1.5
CONTRAST_READABLE: Final = 3.0
POINTS_PER_INCH: Final = 72


def check_text(
    text: str | None, area: PrintArea, facts: dict[str, TextFacts], prohibited: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """All findings on the buyer's text for one area. `facts` says how it would be set, by layer name."""
    layers = area.text_layers
    if not text or not clean(text):
        for layer in layers:
            if layer.required:
                yield finding("text_missing", "This product needs a text. Ask the buyer for it and add it.")
                return
        return
    if not layers:
        yield finding(
            "text_not_used",
            "The buyer wrote a text, but this print area has no place for one. Ask the buyer, or choose another "
            "template.",
        )
        return
    yield from _hidden(text)
    for layer in layers:
        beyond = list(_limits(clean(text), layer))
        yield from beyond
        known = facts.get(layer.name)
        if known is not None:
            # A text that is shortened anyway need not also be told how it would look.
            too_long = any(found.code in ("text_too_long", "text_too_many_lines") for found in beyond)
            setting = [f for f in _setting(known.layout, layer) if not (too_long and f.code == "text_does_not_fit")]
            yield from setting
            if not too_long and not setting:
                yield from _legibility(known, area)
    yield from _emoji(clean(text), [known.layout for known in facts.values()])
    yield from _prohibited(text, prohibited)


def _emoji(text: str, layouts: list[TextLayout]) -> Iterator[Finding]:
    """What a buyer may not expect of emoji: their colour, and their place beside letters of two directions."""
    drawn = [layout for layout in layouts if has_signs(text, layout.family)]
    if not drawn:
        return
    yield finding(
        "text_emoji_one_colour",
        "Emoji are printed in the colour of the text, as drawn on the proof.",
        emoji=len(signs(text)),
    )
    if any(len(directions(line)) == 2 for line in text.split("\n")):
        yield finding(
            "text_emoji_between_directions",
            "A line has emoji beside words that run from the left and words that run from the right. A person must "
            "look on the proof whether all of it stands in the right order.",
        )


def _prohibited(text: str, prohibited: frozenset[str]) -> Iterator[Finding]:
    words = count_prohibited(text, prohibited) if prohibited else 0
    if words:
        yield finding(
            "text_prohibited_word",
            "The text may hold a word that is not printed without a look. A person decides; names are often innocent.",
            words=words,
        )


def _legibility(facts: TextFacts, area: PrintArea) -> Iterator[Finding]:
    size_um = facts.layout.size_px * UM_PER_INCH / area.dpi
    # Half a pixel of tolerance: sizes are whole pixels.
    if size_um < area.min_text_um - 0.5 * UM_PER_INCH / area.dpi:
        points, limit = (round(um * POINTS_PER_INCH / UM_PER_INCH, 1) for um in (size_um, area.min_text_um))
        yield finding(
            "text_small",
            f"The letters are {points} pt; under {limit} pt they may not print clearly. Shorten the text.",
            size_pt=points,
            limit_pt=limit,
        )
    if facts.contrast < CONTRAST_VISIBLE:
        yield finding(
            "text_invisible",
            "The text has nearly the colour of what is behind it and will hardly be seen. Choose another picture, "
            "colour or product; a person must agree to print it like this.",
            contrast=facts.contrast,
            limit_contrast=CONTRAST_VISIBLE,
        )
    elif facts.contrast < CONTRAST_READABLE:
        yield finding(
            "text_hard_to_read",
            "The text stands out little from what is behind it. Look at the proof, or choose a calmer background.",
            contrast=facts.contrast,
            limit_contrast=CONTRAST_READABLE,
        )
    if facts.outside_safe:
        yield finding(
            "text_outside_safe_area",
            "Part of the text lies outside the safe area and may be cut. Shorten the text, or mend the template.",
        )


def too_long_to_look_at(text: str | None) -> Finding | None:
    """A text beyond all measure is refused before anything else is done with it."""
    if text is None or len(text) <= RAW_CHARACTERS_MAX:
        return None
    return finding(
        "text_too_long",
        f"The text is longer than {RAW_CHARACTERS_MAX} characters. Shorten it to what can be printed.",
        characters=len(text),
    )


def count_characters(text: str) -> int:
    """Characters as a person counts them: marks on letters, joiners and selectors do not count, an emoji is one."""
    return sum(
        1
        for c in with_single_signs(text)
        if c != "\n" and unicodedata.category(c) not in ("Mn", "Me", "Cf") and c not in SELECTORS
    )


def _hidden(text: str) -> Iterator[Finding]:
    allowed = "\n\r\t\u2028\u2029"
    control = sum(1 for c in text if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") and c not in allowed)
    if control:
        yield finding(
            "text_control_characters",
            f"The text holds {control} control characters that cannot be printed. Type it again without copying.",
            characters=control,
        )
    usual = _JOINERS + _DIRECTION_MARKS
    # Joined and tagged emoji are composed with such characters, and show them.
    shown = with_single_signs(text)
    hidden = sum(1 for c in shown if unicodedata.category(c) == "Cf" and c not in usual)
    if hidden:
        yield finding(
            "text_hidden_characters",
            f"The text holds {hidden} invisible characters that may change how it reads. Compare the proof with "
            "what the buyer wants, or type the text again.",
            characters=hidden,
        )


def _limits(text: str, layer: TextLayer) -> Iterator[Finding]:
    limits = layer.limits
    characters, lines = count_characters(text), text.count("\n") + 1
    if characters > limits.max_characters:
        yield finding(
            "text_too_long",
            f"The text has {characters} characters; {limits.max_characters} can be printed here. Shorten it.",
            characters=characters,
            limit_characters=limits.max_characters,
        )
    if lines > limits.max_lines:
        yield finding(
            "text_too_many_lines",
            f"The text has {lines} lines; {limits.max_lines} can be printed here. Use fewer lines.",
            lines=lines,
            limit_lines=limits.max_lines,
        )
    used = {scripts.script_name(scripts.script(c)) for c in text if c.isalpha()}
    refused = sorted(used - set(limits.scripts) - {"Common", "Inherited"})
    if refused:
        yield finding(
            "text_script_not_offered",
            f"The text is written in {', '.join(refused)}; this template offers {', '.join(limits.scripts)}. "
            "A person must look at the proof, or the buyer chooses another spelling.",
            scripts=len(refused),
        )


def _setting(layout: TextLayout, layer: TextLayer) -> Iterator[Finding]:
    if layout.missing:
        yield finding(
            "text_glyphs_missing",
            f"No font of this template can print {describe_characters(layout.missing)}. Replace or remove them.",
            characters=len(layout.missing),
        )
    elif not layout.fits:
        yield finding(
            "text_does_not_fit",
            "The text does not fit its place even in the smallest readable size. Shorten it, or use shorter words.",
            size_px=layout.size_px,
            limit_lines=layer.limits.max_lines,
        )


def describe_characters(characters: tuple[str, ...]) -> str:
    """Name signs one by one, but letters only by their script: a finding must not spell a buyer's name."""
    letters = sorted({scripts.script_name(scripts.script(c)) for c in characters if c.isalpha()})
    signs = [c for c in characters if not c.isalpha()]
    parts = [f"letters of the script {name}" for name in letters]
    parts += [f"{c} ({unicodedata.name(c, 'unnamed').lower()})" for c in signs[:_NAMED_CHARACTERS_MAX]]
    if len(signs) > _NAMED_CHARACTERS_MAX:
        parts.append(f"{len(signs) - _NAMED_CHARACTERS_MAX} more signs")
    return ", ".join(parts)
