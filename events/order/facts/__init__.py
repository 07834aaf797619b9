"""The facts of the order stream, a file a stage; order id and tenant are in key and headers."""

from typing import TypeAlias, get_args

from events.order.facts.around import (
    DeadlinePassed,
    DeadlineSet,
    ExceptionRaised,
    ExceptionResolved,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    PersonalDataErased,
)
from events.order.facts.artwork import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    LineRendered,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RenderFailed,
    RenderRequested,
)
from events.order.facts.base import OrderFact, WorkRequested
from events.order.facts.claims import (
    ClaimGranted,
    ClaimOpened,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    PartnerClaimNoted,
    RefundFailed,
    RefundMade,
    RefundRequested,
    ReturnOpened,
)
from events.order.facts.edits import EditRefused, EditRequested, EditWithdrawn, LineAmended, OrderSeenAgain
from events.order.facts.inspection import InspectionPhotoAdded, PrintCompared
from events.order.facts.intake import (
    CancellationRefused,
    CancellationRequested,
    CommandIgnored,
    CommandRefused,
    HoldReleased,
    LineCancelled,
    LineMapped,
    OrderCancelled,
    OrderEdited,
    OrderHeld,
    OrderPlaced,
    PartnerCancellationRequested,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
    PaymentVoided,
)
from events.order.facts.parcels import LabelRefundAnswered, LabelRefundRequested, ParcelWithdrawn
from events.order.facts.production import (
    InspectionFailed,
    InspectionPassed,
    InspectionRequested,
    LinePrinted,
    LineRouted,
    PartnerGaveUp,
    PartnerStatusObserved,
    ProductionStarted,
    ReprintRequested,
    RoutingFailed,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.facts.shipping import (
    LabelFailed,
    LabelPurchased,
    LabelRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentReturned,
    TrackingObserved,
)
from events.order.facts.supply import GoodsReady
from events.order.facts.webhook_gaps import WebhookGapClosed, WebhookGapFound

OrderEvent: TypeAlias = (
    OrderPlaced
    | OrderHeld
    | HoldReleased
    | LineMapped
    | OrderEdited
    | EditRequested
    | EditRefused
    | EditWithdrawn
    | LineAmended
    | OrderSeenAgain
    | CancellationRequested
    | PartnerCancellationRequested
    | LineCancelled
    | OrderCancelled
    | CancellationRefused
    | PaymentAuthorised
    | PaymentCaptured
    | PaymentVoided
    | PaymentRefunded
    | CommandRefused
    | CommandIgnored
    | ArtworkCheckRequested
    | ArtworkChecked
    | RenderRequested
    | LineRendered
    | RenderFailed
    | ProofApprovalRequested
    | ProofApproved
    | ProofChangesRequested
    | ArtworkReplaced
    | RoutingRequested
    | LineRouted
    | RoutingFailed
    | SubmissionRequested
    | SubmissionAccepted
    | SubmissionRefused
    | PartnerGaveUp
    | PartnerStatusObserved
    | ProductionStarted
    | LinePrinted
    | GoodsReady
    | InspectionRequested
    | InspectionPhotoAdded
    | PrintCompared
    | InspectionPassed
    | InspectionFailed
    | ReprintRequested
    | LabelRequested
    | LabelPurchased
    | LabelFailed
    | ShipmentDispatched
    | TrackingObserved
    | ShipmentDelivered
    | ShipmentReturned
    | ParcelWithdrawn
    | LabelRefundRequested
    | LabelRefundAnswered
    | ClaimOpened
    | ReturnOpened
    | ClaimReviewRequested
    | ClaimReferred
    | ClaimGranted
    | ClaimRefused
    | PartnerClaimNoted
    | RefundRequested
    | RefundMade
    | RefundFailed
    | WebhookGapFound
    | WebhookGapClosed
    | ExceptionRaised
    | ExceptionResolved
    | NotificationRequested
    | NotificationSent
    | NotificationFailed
    | DeadlineSet
    | DeadlinePassed
    | PersonalDataErased
)
"""Everything that can become true of an order: the union is the registry."""

ORDER_FACTS: tuple[type[OrderFact], ...] = get_args(OrderEvent)

WORK_TOPIC: dict[type, str] = {
    ArtworkCheckRequested: "pod.work.artwork.v1",
    RenderRequested: "pod.work.render.v1",
    RoutingRequested: "pod.work.route.v1",
    SubmissionRequested: "pod.work.submit.v1",
    PartnerCancellationRequested: "pod.work.cancel.v1",
    InspectionRequested: "pod.work.inspect.v1",
    LabelRequested: "pod.work.label.v1",
    NotificationRequested: "pod.work.notify.v1",
    ClaimReviewRequested: "pod.work.claim.v1",
    RefundRequested: "pod.work.refund.v1",
    LabelRefundRequested: "pod.work.void.v1",
}
"""Which worker does which request."""

__all__ = [
    "ORDER_FACTS",
    "WORK_TOPIC",
    "ArtworkCheckRequested",
    "ArtworkChecked",
    "ArtworkReplaced",
    "CancellationRefused",
    "CancellationRequested",
    "ClaimGranted",
    "ClaimOpened",
    "ClaimReferred",
    "ClaimRefused",
    "ClaimReviewRequested",
    "CommandIgnored",
    "CommandRefused",
    "DeadlinePassed",
    "DeadlineSet",
    "EditRefused",
    "EditRequested",
    "EditWithdrawn",
    "ExceptionRaised",
    "ExceptionResolved",
    "GoodsReady",
    "HoldReleased",
    "InspectionFailed",
    "InspectionPassed",
    "InspectionPhotoAdded",
    "InspectionRequested",
    "LabelFailed",
    "LabelPurchased",
    "LabelRefundAnswered",
    "LabelRefundRequested",
    "LabelRequested",
    "LineAmended",
    "LineCancelled",
    "LineMapped",
    "LinePrinted",
    "LineRendered",
    "LineRouted",
    "NotificationFailed",
    "NotificationRequested",
    "NotificationSent",
    "OrderCancelled",
    "OrderEdited",
    "OrderEvent",
    "OrderFact",
    "OrderHeld",
    "OrderPlaced",
    "OrderSeenAgain",
    "ParcelWithdrawn",
    "PartnerCancellationRequested",
    "PartnerClaimNoted",
    "PartnerGaveUp",
    "PartnerStatusObserved",
    "PaymentAuthorised",
    "PaymentCaptured",
    "PaymentRefunded",
    "PaymentVoided",
    "PersonalDataErased",
    "PrintCompared",
    "ProductionStarted",
    "ProofApprovalRequested",
    "ProofApproved",
    "ProofChangesRequested",
    "RefundFailed",
    "RefundMade",
    "RefundRequested",
    "RenderFailed",
    "RenderRequested",
    "ReprintRequested",
    "ReturnOpened",
    "RoutingFailed",
    "RoutingRequested",
    "ShipmentDelivered",
    "ShipmentDispatched",
    "ShipmentReturned",
    "SubmissionAccepted",
    "SubmissionRefused",
    "SubmissionRequested",
    "TrackingObserved",
    "WebhookGapClosed",
    "WebhookGapFound",
    "WorkRequested",
]
