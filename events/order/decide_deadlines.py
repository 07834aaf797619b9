"""What it means that a deadline came: ask again, remind, tell a person. Nothing that is waited for can vanish."""

from events.decider import Context, Ignored
from events.order.claim_work import claim_review_requested, refund_requested
from events.order.claims import Claim
from events.order.commands import ReportDeadlineElapsed
from events.order.decide_common import raised, wait_and_retry
from events.order.decide_parcels import refund_overdue
from events.order.facts import DeadlinePassed, DeadlineSet, NotificationFailed, OrderEvent
from events.order.notifications import may_be_told, proof_values
from events.order.state import Line, Order, Run
from events.order.work import (
    WAIT_DOUBLINGS_MAX,
    check_requested,
    inspection_requested,
    label_requested_again,
    notification_id_of,
    notification_requested,
    notification_requested_again,
    partner_cancellation_requested,
    render_requested,
    routing_requested,
    submission_requested,
)

SILENT = "No worker has answered in time, although it was asked again and again."
SILENT_ADVICE = "Look at the worker's log; it is asked again until it answers."


def deadline_elapsed(order: Order, command: ReportDeadlineElapsed, context: Context) -> tuple[OrderEvent, ...]:
    """The deadline's passing and what follows; ignored where it was answered or moved meanwhile."""
    key = command.deadline_key
    if order.deadlines.get(key) != command.due_at:
        raise Ignored("what this deadline waited for has been answered, or it was moved")
    passed = DeadlinePassed(deadline_key=key, due_at=command.due_at)
    return (passed, *_consequences(order, key, context))


def _consequences(order: Order, key: str, context: Context) -> tuple[OrderEvent, ...]:
    kind, _, subject = key.partition(":")
    match kind:
        case "notify":
            return _notification_overdue(order, subject, context)
        case "label":
            parcel = order.parcels[subject]
            silent = _silent(order, key, parcel.attempt) if parcel.stage == "labelling" else ()
            return (label_requested_again(order, parcel, context), *silent)
        case "label_refund":
            return refund_overdue(order, order.parcels[subject], context)
        case "check" | "render" | "approval":
            return _line_overdue(order, kind, order.lines[subject], context)
        case "claim" | "refund":
            return _claim_overdue(order, key, order.claims[subject], context)
        case _:
            line_id, _, number = subject.rpartition(":")
            line = order.lines[line_id]
            return _run_overdue(order, kind, line, line.runs[int(number) - 1], context)


def _claim_overdue(order: Order, key: str, claim: Claim, context: Context) -> tuple[OrderEvent, ...]:
    """Ask again: the review decides nothing by itself, and the refund is made once by its effect key."""
    silent = () if claim.waiting else _silent(order, key, claim.attempt)
    if claim.stage == "reviewing":
        return (claim_review_requested(order, claim, context), *silent)
    return (refund_requested(order, claim, context), *silent)


def _silent(order: Order, key: str, attempt: int) -> tuple[OrderEvent, ...]:
    if attempt < order.policy.attempts_max:
        return ()
    return raised(order, "work_overdue", key, SILENT, SILENT_ADVICE, blocking=False)


def _notification_overdue(order: Order, notification_id: str, context: Context) -> tuple[OrderEvent, ...]:
    """One that is known to have failed is tried again. One of which nobody said anything may have gone out: sending
    it again could tell people twice.
    """
    notice = order.notified[notification_id]
    if notice.waiting and notice.request is not None:
        return (notification_requested_again(order, notice.request, context),)
    reason = "the outcome is not known: no worker answered in time"
    failed = NotificationFailed(notification_id=notification_id, reason=reason)
    advice = "Look at the mail server's log; tell them by hand if it was not sent."
    return (failed, *raised(order, "notification_failed", notification_id, reason, advice, blocking=False))


def _line_overdue(order: Order, kind: str, line: Line, context: Context) -> tuple[OrderEvent, ...]:
    if line.artwork is None:
        return ()
    if kind == "check" and line.stage == "checking":
        return (
            check_requested(order, line, line.artwork, context),
            *_silent(order, f"check:{line.line_id}", line.check_attempt),
        )
    if kind == "render" and line.stage == "rendering":
        return (
            render_requested(order, line, line.artwork, context),
            *_silent(order, f"render:{line.line_id}", line.render_attempt),
        )
    if kind == "approval" and line.stage == "awaiting_approval":
        return _approval_overdue(order, line, context)
    return ()


def _approval_overdue(order: Order, line: Line, context: Context) -> tuple[OrderEvent, ...]:
    """Remind whoever approves a few times, after waits that double; then a person is told. The line goes on waiting."""
    policy, stem = order.policy, f"{line.line_id}-v{line.version}"
    audience = "buyer" if policy.approver == "buyer" else "store"
    numbers = range(1, policy.approval_reminders_max + 1) if may_be_told(order, audience) else ()
    for number in numbers:
        subject = f"{stem}-{number}"
        if notification_id_of("proof_reminder", subject) not in order.notified:
            values = proof_values(line.line_id, line.version)
            reminder = notification_requested(order, "proof_reminder", audience, subject, values, context)
            return (reminder, _asked_again(order, line, number, context))
    advice = "Ask whoever approves its proof, or approve it for them; the line waits as long as it takes."
    late = raised(order, "proof_unanswered", line.line_id, "Nobody has answered the proof.", advice, blocking=False)
    return (*late, _asked_again(order, line, policy.approval_reminders_max, context))


def _asked_again(order: Order, line: Line, reminders: int, context: Context) -> DeadlineSet:
    wait_ms = order.policy.approval_timeout_ms << max(0, min(reminders, WAIT_DOUBLINGS_MAX))
    return DeadlineSet(deadline_key=f"approval:{line.line_id}", due_at=context.now + wait_ms)


def _run_overdue(order: Order, kind: str, line: Line, run: Run, context: Context) -> tuple[OrderEvent, ...]:
    key = f"{kind}:{line.line_id}:{run.run}"
    match kind:
        case "route" if run.stage == "routing" and line.artwork is not None and not line.cancelling:
            return (routing_requested(order, line, line.artwork, run, context), *_silent(order, key, run.attempt))
        case "submit" if run.stage in {"submitting", "waiting"} and (line.areas or line.is_ready_made):
            if line.cancelling or line.edit is not None:
                # Submitting once more would print what is to be stopped; stopping it by its key is safe either way.
                return (partner_cancellation_requested(order, line, run, context),)
            if order.holds:
                return (wait_and_retry(order, key, run.attempt, context),)
            asked = submission_requested(order, line, run, context)
            # Where a person knows that the partner gives no clear answer, workers did answer.
            is_told = f"submission_unknown:{line.line_id}:{run.run}" in order.exceptions
            return (asked, *(_silent(order, key, run.attempt) if run.stage == "submitting" and not is_told else ()))
        case "cancel" if run.cancel_asked and not run.cancel_answer:
            return (
                partner_cancellation_requested(order, line, run, context),
                *_silent(order, key, run.cancel_attempt),
            )
        case "production" if run.stage == "accepted":
            return _stuck(order, line, run, key, context)
        case "quality" if run.stage == "printed":
            return (inspection_requested(order, line, run, context, without_report=True),)
        case "inspect" if run.stage == "inspecting":
            return (
                inspection_requested(order, line, run, context, without_report=run.quality is None),
                *_silent(order, key, run.inspect_attempt),
            )
        case _:
            return ()


def _stuck(order: Order, line: Line, run: Run, key: str, context: Context) -> tuple[OrderEvent, ...]:
    """A person is told first. If that did not help by the next deadline, the partner is asked to stop: only once it
    says that it has, or never had it, may the next candidate print. One that will not stop is waited for.
    """
    again = DeadlineSet(deadline_key=key, due_at=context.now + order.policy.production_timeout_ms)
    advice = "Ask the partner when it will print. If it does not by the next deadline, it is asked to stop."
    late = raised(order, "production_late", f"{line.line_id}:{run.run}", "The partner has not printed it.", advice)
    if late or run.cancel_asked:
        return (*late, again)
    return (partner_cancellation_requested(order, line, run, context), again)
