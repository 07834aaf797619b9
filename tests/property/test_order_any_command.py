"""No command, however senseless, makes a decision end in anything but facts, a refusal or being ignored."""

from contextlib import suppress
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.decider import Ignored, Refusal
from events.order.commands import ORDER_COMMANDS, OrderCommand
from events.order.decide import OrderDecider
from events.order.status import ORDER_STATUSES, order_status
from tests.order_life import NOW, context_of
from tests.property.order_commands import arbitrary
from tests.property.order_machine import OrderMachine

DECIDER = OrderDecider()


def _reached(seed: int) -> OrderMachine:
    machine = OrderMachine()
    machine.live(Random(seed), Random(seed).randrange(60), to_the_end=False)
    return machine


REACHED = [_reached(seed) for seed in range(40)]


@pytest.mark.parametrize("command_type", ORDER_COMMANDS, ids=lambda command: command.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), number=st.integers(0, len(REACHED) - 1))
def test_any_command_is_answered_in_any_state(
    command_type: type[OrderCommand], data: st.DataObject, number: int
) -> None:
    order = REACHED[number].order
    command = data.draw(arbitrary(command_type))
    context = msgspec.structs.replace(context_of(number=number), now=NOW + 10**7)
    with suppress(Refusal, Ignored):
        _, order = DECIDER.decide_and_evolve(order, command, context)
    assert order_status(order) in ORDER_STATUSES


@pytest.mark.parametrize("number", range(len(REACHED)))
def test_every_deadline_that_is_open_means_something(number: int) -> None:
    machine = REACHED[number]
    for key, due_at in machine.order.deadlines.items():
        from_here = OrderMachine()
        from_here.order, from_here.facts, from_here.now = machine.order, list(machine.facts), machine.now
        assert from_here.deadline(key, due_at), key
        from_here.check()
