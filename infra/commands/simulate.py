"""`printledger simulate`: the demo's outside world, one process each, and routing by other rules.

The outside world is print shops, suppliers, carriers, whoever gives money back, and the demo's own desk.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import typer
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI

from infra import bootstrap
from infra.carriers import SIMULATED_CARRIER_IDS, simulated_key
from infra.commands.common import DataDir, settings_of
from infra.commands.routing import simulate_routing
from infra.demo import pictures
from infra.demo.catalogue import EAST, WEST
from infra.house import HouseSetup, folder_of
from infra.settings import LOOPBACK, Settings
from infra.suppliers import SupplierSetup, simulated
from infra.vendors import GelatoSetup, PrintfulSetup, PrintifySetup, ProdigiSetup, vendors
from processors.carriers import easypost_simulator, shippo_simulator, shipstation_simulator
from processors.claims import refund_simulator
from processors.partners import (
    gelato_simulator,
    print_shop_simulator,
    printful_simulator,
    printify_simulator,
    prodigi_simulator,
)
from processors.partners.gelato_works import Product
from processors.partners.house_simulator import HouseOperator, attach
from processors.partners.printful_factory import Blank
from processors.ports import NamedError
from processors.suppliers import simulator as supplier_simulator

S = TypeVar("S")


class VendorNotSetUp(NamedError):
    """VENDORS sets up no partner with this adapter: what it makes is not known, so it cannot be simulated."""


class NotSimulated(NamedError):
    """A production profile has a real outside world: simulators run in demo and test only."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    worlds = typer.Typer(help="Simulate the outside world, or routing by other rules.", no_args_is_help=True)
    for world in _RUNS:
        worlds.command(world, help=f"{_HELP[world]} It runs until told to end.")(_command_of(world))
    worlds.command("routing")(simulate_routing)
    app.add_typer(worlds, name="simulate")


def _command_of(world: str) -> Callable[..., None]:
    def run(data: DataDir = None) -> None:
        simulate(world, data)

    return run


def simulate(world: str, data: Path | None) -> None:
    """Run one simulator until it is told to end."""
    settings = settings_of(data)
    if settings.profile == "production":
        raise NotSimulated
    _RUNS[world](settings)


def _desk(settings: Settings) -> None:
    """Buyers' pictures are served once stores and catalogue are there: the demo is ready when this port answers."""
    asyncio.run(bootstrap.seed_demo(settings))
    pictures.serve(settings.pictures_port)


def _folder(settings: Settings) -> Path:
    folder = settings.data_dir / "simulators"
    folder.mkdir(exist_ok=True)
    return folder


def _presses(settings: Settings) -> None:
    config = print_shop_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "print-shops.sqlite"),
        shops=print_shop_simulator.demo_shops(
            (EAST, WEST),
            f"{settings.public_base_url}/webhooks/partners/{{shop}}",
            settings.partner_api_key.get_secret_value(),
            settings.partner_webhook_secret.get_secret_value(),
        ),
    )
    app = print_shop_simulator.create_app(config)
    house = next(((name, setup) for name, setup in vendors(settings).items() if isinstance(setup, HouseSetup)), None)
    if house is not None:
        attach(app, HouseOperator(folder_of(settings, *house), settings.data_dir / "demo-prints"))
    _serve(app, settings.partner_simulator_port)


def _carrier(settings: Settings) -> None:
    config = easypost_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "easypost.sqlite"),
        api_key=settings.carrier_api_key.get_secret_value(),
        webhook_secret=settings.carrier_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/carriers/easypost",
    )
    _serve(easypost_simulator.create_app(config), settings.carrier_simulator_port)


def _shippo(settings: Settings) -> None:
    config = shippo_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "shippo.sqlite"),
        token=settings.shippo_token.get_secret_value(),
        webhook_secret=settings.shippo_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/carriers/shippo",
    )
    _serve(shippo_simulator.create_app(config), settings.shippo_simulator_port)


def _shipstation(settings: Settings) -> None:
    pem = simulated_key(settings).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    config = shipstation_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "shipstation.sqlite"),
        api_key=settings.shipstation_api_key.get_secret_value(),
        private_key=pem.decode(),
        webhook_url=f"{settings.public_base_url}/webhooks/carriers/shipstation",
        carrier_ids=settings.shipstation_carrier_ids or SIMULATED_CARRIER_IDS,
    )
    _serve(shipstation_simulator.create_app(config), settings.shipstation_simulator_port)


def _printful(settings: Settings) -> None:
    name, setup = _set_up(settings, PrintfulSetup)
    config = printful_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "printful.sqlite"),
        token=settings.printful_token.get_secret_value(),
        webhook_secret_hex=settings.printful_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/partners/{name}",
        blanks=tuple(
            Blank(
                catalog_variant_id=variant.catalog_variant_id,
                product_id=variant.catalog_variant_id,
                technique=variant.technique,
                placement=variant.placement,
                price="5.95",
            )
            for variant in setup.variants
        ),
    )
    _serve(printful_simulator.create_app(config), settings.printful_simulator_port)


def _gelato(settings: Settings) -> None:
    name, setup = _set_up(settings, GelatoSetup)
    config = gelato_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "gelato.sqlite"),
        api_key=settings.gelato_api_key.get_secret_value(),
        webhook_secret=settings.gelato_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/partners/{name}",
        products=tuple(Product(product_uid=variant.product_uid, price=6.12) for variant in setup.variants),
    )
    _serve(gelato_simulator.create_app(config), settings.gelato_simulator_port)


def _printify(settings: Settings) -> None:
    name, setup = _set_up(settings, PrintifySetup)
    config = printify_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "printify.sqlite"),
        token=settings.printify_token.get_secret_value(),
        shop_id=setup.shop_id,
        webhook_secret=settings.printify_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/partners/{name}",
        products=tuple(
            printify_simulator.Product(
                product_id=variant.product_id,
                blueprint_id=variant.blueprint_id,
                print_provider_id=variant.print_provider_id,
                variant_id=variant.variant_id,
                cost=516,
            )
            for variant in setup.variants
        ),
    )
    _serve(printify_simulator.create_app(config), settings.printify_simulator_port)


def _prodigi(settings: Settings) -> None:
    _, setup = _set_up(settings, ProdigiSetup)
    config = prodigi_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "prodigi.sqlite"),
        api_key=settings.prodigi_api_key.get_secret_value(),
        products=tuple(prodigi_simulator.Product(sku=variant.sku, unit_cost="6.12") for variant in setup.variants),
        currency=setup.currency,
    )
    _serve(prodigi_simulator.create_app(config), settings.prodigi_simulator_port)


def _supplier(settings: Settings) -> None:
    name, setup = _set_up(settings, SupplierSetup)
    _serve(supplier_simulator.create_app(simulated(settings, name, setup)), settings.supplier_simulator_port)


def _refunds(settings: Settings) -> None:
    config = refund_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "refunds.sqlite"), api_key=settings.refund_api_key.get_secret_value()
    )
    _serve(refund_simulator.create_app(config), settings.refund_simulator_port)


def _set_up(settings: Settings, kind: type[S]) -> tuple[str, S]:
    """The first partner of this kind. Raises VendorNotSetUp, VendorsInvalid."""
    found = next(((name, setup) for name, setup in vendors(settings).items() if isinstance(setup, kind)), None)
    if found is None:
        raise VendorNotSetUp
    return found


def _serve(app: FastAPI, port: int) -> None:
    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning")


_RUNS: Mapping[str, Callable[[Settings], None]] = {
    "presses": _presses,
    "carrier": _carrier,
    "shippo": _shippo,
    "shipstation": _shipstation,
    "desk": _desk,
    "printful": _printful,
    "gelato": _gelato,
    "supplier": _supplier,
    "printify": _printify,
    "prodigi": _prodigi,
    "refunds": _refunds,
}
"""What each simulated world is run by."""

_HELP: Mapping[str, str] = {
    "presses": "Run the simulated house print shops, and the operator at the house press that VENDORS sets up.",
    "carrier": "Run the simulated EasyPost.",
    "shippo": "Run the simulated Shippo.",
    "shipstation": "Run the simulated ShipStation.",
    "desk": "Make the demo's stores and catalogue known, then serve its buyers' pictures.",
    "printful": "Run the simulated Printful, with the store that VENDORS sets up.",
    "gelato": "Run the simulated Gelato, with the account that VENDORS sets up.",
    "supplier": "Run the simulated supplier of ready-made goods that VENDORS sets up.",
    "printify": "Run the simulated Printify, with the shop that VENDORS sets up.",
    "prodigi": "Run the simulated Prodigi, with the account that VENDORS sets up.",
    "refunds": "Run the simulated payment system that gives money back for claims.",
}
"""What each of them is, for `--help`."""
