"""given/when/then for one order: what is known, what somebody asks or reports, what becomes true.

`given` takes facts, commands and steps. A step is made by `everybody_answers_until` (workers, partner and carrier do
their part until a fact of that type is waiting), `answer_to` (the healthy answer to the newest request of a type, with
changes), `report_on` (any other answer to it) or `deadline` (what is waited for has not come in time).

`then` compares the facts in order, without the messages to people, which `then_told` looks at.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from events.decider import Context, Ignored, Refusal
from events.order.commands import OrderCommand, OrderCommandUnion, ReportDeadlineElapsed
from events.order.decide import OrderDecider
from events.order.facts import NotificationRequested, OrderEvent, OrderFact
from events.order.state import Order
from events.order.status import line_status, order_status
from tests.order_life import NOW, World, context_of

DECIDER = OrderDecider()
MINUTE_MS = 60_000


class Like:
    """A fact of this type whose named fields are these; the others may be anything."""

    def __init__(self, fact_type: type[OrderEvent], fields: dict[str, object]) -> None:
        self.fact_type, self.fields = fact_type, fields

    def __repr__(self) -> str:
        return f"a {self.fact_type.__name__} with {self.fields}"

    def fits(self, fact: OrderEvent) -> bool:
        return type(fact) is self.fact_type and all(getattr(fact, name) == value for name, value in self.fields.items())


def a(fact_type: type[OrderEvent], **fields: object) -> Like:
    """A fact of this type with these fields."""
    return Like(fact_type, fields)


Step: TypeAlias = Callable[["History"], OrderCommandUnion | None]
Given: TypeAlias = OrderEvent | OrderCommandUnion | Step


class History:
    """An order as it came about: its state, its facts and the time of the last command (epoch milliseconds)."""

    def __init__(self) -> None:
        self.order = Order()
        self.facts: list[OrderEvent] = []
        self.commands = 0
        self.now = NOW

    def newest(self, fact_type: type[OrderEvent]) -> Any:
        """The newest fact of a type."""
        return next(fact for fact in reversed(self.facts) if type(fact) is fact_type)

    def fold(self, fact: OrderEvent) -> None:
        """Take a fact as true."""
        self.order = DECIDER.evolve(self.order, fact)
        self.facts.append(fact)

    def context(self, actor: str = "store:demo-rest") -> Context:
        """The context of the next command: a minute after the last one."""
        self.commands += 1
        self.now += MINUTE_MS
        return msgspec.structs.replace(context_of(number=self.commands, actor=actor), now=self.now)

    def send(self, command: OrderCommandUnion) -> tuple[OrderEvent, ...]:
        """Decide a command and take what it makes true as true."""
        if isinstance(command, ReportDeadlineElapsed):
            self.now = max(self.now, command.due_at)
        new = DECIDER.decide(self.order, command, self.context())
        for fact in new:
            self.fold(fact)
        return new

    def take(self, step: Given) -> tuple[OrderEvent, ...]:
        """Apply a fact, a command or a step."""
        if isinstance(step, OrderFact):
            self.fold(step)
            return ()
        if isinstance(step, OrderCommand):
            return self.send(step)
        command = step(self)
        return () if command is None else self.send(command)


def everybody_answers_until(*fact_types: type[OrderEvent], world: World | None = None) -> Step:
    """Everybody does their part; facts of these types stay unanswered."""
    answers = world or World()

    def step(history: History) -> None:
        waiting = deque(history.facts)
        while waiting:
            fact = waiting.popleft()
            if type(fact) in fact_types:
                continue
            for command in answers.answer(fact):
                try:
                    waiting.extend(history.send(command))
                except (Ignored, Refusal):
                    continue

    return step


def answer_to(fact_type: type[OrderEvent], **changes: object) -> Step:
    """The healthy answer to the newest request of this type, with these fields changed."""

    def step(history: History) -> OrderCommandUnion:
        answer = World().answer(history.newest(fact_type))[0]
        return msgspec.structs.replace(answer, **changes)

    return step


def report_on(fact_type: type[OrderEvent], answer: Callable[[Any], OrderCommandUnion]) -> Step:
    """Some other answer to the newest request of this type."""
    return lambda history: answer(history.newest(fact_type))


def deadline(key: str) -> Step:
    """What this deadline waits for has not come in time."""
    return lambda history: ReportDeadlineElapsed(deadline_key=key, due_at=history.order.deadlines[key])


def given(*steps: Given) -> "Scenario":
    """An order of which these facts are known, after these commands and steps."""
    history = History()
    for step in steps:
        history.take(step)
    return Scenario(history)


class Scenario:
    """What is known; `when` says what happens next."""

    def __init__(self, history: History) -> None:
        self.history = history

    def when(self, step: Given) -> "Outcome":
        """Somebody asks or reports."""
        before = self.history.order
        try:
            return Outcome(self.history, before, self.history.take(step), None)
        except (Refusal, Ignored) as answer:
            return Outcome(self.history, before, (), answer)


class Outcome:
    """What became true."""

    def __init__(
        self, history: History, before: Order, facts: tuple[OrderEvent, ...], answer: Refusal | Ignored | None
    ) -> None:
        self.history, self.before, self.facts, self.answer = history, before, facts, answer

    @property
    def order(self) -> Order:
        """The order after it."""
        return self.history.order

    def then(self, *expected: OrderEvent | Like | type[OrderEvent]) -> "Outcome":
        """Exactly these facts, in this order; messages to people aside."""
        assert self.answer is None, f"not decided: {self.answer!r}"
        found = [fact for fact in self.facts if not isinstance(fact, NotificationRequested)]
        names = [type(fact).__name__ for fact in found]
        assert len(found) == len(expected), f"expected {expected}, found {names}"
        for fact, wanted in zip(found, expected, strict=True):
            assert _fits(fact, wanted), f"expected {wanted}, found {fact}"
        return self

    def then_among_others(self, *expected: OrderEvent | Like | type[OrderEvent]) -> "Outcome":
        """These facts, in any order and with others."""
        assert self.answer is None, f"not decided: {self.answer!r}"
        for wanted in expected:
            assert any(_fits(fact, wanted) for fact in self.facts), f"{wanted} is not in {self.facts}"
        return self

    def then_not(self, *unwanted: type[OrderEvent]) -> "Outcome":
        """None of these facts."""
        assert self.answer is None, f"not decided: {self.answer!r}"
        assert not [fact for fact in self.facts if type(fact) in unwanted]
        return self

    def then_refused(self, refusal: type[Refusal]) -> "Outcome":
        """The command is refused for this reason, and its sender is told what to do."""
        assert type(self.answer) is refusal, f"expected {refusal.__name__}, found {self.answer!r} {self.facts}"
        assert len(self.answer.detail) > 20
        assert self.order == self.before
        return self

    def then_ignored(self) -> "Outcome":
        """The command changes nothing and asks nothing of its sender."""
        assert isinstance(self.answer, Ignored), f"expected Ignored, found {self.answer!r} {self.facts}"
        assert self.order == self.before
        return self

    def then_nothing_happens(self) -> "Outcome":
        """The order is as it was: only recorded."""
        assert self.answer is None or isinstance(self.answer, Ignored)
        assert self.order == self.before
        return self

    def then_told(self, *messages: str) -> "Outcome":
        """Exactly these messages are asked for, written 'audience: id'."""
        found = {f"{f.audience}: {f.notification_id}" for f in self.facts if isinstance(f, NotificationRequested)}
        assert found == set(messages)
        return self

    def status_is(self, status: str) -> "Outcome":
        """The order's status."""
        assert order_status(self.order) == status
        return self

    def line_is(self, line_id: str, status: str) -> "Outcome":
        """A line's status."""
        assert line_status(self.order, self.order.lines[line_id]) == status
        return self

    def waits_for(self, *deadline_keys: str) -> "Outcome":
        """Exactly these deadlines are open, messages to people aside."""
        found = {key for key in self.order.deadlines if not key.startswith("notify:")}
        assert found == set(deadline_keys), f"open: {found}"
        return self

    def and_when(self, step: Given) -> "Outcome":
        """Then somebody asks or reports something more."""
        return Scenario(self.history).when(step)


def _fits(fact: OrderEvent, wanted: OrderEvent | Like | type[OrderEvent]) -> bool:
    if isinstance(wanted, Like):
        return wanted.fits(fact)
    if isinstance(wanted, type):
        return type(fact) is wanted
    return fact == wanted
