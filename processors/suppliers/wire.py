"""The demo supplier's wire format, version 1: the JSON that its adapter and its simulator exchange.

`processors.suppliers.supplier` describes requests and answers in words. Times are epoch milliseconds, money is minor
units with an ISO 4217 currency. Readers ignore fields that they do not know.
"""

import hashlib
import hmac
from typing import Final

import msgspec

#: The words of `status`, in the order in which an order goes through them; the last three may come at any time.
STAGES: Final = ("accepted", "picking", "packed", "collected")
BACKORDERED: Final = "backordered"
SHORT: Final = "short"
CANCELLED: Final = "cancelled"

#: Headers of a webhook: when it was signed (epoch seconds), and what `sign` gives for it.
TIMESTAMP_HEADER: Final = "supplier-timestamp"
SIGNATURE_HEADER: Final = "supplier-signature"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`PUT /v1/orders/{reference}`: pick and pack this. The reference makes it idempotent."""

    sku: str
    quantity: int
    #: The customer's own numbers of the pieces, given back as they came.
    pieces: tuple[int, ...]
    ready_by: int

    def fingerprint(self) -> str:
        """What must be the same when the order is sent again; the date may be corrected."""
        identity = (self.sku, self.quantity, self.pieces)
        return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()


class SupplyOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the supplier holds it: the answer to sending, reading and cancelling it, and a webhook's content."""

    reference: str
    number: str
    sku: str
    quantity: int
    pieces: tuple[int, ...]
    status: str
    accepted_at: int
    updated_at: int
    price_minor: int
    currency: str
    reason: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Any answer of 4xx or 5xx: `code` is for programs, `message` for people."""

    code: str
    message: str
    #: The order that stands in the way, where there is one.
    order: SupplyOrder | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's body. `order` depends on `type`."""

    id: str
    type: str
    order: msgspec.Raw = msgspec.Raw(b"null")


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """One article in stock."""

    sku: str
    on_hand: int
    price_minor: int
    currency: str


class StockList(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /v1/stock`."""

    country: str
    ships_to: tuple[str, ...]
    picks_per_day: int
    open_pieces: int
    picking_ms: int
    listed_at: int
    articles: tuple[Article, ...]


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """A webhook's signature: HMAC-SHA-256 over time stamp, dot and body, in hexadecimal digits."""
    return (
        "v1=" + hmac.new(secret.encode(), timestamp.encode(errors="replace") + b"." + body, hashlib.sha256).hexdigest()
    )
