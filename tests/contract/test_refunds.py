"""The refund wire: money is given back once a key, whatever happens to the answers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from processors.claims.refund_simulator import RefundBehaviour, SimulatorConfig
from processors.claims.refunds import HttpRefunds, Refund, RefundDeclined, Refunded
from processors.outbound import Deferred, OutboundClient, OutboundPolicy
from tests.contract.net import SimulatorProcess

pytestmark = pytest.mark.anyio

KEY = "only-for-this-test"
CALM = msgspec.to_builtins(RefundBehaviour())


class Desk:
    """A simulated payment system, and a refund that no other test asks for."""

    def __init__(self, simulator: SimulatorProcess, number: int) -> None:
        self._simulator = simulator
        self.url = simulator.url
        self.refund = Refund(
            effect_key=f"{number:032x}",
            store="demo-rest",
            external_id="1001",
            amount_minor=1_500,
            currency="EUR",
            reason="damaged",
        )

    def behave(self, **changes: Any) -> None:
        """Behave so from now on, and otherwise as on a calm day."""
        self._simulator.control("PATCH", "/factory", CALM | changes)

    def made(self) -> list[dict[str, Any]]:
        """What was given back under this test's key."""
        return [one for one in self._simulator.control("GET", "/jobs") if one["key"] == self.refund.effect_key]

    def restart(self) -> None:
        """Kill the payment system and start it again."""
        self._simulator.kill()
        self._simulator.start()


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulated payment system in a process of its own."""
    folder = tmp_path_factory.mktemp("refunds")
    config = SimulatorConfig(store_file=str(folder / "refunds.sqlite"), api_key=KEY)
    made = SimulatorProcess("processors.claims.refund_simulator", config, folder)
    yield made
    made.stop()


NUMBERS = iter(range(1, 1_000))


@pytest.fixture
def desk(simulator: SimulatorProcess) -> Desk:
    """The payment system on a calm day."""
    found = Desk(simulator, next(NUMBERS))
    found.behave()
    return found


@asynccontextmanager
async def gateway(desk: Desk, key: str = KEY) -> AsyncIterator[HttpRefunds]:
    """The adapter, with one try a call, so that each trouble is seen."""
    policy = OutboundPolicy(attempts=1)
    made = HttpRefunds(OutboundClient("refunds", desk.url, policy, headers={"authorization": f"Bearer {key}"}))
    try:
        yield made
    finally:
        await made.aclose()


async def test_money_is_given_back_once_however_often_it_is_asked_for(desk: Desk) -> None:
    async with gateway(desk) as refunds:
        first = await refunds.refund(desk.refund)
        desk.restart()
        again = await refunds.refund(desk.refund)
    assert isinstance(first, Refunded)
    assert first == again
    (made,) = desk.made()
    assert (made["amount_minor"], made["currency"], made["asked"]) == (1_500, "EUR", 1)


async def test_a_refund_whose_answer_was_lost_is_found_again(desk: Desk) -> None:
    desk.behave(lost_next=1)
    async with gateway(desk) as refunds:
        lost = await refunds.refund(desk.refund)
        found = await refunds.refund(desk.refund)
    assert isinstance(lost, Deferred)
    assert lost.outcome_unknown
    assert isinstance(found, Refunded)
    assert [one["refund_id"] for one in desk.made()] == [found.reference]


async def test_a_payment_system_in_trouble_is_asked_later(desk: Desk) -> None:
    for trouble in ({"server_error_next": 1}, {"declined": "busy"}, {"down": True}):
        desk.behave(**trouble)
        async with gateway(desk) as refunds:
            assert isinstance(await refunds.refund(desk.refund), Deferred), trouble
    assert not desk.made()


async def test_a_declined_refund_says_why_by_a_code_alone(desk: Desk) -> None:
    async with gateway(desk) as refunds:
        desk.behave(declined="charge_disputed")
        assert await refunds.refund(desk.refund) == RefundDeclined(reason="charge_disputed")
        desk.behave(declined="Demo Buyer has closed the account")
        assert await refunds.refund(desk.refund) == RefundDeclined(reason="declined")


async def test_credentials_that_are_refused_give_nothing_back(desk: Desk) -> None:
    async with gateway(desk, key="another") as refunds:
        assert isinstance(await refunds.refund(desk.refund), Deferred)
    assert not desk.made()
