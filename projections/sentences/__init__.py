"""What a fact means, in a sentence for people; the files that belong to it as links."""

from typing import assert_never

from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    CancellationRefused,
    CancellationRequested,
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    CommandIgnored,
    CommandRefused,
    DeadlinePassed,
    DeadlineSet,
    EditRefused,
    EditRequested,
    EditWithdrawn,
    ExceptionRaised,
    ExceptionResolved,
    GoodsReady,
    HoldReleased,
    InspectionFailed,
    InspectionPassed,
    InspectionPhotoAdded,
    InspectionRequested,
    LabelFailed,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    LineAmended,
    LineCancelled,
    LineMapped,
    LinePrinted,
    LineRendered,
    LineRouted,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderHeld,
    OrderPlaced,
    OrderSeenAgain,
    ParcelWithdrawn,
    PartnerCancellationRequested,
    PartnerClaimNoted,
    PartnerGaveUp,
    PartnerStatusObserved,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
    PersonalDataErased,
    PrintCompared,
    ProductionStarted,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RefundFailed,
    RefundMade,
    RefundRequested,
    RenderFailed,
    RenderRequested,
    ReprintRequested,
    ReturnOpened,
    RoutingFailed,
    RoutingRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
    TrackingObserved,
    WebhookGapClosed,
    WebhookGapFound,
)
from projections.sentences.around import describe_around
from projections.sentences.artwork import describe_artwork
from projections.sentences.claims import describe_claim
from projections.sentences.inspection import describe_inspection
from projections.sentences.intake import describe_intake
from projections.sentences.production import describe_production
from projections.sentences.shipping import describe_shipping
from projections.sentences.wording import Entry, Link

__all__ = ["Entry", "Link", "describe"]


def describe(fact: OrderEvent) -> Entry:
    """Title, detail and links of a fact. Pure; contains no personal data, because facts hold it sealed."""
    match fact:
        case (
            OrderPlaced() | OrderHeld() | HoldReleased() | LineMapped() | OrderEdited()
            | CancellationRequested() | PartnerCancellationRequested() | LineCancelled() | OrderCancelled()
            | CancellationRefused() | EditRequested() | EditRefused() | EditWithdrawn()
            | LineAmended() | OrderSeenAgain()
        ):  # fmt: skip
            return describe_intake(fact)
        case (
            ArtworkCheckRequested() | ArtworkChecked() | RenderRequested() | LineRendered() | RenderFailed()
            | ProofApprovalRequested() | ProofApproved() | ProofChangesRequested() | ArtworkReplaced()
        ):  # fmt: skip
            return describe_artwork(fact)
        case (
            RoutingRequested() | LineRouted() | RoutingFailed() | SubmissionRequested() | SubmissionAccepted()
            | SubmissionRefused() | PartnerGaveUp() | PartnerStatusObserved() | ProductionStarted() | LinePrinted()
            | GoodsReady()
        ):  # fmt: skip
            return describe_production(fact)
        case (
            InspectionRequested() | InspectionPhotoAdded() | PrintCompared()
            | InspectionPassed() | InspectionFailed() | ReprintRequested()
        ):  # fmt: skip
            return describe_inspection(fact)
        case (
            LabelRequested() | LabelPurchased() | LabelFailed() | ShipmentDispatched() | TrackingObserved()
            | ShipmentDelivered() | ShipmentReturned()
            | ParcelWithdrawn() | LabelRefundRequested() | LabelRefundAnswered()
        ):  # fmt: skip
            return describe_shipping(fact)
        case (
            ClaimOpened() | ReturnOpened() | ClaimReviewRequested() | ClaimReferred() | ClaimGranted()
            | ClaimRefused() | PartnerClaimNoted() | RefundRequested() | RefundMade() | RefundFailed()
        ):  # fmt: skip
            return describe_claim(fact)
        case (
            PaymentAuthorised() | PaymentCaptured() | PaymentVoided() | PaymentRefunded()
            | CommandRefused() | CommandIgnored() | ExceptionRaised() | ExceptionResolved()
            | NotificationRequested() | NotificationSent() | NotificationFailed()
            | DeadlineSet() | DeadlinePassed() | PersonalDataErased() | WebhookGapFound() | WebhookGapClosed()
        ):  # fmt: skip
            return describe_around(fact)
        case _:
            assert_never(fact)
