"""Made-up orders for tests: a store order, and whole lives in which a healthy outside world answers every request.

`World` is that outside world; tests change an answer to see what the order makes of it.
"""

from collections import deque
from collections.abc import Callable, Iterable

from events.decider import Context
from events.identity import command_id, order_id
from events.order.commands import ObserveStoreOrder, OrderCommandUnion
from events.order.decide import OrderDecider
from events.order.facts import OrderEvent
from events.order.state import Order
from events.order.values import AreaContent, LineArtwork, OrderedLine, OrderPolicy, StoreOrder
from infra.benchmarks.outside_world import BEGAN_AT as NOW
from infra.benchmarks.outside_world import MUG, a_file, an_area
from infra.benchmarks.outside_world import OutsideWorld as World

__all__ = [
    "COASTER",
    "MUG",
    "NOW",
    "TENANT",
    "World",
    "a_file",
    "a_line",
    "a_store_order",
    "an_area",
    "context_of",
    "live",
    "placed",
]

TENANT = "demo"

COASTER = LineArtwork(variant_id="coaster-cork-set", template_id="", template_version=0)
"""What a SKU of a ready-made product means."""


def a_line(
    line_id: str = "1", *, quantity: int = 1, artwork: LineArtwork | None = MUG, content: str = "", note: str = ""
) -> OrderedLine:
    """A line of a made-up order; `content` stands for what is printed, `note` for the buyer's instructions."""
    return OrderedLine(
        line_id=line_id,
        sku=f"SKU-{line_id}",
        title="Mug",
        quantity=quantity,
        unit_price_minor=1_500,
        artwork=artwork,
        contents=(AreaContent(text=b"sealed text", artwork_url=b"sealed address"),),
        instructions=note.encode() or None,
        content_digest=f"{content or 'digest'}-{line_id}-{quantity}{note}",
        printed_digest=f"{content or 'digest'}-{line_id}",
    )


def a_store_order(
    external_id: str = "1001", lines: tuple[OrderedLine, ...] | None = None, policy: OrderPolicy | None = None
) -> StoreOrder:
    """A made-up order of the demo tenant's REST store, whose clean proofs approve themselves."""
    return StoreOrder(
        store="demo-rest",
        external_id=external_id,
        order_number=f"#{external_id}",
        placed_at=NOW,
        currency="EUR",
        total_minor=3_000,
        recipient=b"sealed recipient",
        recipient_digest="recipient-digest",
        country="DE",
        postal_prefix="10",
        lines=lines or (a_line(),),
        policy=policy or OrderPolicy(approval="when_clean", spot_check_per_mille=0),
    )


def context_of(external_id: str = "1001", number: int = 1, actor: str = "store:demo-rest") -> Context:
    """The context of the n-th command to a made-up order."""
    key = order_id(TENANT, "demo-rest", external_id)
    return Context(key=key, tenant=TENANT, command_id=command_id(key, number), now=NOW + number, actor=actor)


def live(
    first: Iterable[OrderCommandUnion],
    answer: Callable[[OrderEvent], tuple[OrderCommandUnion, ...]],
    external_id: str = "1001",
) -> tuple[Order, list[OrderEvent], list[OrderCommandUnion]]:
    """Drive an order until nobody has anything to report; returns its state, facts and commands."""
    decider, order = OrderDecider(), Order()
    facts: list[OrderEvent] = []
    waiting, sent = deque(first), []
    while waiting:
        command = waiting.popleft()
        sent.append(command)
        new = decider.decide(order, command, context_of(external_id, len(sent)))
        for fact in new:
            order = decider.evolve(order, fact)
            waiting.extend(answer(fact))
        facts.extend(new)
    return order, facts, sent


def placed(store_order: StoreOrder | None = None) -> ObserveStoreOrder:
    """The command that places a made-up order."""
    return ObserveStoreOrder(order=store_order or a_store_order(), store_updated_at=NOW)
