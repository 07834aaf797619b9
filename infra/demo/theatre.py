"""Where the scenes play: the stores' side of the roads, the presses' control desks, and what the API shows."""

import asyncio
import contextlib
import contextvars
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from events.documents import StoreOrderPublished
from infra.demo.catalogue import EAST, WEST
from infra.demo.publishing import Published, StoreFront
from processors.ports import NamedError, StoreConnection

POLL_SECONDS = 0.2
_SCENE: contextvars.ContextVar[str] = contextvars.ContextVar("scene", default="")
"""The scene that is playing in this task: two scenes play side by side, and each order belongs to one."""

KEPT = frozenset({"proof", "mockup"})
"""Which files of a line the audience gets to keep; the print file is the press's."""

ENDED = frozenset({"delivered", "cancelled", "returned"})


class OrderNotAsExpected(NamedError):
    """An order of the demonstration did not come to where it should in time."""


class SceneFailed(NamedError):
    """A scene of the demonstration did not end as it should."""


class Ticket(msgspec.Struct, kw_only=True):
    """One demo order as the audience sees it; `statuses` has each status with the second it was first seen."""

    order_id: str
    order_number: str
    road: str
    scene: str
    sent_at: float
    statuses: list[tuple[str, float]] = []
    parcels: list[str] = []
    claims: list[str] = []
    pictures: list[str] = []

    @property
    def status(self) -> str:
        """The newest status."""
        return self.statuses[-1][0] if self.statuses else "sent"


class SceneResult(msgspec.Struct, frozen=True):
    """How a scene ended; `problem` is empty where it ended as it should."""

    title: str
    seconds: float
    problem: str


class Theatre:
    """The demonstration's hands and eyes. `map_sku` is the same function that the command uses."""

    def __init__(
        self,
        *,
        client: httpx.AsyncClient,
        front: StoreFront,
        stores: Mapping[str, StoreConnection],
        base_url: str,
        api_key: str,
        press_url: str,
        supplier_url: str,
        refunds_url: str,
        pictures_url: str,
        map_sku: Callable[[str, str, str], Awaitable[None]],
        first_number: int,
    ) -> None:
        self._client = client
        self._front = front
        self._stores = stores
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._press_url = press_url.rstrip("/")
        self._supplier_url = supplier_url.rstrip("/")
        self._refunds_url = refunds_url.rstrip("/")
        self._pictures_url = pictures_url.rstrip("/")
        self._map_sku = map_sku
        self._changed: Callable[[], None] = lambda: None
        self._number = first_number
        self.tickets: list[Ticket] = []
        self.results: list[SceneResult] = []

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this whenever an order or a scene has changed."""
        self._changed = call

    def now_ms(self) -> int:
        """The demonstration's clock, epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def next_number(self) -> int:
        """A number that no demo order has had."""
        self._number += 1
        return self._number

    def picture(self, name: str) -> str:
        """Address of a demo picture."""
        return f"{self._pictures_url}/{name}"

    async def scene(self, title: str, play: Callable[["Theatre"], Awaitable[None]]) -> None:
        """Play one scene and note how it ended; an error of one scene does not stop the others."""
        started = time.monotonic()
        problem = ""
        token = _SCENE.set(title)
        try:
            await play(self)
        except (NamedError, httpx.HTTPError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
        finally:
            _SCENE.reset(token)
        self.results.append(SceneResult(title, time.monotonic() - started, problem))
        self._changed()

    async def send_shopify(self, order: Mapping[str, Any]) -> Ticket:
        """Send a Shopify webhook."""
        return self._ticket(await self._publish("demo-shopify", order, "webhook"), str(order["name"]))

    async def send_rest(self, order: Mapping[str, Any]) -> Ticket:
        """Post an order to the API."""
        return self._ticket(await self._publish("demo-rest", order, "rest"), str(order["order_number"]))

    async def send_kafka(self, order: StoreOrderPublished) -> Ticket:
        """Put an order onto the store's own topic."""
        body: dict[str, Any] = msgspec.to_builtins(order)
        return self._ticket(await self._publish("demo-kafka", body, "kafka"), order.order_number)

    async def _publish(self, store: str, order: Mapping[str, Any], via: str) -> Published:
        published = await self._front.publish(self._stores[store], order, via)
        if published.outcome == "refused":
            raise OrderNotAsExpected(f"{store} {published.external_id} was refused: {published.detail}")
        return published

    def _ticket(self, published: Published, order_number: str) -> Ticket:
        ticket = Ticket(
            order_id=published.order_id,
            order_number=order_number,
            road=published.via,
            scene=_SCENE.get(),
            sent_at=time.monotonic(),
        )
        self.tickets.append(ticket)
        self._changed()
        return ticket

    async def map_sku(self, store: str, sku: str, variant_id: str) -> None:
        """Map a store's SKU, as `printledger sku map` does."""
        await self._map_sku(store, sku, variant_id)

    async def cancel(self, ticket: Ticket, reason: str) -> None:
        """Ask for the order to be cancelled."""
        await self.tell(ticket, "cancel", {"reason": reason}, once=f"demo-cancel-{ticket.order_id}")

    async def tell(self, ticket: Ticket, path: str, body: Mapping[str, Any], *, once: str) -> None:
        """Post something about an order, wait for the ledger's answer, and raise OrderNotAsExpected for a refusal.

        `once` is the Idempotency-Key: the same one is the same command however often it is sent.
        """
        answer = await self._client.post(
            f"{self._base_url}/v1/orders/{ticket.order_id}/{path}",
            json=dict(body),
            headers={**self._headers, "Idempotency-Key": once, "Prefer": "wait=10"},
        )
        answer.raise_for_status()
        told = answer.json()
        if told.get("outcome") == "refused":
            raise OrderNotAsExpected(f"{ticket.order_number}: {path} was refused: {told.get('detail')}")

    async def put_picture(self, ticket: Ticket, content: bytes) -> str:
        """Send a picture for a claim; returns the name by which the claim refers to it."""
        address = f"{self._base_url}/v1/orders/{ticket.order_id}/claims/pictures"
        answer = await self._client.put(address, content=content, headers=self._headers)
        return str(answer.raise_for_status().json()["picture"])

    async def claims(self, ticket: Ticket) -> list[dict[str, Any]]:
        """The order's returns and complaints, the oldest first, noted for the audience too."""
        answer = await self._client.get(f"{self._base_url}/v1/orders/{ticket.order_id}/claims", headers=self._headers)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["claims"]
        ticket.claims = [_claim_line(claim) for claim in found]
        return found

    async def until_claim(self, ticket: Ticket, number: int, stage: str, seconds_max: float) -> dict[str, Any]:
        """Wait until the order's claim of this number (from 1) is in this stage, and return it."""
        async with self._in_time(ticket, f"claim {number} {stage}", seconds_max):
            while True:
                found = await self.claims(ticket)
                if len(found) >= number and found[number - 1]["stage"] == stage:
                    self._changed()
                    return found[number - 1]
                await asyncio.sleep(POLL_SECONDS)

    async def refunds(self, ticket: Ticket) -> list[dict[str, Any]]:
        """What the payment system gave back of this order, from its own book."""
        answer = await self._client.get(f"{self._refunds_url}/control/jobs")
        made: list[dict[str, Any]] = answer.raise_for_status().json()
        external_id = (await self.order(ticket))["external_id"]
        return [one for one in made if one["external_id"] == external_id]

    @contextlib.asynccontextmanager
    async def press_behaving(self, *shops: str, **behaviour: Any) -> AsyncIterator[None]:
        """Let presses (all, unless some are named) behave otherwise for a while."""
        names = shops or (EAST, WEST)
        before = {name: await self._behaviour(name) for name in names}
        for name in names:
            await self._behave(name, behaviour)
        try:
            yield
        finally:
            for name in names:
                await self._behave(name, {field: before[name][field] for field in behaviour})

    @contextlib.asynccontextmanager
    async def house_behaving(self, **behaviour: Any) -> AsyncIterator[None]:
        """Let the operator at the house press behave otherwise for a while."""
        async with self._behaving(f"{self._press_url}/control/house", behaviour):
            yield

    @contextlib.asynccontextmanager
    async def supplier_behaving(self, **behaviour: Any) -> AsyncIterator[None]:
        """Let the supplier of ready-made goods behave otherwise for a while."""
        async with self._behaving(f"{self._supplier_url}/control/factory", behaviour):
            yield

    @contextlib.asynccontextmanager
    async def _behaving(self, address: str, behaviour: Mapping[str, Any]) -> AsyncIterator[None]:
        before = (await self._client.get(address)).raise_for_status().json()
        (await self._client.patch(address, json=dict(behaviour))).raise_for_status()
        try:
            yield
        finally:
            after = {field: before[field] for field in behaviour}
            (await self._client.patch(address, json=after)).raise_for_status()

    async def house_sheets(self) -> list[dict[str, Any]]:
        """What the operator at the house press has printed, sheet by sheet."""
        answer = await self._client.get(f"{self._press_url}/control/house/sheets")
        sheets: list[dict[str, Any]] = answer.raise_for_status().json()
        return sheets

    async def _behaviour(self, shop: str) -> dict[str, Any]:
        answer = await self._client.get(f"{self._press_url}/control/shops/{shop}")
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    async def _behave(self, shop: str, behaviour: Mapping[str, Any]) -> None:
        answer = await self._client.patch(f"{self._press_url}/control/shops/{shop}", json=dict(behaviour))
        answer.raise_for_status()

    async def until(self, ticket: Ticket, status: str, seconds_max: float) -> None:
        """Wait until the order has this status; an end that is another one is an error at once."""
        async with self._in_time(ticket, f"status {status}", seconds_max):
            while await self.look(ticket) != status:
                if ticket.status in ENDED:
                    raise OrderNotAsExpected(f"{ticket.order_number} ended as {ticket.status}, not as {status}")
                await asyncio.sleep(POLL_SECONDS)

    async def until_fact(self, ticket: Ticket, fact_type: str, seconds_max: float) -> None:
        """Wait until the order's timeline tells of this fact."""
        async with self._in_time(ticket, fact_type, seconds_max):
            while fact_type not in await self.fact_types(ticket):
                await self.look(ticket)
                await asyncio.sleep(POLL_SECONDS)

    @contextlib.asynccontextmanager
    async def _in_time(self, ticket: Ticket, what: str, seconds_max: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds_max):
                yield
        except TimeoutError:
            waited = f"{ticket.order_number} did not come to {what} within {seconds_max:.0f} s (it is {ticket.status})"
            raise OrderNotAsExpected(waited) from None

    async def look(self, ticket: Ticket) -> str:
        """Read the order once, note its status and files, and return its status."""
        order = await self.order(ticket)
        if not order:
            return "sent"
        if order["status"] != ticket.status:
            ticket.statuses.append((order["status"], time.monotonic() - ticket.sent_at))
            self._changed()
        ticket.parcels = [f"{parcel['tracking_number']} ({parcel['status']})" for parcel in order["parcels"]]
        return str(order["status"])

    async def order(self, ticket: Ticket) -> dict[str, Any]:
        """The order as the API shows it; empty while it is not known."""
        answer = await self._client.get(f"{self._base_url}/v1/orders/{ticket.order_id}", headers=self._headers)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        shown: dict[str, Any] = answer.raise_for_status().json()
        return shown

    async def fact_types(self, ticket: Ticket) -> list[str]:
        """Names of everything that happened to the order."""
        return [entry["fact_type"] for entry in await self.timeline(ticket)]

    async def timeline(self, ticket: Ticket) -> list[dict[str, Any]]:
        """The order's timeline; empty while the order is not known."""
        answer = await self._client.get(f"{self._base_url}/v1/orders/{ticket.order_id}/timeline", headers=self._headers)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    async def keep_pictures(self, folder: Path) -> None:
        """Fetch each order's newest proofs and mock-ups through their signed links, and keep them as files."""
        for ticket in self.tickets:
            newest = {
                (entry["title"].partition(":")[0], link["label"]): link
                for entry in await self.timeline(ticket)
                if entry["fact_type"] == "LineRendered"
                for link in entry["links"]
                if link["label"].partition(" (")[0] in KEPT
            }
            for (line, label), link in newest.items():
                answer = await self._client.get(link["url"])
                answer.raise_for_status()
                words = f"{line} {label}".lower().replace("(", "").replace(")", "").split()
                name = f"{'-'.join(words)}.{link['media_type'].rpartition('/')[2]}"
                file = folder / ticket.order_number.strip("#") / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(answer.content)
                ticket.pictures.append(str(file))

    async def parcel_count(self, ticket: Ticket) -> int:
        """How many parcels the order has."""
        await self.look(ticket)
        return len(ticket.parcels)


def _claim_line(claim: Mapping[str, Any]) -> str:
    paid = f" {claim['amount_minor'] / 100:.2f} {claim['currency']}" if claim["amount_minor"] else ""
    reference = f" ({claim['reference']})" if claim["reference"] else ""
    return f"{claim['claim_id']}: {claim['reason'].replace('_', ' ')}, {claim['stage']}{paid}{reference}"
