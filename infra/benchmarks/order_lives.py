"""Whole lives of made-up orders as commands: placed, checked, rendered, routed, printed, sent, delivered.

The mix is the demonstration's: most orders have one or two lines; some units come several to a line, some lines are
refused by a first partner, some reports come twice or late, some orders are cancelled. Everything follows from a seed.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

import msgspec

from events.decider import Context, Ignored, Refusal
from events.envelope import CommandEnvelope
from events.identity import command_id, order_id
from events.order.commands import CancelOrder, ObserveStoreOrder, OrderCommandUnion
from events.order.decide import OrderDecider
from events.order.state import Order
from events.order.values import AreaContent, OrderedLine, OrderPolicy, StoreOrder
from infra.benchmarks.outside_world import BEGAN_AT, MUG, OutsideWorld

TENANT = "demo"
STORE = "demo-rest"
ACTOR = "store:demo-rest"
#: Sealed recipients of the demonstration have about this many bytes.
SEALED_RECIPIENT_BYTES = 220
SEALED_TEXT_BYTES = 70

#: How often each shape of an order occurs, in per cent.
TWO_LINES, THREE_LINES, SEVERAL_UNITS, CANCELLED, COMMAND_TWICE = 30, 10, 20, 3, 2

WORLD = OutsideWorld()


class Sent(msgspec.Struct, frozen=True):
    """One command of a life, with its envelope's own parts."""

    key: str
    command_id: str
    sent_at: int
    command: OrderCommandUnion

    @property
    def envelope(self) -> CommandEnvelope:
        """The command's envelope, as its sender would write it."""
        return CommandEnvelope(
            command_id=self.command_id,
            key=self.key,
            tenant=TENANT,
            command_type=type(self.command).__name__,
            sent_at=self.sent_at,
            actor=ACTOR,
            correlation_id=self.key,
        )


class _Life:
    """One order, played forwards by the real decider, so that every report answers a request that was made."""

    def __init__(self, number: int, chooser: random.Random) -> None:
        self.key = order_id(TENANT, STORE, str(number))
        self._chooser = chooser
        self._order = Order()
        self._sent = 0
        self._again: Sent | None = None
        self._cancels_at = chooser.randint(2, 8) if chooser.randrange(100) < CANCELLED else 0
        placed = ObserveStoreOrder(order=_store_order(number, chooser), store_updated_at=BEGAN_AT)
        self._waiting: deque[OrderCommandUnion] = deque([placed])

    @property
    def goes_on(self) -> bool:
        """Whether somebody still has something to report."""
        return bool(self._waiting or self._again)

    def next(self, decider: OrderDecider) -> Sent:
        """The next command; what answers it is put behind."""
        if self._again is not None:
            again, self._again = self._again, None
            return again
        self._sent += 1
        if self._sent == self._cancels_at:
            self._waiting.appendleft(CancelOrder(reason="changed my mind"))
        command = self._waiting.popleft()
        sent = Sent(self.key, command_id(self.key, self._sent), BEGAN_AT + self._sent * 1_000, command)
        context = Context(key=self.key, tenant=TENANT, command_id=sent.command_id, now=sent.sent_at, actor=ACTOR)
        try:
            for fact in decider.decide(self._order, command, context):
                self._order = decider.evolve(self._order, fact)
                self._waiting.extend(WORLD.answer(fact))
        except (Refusal, Ignored):
            pass
        if self._chooser.randrange(100) < COMMAND_TWICE:
            self._again = sent
        return sent


def lives(seed: int, *, open_orders: int, first_number: int = 1) -> Iterator[Sent]:
    """Commands for ever: `open_orders` orders are under way at a time, and a finished one makes room for the next."""
    chooser = random.Random(seed)  # noqa: S311 - the same mix each time, not a secret
    decider = OrderDecider()
    number = first_number
    under_way: list[_Life] = []
    while True:
        while len(under_way) < open_orders:
            under_way.append(_Life(number, chooser))
            number += 1
        index = chooser.randrange(len(under_way))
        life = under_way[index]
        yield life.next(decider)
        if not life.goes_on:
            under_way[index] = under_way[-1]
            under_way.pop()


def _store_order(number: int, chooser: random.Random) -> StoreOrder:
    drawn = chooser.randrange(100)
    count = 3 if drawn < THREE_LINES else 2 if drawn < THREE_LINES + TWO_LINES else 1
    lines = tuple(
        OrderedLine(
            line_id=str(line),
            sku=f"SKU-{line}",
            title="Mug, white, 11 oz",
            quantity=3 if chooser.randrange(100) < SEVERAL_UNITS else 1,
            unit_price_minor=1_500,
            artwork=MUG,
            contents=(
                AreaContent(
                    text=chooser.randbytes(SEALED_TEXT_BYTES), artwork_url=chooser.randbytes(SEALED_TEXT_BYTES)
                ),
            ),
            content_digest=chooser.randbytes(32).hex(),
        )
        for line in range(1, count + 1)
    )
    return StoreOrder(
        store=STORE,
        external_id=str(number),
        order_number=f"#{number}",
        placed_at=BEGAN_AT,
        currency="EUR",
        total_minor=1_500 * count,
        recipient=chooser.randbytes(SEALED_RECIPIENT_BYTES),
        recipient_digest=chooser.randbytes(32).hex(),
        country="DE",
        postal_prefix="10",
        lines=lines,
        policy=OrderPolicy(approval="when_clean"),
    )
