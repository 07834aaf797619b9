"""Records nested in the facts and commands of the order stream."""

from typing import Annotated

from events.declare import Value
from events.types import (
    AreaName,
    CountryCode,
    Currency,
    Digest,
    LineId,
    Millis,
    Minor,
    ObjectKey,
    PartnerId,
    Sealed,
    SealedOrNone,
    Sha256,
    UnitNumbers,
    VariantId,
    described,
)


class OrderPolicy(Value, frozen=True, kw_only=True):
    """The store's rules as they were when the order was placed; the order keeps them for its whole life."""

    approval: Annotated[
        str, described("'always': a person approves each proof; 'when_clean': only one with findings.")
    ] = "always"
    approver: Annotated[str, described("Who approves proofs: 'store' or 'buyer'.")] = "store"
    retry_wait_ms: Annotated[int, described("First wait before work is tried again; it doubles with each attempt.")] = (
        30_000
    )
    attempts_max: Annotated[int, described("Attempts at one effect with one partner before the next is asked.")] = 4
    work_timeout_ms: Annotated[int, described("Wait for a worker's report before the work is asked for again.")] = (
        300_000
    )
    production_timeout_ms: Annotated[int, described("Wait for a partner to print before a person is told.")] = (
        432_000_000
    )
    approval_timeout_ms: Annotated[
        int, described("Wait for a proof to be answered before the first reminder; it doubles with each.")
    ] = 172_800_000
    approval_reminders_max: Annotated[int, described("Reminders of one proof before a person is told.")] = 3
    reprints_max: Annotated[int, described("Re-prints of one line before a person decides.")] = 2
    spot_check_per_mille: Annotated[int, described("Share of print runs that a person inspects, in thousandths.")] = 15
    notify_buyer: Annotated[bool, described("Whether the buyer is told at each step.")] = True


class AreaDesign(Value, frozen=True, kw_only=True):
    """A design that the store owns, for one print area: used where the buyer sent no picture for it."""

    area: AreaName = ""
    design_key: ObjectKey


class LineArtwork(Value, frozen=True, kw_only=True):
    """What a line's SKU means: the variant, its template version and the store's designs; kept for ever."""

    variant_id: VariantId
    template_id: str
    template_version: int
    designs: tuple[AreaDesign, ...] = ()
    designer: Annotated[
        str, described("Who made the design, as the store names them; empty where it is not known.")
    ] = ""

    @property
    def is_ready_made(self) -> bool:
        """Whether nothing is printed: a variant without a template is bought from a supplier as it is."""
        return not self.template_id


class CropBox(Value, frozen=True, kw_only=True):
    """The part of a picture that its buyer chose, in thousandths of the upright picture's width and height."""

    x_permille: int
    y_permille: int
    width_permille: int
    height_permille: int


class AreaContent(Value, frozen=True, kw_only=True):
    """What is printed on one area of a line: a text, a picture by its address, or a stored file."""

    area: AreaName = ""
    text: SealedOrNone = None
    artwork_url: SealedOrNone = None
    design_key: Annotated[
        ObjectKey | None,
        described("A stored file that is printed where no address is given: the store's design, or an upload."),
    ] = None
    crop: Annotated[CropBox | None, described("Null where the whole picture is used.")] = None


class OrderedLine(Value, frozen=True, kw_only=True):
    """A line as the store sent it. `contents` has at most one entry an area."""

    line_id: LineId
    sku: Annotated[str, described("The store's own SKU.")]
    title: str
    quantity: int
    unit_price_minor: Minor
    artwork: Annotated[LineArtwork | None, described("Null while the SKU is not mapped.")] = None
    contents: tuple[AreaContent, ...] = ()
    instructions: SealedOrNone = None
    content_digest: Annotated[
        Digest, described("Over SKU, quantity, what is printed on each area, and instructions.")
    ] = ""
    printed_digest: Annotated[
        Digest,
        described(
            "Over SKU and what is printed on each area: equal where every unit comes out the same. May be empty."
        ),
    ] = ""


class StoreOrder(Value, frozen=True, kw_only=True):
    """An order as its store shows it at one moment: what `ObserveStoreOrder` carries."""

    store: Annotated[str, described("The store connection.")]
    external_id: Annotated[str, described("The platform's immutable order id.")]
    order_number: Annotated[str, described("What the store calls the order, for people.")]
    placed_at: Millis
    currency: Currency
    total_minor: Minor
    priority: Annotated[str, described("'standard' or 'express'.")] = "standard"
    recipient: Annotated[Sealed, described("Sealed JSON: name, address lines, e-mail, phone.")]
    recipient_digest: Digest
    country: CountryCode
    region: str = ""
    postal_prefix: Annotated[
        str, described("First characters of the postal code: enough to route, too few to find a door.")
    ] = ""
    lines: tuple[OrderedLine, ...]
    payment_pending: bool = False
    address_missing: bool = False
    cancelled: bool = False
    policy: OrderPolicy


class LineUnits(Value, frozen=True, kw_only=True):
    """Some units of a line."""

    line_id: LineId
    units: UnitNumbers


class StoredFile(Value, frozen=True, kw_only=True):
    """One version of an object in the artwork bucket. Digests of buyer content are keyed."""

    key: ObjectKey
    version_id: str
    sha256: Sha256
    size_bytes: int
    media_type: str
    width_px: int = 0
    height_px: int = 0
    dpi: int = 0


class AreaFile(Value, frozen=True, kw_only=True):
    """A stored file that belongs to one print area."""

    area: AreaName = ""
    file: StoredFile


class RenderedArea(Value, frozen=True, kw_only=True):
    """The files of one print area, and keyed digests of what they were made from."""

    area: AreaName = ""
    print_file: StoredFile
    print_pdf: Annotated[StoredFile | None, described("Null where the template asks for none.")] = None
    proof: StoredFile
    mockup: StoredFile | None = None
    original_digest: Annotated[
        Digest, described("`sha256` of the original that it was made from; empty where there was none.")
    ] = ""
    text_digest: Annotated[Digest, described("Over the text that is printed; empty where there is none.")] = ""
    bleed_um: Annotated[int, described("Printed beyond the cut on every side, in micrometres.")] = 0


class Finding(Value, frozen=True, kw_only=True):
    """What a check of the artwork found."""

    code: Annotated[str, described("Name of the finding, such as 'resolution_low'.")]
    severity: Annotated[str, described("'block', 'review' (a person decides) or 'warn'.")]
    message: Annotated[str, described("What is wrong and what to do about it.")]
    measured: dict[str, str] = {}
    area: AreaName = ""


class PrintedArea(Value, frozen=True, kw_only=True):
    """How large something is printed in one area."""

    area: AreaName = ""
    width_um: Annotated[int, described("Width in micrometres.")]
    height_um: Annotated[int, described("Height in micrometres.")]


class OtherLine(Value, frozen=True, kw_only=True):
    """Another line of an order that would travel in the same parcel, if the same partner made it."""

    line_id: LineId
    variant_id: VariantId
    units: Annotated[int, described("How many units of it.")]
    partner_id: Annotated[str, described("The partner that makes it; empty where none is chosen yet.")] = ""
    excluded_partner_ids: Annotated[
        tuple[str, ...], described("Partners that have already given up on these units.")
    ] = ()


class Candidate(Value, frozen=True, kw_only=True):
    """A partner that routing looked at: what was known of it, and what the rules made of that."""

    partner_id: PartnerId
    eligible: bool
    score: Annotated[
        int,
        described(
            "What the whole order is worth with this line made here, in points (minor units of the rules' currency): "
            "the lowest wins; 0 where the partner is not eligible."
        ),
    ]
    reason: Annotated[str, described("Why it is not eligible, or the parts of which the score is made.")]
    obstacle: Annotated[str, described("The must-rule that it breaks, such as 'out_of_stock'; empty for none.")] = ""
    partner_variant: Annotated[str, described("The partner's own name of the variant.")] = ""
    cost_minor: Minor = 0
    currency: Currency = ""
    shipping_minor: Annotated[
        int, described("What its parcel to the destination costs, in minor units of shipping_currency.")
    ] = 0
    shipping_currency: Annotated[str, described("Its currency; empty: it never said what shipping costs.")] = ""
    shipping_method: Annotated[str, described("Its way to the destination that was reckoned with.")] = ""
    country: CountryCode = ""
    distance_km: Annotated[int, described("To the destination, as the crow flies; -1 where that is not known.")] = -1
    stock: Annotated[int, described("Units on hand.")] = 0
    daily_capacity: Annotated[int, described("Units that it makes a day.")] = 0
    load_percent: int = 0
    production_days: int = 0
    transit_days: Annotated[int, described("Days on the road to the destination's country; 0 where it never said.")] = 0
    scale_percent: Annotated[int, described("By how much the artwork must shrink to fit its print area.")] = 0
    inspected_units: Annotated[int, described("Units of its making that were inspected lately.")] = 0
    defective_units: Annotated[int, described("How many of these were not good.")] = 0


class Defect(Value, frozen=True, kw_only=True):
    """What is wrong with a printed unit."""

    code: Annotated[str, described("Name of the defect, such as 'misprint'; it becomes the re-print's reason code.")]
    description: str = ""
    measured: Annotated[float, described("The number that a rule measured; 0 where nothing was measured.")] = 0.0
    threshold: Annotated[float, described("The number that it crossed.")] = 0.0
    area: AreaName = ""


class PrintPhoto(Value, frozen=True, kw_only=True):
    """A photograph of one area of a printed unit: at its partner's address, or stored here."""

    unit: Annotated[int, described("The unit's number in its line.")]
    area: AreaName = ""
    url: Annotated[str, described("Where its partner keeps it; empty where it is stored here.")] = ""
    file: StoredFile | None = None
    area_share_permille: Annotated[
        int,
        described(
            "Thousandths of the photograph's width that the print area takes in its right size, where the camera "
            "stands fixed; 0 where that is not known: then the size is not judged."
        ),
    ] = 0


class PhotoComparison(Value, frozen=True, kw_only=True):
    """What the automatic rules say of one photograph."""

    unit: int
    area: AreaName = ""
    photo: Annotated[StoredFile | None, described("Null where it could not be had.")] = None
    difference: Annotated[
        StoredFile | None, described("What was expected beside what is seen, the worst places marked.")
    ] = None
    defects: tuple[Defect, ...] = ()
    problem: Annotated[str, described("Why it could not be compared; empty where it was.")] = ""


class QualityReport(Value, frozen=True, kw_only=True):
    """What the partner measured after printing."""

    passed_units: UnitNumbers = ()
    failed_units: UnitNumbers = ()
    defects: tuple[Defect, ...] = ()
    photos: tuple[PrintPhoto, ...] = ()


class SuggestedAddress(Value, frozen=True, kw_only=True):
    """A recipient's address as a carrier would write it, sealed, beside what routing may read of it."""

    recipient: Sealed
    country: CountryCode
    region: str = ""
    postal_prefix: str = ""
    parts: Annotated[tuple[str, ...], described("Which parts differ from the order's address, such as 'street'.")] = ()
