"""The refund wire: money is given back once a key, whatever happens to the answers."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from processors.claims.refund_simulator import RefundDesk, Trouble, create_app
from processors.claims.refunds import HttpRefunds, Refund, RefundDeclined, Refunded
from processors.outbound import Deferred, OutboundClient, OutboundPolicy
from tests.contract.net import free_port
from tests.support import wait_until

pytestmark = pytest.mark.anyio

REFUND = Refund(
    effect_key="e" * 32, store="demo-rest", external_id="1001", amount_minor=1_500, currency="EUR", reason="damaged"
)
KEY = "only-for-this-test"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[RefundDesk, str]]:
    """A simulated payment system on a port of its own."""
    desk, port = RefundDesk(KEY), free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(desk), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 60)
    yield desk, f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def desk(served: tuple[RefundDesk, str]) -> RefundDesk:
    """The payment system, calm and empty."""
    found, _ = served
    found.made.clear()
    found.asked.clear()
    found.trouble = Trouble()
    return found


@asynccontextmanager
async def gateway(address: str, key: str = KEY) -> AsyncIterator[HttpRefunds]:
    """The adapter, with one try a call, so that each trouble is seen."""
    policy = OutboundPolicy(attempts=1)
    made = HttpRefunds(OutboundClient("refunds", address, policy, headers={"authorization": f"Bearer {key}"}))
    try:
        yield made
    finally:
        await made.aclose()


async def test_money_is_given_back_once_however_often_it_is_asked_for(
    desk: RefundDesk, served: tuple[RefundDesk, str]
) -> None:
    async with gateway(served[1]) as refunds:
        first = await refunds.refund(REFUND)
        again = await refunds.refund(REFUND)
    assert first == again == Refunded(reference="rf_1")
    assert (len(desk.made), desk.asked) == (1, [REFUND.effect_key])
    assert desk.made[REFUND.effect_key]["amount_minor"] == 1_500


async def test_a_refund_whose_answer_was_lost_is_found_again(desk: RefundDesk, served: tuple[RefundDesk, str]) -> None:
    desk.trouble = Trouble(lost_next=1)
    async with gateway(served[1]) as refunds:
        lost = await refunds.refund(REFUND)
        found = await refunds.refund(REFUND)
    assert isinstance(lost, Deferred)
    assert lost.outcome_unknown
    assert found == Refunded(reference="rf_1")
    assert len(desk.made) == 1


async def test_a_payment_system_in_trouble_is_asked_later(desk: RefundDesk, served: tuple[RefundDesk, str]) -> None:
    desk.trouble = Trouble(server_error_next=1)
    async with gateway(served[1]) as refunds:
        assert isinstance(await refunds.refund(REFUND), Deferred)
        desk.trouble = Trouble(declined="busy")
        assert isinstance(await refunds.refund(REFUND), Deferred)
    assert not desk.made


async def test_a_declined_refund_says_why_by_a_code_alone(desk: RefundDesk, served: tuple[RefundDesk, str]) -> None:
    async with gateway(served[1]) as refunds:
        desk.trouble = Trouble(declined="charge_disputed")
        assert await refunds.refund(REFUND) == RefundDeclined(reason="charge_disputed")
        desk.trouble = Trouble(declined="Demo Buyer has closed the account")
        assert await refunds.refund(REFUND) == RefundDeclined(reason="declined")


async def test_credentials_that_are_refused_give_nothing_back(desk: RefundDesk, served: tuple[RefundDesk, str]) -> None:
    async with gateway(served[1], key="another") as refunds:
        assert isinstance(await refunds.refund(REFUND), Deferred)
    assert not desk.made
