"""The API around proofs: what the buyer gave, other artwork, lineage, and answers by signed link."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from events.order.commands import ApproveProof, OrderCommandUnion, ReplaceArtwork, RequestProofChanges
from events.order.decide import OrderDecider
from events.order.facts import ProofApprovalRequested
from events.order.state import Order
from events.order.values import Finding
from processors import personal
from processors.workers.files import OrderFiles
from tests.order_life import World as Outside
from tests.order_life import context_of, live
from tests.unit.api_world import FOREIGN, OWN, World, order_body, order_view, outcome, problem

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100
LINE = order_body()["lines"][0] | {
    "instructions": "Wrap it",
    "artwork_url": "https://x.example/a",
    "areas": {"back": {"text": "Team"}},
}


def world_with_proof(*more: OrderCommandUnion, finding: Finding | None = None) -> World:
    """An order whose first line's proof waits, as it came about by real decisions."""
    world = World()
    world.post_order(lines=[LINE])
    placed = world.commands.sent.pop()[0]
    policy = msgspec.structs.replace(placed.order.policy, approval="always")
    placed = msgspec.structs.replace(placed, order=msgspec.structs.replace(placed.order, policy=policy))
    outside = Outside()
    order, _, _ = live(
        [placed], lambda fact: () if isinstance(fact, ProofApprovalRequested) else outside.answer(fact), "A-1"
    )
    for command in more:
        order = decided(order, command)
    world.reads.states["demo", OWN] = order
    if finding is not None:
        shown = world.reads.orders["demo", OWN]
        line = msgspec.structs.replace(shown.lines[0], findings=(finding,))
        world.reads.orders["demo", OWN] = msgspec.structs.replace(shown, lines=(line,))
    return world


def decided(order: Order, command: OrderCommandUnion) -> Order:
    return OrderDecider().decide_and_evolve(order, command, context_of("A-1", 500))[1]


def with_line(world: World, **changes: Any) -> World:
    """The same world, where the read model shows the line differently."""
    shown = order_view("demo", OWN)
    line = msgspec.structs.replace(shown.lines[0], **changes)
    world.reads.orders["demo", OWN] = msgspec.structs.replace(shown, lines=(line,))
    return world


def path_of(world: World, *, version: int = 1, line_id: str = "1", audience: str = "buyer") -> str:
    url = world.links.proof_link("demo", OWN, line_id, version, audience)
    return url.removeprefix("http://test")


# What the buyer gave


def intake_file(line: dict[str, Any]) -> str:
    url: str = line["intake"]["areas"][0]["file_url"]
    assert url.startswith("http://test/v1/assets/")
    return url


def test_an_order_shows_what_the_buyer_gave_to_whoever_may_see_it() -> None:
    world = world_with_proof()
    (line,) = world.call("GET", f"/v1/orders/{OWN}").json()["lines"]
    assert line["intake"] == {
        "state": "open",
        "order_number": "A-1",
        "sku": "MUG-W",
        "title": "",
        "variant_id": "mug-11oz-white",
        "instructions": "Wrap it",
        "changes_note": None,
        "areas": [
            {"area": "", "text": "For Ann", "artwork_url": "https://x.example/a", "file_url": intake_file(line)},
            {"area": "back", "text": "Team", "artwork_url": None, "file_url": ""},
        ],
    }


def test_a_key_without_the_scope_sees_that_there_is_something_and_not_what() -> None:
    world = world_with_proof()
    response = world.call("GET", f"/v1/orders/{OWN}", key="demo/orders:read")
    intake = response.json()["lines"][0]["intake"]
    assert (intake["state"], intake["sku"], intake["instructions"]) == ("withheld", "MUG-W", None)
    assert [(area["text"], area["file_url"]) for area in intake["areas"]] == [(None, ""), (None, "")]
    assert "Ann" not in response.text


def test_an_erased_order_shows_that_its_buyer_is_gone() -> None:
    world = world_with_proof()
    world.vault.erase("demo", OWN)
    intake = world.call("GET", f"/v1/orders/{OWN}").json()["lines"][0]["intake"]
    assert (intake["state"], intake["areas"][0]["text"]) == ("erased", None)


def test_the_note_about_a_proof_stands_beside_what_the_buyer_gave() -> None:
    world = world_with_proof()
    note = personal.seal_text(world.vault, "demo", OWN, "note:1", "Larger please")
    order = decided(world.reads.states["demo", OWN], RequestProofChanges(line_id="1", version=1, note=note))
    world.reads.states["demo", OWN] = order
    assert world.call("GET", f"/v1/orders/{OWN}").json()["lines"][0]["intake"]["changes_note"] == "Larger please"


def test_lists_show_nothing_of_buyers() -> None:
    assert world_with_proof().call("GET", "/v1/orders").json()["orders"][0]["lines"][0]["intake"] is None


# Lineage


def test_the_lineage_of_an_order_is_shown_to_its_tenant_alone() -> None:
    world = world_with_proof()
    (line,) = world.call("GET", f"/v1/orders/{OWN}/lineage").json()["lines"]
    assert [source["kind"] for source in line["sources"]] == ["text", "address", "text"]
    assert line["areas"][0]["print_file"]["key"] == "demo/order/front/print.png"
    problem(world.call("GET", f"/v1/orders/{OWN}/lineage", key="other"), 404, "order_not_known")
    problem(world.call("GET", f"/v1/orders/{FOREIGN}/lineage"), 404, "order_not_known")


# Other artwork, by key


def test_another_picture_address_is_sealed_and_the_text_of_the_area_stays() -> None:
    world = world_with_proof()
    body = {"artwork_url": "https://x.example/new"}
    assert world.call("POST", f"/v1/orders/{OWN}/lines/1/replace-file", json=body).status_code == 202
    ((command, envelope),) = world.commands.sent
    assert isinstance(command, ReplaceArtwork)
    (content,) = command.contents
    before = world.reads.states["demo", OWN].lines["1"].contents[0]
    assert content.text == before.text
    assert content.artwork_url is not None
    opened = personal.open_text(world.vault, "demo", OWN, "artwork_url:1", content.artwork_url)
    assert (content.area, opened, envelope.actor) == ("", "https://x.example/new", "api-key:demo-key")


def test_the_first_area_may_be_named_although_the_order_did_not_name_it() -> None:
    world = world_with_proof()
    world.call("POST", f"/v1/orders/{OWN}/lines/1/replace-file", json={"area": "front", "text": None})
    ((command, _),) = world.commands.sent
    (content,) = command.contents
    assert (content.area, content.text) == ("", None)
    assert content.artwork_url is not None


def test_an_uploaded_picture_is_stored_sealed_once_and_named_by_the_command() -> None:
    world = world_with_proof()
    for _ in range(2):
        response = world.call(
            "PUT", f"/v1/orders/{OWN}/lines/1/file?area=back", content=PNG, headers={"Content-Type": "image/png"}
        )
        assert response.status_code == 202
    (first, _), (again, _) = world.commands.sent
    assert first == again
    (content,) = first.contents
    assert (content.area, content.artwork_url) == ("back", None)
    assert content.design_key is not None
    assert content.design_key.startswith(f"demo/{OWN}/1/upload/")
    assert PNG not in world.objects.stored[content.design_key]
    assert OrderFiles(world.objects, world.vault).read("demo", OWN, content.design_key) == PNG


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"RIFFxxxxWAVE"])
def test_an_upload_that_is_no_picture_of_a_known_kind_is_refused_and_not_stored(content: bytes) -> None:
    world = world_with_proof()
    document = problem(world.call("PUT", f"/v1/orders/{OWN}/lines/1/file", content=content), 422, "upload_not_usable")
    assert "PNG" in document["detail"]
    assert (world.objects.stored, world.commands.sent) == ({}, [])


def test_an_upload_may_be_larger_than_other_bodies_but_is_bounded() -> None:
    world = world_with_proof()
    path = f"/v1/orders/{OWN}/lines/1/file"
    assert world.call("PUT", path, content=PNG + bytes(100_000)).status_code == 202
    problem(
        world.call("PUT", path, headers={"Content-Length": str(51 * 1024 * 1024)}, content=PNG), 413, "body_too_large"
    )


def test_other_artwork_needs_a_known_line_and_the_scope() -> None:
    world = world_with_proof()
    path = f"/v1/orders/{OWN}/lines/9/replace-file"
    problem(world.call("POST", path, json={"text": "x"}), 404, "line_not_known")
    problem(world.call("POST", path, json={"text": "x"}, key="demo/orders:read"), 403, "scope_missing")
    problem(
        world.call("POST", f"/v1/orders/{OWN}/lines/1/replace-file", json={"area": "../x"}), 422, "fields_not_usable"
    )


# Answers by signed link


def test_a_link_shows_the_proof_with_its_findings_and_pictures() -> None:
    world = world_with_proof(finding=Finding(code="x", severity="review", message="The text is long."))
    proof = world.call("GET", path_of(world), key=None).json()
    assert (proof["order_number"], proof["version"], proof["state"]) == ("A-1", 1, "waiting")
    assert [finding["message"] for finding in proof["findings"]] == ["The text is long."]
    assert proof["areas"][0]["proof_url"].startswith("http://test/v1/assets/")


def test_a_browser_gets_a_page_that_escapes_what_others_wrote_and_runs_nothing() -> None:
    world = world_with_proof(finding=Finding(code="x", severity="warn", message="<script>alert(1)</script>"))
    response = world.call("GET", path_of(world), key=None, headers={"Accept": "text/html"})
    assert response.headers["content-type"].startswith("text/html")
    assert "<script" not in response.text
    assert "&lt;script&gt;" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "private, no-store"
    for action in ("approve", "request-changes", "replace"):
        assert f'/{action}"' in response.text


def test_an_approval_by_link_is_of_the_version_that_was_seen_and_names_who_was_sent_it() -> None:
    world = world_with_proof()
    assert world.call("POST", path_of(world) + "/approve", key=None).status_code == 202
    ((command, envelope),) = world.commands.sent
    assert command == ApproveProof(line_id="1", version=1)
    assert (envelope.key, envelope.tenant, envelope.actor) == (OWN, "demo", "buyer:proof-link")


def test_a_form_leads_back_to_the_page_which_says_thank_you() -> None:
    world = world_with_proof()
    world.reads.outcomes["any"] = outcome("accepted")
    path = path_of(world)
    answer = world.call(
        "POST", f"{path}/request-changes", key=None, headers={"Accept": "text/html"}, data={"note": "Larger"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?told=changes_requested")
    ((command, _),) = world.commands.sent
    assert personal.open_text(world.vault, "demo", OWN, "note:1", command.note) == "Larger"
    assert "your wishes have arrived" in world.call("GET", answer.headers["location"], key=None, headers=PAGE).text


PAGE = {"Accept": "text/html"}


def test_a_form_that_the_ledger_refuses_says_so_on_a_page() -> None:
    world = world_with_proof()
    world.reads.outcomes["any"] = outcome("refused", "proof_outdated", "Look at the newest one.")
    answer = world.call("POST", path_of(world) + "/approve", key=None, headers=PAGE)
    assert (answer.status_code, "already" in answer.text) == (409, True)


def test_a_picture_is_replaced_by_a_form_with_a_file() -> None:
    world = world_with_proof()
    answer = world.call(
        "POST",
        path_of(world) + "/replace",
        key=None,
        headers=PAGE,
        data={"area": "back"},
        files={"file": ("a.png", PNG)},
    )
    assert answer.status_code == 303
    ((command, _),) = world.commands.sent
    (content,) = command.contents
    assert content.area == "back"
    assert OrderFiles(world.objects, world.vault).read("demo", OWN, content.design_key) == PNG


def test_a_file_that_is_no_picture_is_refused_on_the_page_or_as_a_problem() -> None:
    world = world_with_proof()
    path = path_of(world) + "/replace"
    problem(world.call("POST", path, key=None, files={"file": ("a.svg", b"<svg/>")}), 422, "upload_not_usable")
    page = world.call("POST", path, key=None, headers=PAGE, files={"file": ("a.svg", b"<svg/>")})
    assert (page.status_code, "PNG" in page.text) == (422, True)
    problem(world.call("POST", path, key=None, json={"area": "../x"}), 422, "fields_not_usable")


def test_a_form_in_no_character_set_that_can_be_read_is_refused() -> None:
    world = world_with_proof()
    form = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nLarger\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}
    answer = world.call("POST", path_of(world) + "/request-changes", key=None, content=form, headers=headers)
    problem(answer, 422, "fields_not_usable")
    assert world.commands.sent == []


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"version": 2}, "superseded"),
        ({"status": "checking"}, "superseded"),
        ({"status": "changes_requested"}, "changes_requested"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "accepted"}, "approved"),
    ],
)
def test_a_link_says_how_its_proof_stands(changes: dict[str, Any], state: str) -> None:
    world = with_line(world_with_proof(), **changes)
    proof = world.call("GET", path_of(world), key=None).json()
    assert proof["state"] == state
    if state in {"superseded", "cancelled"}:
        assert proof["areas"] == []
    if state not in {"changes_requested"}:
        answer = world.call("POST", path_of(world) + "/replace", key=None, json={"text": "x"})
        problem(answer, 409, "proof_outdated")


def test_a_link_that_was_changed_expired_or_is_of_another_kind_opens_nothing() -> None:
    world = world_with_proof()
    path = path_of(world)
    asset = world.links.link("demo", OWN, f"demo/{OWN}/x", "image/png").rpartition("/")[2]
    problem(world.call("GET", path[:-2], key=None), 403, "link_not_genuine")
    problem(world.call("GET", f"/v1/proofs/{asset}", key=None), 403, "link_not_genuine")
    problem(world.call("GET", f"/v1/assets/{path.rpartition('/')[2]}", key=None), 403, "link_not_genuine")
    world.now += 15 * 86_400_000
    problem(world.call("POST", f"{path}/approve", key=None), 410, "link_expired")
    page = world.call("GET", path, key=None, headers=PAGE)
    assert (page.status_code, "expired" in page.text) == (410, True)


def test_a_link_to_an_erased_or_unknown_order_shows_nothing() -> None:
    world = world_with_proof()
    problem(world.call("GET", path_of(world, line_id="9"), key=None), 404, "proof_not_known")
    world.vault.erase("demo", OWN)
    problem(world.call("GET", path_of(world), key=None), 410, "order_erased")


def test_links_are_counted_by_address_so_that_nobody_can_try_them_all() -> None:
    world = World(limits={"proof": 2})
    path = path_of(world)
    answers: list[httpx.Response] = [world.call("GET", path, key=None) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
