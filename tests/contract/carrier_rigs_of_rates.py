"""Rigs of the carriers that sell a rate rather than a shipment: Shippo and ShipStation."""

from collections.abc import Mapping
from pathlib import Path

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
from tests.contract.carrier_rigs import API_KEY, OLD_SECRET, SECRET, SECRETS, LabelRig
from tests.contract.net import Receiver


class RateRig(LabelRig):
    """What both do alike."""

    claims_shipment = False
    listed_at = "/jobs"
    desk = "/factory"
    calm_behaviour = OfficeFaults(stage_ms=20)


class ShippoRig(RateRig):
    """Shippo."""

    vendor = "shippo"
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
            token=API_KEY,
            webhook_secret=SECRET,
            webhook_url=receiver.url + "/webhooks/carriers/shippo",
        )
        super().__init__("processors.carriers.shippo_simulator", config, folder, receiver)

    def connected(
        self, url: str, policy: OutboundPolicy, api_key: str, exchanges: ExchangeLog | None
    ) -> OutboundClient:
        headers = {"authorization": f"ShippoToken {api_key}"}
        return OutboundClient(self.vendor, url, policy, headers=headers, exchanges=exchanges)

    def made(self, client: OutboundClient, labels: SafeFetcher, claims: ClaimStore) -> Carrier:
        return Shippo(self.vendor, client, labels, claims, (OLD_SECRET, SECRET), now_ms)

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]:
        seconds = str(now_ms() // 1000)
        return {"Shippo-Auth-Signature": f"t={seconds},v1={sign(SECRETS[by].encode(), seconds, body)}"}


class ShipStationRig(RateRig):
    """ShipStation."""

    vendor = "shipstation"
    taken_back = "refunded"
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
            api_key=API_KEY,
            private_key=pem.decode(),
            webhook_url=receiver.url + "/webhooks/carriers/shipstation",
        )
        super().__init__("processors.carriers.shipstation_simulator", config, folder, receiver)

    def connected(
        self, url: str, policy: OutboundPolicy, api_key: str, exchanges: ExchangeLog | None
    ) -> OutboundClient:
        return OutboundClient(self.vendor, url, policy, headers={"api-key": api_key}, exchanges=exchanges)

    def made(self, client: OutboundClient, labels: SafeFetcher, claims: ClaimStore) -> Carrier:
        return ShipStation(
            self.vendor,
            client,
            labels,
            claims,
            carrier_ids=("se-1",),
            webhook_keys={KEY_ID: self._keys["now"].public_key(), "before": self._keys["before"].public_key()},
            now_ms=now_ms,
        )

    def signed(self, body: bytes, *, by: str) -> Mapping[str, str]:
        headers = signature(self._keys[by], millis(now_ms()), body)
        return headers if by != "before" else {**headers, "x-shipengine-rsa-sha256-key-id": "before"}
