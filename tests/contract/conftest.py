"""Simulators for the contract suites: one process each for the run, calmed before every test."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.contract.carrier_rigs import CarrierRig, EasyPostRig
from tests.contract.carrier_rigs_of_rates import ShippoRig, ShipStationRig
from tests.contract.gelato_rig import GelatoRig
from tests.contract.house_rig import HouseRig
from tests.contract.net import Receiver, receiving
from tests.contract.partner_rigs import PartnerRig, PrintShopRig, Simulated
from tests.contract.printful_rig import PrintfulRig
from tests.contract.printify_rig import PrintifyRig
from tests.contract.prodigi_rig import ProdigiRig
from tests.contract.supplier_rig import SupplierRig

R = TypeVar("R", bound=Simulated)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """The place where all simulators send their webhooks."""
    with receiving() as place:
        yield place


def started(made: Callable[[Path, Receiver], R]) -> Callable[..., Iterator[R]]:
    """A fixture: one simulator for the run."""

    @pytest.fixture(scope="session")
    def rig_of_the_run(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[R]:
        rig = made(tmp_path_factory.mktemp(made.__name__), receiver)
        yield rig
        rig.simulator.stop()

    return rig_of_the_run


print_shop_rig = started(PrintShopRig)
printful_rig = started(PrintfulRig)
gelato_rig = started(GelatoRig)
printify_rig = started(PrintifyRig)
prodigi_rig = started(ProdigiRig)
supplier_rig = started(SupplierRig)
easypost_rig = started(EasyPostRig)
shippo_rig = started(ShippoRig)
shipstation_rig = started(ShipStationRig)


@pytest.fixture
def house_rig(tmp_path: Path) -> HouseRig:
    """A house shop with a folder of its own."""
    return HouseRig(tmp_path)


@pytest.fixture(params=["print_shop", "house", "printful", "gelato", "printify", "prodigi", "supplier"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[PartnerRig]:
    """Each print partner in turn, in a calm mood; what a test opened is closed after it."""
    found: PartnerRig = request.getfixturevalue(f"{request.param}_rig")
    for needed in request.node.iter_markers("needs"):
        if reason := found.lacks.get(needed.args[0]):
            pytest.skip(reason)
    found.calm()
    found.settle()
    yield found
    while found.opened:
        await found.opened.pop().aclose()


@pytest.fixture(params=["easypost", "shippo", "shipstation"])
async def carrier_rig(request: pytest.FixtureRequest) -> AsyncIterator[CarrierRig]:
    """Each carrier in turn, in a calm mood; what a test opened is closed after it."""
    found: CarrierRig = request.getfixturevalue(f"{request.param}_rig")
    found.calm()
    yield found
    while found.opened:
        await found.opened.pop().aclose()
