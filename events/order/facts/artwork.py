"""Artwork: checked, rendered, proofed, approved."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import Finding, LineArtwork, StoredFile
from events.types import Actor, LineId, Millis, SealedOrNone, described


class ArtworkCheckRequested(WorkRequested, frozen=True, kw_only=True):
    """The line's picture and text are to be fetched and checked against its template."""

    line_id: LineId
    artwork: LineArtwork
    text: SealedOrNone = None
    artwork_url: SealedOrNone = None


class ArtworkChecked(OrderFact, frozen=True, kw_only=True):
    """Picture and text were looked at; the findings say what is wrong with them."""

    line_id: LineId
    verdict: Annotated[str, described("'pass', 'review' or 'block': the worst severity among the findings.")]
    findings: tuple[Finding, ...] = ()
    original: StoredFile | None = None


class RenderRequested(WorkRequested, frozen=True, kw_only=True):
    """The line's print file and proof are to be made."""

    line_id: LineId
    version: Annotated[int, described("Version of the line's files, from 1.")]
    artwork: LineArtwork
    text: SealedOrNone = None
    original: StoredFile | None = None


class LineRendered(OrderFact, frozen=True, kw_only=True):
    """The line's print file and proof are stored."""

    line_id: LineId
    version: int
    print_file: StoredFile
    proof: StoredFile
    mockup: StoredFile | None = None
    renderer_version: str = ""


class RenderFailed(OrderFact, frozen=True, kw_only=True):
    """The line's files could not be made."""

    line_id: LineId
    version: int
    reason: str
    retryable: bool


class ProofApprovalRequested(OrderFact, frozen=True, kw_only=True):
    """A person is asked to look at the proof."""

    line_id: LineId
    version: int
    approver: str
    due_at: Annotated[Millis, described("When they are reminded.")]


class ProofApproved(OrderFact, frozen=True, kw_only=True):
    """The line may be printed as the proof shows it."""

    line_id: LineId
    version: int
    by: Actor


class ProofChangesRequested(OrderFact, frozen=True, kw_only=True):
    """The proof was not accepted; the line waits for new artwork."""

    line_id: LineId
    version: int
    by: Actor
    note: SealedOrNone = None
