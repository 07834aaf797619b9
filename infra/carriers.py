"""Makes the adapters of carriers from the settings, and the desk that chooses among them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.claims import PostgresClaims
from infra.files import write_whole
from infra.outbound_tables import PostgresCallCounts, PostgresGate
from infra.settings import Settings
from infra.vendors import VendorSecretMissing
from processors.carriers import shippo, shipstation
from processors.carriers.desk import CarrierDesk, CarrierRecord
from processors.carriers.easypost import EasyPost
from processors.carriers.protocol import Carrier
from processors.carriers.shippo import Shippo
from processors.carriers.shipstation import ShipStation
from processors.carriers.shipstation_simulator import KEY_ID
from processors.carriers.shipstation_sorting import public_keys
from processors.clock import now_ms
from processors.fetch import SafeFetcher
from processors.outbound import OutboundClient, OutboundPolicy
from processors.ports import NamedError

#: The one carrier of an account in the simulator.
SIMULATED_CARRIER_IDS: Final = ("se-1",)
#: The desk's own system in the claim store: which carrier was asked to sell.
DESK: Final = "carrier.choice"


class CarriersInvalid(NamedError):
    """CARRIERS must name at least one of `easypost`, `shippo` and `shipstation`, each once, separated by commas."""


class ShipStationKeysInvalid(NamedError):
    """SHIPSTATION_WEBHOOK_KEYS must be the JSON Web Key Set that stands at https://api.shipengine.com/jwks."""


def carriers(settings: Settings, pool: AsyncConnectionPool) -> dict[str, Carrier]:
    """An adapter for each carrier that `CARRIERS` names. The pool need not be open for verifying and reading webhooks.

    Raises CarriersInvalid, VendorSecretMissing, ShipStationKeysInvalid.
    """
    names = settings.carriers
    if not names or len(set(names)) != len(names) or not set(names) <= set(_MADE):
        raise CarriersInvalid
    return {name: _MADE[name](settings, pool) for name in names}


def carrier_desk(pool: AsyncConnectionPool, made: Mapping[str, Carrier], record: CarrierRecord) -> CarrierDesk:
    """The desk that buys labels at the best of these carriers. `record` knows how they did."""
    return CarrierDesk(made, PostgresClaims(pool, DESK), now_ms, record)


def _easypost(settings: Settings, pool: AsyncConnectionPool) -> Carrier:
    name = "easypost"
    client = OutboundClient(
        name,
        settings.carrier_base_url,
        OutboundPolicy(),
        auth=(settings.carrier_api_key.get_secret_value(), ""),
        gate=PostgresGate(pool, name),
        exchanges=PostgresCallCounts(pool),
    )
    secrets = (settings.carrier_webhook_secret.get_secret_value(),)
    return EasyPost(name, client, _labels(settings), PostgresClaims(pool, name), secrets)


def _shippo(settings: Settings, pool: AsyncConnectionPool) -> Carrier:
    name = "shippo"
    token, secret = _secrets(name, settings.shippo_token, settings.shippo_webhook_secret)
    client = OutboundClient(
        name,
        settings.shippo_base_url,
        OutboundPolicy(),
        headers={"authorization": f"ShippoToken {token}", "shippo-api-version": shippo.API_VERSION},
        gate=PostgresGate(pool, name),
        exchanges=PostgresCallCounts(pool),
    )
    return Shippo(name, client, _labels(settings), PostgresClaims(pool, name), (secret,), now_ms)


def _shipstation(settings: Settings, pool: AsyncConnectionPool) -> Carrier:
    name = "shipstation"
    (key,) = _secrets(name, settings.shipstation_api_key)
    client = OutboundClient(
        name,
        settings.shipstation_base_url,
        OutboundPolicy(rate_limit=shipstation.STATED_RATE_LIMIT),
        headers={"api-key": key},
        gate=PostgresGate(pool, name),
        exchanges=PostgresCallCounts(pool),
    )
    simulated = SIMULATED_CARRIER_IDS if settings.profile != "production" else ()
    carrier_ids = settings.shipstation_carrier_ids or simulated
    if not carrier_ids:
        raise CarriersInvalid("ShipStation needs SHIPSTATION_CARRIER_IDS: the ids of the account's carriers.")
    return ShipStation(
        name,
        client,
        _labels(settings),
        PostgresClaims(pool, name),
        carrier_ids=carrier_ids,
        webhook_keys=_webhook_keys(settings),
        now_ms=now_ms,
    )


_MADE: Final[Mapping[str, Callable[[Settings, AsyncConnectionPool], Carrier]]] = {
    "easypost": _easypost,
    "shippo": _shippo,
    "shipstation": _shipstation,
}
"""How each carrier's adapter is made."""


def _labels(settings: Settings) -> SafeFetcher:
    return SafeFetcher(allow_private=settings.allow_private_addresses)


def _secrets(name: str, *secrets: SecretStr) -> tuple[str, ...]:
    told = tuple(secret.get_secret_value() for secret in secrets)
    if not all(told):
        raise VendorSecretMissing(f"{name}: {VendorSecretMissing.__doc__}")
    return told


def _webhook_keys(settings: Settings) -> dict[str, RSAPublicKey]:
    if not settings.shipstation_webhook_keys and settings.profile != "production":
        return {KEY_ID: simulated_key(settings).public_key()}
    try:
        found = public_keys(settings.shipstation_webhook_keys)
    except ValueError as error:
        raise ShipStationKeysInvalid(f"{ShipStationKeysInvalid.__doc__} ({error})") from None
    if not found:
        raise ShipStationKeysInvalid
    return found


def simulated_key(settings: Settings) -> RSAPrivateKey:
    """The key with which the simulated ShipStation signs: made once a data folder, by whoever needs it first."""
    file = settings.data_dir / "simulators" / "shipstation.pem"
    if not file.exists():
        made = generate_private_key(65_537, 2048)
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _keep_first(file, pem)
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{file} holds no RSA key: remove it, it is made anew")
    return key


def _keep_first(file: Path, pem: bytes) -> None:
    """Write the key, unless another process was quicker: then its key counts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    mine = file.with_name(f"{file.name}.{uuid4().hex}")
    write_whole(mine, pem.decode(), mode=0o600)
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(mine)
    mine.unlink()
