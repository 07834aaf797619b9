"""What holds on every route of the API: keys, scopes, tenants, limits, problem documents, health."""

from __future__ import annotations

from typing import Any

import pytest

from api.dependencies import RATE_LIMITS_PER_MINUTE
from tests.unit.api_world import FOREIGN, OWN, World, problem


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
    assert {"202", "409", "410", "413", "422", "429"} <= set(schema["paths"]["/v1/orders"]["post"]["responses"])


def test_the_description_of_the_api_says_which_key_a_route_wants_and_how_it_is_presented() -> None:
    schema = World().call("GET", "/openapi.json", key=None).json()
    schemes = schema["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["header"]["type"], schemes["header"]["name"]) == ("apiKey", "X-Api-Key")
    for path, method, scope in (
        ("/v1/orders", "get", "orders:read"),
        ("/v1/orders/{order_id}/cancel", "post", "orders:cancel"),
        ("/v1/orders/{order_id}/claims/pictures", "put", "orders:claims"),
    ):
        # either of the two
        assert schema["paths"][path][method]["security"] == [{"bearer": [scope]}, {"header": [scope]}]
    for path in ("/healthz", "/v1/proofs/{token}", "/v1/assets/{token}"):
        assert "security" not in schema["paths"][path]["get"]


def test_the_description_of_the_api_names_the_headers_of_every_route_that_sends_a_command() -> None:
    paths = World().call("GET", "/openapi.json", key=None).json()["paths"]
    sending = {
        (path, method): {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "202" in operation["responses"]
    }
    assert len(sending) > 10
    for (path, _), headers in sending.items():
        # The holder of a link shares no keys with the tenant.
        assert headers == ({"prefer"} if "{token}" in path else {"prefer", "idempotency-key"})


def test_the_description_of_the_api_names_the_fields_of_what_is_sent_by_link() -> None:
    paths = World().call("GET", "/openapi.json", key=None).json()["paths"]
    body = paths["/v1/proofs/{token}/replace"]["post"]["requestBody"]["content"]
    assert set(body["application/json"]["schema"]["properties"]) == {"area", "text", "artwork_url"}
    assert "file" in body["multipart/form-data"]["schema"]["properties"]
