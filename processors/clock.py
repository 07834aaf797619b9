"""The clock of every process, which whoever decides is given as an argument; and times as vendors write them."""

import time
from datetime import datetime


def now_ms() -> int:
    """The time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def millis(moment: str | None) -> int:
    """RFC 3339 as epoch milliseconds. `ValueError` for anything else, or without a time zone."""
    if moment is None:
        raise ValueError("a time is missing")
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return round(parsed.timestamp() * 1000)
