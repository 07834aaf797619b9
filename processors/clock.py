"""The clock of every process; what decides is given it as an argument."""

import time


def now_ms() -> int:
    """The time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
