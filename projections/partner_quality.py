"""Read model `partner_quality`: how many units of each partner were inspected a day, and how many were not good."""

from collections.abc import Sequence
from typing import cast

from events.order.facts import InspectionFailed, InspectionPassed
from projections.model import Change, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

DAY_MS = 86_400_000


class PartnerQuality:
    """One row a partner and day; routing sums the last of them into a share of misprints."""

    name = "partner_quality"
    version = 1
    tables = (
        Table(
            name="partner_quality",
            columns=("partner_id", "day", "inspected_units", "defective_units"),
            key=("partner_id", "day"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.order_events, types=type_names((InspectionPassed, InspectionFailed))),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """How many units more; the table adds them up."""
        counted: dict[tuple[str, int], list[int]] = {}
        for record in records:
            fact = cast(InspectionPassed | InspectionFailed, record.content)
            if not fact.partner_id:
                continue
            counts = counted.setdefault((fact.partner_id, record.recorded_at // DAY_MS), [0, 0])
            counts[0] += len(fact.units)
            counts[1] += len(fact.units) if isinstance(fact, InspectionFailed) else 0
        # In one order always: two processes of a rebuild may write the same rows, and must not wait for each other.
        rows = [(partner_id, day, *counts) for (partner_id, day), counts in sorted(counted.items())]
        return (Change(table="partner_quality", rows=rows),)

    def forget(self) -> None:
        """Nothing is kept in memory."""
