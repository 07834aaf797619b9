"""Whatever is claimed, decided and reported, in any order and twice: money is given back and goods made only once."""

from collections import Counter
from random import Random
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decider import Context, Ignored, Refusal
from events.order.claim_commands import (
    ClaimCommand,
    DecideClaim,
    OpenClaim,
    ReportClaimReviewed,
    ReportRefunded,
    ReportRefundFailed,
)
from events.order.claims import COMPLAINT_REASONS
from events.order.commands import OrderCommandUnion, ReportDeadlineElapsed, ResolveException
from events.order.decide import OrderDecider
from events.order.facts import (
    ClaimGranted,
    ClaimReviewRequested,
    LabelRequested,
    OrderEvent,
    RefundMade,
    RefundRequested,
    ReprintRequested,
)
from events.order.state import Order
from events.order.values import LineUnits
from tests.order_life import NOW, World, a_line, a_store_order, context_of, live, placed

DECIDER = OrderDecider()
LINES = (a_line("1", quantity=3), a_line("2", quantity=2))
TOTAL_MINOR = 6_000
#: The price of the five units is above what the order cost: the store gave a discount.
PLACED = placed(msgspec.structs.replace(a_store_order(lines=LINES), total_minor=TOTAL_MINOR))
DELIVERED, FACTS, COMMANDS = live([PLACED], World().answer)
OUTCOMES = ("refund", "reprint", "refuse", "reship", "keep", "person")


class Desk:
    """A delivered order, and people and workers who say anything about its claims."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.order: Order = DELIVERED
        self.facts: list[OrderEvent] = []
        self.sent = len(COMMANDS)

    def send(self, command: OrderCommandUnion) -> None:
        """Decide; a refused or ignored command changes nothing."""
        self.sent += 1
        context = msgspec.structs.replace(context_of(number=self.sent), now=NOW + 1_000 * self.sent)
        try:
            new, self.order = DECIDER.decide_and_evolve(self.order, command, context)
        except (Refusal, Ignored):
            return
        self.facts.extend(new)
        if isinstance(command, get_args(ClaimCommand)):
            self._said_again(command, context)

    def _said_again(self, command: OrderCommandUnion, context: Context) -> None:
        """The same command under another id makes nothing more true."""
        again = msgspec.structs.replace(context, command_id=f"{context.command_id}-again")
        with pytest.raises((Refusal, Ignored)):
            DECIDER.decide(self.order, command, again)

    def somebody_says_something(self) -> None:
        """A complaint, a parcel that comes back, a decision, any answer to any request, a deadline, a mended cause."""
        choose = self.random.choice
        asked = [one for one in self.facts if isinstance(one, ClaimReviewRequested | RefundRequested)]
        kinds = ["open", "open", "decide", "return", "life"] + ["answer"] * 4 * bool(asked)
        kinds += ["deadline"] * bool(self.order.deadlines) + ["resolve"] * bool(self.order.exceptions)
        match choose(kinds):
            case "open":
                self.send(self._complaint())
            case "decide":
                outcome, amount = choose(OUTCOMES), choose([0, 0, 1, 1_500, 99_999])
                self.send(DecideClaim(claim_id=choose(["C1", "C2", "C3"]), outcome=outcome, amount_minor=amount))
            case "return":
                self.send(World().tracking(choose(sorted(self.order.parcels)), "returned", 50, at=NOW + self.sent))
            case "deadline":
                key = choose(sorted(self.order.deadlines))
                self.send(ReportDeadlineElapsed(deadline_key=key, due_at=self.order.deadlines[key]))
            case "resolve":
                self.send(ResolveException(exception_id=choose(sorted(self.order.exceptions)), how="settled"))
            case "answer":
                self._answered(choose(asked))
            case _:
                for command in World().answer(choose(self.facts or FACTS)):
                    self.send(command)

    def _complaint(self) -> OpenClaim:
        choose = self.random.choice
        units = choose([(1,), (2,), (1, 2), (1, 2, 3)])
        lines = (LineUnits(line_id=choose(["1", "2"]), units=units),)
        return OpenClaim(lines=lines, reason=choose(COMPLAINT_REASONS), wish=choose(["", "refund", "reprint"]))

    def _answered(self, fact: ClaimReviewRequested | RefundRequested) -> None:
        choose = self.random.choice
        if isinstance(fact, ClaimReviewRequested):
            self.send(
                ReportClaimReviewed(
                    request_id=fact.request_id,
                    claim_id=fact.claim_id,
                    verdict=choose(OUTCOMES),
                    reason="any",
                    rules_version="1",
                )
            )
        elif choose([True, False]):
            self.send(ReportRefunded(request_id=fact.request_id, claim_id=fact.claim_id, reference="r"))
        else:
            self.send(
                ReportRefundFailed(
                    request_id=fact.request_id,
                    claim_id=fact.claim_id,
                    reason="any",
                    retryable=choose([True, False]),
                )
            )

    def check(self) -> None:
        """The rules that hold whatever was said."""
        granted = [one for one in self.facts if isinstance(one, ClaimGranted)]
        assert max(Counter(one.claim_id for one in granted).values(), default=0) <= 1
        self._money_is_given_back_once(granted)
        outcome_of = {one.claim_id: one.outcome for one in granted}
        for fact in self.facts:
            if isinstance(fact, ReprintRequested) and fact.claim_id:
                assert outcome_of[fact.claim_id] == "reprint"
            if isinstance(fact, RefundRequested):
                assert outcome_of[fact.claim_id] == "refund"
        labels = Counter(one.effect_key for one in self.facts if isinstance(one, LabelRequested) and one.attempt == 1)
        assert max(labels.values(), default=0) <= 1
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(self.order), type=Order) == self.order

    def _money_is_given_back_once(self, granted: list[ClaimGranted]) -> None:
        refunds = [one for one in granted if one.outcome == "refund"]
        units = [(item.line_id, unit) for one in refunds for item in one.items for unit in item.units]
        assert len(units) == len(set(units)), "no unit is paid back twice"
        ordered = {(line.line_id, unit) for line in LINES for unit in range(1, line.quantity + 1)}
        assert set(units) <= ordered
        assert sum(one.amount_minor for one in refunds) <= TOTAL_MINOR
        made = [one for one in self.facts if isinstance(one, RefundMade)]
        assert len({one.claim_id for one in made}) == len(made)
        asked = [one for one in self.facts if isinstance(one, RefundRequested)]
        keys = {one.claim_id: one.effect_key for one in asked}
        assert all(one.effect_key == keys[one.claim_id] for one in asked), "each refund has one key over every attempt"
        assert len({(one.claim_id, one.amount_minor) for one in asked}) == len(keys)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_nothing_is_paid_or_made_twice_for_a_claim(seed: int, steps: int) -> None:
    desk = Desk(Random(seed))
    for _ in range(steps):
        desk.somebody_says_something()
    desk.check()
