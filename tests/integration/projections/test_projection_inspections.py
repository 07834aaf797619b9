"""The report on the automatic rules: hits, false alarms and misses, counted from facts."""

import asyncio

import pytest

from events.order.facts import InspectionFailed, InspectionPassed, OrderEvent, PrintCompared
from events.order.values import Defect, PhotoComparison, StoredFile
from projections.inspection_verdicts import DefectAgreement, InspectionView, PrintPicture
from tests.integration.projections.conftest import Rig
from tests.order_life import TENANT

pytestmark = pytest.mark.stack

NAME = "inspection_verdicts"


def compared(*codes: str) -> PrintCompared:
    defects = tuple(Defect(code=code) for code in codes)
    comparison = PhotoComparison(unit=1, defects=defects)
    return PrintCompared(line_id="1", run=1, comparisons=(comparison,), rules_version="rules-1", partner_id="press")


def judged(*codes: str, by: str = "inspector:operator") -> OrderEvent:
    if not codes:
        return InspectionPassed(line_id="1", run=1, units=(1,), by=by, partner_id="press")
    defects = tuple(Defect(code=code) for code in codes)
    return InspectionFailed(line_id="1", run=1, units=(1,), defects=defects, by=by, partner_id="press")


#: What the rules and then a person say of the one unit of each order.
SAID = (
    (compared("banding"), judged("banding")),
    (compared("banding", "mirrored"), judged("mirrored")),
    (compared("mirrored"), judged()),
    (compared(), judged("banding")),
    (compared(), judged()),
    (compared(), judged()),
    (compared("banding"), judged("banding", by="worker:inspect")),
)


def agreement(rig: Rig, tenant: str = TENANT, from_ms: int = 0) -> tuple[DefectAgreement, ...]:
    async def read() -> tuple[DefectAgreement, ...]:
        async with rig.reading() as reads:
            return await reads.inspection_agreement(tenant, from_ms)

    return asyncio.run(read())


EXPECTED = (
    DefectAgreement(code="", hits=2, false_alarms=1, misses=1, agreed_good=2),
    DefectAgreement(code="banding", hits=1, false_alarms=1, misses=1, agreed_good=3),
    DefectAgreement(code="mirrored", hits=1, false_alarms=1, misses=0, agreed_good=4),
)


@pytest.mark.parametrize("batch_records_max", [1, 5_000])
def test_rules_are_measured_by_what_people_said_of_the_same_units(rig: Rig, batch_records_max: int) -> None:
    rig.ledger.write([(f"order-{number}", fact) for number, both in enumerate(SAID) for fact in both])

    rig.project(NAME, batch_records_max=batch_records_max)

    assert agreement(rig) == EXPECTED
    assert agreement(rig, from_ms=2**60) == (DefectAgreement(code="", hits=0, false_alarms=0, misses=0, agreed_good=0),)
    assert agreement(rig, tenant="another")[0].hits == 0


def test_a_rebuilt_report_is_the_same(rig: Rig) -> None:
    rig.ledger.write([(f"order-{number}", fact) for number, both in enumerate(SAID) for fact in both])
    rig.project(NAME)

    rig.rebuild(NAME, processes=2)

    assert agreement(rig) == EXPECTED


MISSING = Defect(code="part_missing", description="A text.", measured=0.1, threshold=0.35)
PHOTO, DIFFERENCE = (
    StoredFile(key=f"{TENANT}/order-1/{name}", version_id="1", sha256="s", size_bytes=1, media_type=kind)
    for name, kind in (("photo", "image/jpeg"), ("difference", "image/webp"))
)


def inspections(rig: Rig, tenant: str = TENANT) -> tuple[InspectionView, ...]:
    async def read() -> tuple[InspectionView, ...]:
        async with rig.reading() as reads:
            return (await reads.inspections(tenant, "order-1")).inspections

    return asyncio.run(read())


@pytest.mark.parametrize("batch_records_max", [1, 5_000])
def test_photographs_of_an_order_are_listed_with_numbers_pictures_and_a_persons_word(
    rig: Rig, batch_records_max: int
) -> None:
    comparisons = (
        PhotoComparison(unit=1, area="front", photo=PHOTO, difference=DIFFERENCE, defects=(MISSING,)),
        PhotoComparison(unit=2, problem="The photograph cannot be opened."),
    )
    said = PrintCompared(line_id="1", run=1, comparisons=comparisons, rules_version="rules-1", partner_id="press")
    rig.ledger.write([("order-1", said), ("order-1", judged("banding")), ("order-2", said)])

    rig.project(NAME, batch_records_max=batch_records_max)

    first, second = inspections(rig)
    assert (first.unit, first.area, first.defects, first.person_codes) == (1, "front", (MISSING,), ("banding",))
    assert first.photo == PrintPicture(key=PHOTO.key, media_type="image/jpeg")
    assert first.difference == PrintPicture(key=DIFFERENCE.key, media_type="image/webp")
    assert (second.unit, second.problem, second.photo, second.person_codes) == (
        2,
        "The photograph cannot be opened.",
        None,
        None,
    )
    assert inspections(rig, tenant="another") == ()
