"""Read model `effects`: what an effect key or a tracking number stands for, so that a report finds its order."""

from collections.abc import Sequence
from typing import assert_never, cast

from events.order.facts import (
    WORK_TOPIC,
    ArtworkCheckRequested,
    ClaimReviewRequested,
    InspectionRequested,
    LabelPurchased,
    LabelRefundRequested,
    LabelRequested,
    NotificationRequested,
    PartnerCancellationRequested,
    RefundRequested,
    RenderRequested,
    RoutingRequested,
    SubmissionRequested,
)
from projections.model import Change, Row, Source, StoredRows, Table, Topics, type_names
from projections.record import Record

TRACKING_NUMBER, CARRIER_REFERENCE = "tracking_number", "carrier_reference"

WorkFact = (
    ArtworkCheckRequested
    | RenderRequested
    | RoutingRequested
    | SubmissionRequested
    | PartnerCancellationRequested
    | InspectionRequested
    | LabelRequested
    | NotificationRequested
    | ClaimReviewRequested
    | RefundRequested
    | LabelRefundRequested
)


class Effects:
    """One row an effect key, and one a tracking number or carrier's reference."""

    name = "effects"
    version = 1
    tables = (
        Table(
            name="effects",
            columns=(
                "tenant",
                "effect_key",
                "order_id",
                "kind",
                "line_id",
                "run",
                "parcel_id",
                "who",
                "units",
                "attempt",
            ),
            key=("effect_key",),
        ),
        Table(
            name="parcel_references",
            columns=("tenant", "carrier", "reference", "kind", "order_id", "parcel_id"),
            key=("carrier", "reference", "kind"),
        ),
    )

    def __init__(self, topics: Topics) -> None:
        used = type_names((*WORK_TOPIC, LabelPurchased))
        self.sources = (Source(topic=topics.order_events, types=used),)

    def fold(self, records: Sequence[Record], stored: StoredRows) -> Sequence[Change]:
        """The newest attempt of each effect, and the references of each new label."""
        effects: dict[str, Row] = {}
        references: dict[tuple[str, str, str], Row] = {}
        for record in records:
            fact = record.content
            if isinstance(fact, LabelPurchased):
                for kind, reference in (
                    (TRACKING_NUMBER, fact.tracking_number),
                    (CARRIER_REFERENCE, fact.carrier_reference),
                ):
                    if reference:
                        row = (record.tenant, fact.carrier, reference, kind, record.key, fact.parcel_id)
                        references[fact.carrier, reference, kind] = row
            else:
                work = cast(WorkFact, fact)
                units = list(work.units) if isinstance(work, RoutingRequested | SubmissionRequested) else []
                effects[work.effect_key] = (
                    record.tenant,
                    work.effect_key,
                    record.key,
                    *_subject(work),
                    units,
                    work.attempt,
                )
        return (
            Change(table="effects", rows=list(effects.values())),
            Change(table="parcel_references", rows=list(references.values())),
        )

    def forget(self) -> None:
        """Nothing is kept in memory."""


def _subject(work: WorkFact) -> tuple[str, str, int, str, str]:
    """Kind, line, run, parcel and partner (or carrier) of a request for work."""
    match work:
        case ArtworkCheckRequested():
            return "artwork", work.line_id, 0, "", ""
        case RenderRequested():
            return "render", work.line_id, 0, "", ""
        case RoutingRequested():
            return "route", work.line_id, work.run, "", ""
        case SubmissionRequested():
            return "submit", work.line_id, work.run, "", work.partner_id
        case PartnerCancellationRequested():
            return "cancel", work.line_id, work.run, "", work.partner_id
        case InspectionRequested():
            return "inspect", work.line_id, work.run, "", ""
        case LabelRequested():
            return "label", "", 0, work.parcel_id, work.partner_id
        case NotificationRequested():
            return "notify", work.subject, 0, "", ""
        case ClaimReviewRequested():
            return "claim", "", 0, "", ""
        case RefundRequested():
            return "refund", "", 0, "", work.store
        case LabelRefundRequested():
            return "label_refund", "", 0, work.parcel_id, work.carrier
        case _:
            assert_never(work)
