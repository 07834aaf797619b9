"""Vendors in the settings: what is set up is made, what is wrong is named, and secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from infra import adapters
from infra.adapters import partners
from infra.outbound_tables import PostgresGate
from infra.settings import SECRETS_ENV, Settings, load, prepare
from infra.vendors import VendorSecretMissing, VendorsInvalid, ship_from, vendors
from processors.gate import Rate
from processors.outbound import OutboundClient, OutboundPolicy
from processors.partners.gelato import Gelato
from processors.partners.print_shop import PrintShop
from processors.partners.printful import Printful
from processors.partners.printify import Printify
from processors.partners.prodigi import Prodigi

RECEIVING = {
    "name": "Demo Receiving Dock", "address1": "19749 Dearborn St", "city": "Chatsworth", "country_code": "US",
    "zip": "91311", "state_code": "CA",
}  # fmt: skip
PRINTFUL: dict[str, Any] = {
    "adapter": "printful",
    "variants": [
        {
            "variant": "mug-11oz-white", "catalog_variant_id": 1320, "placement": "default",
            "technique": "sublimation", "production_ms": 1000,
        }
    ],
    "receiving": RECEIVING,
    "capacity_units_per_day": 500,
}  # fmt: skip
GELATO: dict[str, Any] = {
    "adapter": "gelato",
    "variants": [{"variant": "mug-11oz-white", "product_uid": "mug_product", "production_ms": 1000}],
    "receiving": RECEIVING,
    "capacity_units_per_day": 500,
}

PRINTIFY: dict[str, Any] = {
    "adapter": "printify",
    "shop_id": 815256,
    "variants": [
        {
            "variant": "mug-11oz-white", "blueprint_id": 68, "print_provider_id": 9, "variant_id": 33719,
            "product_id": "5d39b159e7c48c000728c89f", "production_ms": 1000,
        }
    ],
    "receiving": RECEIVING,
    "capacity_units_per_day": 500,
}  # fmt: skip
PRODIGI: dict[str, Any] = {
    "adapter": "prodigi",
    "variants": [
        {"variant": "mug-11oz-white", "sku": "GLOBAL-MUG-W", "production_ms": 1000, "attributes": {"color": "white"}}
    ],
    "receiving": RECEIVING,
    "capacity_units_per_day": 500,
    "pause_window": True,
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A demo in which every vendor with a public API is set up."""
    setups = {"printful": PRINTFUL, "gelato-eu": GELATO, "printify": PRINTIFY, "prodigi": PRODIGI}
    monkeypatch.setenv("VENDORS", json.dumps(setups))
    return prepare(tmp_path, profile="demo")


def nobody() -> AsyncConnectionPool:
    """A pool that nobody opens: making adapters needs no database."""
    return AsyncConnectionPool("postgresql://127.0.0.1:1/none", open=False)


def test_a_catalogue_can_name_every_vendor_that_is_set_up_beside_the_house_shops(settings: Settings) -> None:
    made = partners(settings, nobody())
    kinds = {name: type(partner) for name, partner in made.items()}
    assert kinds == {
        "press-east": PrintShop,
        "press-west": PrintShop,
        "printful": Printful,
        "gelato-eu": Gelato,
        "printify": Printify,
        "prodigi": Prodigi,
    }
    assert all(partner.name == name for name, partner in made.items())


def test_a_demo_speaks_to_simulators_and_production_to_the_vendors(settings: Settings, tmp_path: Path) -> None:
    assert settings.printful_base_url == f"http://127.0.0.1:{settings.printful_simulator_port}"
    assert settings.gelato_orders_base_url == settings.gelato_products_base_url
    assert settings.printify_base_url == f"http://127.0.0.1:{settings.printify_simulator_port}"
    assert settings.prodigi_base_url == f"http://127.0.0.1:{settings.prodigi_simulator_port}"
    production = prepare(tmp_path / "production", profile="production")
    assert production.printful_base_url == "https://api.printful.com"
    assert production.gelato_orders_base_url == "https://order.gelatoapis.com"
    assert production.gelato_products_base_url == "https://product.gelatoapis.com"
    assert production.printify_base_url == "https://api.printify.com"
    assert production.prodigi_base_url == "https://api.prodigi.com"


def test_all_workers_together_keep_the_rate_that_each_vendor_states(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, set[tuple[Rate | None, type[object]]]] = {}

    class Noted(OutboundClient):
        """A client of which is noted how often it may call, and who counts its calls."""

        def __init__(self, name: str, base_url: str, policy: OutboundPolicy, **more: Any) -> None:
            made.setdefault(name, set()).add((policy.rate_limit, type(more["gate"])))
            super().__init__(name, base_url, policy, **more)

    monkeypatch.setattr(adapters, "OutboundClient", Noted)
    partners(settings, nobody())
    stated = {name: {rate for rate, _ in found} for name, found in made.items()}
    # Gelato and Prodigi state none; they say 429, which pauses all workers.
    assert {name: stated[name] for name in ("printful", "printify", "gelato-eu", "prodigi")} == {
        "printful": {Rate(calls=120, seconds=60)},
        "printify": {Rate(calls=100, seconds=10)},
        "gelato-eu": {None},
        "prodigi": {None},
    }
    assert {gate for found in made.values() for _, gate in found} == {PostgresGate}


def test_the_parcels_of_a_vendors_goods_start_where_it_sends_them(settings: Settings) -> None:
    assert ship_from(settings)["printful"].city == "Chatsworth"
    assert "press-east" in ship_from(settings)


def test_a_vendor_without_its_secret_is_refused_with_what_to_do(settings: Settings) -> None:
    secrets = settings.data_dir / SECRETS_ENV
    lines = secrets.read_text().splitlines(keepends=True)
    secrets.write_text("".join(line for line in lines if not line.startswith("GELATO_WEBHOOK_SECRET=")))
    with pytest.raises(VendorSecretMissing, match="gelato-eu"):
        partners(load(settings.data_dir, profile="demo"), nobody())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"printful": PRINTFUL | {"adapter": "unheard-of"}}, "unheard-of"),
        ({"printful": PRINTFUL | {"capacity": 7}}, "capacity"),
        ({"printful": PRINTFUL | {"variants": []}}, "1 to"),
        ({"press-east": PRINTFUL}, "house print shop"),
    ],
)
def test_a_set_up_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], named: str
) -> None:
    monkeypatch.setenv("VENDORS", json.dumps(changed))
    with pytest.raises(VendorsInvalid, match=named):
        vendors(prepare(tmp_path, profile="demo"))


def test_a_vendors_secrets_do_not_show_in_a_printed_settings_object(settings: Settings) -> None:
    assert settings.gelato_api_key.get_secret_value()
    assert settings.gelato_api_key.get_secret_value() not in repr(settings)
