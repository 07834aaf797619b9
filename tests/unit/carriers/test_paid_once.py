"""Taking turns at paying: one label an effect key, wherever a worker dies and whichever answer is lost."""

from collections.abc import Sequence

import pytest

from processors.carriers.protocol import LabelRefused
from processors.carriers.purchasing import SETTLED_AFTER_MS, Paid, PaidOnce
from processors.outbound import Deferred
from tests.contract.claims import Claims
from tests.unit.carriers.doubles import LOST, NOT_REACHED, refusal

pytestmark = pytest.mark.anyio

KEY = "e" * 32


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"


class Vendor:
    """Sells a label as often as it is asked to, and knows afterwards what was bought with each rate."""

    def __init__(self) -> None:
        self.claims = Claims()
        self.now = 0
        self.rated = 0
        self.sold: list[str] = []
        #: What the next purchases are answered with; a lost answer was paid when it says so.
        self.answers: list[LabelRefused | Deferred | str] = []
        self.is_silent = False

    async def find(self, rate_id: str) -> str | Deferred | None:
        if self.is_silent:
            return NOT_REACHED
        return next((label for label in self.sold if label.startswith(f"{rate_id}#")), None)

    async def rate(self) -> str | LabelRefused | Deferred:
        self.rated += 1
        return f"rate-{self.rated}"

    async def pay(self, rate_id: str) -> str | LabelRefused | Deferred:
        answer = self.answers.pop(0) if self.answers else "sold"
        if isinstance(answer, LabelRefused):
            return answer
        if answer in ("sold", "sold and lost"):
            self.sold.append(f"{rate_id}#{len(self.sold)}")
        return self.sold[-1] if answer == "sold" else LOST if isinstance(answer, str) else answer

    def worker(self) -> PaidOnce[str]:
        return PaidOnce(self.claims, lambda: self.now, self.find)

    async def buy(self) -> Paid[str] | LabelRefused | Deferred:
        return await self.worker().buy(KEY, self.rate, self.pay)


async def test_what_was_bought_is_found_by_whoever_asks_again() -> None:
    vendor = Vendor()
    assert await vendor.buy() == Paid(bought="rate-1#0", already_known=False)
    assert await vendor.buy() == Paid(bought="rate-1#0", already_known=True)
    assert await vendor.worker().read_back(KEY) == "rate-1#0"
    assert vendor.sold == ["rate-1#0"]


async def test_a_lost_answer_is_read_back_at_once() -> None:
    vendor = Vendor()
    vendor.answers = ["sold and lost"]
    assert await vendor.buy() == Paid(bought="rate-1#0", already_known=True)


async def test_a_lost_answer_that_cannot_be_read_back_keeps_everybody_from_paying() -> None:
    vendor = Vendor()
    vendor.answers, vendor.is_silent = ["sold and lost"], True
    for _ in range(3):
        outcome = await vendor.buy()
        assert isinstance(outcome, Deferred)
        assert outcome.outcome_unknown
        vendor.now += SETTLED_AFTER_MS
    vendor.is_silent = False
    assert await vendor.buy() == Paid(bought="rate-1#0", already_known=True)
    assert vendor.sold == ["rate-1#0"]


async def test_a_purchase_of_which_nothing_came_is_repeated_once_it_cannot_be_under_way_any_more() -> None:
    vendor = Vendor()
    vendor.answers = ["lost"]
    assert await vendor.buy() == LOST
    waiting = await vendor.buy()
    assert isinstance(waiting, Deferred)
    assert (waiting.outcome_unknown, waiting.retry_after_ms) == (True, SETTLED_AFTER_MS)
    assert await vendor.worker().read_back(KEY) == waiting
    vendor.now = SETTLED_AFTER_MS
    assert await vendor.buy() == Paid(bought="rate-2#0", already_known=False)


@pytest.mark.parametrize("answer", [refusal("funds"), NOT_REACHED])
async def test_after_a_refusal_or_where_nobody_was_reached_the_next_try_pays(answer: LabelRefused | Deferred) -> None:
    vendor = Vendor()
    vendor.answers = [answer]
    assert await vendor.buy() == answer
    assert await vendor.worker().read_back(KEY) is None
    assert await vendor.buy() == Paid(bought="rate-2#0", already_known=False)


async def test_of_two_workers_that_see_no_turn_yet_one_pays() -> None:
    vendor = Vendor()

    class Blind(Claims):
        async def claimed(self, effect_key: str) -> str | None:
            return None

    vendor.claims = Blind()
    outcomes: Sequence[object] = [await vendor.buy() for _ in range(2)]
    assert outcomes == [
        Paid(bought="rate-1#0", already_known=False),
        Paid(bought="rate-1#0", already_known=True),
    ]
    assert vendor.sold == ["rate-1#0"]


async def test_a_rate_that_nobody_gives_pays_nothing_and_takes_no_turn() -> None:
    vendor = Vendor()

    async def no_rate() -> str | LabelRefused | Deferred:
        return refusal("no_service")

    assert await vendor.worker().buy(KEY, no_rate, vendor.pay) == refusal("no_service")
    assert vendor.claims.values == {}
