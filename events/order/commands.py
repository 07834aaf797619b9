"""The commands of the order stream: what stores and people want, and what workers, partners and carriers report."""

from typing import Annotated, TypeAlias, get_args

from events.order.claim_commands import ClaimCommand
from events.order.command_base import OrderCommand as OrderCommand
from events.order.inspection_commands import AddInspectionPhoto, ReportPrintCompared
from events.order.parcel_commands import ParcelCommand
from events.order.values import (
    AreaContent,
    AreaFile,
    Candidate,
    Defect,
    Finding,
    LineArtwork,
    PhotoComparison,
    QualityReport,
    RenderedArea,
    StoredFile,
    StoreOrder,
    SuggestedAddress,
)
from events.types import (
    CatalogueOffset,
    Currency,
    DeadlineKey,
    Digest,
    LineId,
    Millis,
    Minor,
    PartnerId,
    Polled,
    PromisedBy,
    RequestId,
    RoutedPriority,
    RunNumber,
    SealedOrNone,
    UnitNumbers,
    described,
)

# From stores and people


class ObserveStoreOrder(OrderCommand, frozen=True, kw_only=True):
    """Take in an order as its store shows it: the first places it, a newer one with differences edits it."""

    order: StoreOrder
    store_updated_at: Millis


class MapLine(OrderCommand, frozen=True, kw_only=True):
    """Say which variant and template a line's SKU means."""

    line_id: LineId
    artwork: LineArtwork
    sku: Annotated[str, described("What this is the meaning of; a line with another SKU by now is left alone.")] = ""


class ReplaceArtwork(OrderCommand, frozen=True, kw_only=True):
    """Print something else on the named areas of a line; the line is checked, rendered and proofed anew.

    Areas that are not named keep what they have; one without text and picture has the store's design, if there is one.
    """

    line_id: LineId
    contents: tuple[AreaContent, ...] = ()
    content_digest: Digest


class HoldOrder(OrderCommand, frozen=True, kw_only=True):
    """Start nothing more for this order until it is released."""

    detail: str = ""


class ReleaseHold(OrderCommand, frozen=True, kw_only=True):
    """Take one reason for holding the order away; what it held is tried again."""

    reason: str
    line_id: Annotated[str, described("The line that it is about; empty where it is the whole order.")] = ""


class CancelOrder(OrderCommand, frozen=True, kw_only=True):
    """Cancel what is not printed yet; partners that have accepted a line are asked to stop."""

    reason: str


class ApproveProof(OrderCommand, frozen=True, kw_only=True):
    """Let a line be printed as its proof shows it."""

    line_id: LineId
    version: Annotated[int, described("The version that was looked at; another one is not approved by this.")]


class RequestProofChanges(OrderCommand, frozen=True, kw_only=True):
    """Refuse a proof and say what should change."""

    line_id: LineId
    version: int
    note: SealedOrNone = None


class RequestReprint(OrderCommand, frozen=True, kw_only=True):
    """Print units again from the very same bytes."""

    line_id: LineId
    units: UnitNumbers
    reason_code: str


class RaiseException(OrderCommand, frozen=True, kw_only=True):
    """Show that something needs a person."""

    kind: str
    subject: str = ""
    detail: str = ""
    what_to_do: str = ""
    blocking: bool = True


class ResolveException(OrderCommand, frozen=True, kw_only=True):
    """Settle an exception; work that gave up because of it is tried again."""

    exception_id: str
    how: str


class ErasePersonalData(OrderCommand, frozen=True, kw_only=True):
    """Record that the order's key is destroyed. An order that is still being made is cancelled or finished first."""


# From workers, partners and carriers


class ReportPayment(OrderCommand, frozen=True, kw_only=True):
    """Money moved, or was promised, at the store."""

    kind: Annotated[str, described("'authorised', 'captured', 'voided' or 'refunded'.")]
    amount_minor: Minor
    currency: Currency
    reference: str


class ReportArtworkChecked(OrderCommand, frozen=True, kw_only=True):
    """The line's picture and text were looked at."""

    request_id: RequestId
    line_id: LineId
    verdict: str
    findings: tuple[Finding, ...] = ()
    originals: tuple[AreaFile, ...] = ()


class ReportArtworkUnavailable(OrderCommand, frozen=True, kw_only=True):
    """The line's picture could not be fetched."""

    request_id: RequestId
    line_id: LineId
    reason: str
    retryable: bool


class ReportRendered(OrderCommand, frozen=True, kw_only=True):
    """The line's files are stored."""

    request_id: RequestId
    line_id: LineId
    version: int
    areas: tuple[RenderedArea, ...]
    renderer_version: str = ""


class ReportRenderFailed(OrderCommand, frozen=True, kw_only=True):
    """The line's files could not be made."""

    request_id: RequestId
    line_id: LineId
    version: int
    reason: str
    retryable: bool


class ReportRouted(OrderCommand, frozen=True, kw_only=True):
    """A partner is proposed for a print run; the ledger accepts the proposal or not."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    partner_variant: str
    candidates: tuple[Candidate, ...]
    rule_version: str
    catalogue_offset: CatalogueOffset
    priority: RoutedPriority = ""
    promised_by: PromisedBy = 0


class ReportRoutingFailed(OrderCommand, frozen=True, kw_only=True):
    """No partner can be proposed."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    reason: str
    candidates: tuple[Candidate, ...] = ()
    rule_version: str = ""
    catalogue_offset: CatalogueOffset = -1


class ReportSubmissionAccepted(OrderCommand, frozen=True, kw_only=True):
    """The partner has the print run."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    partner_order_id: str


class ReportSubmissionRefused(OrderCommand, frozen=True, kw_only=True):
    """The partner did not take the print run."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    reason: str
    detail: str = ""
    retryable: bool = False
    retry_after_ms: Annotated[
        int, described("How long the partner wants to be left alone; 0 where it did not say.")
    ] = 0
    needs_person: Annotated[bool, described("Only a person can mend what the partner refuses.")] = False


class ReportPartnerStatus(OrderCommand, frozen=True, kw_only=True):
    """The partner told how far a print run is."""

    line_id: LineId
    run: RunNumber
    raw: str
    canonical: str
    rank: int
    partner_at: Millis
    partner_event_id: str
    quality: QualityReport | None = None
    adapter_version: str = ""
    polled: Polled = False


class StartProduction(OrderCommand, frozen=True, kw_only=True):
    """A house press is about to image the print run, and asks whether it is still to be printed with these files."""

    line_id: LineId
    run: RunNumber
    version: Annotated[int, described("Version of the line's files that would be imaged.")]
    batch_id: str


class ReportCancellationAnswered(OrderCommand, frozen=True, kw_only=True):
    """The partner stopped a print run, or said that it is too late."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    confirmed: bool
    reason: str = ""


class ReportInspected(OrderCommand, frozen=True, kw_only=True):
    """The printed units were judged."""

    request_id: RequestId
    line_id: LineId
    run: RunNumber
    passed_units: UnitNumbers
    failed_units: UnitNumbers
    defects: tuple[Defect, ...] = ()
    comparisons: Annotated[
        tuple[PhotoComparison, ...], described("What the rules say of the photographs that were there.")
    ] = ()
    rules_version: str = ""


class ReportLabelPurchased(OrderCommand, frozen=True, kw_only=True):
    """A parcel has its label."""

    request_id: RequestId
    parcel_id: str
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    cost_minor: Minor
    currency: Currency
    carrier_reference: str
    label: StoredFile


class ReportLabelFailed(OrderCommand, frozen=True, kw_only=True):
    """A label could not be bought."""

    request_id: RequestId
    parcel_id: str
    reason: str
    detail: str = ""
    retryable: bool = False
    carrier: Annotated[str, described("Who was asked for it; empty where nobody was.")] = ""
    suggested: SuggestedAddress | None = None
    retry_after_ms: Annotated[
        int, described("How long asking again is in vain, counted from now; 0 where nobody knows.")
    ] = 0


class ReportTracking(OrderCommand, frozen=True, kw_only=True):
    """The carrier told where a parcel is."""

    parcel_id: str
    raw: str
    canonical: str
    rank: int
    carrier_at: Millis
    tracking_event_id: str
    place: str = ""
    polled: Polled = False


class ReportNotificationSent(OrderCommand, frozen=True, kw_only=True):
    """Somebody was told."""

    request_id: RequestId
    notification_id: str


class ReportNotificationFailed(OrderCommand, frozen=True, kw_only=True):
    """Somebody could not be told, or it is not known whether they were."""

    request_id: RequestId
    notification_id: str
    reason: str
    outcome_unknown: bool = False
    retryable: bool = True


class ReportDeadlineElapsed(OrderCommand, frozen=True, kw_only=True):
    """A deadline that the order set has come."""

    deadline_key: DeadlineKey
    due_at: Millis


OrderCommandUnion: TypeAlias = (
    ObserveStoreOrder
    | MapLine
    | ReplaceArtwork
    | HoldOrder
    | ReleaseHold
    | CancelOrder
    | ApproveProof
    | RequestProofChanges
    | RequestReprint
    | RaiseException
    | ResolveException
    | ErasePersonalData
    | ReportPayment
    | ReportArtworkChecked
    | ReportArtworkUnavailable
    | ReportRendered
    | ReportRenderFailed
    | ReportRouted
    | ReportRoutingFailed
    | ReportSubmissionAccepted
    | ReportSubmissionRefused
    | ReportPartnerStatus
    | StartProduction
    | ReportCancellationAnswered
    | AddInspectionPhoto
    | ReportPrintCompared
    | ReportInspected
    | ReportLabelPurchased
    | ReportLabelFailed
    | ReportTracking
    | ReportNotificationSent
    | ReportNotificationFailed
    | ReportDeadlineElapsed
    | ClaimCommand
    | ParcelCommand
)
"""Everything that can be asked of an order, or reported about it."""

ORDER_COMMANDS: tuple[type[OrderCommand], ...] = get_args(OrderCommandUnion)
