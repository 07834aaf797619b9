"""A new template version reaches its share of orders, by whichever way a line learns its template; nobody else."""

from __future__ import annotations

import asyncio

import msgspec

from events.order.commands import MapLine
from events.order.values import LineArtwork
from processors.artwork.rollout import Rollout, chosen_version, rolled_out
from processors.inbound.assemble import OrderAssembler
from processors.inbound.reading import ReadLine, ReadOrder
from processors.personal import Recipient
from processors.ports import StoreConnection
from processors.reactors import SkuReactor
from projections.rows import HeldLine, MappedHeldLine
from tests.unit.inbound.doubles import ARTWORK, MemorySkuMap, MemoryVault, SentCommands

ORDERS = 200
STORE = StoreConnection(store="demo-rest", tenant="demo", platform="rest", secret=None, options={})


def half(unit: str = "order") -> dict[str, Rollout]:
    template_id, version = ARTWORK.template_id, ARTWORK.template_version
    rollout = Rollout(template_id=template_id, stable_version=version, version=version + 1, share_permille=500)
    return {template_id: msgspec.structs.replace(rollout, unit=unit)}


def order(number: int) -> ReadOrder:
    line = ReadLine(line_id="1", sku="MUG-W", title="Mug", quantity=1, unit_price_minor=900)
    return ReadOrder(
        external_id=f"A-{number}",
        order_number=f"A-{number}",
        placed_at=1,
        updated_at=1,
        currency="EUR",
        total_minor=900,
        recipient=Recipient(name="Ann Example", country="DE"),
        lines=(line,),
    )


def versions(rollouts: dict[str, Rollout]) -> dict[str, int]:
    assembler = OrderAssembler(MemoryVault(), MemorySkuMap("MUG-W"), rollouts)
    seen = {}
    for number in range(ORDERS):
        order_id, command = assembler.observe(order(number), STORE)
        artwork = command.order.lines[0].artwork
        assert artwork is not None
        seen[order_id] = artwork.template_version
    return seen


def test_about_the_share_of_orders_gets_the_new_version_and_keeps_it() -> None:
    first, again = versions(half()), versions(half())
    assert first == again
    new = sum(version == ARTWORK.template_version + 1 for version in first.values())
    assert 0.35 * ORDERS < new < 0.65 * ORDERS
    assert set(versions({}).values()) == {ARTWORK.template_version}


def test_where_tenants_are_the_unit_all_orders_of_one_get_the_same() -> None:
    assert len(set(versions(half("tenant")).values())) == 1


def test_a_sku_that_names_another_version_means_that_one() -> None:
    pinned = msgspec.structs.replace(ARTWORK, template_version=ARTWORK.template_version + 7)
    everyone = {name: msgspec.structs.replace(one, share_permille=1000) for name, one in half().items()}
    assert rolled_out(everyone, pinned, tenant="demo", order_id="x") == pinned
    other = msgspec.structs.replace(ARTWORK, template_id="another")
    assert rolled_out(everyone, other, tenant="demo", order_id="x") == other


class Held:
    """One held line an order, whose SKU is mapped."""

    def held_lines(self, tenant: str, store: str, sku: str) -> tuple[HeldLine, ...]:
        return ()

    def held_and_mapped(self) -> tuple[MappedHeldLine, ...]:
        return tuple(
            MappedHeldLine(
                tenant="demo", order_id=f"order-{number}", line_id="1", sku="MUG-W", revision=1, artwork=ARTWORK
            )
            for number in range(ORDERS)
        )


def test_a_line_that_was_held_gets_the_version_that_it_would_have_had() -> None:
    sent = SentCommands()
    reactor = SkuReactor(Held(), sent, lambda: 1, (), half())
    assert asyncio.run(reactor.sweep_once()) == ORDERS
    rollout = half()[ARTWORK.template_id]
    seen: dict[str, LineArtwork] = {}
    for command, envelope in sent.sent:
        assert isinstance(command, MapLine)
        seen[envelope.key] = command.artwork
    assert len({artwork.template_version for artwork in seen.values()}) == 2
    for order_id, artwork in seen.items():
        assert artwork.template_version == chosen_version(rollout, tenant="demo", order_id=order_id)
