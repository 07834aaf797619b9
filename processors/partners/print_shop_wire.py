"""The house print shop's wire format, version 1: the JSON that its adapter and its simulator exchange.

`processors.partners.print_shop` describes the requests and answers in words. Times are epoch milliseconds,
money is minor units with an ISO 4217 currency, unit numbers count from 1. Readers ignore fields that they do
not know, so that a press may say more than it must.
"""

import hashlib

import msgspec

#: The words of `status`, in the order in which a job goes through them; the last three may come at any time.
STAGES = ("received", "printing", "finishing", "quality_check", "ready_for_shipment", "handed_over")
ON_HOLD = "on_hold"
FAILED = "failed"
CANCELLED = "cancelled"


class JobFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file to be printed on one area of the goods."""

    area: str
    url: str
    sha256: str


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/jobs`: print this. `external_id` makes it idempotent."""

    external_id: str
    variant: str
    quantity: int
    units: tuple[int, ...]
    files: tuple[JobFile, ...]
    ship_to_country: str
    due_at: int
    notes: str | None = None

    def fingerprint(self) -> str:
        """What must be the same when the job is sent again.

        The links to the files are left out, because a signed link expires and is renewed; a file's digest says
        which file is meant. The due time and the notes may be corrected by sending the job again.
        """
        identity = (
            self.external_id,
            self.variant,
            self.quantity,
            self.units,
            tuple((file.area, file.sha256) for file in self.files),
            self.ship_to_country,
        )
        return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/jobs/{external_id}/cancel`."""

    reason: str


class MeasurementWire(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of an inspection; the unit of measure is the end of the name."""

    name: str
    value: float
    limit: float | None = None


class DefectWire(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one unit."""

    unit: int
    code: str
    detail: str = ""


class PhotoWire(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph of a printed unit, as JPEG or PNG at an address that the shop serves for a day."""

    unit: int
    #: The customer's name of the print area, as in the job.
    area: str = ""
    url: str
    #: Thousandths of the picture's width that the print area takes in its right size; 0 where the camera moves.
    area_share_permille: int = 0


class QualityWire(msgspec.Struct, frozen=True, kw_only=True):
    """The press's inspection of all units of a job, sent with `ready_for_shipment`."""

    passed: bool
    measured: tuple[MeasurementWire, ...] = ()
    defects: tuple[DefectWire, ...] = ()
    photos: tuple[PhotoWire, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the shop holds it: the answer to submit, read and cancel."""

    external_id: str
    job_number: str
    status: str
    #: Counts the job's status changes from 1.
    sequence: int
    quantity: int
    units: tuple[int, ...]
    accepted_at: int
    updated_at: int
    cost_minor: int
    currency: str
    quality: QualityWire | None = None
    reason: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Any answer of 4xx or 5xx: `code` is for programs, `message` for people."""

    code: str
    message: str
    #: Whether the same request can succeed later.
    retryable: bool = False
    #: The job that stands in the way, where there is one.
    job: Job | None = None


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of a `job.status` webhook."""

    event_id: str
    external_id: str
    job_number: str
    status: str
    sequence: int
    #: When the status was reached.
    at: int
    units: tuple[int, ...]
    quality: QualityWire | None = None
    reason: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook body: the Standard Webhooks envelope. `data` depends on `type`."""

    type: str
    #: RFC 3339.
    timestamp: str
    data: msgspec.Raw


class OfferWire(msgspec.Struct, frozen=True, kw_only=True):
    """One variant that the shop prints on."""

    #: The shop's own name of the blank.
    variant: str
    #: The customer's name for it, as agreed at set-up.
    customer_variant: str
    stock: int
    unit_cost_minor: int
    currency: str
    production_ms: int


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v1/offers`."""

    shop: str
    country: str
    ships_to: tuple[str, ...]
    capacity_units_per_day: int
    load_units: int
    observed_at: int
    offers: tuple[OfferWire, ...]
