"""What an order waits for: which facts open a deadline and which close it.

The ledger's state and the `deadlines` read model fold this one function, so they cannot disagree. A deadline is named
by what is waited for, not by the attempt: asking again moves it, the answer closes it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from events.order.facts import (
    ArtworkChecked,
    ArtworkCheckRequested,
    ArtworkReplaced,
    CancellationRefused,
    ClaimGranted,
    ClaimReferred,
    ClaimRefused,
    ClaimReviewRequested,
    DeadlinePassed,
    DeadlineSet,
    GoodsReady,
    InspectionFailed,
    InspectionPassed,
    InspectionRequested,
    LabelFailed,
    LabelPurchased,
    LabelRefundAnswered,
    LabelRefundRequested,
    LabelRequested,
    LineCancelled,
    LinePrinted,
    LineRendered,
    LineRouted,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderHeld,
    ParcelWithdrawn,
    PartnerCancellationRequested,
    PartnerGaveUp,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
    RefundFailed,
    RefundMade,
    RefundRequested,
    RenderFailed,
    RenderRequested,
    RoutingFailed,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRefused,
    SubmissionRequested,
)


class DeadlineChanges(msgspec.Struct, frozen=True):
    """Deadlines that a fact opens or moves (key and time, epoch milliseconds) and those that it closes."""

    opened: tuple[tuple[str, int], ...] = ()
    closed: tuple[str, ...] = ()


NO_CHANGES = DeadlineChanges()


def deadline_changes(fact: OrderEvent) -> DeadlineChanges:
    """The deadlines that a fact opens and closes. A fact that has to do with none changes none."""
    kind = type(fact)
    opened, closed = _OPENED_BY.get(kind), _CLOSED_BY.get(kind)
    if opened is None:
        return NO_CHANGES if closed is None else DeadlineChanges((), closed(fact))
    return DeadlineChanges((opened(fact),), () if closed is None else closed(fact))


def ends_with(fact: OrderCancelled | OrderEdited, deadline_key: str) -> bool:
    """Whether an open deadline is moot once the order is cancelled, or the line that it is about begins anew.

    A partner that was asked to stop is still asked again, labels that are being bought are still accounted for, and
    people are still told.
    """
    kind, _, subject = deadline_key.partition(":")
    if isinstance(fact, OrderCancelled):
        return kind not in {"notify", "label", "label_refund", "cancel", "claim", "refund"}
    if kind not in {"check", "render", "approval"}:
        return False
    return subject in fact.removed_line_ids or any(line.line_id == subject for line in fact.changed_lines)


def deadlines_after(deadlines: dict[str, int], fact: OrderEvent) -> dict[str, int]:
    """What an order waits for after one more fact: the very same dictionary where the fact changes nothing."""
    kind = type(fact)
    opened, closed = _OPENED_BY.get(kind), _CLOSED_BY.get(kind)
    if closed is not None:
        answered = [key for key in closed(fact) if key in deadlines]
    elif type(fact) is OrderCancelled or type(fact) is OrderEdited:
        answered = [key for key in deadlines if ends_with(fact, key)]
    else:
        answered = []
    if opened is None and not answered:
        return deadlines
    after = deadlines.copy()
    for key in answered:
        del after[key]
    if opened is not None:
        key, due_at = opened(fact)
        after[key] = due_at
    return after


def _of_run(*kinds: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda fact: tuple(f"{kind}:{fact.line_id}:{fact.run}" for kind in kinds)


def _of_line(*kinds: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda fact: tuple(f"{kind}:{fact.line_id}" for kind in kinds)


def _of_line_cancelled(fact: LineCancelled) -> tuple[str, ...]:
    if fact.run:
        return _OF_CANCELLED_RUN(fact)
    return _OF_CANCELLED_LINE(fact)


_OF_CANCELLED_RUN = _of_run("route", "submit", "cancel", "production", "quality", "inspect")
_OF_CANCELLED_LINE = _of_line("check", "render", "approval")

# Looked up by type, because every fact of every order passes here: a chain of class patterns took 2 µs a fact.
_OPENED_BY: dict[type, Callable[[Any], tuple[str, int]]] = {
    ArtworkCheckRequested: lambda fact: (f"check:{fact.line_id}", fact.due_at),
    RenderRequested: lambda fact: (f"render:{fact.line_id}", fact.due_at),
    ProofApprovalRequested: lambda fact: (f"approval:{fact.line_id}", fact.due_at),
    RoutingRequested: lambda fact: (f"route:{fact.line_id}:{fact.run}", fact.due_at),
    SubmissionRequested: lambda fact: (f"submit:{fact.line_id}:{fact.run}", fact.due_at),
    PartnerCancellationRequested: lambda fact: (f"cancel:{fact.line_id}:{fact.run}", fact.due_at),
    InspectionRequested: lambda fact: (f"inspect:{fact.line_id}:{fact.run}", fact.due_at),
    LabelRequested: lambda fact: (f"label:{fact.parcel_id}", fact.due_at),
    LabelRefundRequested: lambda fact: (f"label_refund:{fact.parcel_id}", fact.due_at),
    NotificationRequested: lambda fact: (f"notify:{fact.notification_id}", fact.due_at),
    ClaimReviewRequested: lambda fact: (f"claim:{fact.claim_id}", fact.due_at),
    RefundRequested: lambda fact: (f"refund:{fact.claim_id}", fact.due_at),
    DeadlineSet: lambda fact: (fact.deadline_key, fact.due_at),
}

_CLOSED_BY: dict[type, Callable[[Any], tuple[str, ...]]] = {
    ArtworkChecked: _of_line("check"),
    OrderHeld: lambda fact: (f"check:{fact.line_id}",) if fact.line_id else (),
    LineRendered: _of_line("render"),
    RenderFailed: _of_line("render"),
    ProofApproved: _of_line("approval"),
    ProofChangesRequested: _of_line("approval"),
    ArtworkReplaced: _of_line("check", "render", "approval"),
    LineRouted: _of_run("route"),
    RoutingFailed: _of_run("route"),
    SubmissionAccepted: _of_run("submit"),
    SubmissionRefused: _of_run("submit"),
    LinePrinted: _of_run("production", "submit"),
    GoodsReady: _of_run("production", "submit"),
    PartnerGaveUp: _of_run("submit", "production", "quality", "cancel"),
    CancellationRefused: _of_run("cancel"),
    LineCancelled: _of_line_cancelled,
    InspectionRequested: _of_run("quality"),
    InspectionPassed: _of_run("inspect", "quality"),
    InspectionFailed: _of_run("inspect", "quality"),
    LabelPurchased: lambda fact: (f"label:{fact.parcel_id}",),
    LabelFailed: lambda fact: (f"label:{fact.parcel_id}",),
    ParcelWithdrawn: lambda fact: (f"label:{fact.parcel_id}",),
    LabelRefundAnswered: lambda fact: (f"label_refund:{fact.parcel_id}",),
    ClaimReferred: lambda fact: (f"claim:{fact.claim_id}",),
    ClaimGranted: lambda fact: (f"claim:{fact.claim_id}",),
    ClaimRefused: lambda fact: (f"claim:{fact.claim_id}",),
    RefundMade: lambda fact: (f"refund:{fact.claim_id}",),
    RefundFailed: lambda fact: (f"refund:{fact.claim_id}",),
    NotificationSent: lambda fact: (f"notify:{fact.notification_id}",),
    NotificationFailed: lambda fact: (f"notify:{fact.notification_id}",),
    DeadlinePassed: lambda fact: (fact.deadline_key,),
}
