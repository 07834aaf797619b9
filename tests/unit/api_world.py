"""The API with everything around it in memory, for the tests of its routes: one order of each of two tenants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.app import create_app
from api.dependencies import RATE_LIMITS_PER_MINUTE, ApiDependencies
from events.identity import order_id as order_id_of
from events.order.state import Order
from processors.inbound.assemble import OrderAssembler
from processors.links import LinkSigner
from processors.ports import (
    ApiKey,
    KnownRequest,
    ObjectMissing,
    StoreConnection,
    StoredObject,
)
from processors.webhooks import WebhookNotGenuine
from projections.claim_rows import ClaimsPage, ClaimView
from projections.inspection_verdicts import DefectAgreement, InspectionsPage, InspectionView
from projections.lineage import LineLineage, lineage_of
from projections.rows import (
    AreaView,
    AsOf,
    CatalogueException,
    CatalogueExceptionsPage,
    CommandOutcome,
    LineView,
    LinkView,
    MappedSku,
    OrderPage,
    OrderView,
    Timeline,
    TimelineEntry,
)
from tests.unit.inbound.doubles import MemoryLog, MemorySkuMap, MemoryVault, SentCommands, Stores

ALL = frozenset({"orders:read", "orders:write", "orders:cancel", "orders:approve", "orders:claims", "orders:personal"})
NOW = 1_700_000_000_000
AS_OF = AsOf(read_model="orders", version=1, recorded_at=5, complete_until=6, partitions=())
OWN = order_id_of("demo", "demo-rest", "A-1")
FOREIGN = order_id_of("other", "other-rest", "A-1")


class Keys:
    def authenticate(self, presented: str) -> ApiKey | None:
        tenant, _, scopes = presented.partition("/")
        if tenant not in ("demo", "other"):
            return None
        return ApiKey(
            prefix=f"{tenant}-key", tenant=tenant, name="", scopes=frozenset(scopes.split()) if scopes else ALL
        )


class Objects:
    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.metadata: dict[str, Mapping[str, str]] = {}

    def put(self, key: str, content: bytes, media_type: str, metadata: Mapping[str, str]) -> StoredObject:
        self.stored.setdefault(key, content)
        self.metadata.setdefault(key, metadata)
        return self.head(key)

    def head(self, key: str) -> StoredObject:
        if key not in self.stored:
            raise ObjectMissing
        return StoredObject(
            key=key,
            size_bytes=len(self.stored[key]),
            media_type="x/y",
            version_id="v1",
            metadata=self.metadata.get(key, {}),
        )

    def get(self, key: str) -> bytes:
        self.head(key)
        return self.stored[key]

    def stream(self, key: str) -> tuple[StoredObject, Iterator[bytes]]:
        content = self.get(key)
        return self.head(key), (content[i : i + 10_000] for i in range(0, len(content), 10_000))


class Idempotency:
    def __init__(self) -> None:
        self.known: dict[tuple[str, str], KnownRequest] = {}

    def begin(self, tenant: str, key: str, request_digest: str) -> KnownRequest | None:
        fresh = KnownRequest(request_digest=request_digest, status_code=None, response=None)
        found = self.known.setdefault((tenant, key), fresh)
        return None if found is fresh else found

    def finish(self, tenant: str, key: str, status_code: int, response: dict[str, Any]) -> None:
        digest = self.known[tenant, key].request_digest
        self.known[tenant, key] = KnownRequest(request_digest=digest, status_code=status_code, response=response)

    def forget(self, tenant: str, key: str) -> None:
        self.known.pop((tenant, key), None)


class Reads:
    """Read models with one order of each of two tenants."""

    def __init__(self) -> None:
        self.orders = {("demo", OWN): order_view("demo", OWN), ("other", FOREIGN): order_view("other", FOREIGN)}
        self.states: dict[tuple[str, str], Order] = {}
        self.outcomes: dict[str, CommandOutcome] = {}
        self.waited: list[float] = []
        self.asked: list[dict[str, Any]] = []
        self.claims_known: tuple[ClaimView, ...] = ()
        self.inspections_known: tuple[InspectionView, ...] = ()

    async def claims(self, tenant: str, **filters: Any) -> ClaimsPage:
        return ClaimsPage(claims=self.claims_known, more=False, as_of=AS_OF)

    async def list_orders(self, tenant: str, **filters: Any) -> OrderPage:
        if filters["cursor"] == "nonsense":
            raise ValueError("cursor")
        self.asked.append(filters)
        found = tuple(order for (owner, _), order in self.orders.items() if owner == tenant)
        return OrderPage(orders=found, next_cursor="next", as_of=AS_OF)

    async def catalogue_exceptions(self, tenant: str, **filters: Any) -> CatalogueExceptionsPage:
        self.asked.append({"tenant": tenant} | filters)
        found = CatalogueException(
            kind="no_partner",
            partner_id="",
            variant_id="mug-11oz-white",
            detail="No partner offers it.",
            raised_at=7,
            resolved_at=0,
            skus=(MappedSku(store="demo-rest", sku="MUG-1"),),
        )
        return CatalogueExceptionsPage(exceptions=(found,), more=False, as_of=AS_OF)

    async def inspection_agreement(self, tenant: str, from_ms: int) -> tuple[DefectAgreement, ...]:
        self.asked.append({"tenant": tenant, "from_ms": from_ms})
        return (DefectAgreement(code="", hits=3, false_alarms=1, misses=2, agreed_good=94),)

    async def inspections(self, tenant: str, order_id: str) -> InspectionsPage:
        self.asked.append({"tenant": tenant, "order_id": order_id})
        return InspectionsPage(inspections=self.inspections_known, more=False, as_of=AS_OF)

    async def order(self, tenant: str, order_id: str) -> OrderView | None:
        return self.orders.get((tenant, order_id))

    async def state(self, tenant: str, order_id: str) -> Order | None:
        return self.states.get((tenant, order_id))

    async def lineage(self, tenant: str, order_id: str) -> tuple[LineLineage, ...] | None:
        order = self.states.get((tenant, order_id))
        return None if order is None else lineage_of(order)

    async def timeline(self, tenant: str, order_id: str, *, after_seq: int, limit: int) -> Timeline:
        own = f"{tenant}/{order_id}/1/front/v1/proof.webp"
        keys = (own, f"{tenant}/designs/abc", "stranger/x/1/front/v1/proof.webp")
        links = tuple(LinkView(label="proof", key=key, version_id="v1", media_type="image/webp") for key in keys)
        entry = TimelineEntry(
            seq=1,
            recorded_at=1,
            actor="store:demo-rest",
            fact_type="LineRendered",
            title="Rendered",
            detail="",
            links=links,
            causation_id="c",
        )
        entries = (entry,) if (tenant, order_id) in self.orders else ()
        return Timeline(entries=entries, next_seq=None, as_of=AS_OF)

    async def outcome(self, tenant: str, command_id: str) -> CommandOutcome | None:
        return self.outcomes.get(command_id)

    async def wait_for_outcome(self, tenant: str, command_id: str, seconds: float) -> CommandOutcome | None:
        self.waited.append(seconds)
        return self.outcomes.get("any")


def order_view(tenant: str, order_id: str) -> OrderView:
    line = LineView(
        line_id="1",
        sku="MUG-W",
        title="Mug",
        quantity=2,
        unit_price_minor=900,
        status="awaiting_approval",
        version=1,
        areas=(
            AreaView(
                area="front",
                proof_key=f"{tenant}/{order_id}/1/front/v1/proof.webp",
                print_key=f"{tenant}/{order_id}/1/front/v1/print.png",
            ),
        ),
    )
    return OrderView(
        tenant=tenant,
        order_id=order_id,
        store=f"{tenant}-rest",
        external_id="A-1",
        order_number="A-1",
        status="awaiting_approval",
        currency="EUR",
        total_minor=1800,
        lines=(line,),
        parcels=(),
        holds=(),
        exceptions=(),
        placed_at=1,
        updated_at=2,
        seq=3,
    )


def outcome(word: str, reason: str = "", detail: str = "") -> CommandOutcome:
    return CommandOutcome(
        tenant="demo",
        command_id="c",
        stream="orders",
        key=OWN,
        outcome=word,
        command="ObserveStoreOrder",
        reason=reason,
        detail=detail,
        first_seq=1,
        last_seq=1,
        decided_at=1,
    )


class Adapter:
    """A partner or carrier that believes one signature."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        if headers.get("signature") != "genuine":
            raise WebhookNotGenuine


@dataclass
class World:
    """The API with everything around it in memory."""

    vault: MemoryVault = field(default_factory=MemoryVault)
    log: Any = field(default_factory=MemoryLog)
    commands: Any = field(default_factory=SentCommands)
    objects: Objects = field(default_factory=Objects)
    reads: Reads = field(default_factory=Reads)
    missing: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=lambda: dict(RATE_LIMITS_PER_MINUTE))
    now: int = NOW
    partners: dict[str, Any] = field(default_factory=lambda: {"press-east": Adapter()})
    responses: list[httpx.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        def store(name: str, tenant: str, platform: str) -> StoreConnection:
            return StoreConnection(store=name, tenant=tenant, platform=platform, secret=b"hush", options={})

        async def not_ready() -> dict[str, str]:
            return self.missing

        self.links = LinkSigner(bytes(32), "http://test", lambda: self.now)
        carrier: Any = Adapter()
        self.app = create_app(
            ApiDependencies(
                api_keys=Keys(),
                stores=Stores(
                    store("demo-shopify", "demo", "shopify"),
                    store("demo-rest", "demo", "rest"),
                    store("other-rest", "other", "rest"),
                ),
                vault=self.vault,
                objects=self.objects,
                log=self.log,
                commands=self.commands,
                assembler=OrderAssembler(self.vault, MemorySkuMap("MUG-W")),
                orders=self.reads,
                idempotency=Idempotency(),
                links=self.links,
                partners=self.partners,
                carriers={"easypost": carrier},
                now_ms=lambda: self.now,
                not_ready=not_ready,
                body_bytes_max=20_000,
                rate_limits_per_minute=self.limits,
            )
        )

    def call(
        self, method: str, path: str, *, key: str | None = "demo", headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                given = dict(headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {})
                return await client.request(method, path, headers=given, **more)

        return asyncio.run(send())

    def post_order(self, *, headers: Mapping[str, str] | None = None, **changes: Any) -> httpx.Response:
        return self.call("POST", "/v1/orders", json=order_body(**changes), headers=headers)


def order_body(**changes: Any) -> dict[str, Any]:
    """A small order; made up."""
    order: dict[str, Any] = {
        "store": "demo-rest",
        "external_id": "A-1",
        "currency": "EUR",
        "recipient": {"name": "Ann Example", "address1": "1 Demo Street", "city": "Berlin", "country": "de"},
        "lines": [{"line_id": "1", "sku": "MUG-W", "quantity": 2, "unit_price_minor": 900, "text": "For Ann"}],
    }
    return order | changes


def problem(response: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """The answer is this problem document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["reason"] == reason
    assert document["status"] == status
    assert document["type"] == f"urn:printledger:problem:{reason}"
    assert len(document["detail"]) > 20
    return document
