"""Makes the adapters of print partners from the settings; those of carriers are in infra/carriers.py."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.claims import PostgresClaims
from infra.house import HouseSetup, house_shop
from infra.outbound_tables import PostgresGate
from infra.settings import Settings
from infra.suppliers import SupplierSetup, supplier
from infra.vendors import (
    GelatoSetup,
    PrintfulSetup,
    PrintifySetup,
    ProdigiSetup,
    VendorSecretMissing,
    VendorSetup,
    vendors,
)
from processors.outbound import ExchangeLog, OutboundClient, OutboundPolicy
from processors.partners import printful, printify
from processors.partners.gelato import Gelato
from processors.partners.print_shop import PrintShop
from processors.partners.printful import Printful
from processors.partners.printify import Printify
from processors.partners.prodigi import Prodigi
from processors.partners.protocol import PrintPartner


def partners(
    settings: Settings, pool: AsyncConnectionPool, exchanges: ExchangeLog | None = None
) -> dict[str, PrintPartner]:
    """An adapter for each print shop and vendor that is set up. Use them on one event loop.

    The pool need not be open for verifying and reading webhooks. Raises VendorsInvalid, VendorSecretMissing.
    """
    made = _Partners(settings, pool, exchanges)
    shops = {name: made.print_shop(name) for name in settings.print_shops}
    return shops | {name: made.vendor(name, setup) for name, setup in vendors(settings).items()}


class _Partners:
    """Makes adapters that share the database's gates and the log of exchanges."""

    def __init__(self, settings: Settings, pool: AsyncConnectionPool, exchanges: ExchangeLog | None) -> None:
        self._settings = settings
        self._pool = pool
        self._exchanges = exchanges

    def print_shop(self, name: str) -> PrintPartner:
        """A house print shop."""
        key = self._settings.partner_api_key.get_secret_value()
        address = f"{self._settings.partner_base_url.rstrip('/')}/{name}"
        client = self._client(name, address, OutboundPolicy(), {"authorization": f"Bearer {key}"})
        return PrintShop(name, client, (self._settings.partner_webhook_secret.get_secret_value(),))

    def vendor(self, name: str, setup: VendorSetup) -> PrintPartner:
        """A vendor with a public API."""
        match setup:
            case PrintfulSetup():
                return self._printful(name, setup)
            case GelatoSetup():
                return self._gelato(name, setup)
            case PrintifySetup():
                return self._printify(name, setup)
            case ProdigiSetup():
                return self._prodigi(name, setup)
            case HouseSetup():
                return house_shop(self._settings, name, setup)
            case SupplierSetup():
                return self._supplier(name, setup)

    def _supplier(self, name: str, setup: SupplierSetup) -> PrintPartner:
        settings = self._settings
        key, webhook_secret = _secrets(name, settings.supplier_api_key, settings.supplier_webhook_secret)
        headers = {"x-supplier-key": key}
        client = self._client(name, setup.base_url or settings.supplier_base_url, OutboundPolicy(), headers)
        return supplier(name, setup, client, webhook_secret)

    def _printful(self, name: str, setup: PrintfulSetup) -> PrintPartner:
        settings = self._settings
        token, webhook_secret = _secrets(name, settings.printful_token, settings.printful_webhook_secret)
        policy = OutboundPolicy(rate_limit=printful.STATED_RATE_LIMIT)
        headers = {"authorization": f"Bearer {token}"}
        return Printful(
            name,
            self._client(name, settings.printful_base_url, policy, headers),
            variants=setup.variants,
            receiving=setup.receiving,
            webhook_secrets_hex=(webhook_secret,),
            capacity_units_per_day=setup.capacity_units_per_day,
            selling_region=setup.selling_region,
        )

    def _gelato(self, name: str, setup: GelatoSetup) -> PrintPartner:
        settings = self._settings
        key, webhook_secret = _secrets(name, settings.gelato_api_key, settings.gelato_webhook_secret)
        orders, products = (
            self._client(name, address, OutboundPolicy(), {"x-api-key": key})
            for address in (settings.gelato_orders_base_url, settings.gelato_products_base_url)
        )
        return Gelato(
            name,
            orders,
            products,
            PostgresClaims(self._pool, name),
            variants=setup.variants,
            receiving=setup.receiving,
            webhook_secrets=(webhook_secret,),
            capacity_units_per_day=setup.capacity_units_per_day,
            currency=setup.currency,
        )

    def _printify(self, name: str, setup: PrintifySetup) -> PrintPartner:
        settings = self._settings
        token, webhook_secret = _secrets(name, settings.printify_token, settings.printify_webhook_secret)
        # Making a product with an order is slow, the documentation says.
        policy = OutboundPolicy(rate_limit=printify.STATED_RATE_LIMIT, read_timeout_s=30.0, total_timeout_s=45.0)
        headers = {"authorization": f"Bearer {token}", "user-agent": "printledger"}
        return Printify(
            name,
            self._client(name, settings.printify_base_url, policy, headers),
            PostgresClaims(self._pool, name),
            shop_id=setup.shop_id,
            variants=setup.variants,
            receiving=setup.receiving,
            webhook_secrets=(webhook_secret,),
            capacity_units_per_day=setup.capacity_units_per_day,
            currency=setup.currency,
        )

    def _prodigi(self, name: str, setup: ProdigiSetup) -> PrintPartner:
        settings = self._settings
        key, webhook_secret = _secrets(name, settings.prodigi_api_key, settings.prodigi_webhook_secret)
        return Prodigi(
            name,
            self._client(name, settings.prodigi_base_url, OutboundPolicy(), {"x-api-key": key}),
            PostgresClaims(self._pool, name),
            variants=setup.variants,
            receiving=setup.receiving,
            callback_url=f"{settings.public_base_url}/webhooks/partners/{name}",
            webhook_secrets=(webhook_secret,),
            capacity_units_per_day=setup.capacity_units_per_day,
            currency=setup.currency,
            pause_window=setup.pause_window,
        )

    def _client(self, name: str, address: str, policy: OutboundPolicy, headers: Mapping[str, str]) -> OutboundClient:
        gate = PostgresGate(self._pool, name)
        return OutboundClient(name, address, policy, headers=headers, gate=gate, exchanges=self._exchanges)


def _secrets(name: str, *secrets: SecretStr) -> tuple[str, ...]:
    told = tuple(secret.get_secret_value() for secret in secrets)
    if not all(told):
        raise VendorSecretMissing(f"{name}: {VendorSecretMissing.__doc__}")
    return told
