"""How long the embedded stack takes to start: in an empty folder, and again in the same one."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from infra.benchmarks.stack import machine
from infra.ports import free_ports
from infra.settings import DEFAULT_PORTS, Settings, prepare
from infra.stack.runner import Stack

WARM_STARTS = 3


def run() -> dict[str, Any]:
    """Start and stop all five parts, once cold and WARM_STARTS times warm; seconds until all were set up."""
    conditions = machine()
    ports = dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True))
    with tempfile.TemporaryDirectory(prefix="printledger-bench-") as folder:
        settings = prepare(Path(folder), profile="demo", log_level="warning", **ports)
        cold = _start_and_stop(settings)
        warm = [_start_and_stop(settings) for _ in range(WARM_STARTS)]
    return {
        "stack_start_cold_seconds": round(cold[0], 2),
        "stack_start_warm_seconds": round(statistics.median(seconds for seconds, _, _ in warm), 2),
        "stack_stop_seconds": round(statistics.median(seconds for _, seconds, _ in warm), 2),
        "parts_warm_seconds": {name: round(seconds, 2) for name, seconds in warm[-1][2].items()},
        "conditions": conditions | {"warm_starts": WARM_STARTS, "load_after": machine()["load_before"]},
    }


def _start_and_stop(settings: Settings) -> tuple[float, float, dict[str, float]]:
    stack = Stack(settings)
    begun_at = time.monotonic()
    stack.start()
    started_at = time.monotonic()
    stack.stop()
    return started_at - begun_at, time.monotonic() - started_at, stack.ready_seconds
