"""What several decisions share: looking things up, holding, releasing, raising, trying again."""

from events.decider import Context, Ignored
from events.identity import request_id
from events.order.facts import DeadlineSet, ExceptionRaised, HoldReleased, OrderHeld
from events.order.refusals import LineUnknown, ParcelUnknown, RunUnknown
from events.order.state import Line, Order, Parcel, Run
from events.order.work import retry_at

RUNS_MAX = 50
"""Print runs of one line: far more than any honest order needs, few enough to keep its state small."""

WHAT_TO_DO = {
    "sku_unmapped": "Map the SKU to one of our variants; the order then goes on by itself.",
    "artwork_unavailable": "Send the picture again or replace its address; then release the hold.",
    "artwork_blocked": "Replace the artwork by one without these findings.",
    "payment_pending": "The order goes on by itself when the store reports the payment.",
    "address_missing": "Add a shipping address at the store; the order then goes on by itself.",
    "nothing_printed": "Release the hold to send it as it is, or map its SKU to a printed product and order it anew.",
    "manual": "Release the hold when the order may go on.",
}


def line_of(order: Order, line_id: str) -> Line:
    """The line with this id; raises `LineUnknown`."""
    line = order.line(line_id)
    if line is None:
        raise LineUnknown
    return line


def run_of(order: Order, line_id: str, number: int) -> tuple[Line, Run]:
    """The line and its print run; raises `LineUnknown` or `RunUnknown`."""
    line = line_of(order, line_id)
    run = line.run_of(number)
    if run is None:
        raise RunUnknown
    return line, run


def parcel_of(order: Order, parcel_id: str) -> Parcel:
    """The parcel with this id; raises `ParcelUnknown`."""
    parcel = order.parcels.get(parcel_id)
    if parcel is None:
        raise ParcelUnknown
    return parcel


def hold(reason: str, line_id: str = "", detail: str = "") -> OrderHeld:
    """Hold the order, with what its reader can do."""
    return OrderHeld(reason=reason, line_id=line_id, detail=detail, what_to_do=WHAT_TO_DO.get(reason, ""))


def release(reason: str, line_id: str, context: Context) -> HoldReleased:
    """Take a reason for holding away."""
    return HoldReleased(reason=reason, line_id=line_id, by=context.actor)


def raised(
    order: Order, kind: str, subject: str, detail: str, what_to_do: str, *, blocking: bool = True
) -> tuple[ExceptionRaised, ...]:
    """Raise an exception, unless the same one is open already."""
    exception_id = f"{kind}:{subject}"
    if exception_id in order.exceptions:
        return ()
    return (
        ExceptionRaised(
            exception_id=exception_id,
            kind=kind,
            subject=subject,
            detail=detail,
            what_to_do=what_to_do,
            blocking=blocking,
        ),
    )


def wait_and_retry(
    order: Order, deadline_key: str, attempt: int, context: Context, reason: str = "", asked_ms: int = 0
) -> DeadlineSet:
    """Wait before the same thing is asked for again; the wait grows with each attempt, and is no shorter than asked."""
    due_at = max(retry_at(order, context, attempt), context.now + asked_ms)
    return DeadlineSet(deadline_key=deadline_key, due_at=due_at, reason=reason)


def production_watched(order: Order, line: Line, run: Run, context: Context) -> DeadlineSet:
    """Wait for the partner to print what it has accepted."""
    due_at = context.now + order.policy.production_timeout_ms
    return DeadlineSet(deadline_key=f"production:{line.line_id}:{run.run}", due_at=due_at)


def only_answer_to(expected_effect: str, expected_attempt: int, answered: str) -> None:
    """Let only reports pass that answer this effect; one that answers an older attempt still tells the truth."""
    effect, _, attempt = answered.rpartition(".")
    if effect != expected_effect or not attempt.isdigit() or int(attempt) > expected_attempt:
        raise Ignored(f"this is not an answer to {request_id(expected_effect, expected_attempt)}")
