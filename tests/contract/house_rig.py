"""The house shop's rig: the adapter over its shared folder, the real batch desk, and the simulated operator at a press.

There is no line between us and this shop, so nothing here is a process of its own: time goes on while a test waits.
"""

import asyncio
import contextlib
import errno
import itertools
import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from events.batches.commands import BatchCommand
from events.batches.decide import BatchDecider
from events.batches.facts import BatchFile, BatchLine
from events.batches.state import Batch
from events.decider import Context, Ignored, Refusal
from events.declare import Declared
from events.envelope import CommandEnvelope
from events.order.commands import ReportPartnerStatus
from processors.batching.desk import BatchDesk
from processors.batching.plan import Waiting
from processors.batching.planes import planes_of
from processors.batching.ports import House, KnownBatch
from processors.batching.presses import Press
from processors.clock import now_ms
from processors.outbound import ExchangeLog, OutboundPolicy
from processors.partners.house_folder import FolderAway, HouseFolder, HouseRecord
from processors.partners.house_shop import HouseShop
from processors.partners.house_simulator import Behaviour, HouseOperator
from processors.partners.protocol import (
    Defect,
    JobSnapshot,
    PartnerOffer,
    PartnerReport,
    PrintFile,
    PrintJob,
    PrintPartner,
    QualityReport,
)
from processors.workers.files import NewFile, OrderFiles
from tests.contract.net import Received
from tests.contract.partner_rigs import PATIENT, Made, new_effect_key, print_file
from tests.unit.api_world import Objects
from tests.unit.inbound.doubles import MemoryVault

TENANT = "demo"
VARIANT = "T-B-M"
SIDE_UM = 50_000
PRESS = Press(
    name="dtf-1", method="dtf", variants={VARIANT: "tee"}, sheet_width_um=200_000, sheet_height_um=120_000,
    sheets_per_hour=20, wait_max_s=0,
)  # fmt: skip
LIMIT_S = 60.0


class Troubles:
    """What goes wrong with the folder next, whoever uses it. Counters count down to 0."""

    def __init__(self) -> None:
        self.left: Counter[str] = Counter()
        self.is_down = False
        self._lock = threading.Lock()

    def use_up(self, trouble: str) -> bool:
        """Take one from a counter; whether there was one."""
        with self._lock:
            was_there = self.left[trouble] > 0
            self.left[trouble] -= was_there
            return was_there


class TroubledFolder(HouseFolder):
    """The shop's folder on a share that can fail before, or after, it has done what was asked."""

    def __init__(self, root: Path, troubles: Troubles) -> None:
        super().__init__(root)
        self._troubles = troubles

    def find(self, effect_key: str) -> tuple[str, HouseRecord] | None:
        if self._troubles.use_up("fail") or self._troubles.is_down:
            raise OSError(errno.EIO, "Input/output error")
        return super().find(effect_key)

    def put(self, record: HouseRecord) -> tuple[str, HouseRecord]:
        found = super().put(record)
        if self._troubles.use_up("go down after"):
            self._troubles.is_down = True
        if self._troubles.is_down or self._troubles.use_up("fall silent"):
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        return found


class ForbiddenFolder(HouseFolder):
    """The shop's folder for an account that may read it and not write."""

    def put(self, record: HouseRecord) -> tuple[str, HouseRecord]:
        raise PermissionError(errno.EACCES, "Permission denied")

    def cancel(self, effect_key: str, now: int) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")


class PlayedBatches:
    """Batches as the ledger decides them and the read model shows them; every order says yes to its press."""

    def __init__(self, folder: HouseFolder, files: OrderFiles, vault: MemoryVault) -> None:
        self.batches: defaultdict[str, Batch] = defaultdict(Batch)
        self.reports: list[ReportPartnerStatus] = []
        self.is_batching = True
        self._folder, self._files, self._vault = folder, files, vault
        self._answered: dict[str, tuple[str, str]] = {}
        self._lines: dict[str, BatchLine] = {}

    def waiting(self, partner_id: str) -> Sequence[Waiting]:
        with contextlib.suppress(FolderAway):
            if self.is_batching:
                return [self._waiting(effect_key) for effect_key in self._folder.waiting()]
        return []

    def _waiting(self, effect_key: str) -> Waiting:
        found = self._folder.find(effect_key)
        assert found is not None
        return Waiting(
            line=self._lines.setdefault(effect_key, self._line(found[1])),
            partner_variant=found[1].partner_variant,
            destination="US",
            priority="standard",
            since=found[1].accepted_at,
        )

    def _line(self, record: HouseRecord) -> BatchLine:
        order_id = f"order-{record.effect_key}"
        key = f"{TENANT}/{order_id}/1/front/v1/print.png"
        file = NewFile(content=print_file(), media_type="image/png", width_px=60, height_px=40, dpi=300)
        self._files.store(TENANT, order_id, key, record.effect_key, file)
        return BatchLine(
            tenant=TENANT, order_id=order_id, line_id="1", run=1, units=record.units, version=1,
            variant_id="tee-black-m", effect_key=record.effect_key,
            files=(BatchFile(area="front", key=key, width_um=SIDE_UM, height_um=SIDE_UM),),
        )  # fmt: skip

    def at_work(self, partner_id: str) -> Sequence[KnownBatch]:
        return [KnownBatch(batch_id=key, state=batch, moved_at=now_ms()) for key, batch in self.batches.items()]

    def ended(self, batch_ids: Sequence[str]) -> Mapping[str, int]:
        return {one: now_ms() for one in batch_ids if self.batches[one].stage in {"completed", "cleared", "abandoned"}}

    def outcomes(self, ids: Sequence[tuple[str, str]]) -> Mapping[str, tuple[str, str]]:
        return {asked: self._answered[asked] for _, asked in ids if asked in self._answered}

    async def send(self, command: Declared, envelope: CommandEnvelope) -> None:
        if envelope.command_id in self._answered:
            return
        self._answered[envelope.command_id] = ("accepted", "")
        if isinstance(command, BatchCommand):
            context = Context(
                key=envelope.key, tenant=envelope.tenant, command_id=envelope.command_id, now=now_ms(),
                actor=envelope.actor,
            )  # fmt: skip
            with contextlib.suppress(Ignored, Refusal):
                decided: Any = command
                _, after = BatchDecider().decide_and_evolve(self.batches[envelope.key], decided, context)
                self.batches[envelope.key] = after
        elif isinstance(command, ReportPartnerStatus):
            self.reports.append(msgspec.structs.replace(command, line_id=envelope.key.removeprefix("order-")))

    def told_of(self, effect_key: str) -> list[PartnerReport]:
        """What the desk has said of a run, as a partner's webhook would have said it."""
        return [_as_told(one, effect_key) for one in self.reports if one.line_id == effect_key]


def _as_told(report: ReportPartnerStatus, effect_key: str) -> PartnerReport:
    judged, quality = report.quality, None
    if judged is not None:
        defects = tuple(Defect(unit=unit, code=one.code) for unit in judged.failed_units for one in judged.defects)
        quality = QualityReport(passed=not defects, defects=defects)
    return PartnerReport(
        effect_key=effect_key,
        raw_status=report.raw,
        canonical=report.canonical or None,
        rank=report.rank,
        partner_timestamp_at=report.partner_at,
        partner_event_id=report.partner_event_id,
        quality=quality,
        detail=report.raw if report.rank == 0 else "",
        provenance=report.adapter_version,
    )


class HouseRig:
    """The house shop behind its folder; a shop of its own for each test."""

    name = "house"
    drafts_first = signs_body = signs_time = False
    too_late_at = "printing"
    stoppable = "stay queued"
    last_word = "printed"
    unsaid: frozenset[str] = frozenset()
    lacks: Mapping[str, str] = {
        "calls": "a folder takes no calls that could be limited, broken off or kept",
        "webhooks": "this shop sends none: the batch desk reads the folder and says how far a run is",
    }
    faults: ClassVar[frozenset[str]] = frozenset(
        {
            *("fail", "refuse for good", "accept and fall silent", "go down", "go down before the answer"),
            *("stay queued", "stay where it is too late", "hold", "misprint"),
        }
    )
    secrets: tuple[str, ...] = ()
    strange_secret = ""
    other_event = b""

    def __init__(self, root: Path) -> None:
        self.opened: list[PrintPartner] = []
        self.troubles = Troubles()
        self.share = root / "share"
        self.folder = HouseFolder(self.share)
        self._root, self._vault = root, MemoryVault()
        self._files = OrderFiles(Objects(), self._vault)
        self.batches = PlayedBatches(self.folder, self._files, self._vault)
        self._behaviour, self._stock, self._numbers = Behaviour(sheet_ms=0), 100, itertools.count(1)
        self._seen: defaultdict[str, list[PartnerReport]] = defaultdict(list)
        self._submissions: Counter[str] = Counter()
        self._asker = self._shop(self.folder)
        self.restart_by_kill()

    def _shop(self, folder: HouseFolder) -> HouseShop:
        offer = PartnerOffer(
            partner_variant=VARIANT, variant="tee-black-m", stock_units=self._stock, unit_cost_minor=900,
            currency="USD", production_ms=1_000,
        )  # fmt: skip
        return HouseShop(self.name, folder, offers=(offer,), country="US", capacity_units_per_day=500, now_ms=now_ms)

    def restart_by_kill(self) -> None:
        """Another desk and another operator, who know nothing but what lies in the folder and the batches."""
        self.desk = BatchDesk(
            houses=[House(partner_id=self.name, presses={PRESS.name: PRESS}, folder=self.folder)],
            reads=self.batches, commands=self.batches, files=self._files, vault=self._vault, opened=planes_of,
            now_ms=now_ms, outages=(),
        )  # fmt: skip
        self.operator = HouseOperator(self.folder, self._root / "prints", self._behaviour)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        folder: HouseFolder = TroubledFolder(self.share, self.troubles)
        if address is not None:
            folder = HouseFolder(self._root / "unmounted")
            shutil.rmtree(self._root / "unmounted")
        elif api_key is not None:
            folder = ForbiddenFolder(self.share)
        partner = self._shop(folder)
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        url = f"https://files.example/{next(self._numbers)}"
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant=VARIANT,
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=url, sha256="0" * 64),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def can(self, fault: str) -> bool:
        return fault in self.faults

    def provoke(self, fault: str, count: int = 1) -> None:
        match fault:
            case "fail":
                self.troubles.left["fail"] = count
            case "accept and fall silent":
                self.troubles.left["fall silent"] = count
            case "go down before the answer":
                self.troubles.left["go down after"] = 1
            case "go down":
                self.troubles.is_down = True
            case "refuse for good":
                self._stock = 0
            case "stay queued":
                self.batches.is_batching = False
            case "stay where it is too late":
                self._behave(is_away=True)
            case "misprint":
                self._behave(spoil_next_sheets=count)
            case "hold":
                self.troubles.left["unmounted"] = 1
            case _:
                raise KeyError(fault)

    def _behave(self, **changes: object) -> None:
        self._behaviour = msgspec.structs.replace(Behaviour(sheet_ms=0), **changes)
        self.operator.behaviour = self._behaviour

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.troubles.left.clear()
        self.troubles.is_down, self.batches.is_batching, self._stock = False, True, 100
        self._behave()

    def settle(self) -> None:
        """Nothing moves between tests: each has a shop of its own."""

    def made(self, effect_key: str) -> Made:
        found = self.folder.find(effect_key)
        pieces = [p for s in self.operator.sheets for p in s.pieces if p.order_id == f"order-{effect_key}"]
        return Made(
            submissions=1 if found else 0,
            jobs=1 if found and found[1].quantity else 0,
            prints=max(Counter(piece.unit for piece in pieces).values(), default=0),
            quantity=found[1].quantity if found else 0,
        )

    def reports_of(self, effect_key: str, found: Callable[[list[PartnerReport]], bool]) -> list[PartnerReport]:
        """What has become known of a run: told by the desk, or seen by asking, as the reconciler would."""
        ends_at = time.monotonic() + LIMIT_S
        while True:
            with ThreadPoolExecutor(1) as other:
                other.submit(asyncio.run, self._go_on(effect_key)).result()
            reports = [*self._seen[effect_key], *self.batches.told_of(effect_key)]
            if found(reports):
                return reports
            assert time.monotonic() < ends_at, reports

    async def _go_on(self, effect_key: str) -> None:
        """A moment at the shop: somebody asks, the desk looks, and the operator prints a sheet."""
        await self._ask(effect_key)
        with self._trouble_with_the_share():
            await self.desk.run_once()
        await self._ask(effect_key)
        await self.operator.advance()

    @contextlib.contextmanager
    def _trouble_with_the_share(self) -> Iterator[None]:
        """After "hold" the share is not mounted whenever the desk looks after an open batch."""
        is_open = any(batch.stage == "open" for batch in self.batches.batches.values())
        is_away = self.troubles.left["unmounted"] > 0 and is_open
        if is_away:
            self.unmount()
        try:
            yield
        finally:
            if is_away:
                self.mount()

    def unmount(self) -> None:
        """The share is not there any more, for nobody."""
        self.share.rename(self._root / "elsewhere")

    def mount(self) -> None:
        """The share is there again."""
        (self._root / "elsewhere").rename(self.share)

    async def _ask(self, effect_key: str) -> None:
        held, seen = await self._asker.read_back(effect_key), self._seen[effect_key]
        if not isinstance(held, JobSnapshot) or (seen and seen[-1].raw_status == held.raw_status):
            return
        seen.append(
            PartnerReport(
                effect_key=effect_key, raw_status=held.raw_status, canonical=held.canonical, rank=held.rank,
                partner_timestamp_at=now_ms(), partner_event_id=f"asked/{held.raw_status}", units=held.units,
                provenance=held.provenance,
            )
        )  # fmt: skip

    def deliveries_of(self, effect_key: str) -> list[Received]:
        return []

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return {}
