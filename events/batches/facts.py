"""The facts of the batch stream. Lengths are micrometres from a sheet's lower left corner."""

from typing import Annotated, ClassVar, TypeAlias, get_args

from events.declare import Fact, Value
from events.types import (
    Actor,
    AreaName,
    CountryCode,
    LineId,
    Millis,
    ObjectKey,
    PartnerId,
    RunNumber,
    Sha256,
    UnitNumbers,
    VariantId,
    described,
)


class BatchFile(Value, frozen=True, kw_only=True):
    """The print file of one area of a line, as large as it is printed."""

    area: AreaName
    key: ObjectKey
    width_um: Annotated[int, described("Printed width in micrometres.")]
    height_um: Annotated[int, described("Printed height in micrometres.")]
    bleed_um: Annotated[int, described("Cut off on every side, in micrometres; part of width and height.")] = 0


class BatchLine(Value, frozen=True, kw_only=True):
    """A print run of an order's line that is made in a batch."""

    tenant: str
    order_id: str
    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    version: Annotated[int, described("Version of the line's files.")]
    variant_id: VariantId
    effect_key: Annotated[str, described("The print run's external id at the shop.")]
    files: tuple[BatchFile, ...]
    due_at: Annotated[Millis, described("When the run should be printed; 0 where nobody said.")] = 0


class BatchGroup(Value, frozen=True, kw_only=True):
    """What the lines of a batch have in common, so that one press can image them in one go."""

    partner_id: PartnerId
    press: str
    product: str
    method: Annotated[str, described("How it is printed, such as 'dtf' or 'sublimation'.")]
    destination: CountryCode
    priority: str


class Placement(Value, frozen=True, kw_only=True):
    """Where one area of one unit stands on a sheet. Width and height are as it stands there, turned or not."""

    order_id: str
    line_id: LineId
    run: RunNumber
    unit: int
    area: AreaName
    x_um: int
    y_um: int
    width_um: int
    height_um: int
    turned: Annotated[bool, described("Turned by 90 degrees against the clock.")] = False


class RunUnits(Value, frozen=True, kw_only=True):
    """Units of one print run."""

    tenant: str
    order_id: str
    line_id: LineId
    run: RunNumber
    units: UnitNumbers


class BatchFact(Fact, frozen=True, kw_only=True):
    """Base of all facts of the batch stream; the batch id is the key."""

    avro_namespace: ClassVar[str] = "pod.batches"


class BatchOpened(BatchFact, frozen=True, kw_only=True):
    """A batch takes lines of this group."""

    group: BatchGroup
    reason: Annotated[str, described("Why it was opened now: 'full', 'promise' or 'waited'.")]


class LineAddedToBatch(BatchFact, frozen=True, kw_only=True):
    """A line is made in this batch, unless its order says no before it is imaged."""

    line: BatchLine


class LineRemovedFromBatch(BatchFact, frozen=True, kw_only=True):
    """A line is not made in this batch: its order said no, or its files cannot be had."""

    order_id: str
    line_id: LineId
    run: RunNumber
    reason: str


class BatchClosed(BatchFact, frozen=True, kw_only=True):
    """Every order has answered: these are the lines that are imaged, and no others."""

    lines: int
    units: int


class BatchAbandoned(BatchFact, frozen=True, kw_only=True):
    """No line is left to image."""


class SheetImposed(BatchFact, frozen=True, kw_only=True):
    """A gang sheet exists, with exactly these pieces on it."""

    sheet: Annotated[int, described("Number of the sheet in its batch, from 1.")]
    width_um: int
    height_um: int
    file_key: ObjectKey
    sha256: Annotated[str, described("Keyed digest of the sheet's PDF: it carries buyers' content.")]
    size_bytes: int
    placements: tuple[Placement, ...]


class BatchSentToPress(BatchFact, frozen=True, kw_only=True):
    """The press has the sheets and the job ticket."""

    ticket: Annotated[str, described("Name of the job ticket in the press's folder.")]
    ticket_sha256: Sha256
    sheets: int


class SheetPrinted(BatchFact, frozen=True, kw_only=True):
    """A sheet came off the press in order."""

    sheet: int
    by: Actor


class SheetSpoiled(BatchFact, frozen=True, kw_only=True):
    """A sheet is waste: exactly these units are not made by it."""

    sheet: int
    reason_code: str
    spoiled: tuple[RunUnits, ...]
    by: Actor


class BatchStuck(BatchFact, frozen=True, kw_only=True):
    """The batch cannot go on, and a person should look; its orders are told that their goods wait."""

    reason: Annotated[str, described("One word for programs, such as 'press_silent' or 'picture_unreadable'.")]
    detail: str
    what_to_do: str


class BatchWentOn(BatchFact, frozen=True, kw_only=True):
    """What kept the batch is over."""


class BatchCompleted(BatchFact, frozen=True, kw_only=True):
    """Every sheet is printed or spoiled."""

    printed_sheets: int
    spoiled_sheets: int


class BatchCleared(BatchFact, frozen=True, kw_only=True):
    """Every order has answered what became of its units, and the press's copies and the batch's key are gone."""


BatchEvent: TypeAlias = (
    BatchOpened
    | LineAddedToBatch
    | LineRemovedFromBatch
    | BatchClosed
    | BatchAbandoned
    | SheetImposed
    | BatchSentToPress
    | SheetPrinted
    | SheetSpoiled
    | BatchStuck
    | BatchWentOn
    | BatchCompleted
    | BatchCleared
)
"""Everything that can become true of a batch: the union is the registry."""

BATCH_FACTS: tuple[type[BatchFact], ...] = get_args(BatchEvent)
