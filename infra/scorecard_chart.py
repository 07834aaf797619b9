"""Scorecards drawn as SVG, without a library: a row a party, a cell a figure with its days and its target as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from processors.alerts import shown
from projections.scorecard_figures import MEASURES, PPM, Figure, Scorecard

MET, MISSED, OPEN, LINE, GREY = "#1a7f37", "#cf222e", "#57606a", "#1f6feb", "#8c959f"
MARGIN, LEFT, TOP = 30, 190, 92
CELL_WIDTH, CELL_HEIGHT = 150, 84
SPARK_WIDTH, SPARK_HEIGHT = 126, 30
LEGEND = "dashed: the target; green meets it, red misses it, grey: none, or too few to say; ±: the standard deviation"
#: So many parties are drawn; the rest is left to the table.
PARTIES_MAX = 40


def draw(cards: Sequence[Scorecard], title: str) -> str:
    """The picture as SVG text."""
    cards = cards[:PARTIES_MAX]
    known = {figure.measure for card in cards for figure in card.figures}
    measures = [measure.name for measure in MEASURES if measure.name in known]
    width = LEFT + CELL_WIDTH * max(1, len(measures)) + MARGIN
    height = TOP + CELL_HEIGHT * max(1, len(cards)) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1c2128">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(MARGIN, 32, title, size=18, weight="bold"),
        _text(MARGIN, 52, LEGEND, size=11),
        *(
            _text(LEFT + CELL_WIDTH * column, TOP - 12, measure.replace("_", " "), weight="bold")
            for column, measure in enumerate(measures)
        ),
    ]
    for number, card in enumerate(cards):
        parts += _row(card, measures, TOP + CELL_HEIGHT * number)
    return "\n".join((*parts, "</svg>")) + "\n"


def _row(card: Scorecard, measures: Sequence[str], top: int) -> Iterator[str]:
    name = card.party_id if len(card.party_id) <= 20 else f"{card.party_id[:19]}…"
    yield f'<line x1="{MARGIN}" y1="{top}" x2="{LEFT + CELL_WIDTH * len(measures)}" y2="{top}" stroke="#d0d7de"/>'
    yield _text(MARGIN, top + 26, name, weight="bold")
    yield _text(MARGIN, top + 44, card.party_kind, size=11, colour=GREY)
    for column, measure in enumerate(measures):
        figure = card.figure(measure)
        if figure is not None and figure.value is not None:
            yield from _cell(figure, LEFT + CELL_WIDTH * column, top)


def _cell(figure: Figure, left: int, top: int) -> Iterator[str]:
    colour = OPEN if figure.is_met is None else MET if figure.is_met else MISSED
    yield _text(left, top + 26, shown(figure.value or 0, figure.unit), size=15, weight="bold", colour=colour)
    yield _text(left + 84, top + 26, f"of {figure.sample:,}", size=11, colour=GREY)
    if figure.spread:
        yield _text(left, top + 80, f"± {shown(figure.spread, figure.unit)}", size=10, colour=GREY)
    floor, ceiling = _scale(figure)
    if figure.target is not None:
        y = _height(figure.target, floor, ceiling, top)
        yield (
            f'<line x1="{left}" y1="{y}" x2="{left + SPARK_WIDTH}" y2="{y}" stroke="{GREY}" stroke-dasharray="3 3"/>'
        )
    step = SPARK_WIDTH / max(1, len(figure.by_day) - 1)
    points = [
        (round(left + step * number, 1), _height(value, floor, ceiling, top))
        for number, value in enumerate(figure.by_day)
        if value is not None
    ]
    if len(points) > 1:
        joined = " ".join(f"{x},{y}" for x, y in points)
        yield f'<polyline points="{joined}" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
    if points:
        yield f'<circle cx="{points[-1][0]}" cy="{points[-1][1]}" r="2.5" fill="{LINE}"/>'


def _scale(figure: Figure) -> tuple[int, int]:
    """The smallest and largest value of the cell, the target among them; what is all alike stays in the middle."""
    values = [value for value in figure.by_day if value is not None]
    if figure.target is not None:
        values.append(figure.target)
    floor, ceiling = min(values, default=0), max(values, default=0)
    room = max((ceiling - floor) // 10, PPM // 1_000 if figure.unit == "ppm" else 1)
    return floor - room, ceiling + room


def _height(value: int, floor: int, ceiling: int, top: int) -> float:
    return round(top + 38 + SPARK_HEIGHT * (1 - (value - floor) / (ceiling - floor)), 1)


def _text(x: int, y: int, words: str, *, size: int = 13, weight: str = "normal", colour: str = "#1c2128") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words, False)}</text>'
    )
