"""Read model `inspection_verdicts`: what the automatic rules said of a unit beside what a person said of it.

The units that people were drawn for are a fair sample, so the two columns together say how often the rules miss a
defect and how often they see one that is none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from events.order.facts import InspectionFailed, InspectionPassed, PrintCompared
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

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
    """One row a unit of a print run that was photographed, or judged by a person."""

    name = "inspection_verdicts"
    version = 1
    tables = (Table(name="inspection_verdicts", columns=COLUMNS, key=("order_id", "line_id", "run", "unit")),)

    def __init__(self, topics: Topics) -> None:
        used = type_names((PrintCompared, InspectionPassed, InspectionFailed))
        self.sources = (Source(topic=topics.order_events, types=used),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest word of each side; the table keeps the half that a batch lacks."""
        rows: dict[tuple[str, str, int, int], Row] = {}
        for record in records:
            for key, partner_id, said in _said(record):
                known = rows.get(key) or (record.tenant, *key, partner_id, None, None, None, None)
                rows[key] = tuple(said.get(name, value) for name, value in zip(COLUMNS, known, strict=True))
        # In one order always: two processes of a rebuild must not wait for each other.
        return (Change(table="inspection_verdicts", rows=[rows[key] for key in sorted(rows)]),)

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
