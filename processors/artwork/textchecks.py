"""Checks of a buyer's text: length, lines, hidden characters, scripts, glyphs, and whether it fits its box."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from fontTools import unicodedata as scripts

from events.order.values import Finding
from processors.artwork.findings import finding
from processors.artwork.template import PrintArea, TextLayer
from processors.artwork.textlayout import TextLayout, clean

_JOINERS: Final = "\u200c\u200d"
_DIRECTION_MARKS: Final = "\u200e\u200f\u061c"
_SELECTORS: Final = "\ufe0e\ufe0f"
#: No text may be longer than this, whatever the template says: it bounds the work of every check below.
RAW_CHARACTERS_MAX: Final = 4000
_NAMED_CHARACTERS_MAX: Final = 8


def check_text(text: str | None, area: PrintArea, layouts: dict[str, TextLayout]) -> Iterator[Finding]:
    """All findings on the buyer's text for one area. `layouts` says how it would be set, by layer name."""
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
        layout = layouts.get(layer.name)
        if layout is not None:
            # A text that is too long need not also be told that it does not fit: it is shortened anyway.
            too_long = any(found.code in ("text_too_long", "text_too_many_lines") for found in beyond)
            yield from (f for f in _setting(layout, layer) if not (too_long and f.code == "text_does_not_fit"))


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
    """Characters as a person counts them: marks on letters, joiners and selectors do not count."""
    return sum(
        1 for c in text if c != "\n" and unicodedata.category(c) not in ("Mn", "Me", "Cf") and c not in _SELECTORS
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
    hidden = sum(1 for c in text if unicodedata.category(c) == "Cf" and c not in usual)
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
