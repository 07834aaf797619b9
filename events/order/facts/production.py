"""Production: routed, submitted, printed, inspected."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import AreaFile, Candidate, Defect, OtherLine, PrintedArea, PrintPhoto, QualityReport
from events.types import (
    Actor,
    CatalogueOffset,
    CountryCode,
    Currency,
    LineId,
    Millis,
    Minor,
    PartnerId,
    Polled,
    PromisedBy,
    RoutedPriority,
    RunNumber,
    UnitNumbers,
    VariantId,
    described,
)


class RoutingRequested(WorkRequested, frozen=True, kw_only=True):
    """A partner is to be proposed for a print run."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    variant_id: VariantId
    country: CountryCode
    region: str
    postal_prefix: str
    priority: str
    excluded_partner_ids: Annotated[
        tuple[str, ...], described("Partners that have already given up on these units.")
    ] = ()
    asked_at: Millis = 0
    placed_at: Annotated[Millis, described("When the order was placed: what was promised counts from then.")] = 0
    total_minor: Minor = 0
    currency: Currency = ""
    printed: Annotated[tuple[PrintedArea, ...], described("How large the line's print files are.")] = ()
    others: Annotated[tuple[OtherLine, ...], described("The order's other lines that are still on their way.")] = ()
    made_by: Annotated[
        str, described("The partner that made other units of this line, whose colours should match; empty for none.")
    ] = ""


class LineRouted(OrderFact, frozen=True, kw_only=True):
    """A partner makes these units; every candidate and the reason are kept."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    partner_id: PartnerId
    partner_variant: str
    candidates: tuple[Candidate, ...]
    rule_version: str
    catalogue_offset: CatalogueOffset
    priority: RoutedPriority = ""
    promised_by: PromisedBy = 0


class RoutingFailed(OrderFact, frozen=True, kw_only=True):
    """No partner can make these units."""

    line_id: LineId
    run: RunNumber
    reason: str
    candidates: tuple[Candidate, ...] = ()
    rule_version: str = ""
    catalogue_offset: CatalogueOffset = -1


class SubmissionRequested(WorkRequested, frozen=True, kw_only=True):
    """The partner is to be given the print run."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    partner_id: PartnerId
    partner_variant: str
    version: Annotated[int, described("Version of the line's files that is printed.")] = 0
    print_files: Annotated[tuple[AreaFile, ...], described("One for each printed area.")]
    country: CountryCode
    priority: str
    ask_first: Annotated[
        bool, described("An earlier attempt may have reached the partner: it is asked before anything is sent.")
    ] = False


class SubmissionAccepted(OrderFact, frozen=True, kw_only=True):
    """The partner has the print run and will make it."""

    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    partner_order_id: str


class SubmissionRefused(OrderFact, frozen=True, kw_only=True):
    """The partner did not take the print run."""

    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    reason: str
    detail: str = ""
    retryable: bool = False


class PartnerGaveUp(OrderFact, frozen=True, kw_only=True):
    """This partner will not make these units; the next candidate is asked in a new run."""

    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    reason: str


class PartnerStatusObserved(OrderFact, frozen=True, kw_only=True):
    """The partner reported on a print run. A report that says less than is known already is kept and not applied."""

    line_id: LineId
    run: RunNumber
    partner_id: PartnerId
    raw: Annotated[str, described("The partner's own word.")]
    canonical: Annotated[str, described("Our word for it; empty where the partner's word is not known here.")]
    rank: int
    partner_at: Annotated[Millis, described("The partner's own timestamp.")]
    partner_event_id: str
    applied: bool
    quality: QualityReport | None = None
    adapter_version: str = ""
    polled: Polled = False


class ProductionStarted(OrderFact, frozen=True, kw_only=True):
    """The print run is on the press. Whether it can still be stopped is for its partner to say: each draws that line
    elsewhere, so an edit or a cancellation asks it."""

    line_id: LineId
    run: RunNumber
    batch_id: Annotated[str, described("The house press's batch in which it is imaged; empty for none.")] = ""


class LinePrinted(OrderFact, frozen=True, kw_only=True):
    """The partner says that the print run is printed."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers


class InspectionRequested(WorkRequested, frozen=True, kw_only=True):
    """The printed units are to be judged."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    mode: Annotated[
        str, described("'automatic' (the partner's quality report, and rules where it sent photographs) or 'person'.")
    ]
    quality: QualityReport | None = None
    proofs: Annotated[tuple[AreaFile, ...], described("What the print should look like, by area.")] = ()
    print_files: Annotated[tuple[AreaFile, ...], described("What photographs are compared with, by area.")] = ()
    photos: tuple[PrintPhoto, ...] = ()


class InspectionPassed(OrderFact, frozen=True, kw_only=True):
    """These units are good."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    by: Actor
    partner_id: Annotated[str, described("The partner that made them.")] = ""


class InspectionFailed(OrderFact, frozen=True, kw_only=True):
    """These units are not good."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    defects: tuple[Defect, ...]
    by: Actor
    partner_id: Annotated[str, described("The partner that made them.")] = ""


class ReprintRequested(OrderFact, frozen=True, kw_only=True):
    """These units are printed again, from the very same bytes, in a new run."""

    line_id: LineId
    run: RunNumber
    of_run: RunNumber
    units: UnitNumbers
    partner_id: PartnerId
    partner_variant: str
    reason_code: str
    by: Actor
    claim_id: Annotated[str, described("The claim that was granted by this re-print; empty for none.")] = ""
