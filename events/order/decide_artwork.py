"""Decisions about artwork: checked, rendered, proofed, approved."""

from typing import TypeAlias, assert_never

from events.decider import Context, Ignored
from events.order.commands import (
    ApproveProof,
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportRendered,
    ReportRenderFailed,
    RequestProofChanges,
)
from events.order.decide_common import hold, line_of, raised, wait_and_retry
from events.order.facts import (
    ArtworkChecked,
    LineRendered,
    OrderEvent,
    ProofApproved,
    ProofChangesRequested,
    RenderFailed,
)
from events.order.refusals import ProofNotWaiting, ProofOutdated
from events.order.state import Line, Order
from events.order.work import check_requested, render_requested

ArtworkCommand: TypeAlias = (
    ReportArtworkChecked
    | ReportArtworkUnavailable
    | ReportRendered
    | ReportRenderFailed
    | ApproveProof
    | RequestProofChanges
)


def decide(order: Order, command: ArtworkCommand, context: Context) -> tuple[OrderEvent, ...]:
    """Decide a command about a line's artwork."""
    line = line_of(order, command.line_id)
    match command:
        case ReportArtworkChecked():
            _expect_check(order, line, command.request_id, context)
            return _checked(command)
        case ReportArtworkUnavailable():
            _expect_check(order, line, command.request_id, context)
            _expect_not_waiting(line)
            return _unavailable(order, line, command, context)
        case ReportRendered():
            _expect_render(order, line, command.request_id, context)
            return (_rendered(line, command),)
        case ReportRenderFailed():
            _expect_render(order, line, command.request_id, context)
            _expect_not_waiting(line)
            return _render_failed(order, line, command, context)
        case ApproveProof():
            _expect_waiting(line, command.version)
            return (ProofApproved(line_id=line.line_id, version=command.version, by=context.actor),)
        case RequestProofChanges():
            _expect_waiting(line, command.version)
            return (
                ProofChangesRequested(
                    line_id=line.line_id, version=command.version, by=context.actor, note=command.note
                ),
            )
        case _:
            assert_never(command)


def _expect_check(order: Order, line: Line, answered: str, context: Context) -> None:
    if line.stage != "checking" or line.artwork is None:
        raise Ignored("this line is not being checked any more")
    asked = check_requested(order, line, line.artwork, context)
    if answered.partition(".")[0] != asked.effect_key:
        raise Ignored("this is the check of another version of the line's artwork")


def _expect_render(order: Order, line: Line, answered: str, context: Context) -> None:
    if line.stage != "rendering" or line.artwork is None:
        raise Ignored("this line is not being rendered any more")
    asked = render_requested(order, line, line.artwork, context)
    if answered.partition(".")[0] != asked.effect_key:
        raise Ignored("this is the rendering of another version of the line")


def _expect_not_waiting(line: Line) -> None:
    if line.waiting:
        raise Ignored("this failure is known already")


def _expect_waiting(line: Line, version: int) -> None:
    if line.stage != "awaiting_approval":
        raise ProofNotWaiting
    if version != line.version:
        raise ProofOutdated


def _checked(command: ReportArtworkChecked) -> tuple[OrderEvent, ...]:
    checked = ArtworkChecked(
        line_id=command.line_id, verdict=command.verdict, findings=command.findings, originals=command.originals
    )
    if command.verdict != "block":
        return (checked,)
    reasons = " ".join(finding.message for finding in command.findings if finding.severity == "block")
    return (checked, hold("artwork_blocked", command.line_id, reasons))


def _rendered(line: Line, command: ReportRendered) -> LineRendered:
    artwork = line.artwork
    return LineRendered(
        line_id=command.line_id,
        version=command.version,
        areas=command.areas,
        template_id=artwork.template_id if artwork else "",
        template_version=artwork.template_version if artwork else 0,
        renderer_version=command.renderer_version,
    )


def _unavailable(
    order: Order, line: Line, command: ReportArtworkUnavailable, context: Context
) -> tuple[OrderEvent, ...]:
    if command.retryable and line.check_attempt < order.policy.attempts_max:
        return (wait_and_retry(order, f"check:{line.line_id}", line.check_attempt, context, command.reason),)
    return (hold("artwork_unavailable", line.line_id, command.reason),)


def _render_failed(order: Order, line: Line, command: ReportRenderFailed, context: Context) -> tuple[OrderEvent, ...]:
    failed = RenderFailed(
        line_id=line.line_id, version=command.version, reason=command.reason, retryable=command.retryable
    )
    if command.retryable and line.render_attempt < order.policy.attempts_max:
        return (failed, wait_and_retry(order, f"render:{line.line_id}", line.render_attempt, context))
    return (
        failed,
        *raised(
            order,
            "render_failed",
            line.line_id,
            command.reason,
            "Mend the template or replace the artwork, then resolve this exception: the line is rendered again.",
        ),
    )
