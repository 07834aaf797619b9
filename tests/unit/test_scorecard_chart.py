"""The picture of scorecards: well-formed, a row a party, every figure in it."""

from xml.etree import ElementTree

from infra.scorecard_chart import PARTIES_MAX, draw
from projections.scorecard_figures import DayCount, Scorecard, scorecards, targets


def cards(parties: int = 1) -> tuple[Scorecard, ...]:
    """Made-up parties: one measure with a target that is missed, one without a target."""
    counts = [
        DayCount(party_kind="partner", party_id=f"press <{n}>", measure=measure, day=20_000 - day, things=50,
                 total=total, squares=total * total // 25)
        for n in range(parties)
        for measure, total in (("on_time_start", 40), ("production_ms", 36_000_000))
        for day in range(30)
    ]  # fmt: skip
    return scorecards(counts, to_day=20_000, days=30, held_to=targets())


def test_each_party_has_its_figures_its_days_and_its_target() -> None:
    svg = draw(cards(2), "Made-up & small")
    drawn = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    texts = {element.text for element in drawn.iter() if element.tag.endswith("text")}
    assert {"press <0>", "press <1>"} <= texts
    assert "80.00 %" in texts
    assert "± 12.0 min" in texts
    assert svg.count("<polyline") == 4
    assert svg.count("stroke-dasharray") == 2


def test_nothing_and_very_many_parties_can_be_drawn() -> None:
    ElementTree.fromstring(draw((), "Nothing"))  # noqa: S314 - our own text
    assert draw(cards(PARTIES_MAX + 5), "Many").count("<polyline") == 2 * PARTIES_MAX
