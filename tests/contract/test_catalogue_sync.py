"""What a house shop says over HTTP reaches the catalogue, and a question that it does not answer is put again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import msgspec
import pytest

from events.catalogue.commands import ReportPartnerLoad, ReportPartnerOffer
from processors.catalogue.sync import CatalogueSync
from tests.contract.net import Receiver
from tests.contract.partner_rigs import PrintShopRig
from tests.unit.inbound.doubles import SentCommands

pytestmark = pytest.mark.anyio


class Catalogue:
    """The catalogue as far as a sync needs it: it knows what it was told."""

    def __init__(self) -> None:
        self.offers: dict[str, ReportPartnerOffer] = {}
        self.asked_again: list[str] = []

    def claim(self, partners: Collection[str], interval_seconds: float, apart_seconds: float) -> str | None:
        return None

    def ask(self, partner_id: str) -> None:
        self.asked_again.append(partner_id)

    def partner_ids(self) -> frozenset[str]:
        return frozenset({"press-east"})

    def variants(self) -> frozenset[str]:
        return frozenset({"mug-11oz-white", "tee-black-m"})

    def offers_of(self, partner_id: str) -> tuple[ReportPartnerOffer, ...]:
        return tuple(self.offers.values())

    def load_of(self, partner_id: str) -> ReportPartnerLoad | None:
        return None


@pytest.fixture
def shop(receiver: Receiver, tmp_path: Path) -> Iterator[PrintShopRig]:
    rig = PrintShopRig(tmp_path, receiver)
    yield rig
    rig.simulator.stop()


@pytest.fixture
async def synced(shop: PrintShopRig) -> AsyncIterator[tuple[CatalogueSync, Catalogue, SentCommands]]:
    catalogue, sent, partner = Catalogue(), SentCommands(), shop.partner()
    yield (
        CatalogueSync(
            partners={"press-east": partner},
            known=catalogue,
            checks=catalogue,
            commands=sent,
            now_ms=lambda: 1_000 + len(sent.sent),
            every_seconds=60,
            outages=(),
        ),
        catalogue,
        sent,
    )
    await partner.aclose()


async def test_a_shop_without_stock_is_told_to_the_catalogue_once_until_it_has_some(
    shop: PrintShopRig, synced: tuple[CatalogueSync, Catalogue, SentCommands]
) -> None:
    sync, catalogue, sent = synced

    async def look() -> list[ReportPartnerOffer]:
        sent.sent.clear()
        await sync.look_at("press-east")
        said = [command for command, _ in sent.sent if isinstance(command, ReportPartnerOffer)]
        catalogue.offers |= {offer.variant_id: offer for offer in said}
        return said

    # given: the shop's offers of our variants are known
    assert {offer.variant_id for offer in await look()} == {"mug-11oz-white", "tee-black-m"}
    assert await look() == []
    # when
    shop.simulator.control("PUT", "/shops/press-east/stock/MUG-11-WHT", {"units": 0})
    (out,) = await look()
    # then
    assert (out.variant_id, out.stock, out.withdrawn) == ("mug-11oz-white", 0, False)
    assert await look() == []
    shop.simulator.control("PUT", "/shops/press-east/stock/MUG-11-WHT", {"units": 7})
    (back,) = await look()
    assert back == msgspec.structs.replace(out, stock=7, source_version=back.source_version)


async def test_a_shop_that_is_down_withdraws_nothing_and_is_asked_again(
    shop: PrintShopRig, synced: tuple[CatalogueSync, Catalogue, SentCommands]
) -> None:
    sync, catalogue, sent = synced
    shop.provoke("go down before the answer")
    assert await sync.look_at("press-east") == 0
    assert sent.sent == []
    assert catalogue.asked_again == ["press-east"]
