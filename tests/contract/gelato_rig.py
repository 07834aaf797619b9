"""Gelato's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec

from processors.gate import LocalGate
from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.gelato import Gelato
from processors.partners.gelato_catalogue import GelatoVariant
from processors.partners.gelato_simulator import SimulatorConfig
from processors.partners.gelato_works import Product, WorksBehaviour
from processors.partners.protocol import PrintFile, PrintJob, PrintPartner
from tests.contract.claims import Claims
from tests.contract.net import Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Made, SimulatedRig, new_effect_key, print_file
from tests.contract.printful_rig import RECEIVING

PRODUCT = "mug_product_msz_11-oz_mmat_ceramic-white_cl_4-0"
VARIANT = GelatoVariant(variant="mug-11oz-white", product_uid=PRODUCT, production_ms=1000)
TEE = GelatoVariant(
    variant="tee-black-m",
    product_uid="apparel_product_gca_t-shirt_gsc_crewneck_gcu_unisex_gqa_classic_gsi_m_gco_black_gpr_4-0",
    production_ms=1000,
)


class GelatoRig(SimulatedRig):
    """Gelato."""

    resting = frozenset({"draft", "delivered", "failed", "canceled"})
    signs_body = signs_time = False
    drafts_first = True
    too_late_at = "printed"
    secrets = ("secret-of-tests", "the-secret-before")
    strange_secret = "stranger"
    other_event = b'{"id": "pa_1", "event": "catalog_product_stock_availability_updated", "productAvailability": []}'
    desk = "/factory"
    calm_behaviour = WorksBehaviour(stage_ms=20)
    faults: ClassVar = {
        "refuse for now": {"busy_next": COUNT},
        "refuse for good": {"out_of_stock_next": COUNT},
        "accept and fall silent": {"order_silently_next": COUNT},
        "accept in silence and go down before it is asked": {"order_silently_next": COUNT, "down_after": 4},
        "create and fall silent": {"draft_silently_next": COUNT},
        "go down before the answer": {"down_after": 2},
        "lose the print file": {"lose_file_next": COUNT},
        "stay queued": {"stuck_at": "passed"},
        "stay at the press": {"stuck_at": "in_production"},
        "stay where it is too late": {"stuck_at": "printed"},
        "hold": {"hold_next": COUNT},
        "jam": {"fail_next": COUNT},
        "split": {"split_next": COUNT},
    }

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "gelato"
        self.claims = Claims()
        config = SimulatorConfig(
            store_file=str(folder / "gelato.sqlite"),
            api_key="key-of-tests",
            webhook_secret=self.secrets[0],
            webhook_url=receiver.url + "/webhooks/partners/gelato",
            products=(Product(product_uid=PRODUCT, price=6.12), Product(product_uid=TEE.product_uid, price=9.5)),
            webhook_retry_ms=50,
        )
        super().__init__("processors.partners.gelato_simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> PrintPartner:
        gate = LocalGate()
        orders, products = (
            OutboundClient(
                self.name,
                address or self.simulator.url,
                policy,
                headers={"x-api-key": api_key or "key-of-tests"},
                gate=gate,
                exchanges=exchanges,
            )
            for _ in range(2)
        )
        partner = Gelato(
            self.name,
            orders,
            products,
            self.claims,
            variants=(VARIANT, TEE),
            receiving=RECEIVING,
            webhook_secrets=self.secrets,
            capacity_units_per_day=500,
        )
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant=PRODUCT,
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=self.served(print_file()), sha256="0" * 64),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def made(self, effect_key: str) -> Made:
        orders = [o for o in self.simulator.control("GET", "/jobs") if o["external_id"] == effect_key]
        ordered = [order for order in orders if order["order_type"] == "order"]
        whole = [order for order in ordered if order["split_off"] is None]
        return Made(
            submissions=len(orders) + sum(order["orderings"] for order in orders),
            jobs=len(whole),
            prints=sum(order["prints"] for order in whole),
            quantity=sum(order["quantity"] for order in ordered),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {secret}"}
