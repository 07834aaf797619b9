"""The order's decider: what a command makes true, and what follows from that."""

from typing import assert_never

from events.decider import Context
from events.order import (
    decide_artwork,
    decide_deadlines,
    decide_intake,
    decide_people,
    decide_production,
    decide_shipping,
)
from events.order.advance import INERT, advance
from events.order.commands import (
    ApproveProof,
    CancelOrder,
    ErasePersonalData,
    HoldOrder,
    MapLine,
    ObserveStoreOrder,
    OrderCommandUnion,
    RaiseException,
    ReleaseHold,
    ReplaceArtwork,
    ReportArtworkChecked,
    ReportArtworkUnavailable,
    ReportCancellationAnswered,
    ReportDeadlineElapsed,
    ReportInspected,
    ReportLabelFailed,
    ReportLabelPurchased,
    ReportNotificationFailed,
    ReportNotificationSent,
    ReportPartnerStatus,
    ReportPayment,
    ReportRendered,
    ReportRenderFailed,
    ReportRouted,
    ReportRoutingFailed,
    ReportSubmissionAccepted,
    ReportSubmissionRefused,
    ReportTracking,
    RequestProofChanges,
    RequestReprint,
    ResolveException,
)
from events.order.evolve import evolve
from events.order.facts import OrderEvent
from events.order.notifications import notifications
from events.order.refusals import OrderUnknown
from events.order.state import Order

ROUNDS_MAX = 12
"""A command sets off a chain of at most this many steps; a longer one means that two rules chase each other."""


class RulesChaseEachOther(RuntimeError):
    """What follows from the facts never ends: two rules of the decider undo each other."""


class OrderDecider:
    """Decide and evolve for one order."""

    def initial_state(self) -> Order:
        """An order of which nothing is known."""
        return Order()

    def exists(self, state: Order) -> bool:
        """Whether the order was placed, or a cancellation came before it."""
        return state.placed or state.cancellation_asked

    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        """The order after one more fact."""
        return evolve(state, fact)

    def decide(self, state: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
        """The facts of the command, the work that follows from them, and who is told."""
        return self.decide_and_evolve(state, command, context)[0]

    def decide_and_evolve(
        self, state: Order, command: OrderCommandUnion, context: Context
    ) -> tuple[tuple[OrderEvent, ...], Order]:
        """The facts of the command, and the order after them."""
        facts = list(_facts_of(state, command, context))
        order = state
        for fact in facts:
            order = evolve(order, fact)
        if not INERT.issuperset(map(type, facts)):
            order = _follow(order, facts, command, context)
        for request in notifications(order, facts, context):
            facts.append(request)
            order = evolve(order, request)
        return tuple(facts), order


def _follow(order: Order, facts: list[OrderEvent], command: OrderCommandUnion, context: Context) -> Order:
    """Add what follows by itself until nothing does; returns the order after it."""
    for _ in range(ROUNDS_MAX):
        following = advance(order, context)
        if not following:
            return order
        for fact in following:
            order = evolve(order, fact)
        facts.extend(following)
    raise RulesChaseEachOther(f"{type(command).__name__}: {RulesChaseEachOther.__doc__}")


def _facts_of(order: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
    match command:
        case ObserveStoreOrder():
            return decide_intake.observe_store_order(order, command, context)
        case CancelOrder():
            return decide_intake.cancel_order(order, command, context)
        case _ if not order.placed:
            raise OrderUnknown
        case MapLine() | ReplaceArtwork() | HoldOrder() | ReleaseHold() | ReportPayment():
            return decide_intake.decide(order, command, context)
        case (
            ReportArtworkChecked()
            | ReportArtworkUnavailable()
            | ReportRendered()
            | ReportRenderFailed()
            | ApproveProof()
            | RequestProofChanges()
        ):
            return decide_artwork.decide(order, command, context)
        case (
            ReportRouted()
            | ReportRoutingFailed()
            | ReportSubmissionAccepted()
            | ReportSubmissionRefused()
            | ReportPartnerStatus()
            | ReportCancellationAnswered()
            | ReportInspected()
            | RequestReprint()
        ):
            return decide_production.decide(order, command, context)
        case ReportLabelPurchased() | ReportLabelFailed() | ReportTracking():
            return decide_shipping.decide(order, command, context)
        case (
            ReportNotificationSent()
            | ReportNotificationFailed()
            | RaiseException()
            | ResolveException()
            | ErasePersonalData()
        ):
            return decide_people.decide(order, command, context)
        case ReportDeadlineElapsed():
            return decide_deadlines.deadline_elapsed(order, command, context)
        case _:
            assert_never(command)
