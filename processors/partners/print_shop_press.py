"""The press behind the print shop simulator: jobs that move from stage to stage, and what can go wrong with them.

It holds several shops in one SQLite file. Everything that a shop promised survives a restart: accepted jobs go
on where they were, webhooks that were not answered are sent again.
"""

import asyncio
import hashlib
import random
from datetime import UTC, datetime

import httpx
import msgspec
from standardwebhooks import Webhook

from events.decoding import from_json
from processors.clock import now_ms
from processors.partners import print_shop_wire as wire
from processors.partners.print_shop_files import FILE_TIMEOUT_S, fetch_file, judge_file
from processors.partners.print_shop_photos import SCHEMA as PHOTOS_SCHEMA
from processors.partners.print_shop_photos import Photos, unseen_by_the_press
from processors.partners.print_shop_setup import Behaviour, Offer, Shop
from processors.partners.print_shop_shelf import SCHEMA as SHELF_SCHEMA
from processors.partners.print_shop_shelf import Shelf
from processors.simulation import Clockwork, Store, WebhookSender

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS jobs (
    shop TEXT NOT NULL, external_id TEXT NOT NULL, job_number TEXT NOT NULL, request BLOB NOT NULL,
    fingerprint TEXT NOT NULL, status TEXT NOT NULL, sequence INTEGER NOT NULL, accepted_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, next_at INTEGER, cost_minor INTEGER NOT NULL, quality BLOB, reason TEXT,
    submissions INTEGER NOT NULL, prints INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (shop, external_id));
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS cancel_marks (
    shop TEXT NOT NULL, external_id TEXT NOT NULL, PRIMARY KEY (shop, external_id));
CREATE TABLE IF NOT EXISTS behaviours (shop TEXT PRIMARY KEY, behaviour BLOB NOT NULL);
"""
    + SHELF_SCHEMA
    + PHOTOS_SCHEMA
)

#: Print files that are fetched at the same time.
FILES_AT_ONCE = 6
#: How long a stuck job waits before it looks whether it may go on.
STUCK_LOOK_MS = 50


class Press:
    """All jobs of all shops of one simulator."""

    def __init__(self, store: Store, shops: tuple[Shop, ...]) -> None:
        """`store` was opened with `SCHEMA` and the webhooks' schema."""
        self._store = store
        self._shops = {shop.name: shop for shop in shops}
        self._behaviours = {
            row["shop"]: from_json(row["behaviour"], Behaviour)
            for row in store.rows("SELECT shop, behaviour FROM behaviours")
        }
        self._signers = {shop.name: Webhook(shop.webhook_secret) for shop in shops}
        self.webhooks = WebhookSender(store, self._address_of, self._sign, seed=20_260)
        self._http = httpx.AsyncClient(timeout=FILE_TIMEOUT_S, trust_env=False, follow_redirects=False)
        self._fetches: set[asyncio.Task[None]] = set()
        self._fetch_room = asyncio.Semaphore(FILES_AT_ONCE)
        self.clockwork = Clockwork(self.advance, self.webhooks.send_due)
        # A fetch that a stop interrupted left its job without a next moment.
        store.run("UPDATE jobs SET next_at = ? WHERE next_at IS NULL AND status = 'received'", now_ms())
        self.photos = Photos(store)
        self.shelf = Shelf(store, self._tell_offers)
        for shop in shops:
            self.shelf.fill(shop.name, shop.offers)

    def _address_of(self, channel: str) -> str | None:
        shop = self._shops.get(channel)
        if shop is None or not self.behaviour(channel).delivery.enabled:
            return None
        return shop.webhook_url

    def _sign(self, channel: str, event_id: str, body: bytes, at: int) -> dict[str, str]:
        seconds = at // 1000
        moment = _utc(seconds)
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": self._signers[channel].sign(event_id, moment, body.decode()),
        }

    def behaviour(self, shop: str) -> Behaviour:
        """How the shop behaves now."""
        return self._behaviours.get(shop) or Behaviour()

    def behave(self, shop: str, behaviour: Behaviour) -> None:
        """Behave so from now on, after a restart too."""
        self._behaviours[shop] = behaviour
        self._store.run(
            "INSERT INTO behaviours VALUES (?, ?) ON CONFLICT (shop) DO UPDATE SET behaviour = excluded.behaviour",
            shop, msgspec.json.encode(behaviour),
        )  # fmt: skip

    def use_up(self, shop: str, counter: str, wanted: int = 1) -> int:
        """Take up to `wanted` from a counter of the behaviour; return how many there were."""
        behaviour = self.behaviour(shop)
        taken = min(int(getattr(behaviour, counter)), wanted)
        if taken:
            left = {counter: getattr(behaviour, counter) - taken}
            self.behave(shop, msgspec.structs.replace(behaviour, **left))
        return taken

    # Jobs

    def job(self, shop: str, external_id: str) -> wire.Job | None:
        """The job as the API shows it."""
        row = self._store.row("SELECT * FROM jobs WHERE shop = ? AND external_id = ?", shop, external_id)
        if row is None:
            return None
        request = from_json(row["request"], wire.JobRequest)
        return wire.Job(
            external_id=external_id,
            job_number=row["job_number"],
            status=row["status"],
            sequence=row["sequence"],
            quantity=request.quantity,
            units=request.units,
            accepted_at=row["accepted_at"],
            updated_at=row["updated_at"],
            cost_minor=row["cost_minor"],
            currency="USD",
            quality=None if row["quality"] is None else from_json(row["quality"], wire.QualityWire),
            reason=row["reason"],
        )

    def fingerprint(self, shop: str, external_id: str) -> str | None:
        """The content under which the external id was accepted, or None."""
        row = self._store.row("SELECT fingerprint FROM jobs WHERE shop = ? AND external_id = ?", shop, external_id)
        return None if row is None else str(row["fingerprint"])

    def resubmitted(self, shop: str, request: wire.JobRequest) -> None:
        """The same job came again: count it, and take the newer link to its file."""
        self._store.run(
            "UPDATE jobs SET submissions = submissions + 1, request = ? WHERE shop = ? AND external_id = ?",
            msgspec.json.encode(request), shop, request.external_id,
        )  # fmt: skip

    def accept(self, shop: str, request: wire.JobRequest) -> None:
        """Store the job, take its blanks from stock, and tell the customer that it is queued."""
        offer = self.offer(shop, request.variant)
        if offer is None:
            raise ValueError(f"{shop} does not print on {request.variant}")
        now = now_ms()
        number = hashlib.sha256(f"{shop}/{request.external_id}".encode()).hexdigest()[:10].upper()
        with self._store.transaction():
            self._store.run(
                "INSERT INTO jobs (shop, external_id, job_number, request, fingerprint, status, sequence,"
                " accepted_at, updated_at, cost_minor, submissions) VALUES (?, ?, ?, ?, ?, '', 0, ?, ?, ?, 1)",
                shop, request.external_id, f"J-{number}", msgspec.json.encode(request), request.fingerprint(),
                now, now, offer.unit_cost_minor * request.quantity,
            )  # fmt: skip
            self.shelf.take(shop, request.variant, request.quantity)
            self.enter(shop, request.external_id, "received")

    def offer(self, shop: str, variant: str) -> Offer | None:
        """The shop's offer of a blank, or None."""
        return next((o for o in self._shops[shop].offers if o.variant == variant), None)

    def _tell_offers(self, shop: str, event_id: str, body: bytes) -> None:
        self.webhooks.put(shop, event_id, body, self.behaviour(shop).delivery)
        self.clockwork.poke()

    def load_units(self, shop: str) -> int:
        """Units accepted and not yet printed."""
        waiting = self._store.rows(
            "SELECT request FROM jobs WHERE shop = ? AND status IN ('received', 'printing', 'on_hold')", shop
        )
        return sum(from_json(r["request"], wire.JobRequest).quantity for r in waiting)

    def mark_cancelled(self, shop: str, external_id: str) -> None:
        """Remember that an unknown job was cancelled, so that it is refused if it still comes."""
        self._store.run("INSERT INTO cancel_marks VALUES (?, ?) ON CONFLICT DO NOTHING", shop, external_id)

    def is_marked_cancelled(self, shop: str, external_id: str) -> bool:
        """Whether a cancel overtook the submission."""
        return (
            self._store.row("SELECT 1 FROM cancel_marks WHERE shop = ? AND external_id = ?", shop, external_id)
            is not None
        )

    def enter(
        self,
        shop: str,
        external_id: str,
        status: str,
        *,
        reason: str | None = None,
        quality: wire.QualityWire | None = None,
    ) -> None:
        """Move the job to a status, say so by webhook, and set when it goes on."""
        job = self.job(shop, external_id)
        if job is None:
            raise KeyError(external_id)
        behaviour = self.behaviour(shop)
        now, sequence = now_ms(), job.sequence + 1
        quality = quality or job.quality
        wait_ms = behaviour.stage_ms.get(status, 200)
        ends = status in ("handed_over", wire.FAILED, wire.CANCELLED)
        bad = {d.unit for d in quality.defects} if quality else set()
        good = tuple(u for u in job.units if u not in bad)
        event_id = f"evt_{hashlib.sha256(f'{shop}/{external_id}/{sequence}'.encode()).hexdigest()[:24]}"
        status_data = wire.JobStatus(
            event_id=event_id,
            external_id=external_id,
            job_number=job.job_number,
            status=status,
            sequence=sequence,
            at=now,
            units=good if status == "handed_over" else job.units,
            quality=quality if status == "ready_for_shipment" else None,
            reason=reason,
        )
        event = wire.Event(
            type="job.status",
            timestamp=_utc(now / 1000).isoformat(),
            data=msgspec.Raw(msgspec.json.encode(status_data)),
        )
        with self._store.transaction():
            self._store.run(
                "UPDATE jobs SET status = ?, sequence = ?, updated_at = ?, next_at = ?, reason = ?, quality = ?,"
                " prints = prints + ? WHERE shop = ? AND external_id = ?",
                status, sequence, now, None if ends else now + wait_ms, reason,
                None if quality is None else msgspec.json.encode(quality),
                int(status == "printing" and job.status == "received"), shop, external_id,
            )  # fmt: skip
            self.webhooks.put(shop, event_id, msgspec.json.encode(event), behaviour.delivery)
        self.clockwork.poke()

    # Time

    async def advance(self) -> int | None:
        """Move every job that is due by one stage; return when the next is due."""
        due = self._store.rows(
            "SELECT shop, external_id FROM jobs WHERE next_at <= ? ORDER BY next_at LIMIT 64", now_ms()
        )
        for row in due:
            self._step(row["shop"], row["external_id"])
        following = self._store.row("SELECT min(next_at) AS at FROM jobs WHERE next_at IS NOT NULL")
        return None if following is None or following["at"] is None else int(following["at"])

    def _step(self, shop: str, external_id: str) -> None:
        job = self.job(shop, external_id)
        behaviour = self.behaviour(shop)
        if job is None:
            raise KeyError(external_id)
        if behaviour.stuck_at == job.status:
            self._wait(shop, external_id, STUCK_LOOK_MS)
        elif job.status == "received":
            self._wait(shop, external_id, None)
            fetch = asyncio.create_task(self._start_printing(shop, external_id))
            self._fetches.add(fetch)
            fetch.add_done_callback(self._fetches.discard)
        elif job.status == "printing" and self.use_up(shop, "jam_next"):
            self.enter(shop, external_id, wire.FAILED, reason="press_jam")
        elif job.status == "printing" and self.use_up(shop, "hold_next"):
            self.enter(shop, external_id, wire.ON_HOLD, reason="ink_low")
        elif job.status == wire.ON_HOLD:
            self.enter(shop, external_id, "printing")
        elif job.status == "printing" and self.use_up(shop, "unknown_word_next"):
            self.enter(shop, external_id, "drying")
        elif job.status in ("printing", "drying"):
            self.enter(shop, external_id, "finishing")
        elif job.status == "finishing":
            self.enter(shop, external_id, "quality_check")
        elif job.status == "quality_check":
            self.enter(shop, external_id, "ready_for_shipment", quality=self._inspect(shop, job))
        elif job.quality is not None and {d.unit for d in job.quality.defects} >= set(job.units):
            self._wait(shop, external_id, None)
        else:
            self.enter(shop, external_id, "handed_over")

    def _wait(self, shop: str, external_id: str, wait_ms: int | None) -> None:
        self._store.run(
            "UPDATE jobs SET next_at = ? WHERE shop = ? AND external_id = ?",
            None if wait_ms is None else now_ms() + wait_ms, shop, external_id,
        )  # fmt: skip

    async def _start_printing(self, shop: str, external_id: str) -> None:
        row = self._store.row("SELECT request FROM jobs WHERE shop = ? AND external_id = ?", shop, external_id)
        if row is None:
            raise KeyError(external_id)
        request = from_json(row["request"], wire.JobRequest)
        async with self._fetch_room:
            problem = await self._first_problem(shop, request)
        current = self.job(shop, external_id)
        if current is None or current.status != "received":
            return  # Cancelled while the file was on its way.
        if problem is None:
            self.enter(shop, external_id, "printing")
        else:
            self.enter(shop, external_id, wire.FAILED, reason=problem)

    async def _first_problem(self, shop: str, request: wire.JobRequest) -> str | None:
        """What is wrong with the first file that cannot be printed, or None; what can be is photographed on the way."""
        contents = []
        for file in request.files:
            content = await fetch_file(self._http, file.url)
            problem = content if isinstance(content, str) else await judge_file(content, file.sha256)
            if problem is not None or isinstance(content, str):
                return problem
            contents.append(content)
        behaviour, offer = self.behaviour(shop), self.offer(shop, request.variant)
        if behaviour.photographs and contents and offer is not None:
            spoiled = self.use_up(shop, "spoil_unseen_next_units", len(request.units))
            spoil = unseen_by_the_press(shop, request, behaviour, spoiled)
            await self.photos.take(shop, request, tuple(contents), offer.customer_variant, spoil)
        return None if contents else "file_unreachable"

    def _inspect(self, shop: str, job: wire.Job) -> wire.QualityWire:
        """Measure the job; figures are drawn from its id, so that a repetition measures the same."""
        draw = random.Random(f"{shop}/{job.external_id}")  # noqa: S311 - simulated measurements
        spoiled = self.use_up(shop, "misprint_next_units", len(job.units))
        return wire.QualityWire(
            passed=spoiled == 0,
            measured=(
                wire.MeasurementWire(name="registration_um", value=float(draw.randint(20, 180)), limit=250.0),
                wire.MeasurementWire(
                    name="colour_difference_de2000", value=round(draw.uniform(0.3, 1.8), 2), limit=3.0
                ),
            ),
            defects=tuple(
                wire.DefectWire(unit=unit, code="misregistered", detail="print is 3 mm off centre")
                for unit in job.units[:spoiled]
            ),
            photos=self.photos.of_job(shop, job.external_id),
        )

    # For tests and for people

    def listing(self, shop: str | None) -> list[dict[str, object]]:
        """Every job with how often it was submitted and printed."""
        rows = self._store.rows("SELECT * FROM jobs ORDER BY accepted_at, external_id LIMIT 100000")
        return [
            {
                "shop": row["shop"],
                "external_id": row["external_id"],
                "status": row["status"],
                "sequence": row["sequence"],
                "submissions": row["submissions"],
                "prints": row["prints"],
                "quantity": from_json(row["request"], wire.JobRequest).quantity,
                "reason": row["reason"],
            }
            for row in rows
            if shop is None or row["shop"] == shop
        ]

    async def aclose(self) -> None:
        """Stop; jobs and webhooks go on after the next start."""
        for fetch in self._fetches:
            fetch.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)
        await self.webhooks.aclose()
        await self._http.aclose()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
