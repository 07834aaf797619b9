"""Where a test ends a process as a power cut would."""

from __future__ import annotations

import os
import signal

from infra.settings import Settings
from processors.ports import CrashPoint, no_crash

#: Tests end a process at a named point by this variable; only the test profile heeds it.
CRASH_AT = "CRASH_AT"


def crash_point(settings: Settings) -> CrashPoint:
    """Ends this process at the point that a test names; everyday life has no such point."""
    wanted = os.environ.get(CRASH_AT, "")
    if settings.profile != "test" or not wanted:
        return no_crash

    def crash(point: str) -> None:
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash
