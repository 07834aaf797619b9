"""What tests of every kind share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

POLL_SECONDS = 0.02


class WaitedTooLong(AssertionError):
    """A condition that a test waited for did not come true in time."""


def wait_until(condition: Callable[[], Found], timeout_seconds: float = 20.0, what: str = "") -> Found:
    """Try until the condition gives something true, and return that; fails after the time.

    `what` says in the failure what was waited for.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__qualname__", "the condition")
            raise WaitedTooLong(f"{name} did not come true within {timeout_seconds:g} seconds; last it was {found!r}")
        time.sleep(POLL_SECONDS)  # noqa: TID251 - the one place that waits
