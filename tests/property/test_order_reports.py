"""What partners and carriers report ends alike however often and in whatever order it is told.

Holds, ranks and words that are not known merge. A failure is different: it makes the order ask somebody else, so what
comes after it is judged by another state; `test_order_invariants` holds for those lives too.
"""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decider import Ignored
from events.order.commands import OrderCommandUnion
from events.order.decide import OrderDecider
from events.order.facts import LabelPurchased, OrderEvent, SubmissionAccepted
from events.order.state import Order
from tests.order_life import NOW, World, a_line, a_store_order, context_of, live, placed

DECIDER = OrderDecider()
AT = st.integers(1, 40).map(lambda minutes: NOW + minutes)
STAGES = st.sampled_from([("queued", 10), ("printing", 20), ("packing", 40), ("printed", 50)])
HOLDS = st.just(("on_hold", 0))
SCANS = st.sampled_from([("pre_transit", 10), ("in_transit", 20), ("out", 30), ("delivered", 40), ("failure", 0)])


def until(kind: type[OrderEvent]) -> Order:
    """An order that has come as far as this, with everything answered before it."""
    world = World()

    def answer(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        return () if type(fact) is kind else world.answer(fact)

    return live([placed(a_store_order(lines=(a_line(quantity=2),)))], answer)[0]


ACCEPTED, LABELLED = until(SubmissionAccepted), until(LabelPurchased)


def after(order: Order, commands: Sequence[OrderCommandUnion]) -> object:
    """What the order is after these reports, but for when and about what people were told of it."""
    for number, command in enumerate(commands, 1_000):
        context = msgspec.structs.replace(context_of(number=number), now=NOW + 10**6)
        try:
            order = DECIDER.decide_and_evolve(order, command, context)[1]
        except Ignored:
            continue
    deadlines = {key: due for key, due in order.deadlines.items() if not key.startswith("notify:")}
    return msgspec.structs.replace(order, notified={}, deadlines=deadlines)


@settings(deadline=None)
@given(reports=st.lists(st.tuples(st.one_of(STAGES, HOLDS), AT), min_size=1, max_size=6), data=st.data())
def test_a_partners_reports_end_alike_in_any_order_and_told_twice(
    reports: list[tuple[tuple[str, int], int]], data: st.DataObject
) -> None:
    told = [World().status("1", 1, word, rank, at=at - rank) for (word, rank), at in reports]
    shuffled = data.draw(st.permutations(told + told[: len(told) // 2 + 1]))
    assert after(ACCEPTED, told) == after(ACCEPTED, shuffled)


@settings(deadline=None)
@given(scans=st.lists(st.tuples(SCANS, AT), min_size=1, max_size=6), data=st.data())
def test_a_carriers_reports_end_alike_in_any_order_and_told_twice(
    scans: list[tuple[tuple[str, int], int]], data: st.DataObject
) -> None:
    told = [World().tracking("P1", word, rank, at=at - rank) for (word, rank), at in scans]
    shuffled = data.draw(st.permutations(told + told[: len(told) // 2 + 1]))
    assert after(LABELLED, told) == after(LABELLED, shuffled)


@settings(deadline=None)
@given(data=st.data())
def test_every_answer_of_a_whole_life_told_twice_changes_nothing(data: st.DataObject) -> None:
    order, _, commands = live([placed(a_store_order(lines=(a_line("1"), a_line("2", quantity=2))))], World().answer)
    again = data.draw(st.lists(st.sampled_from(commands), min_size=1, max_size=8))
    assert after(order, again) == after(order, [])
