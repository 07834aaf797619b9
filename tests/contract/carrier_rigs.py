"""One rig a carrier: the adapter, its simulator, and the faults that the contract suite provokes."""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from processors.carriers.easypost import EasyPost, sign
from processors.carriers.easypost_office import OfficeBehaviour
from processors.carriers.easypost_simulator import SimulatorConfig
from processors.carriers.protocol import (
    Address,
    Carrier,
    ClaimStore,
    CustomsItem,
    LabelBought,
    ParcelShipment,
    ParcelSize,
    TrackingReport,
)
from processors.fetch import SafeFetcher
from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from tests.contract.claims import Claims
from tests.contract.net import Received, Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Simulated, new_effect_key

API_KEY = "key-of-tests"
SECRET = "sécret-of-tests"
OLD_SECRET = "the secret before"
SECRETS = {"now": SECRET, "before": OLD_SECRET, "stranger": "a stranger's secret"}

SENDER = Address(
    name="Demo Press East",
    street1="388 Townsend St",
    city="San Francisco",
    region="CA",
    postal_code="94107",
    country="US",
    phone="5555555555",
)
RECIPIENT = Address(
    name="Demo Buyer",
    street1="179 N Harbor Dr",
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    email="buyer@example.com",
)


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """What the carrier counted under one effect key."""

    shipments: int
    #: Labels paid: never more than one.
    purchases: int
    purchase_requests: int
    #: How often the carrier was asked to take a label back.
    refund_requests: int


class CarrierRig(Protocol):
    """One adapter and its simulator."""

    opened: list[Carrier]
    #: Whether a shipment is claimed with its address before it is paid, and how a path and a word show customs papers.
    claims_shipment: bool
    customs_at: str
    customs_word: bytes
    #: What is reported of a label that the carrier takes back: `pending` where it says later whether it pays.
    taken_back: str
    #: A genuine event that is about no parcel; and bodies that the vendor would never send.
    other_event: bytes
    malformed: tuple[bytes, ...]

    def carrier(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        claims: ClaimStore | None = None,
        api_key: str | None = None,
        address: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> Carrier: ...

    def shipment(self, **changes: object) -> ParcelShipment: ...

    def provoke(self, fault: str, count: int = 1) -> None: ...

    def calm(self) -> None: ...

    def paid(self, effect_key: str) -> Paid: ...

    def restart_by_kill(self) -> None: ...

    def reports_of(
        self, tracking_number: str, found: Callable[[list[TrackingReport]], bool]
    ) -> list[TrackingReport]: ...

    def deliveries_of(self, tracking_number: str) -> list[Received]: ...

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]: ...


class LabelRig(Simulated):
    """What all carriers' rigs do alike."""

    #: The carrier's key in the catalogue.
    vendor: ClassVar[str]
    #: Where the control desk lists the parcels.
    listed_at: ClassVar[str]
    taken_back: ClassVar[str] = "pending"
    faults: ClassVar = {
        "pay and fall silent": {"buy_silently_next": COUNT},
        "create and fall silent": {"create_silently_next": COUNT},
        "refuse the purchase": {"purchase_failure_next": COUNT},
        "have no funds": {"no_funds_next": COUNT},
        "have no rates": {"no_rates_next": COUNT},
        "lose the label file": {"label_missing_next": COUNT},
        "return the parcel": {"return_next": COUNT},
        "lose the parcel": {"lose_next": COUNT},
        "scan nothing": {"standstill": True},
        "take a label back and fall silent": {"refund_silently_next": COUNT},
        "give the money back": {"refund_verdict": "refunded"},
        "keep the money": {"refund_verdict": "rejected"},
    }

    def __init__(self, module: str, config: object, folder: Path, receiver: Receiver) -> None:
        self.opened: list[Carrier] = []
        self._claims = Claims()
        super().__init__(module, config, folder, receiver)

    def connected(
        self, url: str, policy: OutboundPolicy, api_key: str, exchanges: ExchangeLog | None
    ) -> OutboundClient:
        raise NotImplementedError

    def made(self, client: OutboundClient, labels: SafeFetcher, claims: ClaimStore) -> Carrier:
        raise NotImplementedError

    def carrier(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        claims: ClaimStore | None = None,
        api_key: str | None = None,
        address: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> Carrier:
        client = self.connected(address or self.simulator.url, policy, api_key or API_KEY, exchanges)
        labels = SafeFetcher(allow_private=True, seconds_max=30.0)
        carrier = self.made(client, labels, claims or self._claims)
        self.opened.append(carrier)
        return carrier

    def shipment(self, **changes: object) -> ParcelShipment:
        return msgspec.structs.replace(a_shipment(), **changes)

    def paid(self, effect_key: str) -> Paid:
        mine = [s for s in self.simulator.control("GET", self.listed_at) if s["reference"] == effect_key]
        return Paid(
            shipments=len(mine),
            purchases=sum(shipment["purchases"] for shipment in mine),
            purchase_requests=sum(shipment["purchase_requests"] for shipment in mine),
            refund_requests=sum(shipment["refund_requests"] for shipment in mine),
        )

    def deliveries_of(self, tracking_number: str) -> list[Received]:
        return [r for r in self._receiver.received if tracking_number.encode() in r.body]

    def reports_of(self, tracking_number: str, found: Callable[[list[TrackingReport]], bool]) -> list[TrackingReport]:
        carrier = self.opened[-1]

        def reports(received: list[Received]) -> list[TrackingReport]:
            mine = [r for r in received if tracking_number.encode() in r.body]
            return [report for r in mine for report in carrier.parse_webhook(r.body)]

        return reports(self._receiver.wait_for(lambda received: found(reports(received))))


class EasyPostRig(LabelRig):
    """EasyPost."""

    vendor = "easypost"
    claims_shipment = True
    customs_at, customs_word = "/v2/shipments", b"customs_info"
    listed_at = "/labels"
    other_event = b'{"id": "evt_1", "object": "Event", "description": "batch.created", "result": {}}'
    desk = "/office"
    calm_behaviour = OfficeBehaviour(scan_ms=20)

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        config = SimulatorConfig(
            store_file=str(folder / "easypost.sqlite"),
            api_key=API_KEY,
            webhook_secret=SECRET,
            webhook_url=receiver.url + "/webhooks/carriers/easypost",
        )
        super().__init__("processors.carriers.easypost_simulator", config, folder, receiver)

    def connected(
        self, url: str, policy: OutboundPolicy, api_key: str, exchanges: ExchangeLog | None
    ) -> OutboundClient:
        return OutboundClient(self.vendor, url, policy, auth=(api_key, ""), exchanges=exchanges)

    def made(self, client: OutboundClient, labels: SafeFetcher, claims: ClaimStore) -> Carrier:
        return EasyPost(self.vendor, client, labels, claims, (OLD_SECRET, SECRET))

    @property
    def malformed(self) -> tuple[bytes, ...]:
        """Bodies that EasyPost would never send."""
        tracker = b'{"id": "t", "tracking_code": "1", "status": "delivered", "carrier": "USPS", "updated_at": "%s"}'
        shape = b'{"id": "evt_1", "object": "Event", "description": "tracker.updated", "result": %s}'
        return (shape % b"{}", shape % (tracker % b"yesterday"))

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]:
        return {"X-Hmac-Signature": sign(unicodedata.normalize("NFKD", SECRETS[by]).encode(), body)}


def a_shipment() -> ParcelShipment:
    """A parcel as EasyPost's recording has it."""
    return ParcelShipment(
        effect_key=new_effect_key(),
        sender=SENDER,
        recipient=RECIPIENT,
        parcel=ParcelSize(length_um=254_000, width_um=203_200, height_um=101_600, weight_g=436),
        customs=(
            CustomsItem(
                description="Printed mug",
                quantity=2,
                weight_g=700,
                value_minor=2325,
                currency="USD",
                hs_tariff_number="691110",
                origin_country="US",
            ),
        ),
        customs_signer="Demo Signer",
    )


def reached(*statuses: str | None) -> Callable[[list[TrackingReport]], bool]:
    """A condition: each of these canonical statuses was reported; webhooks need not arrive in their order."""
    return lambda reports: set(statuses) <= {report.canonical for report in reports}


async def bought(carrier: Carrier, shipment: ParcelShipment) -> LabelBought:
    """A label, or a failed test."""
    outcome = await carrier.buy_label(shipment)
    assert isinstance(outcome, LabelBought), outcome
    return outcome
