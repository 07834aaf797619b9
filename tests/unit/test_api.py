"""The API over collaborators in memory: who may do what, what is refused and how, what is sent and stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.dependencies import RATE_LIMITS_PER_MINUTE, ApiDependencies
from events.identity import order_id as order_id_of
from events.order.commands import ApproveProof, CancelOrder, ObserveStoreOrder, RequestProofChanges
from events.order.state import Order
from processors import personal
from processors.inbound import shopify
from processors.inbound.assemble import OrderAssembler
from processors.inbound.raw import unpack
from processors.links import LinkSigner
from processors.ports import (
    ApiKey,
    BrokerUnreachable,
    ConsumedRecord,
    KnownRequest,
    ObjectMissing,
    StoreConnection,
    StoredObject,
)
from processors.webhooks import WebhookNotGenuine
from projections.claim_rows import ClaimsPage, ClaimView
from projections.inspection_verdicts import DefectAgreement
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


class UnreachableLog:
    async def append(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        raise BrokerUnreachable


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
    responses: list[httpx.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        def store(name: str, tenant: str, platform: str) -> StoreConnection:
            return StoreConnection(store=name, tenant=tenant, platform=platform, secret=b"hush", options={})

        async def not_ready() -> dict[str, str]:
            return self.missing

        self.links = LinkSigner(bytes(32), "http://test", lambda: self.now)
        adapter: Any = Adapter()
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
                partners={"press-east": adapter},
                carriers={"easypost": adapter},
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


def test_an_order_is_sent_as_a_command_with_its_buyer_sealed() -> None:
    world = World()
    response = world.post_order()
    assert response.status_code == 202
    answer = response.json()
    assert answer["order_id"] == OWN
    assert answer["outcome"] == "pending"
    assert answer["order_url"] == f"/v1/orders/{OWN}"
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ObserveStoreOrder)
    assert (envelope.key, envelope.tenant, envelope.actor) == (OWN, "demo", "api-key:demo-key")
    assert envelope.command_id == answer["command_id"]
    assert command.order.total_minor == 1800
    assert command.store_updated_at == NOW
    recipient = personal.open_recipient(world.vault, "demo", OWN, command.order.recipient)
    assert (recipient.name, recipient.country) == ("Ann Example", "DE")


def test_further_print_areas_are_named_and_sealed_each_under_its_own_field() -> None:
    world = World()
    line = order_body()["lines"][0]
    response = world.post_order(
        lines=[line | {"areas": {"back": {"text": "Team", "artwork_url": "https://x.example/b"}}}]
    )
    assert response.status_code == 202
    ((command, _),) = world.commands.sent
    first, back = command.order.lines[0].contents
    assert (first.area, back.area) == ("", "back")
    assert personal.open_text(world.vault, "demo", OWN, "text:1", first.text) == "For Ann"
    assert personal.open_text(world.vault, "demo", OWN, "text:1/back", back.text) == "Team"
    assert personal.open_text(world.vault, "demo", OWN, "artwork_url:1/back", back.artwork_url) == "https://x.example/b"


def test_more_print_areas_than_can_be_made_and_names_of_none_are_refused() -> None:
    world = World()
    line = order_body()["lines"][0]
    for areas in ({f"a{number}": {"text": "x"} for number in range(8)}, {"Back Side": {"text": "x"}}):
        problem(world.post_order(lines=[line | {"areas": areas}]), 422, "fields_not_usable")


def test_the_same_key_and_body_get_the_same_answer_and_one_command() -> None:
    world = World()
    first = world.post_order(headers={"Idempotency-Key": "k1"})
    again = world.post_order(headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(world.commands.sent) == 1


def test_the_same_key_with_another_body_or_path_is_refused() -> None:
    world = World()
    world.post_order(headers={"Idempotency-Key": "k1"})
    problem(world.post_order(headers={"Idempotency-Key": "k1"}, external_id="A-2"), 422, "idempotency_key_reused")
    cancel = world.call("POST", f"/v1/orders/{OWN}/cancel", json={}, headers={"Idempotency-Key": "k1"})
    problem(cancel, 422, "idempotency_key_reused")
    assert len(world.commands.sent) == 1


def test_a_key_belongs_to_its_tenant() -> None:
    world = World()
    world.post_order(headers={"Idempotency-Key": "k1"})
    response = world.call(
        "POST", "/v1/orders", key="other", json=order_body(store="other-rest"), headers={"Idempotency-Key": "k1"}
    )
    assert response.status_code == 202
    assert len({envelope.command_id for _, envelope in world.commands.sent}) == 2


def test_an_interrupted_first_try_is_carried_out_again_under_the_same_command_id() -> None:
    world = World()
    working, world.commands.send = world.commands.send, UnreachableLog().append
    assert world.post_order(headers={"Idempotency-Key": "k1"}).status_code >= 500
    world.commands.send = working
    first = world.post_order(headers={"Idempotency-Key": "k1"})
    second = World()
    assert first.status_code == 202
    assert second.post_order(headers={"Idempotency-Key": "k1"}).json()["command_id"] == first.json()["command_id"]


def test_without_a_key_the_same_body_is_the_same_command() -> None:
    world = World()
    world.post_order()
    world.post_order()
    world.post_order(external_id="A-2")
    ids = [envelope.command_id for _, envelope in world.commands.sent]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("named", ["", "x" * 256, "\x01"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(named: str) -> None:
    problem(World().post_order(headers={"Idempotency-Key": named}), 400, "idempotency_key_not_usable")


def test_prefer_wait_answers_with_the_outcome() -> None:
    world = World()
    world.reads.outcomes["any"] = outcome("accepted")
    response = world.post_order(headers={"Prefer": "respond-async, wait=7"})
    assert (response.status_code, response.json()["outcome"]) == (200, "accepted")
    assert response.headers["preference-applied"] == "wait=7"
    assert world.reads.waited == [7]


def test_prefer_wait_is_bounded_and_ends_as_pending() -> None:
    world = World()
    response = world.post_order(headers={"Prefer": "wait=100000"})
    assert (response.status_code, response.json()["outcome"]) == (202, "pending")
    assert world.reads.waited == [30]


def test_a_refusal_says_what_to_do_and_stays_refused() -> None:
    world = World()
    world.reads.outcomes["any"] = outcome("refused", "too_late", "Printing has begun; ask for a return instead.")
    for _ in range(2):
        response = world.call(
            "POST", f"/v1/orders/{OWN}/cancel", json={}, headers={"Prefer": "wait=5", "Idempotency-Key": "c1"}
        )
        assert problem(response, 409, "too_late")["order_id"] == OWN
    assert len(world.commands.sent) == 1


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"unknown": 1}, "unknown"),
        ({"currency": "euro"}, "currency"),
        ({"lines": []}, "lines"),
        ({"lines": [{"line_id": "../1", "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "a..b", "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "x" * 65, "sku": "a", "quantity": 1}]}, "line_id"),
        ({"lines": [{"line_id": "1", "sku": "a", "quantity": 0}]}, "quantity"),
        ({"lines": [{"line_id": "1", "sku": "a", "quantity": 1, "extra": 1}]}, "extra"),
        ({"recipient": {"country": "Germany"}}, "country"),
        ({"updated_at": 1_700_000_000}, "updated_at"),
        ({"total_minor": -1}, "total_minor"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(changes: dict[str, Any], field_name: str) -> None:
    world = World()
    document = problem(world.post_order(**changes), 422, "fields_not_usable")
    assert any(field_name in error["field"] for error in document["errors"])
    assert world.commands.sent == []


def test_an_error_does_not_repeat_what_was_sent() -> None:
    response = World().post_order(recipient={"name": "Secret Person", "country": "Secretland"})
    assert "Secret" not in response.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"null", b'"x"'])
def test_a_body_that_is_no_json_object_is_refused(content: bytes) -> None:
    response = World().call("POST", "/v1/orders", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_store_of_another_tenant_cannot_be_used() -> None:
    world = World()
    problem(world.post_order(store="other-rest"), 422, "store_not_connected")
    problem(world.post_order(store="nowhere"), 422, "store_not_connected")
    assert world.commands.sent == []


def test_two_lines_with_one_id_are_refused() -> None:
    line = order_body()["lines"][0]
    problem(World().post_order(lines=[line, line]), 422, "line_id_twice")


def test_an_erased_order_is_gone() -> None:
    world = World()
    world.vault.erase("demo", OWN)
    problem(world.post_order(headers={"Idempotency-Key": "k"}), 410, "order_erased")


def test_a_broker_that_cannot_be_reached_is_503_and_says_that_nothing_was_accepted() -> None:
    class Unreachable:
        async def send(self, command: Any, envelope: Any) -> None:
            raise BrokerUnreachable

    world = World(commands=Unreachable())
    response = world.post_order(headers={"Idempotency-Key": "k1"})
    document = problem(response, 503, "broker_unreachable")
    assert "Nothing was accepted" in document["detail"]
    assert response.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/orders"),
        ("POST", "/v1/orders"),
        ("GET", f"/v1/orders/{OWN}"),
        ("GET", f"/v1/orders/{OWN}/timeline"),
        ("GET", "/v1/catalogue/exceptions"),
        ("POST", f"/v1/orders/{OWN}/cancel"),
        ("POST", f"/v1/orders/{OWN}/lines/1/approve"),
        ("POST", f"/v1/orders/{OWN}/lines/1/request-changes"),
    ],
)
def test_every_route_asks_for_a_key_and_for_its_scope(method: str, path: str) -> None:
    world = World()
    for key in (None, "nonsense", ""):
        response = world.call(method, path, key=key, json={})
        problem(response, 401, "key_not_recognised")
        assert response.headers["www-authenticate"].startswith("Bearer")
    problem(world.call(method, path, key="demo/none", json={}), 403, "scope_missing")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/timeline", None),
        ("POST", "/cancel", {}),
        ("POST", "/lines/1/approve", {"version": 1}),
        ("POST", "/lines/1/request-changes", {"version": 1}),
    ],
)
def test_an_order_of_another_tenant_is_not_known_on_any_route(method: str, path: str, body: Any) -> None:
    world = World()
    for key, order_id in (("demo", FOREIGN), ("other", OWN)):
        problem(world.call(method, f"/v1/orders/{order_id}{path}", key=key, json=body), 404, "order_not_known")
    assert world.commands.sent == []


def test_orders_are_listed_with_filters_and_the_moment_they_speak_of() -> None:
    world = World()
    answer = world.call("GET", "/v1/orders?status=on_hold&store=demo-rest&limit=7").json()
    assert [order["order_id"] for order in answer["orders"]] == [OWN]
    assert answer["next_cursor"] == "next"
    assert answer["as_of"] == {"recorded_at": 5, "complete_until": 6}
    assert world.reads.asked == [
        {"status": "on_hold", "store": "demo-rest", "external_id": None, "limit": 7, "cursor": None}
    ]
    problem(world.call("GET", "/v1/orders?cursor=nonsense"), 422, "cursor_not_usable")
    for wrong in ("limit=0", "limit=201", f"cursor={'x' * 501}"):
        problem(world.call("GET", f"/v1/orders?{wrong}"), 422, "fields_not_usable")


def test_an_order_shows_a_working_link_to_its_proof_and_no_storage_key() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/proof.webp"
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, b"proof picture")
    response = world.call("GET", f"/v1/orders/{OWN}")
    (line,) = response.json()["lines"]
    (front,) = line["areas"]
    assert "proof_key" not in front
    picture = world.call("GET", front["proof_url"].removeprefix("http://test"), key=None)
    assert picture.content == b"proof picture"
    assert picture.headers["content-type"] == "image/webp"


def test_the_timeline_links_only_to_the_tenants_own_files() -> None:
    world = World()
    world.objects.stored["demo/designs/abc"] = b"design, not sealed"
    (entry,) = world.call("GET", f"/v1/orders/{OWN}/timeline").json()["entries"]
    assert len(entry["links"]) == 2
    design = world.call("GET", entry["links"][1]["url"].removeprefix("http://test"), key=None)
    assert design.content == b"design, not sealed"


def test_cancel_approve_and_request_changes_send_their_commands() -> None:
    world = World()
    for path, body in (
        ("cancel", {"reason": "buyer_changed_mind"}),
        ("lines/1/approve", {"version": 3}),
        ("lines/1/request-changes", {"version": 3, "note": "Ann wants it larger"}),
    ):
        assert world.call("POST", f"/v1/orders/{OWN}/{path}", json=body).status_code == 202
    cancel, approve, changes = (command for command, _ in world.commands.sent)
    assert cancel == CancelOrder(reason="buyer_changed_mind")
    assert approve == ApproveProof(line_id="1", version=3)
    assert isinstance(changes, RequestProofChanges)
    assert changes.note is not None
    assert b"Ann" not in changes.note
    assert personal.open_text(world.vault, "demo", OWN, "note:1", changes.note) == "Ann wants it larger"


def test_a_reason_is_a_code_so_that_nobodys_name_gets_into_the_ledger() -> None:
    response = World().call("POST", f"/v1/orders/{OWN}/cancel", json={"reason": "Ann called"})
    problem(response, 422, "fields_not_usable")


def test_a_line_that_the_order_has_not_is_named_so() -> None:
    world = World()
    problem(world.call("POST", f"/v1/orders/{OWN}/lines/9/approve", json={"version": 1}), 404, "line_not_known")
    problem(world.call("GET", "/v1/orders/not-an-id"), 422, "fields_not_usable")


def test_a_body_that_is_too_large_is_refused_before_and_while_it_is_read() -> None:
    world = World()
    large = json.dumps(order_body(order_number="x" * 30_000)).encode()

    async def pieces() -> Any:
        for start in range(0, len(large), 1_000):
            yield large[start : start + 1_000]

    for content in (large, pieces()):
        response = world.call("POST", "/v1/orders", content=content, headers={"Content-Type": "application/json"})
        problem(response, 413, "body_too_large")
    assert world.commands.sent == []


def test_a_caller_that_sends_too_much_is_told_when_to_come_back() -> None:
    world = World(limits=RATE_LIMITS_PER_MINUTE | {"key": 3})
    statuses = [world.call("GET", "/v1/orders").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = world.call("GET", "/v1/orders")
    problem(response, 429, "too_many_requests")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert world.call("GET", "/v1/orders", key="other").status_code == 200


def test_keys_of_one_tenant_share_the_tenants_limit() -> None:
    world = World(limits=RATE_LIMITS_PER_MINUTE | {"tenant": 2})
    for _ in range(2):
        world.call("GET", "/v1/orders")
    problem(world.call("GET", "/v1/orders"), 429, "too_many_requests")


def test_guessing_keys_is_slowed_down() -> None:
    world = World(limits=RATE_LIMITS_PER_MINUTE | {"stranger": 2})
    statuses = [world.call("GET", "/v1/orders", key="guess").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


def shopify_headers(raw: bytes, **more: str) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": shopify.sign(b"hush", raw),
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Event-Id": "event-1",
        **more,
    }


def test_a_genuine_shopify_webhook_is_stored_sealed_before_anybody_parses_it() -> None:
    world = World()
    raw = b'{"id": 1, "not": "parsed", "name": "Ann Example"'
    headers = shopify_headers(raw, Cookie="session=1")
    response = world.call("POST", "/webhooks/shopify/demo-shopify", key="whatever", content=raw, headers=headers)
    assert (response.status_code, response.json()) == (200, {"received": True})
    ((topic, key, value, record_headers),) = world.log.records
    assert (topic, key) == ("pod.inbound.raw.v1", "shopify/demo-shopify")
    assert b"Ann Example" not in value
    record = ConsumedRecord(
        topic=topic, partition=0, offset=0, key=b"", value=value, headers=tuple(record_headers.items())
    )
    delivery = unpack(world.vault, record)
    assert (delivery.body, delivery.event_id, delivery.tenant) == (raw, "event-1", "demo")
    assert delivery.headers["x-shopify-topic"] == "orders/create"
    assert "authorization" not in delivery.headers
    assert "cookie" not in delivery.headers
    assert world.commands.sent == []


def test_a_forged_webhook_is_refused_and_not_stored() -> None:
    world = World()
    raw = b"{}"
    for headers in ({}, shopify_headers(raw + b" "), {"X-Shopify-Hmac-Sha256": "not base64!"}):
        response = world.call("POST", "/webhooks/shopify/demo-shopify", key=None, content=raw, headers=headers)
        problem(response, 401, "webhook_not_genuine")
    for path in ("/webhooks/partners/press-east", "/webhooks/carriers/easypost"):
        problem(world.call("POST", path, key=None, content=raw), 401, "webhook_not_genuine")
    assert world.log.records == []


def test_a_webhook_for_nobody_is_not_found() -> None:
    world = World()
    for path, reason in (
        ("shopify/nowhere", "store_not_connected"),
        ("shopify/demo-rest", "store_not_connected"),
        ("partners/nobody", "partner_not_connected"),
        ("carriers/nobody", "carrier_not_connected"),
    ):
        problem(world.call("POST", f"/webhooks/{path}", key=None, content=b"{}"), 404, reason)


def test_partner_and_carrier_webhooks_are_stored_under_their_names() -> None:
    world = World()
    headers = {"Signature": "genuine", "Webhook-Id": "msg_1"}
    for path in ("/webhooks/partners/press-east", "/webhooks/carriers/easypost"):
        assert world.call("POST", path, key=None, content=b"{}", headers=headers).status_code == 200
    assert [key for _, key, *_ in world.log.records] == ["partner/press-east", "carrier/easypost"]


def test_a_webhook_that_could_not_be_stored_is_not_acknowledged() -> None:
    world = World(log=UnreachableLog())
    raw = b"{}"
    response = world.call("POST", "/webhooks/shopify/demo-shopify", key=None, content=raw, headers=shopify_headers(raw))
    problem(response, 503, "broker_unreachable")


def asset_path(world: World, key: str, order_id: str = OWN, media_type: str = "image/png", **more: Any) -> str:
    return world.links.link("demo", order_id, key, media_type, **more).removeprefix("http://test")


def test_a_link_gives_its_file_decrypted_with_its_size_known_before() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    picture = bytes(range(256)) * 3_000
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, picture)
    path = asset_path(world, key)
    response = world.call("GET", path, key=None)
    assert response.content == picture
    assert response.headers["content-length"] == str(len(picture))
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert 'filename="print.png"' in response.headers["content-disposition"]
    head = world.call("HEAD", path, key=None)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(picture))


def test_a_file_that_a_browser_should_not_run_is_offered_for_saving() -> None:
    world = World()
    world.objects.stored["demo/designs/x"] = b"<script>"
    response = world.call("GET", asset_path(world, "demo/designs/x", "", "text/html"), key=None)
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]


def test_a_link_that_was_changed_is_refused_whatever_was_changed() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, b"x")
    path = asset_path(world, key)
    token = path.rpartition("/")[2]
    payload, _, signature = token.partition(".")
    for forged in (
        payload,
        f"{payload}.",
        f".{signature}",
        f"{payload}.{signature[:-1]}",
        f"{payload}.{signature}=",
        f"{payload}.{'A' * len(signature)}",
        f"{payload[:-2]}AA.{signature}",
        f"{payload}.{signature}.x",
        "é.x",
    ):
        problem(world.call("GET", f"/v1/assets/{forged}", key=None), 403, "link_not_genuine")


def test_a_link_ends_at_its_time() -> None:
    world = World()
    path = asset_path(world, "demo/designs/x", "", valid_ms=1_000)
    world.objects.stored["demo/designs/x"] = b"x"
    assert world.call("GET", path, key=None).status_code == 200
    world.now += 1_000
    problem(world.call("GET", path, key=None), 410, "link_expired")


def test_after_an_erasure_no_link_opens_the_file() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, key, b"x")
    path = asset_path(world, key)
    world.vault.erase("demo", OWN)
    problem(world.call("GET", path, key=None), 410, "key_destroyed")
    assert world.call("HEAD", path, key=None).status_code == 410


def test_a_file_that_is_not_there_or_does_not_open_is_an_error_and_not_half_a_file() -> None:
    world = World()
    key = f"demo/{OWN}/1/front/v1/print.png"
    problem(world.call("GET", asset_path(world, key), key=None), 404, "object_missing")
    world.objects.stored[key] = world.vault.seal_object("demo", OWN, "another/key", b"x")
    problem(world.call("GET", asset_path(world, key), key=None), 500, "unexpected")


def test_health_says_what_is_missing() -> None:
    world = World()
    assert world.call("GET", "/healthz", key=None).json() == {"status": "ok", "not_ready": {}}
    assert world.call("GET", "/readyz", key=None).status_code == 200
    world.missing["kafka"] = "no broker answered"
    response = world.call("GET", "/readyz", key=None)
    assert response.status_code == 503
    assert response.json() == {"status": "not_ready", "not_ready": {"kafka": "no broker answered"}}


def test_errors_of_the_framework_are_problem_documents_too() -> None:
    world = World()
    problem(world.call("GET", "/nowhere"), 404, "no_such_path")
    response = world.call("DELETE", "/v1/orders")
    problem(response, 405, "method_not_allowed")
    assert "allow" in response.headers


def test_an_unexpected_error_shows_nothing_of_the_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(world.reads, "order", broken)
    response = world.call("GET", f"/v1/orders/{OWN}")
    problem(response, 500, "unexpected")
    assert "secret" not in response.text


def test_the_description_of_the_api_names_every_route_and_its_errors() -> None:
    schema = World().call("GET", "/openapi.json", key=None).json()
    assert "/webhooks/shopify/{store}" in schema["paths"]
    assert "/v1/assets/{token}" in schema["paths"]
    assert {"202", "409", "413", "422", "429"} <= set(schema["paths"]["/v1/orders"]["post"]["responses"])


def test_a_tenant_reads_which_of_its_skus_nobody_can_make() -> None:
    # given
    world = World()
    # when
    response = world.call("GET", "/v1/catalogue/exceptions?kind=no_partner&limit=5")
    # then
    assert response.status_code == 200
    (found,) = response.json()["exceptions"]
    assert (found["kind"], found["skus"]) == ("no_partner", [{"store": "demo-rest", "sku": "MUG-1"}])
    assert world.reads.asked == [{"tenant": "demo", "kind": "no_partner", "resolved": False, "limit": 5}]
    problem(world.call("GET", "/v1/catalogue/exceptions?kind=sunspots"), 422, "fields_not_usable")
