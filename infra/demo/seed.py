"""Makes the demo tenant ready: stores with secrets, an API key, the catalogue, the mapped SKUs. Idempotent."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from events.catalogue.commands import MapSku
from events.order.values import AreaDesign, LineArtwork, OrderPolicy
from infra.access import SCOPES, PostgresApiKeys, PostgresStores
from infra.catalogue_desk import SHARED_TENANT, CatalogueDesk
from infra.demo.catalogue import TEMPLATE_OF_VARIANT, demo_catalogue
from infra.demo.pictures import picture_bytes
from infra.demo.supplier import COASTERS
from infra.files import write_whole

TENANT: Final = "demo"
API_KEY_FILE: Final = "demo-api-key"
CATALOGUE_VERSION: Final = 4
"""Raise it when the demo catalogue's content changes: the catalogue takes newer versions only."""

STORES: Final[Mapping[str, str]] = {
    "demo-shopify": "shopify",
    "demo-woo": "rest",
    "demo-etsy": "rest",
    "demo-kafka": "kafka",
    "demo-rest": "rest",
}
"""Demo stores and the roads by which they are connected."""

SKUS: Final[Mapping[str, str]] = {
    "DEMO-MUG-WHITE": "mug-11oz-white",
    "DEMO-MUG-BLACK": "mug-11oz-black",
    "DEMO-MUG-MATT": "mug-11oz-matt",
    "DEMO-TEE-BLACK": "tee-black-m",
    "DEMO-TEE-WHITE": "tee-white-l",
    "DEMO-POSTER": "poster-30x40",
    "DEMO-COASTERS": COASTERS,
}
"""SKUs that every demo store has mapped."""

DESIGN_SKU: Final = "DEMO-TEE-DESIGN"
"""A SKU that brings its own design, one picture for the front and one for the back."""

POLICY: Final = OrderPolicy(
    approval="when_clean",
    retry_wait_ms=400,
    attempts_max=3,
    work_timeout_ms=30_000,
    production_timeout_ms=300_000,
    approval_timeout_ms=600_000,
    spot_check_per_mille=15,
)
"""Waits are short, so that the demonstration can be watched."""


SHOPIFY: Final[Mapping[str, Any]] = {"print_test_orders": True, "unpaid_statuses": ["voided", "refunded", "expired"]}
"""Published example orders are often marked as tests, or to be paid on delivery: the demo prints those as well."""


def artwork_of(variant_id: str) -> LineArtwork:
    """What a demo variant is printed by; a ready-made one by nothing."""
    template_id = TEMPLATE_OF_VARIANT.get(variant_id, "")
    return LineArtwork(
        variant_id=variant_id,
        template_id=template_id,
        template_version=1 if template_id else 0,
        designer="printledger demo" if template_id else "",
    )


async def seed(stores: PostgresStores, keys: PostgresApiKeys, desk: CatalogueDesk, data_dir: Path) -> None:
    """Connect the stores, make the API key once, describe the catalogue, map the SKUs."""
    options: dict[str, Any] = {"policy": msgspec.to_builtins(POLICY), "shopify": SHOPIFY}
    for store, platform in STORES.items():
        known = stores.find(store)
        secret = known.secret if known else None
        stores.put(TENANT, store, platform, secret=secret or secrets.token_bytes(32), options=options)
    key_file = data_dir / API_KEY_FILE
    if not key_file.exists():
        write_whole(key_file, keys.create(TENANT, "demo operator", SCOPES), mode=0o600)
    await desk.say(SHARED_TENANT, demo_catalogue(CATALOGUE_VERSION))
    await desk.say(
        TENANT,
        (
            MapSku(source_version=CATALOGUE_VERSION, store=store, sku=sku, artwork=artwork_of(variant_id))
            for store in STORES
            for sku, variant_id in SKUS.items()
        ),
    )
    designs = await asyncio.to_thread(_designs, desk)
    artwork = msgspec.structs.replace(artwork_of("tee-black-m"), designs=designs)
    await desk.say(
        TENANT,
        (MapSku(source_version=CATALOGUE_VERSION, store=store, sku=DESIGN_SKU, artwork=artwork) for store in STORES),
    )


def _designs(desk: CatalogueDesk) -> tuple[AreaDesign, ...]:
    """The demo stores' own designs, kept under their digests."""
    pictures = {"front": "hills.png", "back": "rosette.png"}
    return tuple(
        AreaDesign(area=area, design_key=desk.keep_design(TENANT, picture_bytes(name)))
        for area, name in pictures.items()
    )
