"""Never two shirts: a changed line at a partner, whatever the partner, its answers and its reports do, in any order.

A press is played that knows nothing of the ledger: it keeps each job under its submission key, prints it once unless it
was stopped before, answers twice or late, and reports in any order. What became goods is counted there.
"""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decider import Ignored, Refusal
from events.order.commands import (
    CancelOrder,
    ObserveStoreOrder,
    OrderCommandUnion,
    ReplaceArtwork,
    ReportCancellationAnswered,
    ReportDeadlineElapsed,
    ReportSubmissionAccepted,
    ReportSubmissionRefused,
)
from events.order.decide import OrderDecider
from events.order.evolve_production import OUTCOME_UNKNOWN
from events.order.facts import OrderEvent, PartnerCancellationRequested, SubmissionAccepted, SubmissionRequested
from events.order.state import Order
from events.order.values import AreaContent
from tests.order_life import NOW, World, a_line, a_store_order, context_of, placed
from tests.property.order_oracle import disagreements

DECIDER = OrderDecider()
STEPS_MAX = 60
PRINTED_RANK = 50


class AnyPress:
    """Jobs by submission key: how far each is (rank), whether it was stopped, and what it printed."""

    def __init__(self, too_late_from: int) -> None:
        self.too_late_from = too_late_from
        self.rank: dict[str, int] = {}
        self.stopped: set[str] = set()
        self.units: dict[str, tuple[int, ...]] = {}
        self.version: dict[str, int] = {}
        self.run: dict[str, tuple[str, int]] = {}

    def submit(self, asked: SubmissionRequested) -> bool:
        """Whether it takes the job: a key that was stopped before it came is refused, a known one is known."""
        key = asked.effect_key
        if key in self.stopped:
            return False
        self.rank.setdefault(key, 10)
        self.units[key], self.version[key] = asked.units, asked.version
        self.run[key] = (asked.line_id, asked.run)
        return True

    def stop(self, key: str) -> bool:
        """Whether the job will not be printed."""
        if self.rank.get(key, 0) >= self.too_late_from:
            return False
        self.stopped.add(key)
        return True

    def work(self, key: str) -> None:
        """One step further with a job that nobody stopped."""
        if key not in self.stopped:
            self.rank[key] = {10: 20, 20: 50}.get(self.rank[key], 50)

    @property
    def printed(self) -> list[str]:
        """Keys of the jobs that became goods: a job that is stopped on the press becomes none."""
        return [key for key, rank in self.rank.items() if rank >= PRINTED_RANK]


class Life:
    """One order, one press, and a drawer of everything that was said and may be delivered now, later or twice."""

    def __init__(self, random: Random, too_late_from: int) -> None:
        self.random, self.press, self.world = random, AnyPress(too_late_from), World()
        self.order, self.facts = Order(), list[OrderEvent]()
        self.drawer: list[OrderCommandUnion] = []
        self.asked: list[SubmissionRequested | PartnerCancellationRequested] = []
        self.commands, self.now, self.pictures = 0, NOW, 0

    def send(self, command: OrderCommandUnion) -> None:
        """Decide a command; what others than the press are asked for is answered at once."""
        waiting = deque([command])
        while waiting:
            said = waiting.popleft()
            self.commands += 1
            self.now += 1_000
            context = msgspec.structs.replace(context_of(number=self.commands), now=self.now)
            try:
                new, self.order = DECIDER.decide_and_evolve(self.order, said, context)
            except (Ignored, Refusal):
                continue
            self.facts.extend(new)
            for fact in new:
                if isinstance(fact, SubmissionRequested | PartnerCancellationRequested):
                    self.asked.append(fact)
                elif not isinstance(fact, SubmissionAccepted):
                    waiting.extend(self.world.answer(fact))

    def press_reads(self) -> None:
        """The press is asked, perhaps late, perhaps twice; its answer goes into the drawer, or is lost."""
        fact = self.random.choice(self.asked)
        if isinstance(fact, SubmissionRequested):
            self.drawer.append(self._submitted(fact))
            return
        confirmed = self.press.stop(fact.submission_key)
        self.drawer.append(
            ReportCancellationAnswered(
                request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=confirmed, reason="asked"
            )
        )

    def _submitted(self, fact: SubmissionRequested) -> OrderCommandUnion:
        ids: dict[str, Any] = {"request_id": fact.request_id, "line_id": fact.line_id, "run": fact.run}
        if self.random.random() < 0.2:
            # The press may have taken it, and its answer was lost.
            if self.random.random() < 0.5:
                self.press.submit(fact)
            return ReportSubmissionRefused(**ids, reason=OUTCOME_UNKNOWN, retryable=True)
        if not self.press.submit(fact):
            return ReportSubmissionRefused(**ids, reason="cancelled", retryable=False)
        return ReportSubmissionAccepted(**ids, partner_order_id="J-1")

    def press_works(self) -> None:
        """A job goes a step further; its report goes into the drawer."""
        key = self.random.choice(sorted(self.press.rank))
        self.press.work(key)
        word = {10: "queued", 20: "printing", 50: "printed"}[self.press.rank[key]]
        line_id, run = self.press.run[key]
        if key not in self.press.stopped:
            self.drawer.append(self.world.status(line_id, run, word, self.press.rank[key], at=self.now))

    def something_is_delivered(self) -> None:
        """One thing of the drawer arrives; it may come again."""
        command = self.random.choice(self.drawer)
        if self.random.random() < 0.7:
            self.drawer.remove(command)
        self.send(command)

    def somebody_changes_their_mind(self) -> None:
        """The store shows another picture, sends another file, or cancels."""
        self.pictures += 1
        digest = self.random.choice(["", "other", "another"])
        first = a_line("1", quantity=self.random.choice([1, 2, 3]), content=digest, note=self.random.choice(["", "n"]))
        lines = (a_line("2"),) if self.random.random() < 0.2 else (first, a_line("2"))
        picture = ObserveStoreOrder(order=a_store_order(lines=lines), store_updated_at=NOW + self.pictures)
        new_file = ReplaceArtwork(line_id="1", contents=(AreaContent(text=b"t"),), content_digest=f"f{self.pictures}")
        wishes: list[OrderCommandUnion] = [picture, picture, picture, new_file, CancelOrder(reason="no more")]
        self.send(self.random.choice(wishes))

    def a_deadline_comes(self) -> None:
        """What was waited for has not come in time."""
        key = self.random.choice(sorted(self.order.deadlines))
        self.send(ReportDeadlineElapsed(deadline_key=key, due_at=self.order.deadlines[key]))

    def step(self) -> None:
        """One thing happens."""
        choices: list[Callable[[], None]] = [self.somebody_changes_their_mind]
        choices += [self.press_reads] * 4 * bool(self.asked) + [self.press_works] * 3 * bool(self.press.rank)
        choices += [self.something_is_delivered] * 5 * bool(self.drawer)
        choices += [self.a_deadline_comes] * bool(self.order.deadlines)
        self.random.choice(choices)()

    def settle(self) -> None:
        """Everything that was asked is answered, everything that was said arrives, and the press finishes its jobs."""
        for _ in range(STEPS_MAX):
            before = len(self.facts)
            for fact in tuple(self.asked):
                if isinstance(fact, PartnerCancellationRequested):
                    confirmed = self.press.stop(fact.submission_key)
                    self.send(
                        ReportCancellationAnswered(
                            request_id=fact.request_id,
                            line_id=fact.line_id,
                            run=fact.run,
                            confirmed=confirmed,
                            reason="r",
                        )
                    )
                else:
                    ids: dict[str, Any] = {"request_id": fact.request_id, "line_id": fact.line_id, "run": fact.run}
                    taken = self.press.submit(fact)
                    self.send(
                        ReportSubmissionAccepted(**ids, partner_order_id="J")
                        if taken
                        else ReportSubmissionRefused(**ids, reason="cancelled", retryable=False)
                    )
            for key in sorted(self.press.rank):
                self.press.work(key)
                self.press.work(key)
                if key not in self.press.stopped:
                    self.send(self.world.status(*self.press.run[key], "printed", 50, at=self.now))
            for command in self.drawer:
                self.send(command)
            self.drawer.clear()
            for key, due_at in tuple(self.order.deadlines.items()):
                self.send(ReportDeadlineElapsed(deadline_key=key, due_at=due_at))
            if len(self.facts) == before:
                return


def printed_twice(press: AnyPress) -> list[tuple[str, int]]:
    """Units of a line that became goods more than once."""
    seen: set[tuple[str, int]] = set()
    twice = []
    for key in press.printed:
        for unit in press.units[key]:
            one = (press.run[key][0], unit)
            if one in seen:
                twice.append(one)
            seen.add(one)
    return twice


def a_life(seed: int, steps: int, too_late_from: int) -> Life:
    """An order at the press, then so many things that happen, then everything is settled."""
    life = Life(Random(seed), too_late_from)
    life.send(placed(a_store_order(lines=(a_line("1"), a_line("2")))))
    for _ in range(steps):
        life.step()
    life.settle()
    return life


def wrong(life: Life) -> Sequence[object]:
    """What must never be: a unit printed twice, an order that hangs, a fold that lies."""
    waiting = [line.line_id for line in life.order.lines.values() if line.edit is not None or line.cancelling]
    return [*printed_twice(life.press), *waiting, *disagreements(life.order, life.facts)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, STEPS_MAX), too_late_from=st.sampled_from([20, 50]))
def test_no_unit_is_printed_twice_whatever_is_changed_answered_and_reported(
    seed: int, steps: int, too_late_from: int
) -> None:
    assert not wrong(a_life(seed, steps, too_late_from))


def test_lives_come_to_stopped_and_to_refused_changes() -> None:
    kinds = {type(fact).__name__ for seed in range(120) for fact in a_life(seed, 40, 20).facts}
    assert {"EditRequested", "EditRefused", "OrderEdited", "ArtworkReplaced", "OrderCancelled"} <= kinds
