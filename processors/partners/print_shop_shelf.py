"""The blanks of the simulated print shops. A shop says by itself when a blank runs out, and when it is back."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from processors.clock import now_ms
from processors.partners import print_shop_wire as wire
from processors.partners.print_shop_setup import Offer
from processors.simulation import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (
    shop TEXT NOT NULL, variant TEXT NOT NULL, units INTEGER NOT NULL, PRIMARY KEY (shop, variant));
"""


class Shelf:
    """What each shop has of each blank. `tell` sends a webhook: (shop, event id, body)."""

    def __init__(self, store: Store, tell: Callable[[str, str, bytes], None]) -> None:
        self._store = store
        self._tell = tell

    def fill(self, shop: str, offers: Iterable[Offer]) -> None:
        """Put what a shop begins with on its shelf; what was counted before stays."""
        for offer in offers:
            self._store.run(
                "INSERT INTO stock VALUES (?, ?, ?) ON CONFLICT DO NOTHING", shop, offer.variant, offer.stock
            )

    def units(self, shop: str, variant: str) -> int:
        """Blanks left."""
        row = self._store.row("SELECT units FROM stock WHERE shop = ? AND variant = ?", shop, variant)
        return 0 if row is None else int(row["units"])

    def count(self, shop: str, variant: str, units: int) -> None:
        """Count the shelf anew, and say so where the blank ran out or is back."""
        before = self.units(shop, variant)
        with self._store.transaction():
            self._store.run("UPDATE stock SET units = ? WHERE shop = ? AND variant = ?", units, shop, variant)
            if (before > 0) != (units > 0):
                self._offers_changed(shop, variant, units)

    def take(self, shop: str, variant: str, units: int) -> None:
        """Take blanks for a job."""
        self.count(shop, variant, self.units(shop, variant) - units)

    def _offers_changed(self, shop: str, variant: str, units: int) -> None:
        at = now_ms()
        event_id = f"evt_{hashlib.sha256(f'{shop}/{variant}/{units}/{at}'.encode()).hexdigest()[:24]}"
        event = wire.Event(
            type="offers.changed",
            timestamp=datetime.fromtimestamp(at / 1000, UTC).isoformat(),
            data=msgspec.Raw(msgspec.json.encode({"variant": variant, "stock": max(units, 0)})),
        )
        self._tell(shop, event_id, msgspec.json.encode(event))
