"""The difference that routing rules make, drawn: an SVG file that any browser shows, made without a drawing library."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from processors.routing.replay import Difference

BEFORE, AFTER = "#9aa5b1", "#1f6feb"
WIDTH, MARGIN = 1060, 40
PANEL_WIDTH, PANEL_HEIGHT, PANEL_GAP = 180, 150, 20
ROW_HEIGHT = 34
#: So many partners have bars of their own; the rest, which few lines go to, are left to the table.
PARTNERS_MAX = 20


def figures(difference: Difference) -> tuple[tuple[str, str, int, int], ...]:
    """What is compared: heading, unit, what was decided, what would have been."""
    before, after = difference.before, difference.after
    return (
        ("cost", f"{difference.currency}, minor units", before.cost_minor, after.cost_minor),
        ("shipping", f"{difference.currency}, minor units", before.shipping_minor, after.shipping_minor),
        ("splits", "partners beyond an order's first", before.splits, after.splits),
        ("distance", "km, sum of all lines", before.distance_km, after.distance_km),
        ("lateness", "days beyond the promise", before.late_days, after.late_days),
    )


def busiest_partners(difference: Difference) -> list[tuple[str, int, int]]:
    """Partner, lines it was given, lines it would have been given; the busiest first."""
    before, after = difference.before.partners, difference.after.partners
    names = sorted({*before, *after}, key=lambda name: (-max(before.get(name, 0), after.get(name, 0)), name))
    return [(name, before.get(name, 0), after.get(name, 0)) for name in names]


def change_text(before: int, after: int) -> str:
    """How much more or less, in per cent of what was."""
    if before == after:
        return "the same"
    return f"{100 * (after - before) / before:+.1f} %" if before else f"{after:+,}"


def draw(difference: Difference, title: str) -> str:
    """The chart as SVG text."""
    partners = busiest_partners(difference)[:PARTNERS_MAX]
    height = 2 * MARGIN + 120 + PANEL_HEIGHT + 40 + ROW_HEIGHT * len(partners)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1c2128">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(MARGIN, MARGIN, title, size=18, weight="bold"),
        _text(
            MARGIN,
            MARGIN + 22,
            f"{difference.changed:,} of {difference.decisions:,} decisions differ, {difference.orders:,} orders",
        ),
        *_legend(MARGIN, MARGIN + 36),
        *_panels(difference, MARGIN + 80),
        *_partners(partners, MARGIN + 80 + PANEL_HEIGHT + 70),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(x: int, y: int) -> Iterator[str]:
    for number, (colour, words) in enumerate(((BEFORE, "as decided"), (AFTER, "by the tried rules"))):
        left = x + number * 130
        yield f'<rect x="{left}" y="{y}" width="12" height="12" fill="{colour}"/>'
        yield _text(left + 18, y + 11, words)


def _panels(difference: Difference, top: int) -> Iterator[str]:
    """Two bars for each figure, each panel to its own scale, from zero."""
    for number, (heading, unit, before, after) in enumerate(figures(difference)):
        left = MARGIN + number * (PANEL_WIDTH + PANEL_GAP)
        most = max(before, after, 1)
        yield _text(left, top, f"{heading}: {change_text(before, after)}", weight="bold")
        yield _text(left, top + 16, unit, size=11, colour="#57606a")
        floor = top + 30 + PANEL_HEIGHT - 30
        for place, (value, colour) in enumerate(((before, BEFORE), (after, AFTER))):
            bar = round((PANEL_HEIGHT - 60) * value / most)
            x = left + place * 80
            yield f'<rect x="{x}" y="{floor - bar}" width="60" height="{bar}" fill="{colour}"/>'
            yield _text(x, floor - bar - 5, f"{value:,}", size=12)
        yield f'<line x1="{left}" y1="{floor}" x2="{left + 140}" y2="{floor}" stroke="#57606a"/>'


def _partners(partners: list[tuple[str, int, int]], top: int) -> Iterator[str]:
    yield _text(MARGIN, top - 14, "lines by partner", weight="bold")
    most = max((max(before, after) for _, before, after in partners), default=1) or 1
    room = WIDTH - 2 * MARGIN - 260
    for number, (name, before, after) in enumerate(partners):
        y = top + number * ROW_HEIGHT
        yield _text(MARGIN, y + 17, name if len(name) <= 24 else f"{name[:23]}…")
        for place, (value, colour) in enumerate(((before, BEFORE), (after, AFTER))):
            bar = round(room * value / most)
            yield f'<rect x="{MARGIN + 180}" y="{y + place * 13}" width="{bar}" height="11" fill="{colour}"/>'
            yield _text(MARGIN + 186 + bar, y + place * 13 + 10, f"{value:,}", size=11)


def _text(x: int, y: int, words: str, *, size: int = 13, weight: str = "normal", colour: str = "#1c2128") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words, False)}</text>'
    )
