"""`printledger simulate`: the demo's outside world, one process each: print shops, carrier, and the demo's own desk."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from infra import bootstrap
from infra.commands.common import DataDir, settings_of
from infra.demo import pictures
from infra.demo.catalogue import EAST, WEST
from infra.settings import LOOPBACK, Settings
from processors.carriers import easypost_simulator
from processors.partners import print_shop_simulator
from processors.ports import NamedError

WORLDS = ("presses", "carrier", "desk")


class NotSimulated(NamedError):
    """A production profile has a real outside world: simulators run in demo and test only."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    world: Annotated[str, typer.Argument(help=f"One of {', '.join(WORLDS)}.")],
    data: DataDir = None,
) -> None:
    """Run one simulator until it is told to end."""
    settings = settings_of(data)
    if settings.profile == "production":
        raise NotSimulated
    match world:
        case "presses":
            _presses(settings)
        case "carrier":
            _carrier(settings)
        case "desk":
            # Buyers' pictures are served once stores and catalogue are there: the demo is ready when this port answers.
            asyncio.run(bootstrap.seed_demo(settings))
            pictures.serve(settings.pictures_port)
        case _:
            raise typer.BadParameter(f"one of {', '.join(WORLDS)}")


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
    uvicorn.run(
        print_shop_simulator.create_app(config),
        host=LOOPBACK,
        port=settings.partner_simulator_port,
        log_level="warning",
    )


def _carrier(settings: Settings) -> None:
    config = easypost_simulator.SimulatorConfig(
        store_file=str(_folder(settings) / "easypost.sqlite"),
        api_key=settings.carrier_api_key.get_secret_value(),
        webhook_secret=settings.carrier_webhook_secret.get_secret_value(),
        webhook_url=f"{settings.public_base_url}/webhooks/carriers/easypost",
    )
    uvicorn.run(
        easypost_simulator.create_app(config), host=LOOPBACK, port=settings.carrier_simulator_port, log_level="warning"
    )
