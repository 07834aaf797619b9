"""What printledger asks of a print partner, whoever the vendor is.

An adapter translates between this protocol and one vendor's wire format. It decides nothing for good: every
answer becomes a `Report…` command, and the ledger decides what it means. Three rules hold for each adapter:

- an effect is done once: `effect_key` is the partner's external id, the same over every retry, so that a
  submission whose answer was lost can be read back instead of being printed twice;
- waiting is not the adapter's: transport retries last seconds, and anything longer is `Deferred`;
- a status word that the map does not know is kept as it came (`canonical` is None), never dropped.

Times are epoch milliseconds (`…_at`), money is minor units with an ISO 4217 currency, unit numbers count
from 1.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

import msgspec

from processors.outbound import Deferred
from processors.webhooks import WebhookNotGenuine, WebhookTooOld, WebhookUnreadable

__all__ = [
    "CANONICAL_CONDITIONS",
    "CANONICAL_STAGES",
    "Accepted",
    "CancelConfirmed",
    "CancelOutcome",
    "CancelTooLate",
    "Defect",
    "Deferred",
    "JobSnapshot",
    "Measurement",
    "PartnerOffer",
    "PartnerOffers",
    "PartnerReport",
    "PrintFile",
    "PrintJob",
    "PrintPartner",
    "QualityReport",
    "Refused",
    "StatusMap",
    "SubmitOutcome",
    "UnitPhoto",
    "Vouched",
    "WebhookNotGenuine",
    "WebhookTooOld",
    "WebhookUnreadable",
]

#: The stages that a print run goes through, and their rank. A report of lower rank than the run has reached
#: is recorded and not applied. The gaps leave room for stages that a later vendor reports.
CANONICAL_STAGES: Final[Mapping[str, int]] = {
    "queued": 10,
    "printing": 20,
    "finishing": 30,
    "quality_check": 40,
    "printed": 50,
    "handed_over": 60,
}

#: Conditions stand beside the stage and have rank 0: the latest partner time-stamp wins.
CANONICAL_CONDITIONS: Final[frozenset[str]] = frozenset({"on_hold", "failed", "cancelled"})


class PrintFile(msgspec.Struct, frozen=True, kw_only=True):
    """The print file of one area of the goods."""

    #: The print area as our template names it, such as `front`.
    area: str
    #: A signed link that gives the print file to whoever holds it, until it expires.
    url: str
    #: SHA-256 of the print file's bytes, 64 hexadecimal digits; the partner checks it before printing.
    sha256: str


class PrintJob(msgspec.Struct, frozen=True, kw_only=True):
    """One print run to be made: some units of one line, at one partner."""

    #: The partner's external id: 32 hexadecimal digits, the same over every retry of this run.
    effect_key: str
    #: The partner's own name of the variant to print on.
    partner_variant: str
    #: How many pieces to print; equals `len(units)`.
    quantity: int
    #: Which units of the line this run makes, counted from 1.
    units: tuple[int, ...]
    #: What is printed, one file for each print area; the template's first printed area comes first.
    files: tuple[PrintFile, ...]
    #: ISO 3166-1 alpha-2. The parcel's label is ours, so a partner gets no more of the recipient than this.
    recipient_country: str
    #: When the units should be ready for shipment.
    due_at: int
    #: What the people at the press should know; never the buyer's name or address.
    notes: str | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The partner has the job under our effect key and will print it."""

    #: The partner's own number of the job.
    partner_reference: str
    #: When the partner accepted it, by the partner's clock.
    accepted_at: int
    #: True when the partner had it already: an earlier try was accepted and its answer lost.
    already_known: bool = False
    #: What the partner charges, where it says so.
    cost_minor: int | None = None
    currency: str | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The partner said no; nothing is being printed by this request.

    `reason` is one of our words (`out_of_stock`, `variant_unknown`, `print_file_unusable`, `overloaded`,
    `conflict`, `credentials`, `unknown_job`, `invalid`, `unavailable`), `detail` is what the partner wrote.
    """

    reason: str
    #: True when the same request may succeed later at this partner; False when it never will.
    retryable: bool
    detail: str = ""
    #: True when only a person can mend it (credentials, a conflicting job): raise an exception.
    needs_person: bool = False


SubmitOutcome: TypeAlias = Accepted | Refused | Deferred


class CancelConfirmed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The partner will not print the job, or never had it."""

    confirmed_at: int
    #: False when the partner has never heard of the effect key.
    was_known: bool = True


class CancelTooLate(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The partner has gone too far with the job to stop it."""

    #: The partner's status word at that moment, and our word for it (None when unknown).
    raw_status: str
    canonical: str | None
    detail: str = ""


CancelOutcome: TypeAlias = CancelConfirmed | CancelTooLate | Refused | Deferred


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One figure from the partner's inspection."""

    #: What was measured, with its unit last (`registration_um`, `colour_difference_de2000`).
    name: str
    value: float
    #: The largest value that passes, where the partner states one.
    limit: float | None = None


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one unit."""

    unit: int
    #: The partner's word for it (`misregistered`, `stained`, `wrong_colour`, `head_strike`).
    code: str
    detail: str = ""


class UnitPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph of one area of a printed unit, at an address of the partner's."""

    unit: int
    #: Our name of the print area; empty for the line's first.
    area: str = ""
    url: str
    #: Thousandths of the photograph's width that the print area takes in its right size, where the camera stands fixed;
    #: 0 where the partner does not say.
    area_share_permille: int = 0


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The partner's inspection of a run: it passed when no unit has a defect."""

    passed: bool
    measured: tuple[Measurement, ...] = ()
    defects: tuple[Defect, ...] = ()
    photos: tuple[UnitPhoto, ...] = ()

    def failed_units(self) -> tuple[int, ...]:
        """Unit numbers with at least one defect, ascending."""
        return tuple(sorted({defect.unit for defect in self.defects}))


class PartnerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One status that a partner told us of, translated but not judged."""

    #: Empty where the webhook names only the partner's own number of the job: `vouch` finds the key.
    effect_key: str
    #: The partner's own number of the job, where that is all that the webhook names.
    partner_reference: str = ""
    #: The partner's own word, as it came.
    raw_status: str
    #: Our word: a key of `CANONICAL_STAGES`, one of `CANONICAL_CONDITIONS`, or None when the map lacks it.
    canonical: str | None
    #: The stage's rank; 0 for a condition and for an unknown word.
    rank: int
    #: When it happened, by the partner's clock.
    partner_timestamp_at: int
    #: The partner's id of this event, the same when the webhook comes twice.
    partner_event_id: str
    #: The units it speaks of; empty when it speaks of the whole run.
    units: tuple[int, ...] = ()
    quality: QualityReport | None = None
    #: The partner's reason for a hold, a failure or a cancellation.
    detail: str = ""
    #: Where the translation comes from: adapter name, wire version and version of its status map.
    provenance: str


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """What may be believed of a webhook's reports now."""

    reports: tuple[PartnerReport, ...]
    #: Why the others may not be believed yet, in words; empty when none is left. They are asked about again.
    doubt: str = ""


class JobSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the partner holds under an effect key now."""

    effect_key: str
    partner_reference: str
    raw_status: str
    canonical: str | None
    rank: int
    accepted_at: int
    #: When the status last changed, by the partner's clock.
    updated_at: int
    units: tuple[int, ...]
    quality: QualityReport | None = None
    #: How many pieces the partner says it will make: proof that nothing was doubled.
    quantity: int
    detail: str = ""
    provenance: str


class PartnerOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One variant that a partner can print on now."""

    partner_variant: str
    #: Our variant, where the partner knows it under our name.
    variant: str
    #: Blanks in stock.
    stock_units: int
    unit_cost_minor: int
    currency: str
    #: From acceptance to ready for shipment, when the press is idle.
    production_ms: int


class PartnerOffers(msgspec.Struct, frozen=True, kw_only=True):
    """A partner's whole offer, with what the router weighs beside it."""

    partner: str
    observed_at: int
    #: ISO 3166-1 alpha-2 of the press.
    country: str
    #: ISO 3166-1 alpha-2 codes that it ships to; empty means anywhere.
    ships_to: tuple[str, ...]
    capacity_units_per_day: int
    #: Units accepted and not yet printed.
    load_units: int
    offers: tuple[PartnerOffer, ...]


class StatusMap:
    """A vendor's status words in our vocabulary, with the version that a report names as its provenance."""

    def __init__(self, provenance: str, words: Mapping[str, str]) -> None:
        """`words` maps the vendor's word to ours; a word outside our vocabulary is a programming error."""
        for word, canonical in words.items():
            if canonical not in CANONICAL_STAGES and canonical not in CANONICAL_CONDITIONS:
                raise ValueError(f"{word!r} is mapped to {canonical!r}, which is no canonical status")
        self.provenance = provenance
        self._words = dict(words)

    @property
    def words(self) -> tuple[str, ...]:
        """Every word of the vendor's that is mapped."""
        return tuple(self._words)

    def canonical(self, raw_status: str) -> str | None:
        """Our word for the vendor's, or None when the map does not know it."""
        return self._words.get(raw_status)

    def rank(self, raw_status: str) -> int:
        """The rank of the vendor's word; 0 for a condition and for an unknown word."""
        return CANONICAL_STAGES.get(self._words.get(raw_status, ""), 0)


class PrintPartner(Protocol):
    """A vendor that prints. One object a configured shop; safe for many calls at the same time."""

    @property
    def name(self) -> str:
        """The partner's key in the catalogue (`press-east`)."""
        ...

    async def submit(self, job: PrintJob) -> SubmitOutcome:
        """Have the job printed, once per effect key however often it is called.

        When the answer was lost the adapter reads back before it says anything; `Deferred.outcome_unknown`
        then means that the partner could not be asked either, and nobody else may print the run yet.
        """
        ...

    async def read_back(self, effect_key: str) -> JobSnapshot | Deferred | None:
        """The job that the partner has accepted under the key; None when it has accepted none."""
        ...

    async def cancel(self, effect_key: str, reason: str) -> CancelOutcome:
        """Ask the partner not to print the job. Asking again gives the same answer."""
        ...

    async def offers(self) -> PartnerOffers | Deferred:
        """Variants, stock, costs, capacity and load as the partner states them now."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `WebhookNotGenuine` unless this partner signed these bytes, lately. Header case is free."""
        ...

    def parse_webhook(self, body: bytes) -> tuple[PartnerReport, ...]:
        """Translate a verified body; empty for events of no job; `WebhookUnreadable` for a broken one."""
        ...

    async def vouch(self, reports: tuple[PartnerReport, ...]) -> Vouched:
        """Which of a webhook's reports may be believed: all where the partner signs, else what it says when asked.

        Each report that comes out has its effect key.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
