"""What the works of the vendors' simulators share: orders in a table, moved on by a clockwork.

A vendor's table may have more columns; these are read here: `id`, `status`, `next_at`.
"""

from typing import Final, TypeVar

from events.decoding import from_json
from processors.clock import now_ms
from processors.partners.print_shop_files import check_file
from processors.simulation_http import Faults, Json, Works

#: Orders of vendors that need no columns of their own. `sends` counts how often an order was told to be made.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, external_id TEXT NOT NULL UNIQUE,
    request BLOB NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    next_at INTEGER, submissions INTEGER NOT NULL DEFAULT 1, sends INTEGER NOT NULL DEFAULT 0,
    prints INTEGER NOT NULL DEFAULT 0, sent_at INTEGER, file_lost INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
"""

#: Orders that are moved in one turn of the clockwork.
AT_ONCE: Final = 32
LISTED_MAX: Final = 100_000


class OrderFaults(Faults, frozen=True, kw_only=True):
    """What can go wrong with an order at any vendor. Counters count down to 0."""

    #: The next orders are put on hold and released; fail; report a status that no map knows.
    hold_next: int = 0
    fail_next: int = 0
    unknown_word_next: int = 0


B = TypeVar("B", bound=Faults)


class OrderWorks(Works[B]):
    """All orders of one simulated account, in the table `orders`."""

    async def step(self, order: Json) -> None:
        """Move one order that is due."""
        raise NotImplementedError

    async def advance(self) -> int | None:
        """Move every order that is due by one step; return when the next is due."""
        due = self._store.rows("SELECT * FROM orders WHERE next_at <= ? ORDER BY next_at LIMIT ?", now_ms(), AT_ONCE)
        for row in due:
            await self.step(dict(row))
        following = self._store.row("SELECT min(next_at) AS at FROM orders WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else int(following["at"])

    def trouble(self) -> tuple[int, dict[str, str]] | None:
        """HTTP status and headers with which a request is turned away by a fault; None lets it in."""
        if self.is_down():
            return 503, {}
        if self.use_up("server_error_next"):
            return 500, {}
        if self.use_up("rate_limited_next"):
            return 429, {"retry-after": str(self.behaviour.retry_after_s)}
        return None

    def find(self, order_id: str, column: str = "id") -> Json | None:
        """The row of an order, by its id or its `external_id`."""
        by = {
            "id": "SELECT * FROM orders WHERE id = ?",
            "external_id": "SELECT * FROM orders WHERE external_id = ?",
        }
        row = self._store.row(by[column], order_id)
        return None if row is None else dict(row)

    def stored(self, order_id: str) -> Json:
        """The row of an order that is there. KeyError else."""
        order = self.find(order_id)
        if order is None:
            raise KeyError(order_id)
        return order

    def stay(self, order: Json) -> None:
        """Leave the order where it is for now."""
        self._store.run("UPDATE orders SET next_at = ? WHERE id = ?", now_ms() + 50, order["id"])

    async def problem_with_files(self, urls: list[str]) -> str | None:
        """Why one of the files cannot be printed; None when all can."""
        problems = [await check_file(self._http, url, None) for url in urls]
        return next(filter(None, problems), None)


def request_of(order: Json) -> Json:
    """What the customer sent when it made the order."""
    found: Json = from_json(order["request"], Json)
    return found
