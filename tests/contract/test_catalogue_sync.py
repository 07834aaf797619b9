"""What partners say over HTTP of their offers reaches the catalogue: asked, or led to the question by a webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from events.catalogue.commands import ReportPartnerLoad, ReportPartnerOffer
from events.catalogue.decide import CatalogueDecider, Entry
from events.catalogue.drift import OUT_OF_STOCK, PRICE_CHANGED, VARIANT_VANISHED, drift_of
from events.catalogue.facts import PartnerOfferChanged
from events.decider import Context
from events.declare import Declared
from events.envelope import CommandEnvelope
from processors.catalogue.news import tells_of_offers
from processors.catalogue.sync import CatalogueSync
from processors.partners.protocol import PrintPartner
from tests.contract import gelato_rig, printful_rig
from tests.contract.gelato_rig import GelatoRig
from tests.contract.net import Received, Receiver, SimulatorProcess
from tests.contract.partner_rigs import PartnerRig, PrintShopRig
from tests.contract.printful_rig import PrintfulRig
from tests.unit.api_world import World as Api
from tests.unit.inbound.doubles import SentCommands
from tests.unit.inbound.inbound_world import World as Inbound

pytestmark = pytest.mark.anyio

MUG = "mug-11oz-white"


class Catalogue:
    """The catalogue as far as a sync needs it: it decides what it is told as the ledger does."""

    def __init__(self, partner_id: str) -> None:
        self.offers: dict[str, ReportPartnerOffer] = {}
        self.facts: dict[str, PartnerOfferChanged] = {}
        self.asked_again: list[str] = []
        self._partner_id = partner_id

    def claim(self, partners: Collection[str], interval_seconds: float, apart_seconds: float) -> str | None:
        """Whoever was asked for, once however often."""
        found = self.asked_again[-1] if self.asked_again else None
        self.asked_again.clear()
        return found

    def ask(self, partner_id: str) -> None:
        self.asked_again.append(partner_id)

    def partner_ids(self) -> frozenset[str]:
        return frozenset({self._partner_id})

    def variants(self) -> frozenset[str]:
        return frozenset({MUG, "tee-black-m"})

    def offers_of(self, partner_id: str) -> tuple[ReportPartnerOffer, ...]:
        return tuple(self.offers.values())

    def load_of(self, partner_id: str) -> ReportPartnerLoad | None:
        return None

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        """Decide about an offer as the ledger does."""
        if not isinstance(command, ReportPartnerOffer):
            return
        entry = Entry(self.facts.get(command.variant_id))
        context = Context(
            key=envelope.key, tenant=envelope.tenant, command_id=envelope.command_id, now=1, actor=envelope.actor
        )
        (fact,) = CatalogueDecider().decide(entry, command, context)
        assert isinstance(fact, PartnerOfferChanged)
        self.offers[command.variant_id], self.facts[command.variant_id] = command, fact

    def drift(self) -> dict[str, set[str]]:
        """What a person is told of each variant about which there is something to tell."""
        found = {variant: set(drift_of(fact)) for variant, fact in self.facts.items()}
        return {variant: kinds for variant, kinds in found.items() if kinds}


def syncing(
    name: str, partner: PrintPartner, catalogue: Catalogue, commands: Catalogue | SentCommands
) -> CatalogueSync:
    """A sync of one partner; each question has a later time than the one before."""
    moments = iter(range(1_000, 1_000_000))
    return CatalogueSync(
        partners={name: partner},
        known=catalogue,
        checks=catalogue,
        commands=commands,
        now_ms=lambda: next(moments),
        every_seconds=60,
        outages=(),
    )


@pytest.fixture
def shop(receiver: Receiver, tmp_path: Path) -> Iterator[PrintShopRig]:
    rig = PrintShopRig(tmp_path, receiver)
    yield rig
    rig.simulator.stop()


@pytest.fixture
async def synced(shop: PrintShopRig) -> AsyncIterator[tuple[CatalogueSync, Catalogue, SentCommands]]:
    catalogue, sent, partner = Catalogue("press-east"), SentCommands(), shop.partner()
    yield syncing("press-east", partner, catalogue, sent), catalogue, sent
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


class SimulatorRig(PartnerRig, Protocol):
    """A partner whose simulator has a control desk for what it offers."""

    simulator: SimulatorProcess


#: What changes at a vendor: at which control, how, what is seen of it, and how it was before.
Change = tuple[str, str, object, str, object]
STOCK = f"/catalogue/{printful_rig.VARIANT.catalog_variant_id}"
GELATO_STOCK = f"/catalogue/{gelato_rig.PRODUCT}"
CHANGES: dict[str, tuple[str, Change]] = {
    "printful, stock": ("printful", ("PATCH", STOCK, {"in_stock": False}, OUT_OF_STOCK, {"in_stock": True})),
    "printful, price": ("printful", ("PATCH", STOCK, {"price": "7.95"}, PRICE_CHANGED, {"price": "5.95"})),
    "printful, end": ("printful", ("DELETE", STOCK, None, VARIANT_VANISHED, {})),
    "gelato, stock": (
        "gelato",
        ("PATCH", GELATO_STOCK, {"stock": "out-of-stock"}, OUT_OF_STOCK, {"stock": "in-stock"}),
    ),
    "house shop, stock": (
        "print_shop",
        ("PUT", "/shops/press-east/stock/MUG-11-WHT", {"units": 0}, OUT_OF_STOCK, {"units": 500}),
    ),
}


@pytest.fixture(params=CHANGES)
async def changing(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[SimulatorRig, Callable[[], dict[str, Any]], str]]:
    """A partner in a calm mood, how to change what it has, and which exception that is; it is as before in the end."""
    vendor, (method, path, change, kind, before) = CHANGES[request.param]
    rig: SimulatorRig = request.getfixturevalue(f"{vendor}_rig")
    rig.calm()

    def changed() -> dict[str, Any]:
        """The webhook in which the vendor says so."""
        rig.simulator.control(method, path, change)
        told: dict[str, Any] = rig.simulator.control("GET", "/webhooks")[-1]["body"]
        return told

    yield rig, changed, kind
    rig.simulator.control("PUT" if method == "PUT" else "PATCH", path, before)
    while rig.opened:
        await rig.opened.pop().aclose()


async def test_a_webhook_about_offers_is_verified_at_our_api_and_leads_to_the_question_that_shows_the_drift(
    changing: tuple[SimulatorRig, Callable[[], dict[str, Any]], str], receiver: Receiver
) -> None:
    rig, changed, kind = changing
    partner = rig.partner()
    catalogue = Catalogue(rig.name)
    sync = syncing(rig.name, partner, catalogue, catalogue)
    api, inbound = Api(partners={rig.name: partner}), Inbound(partners={rig.name: partner})
    answers: list[int] = []

    def at_our_api(came: Received) -> int | None:
        if not tells_of_offers(came.body):
            return None
        answered = api.call("POST", came.path, key=None, headers=came.headers, content=came.body)
        answers.append(answered.status_code)
        return answered.status_code

    # given: the catalogue knows what the partner offers, and all is well
    await sync.look_at(rig.name)
    assert set(catalogue.facts) == {MUG, "tee-black-m"}
    assert catalogue.drift() == {}
    # when
    receiver.passed_on = at_our_api
    try:
        told = changed()
        receiver.wait_for(lambda received: any(one.says(told) for one in received))
    finally:
        receiver.passed_on = None
    for topic, _, value, headers in api.log.records:
        await asyncio.to_thread(inbound.handle, topic, value, headers.items())
    for partner_id in inbound.asked:
        catalogue.ask(partner_id)
    assert await sync.ask_next()
    # then
    assert set(answers) == {200}
    assert (set(inbound.asked), inbound.buried_reasons(), inbound.commands.sent) == ({rig.name}, [], [])
    assert catalogue.drift() == {MUG: {kind}}


async def test_a_forged_webhook_about_offers_asks_nobody(receiver: Receiver, printful_rig: PrintfulRig) -> None:
    partner = printful_rig.partner()
    api = Api(partners={"printful": partner})
    headers = printful_rig.signed(printful_rig.other_event, secret=printful_rig.strange_secret, at_s=0)
    path = "/webhooks/partners/printful"
    answered = await asyncio.to_thread(
        api.call, "POST", path, key=None, headers=headers, content=printful_rig.other_event
    )
    assert (answered.status_code, api.log.records) == (401, [])
    await printful_rig.opened.pop().aclose()


async def test_gelato_tells_of_no_price_so_that_it_is_seen_when_its_turn_comes(gelato_rig: GelatoRig) -> None:
    gelato_rig.calm()
    partner, catalogue = gelato_rig.partner(), Catalogue("gelato")
    sync = syncing("gelato", partner, catalogue, catalogue)
    await sync.look_at("gelato")
    before = len(gelato_rig.simulator.control("GET", "/webhooks"))
    gelato_rig.simulator.control("PATCH", GELATO_STOCK, {"price": 9.99})
    assert len(gelato_rig.simulator.control("GET", "/webhooks")) == before
    await sync.look_at("gelato")
    assert catalogue.drift() == {MUG: {PRICE_CHANGED}}
    gelato_rig.simulator.control("PATCH", GELATO_STOCK, {"price": 6.12})
    await gelato_rig.opened.pop().aclose()
