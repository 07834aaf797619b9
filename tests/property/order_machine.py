"""An order that lives through anything, with the rules that hold after every step; made for any decider.

`OrderMachine` drives the real decider; a test plants a fault by giving it another one and expects to be told.
"""

from collections import deque
from random import Random
from typing import ClassVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from events.decider import Context, Ignored, Refusal
from events.order.advance import advance
from events.order.commands import (
    ApproveProof,
    CancelOrder,
    MapLine,
    OrderCommandUnion,
    ReleaseHold,
    ReplaceArtwork,
    ReportDeadlineElapsed,
    ResolveException,
)
from events.order.decide import OrderDecider
from events.order.facts import (
    LabelPurchased,
    NotificationRequested,
    OrderEvent,
    OrderHeld,
    RoutingRequested,
    SubmissionAccepted,
)
from events.order.state import Line, Order
from events.order.status import ORDER_STATUSES, order_status, status_of
from tests.order_life import MUG, NOW, World, context_of
from tests.property.order_commands import a_picture, something_sensible
from tests.property.order_oracle import disagreements, reprints_beyond, vanished_reprints

ROUNDS_MAX = 60
STEPS_BETWEEN_CHECKS = 10
WAITS_BY_STAGE = {
    "routing": ("route",),
    "submitting": ("submit", "cancel"),
    "waiting": ("submit",),
    "accepted": ("production",),
    "printed": ("quality",),
    "inspecting": ("inspect",),
}


class OrderMachine(RuleBasedStateMachine):
    """Everybody may say anything at any time."""

    decider: ClassVar[OrderDecider] = OrderDecider()

    def __init__(self) -> None:
        super().__init__()
        self.order = self.decider.initial_state()
        self.facts: list[OrderEvent] = []
        self.statuses: list[str] = []
        self.commands = 0
        self.now = NOW

    @initialize(data=st.data(), cancelled_before=st.sampled_from([False, False, False, True]))
    def begin(self, data: st.DataObject, cancelled_before: bool) -> None:
        if cancelled_before:
            self.send(CancelOrder(reason="before it came"))
        self.send(a_picture(lambda things: data.draw(st.sampled_from(things))))

    @rule(data=st.data())
    def somebody_says_something(self, data: st.DataObject) -> None:
        self.send(something_sensible(lambda things: data.draw(st.sampled_from(things)), self.order, self.facts))

    @rule()
    def everybody_does_their_part_for_a_while(self) -> None:
        self.answer_healthily(deque(self.facts[-4:]), rounds=4)

    def live(self, random: Random, steps: int, *, to_the_end: bool = True) -> None:
        """A long life, drawn from a seeded generator: far longer ones than Hypothesis draws by itself."""
        if random.random() < 0.05:
            self.send(CancelOrder(reason="before it came"))
        self.send(a_picture(random.choice))
        for step in range(steps):
            if random.random() < 0.05:
                self.answer_healthily(deque(self.facts[-4:]), rounds=4)
            else:
                self.send(something_sensible(random.choice, self.order, self.facts))
            self.check_quickly()
            if step % STEPS_BETWEEN_CHECKS == 0:
                self.check()
        self.check()
        if to_the_end:
            self.teardown()

    def check_quickly(self) -> None:
        """The rules that cost little."""
        self.nothing_is_left_that_follows_by_itself()
        self.the_status_is_one_of_ours()
        self.whatever_is_under_way_has_a_deadline()

    def check(self) -> None:
        """Every rule that holds after every step."""
        self.check_quickly()
        self.the_fold_agrees_with_the_oracle()
        self.a_snapshot_of_the_state_reads_back_the_same()
        self.nobody_is_told_the_same_thing_twice()
        self.each_request_is_made_once()
        self.misprints_are_not_printed_again_without_end()

    def send(self, command: OrderCommandUnion) -> tuple[OrderEvent, ...]:
        """Decide a command; only refusing and ignoring are allowed beside deciding."""
        self.commands += 1
        self.now += 1_000
        if isinstance(command, ReportDeadlineElapsed):
            self.now = max(self.now, min(command.due_at, NOW + 10**12))
        context: Context = msgspec.structs.replace(context_of(number=self.commands), now=self.now)
        before = self.order
        try:
            new, after = self.decider.decide_and_evolve(self.order, command, context)
        except (Refusal, Ignored):
            assert self.order == before
            return ()
        folded = before
        for fact in new:
            folded = self.decider.evolve(folded, fact)
        assert folded == after, "the state that is decided with is the state that is folded"
        assert new, f"{type(command).__name__} was neither refused nor ignored, and nothing became true"
        _every_hold_that_begins_is_told(before, new)
        self.order = after
        self.facts.extend(new)
        return new

    def deadline(self, key: str, due_at: int) -> tuple[OrderEvent, ...]:
        """What is waited for under this key has not come in time."""
        return self.send(ReportDeadlineElapsed(deadline_key=key, due_at=due_at))

    def answer_healthily(self, waiting: deque[OrderEvent], rounds: int = ROUNDS_MAX) -> None:
        """Everybody answers as they should, and so on with what follows from that."""
        for _ in range(rounds):
            if not waiting:
                return
            fact = waiting.popleft()
            for command in self.healthy(fact):
                waiting.extend(self.send(command))

    def healthy(self, fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        """The healthy answers to a fact; a run goes to a partner that has not given up on it."""
        if isinstance(fact, RoutingRequested):
            return World(f"press-{fact.run}").answer(fact)
        if isinstance(fact, SubmissionAccepted):
            return (World().status(fact.line_id, fact.run, "printed", 50, at=NOW + 10_000),)
        if isinstance(fact, LabelPurchased):
            return (World().tracking(fact.parcel_id, "delivered", 40, at=NOW + 10_000),)
        return World().answer(fact)

    @invariant()
    def the_fold_agrees_with_the_oracle(self) -> None:
        assert disagreements(self.order, self.facts) == []

    @invariant()
    def nothing_is_left_that_follows_by_itself(self) -> None:
        assert advance(self.order, msgspec.structs.replace(context_of(number=self.commands), now=self.now)) == ()

    @invariant()
    def the_status_is_one_of_ours(self) -> None:
        assert order_status(self.order) in ORDER_STATUSES
        snapshot = status_of(self.order, "key", "demo", len(self.facts), self.now)
        assert len(snapshot.lines) == len(self.order.lines)

    @invariant()
    def a_snapshot_of_the_state_reads_back_the_same(self) -> None:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(self.order), type=Order) == self.order

    @invariant()
    def whatever_is_under_way_has_a_deadline(self) -> None:
        if self.order.cancelled:
            return
        for line in self.order.lines.values():
            missing = _without_deadline(self.order, line)
            assert not missing, f"{missing} of {line.line_id} waits for ever: {self.order.deadlines}"
        for parcel in self.order.parcels.values():
            if parcel.stage == "labelling":
                assert f"label:{parcel.parcel_id}" in self.order.deadlines
        for key, notice in self.order.notified.items():
            assert (notice.request is not None) == (f"notify:{key}" in self.order.deadlines)

    @invariant()
    def nobody_is_told_the_same_thing_twice(self) -> None:
        told = [f.request_id for f in self.facts if isinstance(f, NotificationRequested)]
        assert len(told) == len(set(told))

    @invariant()
    def each_request_is_made_once(self) -> None:
        asked = [request for fact in self.facts if (request := getattr(fact, "request_id", None)) is not None]
        assert len(asked) == len(set(asked))

    @invariant()
    def misprints_are_not_printed_again_without_end(self) -> None:
        assert reprints_beyond(self.facts, self.order.policy.reprints_max) == []

    def teardown(self) -> None:
        """However it went: once everybody does their part, the order ends, and nothing is waited for."""
        if not self.order.placed:
            return
        for _ in range(ROUNDS_MAX):
            if self._ended():
                break
            self._mend()
        assert self._ended(), f"stuck: {order_status(self.order)} {self.order}"
        assert disagreements(self.order, self.facts) == []
        assert vanished_reprints(self.facts) == []

    def _ended(self) -> bool:
        order = self.order
        packed = {(key, u) for p in order.parcels.values() for key, units in p.contents.items() for u in units}
        made = all((line.line_id, u) in packed for line in order.lines.values() for u in line.live_units)
        return made and not order.deadlines and not order.holds and not order.exceptions

    def _mend(self) -> None:
        """Whoever is waited for answers, whatever holds the order is mended, whatever went wrong is settled."""
        for held in self.order.holds:
            if held.reason == "sku_unmapped":
                self._send_and_answer(MapLine(line_id=held.line_id, artwork=MUG))
            elif held.reason == "artwork_blocked":
                self._send_and_answer(ReplaceArtwork(line_id=held.line_id, content_digest=f"mended-{self.commands}"))
            else:
                self._send_and_answer(ReleaseHold(reason=held.reason, line_id=held.line_id))
        for line in self.order.lines.values():
            if line.stage == "awaiting_approval":
                self._send_and_answer(ApproveProof(line_id=line.line_id, version=line.version))
            if line.stage in {"changes_requested", "blocked"}:
                self._send_and_answer(ReplaceArtwork(line_id=line.line_id, content_digest=f"mended-{self.commands}"))
            for run in line.runs:
                if run.stage == "accepted":
                    report = World().status(line.line_id, run.run, "printed", 50 + self.commands, at=NOW + 10**6)
                    self._send_and_answer(report)
        for parcel in self.order.parcels.values():
            if parcel.stage in {"labelled", "dispatched"} or parcel.current_condition:
                at = NOW + 10**6
                self._send_and_answer(World().tracking(parcel.parcel_id, "delivered", 50 + self.commands, at=at))
        for exception_id in tuple(self.order.exceptions):
            self._send_and_answer(ResolveException(exception_id=exception_id, how="settled"))
        for key, due_at in tuple(self.order.deadlines.items()):
            self._send_and_answer(ReportDeadlineElapsed(deadline_key=key, due_at=due_at))

    def _send_and_answer(self, command: OrderCommandUnion) -> None:
        self.answer_healthily(deque(self.send(command)))


def _every_hold_that_begins_is_told(before: Order, new: tuple[OrderEvent, ...]) -> None:
    stood = {(hold.reason, hold.line_id) for hold in before.holds}
    begun = {
        f"{fact.reason}-{fact.line_id}" for fact in new if isinstance(fact, OrderHeld) and _hold(fact) not in stood
    }
    asked = [fact for fact in new if isinstance(fact, NotificationRequested)]
    assert {fact.subject for fact in asked if fact.template == "order_held" and fact.attempt == 1} == begun


def _hold(fact: OrderHeld) -> tuple[str, str]:
    return fact.reason, fact.line_id


def _without_deadline(order: Order, line: Line) -> list[str]:
    missing = []
    waits = {"checking": "check", "rendering": "render", "awaiting_approval": "approval"}.get(line.stage)
    excused = f"render_failed:{line.line_id}" in order.exceptions
    if waits is not None and not excused and f"{waits}:{line.line_id}" not in order.deadlines:
        missing.append(line.stage)
    for run in line.runs:
        kinds = WAITS_BY_STAGE.get(run.stage, ())
        keys = {f"{kind}:{line.line_id}:{run.run}" for kind in kinds}
        if kinds and keys.isdisjoint(order.deadlines):
            missing.append(f"run {run.run}, {run.stage}")
    return missing
