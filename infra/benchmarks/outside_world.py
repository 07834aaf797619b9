"""The answers of a healthy outside world, for made-up orders in benchmarks and tests.

`OutsideWorld.answer(fact)` plays worker, partner and carrier: it returns the commands that come back for one fact when
nothing goes wrong. Whoever wants to see what goes wrong changes an answer.
"""

from collections.abc import Callable
from typing import Any

from events.order.claim_commands import ReportClaimReviewed, ReportRefunded
from events.order.commands import (
    OrderCommandUnion,
    ReportArtworkChecked,
    ReportCancellationAnswered,
    ReportInspected,
    ReportLabelPurchased,
    ReportNotificationSent,
    ReportPartnerStatus,
    ReportRendered,
    ReportRouted,
    ReportSubmissionAccepted,
    ReportTracking,
)
from events.order.facts import (
    ArtworkCheckRequested,
    ClaimReviewRequested,
    InspectionRequested,
    LabelPurchased,
    LabelRefundRequested,
    LabelRequested,
    NotificationRequested,
    OrderEvent,
    PartnerCancellationRequested,
    RefundRequested,
    RenderRequested,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.parcel_commands import ReportLabelRefundAnswered
from events.order.values import AreaFile, Candidate, LineArtwork, QualityReport, RenderedArea, StoredFile

BEGAN_AT = 1_790_000_000_000
"""When made-up orders begin (epoch milliseconds)."""

MUG = LineArtwork(variant_id="mug-11oz-white", template_id="mug-11oz", template_version=1)

PRESS_WORDS = (("queued", 10), ("printing", 20), ("printed", 50))
SCANS = (("pre_transit", 10), ("in_transit", 20), ("delivered", 40))


def a_file(name: str) -> StoredFile:
    """A stored file of a made-up order."""
    return StoredFile(key=f"demo/order/{name}", version_id="v", sha256="0" * 64, size_bytes=1, media_type="image/png")


def an_area(area: str = "front") -> RenderedArea:
    """The rendered files of a made-up print area."""
    return RenderedArea(area=area, print_file=a_file(f"{area}/print.png"), proof=a_file(f"{area}/proof.webp"))


class OutsideWorld:
    """Answers requests as healthy workers, partners and carriers would."""

    def __init__(self, partner_id: str = "press-east") -> None:
        self.partner_id = partner_id
        self._answers: dict[type, Callable[[Any], tuple[OrderCommandUnion, ...]]] = {
            ArtworkCheckRequested: _checked,
            RenderRequested: _rendered,
            RoutingRequested: self._routed,
            SubmissionRequested: _accepted,
            SubmissionAccepted: self._printed,
            PartnerCancellationRequested: _stopped,
            InspectionRequested: _passed,
            LabelRequested: _labelled,
            LabelPurchased: self._delivered,
            NotificationRequested: _told,
            ClaimReviewRequested: _left_to_a_person,
            RefundRequested: _paid_back,
            LabelRefundRequested: _label_taken_back,
        }

    def answer(self, fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        """The commands that come back for a fact; none for one that asks nobody for anything."""
        answer = self._answers.get(type(fact))
        return () if answer is None else answer(fact)

    def status(
        self,
        line_id: str,
        run: int,
        canonical: str,
        rank: int,
        *,
        at: int = BEGAN_AT,
        quality: QualityReport | None = None,
    ) -> ReportPartnerStatus:
        """A partner's report; the printed one carries a good quality report unless another is given."""
        return ReportPartnerStatus(
            line_id=line_id,
            run=run,
            raw=canonical,
            canonical=canonical,
            rank=rank,
            partner_at=at + rank,
            partner_event_id=f"{line_id}-{run}-{canonical}",
            quality=quality or (QualityReport() if canonical == "printed" else None),
        )

    def tracking(self, parcel_id: str, canonical: str, rank: int, *, at: int = BEGAN_AT) -> ReportTracking:
        """A carrier's report."""
        return ReportTracking(
            parcel_id=parcel_id,
            raw=canonical,
            canonical=canonical,
            rank=rank,
            carrier_at=at + rank,
            tracking_event_id=f"{parcel_id}-{canonical}",
        )

    def _routed(self, fact: RoutingRequested) -> tuple[OrderCommandUnion, ...]:
        return (
            ReportRouted(
                request_id=fact.request_id,
                line_id=fact.line_id,
                run=fact.run,
                partner_id=self.partner_id,
                partner_variant="MUG11W",
                candidates=(
                    Candidate(partner_id=self.partner_id, eligible=True, score=520, reason="nearest"),
                    Candidate(partner_id="press-west", eligible=True, score=610, reason="farther"),
                ),
                rule_version="1",
                catalogue_offset=41,
            ),
        )

    def _printed(self, fact: SubmissionAccepted) -> tuple[OrderCommandUnion, ...]:
        return tuple(self.status(fact.line_id, fact.run, word, rank) for word, rank in PRESS_WORDS)

    def _delivered(self, fact: LabelPurchased) -> tuple[OrderCommandUnion, ...]:
        return tuple(self.tracking(fact.parcel_id, word, rank) for word, rank in SCANS)


def _checked(fact: ArtworkCheckRequested) -> tuple[OrderCommandUnion, ...]:
    originals = (AreaFile(area="front", file=a_file("original")),)
    return (
        ReportArtworkChecked(request_id=fact.request_id, line_id=fact.line_id, verdict="pass", originals=originals),
    )


def _rendered(fact: RenderRequested) -> tuple[OrderCommandUnion, ...]:
    areas = (an_area(),)
    return (ReportRendered(request_id=fact.request_id, line_id=fact.line_id, version=fact.version, areas=areas),)


def _accepted(fact: SubmissionRequested) -> tuple[OrderCommandUnion, ...]:
    return (
        ReportSubmissionAccepted(
            request_id=fact.request_id, line_id=fact.line_id, run=fact.run, partner_order_id="J-1"
        ),
    )


def _stopped(fact: PartnerCancellationRequested) -> tuple[OrderCommandUnion, ...]:
    return (ReportCancellationAnswered(request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=True),)


def _passed(fact: InspectionRequested) -> tuple[OrderCommandUnion, ...]:
    return (
        ReportInspected(
            request_id=fact.request_id,
            line_id=fact.line_id,
            run=fact.run,
            passed_units=fact.units,
            failed_units=(),
        ),
    )


def _labelled(fact: LabelRequested) -> tuple[OrderCommandUnion, ...]:
    return (
        ReportLabelPurchased(
            request_id=fact.request_id,
            parcel_id=fact.parcel_id,
            carrier="easypost",
            service="Ground",
            tracking_number=f"EZ{fact.parcel_id}",
            tracking_url="https://track.example/EZ",
            cost_minor=500,
            currency="EUR",
            carrier_reference="shp_1",
            label=a_file("label.png"),
        ),
    )


def _told(fact: NotificationRequested) -> tuple[OrderCommandUnion, ...]:
    return (ReportNotificationSent(request_id=fact.request_id, notification_id=fact.notification_id),)


def _left_to_a_person(fact: ClaimReviewRequested) -> tuple[OrderCommandUnion, ...]:
    return (
        ReportClaimReviewed(
            request_id=fact.request_id, claim_id=fact.claim_id, verdict="person", reason="made_up", rules_version="1"
        ),
    )


def _paid_back(fact: RefundRequested) -> tuple[OrderCommandUnion, ...]:
    return (ReportRefunded(request_id=fact.request_id, claim_id=fact.claim_id, reference=f"R-{fact.effect_key}"),)


def _label_taken_back(fact: LabelRefundRequested) -> tuple[OrderCommandUnion, ...]:
    return (ReportLabelRefundAnswered(request_id=fact.request_id, parcel_id=fact.parcel_id, state="refunded"),)
