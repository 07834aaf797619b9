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
    CancellationRefused,
    DeadlinePassed,
    DeadlineSet,
    InspectionFailed,
    InspectionPassed,
    InspectionRequested,
    LabelFailed,
    LabelPurchased,
    LabelRequested,
    LineCancelled,
    LinePrinted,
    LineRendered,
    LineRouted,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    OrderEvent,
    OrderHeld,
    PartnerCancellationRequested,
    PartnerGaveUp,
    ProofApprovalRequested,
    ProofApproved,
    ProofChangesRequested,
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
    opened = _OPENED_BY.get(type(fact))
    if opened is not None:
        return DeadlineChanges(opened=(opened(fact),))
    closed = _CLOSED_BY.get(type(fact))
    return DeadlineChanges(closed=closed(fact)) if closed is not None else NO_CHANGES


def _of_run(*kinds: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda fact: tuple(f"{kind}:{fact.line_id}:{fact.run}" for kind in kinds)


def _of_line(*kinds: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda fact: tuple(f"{kind}:{fact.line_id}" for kind in kinds)


def _of_line_cancelled(fact: LineCancelled) -> tuple[str, ...]:
    if fact.run:
        return _of_run("submit", "cancel", "production", "quality")(fact)
    return _of_line("check", "render", "approval")(fact)


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
    NotificationRequested: lambda fact: (f"notify:{fact.notification_id}", fact.due_at),
    DeadlineSet: lambda fact: (fact.deadline_key, fact.due_at),
}

_CLOSED_BY: dict[type, Callable[[Any], tuple[str, ...]]] = {
    ArtworkChecked: _of_line("check"),
    OrderHeld: lambda fact: (f"check:{fact.line_id}",) if fact.line_id else (),
    LineRendered: _of_line("render"),
    RenderFailed: _of_line("render"),
    ProofApproved: _of_line("approval"),
    ProofChangesRequested: _of_line("approval"),
    LineRouted: _of_run("route"),
    RoutingFailed: _of_run("route"),
    SubmissionAccepted: _of_run("submit"),
    SubmissionRefused: _of_run("submit"),
    LinePrinted: _of_run("production", "submit"),
    PartnerGaveUp: _of_run("submit", "production", "quality"),
    CancellationRefused: _of_run("cancel"),
    LineCancelled: _of_line_cancelled,
    InspectionPassed: _of_run("inspect", "quality"),
    InspectionFailed: _of_run("inspect", "quality"),
    LabelPurchased: lambda fact: (f"label:{fact.parcel_id}",),
    LabelFailed: lambda fact: (f"label:{fact.parcel_id}",),
    NotificationSent: lambda fact: (f"notify:{fact.notification_id}",),
    NotificationFailed: lambda fact: (f"notify:{fact.notification_id}",),
    DeadlinePassed: lambda fact: (fact.deadline_key,),
}
