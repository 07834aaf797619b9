"""What a simulated print shop is and how it behaves: the settings of the print shop simulator."""

import msgspec

from processors.partners import print_shop_wire as wire
from processors.simulation import Delivery

#: A blank is never sold out unless a test says so.
FULL_STOCK_UNITS = 100_000


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One blank that a simulated shop prints on."""

    variant: str
    customer_variant: str
    unit_cost_minor: int
    currency: str = "USD"
    stock: int = FULL_STOCK_UNITS


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated shop: who it is, where its webhooks go, what it sells."""

    name: str
    api_key: str
    webhook_secret: str
    #: None while nobody has subscribed.
    webhook_url: str | None
    country: str = "US"
    ships_to: tuple[str, ...] = ()
    capacity_units_per_day: int = 20_000
    offers: tuple[Offer, ...]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """How one shop behaves now; each field can be changed while it runs. Counters count down to 0."""

    #: How long a job stays in each stage, by the shop's word for it.
    stage_ms: dict[str, int] = msgspec.field(
        default_factory=lambda: {
            "received": 300, "printing": 500, "finishing": 300, "quality_check": 300,
            "ready_for_shipment": 800, wire.ON_HOLD: 500,
        }
    )  # fmt: skip
    #: Answer everything with 503, as a shop whose server is down.
    down: bool = False
    #: The next submissions are refused for now (`overloaded`), or for good (`out_of_stock`).
    refuse_retryable_next: int = 0
    refuse_next: int = 0
    #: The next submissions are accepted and stored, but the line goes dead before the answer.
    accept_silently_next: int = 0
    silence_ms: int = 60_000
    #: The next requests of any kind fail with 500 before anything is stored, or with 429.
    server_error_next: int = 0
    rate_limited_next: int = 0
    retry_after_s: int = 1
    #: The next units fail the inspection.
    misprint_next_units: int = 0
    #: Whether every unit is photographed and the photographs go with the quality report.
    photographs: bool = False
    #: Of photographed units the next ones, and so many in a thousand, lack a part of their print, unseen by the press.
    spoil_unseen_next_units: int = 0
    spoil_permille: int = 0
    #: The next jobs jam and fail; are put on hold and released; report a word that no map knows.
    jam_next: int = 0
    hold_next: int = 0
    unknown_word_next: int = 0
    #: No job leaves this stage while it is set.
    stuck_at: str | None = None
    #: Cancelling is too late from this stage on.
    cancel_too_late_from: str = "printing"
    delivery: Delivery = Delivery()
