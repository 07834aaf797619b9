"""Which print runs a house shop is told to wait for it, read of the real read models."""

from collections.abc import Iterator

import msgspec
import pytest

from events.order.commands import HoldOrder, OrderCommandUnion, RequestReprint
from events.order.facts import OrderEvent, ShipmentDelivered, SubmissionAccepted
from infra.batch_tables import BatchTables
from infra.postgres import pool
from tests.integration.projections.conftest import Rig
from tests.order_life import NOW, World, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = pytest.mark.stack

SHOP = "house"


class Shop:
    """A house shop that reads two orders at a time, and the ledger that it reads of."""

    def __init__(self, rig: Rig, reads: BatchTables) -> None:
        self._ledger, self._reads = rig.ledger, reads

    def accepts(self, number: int, *said_then: OrderCommandUnion, reprint: bool = False) -> str:
        """An order whose run the shop has just accepted, the older the lower its number; returns its id.

        `said_then` is what its store says of it then. With `reprint` its goods came damaged: it is their second run.
        """
        world = World(SHOP)

        def answer(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
            match fact:
                case SubmissionAccepted() if fact.run == 1 + reprint:
                    return said_then
                case ShipmentDelivered():
                    return (RequestReprint(line_id="1", units=(1,), reason_code="damaged"),)
                case _:
                    return world.answer(fact)

        key = context_of(str(number)).key
        store_order = msgspec.structs.replace(a_store_order(str(number)), placed_at=NOW + number)
        _, facts, _ = live([placed(store_order)], answer, str(number))
        self._ledger.write([(key, fact) for fact in facts])
        return key

    def waiting(self) -> list[tuple[str, int]]:
        """The order and the number of each run that waits."""
        return [(one.line.order_id, one.line.run) for one in self._reads.waiting(SHOP)]


@pytest.fixture
def shop(rig: Rig) -> Iterator[Shop]:
    with (
        pool(rig.settings.database_url, rig.settings, name="test") as connections,
        rig.projecting("orders", "effects", "deadlines"),
    ):
        yield Shop(rig, BatchTables(connections, orders_a_page=2))


def test_a_second_run_for_a_buyer_whose_goods_came_damaged_waits_like_a_first(shop: Shop) -> None:
    delivered = shop.accepts(1, reprint=True)

    wait_until(lambda: shop.waiting() == [(delivered, 2)], 60)


def test_orders_that_cannot_be_printed_now_hide_no_newer_ones(shop: Shop) -> None:
    for number in range(5):
        shop.accepts(number, HoldOrder())
    newest = shop.accepts(5)

    wait_until(lambda: shop.waiting() == [(newest, 1)], 60)
