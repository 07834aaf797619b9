"""A supplier of ready-made goods in the settings: it becomes a partner, and its parcels start at its address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.adapters import partners
from infra.settings import SECRETS_ENV, load, prepare
from infra.suppliers import SupplierSetup, simulated
from infra.vendors import VendorSecretMissing, ship_from, vendors
from processors.suppliers.supplier import Supplier
from tests.unit.test_vendors import RECEIVING, nobody

SUPPLIER = {
    "adapter": "supplier",
    "variants": [{"variant": "coaster-cork-set", "sku": "CRK-COASTER-4"}],
    "receiving": RECEIVING,
}


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDORS", json.dumps({"supplier-north": SUPPLIER}))


def test_it_is_made_beside_the_presses_and_ships_from_its_own_door(tmp_path: Path) -> None:
    settings = prepare(tmp_path, profile="demo")
    assert isinstance(partners(settings, nobody())["supplier-north"], Supplier)
    assert ship_from(settings)["supplier-north"].city == "Chatsworth"


def test_its_simulator_sells_what_is_set_up_and_sends_webhooks_to_us(tmp_path: Path) -> None:
    settings = prepare(tmp_path, profile="demo")
    setup = vendors(settings)["supplier-north"]
    assert isinstance(setup, SupplierSetup)
    config = simulated(settings, "supplier-north", setup)
    assert [article.sku for article in config.articles] == ["CRK-COASTER-4"]
    assert config.webhook_url == f"{settings.public_base_url}/webhooks/partners/supplier-north"


def test_without_its_secret_it_is_refused_with_what_to_do(tmp_path: Path) -> None:
    prepare(tmp_path, profile="demo")
    (tmp_path / SECRETS_ENV).write_text(
        "\n".join(
            line
            for line in (tmp_path / SECRETS_ENV).read_text(encoding="utf-8").splitlines()
            if not line.startswith("SUPPLIER_WEBHOOK_SECRET")
        ),
        encoding="utf-8",
    )
    with pytest.raises(VendorSecretMissing, match="supplier-north"):
        partners(load(tmp_path), nobody())
