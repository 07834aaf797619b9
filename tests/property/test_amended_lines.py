"""However often a store changes its mind about quantities, notes, prints: no unit is made twice, none is missing.

What is made is counted by print runs whose goods exist; whoever plays the press stops what it is asked to stop, or says
that it is too late.
"""

from collections import Counter, deque
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decider import Ignored, Refusal
from events.order.commands import ObserveStoreOrder, OrderCommandUnion, ReportCancellationAnswered, ReportInspected
from events.order.decide import OrderDecider
from events.order.facts import (
    InspectionRequested,
    LinePrinted,
    OrderEvent,
    PartnerCancellationRequested,
    ReprintRequested,
    RoutingRequested,
    SubmissionAccepted,
)
from events.order.state import Order
from tests.order_life import NOW, World, a_line, a_store_order, context_of, placed
from tests.property.order_oracle import disagreements

DECIDER = OrderDecider()
EDITS_MAX = 8


class Life:
    """One order of one line, and everybody who answers, some of them much later than others."""

    def __init__(self, random: Random) -> None:
        self.random, self.world = random, World()
        self.order, self.facts = Order(), list[OrderEvent]()
        self.waiting: deque[OrderCommandUnion] = deque()
        self.commands = 0

    def send(self, command: OrderCommandUnion) -> None:
        """Decide a command; what its facts ask for is answered later."""
        self.commands += 1
        context = msgspec.structs.replace(context_of(number=self.commands), now=NOW + 1_000 * self.commands)
        try:
            new, self.order = DECIDER.decide_and_evolve(self.order, command, context)
        except (Ignored, Refusal):
            return
        self.facts.extend(new)
        for fact in new:
            self.waiting.extend(self._answers(fact))

    def _answers(self, fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        if isinstance(fact, PartnerCancellationRequested):
            line = self.order.lines[fact.line_id]
            in_time = line.runs[fact.run - 1].rank < 20 and self.random.random() < 0.7
            return (
                ReportCancellationAnswered(
                    request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=in_time, reason="asked"
                ),
            )
        if isinstance(fact, InspectionRequested) and self.random.random() < 0.15:
            return (
                ReportInspected(
                    request_id=fact.request_id,
                    line_id=fact.line_id,
                    run=fact.run,
                    passed_units=fact.units[1:],
                    failed_units=fact.units[:1],
                ),
            )
        return self.world.answer(fact)

    def some_answers(self) -> None:
        """A few of those who were asked answer."""
        for _ in range(self.random.randrange(12)):
            if self.waiting:
                self.send(self.waiting.popleft())

    def all_answers(self) -> None:
        """Everybody answers until nobody is asked any more."""
        while self.waiting:
            self.send(self.waiting.popleft())

    def the_store_edits(self, number: int) -> None:
        """The store shows the line with another quantity, note or print."""
        choose = self.random.choice
        line = a_line(
            quantity=choose([1, 2, 3, 4]), content=choose(["", "", "", "other"]), note=choose(["", "gift", "red box"])
        )
        self.send(ObserveStoreOrder(order=a_store_order(lines=(line,)), store_updated_at=NOW + number))


def a_life(seed: int, edits: int) -> Life:
    """An order that is edited so many times between its steps, and then comes to its end."""
    life = Life(Random(seed))
    life.send(placed(a_store_order(lines=(a_line(quantity=2),))))
    for number in range(1, edits + 1):
        life.some_answers()
        life.the_store_edits(number)
    life.all_answers()
    return life


def made(life: Life) -> Counter[int]:
    """How often each unit became goods."""
    runs = life.order.lines["1"].runs
    return Counter(unit for fact in life.facts if isinstance(fact, LinePrinted) for unit in runs[fact.run - 1].units)


def reprinted(life: Life) -> Counter[int]:
    """How often each unit was asked for again because it was not good."""
    return Counter(unit for fact in life.facts if isinstance(fact, ReprintRequested) for unit in fact.units)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), edits=st.integers(1, EDITS_MAX))
def test_every_ordered_unit_is_made_once_and_once_more_for_each_reprint(seed: int, edits: int) -> None:
    life = a_life(seed, edits)
    line = life.order.lines["1"]
    ordered = Counter(dict.fromkeys(line.live_units, 1))
    assert line.edit is None
    stopped_for_good = any(held.blocking for held in life.order.exceptions.values())
    assert made(life) <= ordered + reprinted(life)
    assert stopped_for_good or made(life) == ordered + reprinted(life)
    assert not disagreements(life.order, life.facts)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), edits=st.integers(1, EDITS_MAX))
def test_no_partner_has_more_units_than_were_ordered_at_any_time(seed: int, edits: int) -> None:
    life = a_life(seed, edits)
    order, most = Order(), 0
    for fact in life.facts:
        order = DECIDER.evolve(order, fact)
        line = order.lines["1"]
        at_work = Counter(unit for run in line.runs if run.stage in {"submitting", "accepted"} for unit in run.units)
        most = max(most, *at_work.values(), 0)
    assert most <= 1


def test_lives_come_to_runs_of_extra_units_and_to_changes_that_wait() -> None:
    facts = [fact for seed in range(40) for fact in a_life(seed, EDITS_MAX).facts]
    kinds = {type(fact).__name__ for fact in facts}
    assert {"LineAmended", "EditRequested", "EditRefused", "EditWithdrawn", "OrderEdited", "ReprintRequested"} <= kinds
    assert any(isinstance(fact, RoutingRequested) and fact.units[0] > 1 for fact in facts)
    assert any(isinstance(fact, SubmissionAccepted) and fact.run > 2 for fact in facts)
