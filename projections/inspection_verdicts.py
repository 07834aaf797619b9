"""Read model `inspection_verdicts`: what the automatic rules said of a unit beside what a person said of it.

Beside the verdicts it keeps the newest comparison of every photograph, with the numbers and pictures that show why. The
units that people were drawn for are a fair sample, so the two columns together say how often the rules miss a
defect and how often they see one that is none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from events.decoding import from_json
from events.order.facts import InspectionFailed, InspectionPassed, PrintCompared
from events.order.values import Defect, StoredFile
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record
from projections.rows import AsOf

COLUMNS = (
    "tenant",
    "order_id",
    "line_id",
    "run",
    "unit",
    "partner_id",
    "rules_version",
    "rules_codes",
    "person_codes",
    "judged_at",
)


COMPARISON_COLUMNS = (
    "tenant",
    "order_id",
    "line_id",
    "run",
    "place",
    "unit",
    "area",
    "partner_id",
    "rules_version",
    "defects",
    "problem",
    "photo",
    "difference",
    "compared_at",
)


class PrintPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph or a picture of the difference: where it lies, sealed, and what it is."""

    key: str
    media_type: str


class InspectionView(msgspec.Struct, frozen=True, kw_only=True):
    """One photograph of a printed unit as the rules compared it, and what a person said of the unit, if one did.

    `compared_at` in epoch milliseconds. `problem` says why it could not be compared; empty where it was. `person_codes`
    are the defects that a person names; None where no person judged the unit.
    """

    line_id: str
    run: int
    unit: int
    area: str
    partner_id: str
    rules_version: str
    defects: tuple[Defect, ...]
    problem: str
    photo: PrintPicture | None
    difference: PrintPicture | None
    compared_at: int
    person_codes: tuple[str, ...] | None


class InspectionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Compared photographs of an order by line, run and unit, and how far the read model is."""

    inspections: tuple[InspectionView, ...]
    more: bool
    as_of: AsOf


def inspection_from(row: Row) -> InspectionView:
    """A comparison from the columns of the query `inspections`, which are in the order of the fields."""
    named = dict(zip(InspectionView.__struct_fields__, row, strict=True))
    for field, declared in (
        ("defects", tuple[Defect, ...]),
        ("photo", PrintPicture | None),
        ("difference", PrintPicture | None),
    ):
        named[field] = from_json(named[field], declared)
    codes = named["person_codes"]
    return InspectionView(**named | {"person_codes": None if codes is None else tuple(codes)})


class DefectAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How the rules and people agree on one defect; the code is empty for "any defect at all".

    `hits`: both name it. `false_alarms`: only the rules do. `misses`: only the person does. `agreed_good`: neither.
    """

    code: str
    hits: int
    false_alarms: int
    misses: int
    agreed_good: int


class InspectionVerdicts:
    """One row a unit of a print run that was photographed, or judged by a person, and one a photograph."""

    name = "inspection_verdicts"
    version = 2
    tables = (
        Table(name="inspection_verdicts", columns=COLUMNS, key=("order_id", "line_id", "run", "unit")),
        Table(
            name="inspection_comparisons",
            columns=COMPARISON_COLUMNS,
            key=("order_id", "line_id", "run", "place"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        used = type_names((PrintCompared, InspectionPassed, InspectionFailed))
        self.sources = (Source(topic=topics.order_events, types=used),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest word of each side; the table keeps the half that a batch lacks."""
        rows: dict[tuple[str, str, int, int], Row] = {}
        compared: dict[tuple[str, str, int, int], Row] = {}
        for record in records:
            compared.update(_compared(record))
            for key, partner_id, said in _said(record):
                known = rows.get(key) or (record.tenant, *key, partner_id, None, None, None, None)
                rows[key] = tuple(said.get(name, value) for name, value in zip(COLUMNS, known, strict=True))
        # In one order always: two processes of a rebuild must not wait for each other.
        return (
            Change(table="inspection_verdicts", rows=[rows[key] for key in sorted(rows)]),
            Change(table="inspection_comparisons", rows=[compared[key] for key in sorted(compared)]),
        )

    def forget(self) -> None:
        """Nothing is kept in memory."""


def is_person(actor: str) -> bool:
    """Whether a verdict is a person's: neither a worker's nor the demonstration's."""
    return not actor.startswith("worker:") and actor != "inspector:simulated"


def _said(record: Record) -> Iterator[tuple[tuple[str, str, int, int], str, dict[str, Any]]]:
    """For each unit that a fact speaks of: its key, its partner, and the columns that the fact knows."""
    fact = record.content
    if isinstance(fact, PrintCompared):
        for unit in sorted({one.unit for one in fact.comparisons if not one.problem}):
            codes = {defect.code for one in fact.comparisons if one.unit == unit for defect in one.defects}
            said = {"rules_codes": sorted(codes), "rules_version": fact.rules_version}
            yield (record.key, fact.line_id, fact.run, unit), fact.partner_id, said
    elif isinstance(fact, InspectionPassed | InspectionFailed) and is_person(fact.by):
        defects = fact.defects if isinstance(fact, InspectionFailed) else ()
        judged = {"person_codes": sorted({defect.code for defect in defects}), "judged_at": record.recorded_at}
        for unit in fact.units:
            yield (record.key, fact.line_id, fact.run, unit), fact.partner_id, judged


def _compared(record: Record) -> Iterator[tuple[tuple[str, str, int, int], Row]]:
    """The rows of a comparison's photographs by their keys. A photograph keeps its place when others are added."""
    fact = record.content
    if not isinstance(fact, PrintCompared):
        return
    for place, one in enumerate(fact.comparisons):
        key = (record.key, fact.line_id, fact.run, place)
        yield (
            key,
            (
                record.tenant,
                *key,
                one.unit,
                one.area,
                fact.partner_id,
                fact.rules_version,
                msgspec.json.encode(one.defects).decode(),
                one.problem,
                _picture(one.photo),
                _picture(one.difference),
                record.recorded_at,
            ),
        )


def _picture(file: StoredFile | None) -> str:
    found = None if file is None else PrintPicture(key=file.key, media_type=file.media_type)
    return msgspec.json.encode(found).decode()
