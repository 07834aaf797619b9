"""Waiting for read models to move: PostgreSQL tells, so nobody asks in a loop."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from projections.errors import WaitedTooLong

CHANNEL = "printledger_read_models"
LOOK_AGAIN_SECONDS = 1.0
"""A notification can be lost with its connection, so a waiter looks by itself after this time too."""

WAIT_SECONDS_MAX = 600.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class Progress:
    """Hears one notification stream for all waiters of a process. Use it as an async context manager."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Progress":
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def until(self, look: Callable[[], Awaitable[T | None]], timeout_seconds: float) -> T:
        """Look, and look again after each move, until something is seen; raises `WaitedTooLong`."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + min(timeout_seconds, WAIT_SECONDS_MAX)
        while True:
            # Taken before looking: a move between the look and the wait must not be missed.
            moved = self._moved
            seen = await look()
            if seen is not None:
                return seen
            remaining = ends_at - loop.time()
            if remaining <= 0:
                raise WaitedTooLong(f"{timeout_seconds:g} seconds")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), min(remaining, LOOK_AGAIN_SECONDS))

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for _ in connection.notifies():
                        moved, self._moved = self._moved, asyncio.Event()
                        moved.set()
            except psycopg.OperationalError as error:
                log.warning("cannot listen to the database, tries again", extra={"detail": str(error)})
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
