"""Whatever happens to an order, in whatever order it is told: the rules that nobody may ever see broken.

Replay equals an independent oracle; every unit is with at most one partner at a time; everything that is under way has
a deadline; nothing but refusing and ignoring ever comes out of a decision; and from wherever an order got to, it ends
once everybody does their part.
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.order_machine import OrderMachine

TestAnyLife = OrderMachine.TestCase
TestAnyLife.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 150))
def test_no_rule_is_broken_in_a_long_life(seed: int, steps: int) -> None:
    OrderMachine().live(Random(seed), steps)
