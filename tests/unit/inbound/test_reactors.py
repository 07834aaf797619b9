"""A mapping releases every line that its SKU holds: each hold by a command of its own, whoever finds it first."""

from __future__ import annotations

import asyncio

from events.catalogue.facts import SkuMapped
from events.envelope import FactEnvelope
from events.order.commands import MapLine
from processors.reactors import SkuReactor
from projections.rows import HeldLine, MappedHeldLine
from tests.unit.inbound.doubles import ARTWORK, SentCommands


class OneHeldLine:
    """One line that its SKU holds; the SKU is mapped by the time of a sweep."""

    def __init__(self, sku: str, revision: int) -> None:
        self.sku, self.revision = sku, revision

    def held_lines(self, tenant: str, store: str, sku: str) -> tuple[HeldLine, ...]:
        line = HeldLine(
            tenant=tenant,
            order_id="order-1",
            line_id="1",
            reason="sku_unmapped",
            store=store,
            sku=sku,
            revision=self.revision,
        )
        return (line,) if sku == self.sku else ()

    def held_and_mapped(self) -> tuple[MappedHeldLine, ...]:
        line = MappedHeldLine(
            tenant="demo", order_id="order-1", line_id="1", sku=self.sku, revision=self.revision, artwork=ARTWORK
        )
        return (line,)


def swept(sku: str, revision: int) -> tuple[MapLine, str]:
    """What a sweep sends for a line that this SKU holds, and the id of that command."""
    sent = SentCommands()
    asyncio.run(SkuReactor(OneHeldLine(sku, revision), sent, lambda: 1, ()).sweep_once())
    ((command, envelope),) = sent.sent
    assert isinstance(command, MapLine)
    return command, envelope.command_id


def test_the_command_says_of_which_sku_it_is_the_meaning() -> None:
    command, _ = swept("SKU-A", 1)
    assert (command.sku, command.artwork) == ("SKU-A", ARTWORK)


def test_a_line_that_another_sku_of_the_same_meaning_holds_is_mapped_by_another_command() -> None:
    assert swept("SKU-A", 1)[1] != swept("SKU-B", 2)[1]


def test_a_line_that_got_its_first_sku_back_is_mapped_by_another_command_than_the_first_time() -> None:
    assert swept("SKU-A", 1)[1] != swept("SKU-A", 3)[1]


def test_the_news_and_the_sweep_find_the_same_hold_with_the_same_command() -> None:
    sent = SentCommands()
    reactor = SkuReactor(OneHeldLine("SKU-A", 1), sent, lambda: 1, ())
    news = SkuMapped(source_version=1, store="demo-rest", sku="SKU-A", artwork=ARTWORK)
    envelope = FactEnvelope(
        key="sku", tenant="demo", fact_type="SkuMapped", seq=1, position=1, recorded_at=1, actor="a", causation_id="c"
    )
    assert asyncio.run(reactor.sku_mapped(news, envelope)) == 1
    assert sent.sent[0][1].command_id == swept("SKU-A", 1)[1]
