"""One rig a carrier: the adapter, its simulator, and the faults that the contract suite provokes."""

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
from tests.contract.partner_rigs import COUNT, QUICK, Simulated, new_effect_key

SECRET = "sécret-of-tests"
OLD_SECRET = "the secret before"

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


class CarrierRig(Protocol):
    """One adapter and its simulator."""

    opened: list[Carrier]

    def carrier(
        self,
        policy: OutboundPolicy = QUICK,
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

    def signed(self, body: bytes, *, secret: bytes) -> Mapping[str, str]: ...


class EasyPostRig(Simulated):
    """EasyPost."""

    desk = "/office"
    calm_behaviour = OfficeBehaviour(scan_ms=20)
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
    }

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.opened: list[Carrier] = []
        self._claims = Claims()
        config = SimulatorConfig(
            store_file=str(folder / "easypost.sqlite"),
            api_key="key-of-tests",
            webhook_secret=SECRET,
            webhook_url=receiver.url + "/webhooks/carriers/easypost",
        )
        super().__init__("processors.carriers.easypost_simulator", config, folder, receiver)

    def carrier(
        self,
        policy: OutboundPolicy = QUICK,
        *,
        claims: ClaimStore | None = None,
        api_key: str | None = None,
        address: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> Carrier:
        auth = (api_key or "key-of-tests", "")
        client = OutboundClient("easypost", address or self.simulator.url, policy, auth=auth, exchanges=exchanges)
        labels = SafeFetcher(allow_private=True, seconds_max=5.0)
        carrier = EasyPost("easypost", client, labels, claims or self._claims, (OLD_SECRET, SECRET))
        self.opened.append(carrier)
        return carrier

    def shipment(self, **changes: object) -> ParcelShipment:
        shipment = ParcelShipment(
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
        return msgspec.structs.replace(shipment, **changes)

    def paid(self, effect_key: str) -> Paid:
        mine = [s for s in self.simulator.control("GET", "/labels") if s["reference"] == effect_key]
        return Paid(
            shipments=len(mine),
            purchases=sum(shipment["purchases"] for shipment in mine),
            purchase_requests=sum(shipment["purchase_requests"] for shipment in mine),
        )

    def deliveries_of(self, tracking_number: str) -> list[Received]:
        return [r for r in self._receiver.received if tracking_number.encode() in r.body]

    def reports_of(self, tracking_number: str, found: Callable[[list[TrackingReport]], bool]) -> list[TrackingReport]:
        carrier = self.opened[-1]

        def reports(received: list[Received]) -> list[TrackingReport]:
            mine = [r for r in received if tracking_number.encode() in r.body]
            return [report for r in mine for report in carrier.parse_webhook(r.body)]

        return reports(self._receiver.wait_for(lambda received: found(reports(received))))

    def signed(self, body: bytes, *, secret: bytes) -> Mapping[str, str]:
        return {"X-Hmac-Signature": sign(secret, body)}


def reached(status: str) -> Callable[[list[TrackingReport]], bool]:
    """A condition: some report has this canonical status."""
    return lambda reports: any(report.canonical == status for report in reports)


async def bought(carrier: Carrier, shipment: ParcelShipment) -> LabelBought:
    """A label, or a failed test."""
    outcome = await carrier.buy_label(shipment)
    assert isinstance(outcome, LabelBought), outcome
    return outcome
