"""Rigs of the carriers that sell a rate rather than a shipment: Shippo and ShipStation."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from processors.carriers import shippo_simulator, shipstation_simulator
from processors.carriers.easypost_shapes import millis
from processors.carriers.parcel_office import OfficeFaults
from processors.carriers.protocol import Carrier, ClaimStore
from processors.carriers.shippo import Shippo, sign
from processors.carriers.shipstation import ShipStation
from processors.carriers.shipstation_simulator import KEY_ID, signature
from processors.clock import now_ms
from processors.fetch import SafeFetcher
from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from tests.contract.carrier_rigs import OLD_SECRET, SECRET, LabelRig
from tests.contract.net import Receiver
from tests.contract.partner_rigs import COUNT, QUICK


class RateRig(LabelRig):
    """What both do alike."""

    claims_shipment = False
    listed_at = "/jobs"
    desk = "/factory"
    calm_behaviour = OfficeFaults(stage_ms=20)
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


class ShippoRig(RateRig):
    """Shippo."""

    customs_at, customs_word = "/shipments/", b"customs_declaration"
    other_event = b'{"event": "transaction_created", "test": true, "data": {}}'
    malformed = (
        b'{"event": "track_updated", "data": {}}',
        b'{"event": "track_updated", "data": {"tracking_number": "1", "carrier": "usps", "tracking_status":'
        b' {"object_id": "o", "status": "DELIVERED", "status_date": "yesterday"}}}',
    )

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        config = shippo_simulator.SimulatorConfig(
            store_file=str(folder / "shippo.sqlite"),
            token="key-of-tests",
            webhook_secret=SECRET,
            webhook_url=receiver.url + "/webhooks/carriers/shippo",
        )
        super().__init__("processors.carriers.shippo_simulator", config, folder, receiver)

    def carrier(
        self,
        policy: OutboundPolicy = QUICK,
        *,
        claims: ClaimStore | None = None,
        api_key: str | None = None,
        address: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> Carrier:
        headers = {"authorization": f"ShippoToken {api_key or 'key-of-tests'}"}
        client = OutboundClient("shippo", address or self.simulator.url, policy, headers=headers, exchanges=exchanges)
        labels = SafeFetcher(allow_private=True, seconds_max=5.0)
        carrier = Shippo("shippo", client, labels, claims or self._claims, (OLD_SECRET, SECRET), now_ms)
        self.opened.append(carrier)
        return carrier

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]:
        secret = {"now": SECRET, "before": OLD_SECRET, "stranger": "a stranger's secret"}[by]
        seconds = str(now_ms() // 1000)
        return {"Shippo-Auth-Signature": f"t={seconds},v1={sign(secret.encode(), seconds, body)}"}


class ShipStationRig(RateRig):
    """ShipStation."""

    customs_at, customs_word = "/v2/rates", b"customs_items"
    other_event = b'{"resource_type": "BATCH_PROCESSED_V2", "resource_url": "https://api.shipstation.com/v2/batches/1"}'
    malformed = (
        b'{"resource_type": "TRACK_EVENT_V2", "resource_url": "", "data": {}}',
        b'{"resource_type": "TRACK_EVENT_V2", "resource_url": "", "data": {"tracking_number": "1", "status_code": "DE",'
        b' "events": [{"occurred_at": "yesterday"}]}}',
    )

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self._keys = {by: generate_private_key(65_537, 2048) for by in ("now", "before", "stranger")}
        pem = self._keys["now"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        config = shipstation_simulator.SimulatorConfig(
            store_file=str(folder / "shipstation.sqlite"),
            api_key="key-of-tests",
            private_key=pem.decode(),
            webhook_url=receiver.url + "/webhooks/carriers/shipstation",
        )
        super().__init__("processors.carriers.shipstation_simulator", config, folder, receiver)

    def carrier(
        self,
        policy: OutboundPolicy = QUICK,
        *,
        claims: ClaimStore | None = None,
        api_key: str | None = None,
        address: str | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> Carrier:
        headers = {"api-key": api_key or "key-of-tests"}
        url = address or self.simulator.url
        client = OutboundClient("shipstation", url, policy, headers=headers, exchanges=exchanges)
        carrier = ShipStation(
            "shipstation",
            client,
            SafeFetcher(allow_private=True, seconds_max=5.0),
            claims or self._claims,
            carrier_ids=("se-1",),
            webhook_keys={KEY_ID: self._keys["now"].public_key(), "before": self._keys["before"].public_key()},
            now_ms=now_ms,
        )
        self.opened.append(carrier)
        return carrier

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]:
        headers = signature(self._keys[by], millis(now_ms()), body)
        return headers if by != "before" else {**headers, "x-shipengine-rsa-sha256-key-id": "before"}
