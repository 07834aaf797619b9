"""The moving parts that the vendors' simulators share: a small durable store, a clockwork and a webhook sender.

A simulator is a process of its own that speaks a vendor's wire format. It keeps what it was told in one SQLite
file, so that it goes on after a restart as a vendor would, and it sends its webhooks again until they are
answered with 2xx. Nothing here is used by the workers.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import httpx
import msgspec
import structlog

from processors.clock import now_ms

log = structlog.get_logger(__name__)

#: The longest pause of the clockwork when nothing is due; a safety net, because work pokes it.
IDLE_S = 1.0
#: Webhooks under way at the same time.
WEBHOOKS_AT_ONCE = 16
#: Growing waits between attempts of one webhook.
WEBHOOK_WAIT_FIRST_MS = 100
WEBHOOK_WAIT_MAX_MS = 5_000
WEBHOOK_TIMEOUT_S = 10.0
#: When a webhook that was given up is due again.
NEVER_MS = 2**62

Headers = Mapping[str, str]
#: Gives the headers of one attempt: (channel, event id, body, epoch milliseconds) -> headers.
Signer = Callable[[str, str, bytes, int], Headers]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a simulator hands its webhooks over; each fault can be switched on while it runs."""

    #: The share of events that is sent twice, 0 to 1.
    duplicate_share: float = 0.0
    #: Every webhook waits a random time between these two; a wide range shuffles them.
    delay_min_ms: int = 0
    delay_max_ms: int = 0
    #: False sends nothing, as a vendor that lost the subscription; events are then kept and never sent.
    enabled: bool = True


class Store:
    """One SQLite file, written in transactions. All access is from the event loop's thread."""

    def __init__(self, path: Path, schema: str) -> None:
        """`schema` is idempotent SQL. The file survives a killed process (write-ahead log)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(schema)
        self._depth = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is stored together or not at all; inner transactions join the outer one."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        else:
            self._connection.execute("COMMIT")
        finally:
            self._depth = 0

    def run(self, sql: str, *values: object) -> int:
        """Execute one statement; return how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


WEBHOOK_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhooks (
    number INTEGER PRIMARY KEY, channel TEXT NOT NULL, event_id TEXT NOT NULL, body BLOB NOT NULL,
    due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, delivered_at INTEGER, last_answer TEXT);
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due_at) WHERE delivered_at IS NULL;
"""


class WebhookSender:
    """Sends stored webhooks to their channel's address until each is answered with 2xx."""

    def __init__(
        self,
        store: Store,
        address_of: Callable[[str], str | None],
        signer: Signer,
        seed: int,
        *,
        tries_max: int | None = None,
        retry_ms: int | None = None,
    ) -> None:
        """`address_of` gives a channel's address, or None when nobody subscribed; `store` has `WEBHOOK_SCHEMA`.

        A webhook is given up after `tries_max` tries; `retry_ms` replaces the growing waits between them.
        """
        self._tries_max = tries_max
        self._retry_ms = retry_ms
        self._store = store
        self._address_of = address_of
        self._signer = signer
        self._random = random.Random(seed)  # noqa: S311 - faults are drawn from a seed so that a run can be repeated
        self._http = httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_S, follow_redirects=False, trust_env=False)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def put(self, channel: str, event_id: str, body: bytes, delivery: Delivery) -> None:
        """Store an event for sending, once or twice, now or later, as `delivery` says."""
        copies = 2 if self._random.random() < delivery.duplicate_share else 1
        for _ in range(copies):
            wait_ms = self._random.randint(delivery.delay_min_ms, max(delivery.delay_min_ms, delivery.delay_max_ms))
            self._store.run(
                "INSERT INTO webhooks (channel, event_id, body, due_at) VALUES (?, ?, ?, ?)",
                channel, event_id, body, now_ms() + wait_ms,
            )  # fmt: skip

    async def send_due(self) -> int | None:
        """Start what is due; return when the next webhook is due, epoch milliseconds, or None."""
        for number, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[number]
                task.result()
        room = WEBHOOKS_AT_ONCE - len(self._under_way)
        waiting = self._store.rows(
            "SELECT number, channel, event_id, body, due_at, attempts FROM webhooks"
            " WHERE delivered_at IS NULL ORDER BY due_at, number LIMIT ?",
            WEBHOOKS_AT_ONCE * 2,
        )
        for row in waiting:
            if row["number"] in self._under_way:
                continue
            if row["due_at"] > now_ms():
                return int(row["due_at"])
            if room == 0:
                return now_ms() + 10
            address = self._address_of(row["channel"])
            if address is None:
                self._later(row["number"], row["attempts"], "nobody subscribed")
                continue
            self._under_way[row["number"]] = asyncio.create_task(self._send(row, address))
            room -= 1
        return now_ms() + 10 if self._under_way else None

    async def _send(self, row: sqlite3.Row, address: str) -> None:
        headers = {
            "content-type": "application/json",
            **self._signer(row["channel"], row["event_id"], row["body"], now_ms()),
        }
        try:
            response = await self._http.post(address, content=row["body"], headers=headers)
        except httpx.HTTPError as error:
            self._later(row["number"], row["attempts"], type(error).__name__)
            return
        if response.is_success:
            self._store.run(
                "UPDATE webhooks SET delivered_at = ?, attempts = attempts + 1, last_answer = ? WHERE number = ?",
                now_ms(), str(response.status_code), row["number"],
            )  # fmt: skip
        else:
            self._later(row["number"], row["attempts"], str(response.status_code))

    def _later(self, number: int, attempts: int, answer: str) -> None:
        wait_ms = self._retry_ms or min(WEBHOOK_WAIT_FIRST_MS * 2 ** min(attempts, 10), WEBHOOK_WAIT_MAX_MS)
        due_at = NEVER_MS if attempts + 1 == self._tries_max else now_ms() + wait_ms
        self._store.run(
            "UPDATE webhooks SET attempts = attempts + 1, due_at = ?, last_answer = ? WHERE number = ?",
            due_at, answer, number,
        )  # fmt: skip

    def listing(self, channel: str | None = None) -> list[dict[str, object]]:
        """Every webhook with its attempts and last answer, for tests and for people."""
        return [
            {
                "channel": row["channel"],
                "event_id": row["event_id"],
                "attempts": row["attempts"],
                "delivered_at": row["delivered_at"],
                "last_answer": row["last_answer"],
                "body": msgspec.Raw(row["body"]),
            }
            for row in self._store.rows("SELECT * FROM webhooks ORDER BY number LIMIT 100000")
            if channel is None or row["channel"] == channel
        ]

    async def aclose(self) -> None:
        """Stop sending; what was not answered is sent after the next start."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._http.aclose()


class Clockwork:
    """Runs due work when it is due, and at once when poked."""

    def __init__(self, *works: Callable[[], Awaitable[int | None]]) -> None:
        """Each work does what is due and returns when it next has something to do, or None."""
        self._works = works
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Look again now: something new may be due."""
        self._poked.set()

    async def _run(self) -> None:
        while True:
            self._poked.clear()
            due = [at for work in self._works if (at := await work()) is not None]
            wait_s = min([IDLE_S, *(max(at - now_ms(), 0) / 1000 for at in due)])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), max(wait_s, 0.001))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Turn while the block lasts. A failure of the work is logged and stops the process: no silent stand-still."""
        task = asyncio.create_task(self._run())
        task.add_done_callback(_complain)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _complain(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("clockwork_stopped", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
