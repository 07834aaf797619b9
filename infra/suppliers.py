"""The suppliers of ready-made goods that `VENDORS` sets up with the adapter `supplier`."""

from __future__ import annotations

import msgspec

from infra.settings import Settings
from processors.clock import now_ms
from processors.outbound import OutboundClient
from processors.partners.common import ReceivingAddress
from processors.suppliers.simulator import SimulatorConfig
from processors.suppliers.supplier import Supplier
from processors.suppliers.warehouse import StockedArticle


class SupplierVariant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variant that the supplier sells: ours, and its own name of it."""

    variant: str
    sku: str
    #: What the simulated supplier asks for it, in US cents; a real one says it itself.
    simulated_price_minor: int = 500


class SupplierSetup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="adapter", tag="supplier"
):
    """A supplier with the demo supplier's HTTP API."""

    variants: tuple[SupplierVariant, ...]
    #: Its address, where its parcels start.
    receiving: ReceivingAddress
    #: The address of its API, where it is another than that of all suppliers.
    base_url: str = ""


def supplier(name: str, setup: SupplierSetup, client: OutboundClient, webhook_secret: str) -> Supplier:
    """The supplier's adapter; `client` has its address and key."""
    variants = {one.sku: one.variant for one in setup.variants}
    return Supplier(name, client, (webhook_secret,), lambda: now_ms() / 1000, variants)


def simulated(settings: Settings, name: str, setup: SupplierSetup) -> SimulatorConfig:
    """What the supplier's simulator needs."""
    folder = settings.data_dir / "simulators"
    folder.mkdir(exist_ok=True)
    return SimulatorConfig(
        store_file=str(folder / f"{name}.sqlite"),
        key=settings.supplier_api_key.get_secret_value(),
        webhook_secret=settings.supplier_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/partners/{name}",
        articles=tuple(StockedArticle(sku=one.sku, price_minor=one.simulated_price_minor) for one in setup.variants),
    )
