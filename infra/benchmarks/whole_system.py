"""The whole system under a load of orders, and an account from outside of what became of each order and effect.

What was sent is remembered before it is sent; what happened is read from the ledger, the read models, the bucket, the
press, the carrier and the mail folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from events.catalogue.commands import DefineProduct, PublishTemplate, ReportPartnerOffer
from events.catalogue.facts import PrintAreaSize, Variant
from events.documents import PublishedAddress, PublishedArea, PublishedLine, StoreOrderPublished
from events.order.values import LineArtwork
from infra import bootstrap, intake
from infra.benchmarks.account import Account, Books, wrong_in
from infra.benchmarks.desks import carrier_controls, carrier_desks, labels_sold
from infra.catalogue_desk import SHARED_TENANT
from infra.child import describe_exit
from infra.commands.up import end
from infra.demo import seed as demo
from infra.demo.catalogue import EAST, WEST
from infra.files import write_whole
from infra.processes import AppProcess, app_processes
from infra.settings import STACK_ENV, Settings, load
from processors.artwork.template import Box, PrintArea, Product, Template, TextLayer, template_to_json
from processors.partners import print_shop_setup as presses
from processors.ports import NamedError

VARIANT, TEMPLATE, SKU = "sticker-demo", "sticker-demo", "CHAOS-STICKER"
UP_SECONDS_MAX = 180.0
HELLO = (PublishedArea(text="Hello"),)
#: The time from one scan of a parcel to the next here, and what a simulator calls it where it is not `stage_ms`.
SCAN_MS = 50
SCAN_FIELDS = {"easypost": "scan_ms"}


class System:
    """The embedded stack with one child a process, each of which can be killed and started again at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: Counter[str] = Counter()
        self.crashes: list[str] = []
        self._at_hand = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[System]:
        """Start the simulators and every process; end them all with the block."""
        try:
            for process in app_processes(self.settings):
                self.start(process)
            yield self
        finally:
            for child in self.children.values():
                child.terminate()
            for child in self.children.values():
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()

    def start(self, process: AppProcess) -> None:
        """Start one process with a log of its own."""
        self.settings.logs_dir.mkdir(exist_ok=True)
        with (self.settings.logs_dir / f"{process.name}.log").open("ab") as log:
            command = process.command(self.settings)
            self.children[process.name] = subprocess.Popen(
                command.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, process: AppProcess) -> None:
        """Kill one process and its children as the kernel would, and start it again."""
        # What had ended by itself is not counted as killed.
        self.look_after()
        with self._at_hand:
            child = self.children[process.name]
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            self.kills[process.name] += 1
            self.start(process)

    def look_after(self) -> None:
        """Start again what ended and was not killed, as the supervisor does, and remember how it ended."""
        for process in app_processes(self.settings):
            with self._at_hand:
                code = self.children[process.name].poll()
                if code is not None:
                    self.crashes.append(f"{process.name} {describe_exit(code)}")
                    self.start(process)


async def until_ready(settings: Settings) -> None:
    """Wait until the API and the outside world answer."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in (
            f"{settings.public_base_url}/readyz",
            f"http://127.0.0.1:{settings.partner_simulator_port}/control/health",
            *(f"{book}/health" for book in carrier_controls(settings).values()),
            f"http://127.0.0.1:{settings.pictures_port}/",
        ):
            await _answers(client, url)


async def _answers(client: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(UP_SECONDS_MAX):
        while True:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)


def sticker() -> Template:
    """A product small enough that rendering it costs nothing: the load is the ledger's and the workers'."""
    text = TextLayer(
        name="text",
        box=Box(x_um=1_000, y_um=6_000, width_um=18_000, height_um=8_000),
        size_um=5_000,
        min_size_um=2_000,
        required=True,
    )
    area = PrintArea(
        name="front", width_um=20_000, height_um=20_000, width_px=118, height_px=118, dpi=150, layers=(text,)
    )
    return Template(template_id=TEMPLATE, version=1, product=Product(name="Sticker (demo)", kind="flat"), areas=(area,))


async def prepare(settings: Settings) -> None:
    """Make the sticker known, sold by both presses, and the world quick."""
    template = sticker()
    area = template.areas[0]
    async with bootstrap.operator_desk(settings) as desk:
        await desk.catalogue.say(
            SHARED_TENANT,
            (
                DefineProduct(
                    source_version=1,
                    product_id=TEMPLATE,
                    title="Sticker (demo)",
                    variants=(Variant(variant_id=VARIANT),),
                    print_areas=(
                        PrintAreaSize(name="front", width_um=area.width_um, height_um=area.height_um, dpi=150),
                    ),
                ),
                PublishTemplate(
                    source_version=1,
                    template_id=TEMPLATE,
                    template_version=1,
                    product_id=TEMPLATE,
                    body=template_to_json(template).decode(),
                ),
                *(
                    ReportPartnerOffer(
                        source_version=1,
                        partner_id=partner_id,
                        variant_id=VARIANT,
                        partner_variant="MUG-11-WHT",
                        cost_minor=100,
                        currency="USD",
                        stock=1_000_000,
                        production_days=1,
                    )
                    for partner_id in (EAST, WEST)
                ),
            ),
        )
        meaning = LineArtwork(variant_id=VARIANT, template_id=TEMPLATE, template_version=1)
        await desk.catalogue.map_sku(demo.TENANT, "demo-kafka", SKU, meaning)
    quick = dict.fromkeys(msgspec.to_builtins(presses.Behaviour())["stage_ms"], 30)
    async with httpx.AsyncClient(trust_env=False) as client:
        for shop in (EAST, WEST):
            changes = {"stage_ms": quick, "delivery": {"duplicate_share": 0.1, "delay_min_ms": 0, "delay_max_ms": 300}}
            answer = await client.patch(
                f"http://127.0.0.1:{settings.partner_simulator_port}/control/shops/{shop}", json=changes
            )
            answer.raise_for_status()
    desks = carrier_desks(settings)
    for name in settings.carriers:
        await desks.behave(name, **{SCAN_FIELDS.get(name, "stage_ms"): SCAN_MS})
    await desks.aclose()


def order_of(external_id: str, now: int) -> StoreOrderPublished:
    """A made-up order of one sticker, as its store publishes it. `now` is in epoch milliseconds."""
    return StoreOrderPublished(
        store="demo-kafka",
        external_id=external_id,
        placed_at=now,
        updated_at=now,
        currency="USD",
        total_minor=300,
        address=PublishedAddress(
            name="Demo Buyer",
            address1="476 5th Avenue",
            city="New York",
            region="NY",
            postal_code="10018",
            country="US",
            email="demo-buyer@example.com",
        ),
        lines=(PublishedLine(line_id="1", sku=SKU, title="Sticker", quantity=1, unit_price_minor=300, areas=HELLO),),
    )


async def until_ended(system: System, sent: list[str], seconds_max: float) -> dict[str, str]:
    """The status of every order, once all are delivered; after the time, as they stand then."""
    statuses: dict[str, str] = {}
    deadline = time.monotonic() + seconds_max
    async with bootstrap.read_models(system.settings) as reader:
        while time.monotonic() < deadline:
            await asyncio.to_thread(system.look_after)
            cursor: str | None = None
            while True:
                page = await reader.list_orders(demo.TENANT, store="demo-kafka", limit=200, cursor=cursor)
                statuses |= {order.order_id: order.status for order in page.orders}
                if (cursor := page.next_cursor) is None:
                    break
            if all(statuses.get(one) == "delivered" for one in sent):
                break
            await asyncio.sleep(1.0)
    return {one: statuses.get(one, "unknown") for one in sent}


async def account_of(system: System, sent: list[str], statuses: dict[str, str], seconds: float) -> Account:
    """Compare what was sent with what everybody has of it, and let the ledger be verified and audited."""
    settings = system.settings
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        jobs = (await client.get(f"http://127.0.0.1:{settings.partner_simulator_port}/control/jobs")).json()
    books = Books(
        jobs=jobs,
        labels=await labels_sold(settings),
        versions=(key for key, _ in intake.bucket(settings).versions()),
        mails=_message_ids(settings.mail_dir),
    )
    return Account(
        orders=len(sent),
        kills=dict(system.kills),
        crashes=system.crashes,
        seconds=round(seconds, 1),
        statuses=dict(Counter(statuses.values())),
        verify=_proof(settings, "verify"),
        audit=_proof(settings, "audit"),
        **wrong_in(books, sent, statuses),
    )


def _message_ids(folder: Path) -> Iterator[str]:
    for file in folder.glob("*.eml"):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("message-id:"):
                yield line.partition(":")[2].strip()
                break


def _proof(settings: Settings, command: str) -> dict[str, Any]:
    argv = (sys.executable, "-m", "infra.cli", command, "--json", "--data", str(settings.data_dir))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        told = {"violations": 1, "said": (done.stdout + done.stderr)[-1_000:]}
    return told


@contextmanager
def own_stack(folder: Path, **also: str) -> Iterator[Settings]:
    """A stack of this run's own, with the demo profile, on free ports. `also` are further settings by their names."""
    argv = (
        *(sys.executable, "-m", "infra.cli", "up", "--detach", "--parts-only", "--auto-ports", "--profile", "demo"),
        *("--until-pid", str(os.getpid()), "--data", str(folder)),
    )
    subprocess.run(argv, check=True, timeout=UP_SECONDS_MAX, stdout=subprocess.DEVNULL)
    kept = folder / STACK_ENV
    write_whole(kept, kept.read_text(encoding="utf-8") + "".join(f"{name}={value}\n" for name, value in also.items()))
    try:
        yield load(folder)
    finally:
        end(folder)


class NothingMayBeLost(NamedError):
    """The account of the orders does not add up. What is wrong follows."""
