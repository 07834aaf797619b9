"""A house shop's day on the real topics, database and store: asked, imposed, a sheet spoiled, its units made again.

The deciders are the ledger's own; the test writes what they decide, as the ledger would.
"""

import asyncio
import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest
from PIL import Image

from events.batches.commands import BatchCommand, ReportSheetPrinted, ReportSheetSpoiled
from events.batches.decide import BatchDecider
from events.batches.state import Batch
from events.decider import Context, Ignored, Refusal
from events.declare import Declared
from events.envelope import CommandEnvelope
from events.identity import command_id
from events.order.commands import CancelOrder, HoldOrder, OrderCommandUnion, ReleaseHold, ReportRendered
from events.order.decide import OrderDecider
from events.order.facts import (
    CommandIgnored,
    CommandRefused,
    ExceptionRaised,
    ExceptionResolved,
    InspectionRequested,
    OrderEvent,
    ProductionStarted,
    ReprintRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.state import Order
from events.order.values import RenderedArea, StoredFile
from infra import intake
from infra.batch_tables import BatchTables, EndedBatches
from infra.postgres import pool
from infra.s3 import Bucket
from processors.batching.desk import SHARED_TENANT, BatchDesk
from processors.batching.planes import planes_of
from processors.batching.ports import House
from processors.batching.presses import Press
from processors.batching.ticket import Ticket
from processors.clock import now_ms
from processors.partners.house_folder import HouseFolder, SheetOutcome
from processors.partners.house_shop import HouseShop
from processors.partners.protocol import Accepted, CancelTooLate, PartnerOffer, PrintFile, PrintJob
from processors.workers.files import NewFile, OrderFiles
from processors.workers.inspect import judged_by_report
from tests.integration.projections.conftest import Rig
from tests.ledger_writer import BASE_AT
from tests.order_life import TENANT, World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

pytestmark = pytest.mark.stack

MODELS = ("orders", "effects", "deadlines", "command_outcomes", "batches")
SHOP = "house"
DPI, SIDE_PX = 300, 1_181


class PlayedLedger:
    """Decides commands with the real deciders and writes what becomes true; answers each command id once."""

    def __init__(self, rig: Rig) -> None:
        self._orders, self._batches = rig.ledger, rig.writer(rig.topics.batch_events)
        self.orders: dict[str, Order] = {}
        self.batches: defaultdict[str, Batch] = defaultdict(Batch)
        self.facts: list[tuple[str, Declared]] = []
        #: Whether what is sent to orders gets lost on its way.
        self.is_away = False
        self._answered: set[str] = set()
        self._answers = 0

    def place(self, external_id: str, quantity: int, print_file: Callable[[str], StoredFile]) -> str:
        """An order of one line that the house shop has accepted."""
        key = context_of(external_id).key
        area = RenderedArea(area="front", print_file=print_file(key), proof=print_file(key))

        def answer(fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
            if isinstance(fact, SubmissionAccepted):
                return ()
            return tuple(
                msgspec.structs.replace(one, areas=(area,)) if isinstance(one, ReportRendered) else one
                for one in World(SHOP).answer(fact)
            )

        order = placed(a_store_order(external_id, lines=(a_line(quantity=quantity),)))
        self.orders[key], facts, _ = live([order], answer, external_id)
        self._orders.write([(key, fact) for fact in facts])
        return key

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        is_lost = self.is_away and not isinstance(command, BatchCommand)
        if is_lost or envelope.command_id in self._answered:
            return
        self._answered.add(envelope.command_id)
        if isinstance(command, BatchCommand):
            self._decide_batch(command, envelope)
        else:
            await self._decide_order(command, envelope)

    def _decide_batch(self, command: Any, envelope: CommandEnvelope) -> None:
        new, self.batches[envelope.key] = BatchDecider().decide_and_evolve(
            self.batches[envelope.key], command, _context(envelope)
        )
        self._batches.write([(envelope.key, fact) for fact in new], causation_id=envelope.command_id, tenant="shared")

    async def _decide_order(self, command: Any, envelope: CommandEnvelope) -> None:
        key, name = envelope.key, type(command).__name__
        facts: tuple[OrderEvent, ...]
        try:
            facts, self.orders[key] = OrderDecider().decide_and_evolve(self.orders[key], command, _context(envelope))
        except Refusal as refusal:
            facts = (CommandRefused(command=name, reason=refusal.reason, detail=refusal.detail),)
        except Ignored as ignored:
            facts = (CommandIgnored(command=name, why=ignored.why),)
        self.facts += [(key, fact) for fact in facts]
        self._orders.write([(key, fact) for fact in facts], causation_id=envelope.command_id)
        for fact in facts:
            if isinstance(fact, InspectionRequested):
                self._answers += 1
                await self.say(key, judged_by_report(fact), f"inspected-{self._answers}")

    async def say(self, key: str, command: Any, name: str, tenant: str = TENANT) -> None:
        """A command of the test's own."""
        envelope = CommandEnvelope(
            command_id=f"{key}:{name}", key=key, tenant=tenant, command_type=type(command).__name__,
            sent_at=now_ms(), actor="test",
        )  # fmt: skip
        await self.send(command, envelope)

    def of(self, fact_type: type[Any]) -> list[tuple[str, Any]]:
        """Facts of this type that commands made true, with their orders."""
        return [(key, fact) for key, fact in self.facts if isinstance(fact, fact_type)]


class HouseWorld:
    """The desk over the real read models, store and folder."""

    def __init__(self, rig: Rig, bucket: Bucket, connections: intake.Pool, root: Path) -> None:
        self.ledger = PlayedLedger(rig)
        self.vault = intake.vault(rig.settings, connections)
        self.files, self.bucket = OrderFiles(bucket, self.vault), bucket
        self.reads, self.connections = BatchTables(connections), connections
        self.folder = HouseFolder(root)
        offer = PartnerOffer(
            partner_variant="T-B-M", variant="tee", stock_units=9, unit_cost_minor=1, currency="EUR", production_ms=1
        )
        self.shop = HouseShop(SHOP, self.folder, offers=(offer,), country="DE", capacity_units_per_day=9, now_ms=now_ms)
        self.press_variants: dict[str, str] = {}
        #: How far the desk's clock is ahead of the first fact's.
        self.desk_ahead_ms = 600_000

    def desk(self) -> BatchDesk:
        """A desk that remembers nothing, as after a crash."""
        press = Press(
            name="dtf-1", method="dtf", variants=self.press_variants, sheet_width_um=270_000, sheet_height_um=150_000,
            sheets_per_hour=20, wait_max_s=0,
        )  # fmt: skip
        house = House(partner_id=SHOP, presses={press.name: press}, folder=self.folder)
        return BatchDesk(
            houses=[house], reads=self.reads, commands=self.ledger, files=self.files, vault=self.vault,
            opened=planes_of, now_ms=lambda: BASE_AT + self.desk_ahead_ms, outages=(),
        )  # fmt: skip

    def order(self, external_id: str, quantity: int) -> str:
        """An order whose print run waits in the shop's folder."""
        key = self.ledger.place(external_id, quantity, self._print_file)
        (run,) = self.ledger.orders[key].lines["1"].runs
        self.press_variants[run.partner_variant] = "mug"
        job = PrintJob(
            effect_key=run.effect_key, partner_variant="T-B-M", quantity=quantity, units=run.units,
            files=(PrintFile(area="front", url="", sha256="0" * 64),), recipient_country="DE", due_at=1,
        )  # fmt: skip
        assert isinstance(asyncio.run(self.shop.submit(job)), Accepted)
        assert isinstance(asyncio.run(self.shop.submit(job)), Accepted)
        return key

    def open_batch(self, lines: int) -> None:
        """Let the desk look once, when it can see so many waiting lines, and wait for the batch that it opens."""
        wait_until(lambda: len(self.reads.waiting(SHOP)) == lines, 60)
        asyncio.run(self.desk().run_once())
        wait_until(lambda: [one.state.stage for one in self.reads.at_work(SHOP)] == ["open"], 60)

    def until_stage(self, stage: str) -> str:
        """Let desks that remember nothing work until the batch is so far; returns its id."""

        def reached() -> bool:
            asyncio.run(self.desk().run_once())
            return [one.state.stage for one in self.reads.at_work(SHOP)] == [stage]

        wait_until(reached, 60)
        return self.reads.at_work(SHOP)[0].batch_id

    def work_until(self, fact_type: type[Any]) -> None:
        """Let desks that remember nothing work until a command makes such a fact true."""

        def reached() -> bool:
            asyncio.run(self.desk().run_once())
            return bool(self.ledger.of(fact_type))

        wait_until(reached, 60)

    def look_until(self, reached: Callable[[], bool]) -> None:
        """Let desks that remember nothing look until it is so."""
        wait_until(lambda: reached() or asyncio.run(self.desk().run_once()), 60)

    def _print_file(self, order_id: str) -> StoredFile:
        key = f"{TENANT}/{order_id}/1/front/v1/print.png"
        buffer = io.BytesIO()
        Image.new("RGBA", (20, 20), "crimson").save(buffer, "PNG")
        file = NewFile(content=buffer.getvalue(), media_type="image/png", width_px=SIDE_PX, height_px=SIDE_PX, dpi=DPI)
        return self.files.store(TENANT, order_id, key, f"render-{order_id}", file)


@pytest.fixture
def house(rig: Rig, bucket: Bucket, tmp_path: Path) -> Iterator[HouseWorld]:
    with pool(rig.settings.database_url, rig.settings, name="test") as connections, rig.projecting(*MODELS):
        yield HouseWorld(rig, bucket, connections, tmp_path)


def test_each_order_is_asked_and_a_spoiled_sheet_prints_exactly_its_units_again(house: HouseWorld) -> None:
    # given a batch of three orders, one of which is cancelled before anything is imaged
    one, two, gone = house.order("1", 1), house.order("2", 2), house.order("3", 1)
    house.open_batch(3)
    asyncio.run(house.ledger.say(gone, CancelOrder(reason="changed my mind"), "cancel"))

    # when
    batch_id = house.until_stage("sent")

    # then only what said yes is imaged, each piece once, sealed in the store and open in the press's folder
    batch = house.ledger.batches[batch_id]
    assert {line.order_id for line in batch.lines} == {one, two}
    assert {key for key, _ in house.ledger.of(ProductionStarted)} == {one, two}
    effects = {key: house.ledger.orders[key].lines["1"].runs[0].effect_key for key in (one, two, gone)}
    assert house.folder.waiting() == [effects[gone]]
    job = house.folder.job(batch_id)
    ticket = msgspec.json.decode((job / "ticket.json").read_bytes(), type=Ticket)
    pieces = [(piece.order_id, piece.unit) for sheet in ticket.sheets for piece in sheet.pieces]
    assert sorted(pieces) == sorted([(one, 1), (two, 1), (two, 2)])
    assert len(ticket.sheets) == 2
    for sheet, made in zip(ticket.sheets, batch.sheets, strict=True):
        with pikepdf.open(job / sheet.file) as pdf:
            assert len(pdf.pages) == 1
        assert b"%PDF" not in house.bucket.get(made.imposed.file_key)
    too_late = asyncio.run(house.shop.cancel(effects[one], "changed my mind"))
    assert isinstance(too_late, CancelTooLate)

    # when one sheet is spoiled
    spoiled = next(sheet.sheet for sheet in ticket.sheets if any(piece.order_id == one for piece in sheet.pieces))
    waste = sorted((piece.order_id, piece.unit) for piece in ticket.sheets[spoiled - 1].pieces)
    asyncio.run(
        house.ledger.say(batch_id, ReportSheetSpoiled(sheet=spoiled, reason_code="head_strike"), "spoiled", "shared")
    )
    asyncio.run(house.ledger.say(batch_id, ReportSheetPrinted(sheet=3 - spoiled), "printed", "shared"))
    house.until_stage("completed")
    wait_until(lambda: not job.exists() or asyncio.run(house.desk().run_once()), 30)

    # then exactly its units are printed again, and no sheet outlives the batch
    reprints = house.ledger.of(ReprintRequested)
    assert sorted((key, unit) for key, fact in reprints for unit in fact.units) == waste
    assert {fact.reason_code for _, fact in reprints} == {"head_strike"}
    assert {key for key, _ in house.ledger.of(SubmissionRequested)} == {key for key, _ in waste}
    assert house.vault.is_erased(SHARED_TENANT, batch_id)


def test_a_line_that_the_shop_stopped_first_is_not_imaged_even_if_its_order_said_yes(house: HouseWorld) -> None:
    kept, stopped = house.order("1", 1), house.order("2", 1)
    asyncio.run(house.shop.cancel(house.ledger.orders[stopped].lines["1"].runs[0].effect_key, "changed my mind"))

    house.open_batch(2)
    batch_id = house.until_stage("sent")

    assert [line.order_id for line in house.ledger.batches[batch_id].lines] == [kept]


def test_a_run_whose_only_batch_came_to_nothing_is_printed_in_another(house: HouseWorld) -> None:
    # given a run alone in its batch, whose order is held before it is asked
    order = house.order("1", 1)
    house.open_batch(1)
    (first,) = house.ledger.batches
    asyncio.run(house.ledger.say(order, HoldOrder(), "hold"))
    house.look_until(lambda: house.ledger.batches[first].stage == "abandoned")
    wait_until(lambda: not house.reads.at_work(SHOP) and not house.reads.waiting(SHOP), 60)

    # when the order may go on
    asyncio.run(house.ledger.say(order, ReleaseHold(reason="manual"), "release"))
    batch_id = house.until_stage("sent")

    # then it is imaged after all
    assert batch_id != first
    assert [line.order_id for line in house.ledger.batches[batch_id].lines] == [order]


def test_a_silent_press_is_an_exception_of_its_orders_until_it_speaks(house: HouseWorld) -> None:
    # given a job at the press
    order = house.order("1", 1)
    house.open_batch(1)
    batch_id = house.until_stage("sent")
    assert house.ledger.of(ExceptionRaised) == []

    # when nobody says anything of it for five hours
    house.desk_ahead_ms = 5 * 3_600_000
    house.work_until(ExceptionRaised)

    # then
    ((key, raised),) = house.ledger.of(ExceptionRaised)
    assert (key, raised.kind, raised.blocking) == (order, "partner_on_hold", True)
    assert "press_silent" in raised.detail
    assert house.ledger.batches[batch_id].trouble == "press_silent"

    # when the press says by the folder what came of the sheet
    house.folder.settle(batch_id, 1, SheetOutcome(outcome="printed"))
    house.until_stage("completed")
    house.work_until(ExceptionResolved)

    # then nobody has to settle anything, and the read models know the batch's commands and its end
    assert [key for key, _ in house.ledger.of(ExceptionResolved)] == [order]
    closing = (SHARED_TENANT, command_id("batch", batch_id, "close"))
    assert house.reads.outcomes([closing])[closing[1]][0] == "accepted"
    assert set(EndedBatches(house.connections).ended_orders(SHARED_TENANT, [batch_id, "other"])) == {batch_id}


def test_orders_hear_what_became_of_their_units_however_late_and_then_nothing_is_left(house: HouseWorld) -> None:
    # given a batch that an operator ended while no desk was there
    order = house.order("1", 1)
    house.open_batch(1)
    batch_id = house.until_stage("sent")
    asyncio.run(house.ledger.say(batch_id, ReportSheetSpoiled(sheet=1, reason_code="head_strike"), "spoiled", "shared"))
    wait_until(lambda: [one.state.stage for one in house.reads.at_work(SHOP)] == ["completed"], 60)

    # when desks look two days later, and what they say gets lost
    house.desk_ahead_ms, house.ledger.is_away = 2 * 86_400_000, True
    for _ in range(3):
        asyncio.run(house.desk().run_once())

    # then the batch is not forgotten
    assert house.ledger.batches[batch_id].stage == "completed"
    assert house.ledger.of(ReprintRequested) == []

    # when its order can be told
    house.ledger.is_away = False
    house.look_until(lambda: house.ledger.batches[batch_id].stage == "cleared")

    # then the unit is printed again, and nobody has to look at the batch any more
    assert [key for key, _ in house.ledger.of(ReprintRequested)] == [order]
    assert not house.folder.job(batch_id).exists()
    assert house.vault.is_erased(SHARED_TENANT, batch_id)
    wait_until(lambda: house.reads.at_work(SHOP) == [], 60)


def _context(envelope: CommandEnvelope) -> Context:
    return Context(
        key=envelope.key, tenant=envelope.tenant, command_id=envelope.command_id, now=envelope.sent_at, actor="test"
    )
