"""The post office behind the EasyPost simulator: shipments, labels, and parcels that travel.

Everything lives in one SQLite file, so that paid labels, parcels on their way and unanswered webhooks survive
a restart.
"""

import io
import unicodedata
from typing import Any, Final

import msgspec
from PIL import Image, ImageDraw

from events.decoding import from_json
from processors.carriers import easypost_shapes as shapes
from processors.carriers.easypost import sign
from processors.clock import now_ms
from processors.simulation import Clockwork, Delivery, Store, WebhookSender

SCHEMA = """
CREATE TABLE IF NOT EXISTS addresses (id TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shipments (
    id TEXT PRIMARY KEY, reference TEXT, body BLOB NOT NULL, created_at INTEGER NOT NULL,
    bought_at INTEGER, purchases INTEGER NOT NULL DEFAULT 0, purchase_requests INTEGER NOT NULL DEFAULT 0,
    ratings INTEGER NOT NULL DEFAULT 1, step INTEGER NOT NULL DEFAULT 0, route TEXT, next_at INTEGER);
CREATE INDEX IF NOT EXISTS shipments_due ON shipments (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS refund_requests (number INTEGER PRIMARY KEY, shipment_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS behaviour (only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL);
"""

CHANNEL: Final = "easypost"
LABEL_SIZE_PX: Final = (1200, 1800)

#: Journeys as lists of (status, status detail, message); places are made from the two addresses.
ROUTES: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "delivered": (
        ("pre_transit", "label_created", "Shipping Label Created"),
        ("in_transit", "arrived_at_facility", "Arrived at Facility"),
        ("in_transit", "departed_facility", "Departed Facility"),
        ("out_for_delivery", "out_for_delivery", "Out for Delivery"),
        ("delivered", "arrived_at_destination", "Delivered"),
    ),
    "returned": (
        ("pre_transit", "label_created", "Shipping Label Created"),
        ("in_transit", "arrived_at_facility", "Arrived at Facility"),
        ("out_for_delivery", "out_for_delivery", "Out for Delivery"),
        ("return_to_sender", "return", "Refused, Returning to Sender"),
    ),
    "lost": (
        ("pre_transit", "label_created", "Shipping Label Created"),
        ("in_transit", "arrived_at_facility", "Arrived at Facility"),
        ("failure", "lost", "Reported Lost"),
    ),
    "odd": (
        ("pre_transit", "label_created", "Shipping Label Created"),
        ("held_by_customs", "unknown", "Held by Customs"),
        ("in_transit", "departed_facility", "Departed Facility"),
        ("delivered", "arrived_at_destination", "Delivered"),
    ),
}


class OfficeBehaviour(msgspec.Struct, frozen=True, kw_only=True):
    """How the office behaves now; each field can be changed while it runs. Counters count down to 0."""

    #: The time from one scan of a parcel to the next.
    scan_ms: int = 700
    #: Answer everything with 503.
    down: bool = False
    #: The next requests fail with 500 before anything is stored, or with 429.
    server_error_next: int = 0
    rate_limited_next: int = 0
    retry_after_s: int = 1
    #: The next purchases are paid, but the line goes dead before the answer.
    buy_silently_next: int = 0
    #: The next shipments are created, but the line goes dead before the answer.
    create_silently_next: int = 0
    silence_ms: int = 60_000
    #: The next purchases are refused by the transporting company; or by the account's balance.
    purchase_failure_next: int = 0
    no_funds_next: int = 0
    #: The next purchases find that their rate is not offered any more.
    rate_gone_next: int = 0
    #: The next shipments get no rates.
    no_rates_next: int = 0
    #: The next label files cannot be downloaded (404).
    label_missing_next: int = 0
    #: The next parcels bought are refused at the door and come back; get lost; report a word that no map knows.
    return_next: int = 0
    lose_next: int = 0
    unknown_word_next: int = 0
    #: The next labels are taken back, but the line goes dead before the answer.
    refund_silently_next: int = 0
    #: What labels that are given back come to, as `refund_state` reads it.
    refund_verdict: str = ""
    #: No parcel is scanned any more while it is set.
    standstill: bool = False
    delivery: Delivery = Delivery()


class Office:
    """All shipments of one simulator."""

    def __init__(self, store: Store, webhook_secret: str, webhook_url: str | None) -> None:
        """`store` was opened with `SCHEMA` and the webhooks' schema."""
        self._store = store
        self._webhook_url = webhook_url
        kept = store.row("SELECT body FROM behaviour")
        self._behaviour = from_json(kept["body"], OfficeBehaviour) if kept else OfficeBehaviour()
        self._key = unicodedata.normalize("NFKD", webhook_secret).encode()
        self.webhooks = WebhookSender(store, self._address_of, self._sign, seed=20_261)
        self.clockwork = Clockwork(self.advance, self.webhooks.send_due)

    def _address_of(self, _: str) -> str | None:
        return self._webhook_url if self.behaviour().delivery.enabled else None

    def _sign(self, _channel: str, _event_id: str, body: bytes, _at: int) -> dict[str, str]:
        return {"X-Hmac-Signature": sign(self._key, body)}

    def behaviour(self) -> OfficeBehaviour:
        """How the office behaves now."""
        return self._behaviour

    def behave(self, behaviour: OfficeBehaviour) -> None:
        """Behave so from now on, after a restart too."""
        self._behaviour = behaviour
        self._store.run(
            "INSERT INTO behaviour VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET body = excluded.body",
            msgspec.json.encode(behaviour),
        )

    def use_up(self, counter: str) -> bool:
        """Take one from a counter of the behaviour; whether there was one."""
        behaviour = self.behaviour()
        left = int(getattr(behaviour, counter))
        if left:
            self.behave(msgspec.structs.replace(behaviour, **{counter: left - 1}))
        return left > 0

    # Addresses and shipments

    def create_address(self, given: shapes.Json) -> shapes.Json:
        """Store an address; nothing is checked yet."""
        number = self._store.row("SELECT count(*) AS n FROM addresses")
        body = shapes.address(given, now_ms(), 0 if number is None else int(number["n"]))
        self._store.run("INSERT INTO addresses VALUES (?, ?)", body["id"], msgspec.json.encode(body))
        return body

    def address(self, address_id: str) -> shapes.Json | None:
        """A stored address."""
        row = self._store.row("SELECT body FROM addresses WHERE id = ?", address_id)
        return None if row is None else _json(row["body"])

    def create_shipment(self, given: shapes.Json) -> shapes.Json:
        """Store a shipment with its rates. The reference need not be unique, as with EasyPost."""
        at = now_ms()
        number = self._store.row("SELECT count(*) AS n FROM shipments")
        shipment_id = shapes.object_id("shp", at, 0 if number is None else number["n"])
        body = shapes.shipment(given, shipment_id, at)
        if self.use_up("no_rates_next"):
            body["rates"] = []
            body["messages"] = [{"carrier": "USPS", "type": "rate_error", "message": "No rates for this parcel"}]
        self._store.run(
            "INSERT INTO shipments (id, reference, body, created_at) VALUES (?, ?, ?, ?)",
            shipment_id,
            body["reference"],
            msgspec.json.encode(body),
            at,
        )
        return body

    def shipment(self, id_or_reference: str) -> shapes.Json | None:
        """A shipment by its id, or the latest one with that reference."""
        row = self._store.row(
            "SELECT body FROM shipments WHERE id = ? OR reference = ? ORDER BY id = ? DESC, created_at DESC",
            id_or_reference,
            id_or_reference,
            id_or_reference,
        )
        return None if row is None else self._settled(_json(row["body"]))

    def _settled(self, body: shapes.Json) -> shapes.Json:
        """The shipment after what was decided meanwhile of a label that was given back."""
        verdict = self.behaviour().refund_verdict
        if body["refund_status"] == "submitted" and verdict:
            body["refund_status"] = refund_state("submitted", is_used=False, verdict=verdict)
            self._save(body)
        return body

    def rerate(self, shipment_id: str) -> shapes.Json:
        """Fresh rates with fresh ids."""
        body = self._held(shipment_id)
        row = self._store.row("SELECT ratings FROM shipments WHERE id = ?", shipment_id)
        edition = 0 if row is None else int(row["ratings"])
        abroad = body["from_address"]["country"] != body["to_address"]["country"]
        body["rates"] = shapes.rates(shipment_id, body["parcel"]["weight"], abroad, now_ms(), edition)
        self._store.run("UPDATE shipments SET ratings = ratings + 1 WHERE id = ?", shipment_id)
        self._save(body)
        return body

    def count_purchase_request(self, shipment_id: str) -> None:
        """Somebody asked to pay, whatever came of it."""
        self._store.run("UPDATE shipments SET purchase_requests = purchase_requests + 1 WHERE id = ?", shipment_id)

    def buy(self, shipment_id: str, rate: shapes.Json, base_url: str) -> shapes.Json:
        """Take the money, print the label, send the parcel on its way."""
        before = self._held(shipment_id)
        kind = "pdf" if before["options"].get("label_format") == "PDF" else "png"
        at = now_ms()
        body = shapes.bought(before, rate, f"{base_url}files/postage_label/{shipment_id}.{kind}", at)
        route = "delivered"
        for counter, other in (("return_next", "returned"), ("lose_next", "lost"), ("unknown_word_next", "odd")):
            if self.use_up(counter):
                route = other
        with self._store.transaction():
            self._save(body)
            self._store.run(
                "UPDATE shipments SET bought_at = ?, purchases = purchases + 1, route = ?, next_at = ? WHERE id = ?",
                at,
                route,
                at + self.behaviour().scan_ms,
                shipment_id,
            )
        self.clockwork.poke()
        return body

    def refund(self, shipment_id: str) -> shapes.Json:
        """Submit the refund, or refuse it once the parcel was scanned in transit."""
        body = self._held(shipment_id)
        is_used = body["tracker"]["status"] not in ("unknown", "pre_transit")
        verdict = self.behaviour().refund_verdict
        with self._store.transaction():
            self._store.run("INSERT INTO refund_requests (shipment_id) VALUES (?)", shipment_id)
            if body["refund_status"] is None:
                body["refund_status"] = refund_state("", is_used=is_used, verdict=verdict)
                self._save(body)
            if body["refund_status"] != "rejected":
                self._store.run("UPDATE shipments SET next_at = NULL WHERE id = ?", shipment_id)
        return body

    def _held(self, shipment_id: str) -> shapes.Json:
        row = self._store.row("SELECT body FROM shipments WHERE id = ?", shipment_id)
        if row is None:
            raise KeyError(shipment_id)
        return _json(row["body"])

    def _save(self, body: shapes.Json) -> None:
        self._store.run("UPDATE shipments SET body = ? WHERE id = ?", msgspec.json.encode(body), body["id"])

    # Time

    async def advance(self) -> int | None:
        """Scan every parcel that is due; return when the next is due."""
        if self.behaviour().standstill:
            return None
        due = self._store.rows("SELECT id FROM shipments WHERE next_at <= ? ORDER BY next_at LIMIT 64", now_ms())
        for row in due:
            self._scan(row["id"])
        following = self._store.row("SELECT min(next_at) AS at FROM shipments WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else int(following["at"])

    def _scan(self, shipment_id: str) -> None:
        row = self._store.row("SELECT step, route FROM shipments WHERE id = ?", shipment_id)
        if row is None:
            raise KeyError(shipment_id)
        body, at, step = self._held(shipment_id), now_ms(), int(row["step"])
        route = ROUTES[row["route"]]
        status, detail, message = route[step]
        before = body["tracker"]
        place = _place(body["from_address"] if step < 2 else body["to_address"])
        scans = [*before["tracking_details"], shapes.scan(message, status, detail, place, at)]
        body["tracker"] = {
            **before,
            "status": status,
            "status_detail": detail,
            "tracking_details": scans,
            "updated_at": shapes.seconds(at),
        }
        body["status"] = status
        event_id = shapes.object_id("evt", shipment_id, step)
        event = shapes.event(event_id, "tracker.updated", body["tracker"], before["status"], at)
        behaviour = self.behaviour()
        with self._store.transaction():
            self._save(body)
            self._store.run(
                "UPDATE shipments SET step = step + 1, next_at = ? WHERE id = ?",
                at + behaviour.scan_ms if step + 1 < len(route) else None,
                shipment_id,
            )
            self.webhooks.put(CHANNEL, event_id, msgspec.json.encode(event), behaviour.delivery)

    # For tests and for people

    def listing(self) -> list[dict[str, object]]:
        """Every shipment with how often a label was asked for, paid and given back."""
        asked = {row["id"]: row["n"] for row in self._store.rows(
            "SELECT shipment_id AS id, count(*) AS n FROM refund_requests GROUP BY shipment_id"
        )}  # fmt: skip
        return [
            {
                "id": row["id"],
                "reference": row["reference"],
                "purchases": row["purchases"],
                "purchase_requests": row["purchase_requests"],
                "refund_requests": asked.get(row["id"], 0),
                "status": _json(row["body"])["status"],
            }
            for row in self._store.rows("SELECT * FROM shipments ORDER BY created_at, id LIMIT 100000")
        ]

    async def aclose(self) -> None:
        """Stop; parcels and webhooks go on after the next start."""
        await self.webhooks.aclose()


def refund_state(state: str, *, is_used: bool, verdict: str) -> str:
    """What a label that is given back comes to: `submitted`, `refunded` or `rejected`.

    `state` is what it came to before, empty where nobody asked yet. A label whose parcel was scanned on its way is
    rejected; another stays submitted until the verdict says `refunded` or `rejected`.
    """
    if state in ("refunded", "rejected"):
        return state
    return "rejected" if is_used else verdict or "submitted"


def draw_label(shipment: shapes.Json, kind: str) -> bytes:
    """A label of 4 by 6 inches at 300 DPI that says that it is worth nothing. `kind` is `png` or `pdf`."""
    image = Image.new("1", LABEL_SIZE_PX, 1)
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, LABEL_SIZE_PX[0] - 20, LABEL_SIZE_PX[1] - 20), outline=0, width=6)
    to = shipment["to_address"]
    city = " ".join(filter(None, (to["city"], to["state"], to["zip"])))
    lines = (
        (60, "DEMONSTRATION LABEL"),
        (60, "NOT VALID FOR POSTAGE"),
        (40, shipment["selected_rate"]["service"]),
        (40, shipment["reference"] or ""),
        (56, "SHIP TO"),
        *((56, line) for line in (to["name"], to["street1"], to["street2"], city, to["country"]) if line),
    )
    top = 70
    for size_px, text in lines:
        draw.text((70, top), text, fill=0, font_size=size_px)
        top += size_px + 30
    left = 70
    for digit in shipment["tracking_code"]:
        # Bars that look like a bar code; a demonstration label must not scan as a real one.
        width_px = 4 + int(digit) * 3
        draw.rectangle((left, 1350, left + width_px, 1620), fill=0)
        left += width_px + 26
    draw.text((70, 1660), shipment["tracking_code"], fill=0, font_size=56)
    buffer = io.BytesIO()
    if kind == "pdf":
        image.save(buffer, "PDF", resolution=300)
    else:
        image.save(buffer, "PNG", dpi=(300, 300), compress_level=1)
    return buffer.getvalue()


def _place(of: shapes.Json) -> shapes.Json:
    return {"city": of["city"], "state": of["state"], "country": of["country"], "zip": of["zip"]}


def _json(body: bytes) -> dict[str, Any]:
    return from_json(body, dict[str, Any])
