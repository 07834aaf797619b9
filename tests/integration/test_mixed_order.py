"""Ready-made goods beside printed ones on the real stack: a supplier picks, a press prints, both come to the door."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from events.catalogue.commands import CatalogueCommandUnion, MapSku, RegisterPartner, ReportPartnerOffer
from events.codec import Codec
from events.order.decide import OrderDecider
from events.order.facts import (
    ArtworkChecked,
    GoodsReady,
    InspectionPassed,
    LabelPurchased,
    LineCancelled,
    LinePrinted,
    LineRendered,
    LineRouted,
    OrderEvent,
    SubmissionRefused,
    SubmissionRequested,
)
from events.order.state import Order
from events.order.status import order_status
from events.order.values import OrderPolicy
from infra import intake, kafka, postgres
from infra.access import SCOPES
from infra.catalogue_desk import SHARED_TENANT, CatalogueDesk
from infra.demo.catalogue import EAST, demo_catalogue
from infra.demo.pictures import picture_bytes
from infra.demo.seed import artwork_of
from infra.demo.supplier import COASTERS, COASTERS_COST_MINOR, COASTERS_SKU, SUPPLIER, SUPPLIER_SETUP
from infra.ports import free_ports
from infra.senders import KafkaCommandSender, KafkaRecordLog
from infra.settings import Settings
from processors.carriers.easypost_simulator import SimulatorConfig as CarrierConfig
from processors.clock import now_ms
from processors.partners.print_shop_simulator import SimulatorConfig as PressConfig
from processors.partners.print_shop_simulator import demo_shops
from processors.suppliers.simulator import SimulatorConfig as SupplierConfig
from processors.suppliers.warehouse import StockedArticle
from projections.rows import OrderView
from tests.contract.net import Receiver, SimulatorProcess, receiving, wait_for_url
from tests.integration.command_line import environment_of
from tests.integration.ledger_bed import Bed, headers_of, value_of
from tests.integration.own_settings import own_settings
from tests.integration.projections.conftest import Rig
from tests.integration.test_worker_effects import BUYER
from tests.integration.worker_bench import Process, Workbench
from tests.ledger_writer import LedgerWriter
from tests.order_life import NOW
from tests.support import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(900)]

TENANT, STORE, MUG, PICTURE = "demo", "demo-rest", "mug-11oz-white", "/tiles.png"
#: The second supplier of the same goods: dearer, so that it is asked only where the first one does not deliver.
SECOND = "supplier-south"
SECONDS_MAX = 240.0
WORKERS = ("inbound", "timers", "artwork", "render", "route", "submit", "cancel", "inspect", "label")
#: Nothing here happens because a time is over: a refusal alone is answered by another try.
POLICY = OrderPolicy(
    approval="when_clean",
    retry_wait_ms=100,
    attempts_max=2,
    work_timeout_ms=3_600_000,
    production_timeout_ms=3_600_000,
    spot_check_per_mille=0,
    notify_buyer=False,
)
PRINTED = {"line_id": "1", "sku": "MUG", "quantity": 1, "unit_price_minor": 1_500, "text": "For two"}
READY_MADE = {"line_id": "2", "sku": "COASTERS", "quantity": 2, "unit_price_minor": 900}


def catalogue() -> Iterator[CatalogueCommandUnion]:
    """Of the demo catalogue one press and one supplier, and a second supplier of the same goods."""
    for said in demo_catalogue(1):
        partner_id = getattr(said, "partner_id", "")
        if partner_id in ("", EAST, SUPPLIER):
            yield said
        if partner_id == SUPPLIER and isinstance(said, RegisterPartner):
            yield msgspec.structs.replace(said, partner_id=SECOND, name="Demo supplier, south")
        if partner_id == SUPPLIER and isinstance(said, ReportPartnerOffer):
            yield msgspec.structs.replace(said, partner_id=SECOND, cost_minor=COASTERS_COST_MINOR + 400)


class Shop:
    """A store's system from REST to the door, with simulated makers and a carrier, each a process of its own."""

    def __init__(self, settings: Settings, folder: Path, opened: ExitStack) -> None:
        self.settings, self._opened = settings, opened
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.pictures: Receiver = opened.enter_context(receiving())
        self.pictures.files[PICTURE] = picture_bytes("tiles.png")
        self._simulate(folder)
        self.bed = Bed(settings, "orders", settings.ledger_partitions)
        producer = kafka.transactional_producer(settings, f"{settings.topic_prefix}tests")
        self.rig = Rig(settings, LedgerWriter(producer, self.bed.stream.events_topic, settings.ledger_partitions))
        bench = Workbench(settings)
        bench.make_read_models()
        described = Bed(settings, "catalogue", 1)
        for running in (self.bed.running(), described.running(), self.rig.projecting("all")):
            opened.enter_context(running)
        self._connect()
        asyncio.run(self._describe())
        described.wait_until_answered()
        wait_until(lambda: len(self.rig.query("SELECT sku FROM catalogue_sku_map")) == 2, SECONDS_MAX, "the catalogue")
        environment = self._environment(port)
        self._serve(environment, folder / "serve.log")
        opened.enter_context(bench.worker(*WORKERS, environment=environment))

    def _simulate(self, folder: Path) -> None:
        """The outside world: a press, two suppliers and a carrier that tell all by webhook."""
        settings, door = self.settings, f"{self.url}/webhooks"
        self.key, self._secret = "key-of-tests", "secret-of-tests"
        shops = demo_shops(
            [EAST],
            f"{door}/partners/{{shop}}",
            settings.partner_api_key.get_secret_value(),
            settings.partner_webhook_secret.get_secret_value(),
        )
        press = PressConfig(store_file=str(folder / "press.sqlite"), shops=shops)
        office = CarrierConfig(
            store_file=str(folder / "office.sqlite"),
            api_key=settings.carrier_api_key.get_secret_value(),
            webhook_secret=settings.carrier_webhook_secret.get_secret_value(),
            webhook_url=f"{door}/carriers/easypost",
        )
        self.press = self._started("processors.partners.print_shop_simulator", press, folder / "press")
        self.office = self._started("processors.carriers.easypost_simulator", office, folder / "office")
        self.suppliers = {
            name: self._started(
                "processors.suppliers.simulator",
                SupplierConfig(
                    store_file=str(folder / f"{name}.sqlite"),
                    key=self.key,
                    webhook_secret=self._secret,
                    webhook_url=f"{door}/partners/{name}",
                    articles=(StockedArticle(sku=COASTERS_SKU, price_minor=COASTERS_COST_MINOR),),
                ),
                folder / name,
            )
            for name in (SUPPLIER, SECOND)
        }
        self.office.control("PATCH", "/office", {"scan_ms": 50})

    def _started(self, module: str, config: object, folder: Path) -> SimulatorProcess:
        made = SimulatorProcess(module, config, folder)
        self._opened.callback(made.stop)
        return made

    def _environment(self, port: int) -> dict[str, str]:
        vendors = {name: SUPPLIER_SETUP | {"base_url": one.url} for name, one in self.suppliers.items()}
        return {
            **environment_of(self.settings),
            "API_PORT": str(port),
            "PUBLIC_BASE_URL": self.url,
            "PRINT_SHOPS": EAST,
            "PARTNER_BASE_URL": self.press.url,
            "CARRIER_BASE_URL": self.office.url,
            "VENDORS": json.dumps(vendors),
            "SUPPLIER_API_KEY": self.key,
            "SUPPLIER_WEBHOOK_SECRET": self._secret,
        }

    def _connect(self) -> None:
        with postgres.pool(self.settings.database_app_url, self.settings, name="tests") as pool:
            options = {"policy": msgspec.to_builtins(POLICY)}
            intake.stores(self.settings, pool).put(TENANT, STORE, "rest", options=options)
            self._api_key = intake.api_keys(self.settings, pool).create(TENANT, "tests", SCOPES)

    async def _describe(self) -> None:
        with KafkaRecordLog.connect(self.settings, "tests") as log:
            sender = KafkaCommandSender(log, Codec())
            desk = CatalogueDesk(sender, intake.bucket(self.settings), now_ms, "operator:tests")
            await desk.say(SHARED_TENANT, catalogue())
            for sku, variant_id in (("MUG", MUG), ("COASTERS", COASTERS)):
                await desk.say(TENANT, [MapSku(source_version=1, store=STORE, sku=sku, artwork=artwork_of(variant_id))])

    def _serve(self, environment: Mapping[str, str], log: Path) -> None:
        serve = (sys.executable, "-m", "infra.cli", "serve", "--data", str(self.settings.data_dir))
        process = Process(serve, environment, log)
        self._opened.callback(process.end)
        wait_for_url(f"{self.url}/healthz", lambda: process.told() if process.wait(0) is not None else None)

    def order(self, external_id: str, lines: Sequence[Mapping[str, Any]], version: int = 1) -> str:
        """The store sends its order, or a newer version of it; returns our id of it."""
        printed = {"artwork_url": f"{self.pictures.url}{PICTURE}"}
        body = {
            "store": STORE,
            "external_id": external_id,
            "currency": "USD",
            "updated_at": NOW + version,
            "recipient": {name: said for name, said in msgspec.to_builtins(BUYER).items() if said},
            "lines": [{**line, **(printed if "text" in line else {})} for line in lines],
        }
        headers = {"X-Api-Key": self._api_key, "Idempotency-Key": f"{external_id}-{version}"}
        answer = httpx.post(f"{self.url}/v1/orders", json=body, headers=headers, trust_env=False, timeout=60)
        assert answer.status_code == 202, answer.text
        order_id: str = answer.json()["order_id"]
        return order_id

    def until(self, order_id: str, status: str) -> OrderView:
        """The order, once it has this status."""

        async def look() -> OrderView:
            async with self.rig.reading() as reads:
                return await reads.wait_for_status(TENANT, order_id, frozenset({status}), SECONDS_MAX)

        return asyncio.run(look())

    def history(self, order_id: str) -> list[OrderEvent]:
        """All facts of an order."""
        found: list[Any] = [
            self.bed.codec.decode(value_of(message))
            for message in self.bed.facts()
            if headers_of(message)["ce_subject"].decode() == order_id
        ]
        return found

    def jobs(self, supplier: str, history: Sequence[OrderEvent]) -> list[dict[str, Any]]:
        """What a supplier has of an order."""
        keys = {fact.effect_key for fact in history if isinstance(fact, SubmissionRequested)}
        made: list[dict[str, Any]] = self.suppliers[supplier].control("GET", "/jobs")
        return [job for job in made if job["external_id"] in keys]


@contextmanager
def behaving(simulator: SimulatorProcess, desk: str, **behaviour: object) -> Iterator[None]:
    """Let a simulator behave otherwise until the block ends."""
    before = simulator.control("GET", desk)
    simulator.control("PATCH", desk, behaviour)
    try:
        yield
    finally:
        simulator.control("PATCH", desk, {name: before[name] for name in behaviour})


def statuses(history: Sequence[OrderEvent]) -> list[str]:
    """What the order's status was after each fact, without repetitions."""
    decider, order, seen = OrderDecider(), Order(), list[str]()
    for fact in history:
        order = decider.evolve(order, fact)
        if not seen or seen[-1] != order_status(order):
            seen.append(order_status(order))
    return seen


def about(history: Sequence[OrderEvent], line_id: str) -> list[OrderEvent]:
    """The facts that name a line."""
    return [fact for fact in history if getattr(fact, "line_id", "") == line_id]


@pytest.fixture(scope="module")
def shop(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ExitStack() as opened:
        yield Shop(opened.enter_context(own_settings(stack)), tmp_path_factory.mktemp("mixed"), opened)


def test_a_mixed_order_comes_from_press_and_supplier_and_its_status_says_what_has_arrived(shop: Shop) -> None:
    # when the press does not go on until the supplier's parcel has arrived
    with behaving(shop.press, f"/shops/{EAST}", stuck_at="printing"):
        order_id = shop.order("mixed-1", [PRINTED, READY_MADE])
        halfway = shop.until(order_id, "partially_delivered")
    arrived = shop.until(order_id, "delivered")

    # then
    assert {line.line_id: line.status for line in halfway.lines}["2"] == "delivered"
    contents = {parcel.parcel_id: dict(parcel.contents) for parcel in arrived.parcels}
    assert list(contents.values()) == [{"2": (1, 2)}, {"1": (1,)}]
    assert len({parcel.tracking_number for parcel in arrived.parcels} - {""}) == 2
    history = shop.history(order_id)
    steps = [word for word in statuses(history) if word.startswith(("partially", "delivered"))]
    assert steps == ["partially_shipped", "partially_delivered", "delivered"]
    kinds = {type(fact) for fact in about(history, "2")}
    assert not kinds & {ArtworkChecked, LineRendered, LinePrinted, InspectionPassed}
    assert kinds >= {LineRouted, SubmissionRequested, GoodsReady}
    assert {ArtworkChecked, LineRendered, LinePrinted, InspectionPassed} <= {type(fact) for fact in about(history, "1")}
    routed = {fact.line_id: fact for fact in history if isinstance(fact, LineRouted)}
    assert {line_id: fact.partner_id for line_id, fact in routed.items()} == {"1": EAST, "2": SUPPLIER}
    assert {one.partner_id for one in routed["2"].candidates if one.eligible} == {SUPPLIER, SECOND}
    (job,) = shop.jobs(SUPPLIER, history)
    assert (job["quantity"], job["prints"], job["status"]) == (2, 1, "collected")


def test_a_store_takes_the_ready_made_line_out_and_the_printed_one_is_made_and_sent(shop: Shop) -> None:
    supplier = shop.suppliers[SUPPLIER]
    with behaving(supplier, "/factory", stuck_at="accepted"):
        # given coasters that the supplier has taken and not begun to pick
        order_id = shop.order("mixed-2", [PRINTED, READY_MADE])
        wait_until(
            lambda: [job for job in supplier.control("GET", "/jobs") if job["status"] == "accepted"],
            SECONDS_MAX,
            "the supplier has the coasters",
        )
        # when
        assert shop.order("mixed-2", [PRINTED], version=2) == order_id
        arrived = shop.until(order_id, "delivered")

    # then
    history = shop.history(order_id)
    assert [(fact.line_id, fact.run) for fact in history if isinstance(fact, LineCancelled)] == [("2", 1)]
    assert [line.line_id for line in arrived.lines if len(line.cancelled_units) < line.quantity] == ["1"]
    (job,) = shop.jobs(SUPPLIER, history)
    assert (job["status"], job["prints"]) == ("cancelled", 0)
    assert [dict(parcel.contents) for parcel in arrived.parcels] == [{"1": (1,)}]
    assert sum(isinstance(fact, LabelPurchased) for fact in history) == 1


def test_where_a_supplier_is_sold_out_the_next_one_sends_the_goods(shop: Shop) -> None:
    # when
    with behaving(shop.suppliers[SUPPLIER], "/factory", sold_out_next=1_000):
        order_id = shop.order("mixed-3", [PRINTED, READY_MADE])
        shop.until(order_id, "delivered")

    # then
    history = shop.history(order_id)
    (refused,) = (fact for fact in history if isinstance(fact, SubmissionRefused))
    assert (refused.line_id, refused.partner_id, refused.reason) == ("2", SUPPLIER, "out_of_stock")
    asked = [fact.partner_id for fact in about(history, "2") if isinstance(fact, SubmissionRequested)]
    assert asked == [SUPPLIER, SECOND]
    assert shop.jobs(SUPPLIER, history) == []
    (job,) = shop.jobs(SECOND, history)
    assert (job["quantity"], job["prints"]) == (2, 1)
    assert not shop.bed.verify().violations
    assert not shop.bed.audit().violations
