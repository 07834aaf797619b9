"""Printful's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from processors.outbound import Exchange, OutboundClient, OutboundPolicy
from processors.partners.printful import Printful, PrintfulVariant, ReceivingAddress, sign
from processors.partners.printful_factory import Blank, FactoryBehaviour
from processors.partners.printful_simulator import SimulatorConfig
from processors.partners.protocol import PrintFile, PrintJob, PrintPartner
from tests.contract.net import Receiver, SimulatorProcess
from tests.contract.partner_rigs import QUICK, Made, SimulatedRig, new_effect_key, print_file

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


class PrintfulRig(SimulatedRig):
    """Printful."""

    resting = frozenset({"draft", "fulfilled", "failed", "canceled"})
    signs_time = False
    secrets = ("00ff" * 16, "0a0b" * 16)
    strange_secret = "beef" * 16
    other_event = (
        b'{"type": "catalog_stock_updated", "occurred_at": "2026-11-20T06:07:08Z", "retries": 0, "store_id": 1,'
        b' "data": {"products": []}}'
    )

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        super().__init__(receiver)
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
            ),
        )
        self.simulator = SimulatorProcess("processors.partners.printful_simulator", config, folder)
        self.calm()

    def partner(
        self,
        policy: OutboundPolicy = QUICK,
        *,
        address: str | None = None,
        api_key: str | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> PrintPartner:
        headers = {"authorization": f"Bearer {api_key or 'key-of-tests'}"}
        client = OutboundClient(
            self.name, address or self.simulator.url, policy, headers=headers, on_exchange=on_exchange
        )
        partner = Printful(
            self.name,
            client,
            variants=(VARIANT,),
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

    def provoke(self, fault: str, count: int = 1) -> None:
        faults: dict[str, dict[str, object]] = {
            "refuse for now": {"busy_next": count},
            "refuse for good": {"out_of_stock_next": count},
            "accept and fall silent": {"confirm_silently_next": count},
            "create and fall silent": {"create_silently_next": count},
            "lose the print file": {"lose_file_next": count},
            "fail": {"server_error_next": count},
            "limit the rate": {"rate_limited_next": count},
            "limit the rate for long": {"rate_limited_next": count, "retry_after_s": 90},
            "go down": {"down": True},
            "say an unknown word": {"unknown_word_next": count},
            "send everything twice, shuffled": {
                "delivery": {"duplicate_share": 1.0, "delay_min_ms": 0, "delay_max_ms": 300}
            },
            "stay queued": {"stuck_at": "pending"},
            "stay at the press": {"stuck_at": "inprocess"},
            "hold": {"hold_next": count},
            "jam": {"fail_next": count},
        }
        self.simulator.control("PATCH", "/factory", faults[fault])

    def calm(self) -> None:
        self.simulator.control("PATCH", "/factory", msgspec.to_builtins(FactoryBehaviour(stage_ms=20)))

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
