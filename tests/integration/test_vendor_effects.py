"""Vendors with public APIs through the real worker: one order each although it is killed, and what was said is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from events.order.commands import ReportSubmissionAccepted
from events.order.facts import SubmissionRequested
from events.order.values import AreaFile
from infra import postgres
from infra.outbound_tables import exchanges_about
from infra.s3 import Bucket
from infra.vault import PostgresVault
from processors.partners import gelato_simulator, printful_simulator, printify_simulator, prodigi_simulator
from processors.partners.gelato_works import Product
from processors.partners.printful_factory import Blank
from processors.workers.files import NewFile, OrderFiles
from tests.contract.gelato_rig import PRODUCT
from tests.contract.gelato_rig import VARIANT as GELATO_VARIANT
from tests.contract.net import SimulatorProcess
from tests.contract.partner_rigs import print_file
from tests.contract.printful_rig import RECEIVING
from tests.contract.printful_rig import VARIANT as PRINTFUL_VARIANT
from tests.contract.printify_rig import PRODUCT as PRINTIFY_PRODUCT
from tests.contract.printify_rig import SHOP
from tests.contract.printify_rig import VARIANT as PRINTIFY_VARIANT
from tests.contract.prodigi_rig import SKU
from tests.contract.prodigi_rig import VARIANT as PRODIGI_VARIANT
from tests.integration.test_worker_effects import EFFECT, LINE, ORDER, TENANT, killed_and_started_again
from tests.integration.worker_bench import Workbench

pytestmark = [pytest.mark.stack, pytest.mark.slow]

KEY, SECRET = "key-of-tests", "00ff" * 10


def set_up(vendor: str, folder: Path) -> tuple[SimulatorProcess, dict[str, str]]:
    """A vendor's simulator, and the environment in which a worker speaks to it."""
    module, config, variant, addresses, more = VENDORS[vendor](str(folder / f"{vendor}.sqlite"))
    setup = {
        "adapter": vendor,
        "variants": [msgspec.to_builtins(variant)],
        "receiving": {name: said for name, said in msgspec.to_builtins(RECEIVING).items() if said is not None},
        "capacity_units_per_day": 500,
        **more,
    }
    simulator = SimulatorProcess(module.__name__, config, folder)
    secrets = {f"{vendor.upper()}_{name}": said for name, said in SECRETS[vendor].items()}
    return simulator, {
        "VENDORS": json.dumps({vendor: setup}),
        **dict.fromkeys(addresses, simulator.url),
        **secrets,
    }


Setup = tuple[ModuleType, msgspec.Struct, msgspec.Struct, tuple[str, ...], dict[str, object]]
"""A simulator's module and configuration, the variant it makes, which settings name its address, more of its setup."""


def gelato(store_file: str) -> Setup:
    config = gelato_simulator.SimulatorConfig(
        store_file=store_file,
        api_key=KEY,
        webhook_secret=SECRET,
        webhook_url=None,
        products=(Product(product_uid=PRODUCT, price=6.12),),
    )
    return gelato_simulator, config, GELATO_VARIANT, ("GELATO_ORDERS_BASE_URL", "GELATO_PRODUCTS_BASE_URL"), {}


def printful(store_file: str) -> Setup:
    blank = Blank(catalog_variant_id=1320, product_id=19, technique="sublimation", placement="default", price="5.95")
    config = printful_simulator.SimulatorConfig(
        store_file=store_file, token=KEY, webhook_secret_hex=SECRET, webhook_url=None, blanks=(blank,)
    )
    return printful_simulator, config, PRINTFUL_VARIANT, ("PRINTFUL_BASE_URL",), {}


def printify(store_file: str) -> Setup:
    config = printify_simulator.SimulatorConfig(
        store_file=store_file,
        token=KEY,
        shop_id=SHOP,
        webhook_secret=SECRET,
        webhook_url=None,
        products=(PRINTIFY_PRODUCT,),
    )
    return printify_simulator, config, PRINTIFY_VARIANT, ("PRINTIFY_BASE_URL",), {"shop_id": SHOP}


def prodigi(store_file: str) -> Setup:
    config = prodigi_simulator.SimulatorConfig(
        store_file=store_file, api_key=KEY, products=(prodigi_simulator.Product(sku=SKU, unit_cost="6.12"),)
    )
    return prodigi_simulator, config, PRODIGI_VARIANT, ("PRODIGI_BASE_URL",), {}


VENDORS: dict[str, Callable[[str], Setup]] = {
    "printful": printful,
    "gelato": gelato,
    "printify": printify,
    "prodigi": prodigi,
}
SECRETS = {
    "printful": {"TOKEN": KEY, "WEBHOOK_SECRET": SECRET},
    "gelato": {"API_KEY": KEY, "WEBHOOK_SECRET": SECRET},
    "printify": {"TOKEN": KEY, "WEBHOOK_SECRET": SECRET},
    "prodigi": {"API_KEY": KEY, "WEBHOOK_SECRET": SECRET},
}
PARTNER_VARIANTS = {
    "printful": "1320",
    "gelato": PRODUCT,
    "printify": PRINTIFY_VARIANT.partner_variant,
    "prodigi": SKU,
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_killed_submit_worker_gives_a_vendor_one_order_and_what_was_said_is_kept(
    bench: Workbench, vault: PostgresVault, bucket: Bucket, tmp_path: Path, vendor: str
) -> None:
    simulator, environment = set_up(vendor, tmp_path)
    try:
        key = f"{TENANT}/{ORDER}/{LINE}/front/v1/print.png"
        file = OrderFiles(bucket, vault).store(
            TENANT, ORDER, key, "another effect", NewFile(content=print_file(), media_type="image/png")
        )
        request = SubmissionRequested(
            effect_key=EFFECT,
            request_id=f"{EFFECT}.1",
            attempt=1,
            due_at=0,
            line_id=LINE,
            run=1,
            units=(1, 2),
            partner_id=vendor,
            partner_variant=PARTNER_VARIANTS[vendor],
            print_files=(AreaFile(area="front", file=file),),
            country="US",
            priority="standard",
        )
        bench.ask(request, order_id=ORDER)

        report = killed_and_started_again(bench, "submit", environment)

        assert isinstance(report.command, ReportSubmissionAccepted)
        (order,) = (o for o in simulator.control("GET", "/jobs") if o["external_id"] == EFFECT)
        assert (order["quantity"], order["prints"] <= 1) == (2, True)
        with postgres.pool(bench.settings.database_url, bench.settings, name="test") as pool:
            said = exchanges_about(pool, vault, EFFECT)
        assert {exchange.vendor for exchange in said} == {vendor}
        assert any(EFFECT in exchange.sent for exchange in said)
        assert KEY not in repr(said)
        assert "/v1/assets/[removed]" in repr(said)
    finally:
        simulator.stop()
