"""One partner for a whole order, or the cheapest split: what the other lines cost where this line is made.

The best plan is found exactly, not line by line: two lines that are each a little cheaper at another press are worth
one parcel together, and the second line must not find out after the first was placed. Of the lines that are not placed
yet, those that go to new partners form groups; each group has the partner that is cheapest for all of it, and each
further partner costs the split and its parcel. A partner that is worse than another everywhere is in no best plan, so
whether it is there changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import TypeAlias

Scores: TypeAlias = Mapping[str, int]
"""Points of a line at each partner that can make it."""

NOTHING: Scores = MappingProxyType({})
TOGETHER_MAX = 6
"""So many lines that are not placed yet are looked at beside the one in hand: the work doubles with each."""


def totals(
    own: Scores, others: Sequence[Scores], placed: frozenset[str], split: int, parcels: Scores = NOTHING
) -> dict[str, int]:
    """Points of the whole order with this line at each partner: this line, the others at their best, and the splits.

    `others` are the order's lines without a partner yet (the first TOGETHER_MAX that anybody can make count), `placed`
    the partners that make lines of it already. `parcels` are the points of each partner's parcel: `own` has that of
    this line's partner in it, and a partner that makes lines of the order already sends no further one.
    """
    waiting = [scores for scores in others if scores][:TOGETHER_MAX]
    if not waiting:
        return {partner: points + (split if placed and partner not in placed else 0) for partner, points in own.items()}
    new = _at_new_partners(waiting, split, parcels)
    found = {}
    for partner, points in own.items():
        further = split if placed and partner not in placed else 0
        found[partner] = points + further + _rest(waiting, placed | {partner}, new)
    return found


def _rest(waiting: Sequence[Scores], here: frozenset[str], new: Sequence[float]) -> int:
    """The cheapest way to make the other lines, some at partners that are in the plan already, some at new ones."""
    at_known = [min((scores.get(partner, inf) for partner in here), default=inf) for scores in waiting]
    everything = len(new) - 1
    kept = [0.0] * len(new)
    best = new[everything]
    for subset in range(1, len(new)):
        low = subset & -subset
        kept[subset] = kept[subset ^ low] + at_known[low.bit_length() - 1]
        if (cost := kept[subset] + new[everything ^ subset]) < best:
            best = cost
    # Every waiting line has a partner of its own at least, so there always is a plan.
    return int(best)


def _at_new_partners(waiting: Sequence[Scores], split: int, parcels: Scores) -> list[float]:
    """For each set of waiting lines (a bit a line) the points of making it at new partners, splits and parcels too."""
    sets = 1 << len(waiting)
    together = [inf] * sets
    for partner in {partner for scores in waiting for partner in scores}:
        sums = [float(parcels.get(partner, 0))] * sets
        for subset in range(1, sets):
            low = subset & -subset
            sums[subset] = sums[subset ^ low] + waiting[low.bit_length() - 1].get(partner, inf)
            if sums[subset] < together[subset]:
                together[subset] = sums[subset]
    cheapest = [0.0] + [inf] * (sets - 1)
    for subset in range(1, sets):
        low = subset & -subset
        group = subset
        while group:
            if group & low:
                cost = together[group] + split + cheapest[subset ^ group]
                if cost < cheapest[subset]:
                    cheapest[subset] = cost
            group = (group - 1) & subset
    return cheapest
