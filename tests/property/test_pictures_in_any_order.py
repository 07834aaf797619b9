"""A store's pictures of an order, in whatever order they come, end with the newest one, though it said nothing new."""

from contextlib import suppress

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.decider import Ignored
from events.order.commands import ObserveStoreOrder
from events.order.decide import OrderDecider
from events.order.state import Order
from tests.order_life import NOW, a_line, a_store_order, context_of

DECIDER = OrderDecider()
PICTURES = st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(["", "other"]), st.sampled_from(["here", "there"]))
AS_IT_WAS, CHANGED = (1, "", "here"), (3, "", "there")


def picture(at: int, quantity: int, content: str, address: str) -> ObserveStoreOrder:
    order = a_store_order(lines=(a_line(quantity=quantity, content=content),))
    return ObserveStoreOrder(order=msgspec.structs.replace(order, recipient_digest=address), store_updated_at=at)


@settings(deadline=None)
@given(
    shown=st.lists(PICTURES, min_size=1, max_size=5).flatmap(lambda all_: st.permutations(list(enumerate(all_)))),
)
@example(shown=[(0, AS_IT_WAS), (2, AS_IT_WAS), (1, CHANGED)])
def test_the_newest_picture_is_what_is_made(shown: list[tuple[int, tuple[int, str, str]]]) -> None:
    order = Order()
    for number, (at, content) in enumerate(shown, 1):
        with suppress(Ignored):
            order = DECIDER.decide_and_evolve(order, picture(NOW + at, *content), context_of(number=number))[1]
    newest = picture(NOW, *max(shown)[1]).order
    line, wanted = order.lines["1"], newest.lines[0]
    assert (line.quantity, line.carried_digest) == (wanted.quantity, wanted.content_digest)
    assert order.recipient_digest == newest.recipient_digest
    # What is older cannot come in any more; what says nothing new leaves room for another picture of its time.
    assert NOW + max(shown)[0] - order.store_updated_at in (0, 1)
