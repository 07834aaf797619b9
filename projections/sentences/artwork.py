"""Sentences for artwork: checked, rendered, proofed, approved."""

from collections.abc import Callable
from typing import TypeAlias, assert_never

from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    LineRendered,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RenderFailed,
    RenderRequested,
)
from events.order.values import AreaFile, Finding, RenderedArea, StoredFile
from projections.sentences.wording import Entry, Link, again, links, moment

ArtworkFact: TypeAlias = (
    ArtworkCheckRequested
    | ArtworkChecked
    | RenderRequested
    | LineRendered
    | RenderFailed
    | ProofApprovalRequested
    | ProofApproved
    | ProofChangesRequested
    | ArtworkReplaced
)

_VERDICTS = {"pass": "is fine", "review": "needs a person's eye", "block": "cannot be printed"}


def describe_artwork(fact: ArtworkFact) -> Entry:
    """Title, detail and links of a fact about artwork."""
    match fact:
        case ArtworkCheckRequested():
            return Entry(f"Line {fact.line_id}: artwork check asked for{again(fact.attempt)}")
        case ArtworkChecked():
            verdict = _VERDICTS.get(fact.verdict, fact.verdict)
            findings = " ".join(_finding(finding) for finding in fact.findings)
            return Entry(f"Line {fact.line_id}: artwork {verdict}", findings, links("original", fact.originals))
        case RenderRequested():
            title = f"Line {fact.line_id}: print file asked for, version {fact.version}{again(fact.attempt)}"
            return Entry(title, "", links("original", fact.originals))
        case LineRendered():
            title = f"Line {fact.line_id}: print file and proof ready, version {fact.version}"
            return Entry(title, _sizes(fact.areas), _files(fact.areas))
        case RenderFailed():
            after = "It is tried again." if fact.retryable else "It is not tried again."
            return Entry(f"Line {fact.line_id}: print file could not be made", f"{fact.reason} {after}")
        case ProofApprovalRequested():
            title = f"Line {fact.line_id}: the {fact.approver} is asked to approve proof {fact.version}"
            return Entry(title, f"A reminder follows at {moment(fact.due_at)}.")
        case ProofApproved():
            return Entry(f"Line {fact.line_id}: proof {fact.version} approved", f"By {fact.by}. {fact.reason}".strip())
        case ProofChangesRequested():
            return Entry(f"Line {fact.line_id}: changes to proof {fact.version} asked for", f"By {fact.by}.")
        case ArtworkReplaced():
            areas = ", ".join(content.area or "first area" for content in fact.contents)
            return Entry(f"Line {fact.line_id}: other artwork is printed", f"On: {areas or 'nothing'}. By {fact.by}.")
        case _:
            assert_never(fact)


def _finding(finding: Finding) -> str:
    where = f" ({finding.area})" if finding.area else ""
    return f"{finding.code}{where}: {finding.message}"


def _sizes(areas: tuple[RenderedArea, ...]) -> str:
    """The size of each print file whose resolution is known."""
    return " ".join(
        f"{'' if len(areas) == 1 else one.area + ': '}{one.print_file.width_px} × {one.print_file.height_px} px at "
        f"{one.print_file.dpi} dpi."
        for one in areas
        if one.print_file.dpi
    )


def _files(areas: tuple[RenderedArea, ...]) -> tuple[Link, ...]:
    """Links to everything that was made, area by area."""
    kinds: tuple[tuple[str, Callable[[RenderedArea], StoredFile | None]], ...] = (
        ("print file", lambda one: one.print_file),
        ("print PDF", lambda one: one.print_pdf),
        ("proof", lambda one: one.proof),
        ("mockup", lambda one: one.mockup),
    )
    found: list[Link] = []
    for label, of in kinds:
        files = (AreaFile(area=one.area, file=file) for one in areas if (file := of(one)) is not None)
        found += links(label, files)
    return tuple(found)
