"""Simulators for the contract suites: one process each for the run, calmed before every test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.carrier_rigs import CarrierRig, EasyPostRig
from tests.contract.net import Receiver, receiving
from tests.contract.partner_rigs import PartnerRig, PrintShopRig
from tests.contract.printful_rig import PrintfulRig


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """The place where all simulators send their webhooks."""
    with receiving() as place:
        yield place


@pytest.fixture(scope="session")
def print_shop_rig(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrintShopRig]:
    """The house print shop and its simulator."""
    rig = PrintShopRig(tmp_path_factory.mktemp("print-shops"), receiver)
    yield rig
    rig.simulator.stop()


@pytest.fixture(scope="session")
def printful_rig(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrintfulRig]:
    """Printful and its simulator."""
    rig = PrintfulRig(tmp_path_factory.mktemp("printful"), receiver)
    yield rig
    rig.simulator.stop()


@pytest.fixture(params=["print_shop", "printful"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[PartnerRig]:
    """Each print partner in turn, in a calm mood; what a test opened is closed after it."""
    found: PartnerRig = request.getfixturevalue(f"{request.param}_rig")
    found.calm()
    found.settle()
    yield found
    while found.opened:
        await found.opened.pop().aclose()


@pytest.fixture(scope="session")
def easypost_rig(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EasyPostRig]:
    """EasyPost and its simulator."""
    rig = EasyPostRig(tmp_path_factory.mktemp("easypost"), receiver)
    yield rig
    rig.simulator.stop()


@pytest.fixture(params=["easypost"])
async def carrier_rig(request: pytest.FixtureRequest) -> AsyncIterator[CarrierRig]:
    """Each carrier in turn, in a calm mood; what a test opened is closed after it."""
    found: CarrierRig = request.getfixturevalue(f"{request.param}_rig")
    found.calm()
    yield found
    while found.opened:
        await found.opened.pop().aclose()
