"""The properties find what they are there to find: each of these broken deciders is caught."""

from random import Random

import msgspec
import pytest

from events.decider import Context
from events.order.commands import OrderCommandUnion
from events.order.decide import OrderDecider
from events.order.facts import (
    ArtworkCheckRequested,
    HoldReleased,
    LabelRequested,
    LineCancelled,
    OrderEvent,
    PartnerStatusObserved,
    ReprintRequested,
    ShipmentDispatched,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.state import Order
from tests.property.order_machine import OrderMachine

LIVES_MAX = 400


REAL = OrderDecider()


class Broken(OrderDecider):
    """Folds wrongly, in deciding as in replay: a fold that is only compared with itself would find nothing."""

    def decide(self, state: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
        return REAL.decide(state, command, context)

    def decide_and_evolve(
        self, state: Order, command: OrderCommandUnion, context: Context
    ) -> tuple[tuple[OrderEvent, ...], Order]:
        facts = self.decide(state, command, context)
        for fact in facts:
            state = self.evolve(state, fact)
        return facts, state


class SecondParcelErasesTheFirst(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        after = super().evolve(state, fact)
        if isinstance(fact, LabelRequested):
            newest = {fact.parcel_id: after.parcels[fact.parcel_id]}
            return msgspec.structs.replace(after, parcels=newest)
        return after


class LowerRankIsApplied(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        after = super().evolve(state, fact)
        if not isinstance(fact, PartnerStatusObserved) or not fact.rank:
            return after
        line = after.lines[fact.line_id]
        runs = tuple(msgspec.structs.replace(run, rank=fact.rank) if run.run == fact.run else run for run in line.runs)
        lines = {**after.lines, line.line_id: msgspec.structs.replace(line, runs=runs)}
        return msgspec.structs.replace(after, lines=lines)


class ReprintsAreNotCounted(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        after = super().evolve(state, fact)
        if not isinstance(fact, ReprintRequested):
            return after
        line = msgspec.structs.replace(after.lines[fact.line_id], reprints=0)
        return msgspec.structs.replace(after, lines={**after.lines, line.line_id: line})


class AcceptedRunsAreForgotten(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        after = super().evolve(state, fact)
        if not isinstance(fact, SubmissionAccepted):
            return after
        left = {key: due for key, due in after.deadlines.items() if not key.startswith("production:")}
        return msgspec.structs.replace(after, deadlines=left)


class CancelledUnitsAreMadeAfterAll(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        after = super().evolve(state, fact)
        if not isinstance(fact, LineCancelled):
            return after
        line = msgspec.structs.replace(after.lines[fact.line_id], cancelled_units=())
        return msgspec.structs.replace(after, lines={**after.lines, line.line_id: line})


class ParcelsNeverLeave(Broken):
    def evolve(self, state: Order, fact: OrderEvent) -> Order:
        return state if isinstance(fact, ShipmentDispatched) else super().evolve(state, fact)


class LimitOfReprintsIsIgnored(Broken):
    """Decides wrongly: the state is right, the decision is not."""

    def decide(self, state: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
        forgetful = {key: msgspec.structs.replace(line, reprints=-99) for key, line in state.lines.items()}
        return super().decide(msgspec.structs.replace(state, lines=forgetful), command, context)


class TwoPartnersPrint(Broken):
    """Decides wrongly: while a partner has a run, the same units are given to another one."""

    def decide(self, state: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
        facts = super().decide(state, command, context)
        for fact in facts:
            if isinstance(fact, SubmissionRequested) and fact.attempt > 1:
                line = state.lines[fact.line_id]
                twin = ReprintRequested(
                    line_id=fact.line_id,
                    run=len(line.runs) + 1,
                    of_run=fact.run,
                    units=fact.units,
                    partner_id="press-west",
                    partner_variant="x",
                    reason_code="fault",
                    by="fault",
                )
                again = msgspec.structs.replace(fact, run=twin.run, partner_id="press-west", request_id="0" * 32 + ".1")
                return (*facts, twin, again)
        return facts


class NothingFollowsAReleasedHold(Broken):
    """Decides wrongly: what is asked for once a hold is released waits for the next command."""

    def decide(self, state: Order, command: OrderCommandUnion, context: Context) -> tuple[OrderEvent, ...]:
        facts = super().decide(state, command, context)
        if not isinstance(facts[0], HoldReleased):
            return facts
        return tuple(fact for fact in facts if not isinstance(fact, ArtworkCheckRequested))


FAULTS = [
    SecondParcelErasesTheFirst,
    LowerRankIsApplied,
    ReprintsAreNotCounted,
    AcceptedRunsAreForgotten,
    CancelledUnitsAreMadeAfterAll,
    ParcelsNeverLeave,
    LimitOfReprintsIsIgnored,
    TwoPartnersPrint,
    NothingFollowsAReleasedHold,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: type[OrderDecider]) -> None:
    machine = type("Faulty", (OrderMachine,), {"decider": fault()})
    for seed in range(LIVES_MAX):
        try:
            machine().live(Random(seed), 60)
        except (AssertionError, LookupError, RuntimeError):
            return
    pytest.fail(f"{fault.__name__} went unnoticed in {LIVES_MAX} lives")


def test_the_decider_that_has_no_fault_is_not_caught() -> None:
    for seed in range(40):
        OrderMachine().live(Random(seed), 60)
