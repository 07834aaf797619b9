"""Commands about returns and complaints."""

from typing import Annotated, TypeAlias

from events.order.claims import PartnerFault
from events.order.command_base import OrderCommand
from events.order.values import LineUnits, StoredFile
from events.types import CountryCode, Minor, RequestId, SealedOrNone, described


class OpenClaim(OrderCommand, frozen=True, kw_only=True):
    """Complain about units that were sent: a reason, and what the buyer wrote and photographed, sealed."""

    lines: tuple[LineUnits, ...]
    reason: str
    wish: Annotated[str, described("What the buyer would like: 'refund', 'reprint' or empty.")] = ""
    note: SealedOrNone = None
    pictures: tuple[StoredFile, ...] = ()


class DecideClaim(OrderCommand, frozen=True, kw_only=True):
    """Decide a claim as a person; one that was decided stays as it is.

    A new address counts for 'reship' alone. An amount of 0 is all that the units cost.
    """

    claim_id: str
    outcome: Annotated[str, described("'refund', 'reprint', 'reship', 'keep' or 'refuse'.")]
    reason: Annotated[str, described("Why it is refused, such as 'as_ordered', or granted.")] = ""
    amount_minor: Minor = 0
    recipient: SealedOrNone = None
    country: CountryCode = ""
    region: str = ""
    postal_prefix: str = ""


class ReportClaimReviewed(OrderCommand, frozen=True, kw_only=True):
    """The claim rules were applied; the ledger accepts what they propose, or shows the claim to a person."""

    request_id: RequestId
    claim_id: str
    verdict: Annotated[str, described("'refund', 'reprint', 'keep', 'refuse' or 'person'.")]
    reason: Annotated[str, described("Why, such as 'outside_window' or 'within_rules'.")]
    rules_version: str
    faults: tuple[PartnerFault, ...] = ()


class ReportRefunded(OrderCommand, frozen=True, kw_only=True):
    """The money of a claim was given back."""

    request_id: RequestId
    claim_id: str
    reference: Annotated[str, described("The payment system's own id of the refund.")]


class ReportRefundFailed(OrderCommand, frozen=True, kw_only=True):
    """The money of a claim was not given back, or it is not known whether it was."""

    request_id: RequestId
    claim_id: str
    reason: str
    detail: str = ""
    retryable: bool = False


ClaimCommand: TypeAlias = OpenClaim | DecideClaim | ReportClaimReviewed | ReportRefunded | ReportRefundFailed
