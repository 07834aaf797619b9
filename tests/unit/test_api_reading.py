"""What is read and decided of an order by REST: lists, views, timelines, answers to a proof."""

from __future__ import annotations

from events.order.commands import ApproveProof, CancelOrder, RequestProofChanges
from processors import personal
from tests.unit.api_world import OWN, World, problem


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
