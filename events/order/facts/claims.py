"""Returns and claims: opened, reviewed, decided, paid back."""

from typing import Annotated, TypeAlias

from events.order.claims import ClaimedUnits, PartnerFault
from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import StoredFile
from events.types import Actor, CountryCode, Currency, Millis, Minor, SealedOrNone, described

ClaimId: TypeAlias = Annotated[str, described("Number of the claim within its order, such as 'C1'.")]
RulesVersion: TypeAlias = Annotated[
    str, described("Version of the claim rules that said so; empty where a person did.")
]


class ClaimOpened(OrderFact, frozen=True, kw_only=True):
    """Somebody complains about units that were sent."""

    claim_id: ClaimId
    reason: Annotated[str, described("Why, such as 'damaged'.")]
    wish: Annotated[str, described("What the buyer would like: 'refund', 'reprint' or empty.")] = ""
    items: tuple[ClaimedUnits, ...]
    note: SealedOrNone = None
    pictures: tuple[StoredFile, ...] = ()
    opened_at: Millis
    by: Actor


class ReturnOpened(OrderFact, frozen=True, kw_only=True):
    """A parcel came back: what becomes of its goods is to be decided."""

    claim_id: ClaimId
    parcel_id: str
    items: tuple[ClaimedUnits, ...]
    opened_at: Millis


class ClaimReviewRequested(WorkRequested, frozen=True, kw_only=True):
    """The claim rules are to be applied to a claim."""

    claim_id: ClaimId
    kind: Annotated[str, described("'complaint' or 'return'.")]
    reason: str
    wish: str = ""
    items: tuple[ClaimedUnits, ...]
    pictures: Annotated[int, described("How many pictures came with it.")] = 0
    opened_at: Millis
    currency: Currency


class ClaimReferred(OrderFact, frozen=True, kw_only=True):
    """The rules leave the claim to a person."""

    claim_id: ClaimId
    reason: Annotated[str, described("Why the rules do not decide it, such as 'amount_above_limit'.")]
    rules_version: RulesVersion = ""
    faults: tuple[PartnerFault, ...] = ()


class ClaimGranted(OrderFact, frozen=True, kw_only=True):
    """A claim was decided for the buyer, or a return was settled; the facts beside it say what follows."""

    claim_id: ClaimId
    outcome: Annotated[str, described("'refund', 'reprint', 'reship' or 'keep'.")]
    reason: str = ""
    items: tuple[ClaimedUnits, ...]
    amount_minor: Annotated[Minor, described("What is given back; 0 where nothing is.")] = 0
    currency: Currency = ""
    parcel_id: Annotated[str, described("The new parcel of goods that are sent again; empty for none.")] = ""
    recipient: Annotated[SealedOrNone, described("The mended address, sealed; null where it stays.")] = None
    country: CountryCode = ""
    region: str = ""
    postal_prefix: str = ""
    rules_version: RulesVersion = ""
    by: Actor


class ClaimRefused(OrderFact, frozen=True, kw_only=True):
    """A claim was decided against the buyer, who is told why."""

    claim_id: ClaimId
    reason: str
    detail: Annotated[str, described("The reason in the words that buyer and store are told.")] = ""
    rules_version: RulesVersion = ""
    by: Actor


class PartnerClaimNoted(OrderFact, frozen=True, kw_only=True):
    """A partner answers for what was claimed: an operator files it there, in its words and within its time."""

    claim_id: ClaimId
    fault: PartnerFault


class RefundRequested(WorkRequested, frozen=True, kw_only=True):
    """Money is to be given back, once."""

    claim_id: ClaimId
    amount_minor: Minor
    currency: Currency
    store: str
    external_id: Annotated[str, described("The platform's own order id, by which its payment is known.")]
    reason: str = ""


class RefundMade(OrderFact, frozen=True, kw_only=True):
    """The money of a claim was given back."""

    claim_id: ClaimId
    amount_minor: Minor
    currency: Currency
    reference: Annotated[str, described("The payment system's own id of the refund.")]


class RefundFailed(OrderFact, frozen=True, kw_only=True):
    """The money of a claim was not given back."""

    claim_id: ClaimId
    reason: str
    detail: str = ""
    retryable: Annotated[bool, described("Whether it is tried again after a wait.")] = False
