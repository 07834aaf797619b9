"""Printify's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec

from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.printify import Printify, sign
from processors.partners.printify_catalogue import PrintifyVariant
from processors.partners.printify_simulator import Product, SimulatorConfig
from processors.partners.printify_works import WorksBehaviour
from processors.partners.protocol import PrintFile, PrintJob, PrintPartner
from tests.contract.claims import Claims
from tests.contract.net import Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Made, SimulatedRig, new_effect_key, print_file
from tests.contract.printful_rig import RECEIVING

SHOP = 815256
VARIANT = PrintifyVariant(
    variant="mug-11oz-white",
    blueprint_id=68,
    print_provider_id=9,
    variant_id=33719,
    product_id="5d39b159e7c48c000728c89f",
    production_ms=1000,
)
PRODUCT = Product(product_id=VARIANT.product_id, blueprint_id=68, print_provider_id=9, variant_id=33719, cost=516)


class PrintifyRig(SimulatedRig):
    """Printify."""

    resting = frozenset({"pending", "on-hold", "payment-not-received", "fulfilled", "unfulfillable", "canceled"})
    signs_body = True
    signs_time = False
    drafts_first = True
    # Once an order is sent to production it cannot be cancelled, but one that waits for its payment can.
    too_late_at = "queued"
    stoppable = "go unpaid"
    secrets: tuple[str, ...] = ("7afa37fd47d7a52ea644382e04962a83c16aef62", "the-secret-before")
    strange_secret = "stranger"
    other_event = (
        b'{"id": "653b6be8", "type": "product:publish:started", "created_at": "2022-05-17 15:00:00+00:00",'
        b' "resource": {"id": "5cb87a8c", "type": "product", "data": {"shop_id": 815256, "action": "create"}}}'
    )
    desk = "/factory"
    calm_behaviour = WorksBehaviour(stage_ms=20)
    faults: ClassVar = {
        "refuse for now": {"busy_next": COUNT},
        "refuse for good": {"out_of_stock_next": COUNT},
        "accept and fall silent": {"send_silently_next": COUNT},
        "accept in silence and go down before it is asked": {"send_silently_next": COUNT, "down_after": 6},
        "create and fall silent": {"create_silently_next": COUNT},
        "go down before the answer": {"down_after": 4},
        "lose the print file": {"lose_file_next": COUNT},
        "go unpaid": {"unpaid_next": COUNT},
        "stay queued": {"stuck_at": "sending-to-production"},
        "stay where it is too late": {"stuck_at": "sending-to-production"},
        "hold": {"hold_next": COUNT},
        "jam": {"fail_next": COUNT},
    }

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "printify"
        self.claims = Claims()
        config = SimulatorConfig(
            store_file=str(folder / "printify.sqlite"),
            token="key-of-tests",
            shop_id=SHOP,
            webhook_secret=self.secrets[0],
            webhook_url=receiver.url + "/webhooks/partners/printify",
            products=(PRODUCT,),
            webhook_retry_ms=50,
        )
        super().__init__("processors.partners.printify_simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        headers = {"authorization": f"Bearer {api_key or 'key-of-tests'}", "user-agent": "printledger"}
        client = OutboundClient(self.name, address or self.simulator.url, policy, headers=headers, exchanges=exchanges)
        partner = Printify(
            self.name,
            client,
            self.claims,
            shop_id=SHOP,
            variants=(VARIANT,),
            receiving=RECEIVING,
            webhook_secrets=self.secrets,
            capacity_units_per_day=500,
        )
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant=VARIANT.partner_variant,
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=self.served(print_file()), sha256="0" * 64),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def mark(self, effect_key: str) -> bytes:
        jobs = self.simulator.control("GET", "/jobs")
        return next(str(job["id"]) for job in jobs if job["external_id"] == effect_key).encode()

    def made(self, effect_key: str) -> Made:
        orders = [o for o in self.simulator.control("GET", "/jobs") if o["external_id"] == effect_key]
        sent = [order for order in orders if order["sends"]]
        return Made(
            submissions=sum(order["submissions"] for order in orders),
            jobs=len(sent),
            prints=sum(order["prints"] for order in sent),
            quantity=sum(order["quantity"] for order in sent),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return {"X-Pfy-Signature": sign(secret, body)}
