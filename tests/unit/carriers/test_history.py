"""What the choice of a rate is told of how carriers did."""

from collections.abc import Sequence

from msgspec import Struct

from processors.carriers.history import KEPT_MS, LABELS_MIN, LabelHistory
from projections.scorecard_figures import DayCount, Scorecard, scorecards, targets

DAY = 20_000


class Page(Struct):
    """The scorecards of one reading."""

    scorecards: tuple[Scorecard, ...]


class Readings:
    """Counts what is read."""

    def __init__(self, counts: Sequence[DayCount]) -> None:
        self.counts = counts
        self.made = 0

    def __call__(self, now_ms: int, days: int) -> Page:
        self.made += 1
        return Page(scorecards(self.counts, to_day=DAY, days=days, held_to=targets()))


def labels(carrier: str, bought: int, good: int, kind: str = "carrier") -> DayCount:
    return DayCount(party_kind=kind, party_id=carrier, measure="labels", day=DAY, things=bought, total=good)


def test_a_carrier_is_known_by_the_share_of_its_labels_that_came_out() -> None:
    history = LabelHistory(Readings([labels("easypost", 200, 190), labels("shippo", 100, 100)]), lambda: 0)
    assert history.label_success() == {"easypost": 0.95, "shippo": 1.0}


def test_a_few_labels_say_nothing_and_print_partners_sell_none() -> None:
    few = [labels("shippo", LABELS_MIN - 1, 0), labels("press-east", 500, 1, kind="partner")]
    assert LabelHistory(Readings(few), lambda: 0).label_success() == {}


def test_the_history_is_read_once_in_a_while_and_not_for_each_label() -> None:
    readings, now = Readings([labels("easypost", 100, 50)]), [0]
    history = LabelHistory(readings, lambda: now[0])
    for now[0] in (0, 1, KEPT_MS - 1):
        history.label_success()
    assert readings.made == 1
    readings.counts = [labels("easypost", 100, 100)]
    now[0] = KEPT_MS
    assert history.label_success() == {"easypost": 1.0}
