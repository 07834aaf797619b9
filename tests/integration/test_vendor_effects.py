"""Vendors with public APIs through the real worker: one order each although it is killed, and what was said is kept."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from events.order.commands import ReportSubmissionAccepted
from events.order.facts import SubmissionRequested
from events.order.values import AreaFile
from infra import postgres
from infra.outbound_tables import exchanges_about
from infra.s3 import Bucket
from infra.vault import PostgresVault
from processors.partners import gelato_simulator, printful_simulator
from processors.partners.gelato_works import Product
from processors.partners.printful_factory import Blank
from processors.workers.files import NewFile, OrderFiles
from tests.contract.gelato_rig import PRODUCT
from tests.contract.gelato_rig import VARIANT as GELATO_VARIANT
from tests.contract.net import SimulatorProcess
from tests.contract.partner_rigs import print_file
from tests.contract.printful_rig import RECEIVING
from tests.contract.printful_rig import VARIANT as PRINTFUL_VARIANT
from tests.integration.test_worker_effects import EFFECT, LINE, ORDER, TENANT, killed_and_started_again
from tests.integration.worker_bench import Workbench

pytestmark = [pytest.mark.stack, pytest.mark.slow]

KEY, SECRET = "key-of-tests", "00ff" * 10


def set_up(vendor: str, folder: Path) -> tuple[SimulatorProcess, dict[str, str]]:
    """A vendor's simulator, and the environment in which a worker speaks to it."""
    variant = msgspec.to_builtins(GELATO_VARIANT if vendor == "gelato" else PRINTFUL_VARIANT)
    setup = {
        "adapter": vendor,
        "variants": [variant],
        "receiving": {name: said for name, said in msgspec.to_builtins(RECEIVING).items() if said is not None},
        "capacity_units_per_day": 500,
    }
    vendors = {"VENDORS": json.dumps({vendor: setup})}
    store = str(folder / f"{vendor}.sqlite")
    if vendor == "gelato":
        simulator = SimulatorProcess(
            "processors.partners.gelato_simulator",
            gelato_simulator.SimulatorConfig(
                store_file=store,
                api_key=KEY,
                webhook_secret=SECRET,
                webhook_url=None,
                products=(Product(product_uid=PRODUCT, price=6.12),),
            ),
            folder,
        )
        addresses = {"GELATO_ORDERS_BASE_URL": simulator.url, "GELATO_PRODUCTS_BASE_URL": simulator.url}
        return simulator, vendors | addresses | {"GELATO_API_KEY": KEY, "GELATO_WEBHOOK_SECRET": SECRET}
    blank = Blank(catalog_variant_id=1320, product_id=19, technique="sublimation", placement="default", price="5.95")
    simulator = SimulatorProcess(
        "processors.partners.printful_simulator",
        printful_simulator.SimulatorConfig(
            store_file=store, token=KEY, webhook_secret_hex=SECRET, webhook_url=None, blanks=(blank,)
        ),
        folder,
    )
    secrets = {"PRINTFUL_TOKEN": KEY, "PRINTFUL_WEBHOOK_SECRET": SECRET}
    return simulator, vendors | secrets | {"PRINTFUL_BASE_URL": simulator.url}


@pytest.mark.parametrize("vendor", ["printful", "gelato"])
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
            partner_variant=PRODUCT if vendor == "gelato" else "1320",
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
