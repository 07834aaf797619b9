"""Sentences for artwork: checked, rendered, proofed, approved."""

from typing import TypeAlias, assert_never

from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    LineRendered,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RenderFailed,
    RenderRequested,
)
from projections.sentences.wording import Entry, again, link, moment

ArtworkFact: TypeAlias = (
    ArtworkCheckRequested
    | ArtworkChecked
    | RenderRequested
    | LineRendered
    | RenderFailed
    | ProofApprovalRequested
    | ProofApproved
    | ProofChangesRequested
)

_VERDICTS = {"pass": "is fine", "review": "needs a person's eye", "block": "cannot be printed"}


def describe_artwork(fact: ArtworkFact) -> Entry:
    """Title, detail and links of a fact about artwork."""
    match fact:
        case ArtworkCheckRequested():
            return Entry(f"Line {fact.line_id}: artwork check asked for{again(fact.attempt)}")
        case ArtworkChecked():
            verdict = _VERDICTS.get(fact.verdict, fact.verdict)
            findings = " ".join(f"{finding.code}: {finding.message}" for finding in fact.findings)
            return Entry(f"Line {fact.line_id}: artwork {verdict}", findings, link("original", fact.original))
        case RenderRequested():
            title = f"Line {fact.line_id}: print file asked for, version {fact.version}{again(fact.attempt)}"
            return Entry(title, "", link("original", fact.original))
        case LineRendered():
            print_file = fact.print_file
            size = (
                f"{print_file.width_px} × {print_file.height_px} px at {print_file.dpi} dpi." if print_file.dpi else ""
            )
            links = (
                *link("print file", print_file),
                *link("proof", fact.proof),
                *link("mockup", fact.mockup),
            )
            return Entry(f"Line {fact.line_id}: print file and proof ready, version {fact.version}", size, links)
        case RenderFailed():
            after = "It is tried again." if fact.retryable else "It is not tried again."
            return Entry(f"Line {fact.line_id}: print file could not be made", f"{fact.reason} {after}")
        case ProofApprovalRequested():
            title = f"Line {fact.line_id}: the {fact.approver} is asked to approve proof {fact.version}"
            return Entry(title, f"A reminder follows at {moment(fact.due_at)}.")
        case ProofApproved():
            return Entry(f"Line {fact.line_id}: proof {fact.version} approved", f"By {fact.by}.")
        case ProofChangesRequested():
            return Entry(f"Line {fact.line_id}: changes to proof {fact.version} asked for", f"By {fact.by}.")
        case _:
            assert_never(fact)
