"""How often the labels of each carrier came out, as the choice of a rate wants to know it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from projections.scorecard_figures import CARRIER, PPM, Scorecard

#: A season of labels: long enough to know a carrier by, short enough for one that has mended itself.
DAYS = 90
#: One failed label of three says nothing of a carrier.
LABELS_MIN = 20
#: What ninety days say does not change by the minute.
KEPT_MS = 5 * 60 * 1000


class ScorecardPage(Protocol):
    """A page of scorecards."""

    @property
    def scorecards(self) -> tuple[Scorecard, ...]:
        """Those of all partners and carriers."""
        ...


class LabelHistory:
    """The share of labels that did not fail, from the scorecards; safe to share between threads."""

    def __init__(self, read: Callable[[int, int], ScorecardPage], now_ms: Callable[[], int]) -> None:
        """`read(now_ms, days)` returns the scorecards of the last so many days. It may block."""
        self._read = read
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._kept: Mapping[str, float] = {}
        self._read_at: int | None = None

    def label_success(self) -> Mapping[str, float]:
        """By carrier, 0 to 1; one with fewer than twenty labels in ninety days is left out and counts as reliable."""
        now = self._now_ms()
        with self._lock:
            if self._read_at is None or now - self._read_at >= KEPT_MS:
                self._kept = _shares(self._read(now, DAYS).scorecards)
                self._read_at = now
            return self._kept


def _shares(found: tuple[Scorecard, ...]) -> Mapping[str, float]:
    shares = {}
    for card in found:
        figure = card.figure("label_success") if card.party_kind == CARRIER else None
        if figure is not None and figure.value is not None and figure.sample >= LABELS_MIN:
            shares[card.party_id] = figure.value / PPM
    return shares
