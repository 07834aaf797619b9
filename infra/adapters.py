"""Makes the adapters of print partners and carriers from the settings."""

from __future__ import annotations

from psycopg_pool import AsyncConnectionPool

from infra.claims import PostgresClaims
from infra.settings import Settings
from processors.carriers.easypost import EasyPost
from processors.carriers.protocol import Carrier
from processors.fetch import SafeFetcher
from processors.outbound import OutboundClient, OutboundPolicy
from processors.partners.print_shop import PrintShop
from processors.partners.protocol import PrintPartner

CARRIER = "easypost"


def partners(settings: Settings) -> dict[str, PrintPartner]:
    """An adapter for each configured print shop. Use them on one event loop."""
    key = settings.partner_api_key.get_secret_value()
    return {
        name: PrintShop(
            name,
            OutboundClient(
                name,
                f"{settings.partner_base_url.rstrip('/')}/{name}",
                OutboundPolicy(),
                headers={"authorization": f"Bearer {key}"},
            ),
            (settings.partner_webhook_secret.get_secret_value(),),
        )
        for name in settings.print_shops
    }


def carrier(settings: Settings, claims_pool: AsyncConnectionPool) -> Carrier:
    """The carrier's adapter; the pool need not be open for verifying and reading webhooks."""
    return EasyPost(
        CARRIER,
        OutboundClient(
            CARRIER,
            settings.carrier_base_url,
            OutboundPolicy(),
            auth=(settings.carrier_api_key.get_secret_value(), ""),
        ),
        SafeFetcher(allow_private=settings.allow_private_addresses),
        PostgresClaims(claims_pool, CARRIER),
        (settings.carrier_webhook_secret.get_secret_value(),),
    )
