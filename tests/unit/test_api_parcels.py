"""Parcels over HTTP: who may take them back, and an address that a carrier suggests, accepted in one call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events.order.parcel_commands import AcceptSuggestedAddress, WithdrawParcel
from events.order.parcels import Suggestion, digest_of
from events.order.state import Order, Parcel
from events.order.values import SuggestedAddress
from processors import personal
from processors.personal import Recipient
from tests.unit.api_world import FOREIGN, OWN, World

ADDRESS = {"name": "Demo Buyer", "address1": "Demo Street 2", "city": "Demo", "country": "at", "postal_code": "50 20 1"}
BETTER = Recipient(name="Demo Buyer", address1="179 N Harbor Dr", city="Redondo Beach", country="US", email="b@example")
SUGGESTION = f"/v1/orders/{OWN}/address/suggestion"
ACCEPT = f"/v1/orders/{OWN}/address/accept-suggestion"
WITHDRAW = f"/v1/orders/{OWN}/parcels/P1/withdraw"


@pytest.fixture
def world() -> World:
    """One order with a parcel whose label failed: the carrier would write street and city otherwise."""
    made = World()
    sealed = personal.seal_recipient(made.vault, "demo", OWN, BETTER)
    address = SuggestedAddress(recipient=sealed, country="US", parts=("street", "city"))
    suggestion = Suggestion(address=address, instead_of=digest_of(b"sealed"))
    parcel = Parcel(
        parcel_id="P1", partner_id="press", contents={}, effect_key="e", stage="label_failed", suggestion=suggestion
    )
    made.reads.states["demo", OWN] = Order(placed=True, recipient=b"sealed", parcels={"P1": parcel})
    return made


def with_second_parcel(world: World) -> None:
    order = world.reads.states["demo", OWN]
    second = msgspec.structs.replace(order.parcels["P1"], parcel_id="P2")
    parcels = {**order.parcels, "P2": second}
    world.reads.states["demo", OWN] = msgspec.structs.replace(order, parcels=parcels)


def sent(world: World) -> Any:
    return world.commands.sent[-1][0]


def test_a_suggestion_is_shown_by_its_parts_and_its_words_only_to_whoever_may_read_them(world: World) -> None:
    shown = world.call("GET", SUGGESTION).json()["suggestions"]
    assert [(one["parcel_id"], one["parts"]) for one in shown] == [("P1", ["street", "city"])]
    assert shown[0]["address"]["address1"] == "179 N Harbor Dr"
    assert "email" not in shown[0]["address"]
    without = world.call("GET", SUGGESTION, key="demo/orders:read").json()["suggestions"]
    assert without[0]["address"] is None


def test_a_suggestion_is_accepted_in_one_call(world: World) -> None:
    assert world.call("POST", ACCEPT, json={}).status_code == 202
    assert sent(world) == AcceptSuggestedAddress(parcel_id="P1")
    with_second_parcel(world)
    assert world.call("POST", ACCEPT, json={}).json()["type"].endswith("no_single_suggestion")
    assert world.call("POST", ACCEPT, json={"parcel_id": "P2"}).status_code == 202
    assert sent(world) == AcceptSuggestedAddress(parcel_id="P2")


def test_nothing_can_be_accepted_where_nobody_suggests_anything_for_the_present_address(world: World) -> None:
    order = world.reads.states["demo", OWN]
    world.reads.states["demo", OWN] = msgspec.structs.replace(order, recipient=b"another")
    assert world.call("GET", SUGGESTION).json()["suggestions"] == []
    assert world.call("POST", ACCEPT, json={}).status_code == 409
    assert not world.commands.sent


def test_a_parcel_is_taken_back_to_be_cancelled_or_sent_again_to_a_sealed_address(world: World) -> None:
    assert world.call("POST", WITHDRAW, json={"reason": "The carton broke."}).status_code == 202
    assert sent(world) == WithdrawParcel(parcel_id="P1", send_again=False, reason="The carton broke.")
    body = {"reason": "Wrong house.", "send_again": True, "recipient": ADDRESS}
    assert world.call("POST", WITHDRAW, json=body).status_code == 202
    command = sent(world)
    assert (command.send_again, command.country, command.postal_prefix) == (True, "AT", "502")
    opened = personal.open_recipient(world.vault, "demo", OWN, command.recipient)
    assert (opened.name, opened.address1) == ("Demo Buyer", "Demo Street 2")
    assert b"Demo Street" not in command.recipient


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "r", "recipient": ADDRESS},
        {"reason": "r", "send_again": True, "recipient": {"name": "x"}},
        {"reason": ""},
        {"reason": "x" * 201},
    ],
)
def test_a_withdrawal_that_cannot_be_meant_is_refused(world: World, body: dict[str, Any]) -> None:
    assert world.call("POST", WITHDRAW, json=body).status_code == 422
    assert not world.commands.sent


def test_only_who_may_cancel_takes_parcels_back_and_nobody_those_of_others(world: World) -> None:
    body = {"reason": "r"}
    assert world.call("POST", WITHDRAW, json=body, key="demo/orders:read orders:write").status_code == 403
    assert world.call("POST", ACCEPT, json={}, key="demo/orders:read").status_code == 403
    assert world.call("POST", WITHDRAW.replace("/P1/", "/P9/"), json=body).status_code == 404
    assert world.call("POST", WITHDRAW.replace(OWN, FOREIGN), json=body).status_code == 404
    assert world.call("GET", SUGGESTION.replace(OWN, FOREIGN)).status_code == 404
    assert not world.commands.sent
