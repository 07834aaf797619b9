"""What a check can find: every code with its severity, and what follows from a set of findings.

`block` stops the line until the buyer or seller changes something, `review` asks a person to look, `warn` is shown
with the proof. `measured` holds numbers only, with the unit at the end of each name. Neither message nor numbers
repeat the buyer's words: findings are kept when personal data is erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from events.order.values import Finding

Severity: TypeAlias = Literal["block", "review", "warn"]
Verdict: TypeAlias = Literal["block", "review", "pass"]


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """All findings of one line on one print area, and what follows from them.

    `width_px` and `height_px` are those of the upright picture, zero where there is none or it did not open.
    """

    findings: tuple[Finding, ...]
    verdict: Verdict
    width_px: int
    height_px: int
    format: str


#: Every code with its severity; `checks` makes no finding that is not listed here.
SEVERITIES: Final[dict[str, Severity]] = {
    # Nothing at all.
    "nothing_to_print": "block",
    # The file.
    "picture_missing": "block",
    "picture_not_used": "warn",
    "file_too_large": "block",
    "format_not_accepted": "block",
    "cannot_be_opened": "block",
    "unsafe_to_open": "block",
    "too_many_pixels": "block",
    "several_pictures": "block",
    "colour_unsupported": "block",
    # The picture.
    "resolution_too_low": "block",
    "resolution_low": "warn",
    "nothing_visible": "block",
    "semi_transparent": "warn",
    "rotated_by_metadata": "warn",
    "colours_cmyk": "review",
    "colours_converted": "warn",
    "colour_profile_missing": "warn",
    "colour_profile_broken": "warn",
    "colour_depth_reduced": "warn",
    "thin_strokes": "warn",
    "background_removed": "warn",
    "background_unclear": "review",
    "known_picture": "review",
    # The picture on the product.
    "bleed_not_filled": "warn",
    "close_to_the_edge": "warn",
    # The text.
    "text_missing": "block",
    "text_not_used": "review",
    "text_too_long": "block",
    "text_too_many_lines": "block",
    "text_does_not_fit": "block",
    "text_control_characters": "block",
    "text_hidden_characters": "review",
    "text_glyphs_missing": "block",
    "text_script_not_offered": "review",
    "text_small": "warn",
    "text_hard_to_read": "warn",
    "text_invisible": "review",
    "text_outside_safe_area": "warn",
    "text_prohibited_word": "review",
    "text_emoji_one_colour": "warn",
    "text_emoji_between_directions": "review",
}


def finding(code: str, message: str, **measured: float) -> Finding:
    """A finding with the severity that belongs to its code."""
    numbers = {name: f"{value:.10g}" for name, value in measured.items()}
    return Finding(code=code, severity=SEVERITIES[code], message=message, measured=numbers)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The strictest severity decides."""
    severities = {found.severity for found in findings}
    if "block" in severities:
        return "block"
    return "review" if "review" in severities else "pass"
