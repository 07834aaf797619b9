"""The order's decider: what a command makes true, and what follows from that."""

from collections.abc import Callable
from typing import Any, get_args

from events.decider import Context
from events.order import (
    decide_artwork,
    decide_claims,
    decide_deadlines,
    decide_inspection,
    decide_intake,
    decide_parcels,
    decide_people,
    decide_production,
    decide_shipping,
)
from events.order.advance import INERT, ONLY_ASKS, advance
from events.order.claim_commands import ClaimCommand
from events.order.commands import (
    CancelOrder,
    ObserveStoreOrder,
    OrderCommandUnion,
    ReportDeadlineElapsed,
    ReportPartnerStatus,
    ReportTracking,
)
from events.order.evolve import evolve
from events.order.facts import OrderEvent
from events.order.inspection_commands import InspectionCommand
from events.order.notifications import notifications
from events.order.parcel_commands import ParcelCommand
from events.order.refusals import OrderUnknown
from events.order.state import Order
from events.order.webhook_gaps import webhook_gaps

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
        if order.webhook_gaps or type(command) in POLLED:
            for gap in webhook_gaps(order, facts, context):
                facts.append(gap)
                order = evolve(order, gap)
        for request in notifications(state, order, facts, context):
            facts.append(request)
            order = evolve(order, request)
        return tuple(facts), order


def _follow(order: Order, facts: list[OrderEvent], command: OrderCommandUnion, context: Context) -> Order:
    """Add what follows by itself until nothing does; returns the order after it."""
    for _ in range(ROUNDS_MAX):
        following = advance(order, context)
        for fact in following:
            order = evolve(order, fact)
        facts.extend(following)
        if not following or (not order.exceptions and ONLY_ASKS.issuperset(map(type, following))):
            return order
    raise RulesChaseEachOther(f"{type(command).__name__}: {RulesChaseEachOther.__doc__}")


def _facts_of(order: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
    if not order.placed and type(command) not in BEFORE_THE_ORDER:
        raise OrderUnknown
    return _DECIDED_BY[type(command)](order, command, context)


BEFORE_THE_ORDER: frozenset[type] = frozenset({ObserveStoreOrder, CancelOrder})
"""Commands that mean something to an order of which nothing is known."""

POLLED: frozenset[type] = frozenset({ReportPartnerStatus, ReportTracking})
"""Commands that tell what a webhook says, or should have said."""

# Looked up by type, because every command passes here: a chain of thirty class patterns took 2 µs a command.
# Within each module, `match` and `assert_never` see to it that no command is forgotten; a test sees to it that all
# commands stand here.
_DECIDED_BY: dict[type, Callable[[Order, Any, Context], tuple[OrderEvent, ...]]] = {
    ObserveStoreOrder: decide_intake.observe_store_order,
    CancelOrder: decide_intake.cancel_order,
    ReportDeadlineElapsed: decide_deadlines.deadline_elapsed,
    **dict.fromkeys(get_args(decide_intake.IntakeCommand), decide_intake.decide),
    **dict.fromkeys(get_args(decide_artwork.ArtworkCommand), decide_artwork.decide),
    **dict.fromkeys(get_args(decide_production.ProductionCommand), decide_production.decide),
    **dict.fromkeys(get_args(InspectionCommand), decide_inspection.decide),
    **dict.fromkeys(get_args(decide_shipping.ShippingCommand), decide_shipping.decide),
    **dict.fromkeys(get_args(decide_people.PeopleCommand), decide_people.decide),
    **dict.fromkeys(get_args(ClaimCommand), decide_claims.decide),
    **dict.fromkeys(get_args(ParcelCommand), decide_parcels.decide),
}
