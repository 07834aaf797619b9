"""The post office behind the simulators of Shippo and ShipStation: rated parcels, paid labels, and what travels.

What the two vendors' simulators have in common, in neutral words; each gives it the vendor's shapes. Everything lives
in one SQLite file, so that paid labels, parcels on their way and unanswered webhooks survive a restart. Unlike
EasyPost, the office sells a rate as often as it is asked to, because neither vendor promises otherwise.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from events.decoding import from_json
from processors.carriers import easypost_shapes as shapes
from processors.carriers.easypost_office import draw_label, refund_state
from processors.clock import now_ms
from processors.simulation import Store, WebhookSender
from processors.simulation_http import Faults, Json, Works

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS parcels (
    id TEXT PRIMARY KEY, reference TEXT, body BLOB NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rates (id TEXT PRIMARY KEY, parcel_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT PRIMARY KEY, parcel_id TEXT NOT NULL, rate_id TEXT NOT NULL, reference TEXT, body BLOB NOT NULL,
    step INTEGER NOT NULL DEFAULT 0, route TEXT NOT NULL, next_at INTEGER, created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS labels_due ON labels (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS refund_requests (number INTEGER PRIMARY KEY, label_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY, reference TEXT);
"""

#: Journeys in our own words, with the sentence of each scan; `odd` stands for a word that no map knows.
ROUTES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "delivered": (
        ("pre_transit", "Shipping label created"),
        ("in_transit", "Arrived at facility"),
        ("in_transit", "Departed facility"),
        ("out_for_delivery", "Out for delivery"),
        ("delivered", "Delivered"),
    ),
    "returned": (
        ("pre_transit", "Shipping label created"),
        ("in_transit", "Arrived at facility"),
        ("out_for_delivery", "Out for delivery"),
        ("return_to_sender", "Refused, returning to sender"),
    ),
    "lost": (
        ("pre_transit", "Shipping label created"),
        ("in_transit", "Arrived at facility"),
        ("failure", "Reported lost"),
    ),
    "odd": (
        ("pre_transit", "Shipping label created"),
        ("odd", "Held by customs"),
        ("in_transit", "Departed facility"),
        ("delivered", "Delivered"),
    ),
}
#: The words of an address that nobody can deliver to, as in the vendors' own test data.
UNDELIVERABLE: Final = ("invalid", "unknown street")
CHANNEL: Final = "carrier"


class OfficeFaults(Faults, frozen=True, kw_only=True):
    """How the office behaves now. Counters count down to 0; `stage_ms` is the time between two scans."""

    buy_silently_next: int = 0
    create_silently_next: int = 0
    purchase_failure_next: int = 0
    no_funds_next: int = 0
    no_rates_next: int = 0
    label_missing_next: int = 0
    return_next: int = 0
    lose_next: int = 0
    unknown_word_next: int = 0
    refund_silently_next: int = 0
    #: What labels that are given back come to, as `refund_state` reads it.
    refund_verdict: str = ""
    standstill: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An address in neutral names."""

    name: str = ""
    street1: str = ""
    street2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One scan, in our own word."""

    word: str
    message: str
    at: int
    place: Place


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One rate."""

    id: str
    parcel_id: str
    service: str
    cents: int
    days: int


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One paid label and its parcel's journey so far."""

    id: str
    parcel_id: str
    reference: str
    offer: Offer
    tracking_number: str
    #: `png` or `pdf`.
    kind: str
    sender: Place
    recipient: Place
    created_at: int
    #: Empty, `submitted`, `refunded` or `rejected`.
    refund: str = ""
    scans: tuple[Scan, ...] = ()


class ParcelOffice(Works[OfficeFaults]):
    """All parcels of one simulator."""

    def __init__(self, store: Store, webhooks: WebhookSender, event: Callable[[Label], tuple[str, bytes]]) -> None:
        """`event` makes a webhook of a label's newest scan: its id and its body in the vendor's shape."""
        super().__init__(store, OfficeFaults, webhooks)
        self._event = event

    def keep(self, parcel_id: str, reference: str, body: Json) -> None:
        """Store a parcel as the vendor shows it."""
        self._store.run(
            "INSERT INTO parcels VALUES (?, ?, ?, ?)", parcel_id, reference, msgspec.json.encode(body), now_ms()
        )

    def parcel(self, parcel_id: str) -> Json | None:
        """A stored parcel."""
        row = self._store.row("SELECT body FROM parcels WHERE id = ?", parcel_id)
        return None if row is None else from_json(row["body"], Json)

    def count(self, table: str) -> int:
        """How many there are, for ids."""
        queries = {"parcels": "SELECT count(*) AS n FROM parcels", "labels": "SELECT count(*) AS n FROM labels"}
        row = self._store.row(queries[table])
        return 0 if row is None else int(row["n"])

    def rated(self, parcel_id: str, weight_g: float, *, abroad: bool) -> list[Offer]:
        """Rates of all services for a parcel, dearer with its weight, as EasyPost's recorded ones."""
        if self.use_up("no_rates_next"):
            return []
        found = []
        for service, cents, days in shapes.ABROAD if abroad else shapes.DOMESTIC:
            extra = round(max(weight_g - 436.6, 0) * 11 / 28.35)
            offer = Offer(
                id=digest("rate", parcel_id, service),
                parcel_id=parcel_id,
                service=service,
                cents=cents + extra,
                days=days,
            )
            self._store.run("INSERT INTO rates VALUES (?, ?, ?)", offer.id, parcel_id, msgspec.json.encode(offer))
            found.append(offer)
        return found

    def offer(self, rate_id: str) -> Offer | None:
        """A rate that was given."""
        row = self._store.row("SELECT body FROM rates WHERE id = ?", rate_id)
        return None if row is None else from_json(row["body"], Offer)

    def ask_to_pay(self, reference: str) -> None:
        """Somebody asked to pay, whatever came of it."""
        self._store.run("INSERT INTO requests (reference) VALUES (?)", reference)

    def buy(self, offer: Offer, reference: str, kind: str, sender: Place, recipient: Place) -> Label:
        """Take the money, print the label, send the parcel on its way."""
        at, number = now_ms(), self.count("labels")
        route = "delivered"
        for counter, other in (("return_next", "returned"), ("lose_next", "lost"), ("unknown_word_next", "odd")):
            if self.use_up(counter):
                route = other
        label = Label(
            id=digest("label", offer.id, number),
            parcel_id=offer.parcel_id,
            reference=reference,
            offer=offer,
            tracking_number=shapes.tracking_code(f"{offer.id}/{number}"),
            kind=kind,
            sender=sender,
            recipient=recipient,
            created_at=at,
        )
        self._store.run(
            "INSERT INTO labels (id, parcel_id, rate_id, reference, body, route, next_at, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            label.id, offer.parcel_id, offer.id, reference, msgspec.json.encode(label), route,
            at + self.behaviour.stage_ms, at,
        )  # fmt: skip
        self.clockwork.poke()
        return label

    def label(self, label_id: str) -> Label | None:
        """A paid label."""
        row = self._store.row("SELECT body FROM labels WHERE id = ?", label_id)
        return None if row is None else self._settled(from_json(row["body"], Label))

    def _settled(self, label: Label) -> Label:
        """The label after what was decided meanwhile, where it was given back."""
        if label.refund != "submitted" or not self.behaviour.refund_verdict:
            return label
        state = refund_state(label.refund, is_used=False, verdict=self.behaviour.refund_verdict)
        after = msgspec.structs.replace(label, refund=state)
        self._save(after)
        return after

    def by_number(self, tracking_number: str) -> Label | None:
        """The label with this tracking number."""
        rows = self._store.rows("SELECT body FROM labels")
        labels = (from_json(row["body"], Label) for row in rows)
        return next((label for label in labels if label.tracking_number == tracking_number), None)

    def labels_of_rate(self, rate_id: str) -> list[Label]:
        """Every label that was bought with a rate."""
        rows = self._store.rows("SELECT body FROM labels WHERE rate_id = ? ORDER BY created_at", rate_id)
        return [from_json(row["body"], Label) for row in rows]

    def refund(self, label: Label, *, is_final: bool) -> Label:
        """Take a label back, for good or to look at it, or refuse it once the parcel was scanned in transit."""
        is_used = any(scan.word != "pre_transit" for scan in label.scans)
        verdict = self.behaviour.refund_verdict or ("refunded" if is_final else "")
        with self._store.transaction():
            self._store.run("INSERT INTO refund_requests (label_id) VALUES (?)", label.id)
            if not label.refund:
                state = refund_state("", is_used=is_used, verdict=verdict)
                label = msgspec.structs.replace(label, refund=state)
                self._save(label)
            if label.refund != "rejected":
                self._store.run("UPDATE labels SET next_at = NULL WHERE id = ?", label.id)
        return label

    def file(self, name: str) -> tuple[bytes, str] | None:
        """A label's file by its name (`<label id>.png`), under an address that needs no key."""
        label_id, _, kind = name.partition(".")
        label = self.label(label_id)
        if label is None or self.use_up("label_missing_next"):
            return None
        drawn = {
            "to_address": msgspec.to_builtins(label.recipient),
            "selected_rate": {"service": label.offer.service},
            "reference": label.reference,
            "tracking_code": label.tracking_number,
        }
        return draw_label(drawn, kind), "application/pdf" if kind == "pdf" else "image/png"

    async def advance(self) -> int | None:
        """Scan every parcel that is due; return when the next is due."""
        if self.behaviour.standstill:
            return None
        due = self._store.rows("SELECT id FROM labels WHERE next_at <= ? ORDER BY next_at LIMIT 64", now_ms())
        for row in due:
            self._scan(row["id"])
        following = self._store.row("SELECT min(next_at) AS at FROM labels WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else int(following["at"])

    def _scan(self, label_id: str) -> None:
        row = self._store.row("SELECT step, route FROM labels WHERE id = ?", label_id)
        label = self.label(label_id)
        if row is None or label is None:
            raise KeyError(label_id)
        at, step, route = now_ms(), int(row["step"]), ROUTES[row["route"]]
        word, message = route[step]
        scan = Scan(word=word, message=message, at=at, place=label.sender if step < 2 else label.recipient)
        label = msgspec.structs.replace(label, scans=(*label.scans, scan))
        event_id, body = self._event(label)
        with self._store.transaction():
            self._save(label)
            self._store.run(
                "UPDATE labels SET step = step + 1, next_at = ? WHERE id = ?",
                at + self.behaviour.stage_ms if step + 1 < len(route) else None,
                label_id,
            )
            self.webhooks.put(CHANNEL, event_id, body, self.behaviour.delivery)

    def _save(self, label: Label) -> None:
        self._store.run("UPDATE labels SET body = ? WHERE id = ?", msgspec.json.encode(label), label.id)

    def listing(self) -> list[Json]:
        """Every parcel with how often a label was asked for, paid and given back."""
        purchases = {row["p"]: row["n"] for row in self._store.rows(
            "SELECT parcel_id AS p, count(*) AS n FROM labels GROUP BY parcel_id"
        )}  # fmt: skip
        asked = {row["r"]: row["n"] for row in self._store.rows(
            "SELECT reference AS r, count(*) AS n FROM requests GROUP BY reference"
        )}  # fmt: skip
        given_back = {row["p"]: row["n"] for row in self._store.rows(
            "SELECT parcel_id AS p, count(*) AS n FROM refund_requests JOIN labels ON id = label_id GROUP BY parcel_id"
        )}  # fmt: skip
        rows = self._store.rows("SELECT id, reference FROM parcels ORDER BY created_at, id LIMIT 100000")
        seen: set[str] = set()
        found = []
        for row in rows:
            first = row["reference"] not in seen
            seen.add(row["reference"])
            requests = asked.get(row["reference"], 0) if first else 0
            found.append(
                {
                    "id": row["id"],
                    "reference": row["reference"],
                    "purchases": purchases.get(row["id"], 0),
                    "purchase_requests": requests,
                    "refund_requests": given_back.get(row["id"], 0),
                }
            )
        return found


def undeliverable(street: str) -> bool:
    """Whether the office finds nobody at this street."""
    return not street or any(word in street.casefold() for word in UNDELIVERABLE)


def spelled(place: Place) -> Place:
    """The address as the post office spells it."""
    given = {"street2": place.street2 or None, "verifications": {}, **msgspec.to_builtins(place)}
    found = shapes.verified(given)
    return Place(
        name=place.name,
        street1=found["street1"] or "",
        street2=found["street2"] or "",
        city=found["city"] or "",
        state=place.state,
        zip=found["zip"] or "",
        country=place.country,
    )


def digest(*parts: object) -> str:
    """An id of 32 hexadecimal digits, the same for the same parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]
