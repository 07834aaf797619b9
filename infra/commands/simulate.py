"""`printledger simulate`: the demo's outside world, one process each, and routing by other rules.

The outside world is print shops, carrier, and the demo's own desk.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import typer
import uvicorn

from infra import bootstrap
from infra.commands.common import DataDir, settings_of
from infra.commands.routing import simulate_routing
from infra.demo import pictures
from infra.demo.catalogue import EAST, WEST
from infra.settings import LOOPBACK, Settings
from processors.carriers import easypost_simulator
from processors.partners import print_shop_simulator
from processors.ports import NamedError


class NotSimulated(NamedError):
    """A production profile has a real outside world: simulators run in demo and test only."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    worlds = typer.Typer(help="Simulate the outside world, or routing by other rules.", no_args_is_help=True)
    for world in _RUNS:
        worlds.command(world, help=f"Run the simulated {world} until told to end.")(_command_of(world))
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


_RUNS: Mapping[str, Callable[[Settings], None]] = {"presses": _presses, "carrier": _carrier, "desk": _desk}
"""What each simulated world is run by."""
