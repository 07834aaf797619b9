"""Nothing is lost and nothing is done twice, although processes are killed all the time.

A short run of `printledger bench chaos`; `bench/README.md` has the figures of a long one.
"""

import asyncio
import os
from pathlib import Path

import pytest

from infra.benchmarks import chaos, whole_system

ORDERS = int(os.environ.get("CHAOS_ORDERS", "120"))
KILLS = int(os.environ.get("CHAOS_KILLS", "14"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_orders_end_as_they_should_while_ledger_workers_and_projections_are_killed(tmp_path: Path) -> None:
    with whole_system.own_stack(tmp_path / "data") as settings:
        account = asyncio.run(chaos.live_through(settings, ORDERS, KILLS, SEED, seconds_max=600))
    assert account.problems == []
    assert sum(account.kills.values()) == KILLS
