"""Printful's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec

from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.common import ReceivingAddress
from processors.partners.printful import Printful, PrintfulVariant, sign
from processors.partners.printful_factory import Blank, FactoryBehaviour
from processors.partners.printful_simulator import SimulatorConfig
from processors.partners.protocol import PrintFile, PrintJob, PrintPartner
from tests.contract.net import Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Made, SimulatedRig, new_effect_key, print_file

RECEIVING = ReceivingAddress(
    name="Demo Receiving Dock",
    address1="19749 Dearborn St",
    city="Chatsworth",
    country_code="US",
    zip="91311",
    state_code="CA",
)
VARIANT = PrintfulVariant(
    variant="mug-11oz-white", catalog_variant_id=1320, placement="default", technique="sublimation", production_ms=1000
)
TEE = PrintfulVariant(
    variant="tee-black-m", catalog_variant_id=4017, placement="front", technique="dtg", production_ms=1000
)


class PrintfulRig(SimulatedRig):
    """Printful."""

    resting = frozenset({"draft", "fulfilled", "failed", "canceled"})
    signs_body = True
    signs_time = False
    drafts_first = True
    too_late_at = "printing"
    desk = "/factory"
    calm_behaviour = FactoryBehaviour(stage_ms=20)
    faults: ClassVar = {
        "refuse for now": {"busy_next": COUNT},
        "refuse for good": {"out_of_stock_next": COUNT},
        "accept and fall silent": {"confirm_silently_next": COUNT},
        "accept in silence and go down before it is asked": {"confirm_silently_next": COUNT, "down_after": 4},
        "create and fall silent": {"create_silently_next": COUNT},
        "go down before the answer": {"down_after": 2},
        "lose the print file": {"lose_file_next": COUNT},
        "stay queued": {"stuck_at": "pending"},
        "stay where it is too late": {"stuck_at": "inprocess"},
        "hold": {"hold_next": COUNT},
        "jam": {"fail_next": COUNT},
    }
    secrets = ("00ff" * 16, "0a0b" * 16)
    strange_secret = "beef" * 16
    other_event = (
        b'{"type": "catalog_stock_updated", "occurred_at": "2026-11-20T06:07:08Z", "retries": 0, "store_id": 1,'
        b' "data": [{"catalog_product_id": 71, "catalog_variant_id": 4017, "techniques": ["dtg"],'
        b' "availability": "out of stock"}]}'
    )

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "printful"
        config = SimulatorConfig(
            store_file=str(folder / "printful.sqlite"),
            token="key-of-tests",
            webhook_secret_hex=self.secrets[0],
            webhook_url=receiver.url + "/webhooks/partners/printful",
            blanks=(
                Blank(
                    catalog_variant_id=1320, product_id=19, technique="sublimation", placement="default", price="5.95"
                ),
                Blank(catalog_variant_id=4017, product_id=71, technique="dtg", placement="front", price="11.25"),
            ),
        )
        super().__init__("processors.partners.printful_simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        headers = {"authorization": f"Bearer {api_key or 'key-of-tests'}"}
        client = OutboundClient(self.name, address or self.simulator.url, policy, headers=headers, exchanges=exchanges)
        partner = Printful(
            self.name,
            client,
            variants=(VARIANT, TEE),
            receiving=RECEIVING,
            webhook_secrets_hex=self.secrets,
            capacity_units_per_day=500,
        )
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant="1320",
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=self.served(print_file()), sha256="0" * 64),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def made(self, effect_key: str) -> Made:
        orders = [o for o in self.simulator.control("GET", "/jobs") if o["external_id"] == effect_key]
        confirmed = [order for order in orders if order["confirmations"]]
        return Made(
            submissions=sum(order["submissions"] for order in orders),
            jobs=len(confirmed),
            prints=sum(order["prints"] for order in confirmed),
            quantity=sum(order["quantity"] for order in confirmed),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return {"X-PF-Webhook-Signature": sign(bytes.fromhex(secret), body)}
