"""Artwork: checked, rendered, proofed, approved."""

from typing import Annotated

from events.order.facts.base import OrderFact, WorkRequested
from events.order.values import AreaContent, AreaFile, Finding, LineArtwork, RenderedArea
from events.types import Actor, Digest, LineId, Millis, SealedOrNone, described


class ArtworkCheckRequested(WorkRequested, frozen=True, kw_only=True):
    """The line's pictures and texts are to be fetched and checked against its template.

    `contents` has one entry for each area that somebody gave something for, the store's designs among them, and at
    least one.
    """

    line_id: LineId
    artwork: LineArtwork
    contents: tuple[AreaContent, ...]


class ArtworkChecked(OrderFact, frozen=True, kw_only=True):
    """Pictures and texts were looked at; the findings say what is wrong with them."""

    line_id: LineId
    verdict: Annotated[str, described("'pass', 'review' or 'block': the worst severity among the findings.")]
    findings: tuple[Finding, ...] = ()
    originals: tuple[AreaFile, ...] = ()


class RenderRequested(WorkRequested, frozen=True, kw_only=True):
    """The line's print file and proof are to be made, for each area in `contents`."""

    line_id: LineId
    version: Annotated[int, described("Version of the line's files, from 1.")]
    artwork: LineArtwork
    contents: tuple[AreaContent, ...]
    originals: tuple[AreaFile, ...] = ()


class LineRendered(OrderFact, frozen=True, kw_only=True):
    """The line's print files and proofs are stored, with what each was made from."""

    line_id: LineId
    version: int
    areas: tuple[RenderedArea, ...]
    template_id: str
    template_version: int
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
    reason: Annotated[str, described("Why no person was asked; empty where one approved.")] = ""


class ProofChangesRequested(OrderFact, frozen=True, kw_only=True):
    """The proof was not accepted; the line waits for new artwork."""

    line_id: LineId
    version: int
    by: Actor
    note: SealedOrNone = None


class ArtworkReplaced(OrderFact, frozen=True, kw_only=True):
    """Something else is printed on a line: its files and proof are superseded, and it begins again with the check."""

    line_id: LineId
    contents: Annotated[tuple[AreaContent, ...], described("All that is printed on the line from now on.")]
    content_digest: Digest
    by: Actor
