"""Texts that nothing behind the API can hold are refused at its door, each by its name."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.api_world import OWN, World, order_body, problem

ADDRESS = {"name": "Ann", "company": "x", "address1": "x", "address2": "x", "city": "Berlin", "region": "x"}
ADDRESS |= {"postal_code": "10117", "phone": "1", "email": "x@x.example"}
LINE = {"sku": "MUG-W", "title": "Mug", "text": "For Ann", "artwork_url": "https://x.example/a", "instructions": "Soon"}
ORDER = order_body(
    order_number="A-1",
    recipient=ADDRESS | {"country": "DE"},
    lines=[LINE | {"line_id": "1", "quantity": 1, "areas": {"back": {"text": "Team", "artwork_url": "https://x"}}}],
)
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/orders"): ORDER,
    ("POST", f"/v1/orders/{OWN}/cancel"): {"reason": "requested_by_store"},
    ("POST", f"/v1/orders/{OWN}/lines/1/request-changes"): {"version": 1, "note": "Larger"},
    ("POST", f"/v1/orders/{OWN}/lines/1/replace-file"): {"area": "front", "text": "Bo", "artwork_url": "https://x"},
    ("POST", f"/v1/orders/{OWN}/lines/1/runs/1/verdict"): {
        "failed_units": [1],
        "defects": [{"code": "smudge", "description": "Blurred"}],
    },
    ("POST", f"/v1/orders/{OWN}/address/accept-suggestion"): {"parcel_id": "P1"},
    ("POST", f"/v1/orders/{OWN}/parcels/P1/withdraw"): {"reason": "Torn", "send_again": True, "recipient": ADDRESS},
    ("POST", f"/v1/orders/{OWN}/claims"): {
        "lines": [{"line_id": "1", "units": [1]}],
        "reason": "damaged",
        "wish": "refund",
        "text": "Broken",
        "pictures": ["a" * 64],
    },
    ("POST", f"/v1/orders/{OWN}/claims/C1/decide"): {"outcome": "reship", "reason": "lost", "recipient": ADDRESS},
    ("POST", f"/v1/orders/{OWN}/claims/C1/refunded"): {"reference": "R-1"},
}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the texts of a body stand."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))


def with_nul(body: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(body)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] += "\x00"
    return changed


@pytest.mark.parametrize(
    ("method", "address", "path"),
    [
        pytest.param(method, address, path, id=f"{address} {'.'.join(map(str, path))}")
        for (method, address), body in BODIES.items()
        for path in places(body)
    ],
)
def test_nul_is_refused_in_every_text_of_every_body(method: str, address: str, path: tuple[str | int, ...]) -> None:
    world = World()
    response = world.call(method, address, json=with_nul(BODIES[method, address], path))
    document = problem(response, 422, "fields_not_usable")
    assert [error["field"] for error in document["errors"]] == [".".join(map(str, ("body", *path)))]
    assert world.commands.sent == []


@pytest.mark.parametrize("name", ["status", "store", "external_id", "cursor"])
def test_nul_is_refused_in_every_text_of_a_query(name: str) -> None:
    document = problem(World().call("GET", f"/v1/orders?{name}=%00"), 422, "fields_not_usable")
    assert [error["field"] for error in document["errors"]] == [f"query.{name}"]


def test_nul_is_refused_in_the_text_of_a_path() -> None:
    world = World()
    response = world.call("POST", f"/v1/orders/{OWN}/lines/1%00/approve", json={"version": 1})
    document = problem(response, 422, "fields_not_usable")
    assert [error["field"] for error in document["errors"]] == ["path.line_id"]
    problem(world.call("POST", "/webhooks/shopify/demo%00", content=b"{}"), 422, "fields_not_usable")


def test_the_refusal_says_what_to_take_out() -> None:
    document = problem(World().post_order(order_number="A\x00B"), 422, "fields_not_usable")
    assert document["errors"] == [
        {"field": "body.order_number", "message": "Text holds no NUL character (U+0000): take it out"}
    ]
