"""One rig a print partner: the adapter, its simulator, and the faults that the contract suite provokes.

A rig hides how a vendor's simulator is told to misbehave and how its press is looked at, so that the suite
itself reads the same for all.
"""

import hashlib
import io
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

import msgspec
from PIL import Image
from standardwebhooks import Webhook

from processors.outbound import Exchange, ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.print_shop import PrintShop
from processors.partners.print_shop_setup import Behaviour
from processors.partners.print_shop_simulator import SimulatorConfig, demo_shops
from processors.partners.protocol import JobSnapshot, PartnerReport, PrintFile, PrintJob, PrintPartner
from projections.rows import Effect
from tests.contract.net import Received, Receiver, SimulatorProcess

#: An answer may take long on a busy machine, and is no lost one for that.
PATIENT = OutboundPolicy(
    connect_timeout_s=10.0,
    read_timeout_s=20.0,
    total_timeout_s=30.0,
    attempts=3,
    retry_for_s=60.0,
    retry_wait_s=0.02,
    wait_max_s=1.5,
    circuit_failures=20,
)
#: Only for a line that a test makes dead, so that this is noticed within the test's patience.
QUICK = msgspec.structs.replace(PATIENT, read_timeout_s=3.0, total_timeout_s=6.0)
SECRET = "whsec_" + "c2ltdWxhdG9yLXNlY3JldC1mb3ItdGVzdHM="
OTHER_SECRET = "whsec_" + "YW5vdGhlci1zZWNyZXQtZm9yLXRoZS10ZXN0cw=="
QUICK_STAGES = {
    "received": 20, "printing": 20, "finishing": 20, "quality_check": 20, "ready_for_shipment": 20, "on_hold": 20,
}  # fmt: skip


def new_effect_key() -> str:
    """An effect key as the ledger makes them: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def print_file() -> bytes:
    """A small print file."""
    buffer = io.BytesIO()
    Image.new("RGBA", (60, 40), (200, 30, 40, 255)).save(buffer, "PNG", dpi=(300, 300))
    return buffer.getvalue()


class Kept(list[Exchange]):
    """An exchange log in memory."""

    async def keep(self, exchange: Exchange) -> None:
        self.append(exchange)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What the press made under one effect key."""

    #: How often a submission of this key arrived, repeated ones included.
    submissions: int
    #: Jobs under this key: never more than one.
    jobs: int
    #: How often they went onto the press.
    prints: int
    quantity: int


class PartnerRig(Protocol):
    """One adapter and its simulator."""

    name: str
    #: Adapters that a test made; the fixture closes them.
    opened: list[PrintPartner]
    #: Whether the vendor signs what it says, and whether the signature covers the time of signing.
    signs_body: bool
    signs_time: bool
    #: Whether an order stands at the vendor before it is confirmed, so that one whose drafting failed prints nothing.
    drafts_first: bool
    #: Our word for the stage from which on the vendor refuses to cancel.
    too_late_at: str
    #: The fault that leaves an order where the vendor can still stop it.
    stoppable: str
    #: Our words that the vendor tells by no webhook, so that they are seen by asking only.
    unsaid: frozenset[str]
    #: Our word for the end of a run as the vendor tells it.
    last_word: str
    #: What there cannot be on the way to this vendor, each with the reason; tests that need it are skipped.
    lacks: Mapping[str, str]
    #: All secrets that the adapter accepts; one that it does not; and a genuine event that is about no job.
    secrets: tuple[str, ...]
    strange_secret: str
    other_event: bytes

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner: ...

    def job(self, **changes: object) -> PrintJob: ...

    def can(self, fault: str) -> bool: ...

    def provoke(self, fault: str, count: int = 1) -> None: ...

    def calm(self) -> None: ...

    def settle(self) -> None: ...

    def made(self, effect_key: str) -> Made: ...

    def restart_by_kill(self) -> None: ...

    def reports_of(self, effect_key: str, found: Callable[[list[PartnerReport]], bool]) -> list[PartnerReport]: ...

    def deliveries_of(self, effect_key: str) -> list[Received]: ...

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]: ...


#: Stands in a fault for how often it is to happen.
COUNT = object()

#: The faults that every simulator knows by the same name.
COMMON_FAULTS: dict[str, Mapping[str, object]] = {
    "fail": {"server_error_next": COUNT},
    "limit the rate": {"rate_limited_next": COUNT},
    "limit the rate for long": {"rate_limited_next": COUNT, "retry_after_s": 90},
    "go down": {"down": True},
    "say an unknown word": {"unknown_word_next": COUNT},
    "lose the webhooks": {"delivery": {"enabled": False}},
    "send everything twice, shuffled": {"delivery": {"duplicate_share": 1.0, "delay_min_ms": 0, "delay_max_ms": 300}},
}


class Simulated:
    """A simulator in a process of its own, and the one way in which a rig makes it misbehave."""

    #: Where its control desk changes its behaviour, the behaviour of a calm day, and each fault as a change of it.
    desk: ClassVar[str]
    calm_behaviour: ClassVar[msgspec.Struct]
    faults: ClassVar[dict[str, Mapping[str, object]]]

    def __init__(self, module: str, config: object, folder: Path, receiver: Receiver) -> None:
        self._receiver = receiver
        self.simulator = SimulatorProcess(module, config, folder)
        self.calm()

    def calm(self) -> None:
        self.simulator.control("PATCH", self.desk, msgspec.to_builtins(self.calm_behaviour))

    def provoke(self, fault: str, count: int = 1) -> None:
        changes = {
            name: count if value is COUNT else value for name, value in (COMMON_FAULTS | self.faults)[fault].items()
        }
        self.simulator.control("PATCH", self.desk, changes)

    def can(self, fault: str) -> bool:
        return fault in COMMON_FAULTS | self.faults

    def restart_by_kill(self) -> None:
        self.simulator.kill()
        self.simulator.start()

    def served(self, content: bytes) -> str:
        """An address at which the receiver gives these bytes."""
        path = f"/files/{uuid.uuid4().hex}.png"
        self._receiver.files[path] = content
        return self._receiver.url + path


class SimulatedRig(Simulated):
    """What all partners' rigs do alike."""

    #: Statuses that a job does not leave by itself.
    resting: ClassVar[frozenset[str]]
    stoppable = "stay queued"
    unsaid: frozenset[str] = frozenset()
    last_word = "handed_over"
    lacks: Mapping[str, str] = MappingProxyType({})

    def __init__(self, module: str, config: object, folder: Path, receiver: Receiver) -> None:
        self.opened: list[PrintPartner] = []
        super().__init__(module, config, folder, receiver)

    def mark(self, effect_key: str) -> bytes:
        """What stands in each webhook about the run of this key."""
        return effect_key.encode()

    def deliveries_of(self, effect_key: str) -> list[Received]:
        mark = self.mark(effect_key)
        return [r for r in self._receiver.received if mark in r.body]

    def reports_of(self, effect_key: str, found: Callable[[list[PartnerReport]], bool]) -> list[PartnerReport]:
        partner, mark = self.opened[-1], self.mark(effect_key)

        def reports(received: list[Received]) -> list[PartnerReport]:
            mine = [r for r in received if mark in r.body]
            return [report for r in mine for report in partner.parse_webhook(r.body)]

        return reports(self._receiver.wait_for(lambda received: found(reports(received))))

    def in_motion(self) -> list[str]:
        """Statuses of jobs that will still move."""
        resting = self.resting
        return [job["status"] for job in self.simulator.control("GET", "/jobs") if job["status"] not in resting]

    def settle(self) -> None:
        """Wait until every job rests, so that none of them takes a fault that is meant for the next test's."""
        pause = threading.Event()
        ends_at = time.monotonic() + 60
        while moving := self.in_motion():
            assert time.monotonic() < ends_at, moving
            pause.wait(0.02)


class PrintShopRig(SimulatedRig):
    """The house print shop."""

    resting = frozenset({"handed_over", "failed", "cancelled"})
    signs_body = signs_time = True
    drafts_first = False
    too_late_at = "printing"
    desk = "/shops/press-east"
    calm_behaviour = Behaviour(stage_ms=QUICK_STAGES)
    faults: ClassVar = {
        "refuse for now": {"refuse_retryable_next": COUNT},
        "refuse for good": {"refuse_next": COUNT},
        "accept and fall silent": {"accept_silently_next": COUNT},
        "go down before the answer": {"down": True},
        "misprint": {"misprint_next_units": COUNT},
        "stay queued": {"stuck_at": "received"},
        "stay where it is too late": {"stuck_at": "printing"},
        "hold": {"hold_next": COUNT},
        "jam": {"jam_next": COUNT},
    }
    secrets = (SECRET, OTHER_SECRET)
    strange_secret = "whsec_c3RyYW5nZXItc3RyYW5nZXItc3RyYW5nZXItc3RyYW5nZXI="
    other_event = b'{"type": "shop.holiday", "timestamp": "2026-12-24T00:00:00Z", "data": {}}'

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "press-east"
        shops = demo_shops(
            ["press-east", "press-west"], receiver.url + "/webhooks/partners/{shop}", "key-of-tests", SECRET
        )
        config = SimulatorConfig(store_file=str(folder / "shops.sqlite"), shops=shops)
        super().__init__("processors.partners.print_shop_simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        headers = {"authorization": f"Bearer {api_key or 'key-of-tests'}"}
        base_url = address or f"{self.simulator.url}/{self.name}"
        client = OutboundClient(self.name, base_url, policy, headers=headers, exchanges=exchanges)
        partner = PrintShop(self.name, client, (OTHER_SECRET, SECRET))
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        content = print_file()
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant="MUG-11-WHT",
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=self.served(content), sha256=hashlib.sha256(content).hexdigest()),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def made(self, effect_key: str) -> Made:
        jobs = [job for job in self.simulator.control("GET", "/jobs") if job["external_id"] == effect_key]
        return Made(
            submissions=sum(job["submissions"] for job in jobs),
            jobs=len(jobs),
            prints=sum(job["prints"] for job in jobs),
            quantity=sum(job["quantity"] for job in jobs),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return signed_by_standard(body, secret=secret, at_s=at_s)


def signed_by_standard(body: bytes, *, secret: str, at_s: float) -> dict[str, str]:
    """The headers of a webhook that is signed by Standard Webhooks at this moment (seconds)."""
    moment = datetime.fromtimestamp(at_s, tz=UTC)
    return {
        "Webhook-Id": "evt_test",
        "Webhook-Timestamp": str(int(at_s)),
        "Webhook-Signature": Webhook(secret).sign("evt_test", moment, body.decode()),
    }


def run_of(job: PrintJob, partner: str) -> Effect:
    """The print run of a job as the read model of effects knows it."""
    return Effect(
        tenant="demo", effect_key=job.effect_key, order_id="order", kind="submit", line_id="1", run=1, parcel_id="",
        who=partner, units=job.units, attempt=1,
    )  # fmt: skip


def reached(*stages: str | None) -> Callable[[list[PartnerReport]], bool]:
    """A condition: each of these canonical statuses was reported; webhooks need not arrive in their order."""
    return lambda reports: set(stages) <= {report.canonical for report in reports}


def highest(reports: list[PartnerReport]) -> PartnerReport:
    """The report that a fold by rank ends on."""
    return max(reports, key=lambda report: (report.rank, report.partner_timestamp_at))


async def seen(
    rig: PartnerRig, effect_key: str, word: str | None, *, asking: bool = False
) -> PartnerReport | JobSnapshot:
    """The first that is said of a run with this canonical word, None for an unknown one: told, or found by asking."""
    if not asking and (word or "") not in rig.unsaid:
        reports = rig.reports_of(effect_key, reached(word))
        return next(report for report in reports if report.canonical == word)
    pause, ends_at = threading.Event(), time.monotonic() + 60
    while True:
        held = await rig.opened[-1].read_back(effect_key)
        if isinstance(held, JobSnapshot) and held.canonical == word:
            return held
        assert time.monotonic() < ends_at, held
        pause.wait(0.02)
