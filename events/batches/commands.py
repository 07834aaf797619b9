"""The commands of the batch stream; the batch id is the key."""

from typing import ClassVar, TypeAlias, get_args

from events.batches.facts import BatchGroup, BatchLine, Placement
from events.declare import Command
from events.types import LineId, ObjectKey, RunNumber, Sha256


class BatchCommand(Command, frozen=True, kw_only=True):
    """Base of all commands of the batch stream."""

    avro_namespace: ClassVar[str] = "pod.batches"


class OpenBatch(BatchCommand, frozen=True, kw_only=True):
    """Make these lines together."""

    group: BatchGroup
    reason: str
    lines: tuple[BatchLine, ...]


class RemoveLineFromBatch(BatchCommand, frozen=True, kw_only=True):
    """Leave a line out: its order said no, or its files cannot be had."""

    order_id: str
    line_id: LineId
    run: RunNumber
    reason: str


class CloseBatch(BatchCommand, frozen=True, kw_only=True):
    """Every order has answered: image what is left."""


class ReportSheetImposed(BatchCommand, frozen=True, kw_only=True):
    """A gang sheet was made."""

    sheet: int
    width_um: int
    height_um: int
    file_key: ObjectKey
    sha256: str
    size_bytes: int
    placements: tuple[Placement, ...]


class ReportBatchSent(BatchCommand, frozen=True, kw_only=True):
    """The press has the sheets and the job ticket."""

    ticket: str
    ticket_sha256: Sha256


class ReportSheetPrinted(BatchCommand, frozen=True, kw_only=True):
    """A sheet came off the press in order."""

    sheet: int


class ReportSheetSpoiled(BatchCommand, frozen=True, kw_only=True):
    """A sheet is waste."""

    sheet: int
    reason_code: str


class ReportBatchStuck(BatchCommand, frozen=True, kw_only=True):
    """The batch cannot go on by itself."""

    reason: str
    detail: str
    what_to_do: str


class ReportBatchGoesOn(BatchCommand, frozen=True, kw_only=True):
    """Nothing keeps the batch any more."""


class ReportBatchCleared(BatchCommand, frozen=True, kw_only=True):
    """Its orders know what became of their units, and nothing of it is left at the press."""


BatchCommandUnion: TypeAlias = (
    OpenBatch
    | RemoveLineFromBatch
    | CloseBatch
    | ReportSheetImposed
    | ReportBatchSent
    | ReportSheetPrinted
    | ReportSheetSpoiled
    | ReportBatchStuck
    | ReportBatchGoesOn
    | ReportBatchCleared
)
"""Everything that can be asked of a batch, or reported about it."""

BATCH_COMMANDS: tuple[type[BatchCommand], ...] = get_args(BatchCommandUnion)
