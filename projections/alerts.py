"""Read model `alerts`: targets that were missed, from when until when."""

from collections.abc import Sequence

from msgspec.structs import replace

from events.operations.facts import OPERATIONS_FACTS, AlertCleared, AlertRaised, Measurement
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record
from projections.rows import AlertView


class Alerts:
    """One row an alert. Its end names when it began, so that nothing need be read back."""

    name = "alerts"
    version = 1
    tables = (
        Table(
            name="alerts",
            columns=AlertView.__struct_fields__,
            key=("measure", "party_kind", "party_id", "number"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.operations_events, types=type_names(OPERATIONS_FACTS)),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """Alerts that were raised, and the end of others."""
        found: dict[tuple[str, int], AlertView] = {}
        for record in records:
            fact = record.content
            if isinstance(fact, AlertRaised):
                raised_at = max(1, fact.measurement.measured_at)
                found[record.key, fact.number] = _view(fact.measurement, fact.number, raised_at)
            elif isinstance(fact, AlertCleared):
                known = found.get((record.key, fact.number)) or _view(fact.measurement, fact.number, fact.raised_at)
                found[record.key, fact.number] = replace(known, cleared_at=max(1, fact.measurement.measured_at))
        return (Change(table="alerts", rows=[_row(view) for view in found.values()]),) if found else ()

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _view(measurement: Measurement, number: int, raised_at: int) -> AlertView:
    return AlertView(
        measure=measurement.measure,
        party_kind=measurement.party_kind,
        party_id=measurement.party_id,
        number=number,
        raised_at=raised_at,
        cleared_at=0,
        unit=measurement.unit,
        value=measurement.value,
        target=measurement.target,
        at_least=measurement.at_least,
        sample=measurement.sample,
        window_days=measurement.window_days,
    )


def _row(view: AlertView) -> Row:
    return tuple(getattr(view, field) for field in view.__struct_fields__)
