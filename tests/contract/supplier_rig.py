"""The demo supplier's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec

from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.protocol import PrintJob, PrintPartner
from processors.suppliers import wire
from processors.suppliers.simulator import SimulatorConfig
from processors.suppliers.supplier import Supplier
from processors.suppliers.warehouse import StockedArticle, WarehouseBehaviour
from tests.contract.net import Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Made, SimulatedRig, new_effect_key

SKU = "CRK-COASTER-4"


class SupplierRig(SimulatedRig):
    """The demo supplier of ready-made goods: jobs without files, and nothing is printed."""

    resting = frozenset({"collected", wire.SHORT, wire.CANCELLED})
    signs_body = signs_time = True
    drafts_first = False
    too_late_at = "finishing"
    unsaid = frozenset({"printing"})
    desk = "/factory"
    calm_behaviour = WarehouseBehaviour(stage_ms=20)
    faults: ClassVar = {
        "refuse for now": {"busy_next": COUNT},
        "refuse for good": {"sold_out_next": COUNT},
        "accept and fall silent": {"accept_silently_next": COUNT},
        "go down before the answer": {"down": True},
        "stay queued": {"stuck_at": "accepted"},
        "stay where it is too late": {"stuck_at": "picking"},
        "hold": {"hold_next": COUNT},
        "jam": {"fail_next": COUNT},
    }
    secrets = ("secret-of-tests", "another-secret")
    strange_secret = "a-strangers-secret"
    other_event = b'{"id": "n-1", "type": "price.changed", "order": null}'

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "supplier"
        config = SimulatorConfig(
            store_file=str(folder / "supplier.sqlite"),
            key="key-of-tests",
            webhook_secret=self.secrets[0],
            webhook_url=receiver.url + "/webhooks/partners/supplier",
            articles=(StockedArticle(sku=SKU, price_minor=380),),
        )
        super().__init__("processors.suppliers.simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        headers = {"x-supplier-key": api_key or "key-of-tests"}
        client = OutboundClient(self.name, address or self.simulator.url, policy, headers=headers, exchanges=exchanges)
        partner = Supplier(self.name, client, self.secrets, time.time, {SKU: "coaster-cork-set"})
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant=SKU,
            quantity=2,
            units=(1, 2),
            files=(),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def made(self, effect_key: str) -> Made:
        orders = [o for o in self.simulator.control("GET", "/jobs") if o["external_id"] == effect_key]
        return Made(
            submissions=sum(order["submissions"] for order in orders),
            jobs=len(orders),
            prints=sum(order["prints"] for order in orders),
            quantity=sum(order["quantity"] for order in orders),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        timestamp = str(int(at_s))
        return {"Supplier-Timestamp": timestamp, "Supplier-Signature": wire.sign(secret, timestamp, body)}
