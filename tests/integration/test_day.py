"""A short day with failing partners and carriers: nothing is lost, and no label is paid twice.

A short run of `printledger bench day`; `bench/README.md` has the figures of a longer one.
"""

import asyncio
from pathlib import Path

import pytest

from infra.benchmarks import day, whole_system

#: A carrier that may sell a rate twice and broke while it was paid is left alone for ten minutes: too long here.
FAILURES = tuple(failure for failure in day.CARRIER_FAILURES if failure != ("shippo", "server_error_next"))
EVERY = 6
#: Every kind of failure is planted once.
ORDERS = EVERY * max(len(FAILURES), len(day.FAILURES))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_orders_reach_the_door_while_partners_and_carriers_fail(tmp_path: Path) -> None:
    plan = day.Plan(every=EVERY, of_carriers=FAILURES)
    with whole_system.own_stack(tmp_path / "data", CARRIERS=",".join(day.CARRIERS)) as settings:
        told = asyncio.run(day.live_a_day(settings, ORDERS, 20, seconds_max=600, plan=plan))
    assert told["statuses"] == {"delivered": ORDERS}
    assert sum(told["labels_sold"].values()) == ORDERS
    assert sum(told["carrier_failures_met"].values()) > 0
