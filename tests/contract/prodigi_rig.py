"""Prodigi's rig: the adapter, its simulator, and the faults that the contract suite provokes."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners.prodigi import Prodigi, ProdigiVariant
from processors.partners.prodigi_simulator import Product, SimulatorConfig
from processors.partners.prodigi_works import WorksBehaviour
from processors.partners.protocol import PrintFile, PrintJob, PrintPartner
from processors.webhooks import with_address_secret
from tests.contract.claims import Claims
from tests.contract.net import Received, Receiver
from tests.contract.partner_rigs import COUNT, PATIENT, Made, SimulatedRig, new_effect_key, print_file
from tests.contract.printful_rig import RECEIVING

SKU = "GLOBAL-MUG-W"
VARIANT = ProdigiVariant(variant="mug-11oz-white", sku=SKU, production_ms=1000)


class ProdigiRig(SimulatedRig):
    """Prodigi."""

    resting = frozenset({"Complete", "Cancelled", "ItemUnavailable", "inProduction/Error"})
    signs_body = signs_time = False
    drafts_first = False
    too_late_at = "printing"
    # Prodigi calls back when the stage changes and when a parcel leaves; the rest is seen by asking.
    unsaid = frozenset({"printing", "on_hold", "failed", ""})
    secrets: tuple[str, ...] = ("secret-of-tests", "the-secret-before")
    strange_secret = "stranger"
    other_event = (
        b'{"specversion": "1.0", "id": "evt_1", "type": "com.prodigi.account.changed#Name",'
        b' "time": "2020-08-14T11:51:01.55Z", "subject": "acc_1", "data": {"id": "acc_1"}}'
    )
    desk = "/factory"
    calm_behaviour = WorksBehaviour(stage_ms=20)
    faults: ClassVar = {
        "refuse for good": {"out_of_stock_next": COUNT},
        "accept and fall silent": {"accept_silently_next": COUNT},
        "go down before the answer": {"down": True},
        "stay queued": {"stuck_at": "downloadAssets"},
        "stay where it is too late": {"stuck_at": "inProduction"},
        "hold": {"hold_next": COUNT, "stuck_at": "RequiresPaymentAuthorisation"},
        "say an unknown word": {"unknown_word_next": COUNT, "stuck_at": "AwaitingThread"},
        "jam": {"fail_next": COUNT},
        "pause": {"pause_next": COUNT, "stuck_at": "paused"},
    }

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.name = "prodigi"
        self.claims = Claims()
        config = SimulatorConfig(
            store_file=str(folder / "prodigi.sqlite"),
            api_key="key-of-tests",
            products=(Product(sku=SKU, unit_cost="6.12"),),
        )
        super().__init__("processors.partners.prodigi_simulator", config, folder, receiver)

    def partner(
        self,
        policy: OutboundPolicy = PATIENT,
        *,
        address: str | None = None,
        api_key: str | None = None,
        exchanges: ExchangeLog | None = None,
        pause_window: bool = False,
    ) -> PrintPartner:
        headers = {"x-api-key": api_key or "key-of-tests"}
        client = OutboundClient(self.name, address or self.simulator.url, policy, headers=headers, exchanges=exchanges)
        partner = Prodigi(
            self.name,
            client,
            self.claims,
            variants=(VARIANT,),
            receiving=RECEIVING,
            callback_url=self._receiver.url + "/webhooks/partners/prodigi",
            webhook_secrets=self.secrets,
            capacity_units_per_day=500,
            pause_window=pause_window,
        )
        self.opened.append(partner)
        return partner

    def job(self, **changes: object) -> PrintJob:
        job = PrintJob(
            effect_key=new_effect_key(),
            partner_variant=SKU,
            quantity=2,
            units=(1, 2),
            files=(PrintFile(area="front", url=self.served(print_file()), sha256="0" * 64),),
            recipient_country="US",
            due_at=1_800_000_000_000,
        )
        return msgspec.structs.replace(job, **changes)

    def deliveries_of(self, effect_key: str) -> list[Received]:
        """As the API hands them to the adapter: the address's secret stands in the headers."""

        def handed_over(one: Received) -> Received:
            (secret,) = parse_qs(urlsplit(one.path).query)["secret"]
            return Received(one.path, with_address_secret(one.headers, secret), one.body)

        return [handed_over(one) for one in super().deliveries_of(effect_key)]

    def made(self, effect_key: str) -> Made:
        orders = [o for o in self.simulator.control("GET", "/jobs") if o["external_id"] == effect_key]
        return Made(
            submissions=sum(order["submissions"] for order in orders),
            jobs=len(orders),
            prints=sum(order["prints"] for order in orders),
            quantity=sum(order["quantity"] for order in orders),
        )

    def signed(self, body: bytes, *, secret: str, at_s: float) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {secret}"}
