"""Read model `catalogue_exceptions`: offers that vanished, ran out or cost otherwise, from when until when."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from events.catalogue.drift import drift_of
from events.catalogue.facts import PartnerOfferChanged
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

OPEN = 0
"""`resolved_at` of an exception that stands."""

Kinds: TypeAlias = dict[str, Row]


class CatalogueExceptions:
    """One row an offer and kind: the newest time that it was so. Facts of one offer come in their order."""

    name = "catalogue_exceptions"
    version = 1
    tables = (
        Table(
            name="catalogue_exceptions",
            columns=("partner_id", "variant_id", "kind", "detail", "raised_at", "resolved_at"),
            key=("partner_id", "variant_id", "kind"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        self.sources = (Source(topic=topics.catalogue_events, types=type_names((PartnerOfferChanged,))),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """Raise what an offer is in now, and resolve what it is in no more."""
        offers = [(record.content_as(PartnerOfferChanged), record.recorded_at) for record in records]
        known = _known({(offer.partner_id, offer.variant_id) for offer, _ in offers}, stored)
        changed: dict[tuple[Any, ...], Row] = {}
        for offer, at in offers:
            kinds = known.setdefault((offer.partner_id, offer.variant_id), {})
            for row in _moved(offer, at, kinds):
                kinds[row[2]] = row
                changed[row[:3]] = row
        rows = [changed[key] for key in sorted(changed)]
        return (Change(table="catalogue_exceptions", rows=rows),) if rows else ()

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _known(keys: set[tuple[str, str]], stored: StoredRows) -> dict[tuple[str, str], Kinds]:
    ordered = sorted(keys)
    parameters = {"partners": [key[0] for key in ordered], "variants": [key[1] for key in ordered]}
    known: dict[tuple[str, str], Kinds] = {}
    for row in stored.fetch("exceptions_of_offers", parameters):
        known.setdefault((row[0], row[1]), {})[row[2]] = row
    return known


def _moved(offer: PartnerOfferChanged, at: int, kinds: Kinds) -> list[Row]:
    """The rows of an offer that its newest description changes."""
    now = drift_of(offer)
    rows: list[Row] = []
    for kind, detail in now.items():
        known = kinds.get(kind)
        raised_at = known[4] if known is not None and known[5] == OPEN else at
        rows.append((offer.partner_id, offer.variant_id, kind, detail, raised_at, OPEN))
    rows += [(*known[:5], at) for kind, known in kinds.items() if kind not in now and known[5] == OPEN]
    return [row for row in rows if kinds.get(row[2]) != row]
