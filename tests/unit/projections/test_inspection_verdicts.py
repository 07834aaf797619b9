"""The read model of inspections: what rules and people say of each unit, side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from events.order.facts import InspectionFailed, InspectionPassed, OrderEvent, PrintCompared
from events.order.values import Defect, PhotoComparison, StoredFile
from projections.inspection_verdicts import COLUMNS, COMPARISON_COLUMNS, InspectionVerdicts
from tests.unit.projections.test_folding import TOPICS, NothingStored, a_record

MISSING, BANDING = Defect(code="part_missing"), Defect(code="banding")
COMPARED = PrintCompared(
    line_id="1",
    run=1,
    comparisons=(
        PhotoComparison(unit=1),
        PhotoComparison(unit=2, area="front", defects=(MISSING,)),
        PhotoComparison(unit=2, area="back", defects=(BANDING,)),
        PhotoComparison(unit=3, problem="damaged"),
    ),
    rules_version="rules-1",
    partner_id="press",
)


def passed(*units: int, by: str = "inspector:operator") -> InspectionPassed:
    return InspectionPassed(line_id="1", run=1, units=units, by=by, partner_id="press")


def failed(*units: int, by: str = "inspector:operator") -> InspectionFailed:
    return InspectionFailed(line_id="1", run=1, units=units, defects=(MISSING,), by=by, partner_id="press")


def folded(*facts: OrderEvent) -> dict[int, dict[str, Any]]:
    """The rows that a batch of these facts gives, by unit."""
    records = [a_record(fact, number) for number, fact in enumerate(facts, 1)]
    change, _ = InspectionVerdicts(TOPICS).fold(records, NothingStored())
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in change.rows]
    return {row["unit"]: row for row in rows}


def said(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["rules_codes"], row["person_codes"]


def test_all_defects_of_a_units_photographs_are_the_rules_word_on_it() -> None:
    rows = folded(COMPARED)
    assert {unit: said(row) for unit, row in rows.items()} == {1: ([], None), 2: (["banding", "part_missing"], None)}
    assert rows[2]["rules_version"] == "rules-1"


def test_a_persons_word_stands_beside_the_rules() -> None:
    rows = folded(COMPARED, passed(2, 3), failed(1))
    assert {unit: said(row) for unit, row in rows.items()} == {
        1: ([], ["part_missing"]),
        2: (["banding", "part_missing"], []),
        3: (None, []),
    }
    assert rows[1]["judged_at"]


def test_a_verdict_that_follows_from_the_rules_is_no_persons() -> None:
    rows = folded(COMPARED, passed(1, by="worker:inspect"), failed(2, by="inspector:simulated"))
    assert all(row["person_codes"] is None for row in rows.values())


def test_the_newest_comparison_counts() -> None:
    again = PrintCompared(line_id="1", run=1, comparisons=(PhotoComparison(unit=2),), rules_version="rules-2")
    assert said(folded(COMPARED, again)[2]) == ([], None)


def compared_rows(*facts: OrderEvent) -> list[dict[str, Any]]:
    records = [a_record(fact, number) for number, fact in enumerate(facts, 1)]
    _, change = InspectionVerdicts(TOPICS).fold(records, NothingStored())
    return [dict(zip(COMPARISON_COLUMNS, row, strict=True)) for row in change.rows]


def test_every_photograph_has_a_row_with_its_numbers_and_pictures() -> None:
    measured = Defect(code="banding", description="Stripes.", measured=2.5, threshold=1.5)
    photo = StoredFile(key="demo/o/photo", version_id="1", sha256="s", size_bytes=1, media_type="image/jpeg")
    comparisons = (PhotoComparison(unit=2, area="front", photo=photo, defects=(measured,)), PhotoComparison(unit=3))
    first, second = compared_rows(msgspec.structs.replace(COMPARED, comparisons=comparisons))
    assert (first["unit"], first["area"], first["place"], second["place"]) == (2, "front", 0, 1)
    assert msgspec.json.decode(first["defects"], type=tuple[Defect, ...]) == (measured,)
    assert msgspec.json.decode(first["photo"]) == {"key": "demo/o/photo", "media_type": "image/jpeg"}
    assert (first["difference"], second["photo"]) == ("null", "null")
    assert first["compared_at"]


def test_a_photograph_that_is_compared_again_keeps_its_row() -> None:
    again = PrintCompared(line_id="1", run=1, comparisons=(PhotoComparison(unit=1),), rules_version="rules-2")
    rows = compared_rows(COMPARED, again)
    assert [(row["place"], row["rules_version"]) for row in rows] == [
        (0, "rules-2"),
        *((n, "rules-1") for n in (1, 2, 3)),
    ]
