"""Requests and answers of the API: closed in both directions, so that nothing slips in or out by accident.

Times are epoch milliseconds (`…_at`), money is minor units (`…_minor`) with an ISO 4217 currency.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from events.order.decide_intake import LINES_MAX, QUANTITY_MAX
from processors.inbound.reading import (
    AREA_NAME,
    AREAS_MAX,
    LINE_ID,
    MILLIS_MAX,
    TEXT_CHARACTERS_MAX,
    URL_CHARACTERS_MAX,
)


def without_nul(value: Any) -> Any:
    """The value, refused where it is a text with NUL: PostgreSQL and most printers of labels hold none."""
    if isinstance(value, str) and "\x00" in value:
        raise PydanticCustomError("nul_character", "Text holds no NUL character (U+0000): take it out")
    return value


#: For texts in paths and queries; a `RequestModel` looks at its fields itself.
WithoutNul = AfterValidator(without_nul)
Short = Annotated[str, Field(max_length=255)]
LineIdField = Annotated[str, Field(pattern=LINE_ID.pattern.replace("(?=.{1,64}$)", ""), min_length=1, max_length=64)]
LongText = Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)]
PictureUrl = Annotated[str, Field(max_length=URL_CHARACTERS_MAX)]
AreaName = Annotated[str, Field(pattern=AREA_NAME.pattern)]
#: 2000-01-01 to 2100-01-01: catches seconds sent for milliseconds.
Millis = Annotated[int, Field(ge=946_684_800_000, le=MILLIS_MAX)]
MINOR_MAX = 10**13
Minor = Annotated[int, Field(ge=0, le=MINOR_MAX)]
#: A code and not a sentence: reasons stay in the ledger for ever, so nobody's name may get into one.
ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class RequestModel(BaseModel):
    """A request body: unknown fields are refused, so that a misspelt one is noticed, and so is NUL in a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _without_nul = field_validator("*")(without_nul)


class AnswerModel(BaseModel):
    """An answer: made from the read models' rows, only of the fields that stand here."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class RecipientIn(RequestModel):
    """Who gets the parcel and where; stored sealed."""

    name: Short = ""
    company: Short = ""
    address1: Short = ""
    address2: Short = ""
    city: Short = ""
    region: Short = ""
    postal_code: Annotated[str, Field(max_length=32)] = ""
    country: Annotated[str, Field(pattern=r"^([A-Za-z]{2})?$", description="ISO 3166-1 alpha-2.")] = ""
    phone: Annotated[str, Field(max_length=64)] = ""
    email: Annotated[str, Field(max_length=254)] = ""


class CropIn(RequestModel):
    """The part of a picture that is printed, in thousandths of the upright picture's width and height."""

    x_permille: Annotated[int, Field(ge=0, le=999)] = 0
    y_permille: Annotated[int, Field(ge=0, le=999)] = 0
    width_permille: Annotated[int, Field(ge=1, le=1000)] = 1000
    height_permille: Annotated[int, Field(ge=1, le=1000)] = 1000


class AreaIn(RequestModel):
    """What the buyer gave for one print area; `crop` is the part of the picture that they chose."""

    text: LongText | None = None
    artwork_url: PictureUrl | None = None
    crop: CropIn | None = None


class LineIn(RequestModel):
    """One line of an order. Text and artwork are what the buyer gave; without both, the SKU's own design is printed.

    `text` and `artwork_url` are short for the template's first print area; `areas` names further ones.
    """

    line_id: LineIdField
    sku: Annotated[str, Field(min_length=1, max_length=255)]
    title: Short = ""
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    unit_price_minor: Minor = 0
    text: LongText | None = None
    artwork_url: PictureUrl | None = None
    areas: Annotated[dict[AreaName, AreaIn], Field(max_length=AREAS_MAX - 1)] = {}
    instructions: LongText | None = None


class OrderIn(RequestModel):
    """An order as the store has it now. Posting a newer version of the same `external_id` edits the order."""

    store: Annotated[str, Field(min_length=1, max_length=255)]
    external_id: Annotated[str, Field(min_length=1, max_length=255)]
    order_number: Short = ""
    placed_at: Millis | None = None
    updated_at: Annotated[
        Millis | None, Field(description="When the store last changed the order; an older version changes nothing.")
    ] = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    total_minor: Minor | None = None
    priority: Literal["standard", "express"] = "standard"
    recipient: RecipientIn
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=LINES_MAX)]
    payment_pending: bool = False


class CancelIn(RequestModel):
    """Why the order is cancelled, as a code."""

    reason: ReasonCode = "requested_by_store"


class ApproveIn(RequestModel):
    """The version of the proof that was looked at."""

    version: Annotated[int, Field(ge=1, le=100_000)]


class RequestChangesIn(RequestModel):
    """What should change about a proof; the note is stored sealed."""

    version: Annotated[int, Field(ge=1, le=100_000)]
    note: LongText = ""


class ReplaceArtworkIn(RequestModel):
    """What is printed on an area from now on; what is not named stays, null takes it away.

    `area` is empty for the template's first print area.
    """

    area: Annotated[str, Field(pattern=rf"^$|{AREA_NAME.pattern}")] = ""
    text: LongText | None = None
    artwork_url: PictureUrl | None = None


class ChangesIn(RequestModel):
    """What should change about the proof that a link shows; stored sealed."""

    note: LongText = ""


class SubmissionOut(AnswerModel):
    """What became of a request. `pending`: it is stored and will be decided; ask again at `order_url`."""

    order_id: str
    command_id: str
    outcome: Literal["accepted", "ignored", "pending"]
    reason: str = ""
    detail: str = ""
    order_url: str
    timeline_url: str


class AsOfOut(AnswerModel):
    """The moment that the answer speaks of: all facts recorded until `complete_until` are in it."""

    recorded_at: int
    complete_until: int


class RunOut(AnswerModel):
    """A print run of a line."""

    run: int
    units: tuple[int, ...]
    reason: str
    stage: str
    partner_id: str
    condition: str


class FindingOut(AnswerModel):
    """What the artwork's check found, and what to do about it. `severity` is block, review or warn."""

    code: str
    severity: str
    message: str
    measured: dict[str, str]
    area: str


class AreaOut(AnswerModel):
    """Signed links to the newest files of one print area; empty where there is none."""

    area: str
    proof_url: str
    mockup_url: str


class IntakeAreaOut(AnswerModel):
    """What the buyer gave for one print area; null where there is nothing, or nothing that may be shown."""

    area: str
    text: str | None
    artwork_url: str | None
    file_url: Annotated[str, Field(description="Signed link to the picture as it was kept; empty while there is none.")]


class IntakeOut(AnswerModel):
    """What the buyer gave for a line. `state`: open, erased, withheld (needs scope orders:personal) or unreadable."""

    state: Literal["open", "erased", "withheld", "unreadable"]
    order_number: str
    sku: str
    title: str
    variant_id: str
    instructions: str | None
    changes_note: Annotated[str | None, Field(description="What should change about the newest proof.")]
    areas: tuple[IntakeAreaOut, ...]


class LineOut(AnswerModel):
    """A line of an order; `areas` has its newest proofs, none while nothing is rendered."""

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price_minor: int
    status: str
    variant_id: str
    cancelled_units: tuple[int, ...]
    version: int
    findings: tuple[FindingOut, ...] = ()
    areas: tuple[AreaOut, ...] = ()
    runs: tuple[RunOut, ...]
    intake: Annotated[IntakeOut | None, Field(description="Null in lists; in the answer to one order it is there.")] = (
        None
    )


class ParcelOut(AnswerModel):
    """A parcel; `contents` has unit numbers by line id."""

    parcel_id: str
    status: str
    partner_id: str
    carrier: str
    tracking_number: str
    tracking_url: str
    contents: dict[str, tuple[int, ...]]


class HoldOut(AnswerModel):
    """A reason for which the order waits."""

    reason: str
    line_id: str


class ExceptionOut(AnswerModel):
    """Something that needs a person."""

    exception_id: str
    kind: str
    subject: str
    blocking: bool


class OrderOut(AnswerModel):
    """An order as it is known."""

    order_id: str
    store: str
    external_id: str
    order_number: str
    status: str
    currency: str
    total_minor: int
    lines: tuple[LineOut, ...]
    parcels: tuple[ParcelOut, ...]
    holds: tuple[HoldOut, ...]
    exceptions: tuple[ExceptionOut, ...]
    placed_at: int
    updated_at: int
    seq: int


class OrdersOut(AnswerModel):
    """A page of orders, newest first; send `next_cursor` as `cursor` for the next page, null on the last."""

    orders: tuple[OrderOut, ...]
    next_cursor: str | None
    as_of: AsOfOut


class LinkOut(AnswerModel):
    """A signed link to a file that belongs to an entry."""

    label: str
    media_type: str
    url: str


class TimelineEntryOut(AnswerModel):
    """One thing that happened."""

    seq: int
    recorded_at: int
    actor: str
    fact_type: str
    title: str
    detail: str
    links: tuple[LinkOut, ...] = ()
    causation_id: str


class TimelineOut(AnswerModel):
    """What happened to an order, oldest first; send `next_seq` as `after_seq` for more, null at the end."""

    entries: tuple[TimelineEntryOut, ...]
    next_seq: int | None
    as_of: AsOfOut


class ProofOut(AnswerModel):
    """A proof that a link shows. `state`: waiting, approved, changes_requested, superseded or cancelled."""

    order_number: str
    title: str
    line_id: str
    version: int
    state: Literal["waiting", "approved", "changes_requested", "superseded", "cancelled"]
    findings: tuple[FindingOut, ...]
    areas: tuple[AreaOut, ...]


class HealthOut(AnswerModel):
    """Whether this process serves; `not_ready` names what it waits for."""

    status: Literal["ok", "not_ready"]
    not_ready: dict[str, str] = {}


class ProblemOut(AnswerModel):
    """RFC 9457: what is wrong and what to do about it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    reason: str
    detail: str


class ReceivedOut(AnswerModel):
    """The webhook is stored; it will be read."""

    received: Literal[True] = True
