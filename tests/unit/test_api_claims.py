"""Returns and complaints over HTTP: who may open and decide them, and what is kept sealed."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from api.claim_models import Reason
from events.order.claim_commands import DecideClaim, OpenClaim, ReportRefunded
from events.order.claims import COMPLAINT_REASONS, Claim
from events.order.state import Order
from processors import personal
from projections.claim_rows import ClaimedUnitsView, ClaimView, PictureView
from tests.unit.api_world import FOREIGN, OWN, World

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
CLAIMS = f"/v1/orders/{OWN}/claims"
COMPLAINT = {"lines": [{"line_id": "1", "units": [1]}], "reason": "damaged", "text": "The handle broke."}
ADDRESS = {"name": "Demo Buyer", "address1": "Demo Street 2", "city": "Demo", "country": "at", "postal_code": "50 20 1"}


@pytest.fixture
def world() -> World:
    """One order with a claim that waits for a person, and one whose money is on its way."""
    made = World()
    common: dict[str, Any] = {"kind": "complaint", "reason": "damaged", "wish": "", "items": (), "pictures": 0}
    claims = {
        "C1": Claim(claim_id="C1", opened_at=1, stage="referred", **common),
        "C2": Claim(claim_id="C2", opened_at=1, stage="refunding", effect_key="e" * 32, attempt=2, **common),
    }
    made.reads.states["demo", OWN] = Order(placed=True, claims=claims)
    return made


def a_view(world: World) -> ClaimView:
    item = ClaimedUnitsView(
        line_id="1", run=1, units=(1,), partner_id="press-east", parcel_id="P1", delivered_at=5, price_minor=900
    )
    return ClaimView(
        order_id=OWN,
        claim_id="C1",
        kind="complaint",
        reason="damaged",
        wish="refund",
        stage="referred",
        why="amount_above_limit",
        amount_minor=0,
        currency="",
        reference="",
        parcel_id="",
        rules_version="shipped-1",
        decided_by="",
        opened_at=6,
        updated_at=7,
        items=(item,),
        pictures=(PictureView(key=f"demo/{OWN}/claims/picture/{'a' * 64}", media_type="image/png"),),
        faults=(),
        note=personal.seal_text(world.vault, "demo", OWN, personal.claim_field(), "The handle broke."),
    )


def sent(world: World) -> Any:
    return world.commands.sent[-1][0]


def test_the_reasons_of_the_api_are_those_of_the_ledger() -> None:
    assert get_args(Reason) == COMPLAINT_REASONS


def test_a_complaint_is_sent_with_its_text_sealed_and_its_pictures_kept(world: World) -> None:
    kept = world.call("PUT", f"{CLAIMS}/pictures", content=PNG)
    assert kept.status_code == 200
    again = world.call("PUT", f"{CLAIMS}/pictures", content=PNG)
    assert again.json() == kept.json()
    answer = world.call("POST", CLAIMS, json=COMPLAINT | {"pictures": [kept.json()["picture"]]})
    assert answer.status_code == 202
    command = sent(world)
    assert isinstance(command, OpenClaim)
    assert (command.reason, command.lines[0].units, len(command.pictures)) == ("damaged", (1,), 1)
    assert command.note is not None
    assert b"handle" not in command.note
    assert command.pictures[0].key.startswith(f"demo/{OWN}/claims/picture/")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reason": "bored"}, ""),
        ({"lines": []}, ""),
        ({"text": "x" * 2_001}, ""),
        ({"pictures": ["a" * 64] * 6}, ""),
        ({"pictures": ["../x"]}, ""),
        ({"pictures": ["a" * 64]}, "picture_not_known"),
    ],
)
def test_a_complaint_that_cannot_be_read_is_refused(world: World, change: dict[str, Any], reason: str) -> None:
    answer = world.call("POST", CLAIMS, json=COMPLAINT | change)
    assert answer.status_code == 422
    assert reason in answer.json()["reason"]


def test_what_is_no_picture_is_not_kept(world: World) -> None:
    assert world.call("PUT", f"{CLAIMS}/pictures", content=b"<svg/>").status_code == 422


def test_a_person_decides_and_a_mended_address_is_sealed(world: World) -> None:
    decided = {"outcome": "reship", "recipient": ADDRESS}
    assert world.call("POST", f"{CLAIMS}/C1/decide", json=decided).status_code == 202
    command = sent(world)
    assert isinstance(command, DecideClaim)
    assert (command.country, command.postal_prefix[:2]) == ("AT", "50")
    assert command.recipient is not None
    assert b"Demo Street" not in command.recipient


def test_a_region_that_is_written_out_is_only_told_sealed(world: World) -> None:
    decided = {"outcome": "reship", "recipient": ADDRESS | {"region": "Demo Valley"}}
    assert world.call("POST", f"{CLAIMS}/C1/decide", json=decided).status_code == 202
    command = sent(world)
    assert isinstance(command, DecideClaim)
    assert command.region == ""


@pytest.mark.parametrize(
    "decided", [{"outcome": "refund", "recipient": ADDRESS}, {"outcome": "reship", "recipient": {"name": "x"}}]
)
def test_an_address_that_is_of_no_use_is_refused(world: World, decided: dict[str, Any]) -> None:
    answer = world.call("POST", f"{CLAIMS}/C1/decide", json=decided)
    assert (answer.status_code, answer.json()["reason"]) == (422, "address_not_usable")


def test_money_that_was_given_back_by_hand_answers_the_newest_request(world: World) -> None:
    told = world.call("POST", f"{CLAIMS}/C2/refunded", json={"reference": "bank-7"})
    assert told.status_code == 202
    assert sent(world) == ReportRefunded(request_id=f"{'e' * 32}.2", claim_id="C2", reference="bank-7")
    early = world.call("POST", f"{CLAIMS}/C1/refunded", json={"reference": "bank-7"})
    assert (early.status_code, early.json()["reason"]) == (409, "no_refund_waiting")


def test_claims_are_listed_and_their_text_is_for_those_who_may_read_it(world: World) -> None:
    world.reads.claims_known = (a_view(world),)
    for path in ("/v1/claims?stage=referred", CLAIMS):
        (shown,) = world.call("GET", path).json()["claims"]
        assert (shown["claim_id"], shown["text"], len(shown["picture_urls"])) == ("C1", "The handle broke.", 1)
        (withheld,) = world.call("GET", path, key="demo/orders:read").json()["claims"]
        assert (withheld["text"], withheld["picture_urls"]) == (None, [])


def test_only_keys_with_the_scope_open_and_decide_and_nobody_elses_order(world: World) -> None:
    for path, body in ((CLAIMS, COMPLAINT), (f"{CLAIMS}/C1/decide", {"outcome": "refuse"})):
        assert world.call("POST", path, json=body, key="demo/orders:read orders:write").status_code == 403
        assert world.call("POST", path, json=body, key="other").status_code == 404
    assert world.call("GET", f"/v1/orders/{FOREIGN}/claims").status_code == 404
    assert world.call("POST", f"{CLAIMS}/C9/decide", json={"outcome": "refuse"}).status_code == 404
